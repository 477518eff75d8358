#!/usr/bin/env python3
"""Draws the sensitivity indices of a file of nessmap: what decides an output, and what decides whether a cell lives.

    plot_indices.py OUT.nc [-o OUT.png] [--show NAME NAME] [--at AXIS=VALUE]...

One panel for each output and each outcome that varies; a bar for each input, with its interval of 95 %. Sobol: the total
index in light, the first-order index in dark. Morris: the mean size of the elementary effects, and their standard
deviation as a diamond. DGSM: the upper bound of the total index; a bar that fills the panel is a bound above 1.
"""

import argparse
import math
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import xarray

sys.path.insert(0, str(Path(__file__).resolve().parent))
from nessmap_tools import Refused
from plot_map import number, percent, readable, symbol

# measures of a reducer: name of the variable, colour, text
MEASURES = {
    "sobol": [("ST", "#8FCBEF", "total"), ("S1", "#0072B2", "first order")],
    "morris": [("mu_star", "#8FCBEF", "mean size of the effect"), ("sigma", "#D55E00", "standard deviation")],
    "dgsm": [("ST_bound", "#8FCBEF", "upper bound of the total index")],
}
OUTCOMES = {
    "steady": "whether there is a steady state",
    "growth": "whether it grows without end",
    "depletion": "whether a species runs out",
    "failed": "whether it could be solved",
}


def open_indices(path, places):
    try:
        file = xarray.open_dataset(path, engine="netcdf4", decode_times=False, decode_timedelta=False)
    except (OSError, ValueError) as error:
        raise Refused(f"{path}: not a NetCDF file that can be read ({error})") from None
    kind = file.attrs.get("nessmap_reduce")
    if kind not in MEASURES or "input" not in file.dims:
        raise Refused(f'{path}: holds no indices; they come of [[reduce]] kind = "sobol", "morris" or "dgsm"')
    for text in places:
        name, _, value = text.partition("=")
        if name not in file.dims or name == "input":
            raise Refused(f"--at {text}: the axes of this file are {', '.join(axes_of(file)) or 'none'}")
        try:
            file = file.sel({name: float(value)}, method="nearest")
        except ValueError:
            raise Refused(f"--at {text}: {value!r} is not a number") from None
    for name in axes_of(file):
        file = file.isel({name: file.sizes[name] // 2})
    return file, kind


def axes_of(file):
    return [name for name in file.dims if name not in ("input", "other_input")]


def quantities(file, kind, asked):
    """Outputs and outcomes with indices, in the order of the file; those that do not vary are left out."""
    first = MEASURES[kind][0][0] + "_"
    have = [name[len(first):] for name in file.data_vars if name.startswith(first) and not name.startswith(first + "conf_")]
    have = have or [name[3:] for name in file.data_vars if name.startswith("S1_") and not name.startswith("S1_conf_")]
    for name in asked or ():
        if name not in have:
            raise Refused(f"--show {name}: this file has indices of {', '.join(have)}")
    vary = [name for name in asked or have if float(file[f"variance_{name}"]) > 0.0]
    if not vary:
        raise Refused("nothing varies in this file: no output has an index")
    return vary


def heading(file, name):
    mean = float(file[f"mean_{name}"])
    if name in OUTCOMES:
        return f"{OUTCOMES[name]}: {percent(mean)}"
    factor, unit = readable(file[f"mean_{name}"].attrs.get("units", "1"))
    return f"{symbol(name)}, mean {number(mean * factor)} {unit}".strip()


def draw_panel(ax, file, kind, name, rows):
    factor, unit = readable(file[f"{MEASURES[kind][0][0]}_{name}"].attrs.get("units", "1")) if kind == "morris" else (1.0, "")
    widest = 0.0
    for rank, (measure, colour, text) in enumerate(MEASURES[kind]):
        if f"{measure}_{name}" not in file:
            continue
        values = factor * file[f"{measure}_{name}"].values
        widths = factor * np.nan_to_num(file[f"{measure}_conf_{name}"].values)
        widest = max(widest, widths.max())
        if kind == "morris" and rank == 1:
            ax.plot(values, rows, "D", color=colour, markersize=5, markeredgecolor="white", label=text, zorder=4)
            continue
        ax.barh(rows, values, height=0.74 - 0.34 * rank, color=colour, label=text, zorder=2 + rank)
        ax.errorbar(values, rows, xerr=widths, fmt="none", ecolor="black", elinewidth=1.0, capsize=2.0, zorder=5)
    ax.set_title(heading(file, name), fontsize=10)
    ax.grid(axis="x", alpha=0.3, linewidth=0.6)
    if kind == "dgsm":  # a bound says nothing above 1
        ax.set_xlim(0.0, 1.0)
        ax.set_xlabel("share of the variance, at most")
    elif kind == "sobol":
        low, high = ax.get_xlim()
        ax.set_xlim(min(0.0, max(low, -0.2)), max(1.0, min(high, 1.2)))
        ax.set_xlabel("share of the variance")
        if widest > 0.5:
            ax.text(0.97, 0.5, "not determined:\nthis sample is too small\nor the variance infinite", fontsize=9, ha="right",
                    va="center", transform=ax.transAxes, bbox={"facecolor": "white", "edgecolor": "none"}, zorder=6)
    else:
        ax.set_xlabel("change over the range of the input" + (f" ({unit})" if unit else ""))
    ax.spines[["top", "right"]].set_visible(False)


def plot(path, out, show=None, places=(), title=None, dpi=150):
    """Draws the file `path` into the picture `out`; raises Refused with one sentence."""
    file, kind = open_indices(path, places)
    with file:
        names = quantities(file, kind, show)
        inputs = [str(name) for name in file["input"].values]
        columns = min(len(names), 3)
        lines = math.ceil(len(names) / columns)
        figure, axes = plt.subplots(lines, columns, sharey=True, squeeze=False, layout="constrained",
                                    figsize=(1.2 + 3.4 * columns, 1.1 + lines * (0.8 + 0.28 * len(inputs))))
        rows = np.arange(len(inputs))
        for ax, name in zip(axes.flat, names):
            draw_panel(ax, file, kind, name, rows)
        for ax in axes.flat[len(names):]:
            ax.set_visible(False)
        axes.flat[0].set_yticks(rows, [symbol(name) for name in inputs])
        axes.flat[0].invert_yaxis()
        axes.flat[0].legend(frameon=False, fontsize=8, loc="lower right")
        figure.suptitle(title or file.attrs.get("title", ""), fontsize=11)
        figure.savefig(out, dpi=dpi)
        plt.close(figure)
    return names


def main():
    parser = argparse.ArgumentParser(description="Draws the sensitivity indices of a file of nessmap.")
    parser.add_argument("file", help='NetCDF file of nessmap with [[reduce]] kind = "sobol", "morris" or "dgsm"')
    parser.add_argument("-o", "--output", help="picture to write (default: beside the file, .png)")
    parser.add_argument("--show", metavar="NAME", nargs="+", help="outputs to draw (default: all that vary)")
    parser.add_argument("--at", metavar="AXIS=VALUE", action="append", default=[],
                        help="the nearest cell of an axis (default: its middle)")
    parser.add_argument("--title", help="heading of the picture (default: the title of the file)")
    parser.add_argument("--dpi", type=int, default=150)
    options = parser.parse_args()
    out = options.output or str(Path(options.file).with_suffix(".png"))
    try:
        plot(options.file, out, options.show, options.at, options.title, options.dpi)
    except Refused as refusal:
        print(f"plot_indices: {refusal}", file=sys.stderr)
        return 2
    print(out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
