"""Designs that draw: golden values, what each design promises, and the indices that groups give.

Sobol's numbers are checked against the table of Joe & Kuo (2008) as SciPy has it, indices against the estimators of
SALib written out, on the same sample.

python tests/test_designs.py --nessmap build/nessmap [--full]
"""

import json
import pathlib

import harness
import netCDF4
import numpy as np
from scipy.stats import qmc

RANDOM = {"k1f": (0.1, 10.0), "k1r": (0.1, 10.0), "k2f": (0.1, 10.0), "C_tot": (0.5, 2.0)}


def scan(kind, n, extra="", random=RANDOM, reduce=None, dist="uniform", more=""):
    text = f'model = "driven_cycle"\n[design]\nkind = "{kind}"\nn = {n}\nseed = 20240607\n{extra}\n'
    for name, (low, high) in random.items():
        text += f'[[random]]\nname = "{name}"\ndist = "{dist}"\nmin = {low!r}\nmax = {high!r}\n'
    text += '[output]\nvariables = ["J_R1", "sigma_total"]\nprecision = "f64"\n'
    if reduce:
        text += f'[[reduce]]\nkind = "{reduce}"\n'
    return text + more


class Run:
    """A scan in a folder of its own; `file` is its output."""

    def __init__(self, args, text, *options):
        self.folder = harness.scratch()
        self.path = pathlib.Path(self.folder.name)
        (self.path / "scan.toml").write_text(text)
        self.done = harness.run(
            args.nessmap, "run", "scan.toml", "-o", "out.nc", "--quiet", *options, cwd=self.path
        )

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.folder.cleanup()

    def bytes(self):
        return (self.path / "out.nc").read_bytes()

    def units(self, random=RANDOM):
        """The drawn parameters, back in (0, 1)."""
        with harness.Results(self.path / "out.nc") as results:
            return np.stack(
                [(results[name] - low) / (high - low) for name, (low, high) in random.items()], 1
            )


def check_sobol(args, checks):
    d, n = len(RANDOM), 4096
    with Run(args, scan("sobol", n, 'scramble = "none"')) as run:
        checks.check(run.done.returncode == 0, run.done.stderr)
        ours = run.units()
    theirs = qmc.Sobol(d, scramble=False, bits=32).random(n)
    error = np.max(np.abs(ours - theirs))
    # 20 digits beyond the 32 of the sequence are random
    checks.check(0.0 < error < 2.0**-31, f"sobol: {error:.3g} from the sequence of Joe and Kuo")
    with Run(args, scan("sobol", n, "replicates = 4")) as run:
        scrambled = run.units()
    for k in range(4):
        part = scrambled[k * n // 4 : (k + 1) * n // 4]
        for i in range(d):
            cells = np.sort((part[:, i] * len(part)).astype(int))
            checks.check(np.array_equal(cells, np.arange(len(part))), f"sobol {k}: dimension {i}")
        # a (0, 2, s)-net in the first two dimensions: one point in each box of area 1/len
        for a in range(11):
            boxes = (part[:, 0] * 2**a).astype(int) * 2 ** (10 - a) + (
                part[:, 1] * 2 ** (10 - a)
            ).astype(int)
            checks.check(len(np.unique(boxes)) == len(part), f"sobol {k}: boxes of 2^-{a}")
    shared = np.intersect1d(scrambled[: n // 4, 0], scrambled[n // 4 : n // 2, 0])
    checks.check(len(shared) == 0, f"sobol: two replicates share {len(shared)} values")


def check_lhs(args, checks):
    n = 999
    with Run(args, scan("lhs", n)) as run:
        checks.check(run.done.returncode == 0, run.done.stderr)
        units = run.units()
    for i in range(units.shape[1]):
        strata = np.sort((units[:, i] * n).astype(int))
        checks.check(np.array_equal(strata, np.arange(n)), f"lhs: strata of dimension {i}")
    inside = units * n % 1.0
    checks.check(abs(inside.mean() - 0.5) < 0.02, f"lhs: jitter has mean {inside.mean():.3f}")
    correlation = np.corrcoef(units.T) - np.eye(units.shape[1])
    checks.check(np.max(np.abs(correlation)) < 0.12, f"lhs: correlated {correlation}")


def salib(y, d, second_order):
    """first, total and second order as SALib.analyze.sobol has them"""
    group = 2 * d + 2 if second_order else d + 2
    y = (y - y.mean()) / y.std()
    a, b = y[0::group], y[group - 1 :: group]
    c = [y[1 + i :: group] for i in range(d)]
    variance = np.var(np.r_[a, b])
    first = np.array([np.mean(b * (c[i] - a)) / variance for i in range(d)])
    total = np.array([0.5 * np.mean((a - c[i]) ** 2) / variance for i in range(d)])
    second = np.full((d, d), np.nan)
    for i in range(d if second_order else 0):
        e = y[1 + d + i :: group]
        for j in range(i + 1, d):
            second[i, j] = np.mean(e * c[j] - a * b) / variance - first[i] - first[j]
    return first, total, second


def check_saltelli(args, checks):
    d = len(RANDOM)
    for second_order in (False, True):
        extra = f"replicates = 8\nsecond_order = {str(second_order).lower()}"
        n = 1024
        with Run(args, scan("saltelli", n, extra)) as run:
            checks.check(run.done.returncode == 0, run.done.stderr)
            units = run.units()
            with harness.Results(run.path / "out.nc") as results:
                outputs = {name: results[name] for name in ("J_R1", "sigma_total")}
        group = 2 * d + 2 if second_order else d + 2
        a, b = units[0::group], units[group - 1 :: group]
        checks.check(len(a) == n, f"saltelli: {len(a)} groups")
        for i in range(d):
            wanted = a.copy()
            wanted[:, i] = b[:, i]
            checks.check(np.array_equal(units[1 + i :: group], wanted), f"saltelli: row A_B {i}")
            if second_order:
                wanted = b.copy()
                wanted[:, i] = a[:, i]
                row = units[1 + d + i :: group]
                checks.check(np.array_equal(row, wanted), f"saltelli: row B_A {i}")
        with Run(args, scan("saltelli", n, extra, reduce="sobol")) as run:
            checks.check(run.done.returncode == 0, run.done.stderr)
            with netCDF4.Dataset(run.path / "out.nc") as file:
                file.set_auto_mask(False)
                for name, y in outputs.items():
                    first, total, second = salib(y, d, second_order)
                    for key, theirs in (("S1", first), ("ST", total)):
                        error = np.max(np.abs(file[f"{key}_{name}"][:] - theirs))
                        checks.check(error < 1e-12, f"{key}_{name}: {error:.3g} from SALib")
                    if second_order:
                        ours = file[f"S2_{name}"][:]
                        error = np.nanmax(np.abs(ours - second))
                        same = np.array_equal(np.isnan(ours), np.isnan(second))
                        checks.check(same and error < 1e-12, f"S2_{name}: {error:.3g} from SALib")
                    widths = file[f"ST_conf_{name}"][:]
                    checks.check(np.all((widths > 0) & (widths < 0.3)), f"widths {widths}")


def check_morris(args, checks):
    d, n = len(RANDOM), 2048
    with Run(args, scan("morris", n, "replicates = 8")) as run:
        checks.check(run.done.returncode == 0, run.done.stderr)
        units = run.units()
        with harness.Results(run.path / "out.nc") as results:
            y = results["J_R1"]
    base, at = units[0 :: d + 1], y[0 :: d + 1]
    effects = []
    for i in range(d):
        there = units[1 + i :: d + 1]
        moved = np.any(there != base, axis=0)
        checks.check(np.array_equal(np.flatnonzero(moved), [i]), f"morris: step {i} moves {moved}")
        effects.append((y[1 + i :: d + 1] - at) / (there[:, i] - base[:, i]))
    with Run(args, scan("morris", n, "replicates = 8", reduce="morris")) as run:
        with netCDF4.Dataset(run.path / "out.nc") as file:
            file.set_auto_mask(False)
            for key, theirs in (
                ("mu", [np.mean(x) for x in effects]),
                ("mu_star", [np.mean(np.abs(x)) for x in effects]),
                ("sigma", [np.std(x, ddof=1) for x in effects]),
            ):
                # the parameters in the file are rounded, and a step may be short
                error = np.max(np.abs(file[f"{key}_J_R1"][:] / theirs - 1.0))
                checks.check(error < 1e-7, f"morris: {key} is {error:.3g} off")
            checks.check(list(file["input"][:]) == list(RANDOM), f"inputs {file['input'][:]}")


def check_verdict(args, checks):
    """Indices of what decides whether a cell lives, and of an output that the dead have not."""
    random = {"g_Na": (0.1, 8.0), "dG_ATP": (-60e3, -20e3), "p_max": (1e-6, 5e-6)}
    text = scan("saltelli", 1024, "replicates = 4", random).replace("driven_cycle", "pump_leak")
    text = text.replace('"J_R1", "sigma_total"', '"V"') + "[fixed]\ng_K = 1.0\n"
    with Run(args, text) as run:
        checks.check(run.done.returncode == 0, run.done.stderr)
        with harness.Results(run.path / "out.nc") as results:
            steady, v = results.has_values().astype(float), results["V"]
            grows = results.outcome_is("no_steady_state_growth").astype(float)
    checks.check(0.5 < steady.mean() < 0.99, f"{steady.mean():.3f} are steady: nothing to explain")
    whole = np.isfinite(v).reshape(-1, 5).all(axis=1)
    with Run(args, text + '[[reduce]]\nkind = "sobol"\n') as run:
        with netCDF4.Dataset(run.path / "out.nc") as file:
            file.set_auto_mask(False)
            kept = v[np.repeat(whole, 5)]
            for name, y in (("steady", steady), ("growth", grows), ("V", kept)):
                first, total, _ = salib(y, 3, False)
                error = max(
                    np.max(np.abs(file[f"S1_{name}"][:] - first)),
                    np.max(np.abs(file[f"ST_{name}"][:] - total)),
                )
                checks.check(error < 1e-12, f"{name}: {error:.3g} from SALib")
            checks.check(file["n_groups_V"][()] == whole.sum(), "groups without the failed ones")


def check_same_bytes(args, checks):
    text = scan("saltelli", 2048, "replicates = 8", reduce="sobol")
    with Run(args, text) as run:
        wanted = run.bytes()
    for options in (("--threads", "1"), ("--threads", "3", "--lanes", "8"), ("--lanes", "1")):
        with Run(args, text, *options) as run:
            checks.check(run.bytes() == wanted, f"other bytes with {' '.join(options)}")


def check_single_points(args, checks):
    """A row of a file is found again by its number, where rows are kept and where they are not."""
    for kind, reduce in (("lhs", None), ("sobol", None), ("saltelli", None), ("saltelli", "sobol")):
        with Run(args, scan(kind, 64, reduce=reduce)) as run:
            options = ("--from", "out.nc", "--index", "37", "--json")
            done = harness.run(args.nessmap, "point", *options, cwd=run.path)
            if not checks.check(done.returncode == 0, f"{kind}: exit {done.returncode}"):
                continue
            point = json.loads(done.stdout)
            if reduce is None:
                with harness.Results(run.path / "out.nc") as results:
                    k1f = results["k1f"][37]
                off = abs(point["parameters"]["k1f"] / k1f - 1.0)
                checks.check(off < 1e-5, f"{kind}: another point than row 37")


def check_mistakes(args, checks):
    for text, sentence in (
        (scan("sobol", 1000, "replicates = 16"), "multiple of design.replicates"),
        (scan("lhs", 100, 'scramble = "none"'), "a sequence to scramble"),
        (scan("sobol", 64, "second_order = true"), "saltelli"),
        (scan("morris", 64, reduce="sobol"), 'say design.kind = "saltelli"'),
        (scan("sobol", 2**33), "at most 2^32 points"),
    ):
        with Run(args, text) as run:
            found = run.done.stderr.strip()
            ok = run.done.returncode == 2 and sentence in found and "\n" not in found
            checks.check(ok, f'exit {run.done.returncode}: "{found}" lacks "{sentence}"')


def run_checks(args, checks):
    check_sobol(args, checks)
    check_lhs(args, checks)
    check_saltelli(args, checks)
    check_morris(args, checks)
    check_verdict(args, checks)
    check_same_bytes(args, checks)
    check_single_points(args, checks)
    check_mistakes(args, checks)


def test_designs():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
