"""A refined boundary: on a map of two axes with the classes on both sides, or where along each parameter it lies.

On segments through many parameters each parameter has two histograms, of the ends of all segments (what was drawn) and
of the boundary: where they part, the parameter decides. The two that lean on each other most on the boundary are drawn
against each other, too. Histograms come first: a pair shows the boundary only where few parameters have a say.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, Sequence

import numpy as np
import numpy.typing as npt
import xarray
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from . import maps, source, style
from .picture import Table, thinned
from .words import count, label, listing, number, percent, plain, plural, quantity, span, symbol, unit_of, values_of

Array = npt.NDArray[Any]
# of pairs of sides: dark on the light classes, apart by form
PAIRS = [("#000000", "."), ("#B2182B", "x"), ("#2166AC", "+"), ("#762A83", "1"), ("#1B7837", "2"), ("#8C510A", "3")]
MOST_PANELS = 6


def sides(cells: xarray.Dataset) -> list[tuple[str, Array]]:
    """Pairs of classes that meet, the most frequent first, with the points of the boundary between them."""
    called = source.class_words(cells)
    is_outcome = cells.attrs.get("nessmap_refine_class", "outcome") == "outcome"
    if is_outcome or "boundary_class_from" not in cells:
        ends = [cells[f"boundary_outcome_{end}"].values for end in ("from", "to")]
        ends = [np.array([called[str(name)] for name in end], dtype=object) for end in ends]
    else:
        ends = [
            np.array([str(name).replace("_", " ") for name in cells[f"boundary_class_{end}"].values], dtype=object)
            for end in ("from", "to")
        ]
    pairs = [" | ".join(sorted(pair)) for pair in zip(*ends)]
    words, numbers = np.unique(pairs, return_inverse=True) if pairs else (np.array([]), np.array([]))
    found = [(str(word), np.flatnonzero(numbers == k)) for k, word in enumerate(words)]
    return sorted(found, key=lambda item: -len(item[1]))


def level_of(cells: xarray.Dataset) -> str:
    """What separates the sides, in words."""
    name = str(cells.attrs.get("nessmap_refine_class", "outcome"))
    if name in ("outcome", "steady"):
        return "outcomes" if name == "outcome" else "steady and not"
    unit = unit_of(cells[name] if name in cells else cells[f"vertex_{name}"])
    threshold = quantity(float(cells.attrs["nessmap_refine_threshold"]) * unit.factor, unit.label)
    return f"{name} above and below {threshold}"


def half_widths(cells: xarray.Dataset) -> str:
    widths = cells["boundary_half_width"].values
    if widths.size == 0:
        return ""
    most, worst = number(2 * float(np.median(widths)), 1), number(2 * float(widths.max()), 1)
    text = f"each lies between two solved sets of different classes that are {most} of the axis apart"
    return text + (f" (at most {worst})" if worst != most else "")


def draw_map(part: source.Part, overlay: str | None) -> tuple[Figure, str, Table]:
    """The boundary over both axes of a refinement, on its picture of classes."""
    cells, x, y, _ = part
    assert y is not None
    codes = source.codes_over(cells, (y, x))
    frame = maps.Frame(cells, x, y)
    figure = style.new_figure(5.8, 5.2)
    ax = figure.subplots()
    frame.dress(ax)
    extra = maps.overlay_lysis(ax, cells, x, y) if overlay == "lysis" else []
    maps.class_panel(ax, frame, codes)
    ax.set_title("")
    at = [cells[f"boundary_{name}"].values * unit_of(cells[name]).factor for name in (x, y)]
    for i, (text, points) in enumerate(sides(cells)):
        colour, marker = PAIRS[i % len(PAIRS)]
        look: dict[str, Any] = {"marker": marker, "linestyle": "", "color": colour, "markeredgewidth": 0.8}
        ax.plot(at[0][points], at[1][points], markersize=2.0 if marker == "." else 3.0, zorder=8, **look)
        extra.append(Line2D([], [], label=f"{text} ({count(len(points))})", markersize=6, **look))
    style.class_legend(figure, codes, source.class_words(cells), extra)
    return (figure, *describe(cells, [x, y], f"over {span(cells[x])} and {span(cells[y])}"))


def parameters(cells: xarray.Dataset) -> list[str]:
    """Parameters that segments run through."""
    found = [str(name).removeprefix("boundary_") for name in cells.variables if str(name).startswith("boundary_")]
    return [name for name in found if f"vertex_{name}" in cells and cells[f"boundary_{name}"].dtype.kind == "f"]


def scaled(values: Array) -> tuple[Array, bool]:
    """Values on the scale that spreads them evenly: logarithms of what is positive over more than a decade."""
    is_log = bool(values.size and values.min() > 0 and values.max() > 10 * values.min())
    return (np.log10(values) if is_log else values), is_log


def draw_segments(cells: xarray.Dataset) -> tuple[Figure, str, Table]:
    names = parameters(cells)
    ends = {name: cells[f"vertex_{name}"].values * unit_of(cells[f"vertex_{name}"]).factor for name in names}
    points = {name: cells[f"boundary_{name}"].values * unit_of(cells[f"boundary_{name}"]).factor for name in names}
    apart = {name: distance(ends[name], points[name]) for name in names}
    shown = sorted(names, key=lambda name: -apart[name])[:MOST_PANELS]
    pair = closest_pair(points, shown)
    n = len(shown) + (pair is not None)
    columns = min(n, 3 if n != 4 else 2)
    lines = math.ceil(n / columns)
    figure = style.new_figure(0.4 + 2.9 * columns, 1.0 + 2.3 * lines)
    panels = figure.subplots(lines, columns, squeeze=False)
    for ax, name in zip(panels.flat, shown):
        draw_histograms(ax, label(cells[f"vertex_{name}"], is_short=True), name, ends[name], points[name])
    if pair:
        draw_pair(panels.flat[len(shown)], cells, pair, points)
    for ax in panels.flat[n:]:
        ax.set_visible(False)
    for row in panels:
        row[0].set_ylabel("share of the points (%)")
    if pair and len(shown) % columns == 0:
        panels.flat[len(shown)].set_ylabel(label(cells[f"vertex_{pair[1]}"], is_short=True).replace("vertex", ""))
    style.legend(figure, panels.flat[0].get_legend_handles_labels()[0])
    crossing = cells.attrs.get("nessmap_refine_crossing_share")
    over = f"on {plural(cells.sizes['vertex'] // 2, 'random segment')}"
    if crossing is not None:
        over += f" ({percent(float(crossing))} of them cross it)"
    text, table = describe(cells, names, over)
    if shown:
        text += f" It leans most on {shown[0]}."
    return figure, text, table


def distance(a: Array, b: Array) -> float:
    """Largest distance of two distributions (Kolmogorov and Smirnov)."""
    if a.size == 0 or b.size == 0:
        return 0.0
    at = np.sort(np.concatenate([a, b]))
    return float(
        np.abs(
            np.searchsorted(np.sort(a), at, "right") / a.size - np.searchsorted(np.sort(b), at, "right") / b.size
        ).max()
    )


def closest_pair(points: dict[str, Array], names: Sequence[str]) -> tuple[str, str] | None:
    """The two parameters that are correlated most on the boundary."""
    best, found = 0.0, None
    for a, b in itertools.combinations(names, 2):
        first, second = scaled(points[a])[0], scaled(points[b])[0]
        if first.size > 2 and first.std() > 0 and second.std() > 0:
            strength = abs(float(np.corrcoef(first, second)[0, 1]))
            if strength > best:
                best, found = strength, (a, b)
    return found


def draw_histograms(ax: Axes, text: str, name: str, ends: Array, points: Array) -> None:
    at, is_log = scaled(np.concatenate([ends, points]))
    bins: Any = np.linspace(at.min(), at.max(), 25) if at.size and at.max() > at.min() else 1
    if is_log:
        bins = 10.0**bins
    for values, look in (
        (
            ends,
            {
                "histtype": "stepfilled",
                "facecolor": style.NO_VALUE,
                "edgecolor": style.FAINT,
                "label": "ends of the segments",
            },
        ),
        (points, {"histtype": "step", "edgecolor": "#0072B2", "linewidth": 1.6, "label": "boundary"}),
    ):
        ax.hist(values, bins=bins, weights=np.full(values.size, 100.0 / max(values.size, 1)), **look)
    if is_log:
        ax.set_xscale("log")
        style.log_ticks_within(ax.xaxis, *ax.get_xlim())
    ax.set_xlabel(text.replace(symbol(f"vertex_{name}"), symbol(name)))
    style.open_sides(ax)


def draw_pair(ax: Axes, cells: xarray.Dataset, pair: tuple[str, str], points: dict[str, Array]) -> None:
    ax.plot(points[pair[0]], points[pair[1]], ".", color="#0072B2", markersize=2.0, alpha=0.6, rasterized=True)
    for axis, name, set_scale, set_label in (
        (ax.xaxis, pair[0], ax.set_xscale, ax.set_xlabel),
        (ax.yaxis, pair[1], ax.set_yscale, ax.set_ylabel),
    ):
        if scaled(points[name])[1]:
            set_scale("log")
            style.log_ticks_within(axis, points[name].min(), points[name].max())
        set_label(label(cells[f"vertex_{name}"], is_short=True).replace(symbol(f"vertex_{name}"), symbol(name)))
    style.open_sides(ax)


def describe(cells: xarray.Dataset, names: Sequence[str], over: str) -> tuple[str, Table]:
    found = sides(cells)
    n = cells.sizes["boundary"]
    text = f"{plural(n, 'point')} of a boundary between {level_of(cells)} {over}"
    text += (
        f": {listing([f'{words} ({count(len(points))})' for words, points in found])}."
        if found
        else ": no two classes meet."
    )
    if n:
        widths = half_widths(cells)
        text += f" {widths[0].upper()}{widths[1:]}."
    rows = []
    for words, points in found:
        for name in names:
            variable = cells[f"boundary_{name}"]
            low, middle, high = source.spread(values_of(variable)[points])
            rows.append([words, count(len(points)), plain(variable).removeprefix("boundary_"), low, middle, high])
    return text, Table(["classes on both sides", "points", "where", "lowest", "median", "highest"], thinned(rows))
