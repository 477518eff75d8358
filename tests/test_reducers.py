"""Bins along outputs and parameters, first-order indices from any sample, quantiles: against NumPy on the same
points kept in full, against closed forms, and the same bytes whatever the run.

    python tests/test_reducers.py --nessmap build/nessmap
"""

import pathlib
import signal
import time

import harness
import netCDF4
import numpy as np
import test_cuda_run

RANDOM = {"g_K": (0.1, 10.0), "p_max": (1e-7, 1e-5), "g_Na": (0.01, 30.0)}
OUTCOMES = (
    "equilibrium ness oscillatory unstable no_steady_state_growth no_steady_state_depletion left_domain "
    "not_converged not_run"
).split()
OUTPUTS = ["V", "ell", "sigma_total", "growth_rate"]
AXES = """axes = [{ name = "V", min = "-90 mV", max = -0.02, n = 31 },
        { name = "g_K", min = 0.3, max = 20.0, n = 12 }]
"""
MAP = """
[[axis]]
name = "dG_ATP"
min = "-60 kJ/mol"
max = "-10 kJ/mol"
n = 4
"""

# below zero at few points, which fail: they are outside the model's domain
SODIUM = """
[[random]]
name = "Na_o"
dist = "normal"
mean = 30.0
sd = 20.0
[limits]
max_failed = 1.0
"""


def scan(kind="random", n=20000, reduce="", extra="", more="", outputs=OUTPUTS, model="pump_leak"):
    text = f'model = "{model}"\n[design]\nkind = "{kind}"\nn = {n}\nseed = 5\n{extra}\n{more}\n'
    for name, (low, high) in RANDOM.items():
        text += f'[[random]]\nname = "{name}"\ndist = "loguniform"\nmin = {low!r}\nmax = {high!r}\n'
    quoted = ", ".join(f'"{name}"' for name in outputs)
    text += f'[output]\nvariables = [{quoted}]\nprecision = "f64"\n'
    return text + (f"[[reduce]]\n{reduce}\n" if reduce else "")


class Folder:
    """A scan in a folder of its own; `file` opens its output."""

    def __init__(self, args, text, *options, wanted=0, checks=None):
        self.folder = harness.scratch()
        self.path = pathlib.Path(self.folder.name)
        (self.path / "scan.toml").write_text(text)
        self.done = harness.run(
            args.nessmap, "run", "scan.toml", "-o", "out.nc", "--quiet", *options, cwd=self.path
        )
        if checks:
            checks.check(self.done.returncode == wanted, f"exit {self.done.returncode}: {self.done.stderr}")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.folder.cleanup()

    def file(self):
        file = netCDF4.Dataset(self.path / "out.nc")
        file.set_auto_mask(False)
        return file

    def bytes(self):
        return (self.path / "out.nc").read_bytes()


def points_of(args, checks, text):
    """every point of a scan: outputs, drawn parameters and the outcome, flat"""
    with Folder(args, text, checks=checks) as full, full.file() as file:
        return {name: np.asarray(file[name][...]).ravel() for name in file.variables}


def same(a, b):
    a, b = np.asarray(a), np.asarray(b)
    return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def check_scatter(args, checks):
    points = points_of(args, checks, scan())
    with Folder(args, scan(reduce='kind = "bins"\n' + AXES), checks=checks) as run, run.file() as file:
        edges = [np.r_[file[f"{name}_bounds"][:, 0], file[f"{name}_bounds"][-1, 1]] for name in ("V", "g_K")]
        checks.check(np.allclose(edges[0], np.linspace(-0.09, -0.02, 32), rtol=1e-14, atol=0), "edges of V")
        checks.check(file["g_K"].nessmap_scale == "log", "the model says how g_K is spread")
        checks.check(np.allclose(edges[1], np.geomspace(0.3, 20.0, 13), rtol=1e-14, atol=0), "edges of g_K")
        where = np.stack([points["V"], points["g_K"]], 1)
        valid = np.isfinite(points["V"])
        checks.check(0.3 < valid.mean() < 0.99, f"{valid.mean():.2f} of the points have a potential")
        counts = np.histogramdd(where[valid], edges)[0]
        checks.check(same(file["n"][:], counts) and counts.max() > 20, "n of the bins")
        checks.check(int(file["n_outside"][()]) == len(valid) - counts.sum() > 0, "n_outside")
        at = [np.searchsorted(e, x, side="right") - 1 for e, x in zip(edges, where.T)]
        inside = valid & (at[0] >= 0) & (at[0] < 31) & (at[1] >= 0) & (at[1] < 12)
        flat = np.where(inside, at[0] * 12 + at[1], 31 * 12)
        for k, name in enumerate(OUTCOMES):
            wanted = np.bincount(flat, points["outcome"] == k, 31 * 12 + 1)
            checks.check(same(file[f"count_{name}"][:].ravel(), wanted[:-1]), f"count_{name}")
            checks.check(file[f"outside_count_{name}"][()] == wanted[-1], f"outside_count_{name}")
            checks.check(file[f"total_count_{name}"][()] == wanted.sum(), f"total_count_{name}")
        for name in OUTPUTS:
            y = points[name]
            spread = np.ptp(y[np.isfinite(y)])
            worst = {"mean": 0.0, "sd": 0.0}
            for b in range(31 * 12):
                x = y[(flat == b) & np.isfinite(y)]
                at_bin = np.unravel_index(b, (31, 12))
                found = {key: file[f"{name}_{key}"][at_bin] for key in ("n", "mean", "sd", "min", "max")}
                exact = found["n"] == len(x)
                if len(x) > 0:
                    exact &= found["min"] == x.min() and found["max"] == x.max()
                    worst["mean"] = max(worst["mean"], abs(found["mean"] - x.mean()) / spread)
                else:
                    exact &= np.isnan([found[key] for key in ("mean", "sd", "min", "max")]).all()
                if len(x) > 1:
                    worst["sd"] = max(worst["sd"], abs(found["sd"] - x.std(ddof=1)) / spread)
                if not exact:
                    checks.check(False, f"{name}: n, min or max of bin {b}")
            checks.check(worst["mean"] < 1e-12 and worst["sd"] < 1e-12, f"{name}: {worst} of the spread")
        checks.check(file.nessmap_n_clamped == 0, "nothing was clamped")
        again = harness.run(args.nessmap, "run", "scan.toml", "-o", "out.nc", cwd=run.path)
        checks.check(again.returncode == 0 and "is finished already" in again.stderr, again.stderr)
        point = harness.run(args.nessmap, "point", "--from", "out.nc", "--index", "3", cwd=run.path)
        checks.check(point.returncode == 0 and "outcome" in point.stdout, f"a point of the file: {point}")
        (run.path / "kept.toml").write_text(file.nessmap_config)
        again = harness.run(args.nessmap, "run", "kept.toml", "-o", "out.nc", cwd=run.path)
        checks.check(again.returncode == 0 and "is finished already" in again.stderr, f"kept: {again.stderr}")


def check_far(args, checks):
    """Values that the pilot cannot have seen are counted, and told: their extremes are exact."""
    more = '[[random]]\nname = "C_tot"\ndist = "lognormal"\nmean = 0.0\nsd = 9.0\n'
    text = 'model = "driven_cycle"\n[design]\nkind = "random"\nn = 200000\nseed = 3\n' + more
    text += "[fixed]\nk1f = 9.0\n[output]\nvariables = [\"J_R1\"]\nprecision = \"f64\"\n"
    reduce = '[[reduce]]\nkind = "bins"\naxes = [{ name = "C_tot", min = 1e-300, max = 1e300, n = 1, scale = "log" }]\n'
    flux = points_of(args, checks, text)["J_R1"]
    flux = flux[np.isfinite(flux)]
    with Folder(args, text + reduce, checks=checks) as run, run.file() as file:
        far = int(file.nessmap_n_clamped)
        checks.check(0 < far < 1000, f"{far} values were clamped")
        again = harness.run(args.nessmap, "run", "scan.toml", "-o", "out.nc", cwd=run.path)
        checks.check(again.returncode == 0 and "far values" in again.stdout, again.stdout)
        checks.check(file["J_R1_n"][0] == len(flux), "clamped values count")
        checks.check(file["J_R1_max"][0] == flux.max() and file["J_R1_min"][0] == flux.min(), "extremes")


def first_order(u, y, n_bins, corrected):
    """S1 of each column of u in (0, 1), from bins of equal probability"""
    indices = []
    for x in u.T:
        bins = (x * n_bins).astype(int)
        n = np.bincount(bins, minlength=n_bins)
        mean = np.bincount(bins, y, n_bins) / np.maximum(n, 1)
        index = np.sum(n * (mean - y.mean()) ** 2) / (len(y) * y.var())
        used = np.sum(n > 0)
        indices.append(index - (1 - index) * (used - 1) / (len(y) - used) if corrected else index)
    return np.array(indices)


def check_given(args, checks):
    for kind, n, n_bins in (("sobol", 8192, 64), ("lhs", 8000, 32), ("random", 8192, 64), ("sobol", 256, 2)):
        extra = "replicates = 8"
        points = points_of(args, checks, scan(kind, n, extra=extra))
        u = np.stack([np.log(points[name] / low) / np.log(high / low) for name, (low, high) in RANDOM.items()], 1)
        steady = (points["outcome"] <= 3).astype(float)
        growth = (points["outcome"] == 4).astype(float)
        checks.check(0.2 < steady.mean() < 0.98, f"{steady.mean():.2f} are steady")
        with Folder(args, scan(kind, n, 'kind = "sobol"', extra), checks=checks) as run, run.file() as file:
            checks.check(list(file["input"][:]) == list(RANDOM), "names of the inputs")
            for name, y in [(name, points[name]) for name in OUTPUTS] + [("steady", steady), ("growth", growth)]:
                has = np.isfinite(y)
                checks.check(file[f"n_groups_{name}"][()] == has.sum(), f"{name}: points with a value")
                wanted = first_order(u[has], y[has], n_bins, kind == "random")
                error = np.max(np.abs(file[f"S1_{name}"][:] - wanted))
                checks.check(error < 1e-12, f"S1_{name} of {kind}: {error:.3g} from NumPy")
                part = np.array([
                    first_order(u[k][has[k]], y[k][has[k]], n_bins, kind == "random")
                    for k in np.split(np.arange(n), 8)
                ])
                width = 2.364624 * part.std(axis=0, ddof=1) / np.sqrt(8)
                error = np.max(np.abs(file[f"S1_conf_{name}"][:] - width) / width)
                checks.check(error < 1e-6, f"S1_conf_{name} of {kind}: {error:.3g} from NumPy")


def check_product(args, checks):
    """The flux of a cycle is its total times a function of a rate: the indices of a product follow from the moments of
    its factors, and those of the function from a fine grid."""
    head = 'model = "driven_cycle"\n[design]\nkind = "{}"\n{}\n[fixed]\nk2f = 3.0\n'
    tail = '[output]\nvariables = ["J_R1"]\nprecision = "f64"\n'
    axis = '[[axis]]\nname = "k1f"\nmin = 0.5\nmax = 8.0\nn = 8001\nscale = "linear"\n'
    with Folder(args, head.format("grid", "") + axis + tail, checks=checks) as grid, grid.file() as file:
        flux = np.asarray(file["J_R1"][:])
    weight = np.full(8001, 1 / 8000)
    weight[[0, -1]] /= 2
    text = head.format("sobol", "n = 262144\nreplicates = 16\nseed = 1")
    for name, low, high in (("C_tot", 1.0, 4.0), ("k1f", 0.5, 8.0)):
        text += f'[[random]]\nname = "{name}"\ndist = "uniform"\nmin = {low}\nmax = {high}\n'
    with Folder(args, text + tail + '[[reduce]]\nkind = "sobol"\n', checks=checks) as run, run.file() as file:
        first, square = np.array([2.5, weight @ flux]), np.array([7.0, weight @ flux**2])
        whole = np.prod(square) - np.prod(first) ** 2
        exact = (square - first**2) * (first**2)[::-1] / whole
        error = np.max(np.abs(file["S1_J_R1"][:] - exact))
        print(f"  S1 of a product: {error:.2g} from {exact}")
        checks.check(error < 1e-3 and exact.min() > 0.1, f"S1 of a product: {error:.3g} from {exact}")


def check_map_of_indices(args, checks):
    """Each cell of the axes has indices of its own."""
    text = scan("sobol", 2048, 'kind = "sobol"', "replicates = 2", MAP)
    points = points_of(args, checks, scan("sobol", 2048, "", "replicates = 2", MAP))
    with Folder(args, text, checks=checks) as run, run.file() as file:
        checks.check(file["S1_V"].dimensions == ("dG_ATP", "input"), f"shape of S1: {file['S1_V'].dimensions}")
        y = points["V"].reshape(4, -1)
        for cell in range(4):
            x = {name: points[name].reshape(4, -1)[cell] for name in RANDOM}
            u = [np.log(x[name] / low) / np.log(high / low) for name, (low, high) in RANDOM.items()]
            has = np.isfinite(y[cell])
            wanted = first_order(np.stack(u, 1)[has], y[cell][has], 64, False)
            error = np.max(np.abs(file["S1_V"][cell] - wanted))
            checks.check(error < 1e-12, f"cell {cell}: {error:.3g} from NumPy")
        point = harness.run(args.nessmap, "point", "--from", "out.nc", "--index", "3,2000", cwd=run.path)
        checks.check(point.returncode == 0 and "outcome" in point.stdout, f"a point of the file: {point}")


def check_quantiles(args, checks):
    quantiles = [0.025, 0.05, 0.5, 0.95]
    names = ["q025", "q05", "q50", "q95"]
    key = f"quantiles = {quantiles}"
    for more, n in ((MAP, 300), ("", 3000), ("", 40000)):
        kind = "bins" if more else "summary"
        points = points_of(args, checks, scan(n=n, more=more))
        with Folder(args, scan(n=n, more=more, reduce=f'kind = "{kind}"\n{key}'), checks=checks) as run:
            with run.file() as file:
                for name in OUTPUTS:
                    y = points[name].reshape(-1, n)
                    for q, ending in zip(quantiles, names):
                        wanted = [np.quantile(x[np.isfinite(x)], q) if np.isfinite(x).any() else np.nan for x in y]
                        found = np.ravel(file[f"{name}_{ending}"][...])
                        checks.check(same(found, wanted), f"{name}_{ending} of {n} points")
                checks.check("exact" in file["V_q05"].nessmap_resolution, "resolution")
    # longer than a tile: a whole scan, and the cells of a map, which share the bins of the whole
    for more, n, apart in (("", 200000, 1e-3), (MAP, 70000, 4e-3)):
        kind = "bins" if more else "summary"
        outputs = ["V"] if more else OUTPUTS
        points = points_of(args, checks, scan(n=n, more=more, outputs=outputs))
        reduce = f'kind = "{kind}"\n{key}'
        with Folder(args, scan(n=n, more=more, outputs=outputs, reduce=reduce), checks=checks) as run:
            with run.file() as file:
                checks.check("2048 bins" in file["V_q05"].nessmap_resolution, "resolution of a long cell")
                for name in outputs:
                    cells = points[name].reshape(-1, n)
                    for q, ending in zip(quantiles, names):
                        found = np.ravel(file[f"{name}_{ending}"][...])
                        for y, x in zip(cells, found):
                            low, high = np.quantile(y[np.isfinite(y)], [q - apart, q + apart])
                            checks.check(low <= x <= high, f"{name}_{ending}: {x} is not in {low} to {high}")


def reductions():
    return {
        "scatter": scan(n=40000, reduce='kind = "bins"\n' + AXES),
        "given": scan("sobol", 16384, 'kind = "sobol"', "replicates = 4"),
        "long": scan(n=80000, reduce='kind = "summary"\nquantiles = [0.1, 0.5]'),
        "cells": scan(n=3000, more=MAP, reduce='kind = "bins"\nquantiles = [0.1, 0.5]'),
    }


def check_same_bytes(args, checks):
    for name, text in reductions().items():
        with Folder(args, text, "--threads", "1", checks=checks) as run:
            wanted = run.bytes()
        for options in (("--threads", "2", "--lanes", "1"), ("--threads", "3", "--lanes", "8")):
            with Folder(args, text, *options, checks=checks) as run:
                checks.check(run.bytes() == wanted, f"{name}: other bytes with {' '.join(options)}")
        with Folder(args, text + '[limits]\nmemory = "60 MB"\n', checks=checks) as small:
            with Folder(args, text, checks=checks) as large, small.file() as a, large.file() as b:
                for variable in b.variables:
                    if not same(a[variable][...], b[variable][...]):
                        checks.check(False, f"{name}: {variable} depends on the size of the tiles")


def kill_and_resume(args, checks, whole, least_bytes):
    """Kills the run of a folder when its journal holds so many bytes: the next call goes on to the same file."""
    wanted = whole.bytes()
    out = whole.path / "killed.nc"
    process = harness.start(args.nessmap, "run", "scan.toml", "-o", out, "--threads", "1", cwd=whole.path)
    for _ in range(4000):
        if harness.journal_bytes(whole.path / "killed.nc.parts") > least_bytes:
            break
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    checks.check(not out.exists(), "killed before its end")
    done = harness.run(args.nessmap, "run", "scan.toml", "-o", out, cwd=whole.path)
    checks.check(done.returncode == 0 and "resuming" in done.stderr, f"resumed: {done.stderr}")
    checks.check(out.read_bytes() == wanted, "the bytes of a run that was killed")


def check_kill(args, checks):
    with Folder(args, scan(n=600000, reduce='kind = "bins"\n' + AXES), checks=checks) as whole:
        kill_and_resume(args, checks, whole, 3_000_000)


def check_device(args, checks):
    with harness.scratch() as folder:
        bench = test_cuda_run.Bench(args, folder)
        if not bench.is_there():
            harness.not_run("reducers on a device: this build has no stand-in driver")
            return
        texts = {
            "scatter": scan(n=1500, more=SODIUM, reduce='kind = "bins"\n' + AXES),
            "given": scan("sobol", 1024, 'kind = "sobol"', "replicates = 4", SODIUM),
            "groups": scan("saltelli", 32, 'kind = "sobol"', "", SODIUM, ["V"]),
            "cells": scan(n=90, more=MAP + SODIUM, reduce='kind = "bins"\nquantiles = [0.1, 0.5, 0.999]'),
        }
        if args.full:
            texts["long"] = scan(n=70000, reduce='kind = "summary"\nquantiles = [0.1]', outputs=["V"])
        for name, text in texts.items():
            config = bench.config(name, text)
            for backend in ("cpu", "cuda"):
                done = bench.run(config, bench.folder / f"{name}_{backend}.nc", backend=backend)
                checks.check(done.returncode == 0, f"{name} on {backend}: {done.stderr}")
            with netCDF4.Dataset(bench.folder / f"{name}_cpu.nc") as a:
                with netCDF4.Dataset(bench.folder / f"{name}_cuda.nc") as b:
                    for variable in a.variables:
                        if not same(a[variable][...], b[variable][...]):
                            checks.check(False, f"{name}: {variable} differs on the device")
                    at = np.asarray(b["failed_index"][:])
                    checks.check(at[3] > at[2] > 0 or name == "long", f"{name}: failed points {at}")
            checks.check(bench.is_clean(), f"{name}: {bench.lines('violation')} {bench.lines('leak')}")


def check_mistakes(args, checks):
    v = 'kind = "bins"\naxes = [{ name = "V", min = -0.1, max = 0.0, n = 10%s }]'
    for reduce, sentence in (
        (v % ', step = 3', 'unknown key "reduce.axes.V.step"'),
        (v.replace('"V"', '"sigma_totl"') % "", 'did you mean "sigma_total"'),
        (v.replace("-0.1", '"-100 mmol/L"') % "", "reduce.axes.V.min"),
        (v.replace("-0.1", "0.1") % "", "min"),
        (v % ', scale = "log"', "log axis must lie above 0"),
        (v.replace("V", "T") % "", "T is the same at every point"),
        (v.replace("n = 10", "n = 10000000") % "", "256 MiB"),
        (v.replace("n = 10", "m = 10") % "", "unknown key"),
        (v % "" + "\nquantiles = [0.5]", "bins along outputs or parameters keep none"),
        ('kind = "summary"\naxes = []', 'only kind = "bins"'),
        ('kind = "bins"\naxes = []', "1 to 3 axes"),
        ('kind = "bins"', "there is no [[axis]]"),
        ('kind = "summary"\nquantiles = [0.5, 0.1]', "rising numbers between 0 and 1"),
        ('kind = "summary"\nquantiles = [1.0]', "rising numbers between 0 and 1"),
        ('kind = "sobol"\nquantiles = [0.5]', "alone have quantiles"),
    ):
        with Folder(args, scan(n=100, reduce=reduce)) as run:
            found = run.done.stderr.strip()
            ok = run.done.returncode == 2 and sentence in found and "\n" not in found
            checks.check(ok, f'exit {run.done.returncode}: "{found}" lacks "{sentence}"')


def run_checks(args, checks):
    for check in (
        check_scatter,
        check_far,
        check_given,
        check_product,
        check_map_of_indices,
        check_quantiles,
        check_same_bytes,
        check_kill,
        check_device,
        check_mistakes,
    ):
        begin = time.monotonic()
        check(args, checks)
        print(f"  {check.__name__}: {time.monotonic() - begin:.1f} s", flush=True)


def test_reducers():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
