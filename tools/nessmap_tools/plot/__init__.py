"""Pictures of every file that nessmap writes. Matplotlib is needed when something is drawn, not before.

    kinds(path)               the kinds of picture that a file can be drawn as, the best first
    draw(path, kind, ...)     -> Picture: a Matplotlib figure, what it shows in words, its numbers as a table

`nessmap-plot FILE [KIND]` is the same on the command line.
"""

from __future__ import annotations

from os import PathLike, fspath
from typing import Sequence

from ..errors import Refused
from . import source
from .picture import MOST_ROWS, Picture, Table

__all__ = ["KINDS", "MOST_ROWS", "Picture", "Table", "draw", "kinds"]

# kind: what it shows, and the options that say something to it
KINDS = {
    "map": ("classes of outcomes over two axes, two outputs beside them", {"x", "y", "sel", "show", "overlay"}),
    "lines": ("outputs along one axis", {"x", "sel", "show"}),
    "budget": ("fluxes and power of one point, or dissipation along an axis (--x)", {"index", "x", "sel"}),
    "indices": ("sensitivity indices with their intervals", {"sel", "show"}),
    "probability": ("the share of draws with a steady state", {"x", "y", "sel"}),
    "boundary": ("a refined boundary and the classes on its sides", {"x", "y", "overlay"}),
    "course": ("a time course and the state that it ends in", {"show"}),
    "distributions": ("histograms by class", {"show"}),
}


def kinds(path: str | PathLike[str]) -> list[str]:
    """The kinds of picture that a file can be drawn as without options, the best first; raises Refused."""
    with source.open_cells(path) as cells:
        return source.kinds_of(cells)


def draw(
    path: str | PathLike[str],
    kind: str | None = None,
    *,
    x: str | None = None,
    y: str | None = None,
    sel: Sequence[str] = (),
    show: Sequence[str] = (),
    overlay: str | None = None,
    index: str | int | None = None,
    title: str | None = None,
) -> Picture:
    """Draws a file.

    path     NetCDF file of nessmap, of any layout
    kind     one of KINDS; left out: the first of `kinds` that the options say something to
    x, y     axes from left to right and from bottom to top; left out: the first axes of the file
    sel      "NAME=VALUE" in the unit of the file (SI): where other axes are held; left out: at their middle
    show     outputs to draw
    overlay  "lysis": the lysis boundary of pump_leak in closed form
    index    number of a point, or "3,5"; its budget needs the program nessmap
    title    heading; left out: the title of the file

    The figure is not pyplot's: it goes when it is no longer used. Raises Refused with one sentence.
    """
    given = {n: v for n, v in (("x", x), ("y", y), ("sel", sel), ("show", show), ("overlay", overlay)) if v}
    if index is not None:
        given["index"] = index
    if kind is not None and kind not in KINDS:
        raise Refused(f"there is no picture of the kind {kind}: the kinds are {', '.join(KINDS)}")
    try:
        from . import drawing
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        raise Refused("pictures need Matplotlib: pip install 'nessmap-tools[plot]'") from None
    with source.open_cells(path) as cells:
        chosen = choose_kind(fspath(path), source.kinds_of(cells), source.layout_of(cells), kind, set(given))
        return drawing.draw(path, cells, chosen, given, title)


def choose_kind(path: str, found: Sequence[str], layout: str | None, kind: str | None, given: set[str]) -> str:
    """The kind to draw: the one asked for, where the file can be drawn so and the options say something to it."""
    what = source.LAYOUTS[str(layout)]
    can = [*found, *(["budget"] if "index" in given and layout != "trace" and "budget" not in found else [])]
    if not can:
        raise Refused(f"{path}: is {what} of a single point; its budget needs --index N")
    if kind is None:
        fitting = [name for name in can if given <= KINDS[name][1]]
        if not fitting:
            wrong = ", ".join(f"--{name}" for name in sorted(given))
            raise Refused(f"{path}: is {what}, drawn as {', '.join(can)}; {wrong} says nothing to any of them")
        return fitting[0]
    if kind not in can and kind != "budget":
        raise Refused(f"{path}: is {what}, which cannot be drawn as {kind}, but as {', '.join(can)}")
    if wrong := given - KINDS[kind][1]:
        raise Refused(f"--{sorted(wrong)[0]}: says nothing to a picture of the kind {kind}")
    return kind
