"""Who pays and where it goes: fluxes of each species and power as stacked bars of one point, or along an axis."""

from __future__ import annotations

from os import PathLike
from typing import Any, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import xarray
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from .. import program
from ..errors import Refused
from ..units import Readable, to_readable
from . import classes, source, style
from .picture import Table, thinned
from .words import label, listing, number, percent, plain, quantity, span, symbol, unit_of
from .words import values_of

Array = npt.NDArray[Any]
SOURCES = {"held": "held species", "clamp": "voltage clamp"}
# white and greys, apart from the colours of pathways
PAYERS = [("#FFFFFF", None), ("#D9D9D9", "oo"), ("#B3B3B3", "**"), ("#808080", "OO")]
NEGLIGIBLE = 1e-9  # of the largest: round-off
FINE = {"µmol m⁻² s⁻¹": "nmol m⁻² s⁻¹", "mW m⁻²": "µW m⁻²"}


def default_point(cells: xarray.Dataset) -> tuple[int, str]:
    """The point of most dissipation among those that are steady, by its number in the file, and what it is."""
    layout = source.layout_of(cells)
    prefix = "vertex_" if layout in ("refined", "segments") else ""
    if f"{prefix}outcome" not in cells.data_vars:
        raise Refused(f"{source.LAYOUTS[str(layout)]} has no points of its own: name one by --index N")
    codes = classes.codes_of(cells[f"{prefix}outcome"].values).reshape(-1)
    steady = np.flatnonzero(np.isin(codes, [classes.CODES["ness"], classes.CODES["equilibrium"]]))
    if steady.size == 0:
        raise Refused("no point of this file has a steady state, so that there is no budget to draw")
    for name in ("Tsigma_total", "sigma_total"):
        if f"{prefix}{name}" in cells:
            variable = cells[f"{prefix}{name}"].transpose(*cells[f"{prefix}outcome"].dims)
            cost = variable.values.reshape(-1)[steady]
            if np.isfinite(cost).any():
                return int(steady[np.nanargmax(cost)]), "the costliest steady point,"
    return int(steady[steady.size // 2]), "a steady point,"


def draw_point(
    path: str | PathLike[str], cells: xarray.Dataset, index: str | int | None
) -> tuple[Figure, str, Table, str]:
    """Fluxes and power of one point; also a subtitle that says which."""
    number_of_point, which = default_point(cells) if index is None else (index, "point")
    found = program.balance_sheet(path, number_of_point)
    sheet, called = found.sheet, source.class_words(cells)
    outcome = str(sheet["outcome"])
    if outcome not in classes.VALUED:
        raise Refused(
            f"point {number_of_point} is of the class {called[outcome]!r}: it has no balance of fluxes "
            "to draw; `nessmap trace` shows its course"
        )
    flux = scaled(found.flux_unit, [e["turnover"] / 2 for e in sheet["balance"].values()])
    species, fluxes = balance_bars(sheet, flux.factor)
    power = scaled(found.power_unit, list(sheet["dissipated"].values()))
    supplied, spent = power_bars(sheet, power.factor)
    pathways = [p for p in sheet["dissipated"] if any(p in bars for bars in (*fluxes, spent, supplied))]
    figure = style.new_figure(8.6, 1.7 + 0.42 * max(len(species), 3) + 0.16 * ((len(pathways) + 6) // 4))
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1.0])
    draw_fluxes(left, species, fluxes, pathways, flux.label)
    sources = [name for name in supplied if name not in pathways] + [n for n in spent if n not in pathways]
    draw_power(right, supplied, spent, pathways, sources, power.label)
    handles = [patch(p, pathways, sources) for p in pathways] + [patch(s, pathways, sources) for s in sources]
    if handles:
        style.legend(figure, handles)
    subtitle = f"{which} {number_of_point}: {', '.join([called[outcome], *where_of(cells, sheet)])}"
    return (
        figure,
        describe_point(number_of_point, supplied, spent, power.label, called[outcome]),
        point_table(species, fluxes, supplied, spent, flux.label, power.label),
        subtitle,
    )


def where_of(cells: xarray.Dataset, sheet: Mapping[str, Any], most: int = 4) -> list[str]:
    """Where a point lies: its values of what varies in the file."""
    found = []
    for name, value in sheet["parameters"].items():
        if f"vertex_{name}" in cells:
            variable = cells[f"vertex_{name}"]
        elif name in cells.coords and cells[name].ndim > 0:
            variable = cells[name]
        else:
            continue
        unit = unit_of(variable)
        found.append(f"{symbol(name)} = {quantity(value * unit.factor, unit.label)}")
    return found[:most] + (["..."] if len(found) > most else [])


def scaled(unit: str, values: Sequence[float | None]) -> Readable:
    """The unit for people, a thousand times finer where all values are small in it."""
    readable = to_readable(unit)
    largest = max((abs(v) * readable.factor for v in values if v is not None), default=0.0)
    if 0.0 < largest < 0.1 and readable.label in FINE:
        return Readable(readable.factor * 1e3, readable.plain, FINE[readable.label])
    return readable


def balance_bars(sheet: Mapping[str, Any], factor: float) -> tuple[list[str], list[dict[str, float]]]:
    """Species that anything moves, and what each pathway brings in (positive) or takes out (negative)."""
    entries = {} if sheet["outcome"] == "equilibrium" else sheet["balance"]
    largest = max((entry["turnover"] for entry in entries.values()), default=0.0)
    species, bars = [], []
    for name, entry in entries.items():
        moved = {path: value * factor for path, value in entry["in"].items()}
        for path, value in entry["out"].items():
            moved[path] = moved.get(path, 0.0) - value * factor
        if entry["turnover"] > NEGLIGIBLE * largest:
            species.append(name)
            bars.append(without_dust(moved))
    return species, bars


def power_bars(sheet: Mapping[str, Any], factor: float) -> tuple[dict[str, float], dict[str, float]]:
    """What pays and where it goes, all positive: fuel that is made is spent, a pathway past its stall pays."""
    supplied, spent = {}, {}
    for entries, into, other in ((sheet["supplied"], supplied, spent), (sheet["dissipated"], spent, supplied)):
        for name, value in entries.items():
            (into if value >= 0 else other)[name] = abs(value) * factor
    if sheet["outcome"] == "equilibrium":
        return {}, {}
    largest = max([0.0, *supplied.values(), *spent.values()])
    keep = lambda bars: {name: value for name, value in bars.items() if value > NEGLIGIBLE * largest}
    return keep(supplied), keep(spent)


def without_dust(bars: dict[str, float]) -> dict[str, float]:
    largest = max((abs(v) for v in bars.values()), default=0.0)
    return {name: value for name, value in bars.items() if abs(value) > NEGLIGIBLE * largest}


def look(name: str, pathways: Sequence[str], sources: Sequence[str]) -> dict[str, Any]:
    """Colour and hatch of a pathway, or of a source, in greys."""
    if name in pathways:
        colour, hatch, _ = style.series(pathways.index(name))
    else:
        colour, hatch = PAYERS[sources.index(name) % len(PAYERS)]
    return {"facecolor": colour, "hatch": hatch, "edgecolor": style.INK, "linewidth": 0.6}


def patch(name: str, pathways: Sequence[str], sources: Sequence[str]) -> Patch:
    return Patch(label=SOURCES.get(name, name), **look(name, pathways, sources))


def draw_fluxes(
    ax: Axes, species: Sequence[str], fluxes: Sequence[Mapping[str, float]], pathways: Sequence[str], unit: str
) -> None:
    ax.set_title("fluxes of each species: out | in")
    totals = [sum(abs(v) for v in bars.values()) / 2 for bars in fluxes]
    # species of very different turnover are shown as shares of their own
    is_shared = bool(totals) and max(totals) > 30 * min(totals)
    for row, bars in enumerate(fluxes):
        scale = 100.0 / totals[row] if is_shared else 1.0
        stack(ax, row, {n: v * scale for n, v in bars.items() if v > 0}, pathways)
        stack(ax, row, {n: v * scale for n, v in bars.items() if v < 0}, pathways)
    names = [f"{symbol(n)}\n{number(t)}" if is_shared else symbol(n) for n, t in zip(species, totals)]
    ax.set_yticks(range(len(species)), names)
    ax.set_xlabel(f"share of the turnover (%); numbers: {unit}" if is_shared else f"flux ({unit})")
    bars_only(ax, len(species))
    ax.axvline(0.0, color=style.INK, linewidth=0.8)
    if not species:
        say_nothing(ax, "no net flux: every pathway is balanced")


def draw_power(
    ax: Axes,
    supplied: Mapping[str, float],
    spent: Mapping[str, float],
    pathways: Sequence[str],
    sources: Sequence[str],
    unit: str,
) -> None:
    ax.set_title("power: who pays, where it goes")
    for row, bars in enumerate((supplied, spent)):
        stack(ax, row, bars, pathways, sources)
    ax.set_yticks([0, 1], ["supplied", "dissipated"])
    ax.set_xlabel(f"power ({unit})")
    bars_only(ax, 2)
    if not spent:
        say_nothing(ax, "nobody pays")


def stack(ax: Axes, row: int, bars: Mapping[str, float], pathways: Sequence[str], sources: Sequence[str] = ()) -> None:
    """Bars end to end from zero, the longest first; those wide enough carry their share."""
    left, total = 0.0, sum(bars.values())
    for name, value in sorted(bars.items(), key=lambda item: -abs(item[1])):
        ax.barh(row, value, left=left, height=0.66, **look(name, pathways, sources))
        if len(bars) > 1 and value / total > 0.12:
            ax.text(
                left + value / 2,
                row,
                f"{100 * value / total:.0f} %",
                ha="center",
                va="center",
                fontsize=7.5,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
            )
        left += value


def bars_only(ax: Axes, n: int) -> None:
    ax.set_ylim(max(n, 1) - 0.45, -0.55)
    style.ticks(ax.xaxis, "linear", 5)
    ax.ticklabel_format(axis="x", scilimits=(-3, 4), useMathText=True)
    ax.grid(axis="x", alpha=0.3, linewidth=0.6)
    ax.set_axisbelow(True)
    style.open_sides(ax)


def say_nothing(ax: Axes, text: str) -> None:
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center")
    ax.set_xticks([])
    ax.set_yticks([])


def describe_point(
    index: str | int,
    supplied: Mapping[str, float],
    spent: Mapping[str, float],
    unit: str,
    outcome: str,
) -> str:
    if not spent:
        return f"Budget of point {index} ({outcome}): no net flux runs, nothing is supplied and nothing is dissipated."
    total = sum(spent.values())
    paid = listing([f"{SOURCES.get(n, n)} {quantity(v, unit)}" for n, v in by_size(supplied)])
    gone = listing([f"{SOURCES.get(n, n)} {percent(v / total)}" for n, v in by_size(spent)[:4]])
    more = f", {len(spent) - 4} more the rest" if len(spent) > 4 else ""
    return f"Budget of point {index} ({outcome}): {quantity(total, unit)} are dissipated, paid by {paid}. It goes into {gone}{more}."


def by_size(bars: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(bars.items(), key=lambda item: -abs(item[1]))


def point_table(
    species: Sequence[str],
    fluxes: Sequence[Mapping[str, float]],
    supplied: Mapping[str, float],
    spent: Mapping[str, float],
    flux_unit: str,
    power_unit: str,
) -> Table:
    rows = []
    for name, bars in zip(species, fluxes):
        for path, value in by_size(bars):
            rows.append([f"{name}: {'in' if value > 0 else 'out'}", path, number(abs(value)), flux_unit])
    for words, bars in (("supplied", supplied), ("dissipated", spent)):
        rows += [[words, SOURCES.get(n, n), number(v), power_unit] for n, v in by_size(bars)]
    return Table(["what", "by", "value", "unit"], thinned(rows))


# --- along an axis ----------------------------------------------------------------------------------------------


def draw_along(cells: xarray.Dataset, x: str, scale: str) -> tuple[Figure, str, Table]:
    """Dissipation of all pathways along an axis: its sum, how it is shared, and net fluxes; of what the file holds."""
    paths = source.stored(cells, "Tsigma_")
    if not paths:
        raise Refused(
            'the file holds no dissipation of pathways, Tsigma_: run it with [output] variables = ["*"], '
            "or draw one point by --index N"
        )
    xs, factor = values_of(cells[x]), unit_of(cells[paths[0]]).factor
    parts = np.stack([cells[name].values for name in paths]) * factor
    largest = np.nanmax(np.abs(parts), initial=0.0)
    keep = [i for i in range(len(paths)) if np.nanmax(np.abs(parts[i]), initial=0.0) > NEGLIGIBLE * largest]
    paths, parts = [paths[i] for i in keep], parts[keep]
    fluxes = [
        n for n in source.stored(cells, "J_") if n.removeprefix("J_") in {p.removeprefix("Tsigma_") for p in paths}
    ]
    figure = style.new_figure(6.6, 3.9 + (1.6 if fluxes else 0.0))
    panels = figure.subplots(3 if fluxes else 2, 1, sharex=True)
    draw_sums(panels[0], cells, xs, parts, label_of_power(cells, paths))
    total = np.where(parts > 0, parts, 0.0).sum(0)
    # where hardly anything is dissipated, shares are of round-off
    known = np.isfinite(parts).all(0) & (total > NEGLIGIBLE * largest)
    shares = np.where(known, 100.0 * np.where(parts > 0, parts, 0.0) / np.where(known, total, 1.0), np.nan)
    names = [name.removeprefix("Tsigma_") for name in paths]
    for i, (below, above) in enumerate(zip(np.cumsum(shares, 0) - shares, np.cumsum(shares, 0))):
        colour, hatch, _ = style.series(i)
        panels[1].fill_between(
            xs, below, above, facecolor=colour, hatch=hatch, edgecolor=style.INK, linewidth=0.4, label=names[i]
        )
    panels[1].set_ylabel("share of what is\ndissipated (%)")
    panels[1].set_ylim(0.0, 100.0)
    for name in fluxes:
        colour, _, dashes = style.series(names.index(name.removeprefix("J_")))
        panels[2].plot(xs, values_of(cells[name]), color=colour, linestyle=dashes, linewidth=1.4)
    if fluxes:
        panels[2].set_ylabel(f"net flux, outward\n({unit_of(cells[fluxes[0]]).label})")
        sizes = [np.nanmax(np.abs(values_of(cells[name])), initial=0.0) for name in fluxes]
        if max(sizes) > 30 * np.median(sizes) > 0:
            panels[2].set_yscale("symlog", linthresh=float(np.median(sizes)))
        panels[2].grid(alpha=0.25, linewidth=0.6)
    panels[-1].set_xscale(scale)
    panels[-1].set_xlim(xs[0], xs[-1])
    panels[-1].set_xlabel(label(cells[x]))
    style.ticks(panels[-1].xaxis, scale)
    figure.align_ylabels(panels)
    handles = [
        Patch(facecolor=style.series(i)[0], hatch=style.series(i)[1], edgecolor=style.INK, linewidth=0.4, label=name)
        for i, name in enumerate(names)
    ]
    if handles:
        style.legend(figure, handles)
    return (
        figure,
        *describe_along(cells, x, names, parts, total, unit_of(cells[f"Tsigma_{names[0]}"]).label if names else ""),
    )


def label_of_power(cells: xarray.Dataset, paths: Sequence[str]) -> str:
    return f"power ({unit_of(cells[paths[0]]).label})" if paths else "power"


def draw_sums(ax: Axes, cells: xarray.Dataset, xs: Array, parts: Array, text: str) -> None:
    total = parts.sum(0)
    ax.plot(xs, total, color=style.INK, linewidth=1.8, label="dissipated")
    for i, name in enumerate(source.stored(cells, "P_")):
        supplied = values_of(cells[name])
        if np.nanmax(np.abs(supplied), initial=0.0) > NEGLIGIBLE * np.nanmax(total, initial=0.0):
            colour, _, _ = style.series(i)
            words = SOURCES.get(name.removeprefix("P_"), name.removeprefix("P_"))
            ax.plot(
                xs,
                supplied,
                color=colour,
                linewidth=1.6,
                linestyle=style.DASHES[1 + i % 3],
                label=f"supplied by {words}",
            )
    ax.set_ylabel(text)
    values = np.concatenate([line.get_ydata() for line in ax.lines]).astype(float)
    if source.is_wide(values):
        low, high = source.log_limits(values)
        ax.set_yscale("log")
        ax.set_ylim(low / 1.5, high * 2)
        style.log_ticks_within(ax.yaxis, low, high)
    ax.grid(alpha=0.25, linewidth=0.6)
    ax.legend(frameon=False, loc="best")


def describe_along(
    cells: xarray.Dataset, x: str, names: Sequence[str], parts: Array, total: Array, unit: str
) -> tuple[str, Table]:
    xs = values_of(cells[x])
    rows = [
        [number(float(xs[k])), number(float(parts[:, k].sum())), *(number(float(v)) for v in parts[:, k])]
        for k in range(len(xs))
    ]
    table = Table([plain(cells[x]), f"dissipated ({unit})", *(f"in {name}" for name in names)], thinned(rows))
    text = f"Dissipation by pathway along {span(cells[x])}"
    if not names or not np.isfinite(total).any():
        return text + ": nothing is dissipated.", table
    at = int(np.nanargmax(total))
    most = sorted(zip(names, parts[:, at]), key=lambda item: -item[1])
    where = f"{x} = {quantity(float(xs[at]), unit_of(cells[x]).label)}"
    gone = listing([f"{n} {percent(v / total[at])}" for n, v in most[:3] if v > 0])
    return f"{text}: most at {where}, {quantity(float(total[at]), unit)}, of which {gone}.", table
