"""Distributions by class: what was drawn, and what came out, as stacked histograms; of a summary, its quantiles."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Sequence

import numpy as np
import numpy.typing as npt
import xarray
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..errors import Refused
from . import boundary, classes, source, style
from .picture import Table, thinned
from .words import count, label, listing, number, percent, plain, quantity, symbol_of, unit_of

Array = npt.NDArray[Any]
MOST_PANELS = 6
MOST_BINS = 40


class Column(NamedTuple):
    """A number for each point, in units for people."""

    name: str
    text: str
    plain: str
    unit: str
    values: Array


def draw_distributions(cells: xarray.Dataset, show: Sequence[str] = ()) -> tuple[Figure, str, Table]:
    layout = source.layout_of(cells)
    if layout == "summary":
        return draw_summary(cells, show)
    if layout == "bins":
        return draw_bins(cells, show)
    return draw_points(cells, show)


# --- points -----------------------------------------------------------------------------------------------------


def points_of(cells: xarray.Dataset) -> tuple[Array, list[Column], list[Column]]:
    """Classes of all points, what was put in and varies, and what came out."""
    prefix = "vertex_" if source.layout_of(cells) == "segments" else ""
    outcome = cells[f"{prefix}outcome"]
    codes = classes.codes_of(outcome.values).reshape(-1)

    def column(variable: xarray.DataArray) -> Column:
        name = str(variable.name).removeprefix(prefix)
        variable = variable.rename(name)
        # its own dimensions in the order of the points, others of length one
        own = variable.variable.set_dims({dim: variable.sizes.get(dim, 1) for dim in outcome.dims})
        values = np.broadcast_to(own.transpose(*outcome.dims).values.astype(float), outcome.shape).reshape(-1)
        unit = unit_of(variable)
        return Column(name, label(variable), plain(variable), unit.label, values * unit.factor)

    numbers = {
        str(n): v
        for n, v in cells.variables.items()
        if v.dims
        and set(v.dims) <= set(outcome.dims)
        and np.issubdtype(v.dtype, np.floating)
        and str(n).startswith(prefix)
    }
    put_in = [n for n in numbers if n in cells.coords or prefix and f"boundary_{n.removeprefix(prefix)}" in cells]
    inputs = [column(cells[n]) for n in put_in]
    outputs = [column(cells[n]) for n in numbers if n not in put_in and not source.is_minor(cells[n])]
    return codes, [c for c in inputs if np.ptp(c.values) > 0], outputs


def draw_points(cells: xarray.Dataset, show: Sequence[str]) -> tuple[Figure, str, Table]:
    codes, inputs, outputs = points_of(cells)
    columns = chosen(cells, codes, inputs, outputs, show)
    if not columns:
        raise Refused("nothing varies in this file, and it holds no output: there is no distribution to draw")
    figure, panels = grid_of(len(columns))
    for ax, column in zip(panels, columns):
        draw_histogram(ax, column, codes)
    for ax in panels[:: columns_of(len(columns))]:
        ax.set_ylabel("points")
    style.class_legend(figure, codes, source.class_words(cells))
    return (figure, *describe_points(cells, codes, columns))


def chosen(
    cells: xarray.Dataset, codes: Array, inputs: Sequence[Column], outputs: Sequence[Column], show: Sequence[str]
) -> list[Column]:
    """Three inputs that part the classes most, and outputs; outputs alone where all points are of one class."""
    known = {column.name: column for column in (*inputs, *outputs)}
    if show:
        return [known[name] for name in source.asked_outputs(list(known), show)]
    found = [c for c in outputs if np.isfinite(c.values).any()]
    found = sorted(found, key=lambda c: c.name not in ("V", "ell", "sigma_total", "Tsigma_total"))
    groups = [codes == classes.CODES[name] for name, _ in classes.present(codes)]
    if len(groups) < 2:
        return [*found, *inputs][:MOST_PANELS] if found else list(inputs)[:MOST_PANELS]
    apart = {c.name: max(boundary.distance(c.values[mask], c.values[~mask]) for mask in groups) for c in inputs}
    parted = sorted(inputs, key=lambda c: -apart[c.name])
    n_inputs = max(3, MOST_PANELS - len(found))
    return [*parted[:n_inputs], *found][:MOST_PANELS]


def edges_of(values: Array, n_bins: int) -> tuple[Array, bool]:
    """Edges of bins, even on the scale that shows the values."""
    known = values[np.isfinite(values)]
    if known.size == 0:
        return np.array([0.0, 1.0]), False
    is_log = source.is_wide(known) or known.min() > 0 and known.max() > 50 * known.min()
    low, high = (known[known > 0].min() if is_log else known.min()), known.max()
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        half = 0.5 * (abs(low) or 1.0)
        return np.linspace(low - half, low + half, 4), False
    return (np.geomspace if is_log else np.linspace)(low, high, n_bins + 1), is_log


def draw_histogram(ax: Axes, column: Column, codes: Array) -> None:
    """Stacked by class, the most frequent at the bottom."""
    n_different = len(np.unique(column.values[np.isfinite(column.values)][:10000]))
    n_bins = int(np.clip(2.0 * codes.size ** (1 / 3), 8, MOST_BINS))
    edges, is_log = edges_of(column.values, min(n_bins, max(n_different, 1)) if n_different <= n_bins else n_bins)
    bottom = np.zeros(len(edges) - 1)
    for name, _ in classes.present(codes):
        mask = (codes == classes.CODES[name]) & np.isfinite(column.values)
        values = np.clip(column.values[mask], edges[0], edges[-1])
        heights = np.histogram(values, edges)[0]
        add_bars(ax, edges, heights, bottom, name)
        bottom += heights
    if not bottom.any():
        ax.text(0.5, 0.5, "no values here", transform=ax.transAxes, ha="center")
    finish(ax, edges, is_log, column.text)


def add_bars(ax: Axes, edges: Array, heights: Array, bottom: Array, name: str) -> None:
    if heights.any():
        colour, hatch, _ = classes.CLASSES[name]
        # one outline: those of many narrow bars would cover their colours
        ax.stairs(
            np.where(heights > 0, bottom + heights, np.nan),
            edges,
            baseline=bottom.copy(),
            fill=True,
            facecolor=colour,
            hatch=hatch,
            edgecolor=style.INK if hatch else colour,
            linewidth=0.3,
        )


def finish(ax: Axes, edges: Array, is_log: bool, text: str) -> None:
    if is_log:
        ax.set_xscale("log")
        style.log_ticks_within(ax.xaxis, edges[0], edges[-1])
    else:
        style.ticks(ax.xaxis, "linear", 5)
    ax.set_xlim(edges[0], edges[-1])
    ax.set_xlabel(folded(text))
    style.ticks(ax.yaxis, "linear", 4)
    ax.ticklabel_format(axis="y", scilimits=(-2, 4), useMathText=True)
    style.open_sides(ax)


def folded(text: str) -> str:
    """A label on two lines: what it is, then its symbol and unit."""
    words, _, sign = text.rpartition("  ")
    return f"{words}\n{sign}" if words else sign


def columns_of(n: int) -> int:
    return 2 if n in (2, 4) else min(n, 3)


def grid_of(n: int) -> tuple[Figure, list[Axes]]:
    columns = columns_of(n)
    lines = math.ceil(n / columns)
    figure = style.new_figure(0.5 + 3.0 * columns, 0.9 + 2.1 * lines)
    panels = list(figure.subplots(lines, columns, squeeze=False).flat)
    for ax in panels[n:]:
        ax.set_visible(False)
    return figure, panels[:n]


def describe_points(cells: xarray.Dataset, codes: Array, columns: Sequence[Column]) -> tuple[str, Table]:
    called, n = source.class_words(cells), codes.size
    found = classes.present(codes)
    text = f"Distributions of {listing([c.name for c in columns])} by class over {count(n)} points: "
    text += ", ".join(f"{called[name]} {percent(k / n)}" for name, k in found) + "."
    rows = []
    for column in columns:
        for name, _ in found:
            values = column.values[codes == classes.CODES[name]]
            values = values[np.isfinite(values)]
            if values.size:
                low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
                rows.append(
                    [
                        column.plain,
                        called[name],
                        count(values.size),
                        number(low),
                        number(middle),
                        number(high),
                    ]
                )
    medians = [
        f"the median of {c.name} is {quantity(float(np.nanmedian(c.values)), c.unit)}"
        for c in columns
        if np.isfinite(c.values).any() and c.name in cells.data_vars
    ]
    if medians:
        joined = listing(medians[:3])
        text += f" {joined[0].upper()}{joined[1:]}."
    return text, Table(["of", "class", "points", "5 %", "median", "95 %"], thinned(rows))


# --- bins -------------------------------------------------------------------------------------------------------


def draw_bins(cells: xarray.Dataset, show: Sequence[str]) -> tuple[Figure, str, Table]:
    """Along each axis of the bins, how many points of which class."""
    axes = source.asked_outputs(source.axes_of(cells), show) or source.axes_of(cells)
    counts = cells["count"].reindex(outcome=classes.NAMES, fill_value=0)
    called, n = source.class_words(cells), int(counts.sum())
    figure, panels = grid_of(len(axes))
    totals = counts.sum([dim for dim in counts.dims if dim != "outcome"]).values
    order = sorted(np.flatnonzero(totals), key=lambda code: -totals[code])
    rows = []
    for ax, axis in zip(panels, axes):
        values, edges, scale = source.coordinate(cells, axis)
        along = (
            counts.sum([dim for dim in counts.dims if dim not in ("outcome", axis)]).transpose(axis, "outcome").values
        )
        if edges[0] > edges[-1]:
            edges, along, values = edges[::-1], along[::-1], values[::-1]
        bottom = np.zeros(len(values))
        for code in order:
            add_bars(ax, edges, along[:, code], bottom, classes.NAMES[code])
            bottom += along[:, code]
        finish(ax, edges, scale == "log", label(cells[axis]))
        rows += [
            [plain(cells[axis]), number(float(v)), *(count(int(k)) for k in along[i, order])]
            for i, v in enumerate(values)
        ]
    for ax in panels[:: columns_of(len(axes))]:
        ax.set_ylabel("points")
    style.legend(
        figure,
        [
            style.class_patch(classes.NAMES[c], f"{called[classes.NAMES[c]]} {percent(totals[c] / max(n, 1))}")
            for c in order
        ],
    )
    outside = int(cells["n_outside"]) if "n_outside" in cells else 0
    shares = [f"{called[classes.NAMES[c]]} {percent(totals[c] / max(n, 1))}" for c in order]
    text = f"Points by class along {listing([str(a) for a in axes])}: of {count(n)} points in bins {', '.join(shares)}."
    if outside:
        text += f" {count(outside)} points lie in no bin."
    return (
        figure,
        text,
        Table(["along", "at", *(called[classes.NAMES[c]] for c in order)], thinned(rows)),
    )


# --- a summary --------------------------------------------------------------------------------------------------


def draw_summary(cells: xarray.Dataset, show: Sequence[str]) -> tuple[Figure, str, Table]:
    """Counts of the classes as one bar; each output from its smallest to its largest value, with quantiles."""
    called = source.class_words(cells)
    totals = cells["count"].reindex(outcome=classes.NAMES, fill_value=0).values
    n = int(totals.sum())
    names = [str(name).removesuffix("_mean") for name in cells.data_vars if str(name).endswith("_mean")]
    minor = [name for name in names if name in source.NUMERICAL]
    chosen_names = source.asked_outputs(names, show) or [name for name in names if name not in minor][:12]
    figure = style.new_figure(6.4, 1.5 + 0.62 * (1 + len(chosen_names)))
    panels = figure.subplots(1 + len(chosen_names), 1, squeeze=False)[:, 0]
    left = 0.0
    order = sorted(np.flatnonzero(totals), key=lambda code: -totals[code])
    for code in order:
        colour, hatch, _ = classes.CLASSES[classes.NAMES[code]]
        panels[0].barh(
            0, 100.0 * totals[code] / n, left=left, facecolor=colour, hatch=hatch, edgecolor=style.INK, linewidth=0.6
        )
        left += 100.0 * totals[code] / n
    panels[0].set_xlim(0.0, 100.0)
    panels[0].set_yticks([0], ["points (%)"])
    rows = []
    for ax, name in zip(panels[1:], chosen_names):
        rows.append(draw_box(ax, cells, name))
    for ax in panels:
        style.open_sides(ax)
        ax.tick_params(axis="y", length=0)
    style.legend(
        figure,
        [style.class_patch(classes.NAMES[c], f"{called[classes.NAMES[c]]} {percent(totals[c] / n)}") for c in order],
    )
    has_quantiles = any(row[3] != "–" for row in rows)
    shares = [f"{called[classes.NAMES[c]]} {percent(totals[c] / n)}" for c in order]
    text = f"Summary of {count(n)} points: {', '.join(shares)}."
    found = [f"{row[0]} is {row[1]} on average, from {row[2]} to {row[6]}" for row in rows[:3] if row[1] != "–"]
    if found:
        text += f" {listing(found)}."
    text += (
        " Lines run from the smallest to the largest value, boxes from the first quantile to the last, "
        "bars are medians, diamonds means."
        if has_quantiles
        else " Lines run from the smallest to the largest value, "
        "boxes over the mean and its standard deviation, diamonds are means."
    )
    return (
        figure,
        text,
        Table(["of", "mean", "smallest", "low quantile", "median", "high quantile", "largest"], thinned(rows)),
    )


def draw_box(ax: Axes, cells: xarray.Dataset, name: str) -> list[str]:
    """A line, a box, a median and a mean; the same numbers as a row."""
    mean_of = cells[f"{name}_mean"]
    factor = unit_of(mean_of).factor
    value = {s: float(cells[f"{name}_{s}"]) * factor for s in ("mean", "sd", "min", "max") if f"{name}_{s}" in cells}
    quantiles = sorted(
        (float(str(v.attrs["quantile"])), float(v) * factor)
        for k, v in cells.data_vars.items()
        if str(k).startswith(f"{name}_q") and "quantile" in v.attrs
    )
    variable = mean_of.rename(name)
    low, middle, high = (quantiles[0][1], nearest_half(quantiles), quantiles[-1][1]) if quantiles else (math.nan,) * 3
    ax.set_yticks([0], [symbol_of(variable) + (f" ({unit_of(mean_of).label})" if unit_of(mean_of).label else "")])
    ax.set_ylim(-0.6, 0.6)
    if math.isfinite(value["mean"]):
        box = (
            (low, high)
            if quantiles
            else (max(value["mean"] - value["sd"], value["min"]), min(value["mean"] + value["sd"], value["max"]))
        )
        ax.plot([value["min"], value["max"]], [0, 0], color=style.INK, linewidth=1.0)
        ax.plot([value["min"], value["max"]], [0, 0], "|", color=style.INK, markersize=8)
        ax.barh(0, box[1] - box[0], left=box[0], height=0.6, facecolor="#8FCBEF", edgecolor=style.INK, linewidth=0.8)
        if math.isfinite(middle):
            ax.plot([middle, middle], [-0.3, 0.3], color=style.INK, linewidth=1.8)
        ax.plot(value["mean"], 0, "D", markerfacecolor="#D55E00", markeredgecolor="white", markersize=5)
        if value["min"] > 0 and value["max"] > 100 * value["min"]:
            ax.set_xscale("log")
            style.ticks(ax.xaxis, "log")
        else:
            style.ticks(ax.xaxis, "linear", 6)
    else:
        ax.text(0.5, 0.5, "no values", transform=ax.transAxes, ha="center", va="center")
        ax.set_xticks([])
    return [plain(variable), *(number(v) for v in (value["mean"], value["min"], low, middle, high, value["max"]))]


def nearest_half(quantiles: Sequence[tuple[float, float]]) -> float:
    return dict(quantiles).get(0.5, math.nan)
