"""A time course: potentials, concentrations, volume and power over time, with the state that it ends in."""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np
import numpy.typing as npt
import xarray
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from . import classes, source, style
from .picture import Table, thinned
from .words import listing, number, plain, prose, quantity, symbol, unit_of, values_of

Array = npt.NDArray[Any]
STATES = ("electric potential", "water volume", "concentration")  # how texts of a model's states begin
MOST_PANELS = 6
MOST_LINES = 8


def time_scale(times: Array) -> str:
    """log where the times are spread over decades, linear where they are even."""
    positive = times[times > 0]
    is_log = positive.size > 2 and positive.max() > 8 * np.median(positive)
    return "symlog" if is_log and (times <= 0).any() else "log" if is_log else "linear"


def groups_of(cells: xarray.Dataset, show: Sequence[str]) -> list[list[str]]:
    """Outputs by panel: potentials, volumes, concentrations of one unit together, power last."""
    names = [str(n) for n, v in cells.data_vars.items() if v.dims == ("time",) and v.dtype.kind == "f"]
    if show:
        return [[name] for name in source.asked_outputs(names, show)]
    states = [n for n in names if str(cells[n].attrs.get("long_name", "")).startswith(STATES)]
    by_unit: dict[str, list[str]] = {}
    for name in states:
        by_unit.setdefault(str(cells[name].attrs.get("units")), []).append(name)
    if "V" in by_unit:
        by_unit["V"] += [n for n in names if n.startswith("E_")]
    groups = [group[:MOST_LINES] for group in by_unit.values()][: MOST_PANELS - 1]
    power = [
        n
        for n in (
            "Tsigma_total",
            *(n for n in names if n.startswith("P_") and cells[n].attrs.get("units", "").startswith("W")),
        )
        if n in names
    ]
    power = [n for n in power if n == "Tsigma_total" or is_felt(cells, n, power)]
    return groups + ([power] if power else [])


def is_felt(cells: xarray.Dataset, name: str, among: Sequence[str]) -> bool:
    """True for what is more than round-off of the largest."""
    largest = max(np.nanmax(np.abs(cells[n].values), initial=0.0) for n in among)
    return bool(np.nanmax(np.abs(cells[name].values), initial=0.0) > 1e-9 * largest)


def draw_course(cells: xarray.Dataset, show: Sequence[str] = ()) -> tuple[Figure, str, Table, list[str]]:
    times = cells["time"].values
    outcome = str(cells.attrs.get("nessmap_outcome", "not_run"))
    words = source.class_words(cells).get(outcome, outcome)
    groups = groups_of(cells, show)
    figure = style.new_figure(6.8, 1.3 + 1.65 * max(len(groups), 1))
    panels = figure.subplots(max(len(groups), 1), 1, sharex=True, squeeze=False)[:, 0]
    scale = time_scale(times)
    for ax, group in zip(panels, groups):
        if scale == "symlog":
            ax.set_xscale("symlog", linthresh=float(times[times > 0].min()), linscale=0.4)
        else:
            ax.set_xscale(scale)
        draw_group(ax, cells, group, times, outcome)
    panels[-1].set_xlim(times[0], times[-1] if times[-1] > times[0] else times[0] + 1.0)
    panels[-1].set_xlabel("time since the initial state (s)")
    if scale == "log":
        style.ticks(panels[-1].xaxis, "log", 8)
    figure.align_ylabels(panels)
    style.legend(figure, [style.class_patch(outcome, f"the end: {words}")] if outcome in classes.CLASSES else [])
    text, table = describe(cells, groups, words)
    return figure, text, table, []


def draw_group(ax: Axes, cells: xarray.Dataset, group: Sequence[str], times: Array, outcome: str) -> None:
    ends = []
    largest = max(np.nanmax(np.abs(values_of(cells[name])), initial=0.0) for name in group)
    for i, name in enumerate(group):
        colour, _, dashes = style.series(i)
        values = values_of(cells[name])
        width = 1.0 if name.startswith("E_") else 1.7
        ax.plot(times, values, color=colour, linestyle=dashes, linewidth=width)
        known = np.flatnonzero(np.isfinite(values))
        if known.size:
            end = float(values[known[-1]])
            end = end if abs(end) > 1e-9 * largest else 0.0
            ends.append(
                (
                    float(times[known[-1]]),
                    float(values[known[-1]]),
                    f"{symbol(name)} {number(end)}",
                    colour,
                )
            )
    values = np.concatenate([values_of(cells[name]) for name in group])
    if source.is_wide(values):
        low, high = source.log_limits(values)
        ax.set_yscale("log")
        ax.set_ylim(max(low, 1e-6 * high) / 1.5, high * 2)
        style.log_ticks_within(ax.yaxis, low, high)
    else:
        style.ticks(ax.yaxis, "linear", 5)
    face = classes.CLASSES[outcome].colour if outcome in classes.CLASSES else "white"
    label_ends(ax, ends)
    low, high = sorted(ax.get_ylim())
    # a mark that lies below a logarithmic axis would lie far outside the picture
    for at, value, _, _ in [end for end in ends if low <= end[1] <= high]:
        ax.plot(at, value, "o", markerfacecolor=face, markeredgecolor=style.INK, markersize=5, clip_on=False, zorder=6)
    unit = unit_of(cells[group[0]]).label
    ax.set_ylabel(f"{title_of(cells, group)}\n({unit})" if unit else title_of(cells, group))
    ax.grid(alpha=0.25, linewidth=0.6)
    style.open_sides(ax)


def title_of(cells: xarray.Dataset, group: Sequence[str]) -> str:
    text = prose(str(cells[group[0]].attrs.get("long_name", group[0])))
    if group[0] == "Tsigma_total":
        return "power"
    if text.startswith("electric potential"):
        return "potential"
    return (
        text.split(":")[0].removesuffix(" per membrane area")
        if len(group) > 1 or text.startswith(STATES)
        else symbol(group[0])
    )


def label_ends(ax: Axes, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Names and last values at the right of their lines, moved apart where they would lie on each other."""
    height = ax.get_figure().get_figheight() / max(len(ax.get_figure().axes), 1)
    gap = min(0.135 / max(0.6 * height, 0.3), 1.0 / max(len(ends), 1))
    ax.set_ylim(ax.get_ylim())
    trans = ax.transScale + ax.transLimits
    order = sorted(((float(trans.transform((at, value))[1]), text, colour) for at, value, text, colour in ends))
    places = [place for place, _, _ in order]
    # from below, then back from above, so that all stay inside
    for k in range(len(places)):
        places[k] = max(places[k], places[k - 1] + gap if k else 0.0)
    for k in reversed(range(len(places))):
        places[k] = min(places[k], places[k + 1] - gap if k + 1 < len(places) else 1.0)
    for place, (_, text, colour) in zip(places, order):
        ax.text(1.02, place, text, transform=ax.transAxes, color=style.INK, va="center", fontsize=7.5)
        ax.plot([1.003, 1.016], [place, place], color=colour, transform=ax.transAxes, clip_on=False, linewidth=2.5)


def describe(cells: xarray.Dataset, groups: Sequence[Sequence[str]], words: str) -> tuple[str, Table]:
    times = cells["time"].values
    names = [name for group in groups for name in group if not name.startswith("E_")]
    found = []
    for name in names[:4]:
        values = values_of(cells[name])
        known = values[np.isfinite(values)]
        if known.size:
            found.append(
                f"{name} from {number(float(known[0]))} to {quantity(float(known[-1]), unit_of(cells[name]).label)}"
            )
    text = f"Time course over {quantity(float(times[-1]), 's')} that ends as {words}."
    if found:
        text += f" {listing(found)}."
    tau = cells.attrs.get("nessmap_tau_slow")
    if tau is not None and np.isfinite(tau):
        text += f" Its slowest time constant is {quantity(float(tau), 's')}."
    columns = [values_of(cells[name]) for name in names]
    rows = [[number(float(t)), *(number(float(column[k])) for column in columns)] for k, t in enumerate(times)]
    return text, Table(["time (s)", *(plain(cells[name]) for name in names)], thinned(rows))
