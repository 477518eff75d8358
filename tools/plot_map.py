#!/usr/bin/env python3
"""Draws a grid file of nessmap: outcome classes, potential and entropy production over one or two parameters.

    plot_map.py OUT.nc [-o OUT.png] [--x NAME] [--y NAME] [--sel NAME=VALUE]... [--show NAME NAME] [--overlay lysis]

Two parameters give three maps, one parameter gives lines. Further axes of the file are held at their middle value,
or where --sel says (nearest value, in units of the file); of a refinement, its picture; several draws in a cell are shown by the most frequent
outcome and the median. Two outputs stand beside the classes: V and sigma_total where the model has them. Of a file
with [[reduce]] kind = "bins", it is the share of draws with a steady state and the mean of V.

    1. classes   2. text and units   3. the file   4. maps   5. lines   6. command line
"""

import argparse
import re
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import xarray
from matplotlib.colors import ListedColormap, LogNorm, Normalize
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

sys.path.insert(0, str(Path(__file__).resolve().parent))
import lysis_boundary
import nessmap_tools
from nessmap_tools import Refused
from nessmap_tools.units import to_readable

# --- 1. classes -------------------------------------------------------------------------------------------------

# Okabe and Ito's colours: distinct for colour-blind readers; hatches tell the classes apart in grey, too
CLASSES = {
    "equilibrium": ("#009E73", None, "equilibrium"),
    "ness": ("#8FCBEF", None, "NESS"),
    "oscillatory": ("#CC79A7", "..", "oscillatory"),
    "unstable": ("#F0E442", "xx", "unstable"),
    "no_steady_state_growth": ("#D55E00", "//", "no steady state: grows"),
    "no_steady_state_depletion": ("#E69F00", "\\\\", "no steady state: depletes"),
    "left_domain": ("#999999", "--", "left the domain"),
    "not_converged": ("#000000", None, "not converged"),
    "not_run": ("#FFFFFF", None, "not run"),
}
CODES = {name: code for code, name in enumerate(CLASSES)}
SHARE = "steady_share"  # made of the counts of a reduced file
NO_VALUE = "#E4E4E4"
INK = "#222222"

# --- 2. text and units ------------------------------------------------------------------------------------------

SYMBOLS = {"dG": r"\Delta G", "sigma": r"\sigma", "Tsigma": r"T\sigma", "tau": r"\tau", "dmu": r"\Delta\mu",
           "ell": r"\ell", "kappa": r"\kappa"}


def readable(unit):
    """Factor and text of a unit for people: ("V") -> (1e3, "mV")."""
    return to_readable(unit)[::2]


def symbol(name):
    """A name as mathematics: dG_ATP -> ΔG with the index ATP."""
    base, _, index = name.partition("_")
    head = SYMBOLS.get(base, base if len(base) == 1 and base not in "KH" else rf"\mathrm{{{base}}}")
    index = index.replace("_", r"\,")
    return f"${head}_{{\\mathrm{{{index}}}}}$" if index else f"${head}$"


def prose(text):
    """Ions with their charge as people write it."""
    return re.sub(r"\b(Na|K|Cl|H)([+-])(?=\W|$)", lambda m: m.group(1) + {"+": "⁺", "-": "⁻"}[m.group(2)], text)


def label(variable, is_short=False):
    """Axis label: what it is, symbol, unit."""
    if variable.name == SHARE:
        return f"{variable.attrs['long_name']} (%)"
    unit = readable(variable.attrs.get("units", "1"))[1]
    words = [] if is_short else [prose(variable.attrs.get("long_name", ""))]
    words.append(symbol(variable.name) + (f" ({unit})" if unit else ""))
    return "  ".join(word for word in words if word)


def percent(share):
    if share <= 0.0 or share >= 1.0:
        return f"{100 * share:.0f} %"
    return "<0.1 %" if share < 0.001 else ">99.9 %" if share > 0.999 else f"{100 * share:.1f} %"


def number(value):
    return f"{value:.4g}".replace("-", "−")


# --- 3. the file ------------------------------------------------------------------------------------------------


def open_grid(path):
    try:
        grid = xarray.open_dataset(path, engine="netcdf4", decode_times=False, decode_timedelta=False)
    except (OSError, ValueError) as error:
        raise Refused(f"{path}: not a NetCDF file that can be read ({error})") from None
    if grid.attrs.get("nessmap_reduce") == "summary":
        raise Refused(f"{path}: is a summary of a whole scan, without axes to draw it over")
    if grid.attrs.get("nessmap_reduce") == "bins":
        return as_points(grid)
    if "input" in grid.dims:
        raise Refused(f"{path}: holds sensitivity indices, which tools/plot_indices.py draws")
    if "boundary_pair" in grid:
        raise Refused(f"{path}: holds boundary points on segments; this tool draws maps of two axes")
    if "outcome" not in grid:
        raise Refused(f"{path}: has no variable `outcome`, so it is not an output of nessmap")
    if "sample" in grid["outcome"].dims:
        raise Refused(f"{path}: is a list of samples; this tool draws grids, that is, scans with [[axis]]")
    return grid


def as_points(cells):
    """A file of bins in the form of one of points: the most frequent outcome, and the share with a steady state."""
    counts = [cells[f"count_{name}"] for name in CLASSES]
    outcome = xarray.concat(counts, "kind").argmax("kind").where(cells["n"] > 0, CODES["not_run"]).astype("i1")
    outcome.attrs = {"flag_values": np.array(list(CODES.values())), "flag_meanings": " ".join(CLASSES)}
    n_run = cells["n"] - cells["count_not_run"]
    n_steady = sum(cells[f"count_{name}"] for name in str(cells.attrs.get("valid_outcomes", "equilibrium ness")).split())
    share = (100.0 * n_steady / n_run.where(n_run > 0)).assign_attrs(units="%", long_name="draws with a steady state")
    return cells.assign({"outcome": outcome, SHARE: share})


def scanned(grid):
    return [dim for dim in grid["outcome"].dims if dim != "draw"]


def most_frequent(codes, axis):
    counts = np.stack([(codes == code).sum(axis=axis) for code in CODES.values()])
    return counts.argmax(axis=0)


def choose(grid, x, y, selections):
    """The part of the grid to draw: one or two dimensions, and what was said about the others."""
    axes = scanned(grid)
    wanted = {}
    for text in selections:
        name, _, value = text.partition("=")
        if name not in axes:
            raise Refused(f"--sel {text}: the axes of this file are {', '.join(axes)}")
        try:
            wanted[name] = float(value)
        except ValueError:
            raise Refused(f"--sel {text}: {value!r} is not a number") from None
    for name in (x, y):
        if name is not None and name not in axes:
            raise Refused(f"no axis {name}: the axes of this file are {', '.join(axes)}")
    if x is not None and x == y:
        raise Refused(f"--x {x} --y {y}: two different axes are needed")
    free = [axis for axis in axes if axis not in wanted and axis not in (x, y) and grid.sizes[axis] > 1]
    if x is None and free:
        x = free.pop(0)
    if y is None and free:
        y = free.pop(0)
    if x is None and y is None:
        raise Refused("nothing is left to draw: every axis is selected")
    if x is None:
        x, y = y, None

    notes = []
    for axis in axes:
        if axis in (x, y):
            continue
        if axis in wanted:
            grid = grid.sel({axis: wanted[axis]}, method="nearest")
        else:
            grid = grid.isel({axis: grid.sizes[axis] // 2})
        factor, unit = readable(grid[axis].attrs.get("units", "1"))
        notes.append(f"{symbol(axis)} = {number(float(grid[axis]) * factor)} {unit}".strip())
    if SHARE in grid:
        notes.append("most frequent outcome of " + (f"{int(grid['draw'])} draws" if "draw" in grid else "a bin's points"))
    if "draw" in grid["outcome"].dims:
        notes.append(f"most frequent outcome and median of {grid.sizes['draw']} draws")
        outcome = grid["outcome"]
        flat = outcome.reduce(most_frequent, dim="draw")
        flat.attrs = outcome.attrs
        names = [name for name, v in grid.data_vars.items() if "draw" in v.dims and np.issubdtype(v.dtype, np.floating)]
        medians = {name: grid[name].median("draw", skipna=True, keep_attrs=True) for name in names}
        grid = grid.drop_dims("draw").assign(outcome=flat, **medians)
    return grid, x, y, notes


def outcome_codes(grid, dims):
    """Outcomes as codes of CLASSES, whatever numbers the file uses."""
    outcome = grid["outcome"].transpose(*dims)
    meanings = str(outcome.attrs.get("flag_meanings", " ".join(CLASSES))).split()
    values = np.atleast_1d(outcome.attrs.get("flag_values", np.arange(len(meanings))))
    codes = np.full(outcome.shape, CODES["not_run"], dtype=int)
    for value, meaning in zip(values, meanings):
        codes[outcome.values == value] = CODES.get(meaning, CODES["not_run"])
    return codes


def shown_outputs(grid, dims, asked):
    """Two outputs to draw beside the classes."""
    names = [name for name, v in grid.data_vars.items()
             if set(v.dims) == set(dims) and np.issubdtype(v.dtype, np.floating)]
    if asked:
        for name in asked:
            if name not in names:
                raise Refused(f"--show {name}: the outputs of this file are {', '.join(names)}")
        return list(asked)
    if SHARE in names:
        means = sorted((name for name in names if name.endswith("_mean")), key=lambda name: name != "V_mean")
        return [SHARE] + means[:1]
    rest = [name for name in names if name not in ("resid", "delta", "iterations", "n_states", "growth_rate", "a_max")]
    first = [n for n in ["V", "Q"] if n in rest]
    first += [n for n in rest if grid[n].attrs.get("units") == "mol m-3"] + [n for n in rest if n.startswith("J_")] + rest
    second = [n for n in ["sigma_total", "Tsigma_total", "tau_slow"] if n in rest] + rest
    left = first[0] if first else None
    right = next((n for n in second if n != left), None)
    return [name for name in (left, right) if name]


def field(grid, name, dims):
    """Values in units for people, shaped as dims say."""
    variable = grid[name].transpose(*dims)
    return variable.values.astype(float) * readable(variable.attrs.get("units", "1"))[0]


def coordinate(grid, name):
    """Values, edges of the cells between them, and the scale of an axis."""
    values = grid[name].values.astype(float) * readable(grid[name].attrs.get("units", "1"))[0]
    scale = grid[name].attrs.get("nessmap_scale")
    is_log = np.all(values > 0) and (scale == "log" or scale == "list" and values.max() > 30 * values.min())
    at = np.log(values) if is_log else values
    if len(at) == 1:
        half = 0.5 if is_log else 0.5 * (abs(at[0]) or 1.0)
        edges = np.array([at[0] - half, at[0] + half])
    else:
        middle = 0.5 * (at[1:] + at[:-1])
        edges = np.concatenate([[2 * at[0] - middle[0]], middle, [2 * at[-1] - middle[-1]]])
    return values, np.exp(edges) if is_log else edges, "log" if is_log else "linear"


def is_wide(values):
    """True where a logarithmic colour scale tells more: positive and over more than two decades."""
    positive = values[np.isfinite(values) & (values > 0)]
    if positive.size == 0 or np.nanmin(values) < -1e-9 * positive.max():
        return False
    low, high = np.percentile(positive, [2, 98])
    return high > 100 * low


def variant_of(grid):
    """Variants of the model as the file's configuration says them."""
    config = nessmap_tools.config(grid) if "nessmap_config" in grid.attrs else {}
    return config.get("variant", {}), config.get("model", grid.attrs.get("nessmap_model", ""))


def heading(grid, notes):
    variants, model = variant_of(grid)
    title = str(grid.attrs.get("title", "")) or str(model)
    words = [str(model)] if model and str(model) not in title else []
    words += [f"{name} {choice}" for name, choice in variants.items()] + notes
    return prose(title), ", ".join(words)


# --- 4. maps ----------------------------------------------------------------------------------------------------


def dress(ax, grid, x, y, scales, x_edges, y_edges):
    """Scales, limits, ticks and labels; before any contour, whose labels are placed in the final coordinates."""
    ax.set_xscale(scales[0])
    ax.set_yscale(scales[1])
    ax.set_xlim(x_edges[0], x_edges[-1])
    ax.set_ylim(y_edges[0], y_edges[-1])
    ax.autoscale(False)
    ax.set_xlabel(label(grid[x]))
    ax.set_ylabel(label(grid[y]))
    for axis, scale in ((ax.xaxis, scales[0]), (ax.yaxis, scales[1])):
        if scale == "log":
            axis.set_major_locator(LogLocator(numticks=8))
            axis.set_minor_formatter(NullFormatter())
            axis.set_major_formatter(FuncFormatter(plain_or_power))
        else:
            axis.set_major_locator(MaxNLocator(6))


def plain_or_power(value, _):
    if 0.001 <= value < 10000:
        return f"{value:g}"
    return rf"$10^{{{int(round(np.log10(value)))}}}$"


def rising(xs, ys, values):
    """Coordinates in rising order for contouring."""
    if xs[0] > xs[-1]:
        xs, values = xs[::-1], values[:, ::-1]
    if ys[0] > ys[-1]:
        ys, values = ys[::-1], values[::-1]
    return xs, ys, values


def draw_contours(ax, xs, ys, values, levels, colour, formatter):
    inside = sorted(level for level in levels if np.nanmin(values) < level < np.nanmax(values))
    if not inside or min(values.shape) < 2:
        return
    drawn = ax.contour(*rising(xs, ys, values), levels=inside, colors=colour, linewidths=0.7, linestyles="solid")
    texts = list(ax.clabel(drawn, fontsize=7.5, inline=True, inline_spacing=3, fmt=formatter))
    if colour == "white":
        # a dark rim keeps white legible on the bright end of the colours
        drawn.set_path_effects([withStroke(linewidth=1.7, foreground="#00000070")])
        for text in texts:
            text.set_path_effects([withStroke(linewidth=1.5, foreground="#000000A0")])


def decades(values, most=7):
    """Powers of ten inside the range of positive values."""
    positive = values[np.isfinite(values) & (values > 0)]
    if positive.size == 0:
        return []
    low = max(np.log10(positive.min()), np.log10(positive.max()) - 12)
    powers = np.arange(np.ceil(low), np.floor(np.log10(positive.max())) + 1)
    return list(10.0 ** powers[:: max(1, int(np.ceil(len(powers) / most)))])


def power_text(value):
    return f"{value:g}" if 0.001 <= value <= 1000 else rf"$10^{{{int(round(np.log10(value)))}}}$"


def mark_equilibrium(ax, codes, xs, ys, x_edges, y_edges):
    """Equilibrium has no area in a scan: a thick line where it fills an edge of the map, dots where it lies inside."""
    is_eq = codes == CODES["equilibrium"]
    if not is_eq.any() or is_eq.mean() > 0.05:
        return
    colour = CLASSES["equilibrium"][0]
    inside = is_eq.copy()
    sides = [(is_eq[:, 0], x_edges[0], y_edges, True, np.s_[:, 0]), (is_eq[:, -1], x_edges[-1], y_edges, True, np.s_[:, -1]),
             (is_eq[0, :], y_edges[0], x_edges, False, np.s_[0, :]), (is_eq[-1, :], y_edges[-1], x_edges, False, np.s_[-1, :])]
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
        ax.plot(xs[columns], ys[rows], ".", color="white", markersize=5, zorder=5)
        ax.plot(xs[columns], ys[rows], ".", color=colour, markersize=3.5, zorder=6)


def runs(mask):
    """[first, last) of every run of True."""
    padded = np.concatenate([[False], mask, [False]]).astype(int)
    steps = np.diff(padded)
    return list(zip(np.nonzero(steps == 1)[0], np.nonzero(steps == -1)[0]))


def class_legend(figure_or_ax, codes, growth=None, extra=(), **where):
    """Classes with their shares; `growth` is what the model calls growth without end ("lysis")."""
    handles = []
    for name, (colour, hatch, words) in CLASSES.items():
        share = np.mean(codes == CODES[name])
        if name == "no_steady_state_growth" and growth:
            words = f"no steady state: {growth}"
        if share > 0:
            handles.append(Patch(facecolor=colour, hatch=hatch, edgecolor=INK, linewidth=0.6,
                                 label=f"{words} {percent(share)}"))
    handles += list(extra)
    return figure_or_ax.legend(handles=handles, frameon=False, fontsize=8.5, handlelength=1.8, **where)


def class_panel(ax, grid, codes, xs, ys, x_edges, y_edges, dims):
    colours = ListedColormap([colour for colour, _, _ in CLASSES.values()])
    ax.pcolormesh(x_edges, y_edges, codes, cmap=colours, norm=Normalize(-0.5, len(CLASSES) - 0.5), rasterized=True)
    for name, (_, hatch, _) in CLASSES.items():
        mask = codes == CODES[name]
        if hatch and mask.any() and min(mask.shape) >= 2:
            with plt.rc_context({"hatch.linewidth": 0.5, "hatch.color": "#00000080"}):
                ax.contourf(*rising(xs, ys, mask.astype(float)), levels=[0.5, 1.5], colors="none", hatches=[hatch])
                ax.contour(*rising(xs, ys, mask.astype(float)), levels=[0.5], colors=INK, linewidths=0.9)
    failed = np.nonzero(codes == CODES["not_converged"])
    if 0 < len(failed[0]) < 0.002 * codes.size:
        ax.plot(xs[failed[1]], ys[failed[0]], "x", color="black", markersize=4, markeredgewidth=0.8, zorder=7)
    title = "outcome"
    if "a_max" in grid and set(grid["a_max"].dims) == set(dims):
        forces = field(grid, "a_max", dims)
        if np.isfinite(forces).any():
            draw_contours(ax, xs, ys, forces, decades(forces) + [30.0, 3.0], INK, power_text)
            title += ",  contours: largest force (RT)"
    ax.set_title(title, fontsize=10)
    mark_equilibrium(ax, codes, xs, ys, x_edges, y_edges)


def value_panel(figure, ax, grid, name, xs, ys, x_edges, y_edges, dims, colours):
    values = field(grid, name, dims)
    ax.set_facecolor(NO_VALUE)
    ax.patch.set_hatch("////")
    ax.patch.set_edgecolor("#A8A8A8")
    finite = values[np.isfinite(values)]
    ax.set_title(prose(grid[name].attrs.get("long_name", name)), fontsize=10)
    if finite.size == 0:
        ax.text(0.5, 0.5, "no values here", transform=ax.transAxes, ha="center")
        return
    extend = "neither"
    if name != SHARE and is_wide(values):
        low, high = np.percentile(finite[finite > 0], [0.5, 100])
        low = max(low, high * 1e-9)
        norm = LogNorm(low, high)
        extend = "min" if finite.min() < low else "neither"
        shown = np.where(values < low, low, values)
        levels, formatter = decades(np.where(values >= low, values, np.nan)), power_text
    else:
        low, high = (0.0, 100.0) if name == SHARE else (finite.min(), finite.max())
        if high - low < 1e-9 * max(abs(low), abs(high), 1e-30):
            low, high = low - 0.5, high + 0.5
        norm = Normalize(low, high)
        shown = values
        levels = [tick for tick in MaxNLocator(8).tick_values(low, high)]
        formatter = lambda level: number(level)
    mesh = ax.pcolormesh(x_edges, y_edges, np.ma.masked_invalid(shown), cmap=colours, norm=norm, rasterized=True)
    draw_contours(ax, xs, ys, values, levels, "white", formatter)
    bar = figure.colorbar(mesh, ax=ax, extend=extend, pad=0.02, aspect=28)
    bar.set_label(label(grid[name], is_short=True))
    bar.outline.set_linewidth(0.5)


def draw_map(grid, x, y, notes, asked, overlay):
    dims = (y, x)
    xs, x_edges, x_scale = coordinate(grid, x)
    ys, y_edges, y_scale = coordinate(grid, y)
    codes = outcome_codes(grid, dims)
    names = shown_outputs(grid, dims, asked)
    figure, axes = plt.subplots(1, 1 + len(names), figsize=(5.2 * (1 + len(names)), 5.0), layout="constrained", squeeze=False)
    panels = axes[0]
    extra, marked = [], []
    for ax in panels:
        dress(ax, grid, x, y, (x_scale, y_scale), x_edges, y_edges)
        if overlay == "lysis":
            extra = overlay_lysis(ax, grid, x, y)
        if grid.attrs.get("nessmap_refine_class", "outcome") != "outcome":
            marked = mark_boundary(ax, grid, x, y)
    class_panel(panels[0], grid, codes, xs, ys, x_edges, y_edges, dims)
    for ax, name, colours in zip(panels[1:], names, ("cividis", "viridis") * len(names)):
        value_panel(figure, ax, grid, name, xs, ys, x_edges, y_edges, dims, colours)
    class_legend(panels[0], codes, grid.attrs.get("nessmap_growth_name"), extra + marked, loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2, columnspacing=1.2)
    return figure, codes


def mark_boundary(ax, grid, x, y):
    """Points of a refined boundary that is not one of outcomes: a level of an output, say."""
    at = [grid[f"boundary_{name}"].values * readable(grid[name].attrs.get("units", "1"))[0] for name in (x, y)]
    name, words = grid.attrs["nessmap_refine_class"], "steady or not"
    if name in grid:
        factor, unit = readable(grid[name].attrs.get("units", "1"))
        words = f"{symbol(name)} = {number(grid.attrs['nessmap_refine_threshold'] * factor)} {unit}, or the end of values"
    style = {"marker": ".", "linestyle": "", "color": "#B2182B", "markersize": 1.5}
    ax.plot(*at, **style, zorder=8)
    return [plt.Line2D([], [], label=words, **{**style, "markersize": 6})]


def overlay_lysis(ax, grid, x, y):
    """The lysis boundary in closed form (lysis_boundary.py) over a map of pump_leak."""
    variants, _ = variant_of(grid)
    pump = variants.get("pump", "rev")
    missing = [name for name in lysis_boundary.NEEDED + ("p_max",) if name not in grid.coords and name not in grid.variables]
    if missing:
        raise Refused(f"--overlay lysis: the file has no {missing[0]}; the overlay is for pump_leak")
    cotransport = [name for name in ("L_NKCC", "L_KCC") if name in grid.variables and np.any(grid[name].values != 0)]
    if variants.get("leak", "ohmic") != "ohmic" or variants.get("membrane") == "clamped" or cotransport:
        raise Refused("--overlay lysis: the closed form holds for ohmic leaks and a free potential, without cotransport")
    style = {"color": "black", "linewidth": 1.6, "linestyle": (0, (4, 2))}
    handle = plt.Line2D([], [], label="lysis boundary, closed form", **style)
    names = lysis_boundary.NEEDED + ("p_max",)
    if "p_max" in (x, y) and all(grid[name].ndim == 0 for name in names if name not in (x, y)):
        # an exact line, finer than the grid
        other = y if x == "p_max" else x
        values, _, scale = coordinate(grid, other)
        fine = (np.geomspace if scale == "log" else np.linspace)(values[0], values[-1], 2000)
        p = {name: float(grid[name]) for name in names if name not in (x, y)}
        p[other] = fine / readable(grid[other].attrs.get("units", "1"))[0]
        boundary = lysis_boundary.boundary_p_max(p, pump)
        line = np.where(np.isfinite(boundary), boundary, np.nan) * readable(grid["p_max"].attrs.get("units", "1"))[0]
        ax.plot(*((fine, line) if y == "p_max" else (line, fine)), **style, zorder=8)
    else:
        # from cell to cell: parameters may be tied to the axes
        coarse = grid.isel({name: slice(None, None, max(1, grid.sizes[name] // 300)) for name in (x, y)})
        frame = coarse["outcome"].transpose(y, x)
        p = {name: coarse[name].broadcast_like(frame).transpose(y, x).values for name in names}
        boundary = lysis_boundary.boundary_p_max(p, pump)
        with np.errstate(divide="ignore"):
            excess = np.clip(np.log(p["p_max"]) - np.log(boundary), -50.0, 50.0)
        xs, ys = coordinate(coarse, x)[0], coordinate(coarse, y)[0]
        ax.contour(*rising(xs, ys, excess), levels=[0.0], colors="black", linewidths=1.6, linestyles=[(0, (4, 2))], zorder=8)
    return [handle]


# --- 5. lines ---------------------------------------------------------------------------------------------------


def draw_lines(grid, x, notes, asked):
    dims = (x,)
    xs, edges, scale = coordinate(grid, x)
    codes = outcome_codes(grid, dims)
    names = shown_outputs(grid, dims, asked)
    inner = [name for name, v in grid.data_vars.items()
             if v.dims == dims and v.attrs.get("units") == "mol m-3" and name not in names
             and (SHARE not in grid or name.endswith("_mean"))]
    groups = [[name] for name in names]
    if inner and not asked:
        groups.insert(1, inner)
    figure, axes = plt.subplots(1 + len(groups), 1, figsize=(7.5, 1.4 + 2.3 * len(groups)), sharex=True, layout="constrained",
                                squeeze=False, height_ratios=[0.16] + [1.0] * len(groups))
    strip = axes[0][0]
    colours = ListedColormap([colour for colour, _, _ in CLASSES.values()])
    strip.pcolormesh(edges, [0, 1], codes[None, :], cmap=colours, norm=Normalize(-0.5, len(CLASSES) - 0.5))
    strip.set_yticks([])
    for where in np.nonzero(codes == CODES["equilibrium"])[0]:
        strip.plot(xs[where], 0.5, "o", color=CLASSES["equilibrium"][0], markeredgecolor="white", clip_on=False, zorder=5)
    class_legend(strip, codes, grid.attrs.get("nessmap_growth_name"), loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, columnspacing=1.2)
    palette = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]
    has_value = np.isin(codes, [CODES[name] for name in ("equilibrium", "ness", "oscillatory", "unstable")])
    for (ax,), group in zip(axes[1:], groups):
        for i, name in enumerate(group):
            ax.plot(xs, field(grid, name, dims), color=palette[i % len(palette)],
                    linestyle=("-", "--", "-.", ":")[i % 4], linewidth=1.6, label=symbol(name))
        for first, last in runs(~has_value):
            ax.axvspan(edges[first], edges[last], facecolor=NO_VALUE, edgecolor="#A8A8A8", hatch="////", linewidth=0)
        ax.set_ylabel(label(grid[group[0]], is_short=True) if len(group) == 1
                      else f"concentration ({readable(grid[group[0]].attrs.get('units', '1'))[1]})")
        if len(group) > 1:
            ax.legend(frameon=False, fontsize=9)
        if len(group) == 1 and group[0] != SHARE and is_wide(field(grid, group[0], dims)):
            positive = field(grid, group[0], dims)
            top = np.nanmax(positive)
            ax.set_yscale("log")
            ax.set_ylim(max(np.nanmin(positive[positive > 0]), 1e-9 * top) / 1.5, top * 2)
        if group == [SHARE]:
            ax.set_ylim(-3.0, 103.0)
        ax.grid(alpha=0.25, linewidth=0.6)
    axes[-1][0].set_xscale(scale)
    axes[-1][0].set_xlim(edges[0], edges[-1])
    axes[-1][0].set_xlabel(label(grid[x]))
    return figure, codes


# --- 6. command line --------------------------------------------------------------------------------------------


def plot(path, out, x=None, y=None, selections=(), show=None, overlay=None, title=None, dpi=150):
    """Draws the file `path` into the picture `out`; raises Refused with one sentence."""
    with open_grid(path) as grid:
        part, x, y, notes = choose(grid, x, y, selections)
        part.attrs = grid.attrs
        if y is None:
            if overlay:
                raise Refused(f"--overlay {overlay}: needs a map of two parameters")
            figure, codes = draw_lines(part, x, notes, show)
        else:
            figure, codes = draw_map(part, x, y, notes, show, overlay)
        found, subtitle = heading(part, notes)
        title = title or found
        figure.suptitle(title + (f"\n{subtitle}" if subtitle else ""), fontsize=11)
        figure.savefig(out, dpi=dpi)
        plt.close(figure)
    return codes


def main():
    parser = argparse.ArgumentParser(description="Draws a grid file of nessmap: classes, potential, entropy production.")
    parser.add_argument("file", help="NetCDF file of nessmap with one or more axes")
    parser.add_argument("-o", "--output", help="picture to write (default: beside the file, .png)")
    parser.add_argument("--x", metavar="NAME", help="axis from left to right (default: the first axis of the file)")
    parser.add_argument("--y", metavar="NAME", help="axis from bottom to top (default: the second)")
    parser.add_argument("--sel", metavar="NAME=VALUE", action="append", default=[],
                        help="hold another axis at the nearest value (default: its middle)")
    parser.add_argument("--show", metavar="NAME", nargs="+", help="outputs to draw beside the classes")
    parser.add_argument("--overlay", choices=["lysis"], help="closed-form boundary drawn over the map")
    parser.add_argument("--title", help="heading of the picture (default: the title of the file)")
    parser.add_argument("--dpi", type=int, default=150)
    options = parser.parse_args()
    out = options.output or str(Path(options.file).with_suffix(".png"))
    try:
        plot(options.file, out, options.x, options.y, options.sel, options.show, options.overlay, options.title,
             options.dpi)
    except Refused as refusal:
        print(f"plot_map: {refusal}", file=sys.stderr)
        return 2
    print(out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
