"""Phase maps: classes of outcomes over two axes, two outputs beside them, the share of draws with a steady state."""

from __future__ import annotations

from typing import Any, Callable, Sequence

import numpy as np
import numpy.typing as npt
import xarray
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from . import classes, source, style
from .picture import Table
from .words import count, label, listing, number, percent, plain, plain_or_power, prose, quantity, span, spoken
from .words import unit_of, values_of

Array = npt.NDArray[Any]


def draw_map(part: source.Part, show: Sequence[str] = (), overlay: str | None = None) -> tuple[Figure, Array]:
    """Classes and outputs over both axes of a part; the codes of the classes, [y, x]."""
    cells, x, y, _ = part
    assert y is not None
    dims = (y, x)
    codes = source.codes_over(cells, dims)
    names = source.shown_outputs(cells, dims, show)
    figure = style.new_figure(1.0 + 3.55 * (1 + len(names)), 4.4)
    panels = figure.subplots(1, 1 + len(names), squeeze=False)[0]
    frame = Frame(cells, x, y)
    extra: list[Any] = []
    for ax in panels:
        frame.dress(ax)
        if overlay == "lysis":
            extra = overlay_lysis(ax, cells, x, y)
    class_panel(panels[0], frame, codes)
    forces = cells.get("a_max")
    if forces is not None and set(forces.dims) == set(dims):
        draw_forces(panels[0], frame, values_of(forces.transpose(*dims)))
    for ax, name in zip(panels[1:], names):
        value_panel(figure, ax, frame, cells[name])
    if len(panels) > 1:
        for ax in panels[1:]:
            ax.set_ylabel("")
    style.class_legend(figure, codes, source.class_words(cells), extra)
    return figure, codes


def describe_map(part: source.Part, codes: Array, show: Sequence[str]) -> tuple[str, Table]:
    """The map in words, and its numbers: points, shares, and the range of every output that is drawn."""
    cells, x, y, _ = part
    assert y is not None
    called, n = source.class_words(cells), codes.size
    found = classes.present(codes)
    shares = [f"{called[name]} {percent(k / n)}" for name, k in found]
    rows = [[called[name], count(k), percent(k / n), "", "", ""] for name, k in found]
    ranges = []
    for name in source.shown_outputs(cells, (y, x), show):
        values = values_of(cells[name])
        low, middle, high = source.spread(values)
        finite = int(np.isfinite(values).sum())
        rows.append([plain(cells[name]), count(finite), percent(finite / n), low, middle, high])
        if finite:
            ranges.append(
                f"{spoken(cells[name])} runs from {low} to {quantity(float(np.nanmax(values)), unit_of(cells[name]).label)}"
            )
    variants, model = source.variant_of(cells)
    text = f"Phase map of {model or 'a model'} over {span(cells[x])} and {span(cells[y])}: {', '.join(shares)}."
    if ranges:
        text += f" {listing(ranges)}."
    return text, Table(["", "points", "share", "lowest", "median", "highest"], rows)


def draw_probability(part: source.Part) -> tuple[Figure, str, Table]:
    """The share of draws with a steady state over two axes, with contours at 5, 50 and 95 %."""
    cells, x, y, _ = part
    assert y is not None
    share = cells[source.SHARE].transpose(y, x).values
    frame = Frame(cells, x, y)
    figure = style.new_figure(5.6, 4.6)
    ax = figure.subplots()
    frame.dress(ax)
    mark_no_value(ax)
    mesh = ax.pcolormesh(
        frame.x_edges, frame.y_edges, np.ma.masked_invalid(share), cmap="cividis", vmin=0.0, vmax=100.0, rasterized=True
    )
    draw_contours(ax, frame, smoothed(share), [5.0, 50.0, 95.0], "white", lambda level: f"{level:g} %")
    bar = figure.colorbar(mesh, ax=ax, pad=0.02, aspect=28)
    bar.set_label(label(cells[source.SHARE]))
    text, table = describe_probability(cells, span(cells[x]) + " and " + span(cells[y]))
    return figure, text, table


def describe_probability(cells: xarray.Dataset, over: str) -> tuple[str, Table]:
    share = cells[source.SHARE].values / 100.0
    known = share[np.isfinite(share)]
    bounds = [
        ("0 %", known == 0.0),
        ("above 0 and below 5 %", (known > 0.0) & (known < 0.05)),
        ("5 to 50 %", (known >= 0.05) & (known < 0.5)),
        ("50 to 95 %", (known >= 0.5) & (known <= 0.95)),
        ("above 95 and below 100 %", (known > 0.95) & (known < 1.0)),
        ("100 %", known == 1.0),
    ]
    n = max(share.size, 1)
    rows = [[text, count(int(mask.sum())), percent(mask.sum() / n)] for text, mask in bounds]
    if known.size < share.size:
        rows.append(["nothing was run", count(share.size - known.size), percent(1.0 - known.size / n)])
    text = f"Share of draws with a steady state over {over}: "
    if known.size == 0:
        return text + "nothing was run.", Table(["draws with a steady state", "cells", "share of cells"], rows)
    text += (
        f"{percent(float(known.mean()))} on average, all of them in {percent(float((known == 1.0).mean()))} of the cells, "
        f"at least half in {percent(float((known >= 0.5).mean()))}, none in {percent(float((known == 0.0).mean()))}."
    )
    return text, Table(["draws with a steady state", "cells", "share of cells"], rows)


NEGLIGIBLE = 1e-9  # of the largest: round-off


class Frame:
    """Both axes of a map: values, edges of cells, scales."""

    def __init__(self, cells: xarray.Dataset, x: str, y: str):
        self.cells, self.x, self.y = cells, x, y
        self.xs, self.x_edges, self.x_scale = source.coordinate(cells, x)
        self.ys, self.y_edges, self.y_scale = source.coordinate(cells, y)

    def dress(self, ax: Axes) -> None:
        """Scales, limits, ticks and labels; before any contour, whose labels are placed in the final coordinates."""
        ax.set_xscale(self.x_scale)
        ax.set_yscale(self.y_scale)
        ax.set_xlim(self.x_edges[0], self.x_edges[-1])
        ax.set_ylim(self.y_edges[0], self.y_edges[-1])
        ax.autoscale(False)
        ax.set_xlabel(style.folded(label(self.cells[self.x])))
        ax.set_ylabel(style.folded(label(self.cells[self.y])))
        style.ticks(ax.xaxis, self.x_scale)
        style.ticks(ax.yaxis, self.y_scale)

    def rising(self, values: Array) -> tuple[Array, Array, Array]:
        """Coordinates in rising order for contouring."""
        xs, ys = self.xs, self.ys
        if xs[0] > xs[-1]:
            xs, values = xs[::-1], values[:, ::-1]
        if ys[0] > ys[-1]:
            ys, values = ys[::-1], values[::-1]
        return xs, ys, values


def draw_contours(
    ax: Axes, frame: Frame, values: Array, levels: Sequence[float], colour: str, formatter: Callable[[float], str]
) -> None:
    if min(values.shape) < 2 or not np.isfinite(values).any():
        return
    # round-off about zero has no contours
    values = np.where(np.abs(values) < NEGLIGIBLE * np.nanmax(np.abs(values)), 0.0, values)
    inside = sorted({level for level in levels if np.nanmin(values) < level < np.nanmax(values)})
    if not inside:
        return
    drawn = ax.contour(*frame.rising(values), levels=inside, colors=colour, linewidths=0.7, linestyles="solid")
    texts = list(ax.clabel(drawn, fontsize=style.SMALLEST, inline=True, inline_spacing=3, fmt=formatter))
    if colour == "white":
        # a dark rim keeps white legible on the bright end of the colours
        drawn.set_path_effects([withStroke(linewidth=1.7, foreground="#00000070")])
        for text in texts:
            text.set_path_effects([withStroke(linewidth=1.5, foreground="#000000A0")])


def smoothed(values: Array, n_cells: int = 64) -> Array:
    """Means over windows of 1/n_cells of each side: shares of few draws are noisy, and so would their contours be."""
    for axis in (0, 1):
        half = values.shape[axis] // (2 * n_cells)
        if half > 0 and np.isfinite(values).all():
            padded = np.pad(values, [(half, half) if i == axis else (0, 0) for i in (0, 1)], mode="edge")
            values = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1, axis=axis).mean(axis=-1)
    return values


def decades(values: Array, most: int = 7) -> list[float]:
    """Powers of ten inside the range of positive values."""
    positive = values[np.isfinite(values) & (values > 0)]
    if positive.size == 0:
        return []
    low = max(np.log10(positive.min()), np.log10(positive.max()) - 12)
    powers = np.arange(np.ceil(low), np.floor(np.log10(positive.max())) + 1)
    return list(10.0 ** powers[:: max(1, int(np.ceil(len(powers) / most)))])


def class_panel(ax: Axes, frame: Frame, codes: Array) -> None:
    colours = ListedColormap(classes.COLOURS)
    ax.pcolormesh(
        frame.x_edges,
        frame.y_edges,
        codes,
        cmap=colours,
        norm=Normalize(-0.5, len(classes.NAMES) - 0.5),
        rasterized=True,
    )
    is_thin = np.mean(codes == classes.CODES["equilibrium"]) <= 0.05
    for name, (_, hatch, _) in classes.CLASSES.items():
        mask = codes == classes.CODES[name]
        if hatch and mask.any() and not (name == "equilibrium" and is_thin):
            hatch_cells(ax, frame, mask, hatch)
    failed = np.nonzero(codes == classes.CODES["not_converged"])
    if 0 < len(failed[0]) < 0.002 * codes.size:
        ax.plot(
            frame.xs[failed[1]], frame.ys[failed[0]], "x", color="black", markersize=4, markeredgewidth=0.8, zorder=7
        )
    ax.set_title("outcome")
    mark_equilibrium(ax, frame, codes)


def hatch_cells(ax: Axes, frame: Frame, mask: Array, hatch: str) -> None:
    """Hatches the cells of a class and draws its rim; cells at the edge of the map are filled to the edge."""
    padded = np.pad(mask.astype(float), 1, mode="edge")
    xs = np.concatenate([[frame.x_edges[0]], frame.xs, [frame.x_edges[-1]]])
    ys = np.concatenate([[frame.y_edges[0]], frame.ys, [frame.y_edges[-1]]])
    if xs[0] > xs[-1]:
        xs, padded = xs[::-1], padded[:, ::-1]
    if ys[0] > ys[-1]:
        ys, padded = ys[::-1], padded[::-1]
    drawn = ax.contourf(xs, ys, padded, levels=[0.5, 1.5], colors="none", hatches=[hatch])
    drawn.set_edgecolor("#00000080")
    drawn.set_linewidth(0.0)
    if padded.min() < 0.5:
        ax.contour(xs, ys, padded, levels=[0.5], colors=style.INK, linewidths=0.9)


def draw_forces(ax: Axes, frame: Frame, forces: Array) -> None:
    if np.isfinite(forces).any():
        draw_contours(ax, frame, forces, [0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0], style.INK, plain_or_power)
        ax.set_title("outcome; contours: largest force (RT)")


def mark_equilibrium(ax: Axes, frame: Frame, codes: Array) -> None:
    """Equilibrium has no area in a scan: a thick line where it fills an edge of the map, dots where it lies inside."""
    is_eq = codes == classes.CODES["equilibrium"]
    if not is_eq.any() or is_eq.mean() > 0.05:
        return
    colour = classes.CLASSES["equilibrium"].colour
    inside = is_eq.copy()
    xs, ys = frame.x_edges, frame.y_edges
    sides: list[tuple[Array, float, Array, bool, Any]] = [
        (is_eq[:, 0], xs[0], ys, True, np.s_[:, 0]),
        (is_eq[:, -1], xs[-1], ys, True, np.s_[:, -1]),
        (is_eq[0, :], ys[0], xs, False, np.s_[0, :]),
        (is_eq[-1, :], ys[-1], xs, False, np.s_[-1, :]),
    ]
    for mask, place, edges, is_upright, where in sides:
        if mask.mean() < 0.1:
            continue
        inside[where] = False
        for first, last in runs(mask):
            line = ([place, place], [edges[first], edges[last]])
            line = line if is_upright else line[::-1]
            ax.plot(*line, color="white", linewidth=7, clip_on=False, solid_capstyle="butt", zorder=5)
            ax.plot(*line, color=colour, linewidth=5, clip_on=False, solid_capstyle="butt", zorder=6)
    rows, columns = np.nonzero(inside)
    if len(rows):
        ax.plot(frame.xs[columns], frame.ys[rows], ".", color="white", markersize=5, zorder=5)
        ax.plot(frame.xs[columns], frame.ys[rows], ".", color=colour, markersize=3.5, zorder=6)


def runs(mask: Array) -> list[tuple[int, int]]:
    """[first, last) of every run of True."""
    padded = np.concatenate([[False], mask, [False]]).astype(int)
    steps = np.diff(padded)
    return list(zip(np.nonzero(steps == 1)[0], np.nonzero(steps == -1)[0]))


def mark_no_value(ax: Axes) -> None:
    """What stays uncovered is a place without a value."""
    ax.set_facecolor(style.NO_VALUE)
    ax.patch.set_hatch("////")
    ax.patch.set_edgecolor(style.FAINT)


def value_panel(figure: Figure, ax: Axes, frame: Frame, variable: xarray.DataArray) -> None:
    name = str(variable.name)
    values = values_of(variable.transpose(frame.y, frame.x))
    mark_no_value(ax)
    finite = values[np.isfinite(values)]
    ax.set_title(style.folded(prose(str(variable.attrs.get("long_name", name)))))
    if finite.size == 0:
        ax.text(
            0.5,
            0.5,
            "no values here",
            transform=ax.transAxes,
            ha="center",
            bbox={"facecolor": "white", "edgecolor": "none"},
        )
        return
    extend = "neither"
    norm: Normalize
    formatter: Callable[[float], str]
    if name != source.SHARE and source.is_wide(values):
        low, high = source.log_limits(finite)
        norm = LogNorm(low, high)
        extend = "min" if finite.min() < low else "neither"
        shown = np.where(values < low, low, values)
        levels, formatter = decades(np.where(values >= low, values, np.nan)), plain_or_power
    else:
        low, high = (0.0, 100.0) if name == source.SHARE else (finite.min(), finite.max())
        if high - low < 1e-9 * max(abs(low), abs(high), 1e-30):
            low, high = low - 0.5, high + 0.5
        norm = Normalize(low, high)
        shown = values
        levels, formatter = list(MaxNLocator(8).tick_values(low, high)), number
        if name == source.SHARE:
            levels, formatter = [5.0, 50.0, 95.0], lambda level: f"{level:g} %"
        if name == "n":
            levels = []
    mesh = ax.pcolormesh(
        frame.x_edges, frame.y_edges, np.ma.masked_invalid(shown), cmap="cividis", norm=norm, rasterized=True
    )
    draw_contours(ax, frame, values, levels, "white", formatter)
    bar = figure.colorbar(mesh, ax=ax, extend=extend, pad=0.02, aspect=28)
    bar.set_label(label(variable, is_short=True))
    bar.outline.set_linewidth(0.5)
    if isinstance(norm, LogNorm):
        style.log_ticks_within(bar.ax.yaxis, low, high)
    else:
        bar.ax.ticklabel_format(axis="y", scilimits=(-3, 5), useMathText=True)


def overlay_lysis(ax: Axes, cells: xarray.Dataset, x: str, y: str) -> list[Any]:
    """The lysis boundary in closed form (lysis_boundary.py) over a map of pump_leak."""
    from ..errors import Refused
    from . import lysis_boundary

    variants, _ = source.variant_of(cells)
    pump = variants.get("pump", "rev")
    names = (*lysis_boundary.NEEDED, "p_max")
    missing = [name for name in names if name not in cells.variables]
    if missing:
        raise Refused(f"--overlay lysis: the file has no {missing[0]}; the overlay is for pump_leak")
    cotransport = [name for name in ("L_NKCC", "L_KCC") if name in cells.variables and np.any(cells[name].values != 0)]
    if variants.get("leak", "ohmic") != "ohmic" or variants.get("membrane") == "clamped" or cotransport:
        raise Refused(
            "--overlay lysis: the closed form holds for ohmic leaks and a free potential, without cotransport"
        )
    if pump not in ("rev", "hill", "const"):
        raise Refused(f"--overlay lysis: the closed form holds for the pumps rev, hill and const, not for {pump}")
    dashed: dict[str, Any] = {"color": "black", "linewidth": 1.6, "linestyle": (0, (4, 2))}
    if "p_max" in (x, y) and all(cells[name].ndim == 0 for name in names if name not in (x, y)):
        # an exact line, finer than the grid
        other = y if x == "p_max" else x
        values, _, scale = source.coordinate(cells, other)
        fine = (np.geomspace if scale == "log" else np.linspace)(values[0], values[-1], 2000)
        p: dict[str, Any] = {name: float(cells[name]) for name in names if name not in (x, y)}
        p[other] = fine / unit_of(cells[other]).factor
        boundary = lysis_boundary.boundary_p_max(p, pump)
        line = np.where(np.isfinite(boundary), boundary, np.nan) * unit_of(cells["p_max"]).factor
        ax.plot(*((fine, line) if y == "p_max" else (line, fine)), zorder=8, **dashed)
    else:
        # from cell to cell: parameters may be tied to the axes
        coarse = cells.isel({name: slice(None, None, max(1, cells.sizes[name] // 300)) for name in (x, y)})
        frame = coarse[source.CODE].transpose(y, x)
        p = {name: coarse[name].broadcast_like(frame).transpose(y, x).values for name in names}
        boundary = lysis_boundary.boundary_p_max(p, pump)
        with np.errstate(divide="ignore"):
            excess = np.clip(np.log(p["p_max"]) - np.log(boundary), -50.0, 50.0)
        ax.contour(
            *Frame(coarse, x, y).rising(excess),
            levels=[0.0],
            colors="black",
            linewidths=1.6,
            linestyles=[(0, (4, 2))],
            zorder=8,
        )
    return [Line2D([], [], label="lysis boundary, closed form", **dashed)]
