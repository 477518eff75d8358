"""One picture of a kind, with its heading: where the modules that draw come together."""

from __future__ import annotations

from os import PathLike
from typing import Any, Mapping, Sequence

import xarray
from matplotlib.figure import Figure

from ..errors import Refused
from . import boundary, budget, course, distributions, indices, lines, maps, source, style
from .picture import Picture, Table
from .words import prose, span

Drawn = tuple[Figure, str, Table, list[str]]


def draw(
    path: str | PathLike[str], cells: xarray.Dataset, kind: str, given: Mapping[str, Any], title: str | None
) -> Picture:
    with style.styled():
        figure, text, table, notes = DRAW[kind](path, cells, kind, given)
        found, subtitle = source.heading(cells, notes)
        style.head(figure, prose(title) if title else found, subtitle)
        style.finish(figure)
    return Picture(figure, text, table)


def part_of(cells: xarray.Dataset, given: Mapping[str, Any], n_axes: int = 2) -> source.Part:
    return source.choose(cells, given.get("x"), given.get("y"), given.get("sel", ()), n_axes)


def draw_map(path: str | PathLike[str], cells: xarray.Dataset, kind: str, given: Mapping[str, Any]) -> Drawn:
    part = part_of(cells, given)
    show: Sequence[str] = given.get("show", ())
    if part.y is None:
        if "overlay" in given:
            raise Refused(f"--overlay {given['overlay']}: needs a map of two axes")
        return (*lines.draw_lines(part, show), part.notes)
    if source.layout_of(cells) == "refined":
        part.notes.append("interpolated between the solved points")
    figure, codes = maps.draw_map(part, show, given.get("overlay"))
    return (figure, *maps.describe_map(part, codes, show), part.notes)


def draw_lines(path: str | PathLike[str], cells: xarray.Dataset, kind: str, given: Mapping[str, Any]) -> Drawn:
    part = part_of(cells, given, 1)
    return (*lines.draw_lines(part, given.get("show", ())), part.notes)


def draw_probability(path: str | PathLike[str], cells: xarray.Dataset, kind: str, given: Mapping[str, Any]) -> Drawn:
    part = part_of(cells, given)
    notes = [note for note in part.notes if not note.startswith("most frequent")]
    n_draws = cells.sizes.get("draw") or (int(cells["draw"]) if "draw" in cells.coords else 0)
    notes += [f"{n_draws} draws in each cell"] if n_draws else []
    if part.y is not None:
        return (*maps.draw_probability(part), notes)
    figure, _, _ = lines.draw_lines(part, [source.SHARE])
    return (figure, *maps.describe_probability(part.cells, span(part.cells[part.x])), notes)


def draw_boundary(path: str | PathLike[str], cells: xarray.Dataset, kind: str, given: Mapping[str, Any]) -> Drawn:
    if source.layout_of(cells) == "segments":
        if given:
            raise Refused(f"--{next(iter(given))}: says nothing to a boundary on segments, which has no axes")
        return (*boundary.draw_segments(cells), [])
    part = part_of(cells, given)
    return (*boundary.draw_map(part, given.get("overlay")), part.notes)


def draw_budget(path: str | PathLike[str], cells: xarray.Dataset, kind: str, given: Mapping[str, Any]) -> Drawn:
    if source.layout_of(cells) == "trace":
        if "index" in given or "x" in given or "sel" in given:
            raise Refused("a time course is one point: its budget is drawn over time, without further options")
        figure, text, table = budget.draw_along(cells, "time", course.time_scale(cells["time"].values[1:]))
        return figure, text, table, []
    if "x" in given or "sel" in given:
        if "index" in given:
            raise Refused("--index: is one point, and --x a whole axis; leave one out")
        part = part_of(cells, given, 1)
        figure, text, table = budget.draw_along(part.cells, part.x, source.coordinate(part.cells, part.x)[2])
        return figure, text, table, part.notes
    figure, text, table, note = budget.draw_point(path, cells, given.get("index"))
    return figure, text, table, [note]


def draw_indices(path: str | PathLike[str], cells: xarray.Dataset, kind: str, given: Mapping[str, Any]) -> Drawn:
    return indices.draw_indices(cells, given.get("sel", ()), given.get("show", ()))


def draw_course(path: str | PathLike[str], cells: xarray.Dataset, kind: str, given: Mapping[str, Any]) -> Drawn:
    return course.draw_course(cells, given.get("show", ()))


def draw_distributions(path: str | PathLike[str], cells: xarray.Dataset, kind: str, given: Mapping[str, Any]) -> Drawn:
    return (*distributions.draw_distributions(cells, given.get("show", ())), [])


DRAW = {
    "map": draw_map,
    "lines": draw_lines,
    "budget": draw_budget,
    "indices": draw_indices,
    "probability": draw_probability,
    "boundary": draw_boundary,
    "course": draw_course,
    "distributions": draw_distributions,
}
