"""Cuts along one axis: classes as a strip, outputs as lines, draws as bands."""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np
import numpy.typing as npt
import xarray
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure

from . import classes, maps, source, style
from .picture import Table, thinned
from .words import label, listing, number, percent, plain, quantity, span, spoken, symbol_of, unit_of, values_of

Array = npt.NDArray[Any]


def draw_lines(part: source.Part, show: Sequence[str] = ()) -> tuple[Figure, str, Table]:
    cells, x = part.cells, part.x
    codes = source.codes_over(cells, (x,))
    xs, edges, scale = source.coordinate(cells, x)
    groups = groups_of(cells, x, show)
    figure = style.new_figure(6.6, 1.5 + 1.75 * len(groups))
    axes = figure.subplots(1 + len(groups), 1, sharex=True, squeeze=False, height_ratios=[0.14] + [1.0] * len(groups))
    panels = [row[0] for row in axes]
    panels[-1].set_xscale(scale)
    panels[-1].set_xlim(edges[0], edges[-1])
    draw_strip(panels[0], codes, xs, edges)
    for ax, group in zip(panels[1:], groups):
        draw_group(ax, cells, group, xs)
        for first, last in maps.runs(~classes.has_values(codes)):
            ax.axvspan(
                edges[first],
                edges[last],
                facecolor=style.NO_VALUE,
                edgecolor=style.FAINT,
                hatch="////",
                linewidth=0,
                zorder=0,
            )
    panels[-1].set_xlabel(label(cells[x]))
    style.ticks(panels[-1].xaxis, scale)
    figure.align_ylabels(panels[1:])
    style.class_legend(figure, codes, source.class_words(cells), where="lower")
    return (figure, *describe_lines(cells, x, codes, [name for group in groups for name in group]))


def groups_of(cells: xarray.Dataset, x: str, show: Sequence[str]) -> list[list[str]]:
    """Outputs by panel: the two of a map, and all concentrations of the model's states together."""
    names = source.shown_outputs(cells, (x,), show)
    if source.SHARE in source.outputs_over(cells, (x,)) and source.SHARE not in names and not show:
        names = [source.SHARE, *names]
    groups = [[name] for name in names]
    means = source.layout_of(cells) == "bins"
    inner = [
        name
        for name in source.outputs_over(cells, (x,))
        if cells[name].attrs.get("units") == "mol m-3"
        and name not in names
        and not source.is_minor(cells[name])
        and (name.endswith("_mean") if means else True)
    ]
    if inner and not show:
        groups.insert(len(groups) - 1 if len(groups) > 1 else len(groups), inner)
    return groups


def draw_strip(ax: Axes, codes: Array, xs: Array, edges: Array) -> None:
    """The classes, hatched, as a strip above the lines."""
    ax.pcolormesh(
        edges,
        [0, 1],
        codes[None, :],
        cmap=ListedColormap(classes.COLOURS),
        norm=Normalize(-0.5, len(classes.NAMES) - 0.5),
    )
    for name, (_, hatch, _) in classes.CLASSES.items():
        for first, last in maps.runs(codes == classes.CODES[name]) if hatch else ():
            ax.axvspan(edges[first], edges[last], facecolor="none", edgecolor="#00000080", hatch=hatch * 2, linewidth=0)
    for where in np.nonzero(codes == classes.CODES["equilibrium"])[0] if len(xs) > 20 else ():
        ax.plot(
            xs[where],
            0.5,
            "o",
            color=classes.CLASSES["equilibrium"].colour,
            markeredgecolor="white",
            markersize=5,
            clip_on=False,
            zorder=5,
        )
    ax.set_yticks([])
    ax.tick_params(axis="x", which="both", length=0)


def band_of(cells: xarray.Dataset, name: str) -> tuple[Array, Array, str] | None:
    """How far the draws spread about a median or mean, in units for people, and what that is called."""
    base, factor = name.removesuffix("_mean"), unit_of(cells[name]).factor
    if f"{base}_q05" in cells and f"{base}_q95" in cells:
        low, high = (cells[f"{base}_{q}"].values * factor for q in ("q05", "q95"))
        return low, high, "5 to 95 % of the draws"
    if name.endswith("_mean") and f"{base}_sd" in cells:
        middle, sd = cells[name].values * factor, cells[f"{base}_sd"].values * factor
        return middle - sd, middle + sd, "± standard deviation of the draws"
    return None


def draw_group(ax: Axes, cells: xarray.Dataset, group: Sequence[str], xs: Array) -> None:
    for i, name in enumerate(group):
        colour, _, dashes = style.series(i)
        values = values_of(cells[name])
        gap = ~np.isfinite(np.pad(values, 1, constant_values=np.nan))
        is_alone = ~gap[1:-1] & gap[:-2] & gap[2:]
        ax.plot(
            xs,
            values,
            color=colour,
            linestyle=dashes,
            linewidth=1.6,
            label=symbol_of(cells[name].rename(name.removesuffix("_mean"))),
        )
        # a value between two gaps has no line
        ax.plot(xs[is_alone], values[is_alone], ".", color=colour, markersize=4)
        if (band := band_of(cells, name)) and len(group) == 1:
            ax.fill_between(xs, band[0], band[1], color=colour, alpha=0.2, linewidth=0, label=band[2])
    if len(group) > 1:
        ax.set_ylabel(f"concentration ({unit_of(cells[group[0]]).label})")
    else:
        ax.set_ylabel(style.folded(label(cells[group[0]], is_short=True), 22))
    if len(group) > 1 or ax.collections:
        ax.legend(frameon=False, loc="best", ncols=min(len(group), 4), columnspacing=1.0, handlelength=2.2)
    values = np.concatenate([values_of(cells[name]) for name in group])
    if group[0] == source.SHARE:
        ax.set_ylim(-3.0, 103.0)
    elif source.is_wide(values):
        low, high = source.log_limits(values)
        ax.set_yscale("log")
        ax.set_ylim(low / 2, high * 2)
        style.log_ticks_within(ax.yaxis, low, high)
    else:
        style.ticks(ax.yaxis, "linear", 5)
    ax.grid(alpha=0.25, linewidth=0.6)


def describe_lines(cells: xarray.Dataset, x: str, codes: Array, names: Sequence[str]) -> tuple[str, Table]:
    called, n = source.class_words(cells), codes.size
    shares = [f"{called[name]} {percent(k / n)}" for name, k in classes.present(codes)]
    found = []
    for name in names:
        values = source.settled(values_of(cells[name]))
        known = np.flatnonzero(np.isfinite(values))
        if known.size and len(found) < 3:
            first, last = number(float(values[known[0]])), quantity(
                float(values[known[-1]]), unit_of(cells[name]).label
            )
            found.append(f"{spoken(cells[name])} goes from {first} to {last}")
    text = f"Cut along {span(cells[x])}: {', '.join(shares)}."
    if found:
        text += f" From the first value to the last, {listing(found)}."
    columns = [source.settled(values_of(cells[name])) for name in (x, *names)]
    rows = [
        [
            number(float(columns[0][i])),
            called[classes.NAMES[codes[i]]],
            *(number(float(column[i])) for column in columns[1:]),
        ]
        for i in range(n)
    ]
    return text, Table([plain(cells[x]), "outcome", *(plain(cells[name]) for name in names)], thinned(rows))
