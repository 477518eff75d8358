"""Sensitivity indices with their intervals: what decides an output, and what decides whether a cell lives.

Sobol: the total index in light, the first-order index in dark. Morris: the mean size of the elementary effects, and
their standard deviation as a diamond. DGSM: the upper bound of the total index, which says nothing above 1.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Sequence

import numpy as np
import numpy.typing as npt
import xarray
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..errors import Refused
from . import source, style
from .picture import MOST_ROWS, Table, thinned
from .words import listing, number, percent, quantity, symbol, unit_of

MOST_PANELS = 9


class Measure(NamedTuple):
    name: str
    colour: str
    text: str


MEASURES = {
    "sobol": [Measure("ST", "#8FCBEF", "total"), Measure("S1", "#0072B2", "first order")],
    "morris": [
        Measure("mu_star", "#8FCBEF", "mean size of the effect"),
        Measure("sigma", "#D55E00", "standard deviation"),
    ],
    "dgsm": [Measure("ST_bound", "#8FCBEF", "upper bound of the total index")],
}
OUTCOMES = {
    "steady": "whether there is a steady state",
    "growth": "whether it grows without end",
    "depletion": "whether a species runs out",
    "failed": "whether it could be solved",
}


def axes_of(cells: xarray.Dataset) -> list[str]:
    """Axes of a file of indices: each cell has indices of its own."""
    return [str(d) for d in cells.dims if d not in ("input", "other_input", "outcome", "flag", "failed")]


def draw_indices(
    cells: xarray.Dataset, sel: Sequence[str], show: Sequence[str]
) -> tuple[Figure, str, Table, list[str]]:
    """A panel for each output and outcome that varies, a bar for each input; also what is said of the axes."""
    kind = str(cells.attrs["nessmap_reduce"])
    axes = axes_of(cells)
    cells, notes = source.held(cells, axes, source.selected(cells, axes, sel))
    names = quantities(cells, kind, show)
    shown = names[:MOST_PANELS]
    inputs = [str(name) for name in cells["input"].values]
    columns = 2 if len(shown) == 4 else min(len(shown), 3)
    lines = math.ceil(len(shown) / columns)
    figure = style.new_figure(1.1 + 2.9 * columns, 1.2 + lines * (0.75 + 0.25 * len(inputs)))
    panels = figure.subplots(lines, columns, sharey=True, squeeze=False)
    for ax, name in zip(panels.flat, shown):
        draw_panel(ax, cells, kind, name, np.arange(len(inputs)))
    for ax in panels.flat[len(shown) :]:
        ax.set_visible(False)
    first = panels.flat[0]
    first.set_yticks(np.arange(len(inputs)), [symbol(name) for name in inputs])
    first.set_ylim(len(inputs) - 0.4, -0.6)
    handles, texts = first.get_legend_handles_labels()
    for handle, text in zip(handles, texts):
        handle.set_label(text)
    style.legend(figure, handles)
    return (figure, *describe_indices(cells, kind, names, shown, inputs), notes)


def quantities(cells: xarray.Dataset, kind: str, asked: Sequence[str]) -> list[str]:
    """Outputs and outcomes with indices, in the order of the file; those that do not vary are left out."""
    have: list[str] = []
    for measure in MEASURES[kind]:
        first = measure.name + "_"
        have = have or [
            str(name)[len(first) :]
            for name in cells.data_vars
            if str(name).startswith(first) and f"{measure.name}_conf_{str(name)[len(first):]}" in cells
        ]
    for name in asked:
        if name not in have:
            raise Refused(f"--show {name}: this file has indices of {', '.join(have)}")
    vary = [name for name in asked or have if float(cells[f"variance_{name}"]) > 0.0]
    if not vary:
        raise Refused("nothing varies in this file: no output has an index")
    return vary


def measured(cells: xarray.Dataset, kind: str, name: str) -> list[tuple[Measure, npt.NDArray[Any], npt.NDArray[Any]]]:
    """Values and half widths of the measures of an output, in units for people."""
    found = []
    for measure in MEASURES[kind]:
        if f"{measure.name}_{name}" in cells:
            variable = cells[f"{measure.name}_{name}"]
            factor = unit_of(variable).factor if kind == "morris" else 1.0
            widths = cells[f"{measure.name}_conf_{name}"].values
            found.append((measure, factor * variable.values, factor * np.nan_to_num(widths)))
    return found


def heading(cells: xarray.Dataset, name: str) -> str:
    mean = float(cells[f"mean_{name}"])
    if name in OUTCOMES:
        return f"{OUTCOMES[name]}: {percent(mean)}"
    unit = unit_of(cells[f"mean_{name}"])
    return f"{symbol(name)}, mean {quantity(mean * unit.factor, unit.label)}"


def draw_panel(ax: Axes, cells: xarray.Dataset, kind: str, name: str, rows: npt.NDArray[Any]) -> None:
    widest = 0.0
    for rank, (measure, values, widths) in enumerate(measured(cells, kind, name)):
        widest = max(widest, float(widths.max()))
        if measure.name == "sigma":
            ax.plot(
                values,
                rows,
                "D",
                color=measure.colour,
                markersize=5,
                markeredgecolor="white",
                label=measure.text,
                zorder=4,
            )
            continue
        ax.barh(rows, values, height=0.74 - 0.34 * rank, color=measure.colour, label=measure.text, zorder=2 + rank)
        ax.errorbar(values, rows, xerr=widths, fmt="none", ecolor="black", elinewidth=1.0, capsize=2.0, zorder=5)
    ax.set_title(heading(cells, name))
    ax.grid(axis="x", alpha=0.3, linewidth=0.6)
    if kind == "dgsm":  # a bound says nothing above 1
        ax.set_xlim(0.0, 1.0)
        ax.set_xlabel("share of the variance, at most")
        for row in np.flatnonzero(measured(cells, kind, name)[0][1] > 1.0):
            ax.text(0.98, row, "above 1", ha="right", va="center", fontsize=style.SMALLEST, zorder=6)
    elif kind == "sobol":
        low, high = ax.get_xlim()
        ax.set_xlim(min(0.0, max(low, -0.2)), max(1.0, min(high, 1.2)))
        ax.set_xlabel("share of the variance")
        if widest > 0.5:
            ax.text(
                0.97,
                0.5,
                "not determined:\nthis sample is too small\nor the variance infinite",
                ha="right",
                va="center",
                transform=ax.transAxes,
                bbox={"facecolor": "white", "edgecolor": "none"},
                zorder=6,
            )
    else:
        unit = unit_of(cells[f"mu_star_{name}"]).label
        ax.set_xlim(left=0.0)
        ax.set_xlabel("change over the range of the input" + (f" ({unit})" if unit else ""))
    style.open_sides(ax)


def describe_indices(
    cells: xarray.Dataset, kind: str, names: Sequence[str], shown: Sequence[str], inputs: Sequence[str]
) -> tuple[str, Table]:
    found, rows = [], []
    for name in names:
        parts = measured(cells, kind, name)
        measure, values, _ = parts[0]
        known = np.nan_to_num(values, nan=-1.0)
        best = int(np.argmax(known))
        if name in shown and known[best] > 0.0:
            unit = unit_of(cells[f"{measure.name}_{name}"]).label if kind == "morris" else ""
            found.append(f"{OUTCOMES.get(name, name)} by {inputs[best]} ({quantity(float(values[best]), unit)})")
        # the strongest inputs of each output, where not all have room
        order = np.argsort(-known, kind="stable")[: max(1, MOST_ROWS // len(names))]
        for i in sorted(order) if len(inputs) * len(names) <= MOST_ROWS else order:
            rows.append([name, inputs[i], *(number(float(p[which][i])) for p in parts for which in (1, 2))])
    words = {"sobol": "Sobol indices", "morris": "Elementary effects", "dgsm": "Upper bounds of total Sobol indices"}[
        kind
    ]
    columns = [text for m, _, _ in measured(cells, kind, names[0]) for text in (m.text, "± (95 %)")]
    text = f"{words} of {listing(list(shown))} by {len(inputs)} inputs. Decided most: {listing(found)}."
    return text, Table(["output", "input", *columns], thinned(rows))
