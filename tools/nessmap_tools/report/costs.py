"""What the steady states cost: the budget at the most and at the least costly point."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .. import program
from ..errors import Refused
from ..plot.words import listing
from .page import Html, code, details, heading, join, paragraph, preformatted
from .pictures import Drawn, draw
from .source import Points, Source
from .words import STEADY, points, quantity

MOST_PARAMETERS = 8  # of a point, in a sentence


class Extreme(NamedTuple):
    """The most or the least costly point, its picture or why there is none."""

    title: str
    index: int
    cost: float
    drawn: Drawn | None
    refusal: str


class Costs(NamedTuple):
    """By which output the costs are told, its unit, and the extremes."""

    name: str
    unit: str
    extremes: list[Extreme]


def _best(texts: dict[str, str]) -> str | None:
    """Of outputs with their texts, the one that tells costs best: entropy production, dissipation, power of a fuel."""
    fuels = [name for name, text in texts.items() if name.startswith("P_") and "power supplied by the fuel" in text]
    return next((name for name in ("sigma_total", "Tsigma_total", *fuels) if name in texts), None)


def _measure(source: Source) -> str | None:
    """The output that says what a point costs."""
    return _best({name: source.text(name) for name in source.outputs()})


def _extremes(kept: Points, name: str) -> list[tuple[str, int, float]]:
    values: npt.NDArray[np.float64] = kept.values(name).astype(float)
    values[~kept.is_of("ness") | ~np.isfinite(values)] = np.nan
    if np.isnan(values).all():
        return []
    found = [("most", int(np.nanargmax(values))), ("least", int(np.nanargmin(values)))]
    return [(f"The {which} costly steady state", i, float(values[i])) for which, i in found]


def find_costs(source: Source) -> Costs | None:
    """None where the file keeps no points of a known cost."""
    name = _measure(source) if source.points is not None else None
    if name is None or source.points is None:
        return None
    extremes = []
    for title, index, cost in _extremes(source.points, name):
        try:
            extremes.append(Extreme(title, index, cost, draw(source, "budget", index=index), ""))
        except Refused as refusal:
            extremes.append(Extreme(title, index, cost, None, str(refusal)))
    return Costs(name, source.unit(name) or "", extremes)


def balance_sheet(source: Source, index: int) -> Html:
    """The program's own table of one point; where it cannot be had, why."""
    arguments = ("point", "--from", source.path.name, "--index", str(index))
    line = code("nessmap " + " ".join(arguments))
    try:
        sheet = preformatted(program.ask(source.path, *arguments), f"balance sheet of point {index}")
    except Refused as refusal:
        return paragraph("Its balance sheet is not here: ", str(refusal), ". The line for it: ", line)
    return details("Its balance sheet", paragraph("Made by ", line), sheet)


def _cells(source: Source) -> Html:
    """Of bins and summaries: the costs of the extremes, without their points."""
    means = {
        str(key): str(v.attrs.get("long_name", ""))
        for key, v in source.raw.variables.items()
        if str(key).endswith("_mean")
    }
    name = _best({key.removesuffix("_mean"): text for key, text in means.items()})
    if name is None or not np.isfinite(source.raw[f"{name}_max"].values).any():
        return paragraph("The file keeps no single points, and no statistics of an output that tells costs.")
    high, low = source.raw[f"{name}_max"], source.raw[f"{name}_min"]
    unit = str(high.attrs.get("units", "1"))
    most, least = (quantity(float(value), unit) for value in (np.nanmax(high.values), np.nanmin(low.values)))
    place = ""
    if high.dims:
        at = zip(high.dims, np.unravel_index(int(np.nanargmax(high.values)), high.shape))
        cell = [f"{dim} = {quantity(float(source.raw[dim].values[i]), source.unit(str(dim)) or '')}" for dim, i in at]
        place = f", in the cell of {listing(cell)}"
    return paragraph(
        f"By {name}, the most costly point with values costs {most}{place}; the least costly {least}."
        " The file keeps no points, so their budgets are not known."
    )


def costs(source: Source, found: Costs | None, figures: list[Html]) -> Html:
    """figures: one for each extreme that is drawn, in their order"""
    if found is None and source.kind in ("cells", "summary", "indices"):
        return _cells(source)
    if found is None:
        return paragraph("The file keeps neither entropy production nor the power of a fuel, so costs are not known.")
    if not found.extremes:
        return paragraph("No point is a non-equilibrium steady state, so nothing is paid.")
    n_balanced = source.counts.get(STEADY[0], 0)
    parts: list[object] = [
        paragraph(
            f"Costs are told by {found.name} ({source.text(found.name)}), over the non-equilibrium steady states that the file"
            " keeps." + (f" The equilibrium states ({points(n_balanced)}) cost nothing." if n_balanced else "")
        )
    ]
    pictures = iter(figures)
    assert source.points is not None
    for extreme in found.extremes:
        where = [
            f"{name} = {quantity(source.points.value(name, extreme.index), source.unit(name) or '')}"
            for name in source.scanned[:MOST_PARAMETERS]
        ]
        parts += [
            heading(extreme.title),
            paragraph(
                f"Point {extreme.index}: {quantity(extreme.cost, found.unit)}"
                + (f", at {listing(where)}." if where else ".")
            ),
            next(pictures) if extreme.drawn else paragraph(f"Its budget is not drawn: {extreme.refusal}."),
            balance_sheet(source, extreme.index),
        ]
    return join(parts)
