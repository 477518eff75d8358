"""What a reader without nessmap does with a file: xarray opens, selects and plots it without a warning; ncdump reads it.

  python tests/test_xarray.py --nessmap build/nessmap
"""

import os
import pathlib
import shutil
import subprocess
import warnings

os.environ["MPLBACKEND"] = "Agg"

import matplotlib.pyplot as plt
import numpy as np
import xarray

import harness

# a map whose every cell holds draws of its own, in a bath that follows the axis
NESTED = """\
model = "pump_leak"
[design]
kind = "random"
n = 6
[[axis]]
name = "K_o"
values = [2.0, 4.0, 8.0, 40.0]
[[random]]
name = "g_Na"
dist = "loguniform"
min = 0.1
max = 10.0
[tie]
Na_o = "150 - K_o"
"""


def run_scan(args, checks, folder, name, text, *more):
    (folder / f"{name}.toml").write_text(text)
    done = harness.run(args.nessmap, "run", f"{name}.toml", *more, cwd=folder)
    checks.check(done.returncode == 0, f"{name}: exit {done.returncode}, {done.stderr}")
    return folder / f"{name}.nc"


def shipped(name):
    return (harness.CONFIGS / f"{name}.toml").read_text()


def outcome_words(cells):
    """The outcome of each point as a word, by the attributes alone."""
    words = dict(zip(cells.outcome.attrs["flag_values"].tolist(), cells.outcome.attrs["flag_meanings"].split()))
    return xarray.apply_ufunc(np.vectorize(words.__getitem__), cells.outcome)


def check_any(cells, name, checks):
    """What holds for every file: words, gaps, units, parameters as coordinates."""
    words = outcome_words(cells)
    found = set(np.unique(words))
    checks.check({"ness"} <= found and "not_run" not in found, f"{name}: outcomes {found}")
    has_values = np.isin(words, cells.attrs["valid_outcomes"].split())
    for output in ("V", "Na_i", "sigma_total", "tau_slow"):
        checks.check(cells[output].dtype == np.float32, f"{name}: {output} is {cells[output].dtype}")
        checks.check(bool((cells[output].notnull().values == has_values).all()), f"{name}: gaps of {output}")
    checks.check(cells.outcome.dtype == np.int8 and cells.flags.dtype == np.uint16, f"{name}: types of the verdict")
    masks = cells.flags.attrs["flag_masks"]
    checks.check(len(masks) == len(cells.flags.attrs["flag_meanings"].split()), f"{name}: meanings of flags")
    checks.check(not (cells.flags.values & ~np.bitwise_or.reduce(masks)).any(), f"{name}: flags without a meaning")
    lacking = [key for key in cells.variables if "units" not in cells[key].attrs and key not in ("outcome", "flags", "draw")]
    checks.check(not lacking, f"{name}: no units: {lacking}")
    checks.check({"T", "g_K", "p_max", "Na_o"} <= set(cells.coords), f"{name}: parameters are not coordinates")
    checks.check(not {"T", "g_K", "p_max", "Na_o"} & set(cells.data_vars), f"{name}: parameters among the data")


def check_grid(path, checks):
    with xarray.open_dataset(path) as cells:
        name = "grid"
        check_any(cells, name, checks)
        checks.check(cells.V.dims == ("dG_ATP", "g_Na") and set(cells.indexes) == {"dG_ATP", "g_Na"}, f"{name}: {cells.V.dims}")
        checks.check(cells.K_o.shape == () and float(cells.K_o) == 3.0, f"{name}: a fixed parameter")

        # README's line: the nearest cell, whose neighbours are farther
        cell = cells.sel(dG_ATP=-57e3, g_Na=0.1, method="nearest")
        for axis, wanted in (("dG_ATP", -57e3), ("g_Na", 0.1)):
            nearest = np.abs(cells[axis].values - wanted).min()
            checks.check(abs(float(cell[axis]) - wanted) == nearest, f"{name}: .sel of {axis}")
        checks.check(str(outcome_words(cell).values) == "ness" and -0.11 < float(cell.V) < -0.05, f"{name}: {cell.V}")
        edge = cells.sel(dG_ATP=0.0)
        checks.check(bool((outcome_words(edge) == "equilibrium").all()), f"{name}: the edge without fuel")

        figure, axes = plt.subplots(1, 3)
        picture = cells.V.plot(ax=axes[0], yscale="log", x="dG_ATP")
        checks.check(bool(np.isfinite(picture.get_array()).any()), f"{name}: an empty picture")
        checks.check("[V]" in picture.colorbar.ax.get_ylabel() and "[S m-2]" in axes[0].get_ylabel(), f"{name}: labels")
        cells.outcome.plot(ax=axes[1])
        (line,) = cells.V.sel(g_Na=0.1, method="nearest").plot(ax=axes[2])
        checks.check(len(line.get_xdata()) == cells.sizes["dG_ATP"], f"{name}: a line")
        figure.canvas.draw()
        plt.close(figure)


def check_sample(path, checks):
    with xarray.open_dataset(path) as cells:
        name = "sample"
        check_any(cells, name, checks)
        checks.check(cells.V.dims == ("sample",) and cells.sizes["sample"] == 300, f"{name}: {cells.sizes}")
        checks.check(cells.g_Na.dims == ("sample",) and "g_Na" in cells.V.coords, f"{name}: drawn parameters")
        checks.check(0.01 <= float(cells.g_Na.min()) < float(cells.g_Na.max()) <= 10.0, f"{name}: drawn values")
        leaky = cells.where(cells.g_Na > 1.0, drop=True)
        checks.check(0 < leaky.sizes["sample"] < 300, f"{name}: .where")
        # samples have no order to be near in, parameters that were made an index have
        ordered = cells.V.set_index(sample="g_Na").sortby("sample").sel(sample=1.0, method="nearest")
        checks.check(np.abs(cells.g_Na.values - 1.0).min() == abs(float(ordered.sample) - 1.0), f"{name}: .sel")

        figure, axes = plt.subplots(1, 2)
        cells.V.plot(ax=axes[0])
        points = cells.plot.scatter(ax=axes[1], x="g_Na", y="V", xscale="log")
        checks.check(len(points.get_offsets()) > 100, f"{name}: a scatter plot")
        figure.canvas.draw()
        plt.close(figure)


def check_nested(path, checks):
    with xarray.open_dataset(path) as cells:
        name = "draws in each cell"
        check_any(cells, name, checks)
        checks.check(cells.V.dims == ("K_o", "draw") and cells.sizes["draw"] == 6, f"{name}: {cells.sizes}")
        checks.check(cells.Na_o.dims == ("K_o",) and bool((cells.Na_o + cells.K_o == 150.0).all()), f"{name}: a tie")
        checks.check(cells.g_Na.dims == ("K_o", "draw") and np.unique(cells.g_Na).size == 24, f"{name}: draws")
        (line,) = cells.V.mean("draw").plot()
        checks.check(line.get_xdata().tolist() == [2.0, 4.0, 8.0, 40.0], f"{name}: a line")
        plt.close("all")


def check_ncdump(path, checks, wanted):
    ncdump = shutil.which("ncdump")
    if not ncdump:
        harness.not_run("ncdump -h on files of the program (no ncdump here)")
        return
    done = subprocess.run([ncdump, "-h", path], capture_output=True, text=True, check=False)
    checks.check(done.returncode == 0 and not done.stderr, f"ncdump: exit {done.returncode}, {done.stderr}")
    for text in wanted:
        checks.check(text in done.stdout, f"ncdump -h of {path.name} does not say {text!r}")


def run_checks(args, checks):
    with harness.scratch() as name, warnings.catch_warnings():
        warnings.simplefilter("error")
        folder = pathlib.Path(name)
        grid = run_scan(args, checks, folder, "grid", shipped("pump_leak_phase"),
                        *harness.sets(**{"axis.dG_ATP.n": 61, "axis.g_Na.n": 48}))
        check_grid(grid, checks)
        compressed = run_scan(args, checks, folder, "compressed", shipped("pump_leak_phase"),
                              *harness.sets(**{"axis.dG_ATP.n": 61, "axis.g_Na.n": 48, "output.compression": 4}))
        check_grid(compressed, checks)
        sample = run_scan(args, checks, folder, "sample", shipped("pump_leak_random"), *harness.sets(**{"design.n": 300}))
        check_sample(sample, checks)
        nested = run_scan(args, checks, folder, "nested", NESTED)
        check_nested(nested, checks)
        check_ncdump(grid, checks, ("dG_ATP = 61 ;", "float V(dG_ATP, g_Na) ;", 'V:units = "V" ;', "flag_meanings"))
        check_ncdump(sample, checks, ("sample = 300 ;", "double g_Na(sample) ;", 'g_Na:units = "S m-2" ;'))


def test_xarray():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
