#!/usr/bin/env python3
"""Derivative-based measures: exact values of the function of Ishigami, our own sums over the points of a full file in
every distribution, failed points, bytes for any number of threads and lanes, words for wrong input.

    test_dgsm.py [--nessmap build/nessmap]
"""

import pathlib
import re
import shutil

import harness
import netCDF4
import numpy as np
import test_own_model
import test_sensitivity

NU = np.array([7.719587940719255, 24.5, 10.98730506943205])  # exact <(dy/dx)^2>
TOTAL = np.array(test_sensitivity.KNOWN["ishigami"][3])
VARIANCE = 13.844587940719254

# inputs of every distribution: name, table, constant of Poincare, whether it is taken in ln x
INPUTS = [
    ("k1f", 'dist = "loguniform"\nmin = 0.5\nmax = 8.0', (np.log(16.0) / np.pi) ** 2, True),
    ("k1r", 'dist = "normal"\nmean = 4.0\nsd = 0.25', 0.25**2, False),
    ("k2f", 'dist = "triangular"\nmin = 1.0\nmax = 5.0\nmode = 2.0', (4.0 / np.pi) ** 2, False),
    ("k2r", 'dist = "lognormal"\nmean = 0.5\nsd = 0.125', 0.125**2, True),
    ("F_c", 'dist = "uniform"\nmin = 1.0\nmax = 3.0', (2.0 / np.pi) ** 2, False),
]


def cycle(design="sobol", n=4096, extra="replicates = 4", tail=""):
    text = f'model = "driven_cycle"\n[design]\nkind = "{design}"\nn = {n}\nseed = 3\n{extra}\n'
    for name, table, _, _ in INPUTS:
        text += f'[[random]]\nname = "{name}"\n{table}\n'
    return text + tail


def output(names, more=""):
    return f'[output]\nvariables = {names}\nprecision = "f64"\n{more}'.replace("'", '"')


DGSM = '[[reduce]]\nkind = "dgsm"\n'


def run(args, checks, folder, text, *more):
    (folder / "scan.toml").write_text(text)
    (folder / "out.nc").unlink(missing_ok=True)
    done = harness.run(args.nessmap, "run", "scan.toml", "-o", "out.nc", "--quiet", *more, cwd=folder)
    checks.check(done.returncode == 0, f"exit {done.returncode}: {done.stderr}")
    return folder / "out.nc"


def values_of(path):
    with netCDF4.Dataset(path) as f:
        f.set_auto_mask(False)
        return {name: f[name][...] for name in f.variables}


def check_ishigami(args, checks, folder):
    """Exact squares, bounds above the exact total indices, intervals that hold them."""
    text = test_sensitivity.scan("ishigami", "sobol", 2**17, 16, "dgsm")
    path = run(args, checks, folder, text)
    found = values_of(path)
    with netCDF4.Dataset(path) as f:
        attributes = (f.nessmap_layout, f.nessmap_reduce, f["nu_y"].units, f["input"].in_ln)
    checks.check(attributes == ("indices", "dgsm", "1", ""), f"attributes {attributes}")
    bound = 4.0 * NU / VARIANCE  # (2 pi)^2/pi^2
    for name, exact in (("nu_y", NU), ("ST_bound_y", bound)):
        off = np.abs(found[name] / exact - 1.0)
        print(f"  ishigami {name}: at most {off.max():.1e} off, intervals {found[name.replace('_y', '_conf_y')]}")
        checks.check(np.all(off < 2e-4), f"{name}: {found[name]} is not {exact}")
        width = found[name.replace("_y", "_conf_y")]
        checks.check(np.all(np.abs(found[name] - exact) < 3.0 * width), f"{name}: {found[name]} +- {width}")
        checks.check(np.all(width < 2e-3 * exact), f"{name}: intervals {width}")
    checks.check(np.all(found["ST_bound_y"] > TOTAL), f"bounds {found['ST_bound_y']} below {TOTAL}")
    checks.check(abs(found["variance_y"] / VARIANCE - 1.0) < 1e-4, f"variance {found['variance_y']}")


def check_sums(args, checks, folder):
    """Our own sums over the points of a full file, whole and by randomisation, in every distribution."""
    names = [name for name, *_ in INPUTS]
    outputs = ["B", "J_R1"]
    full_path = run(args, checks, folder, cycle(tail=output(outputs, f"gradients = {{ of = {outputs}, by = {names} }}\n"
                                                            .replace("'", '"'))))
    full = values_of(full_path)
    path = run(args, checks, folder, cycle(tail=output(outputs) + DGSM))
    found = values_of(path)
    with netCDF4.Dataset(path) as f:
        checks.check(f["input"].in_ln == "k1f k2r", f"in_ln: {f['input'].in_ln}")
        wanted = ["(mol m-3)2", "((mol m-3)/s-1)2", "((mol m-3)/(m3 mol-1 s-1))2", "(mol m-3)2", "1"]
        units = f["nu_B"].units_by_input
        checks.check(units == wanted, f"units {units}")
        checks.check("units" not in f["nu_B"].ncattrs(), "one unit for inputs of several")
        checks.check(list(f["input"][:]) == names, f"inputs {f['input'][:]}")
    for of in outputs:
        y = full[of].reshape(4, -1)
        nu = np.empty((5, len(INPUTS)))
        bound = np.empty_like(nu)
        for i, (name, _, constant, is_ln) in enumerate(INPUTS):
            slope = full[f"d{of}_d{name}"] * (full[name] if is_ln else 1.0)
            squares = slope.reshape(4, -1) ** 2
            nu[:, i] = [squares.mean(), *squares.mean(axis=1)]
            bound[:, i] = constant * nu[:, i] / [y.var(), *y.var(axis=1)]
        widths = [3.182446 * x[1:].std(axis=0, ddof=1) / 2.0 for x in (nu, bound)]
        for key, wanted in (("nu", nu[0]), ("ST_bound", bound[0]), ("nu_conf", widths[0]), ("ST_bound_conf", widths[1])):
            error = np.max(np.abs(found[f"{key}_{of}"] / wanted - 1.0))
            limit = 1e-9 if "conf" in key else 1e-12  # a width is what is left of large numbers
            checks.check(error < limit, f"{key}_{of}: {error:.2g} from our own sums")
        checks.check(np.all(found[f"n_nu_{of}"] == y.size) and found[f"n_groups_{of}"] == y.size, f"n of {of}")


def check_failed(args, checks, folder):
    """Points without a steady state have no value, are counted, and change no sum."""
    fixed = re.search(r"\[fixed\]\n(.*?)(\n\[|\Z)", (harness.ROOT / "configs" / "pump_leak_lysis.toml").read_text(), re.S)[1]
    text = 'model = "pump_leak"\n[design]\nkind = "lhs"\nn = 1000\nseed = 1\n[fixed]\ng_K = 0.1\n' + fixed + "\n"
    text += '[[random]]\nname = "p_max"\ndist = "loguniform"\nmin = 1e-9\nmax = 1e-5\n'
    full = values_of(run(args, checks, folder, text + output(["V"], 'gradients = ["V"]\n')))
    found = values_of(run(args, checks, folder, text + output(["V"]) + DGSM))
    slope = full["dV_dp_max"] * full["p_max"]
    has = np.isfinite(slope)
    checks.check(0 < has.sum() < 1000, f"{has.sum()} of 1000 points have a derivative: the test shows nothing")
    checks.check(found["n_groups_V"] == np.isfinite(full["V"]).sum(), f"n_groups_V {found['n_groups_V']}")
    checks.check(found["n_nu_V"][0] == has.sum(), f"n_nu_V {found['n_nu_V']}, {has.sum()} have one")
    error = abs(found["nu_V"][0] / np.mean(slope[has] ** 2) - 1.0)
    checks.check(error < 1e-12, f"nu_V: {error:.2g} from the points that have a value")


def check_bytes(args, checks, folder):
    """Threads, lanes and axes: the same numbers to the last bit."""
    axis = '[[axis]]\nname = "W_c"\nmin = 0.5\nmax = 2.0\nn = 3\n'
    text = cycle("lhs", 3000, "replicates = 3", axis + output(["B"]) + DGSM)
    first = values_of(run(args, checks, folder, text, "--threads", "1"))
    checks.check(first["nu_B"].shape == (3, len(INPUTS)), f"shape {first['nu_B'].shape}")
    checks.check(np.all(np.isfinite(first["nu_conf_B"])), "intervals of cells")
    for more in (("--threads", "3"), ("--lanes", "1"), ("--lanes", "8")):
        other = values_of(run(args, checks, folder, text, *more))
        same = all(first[k].tobytes() == other[k].tobytes() for k in first if first[k].dtype != object)
        checks.check(same, f"other bytes with {more}")


def check_words(args, checks, folder):
    no_draw = 'model = "driven_cycle"\n[[axis]]\nname = "k1f"\nmin = 1.0\nmax = 2.0\nn = 4\n' + DGSM
    cases = {
        "no drawn parameter": (no_draw, "is no plain sample"),
        "groups": (cycle("morris", 96, "", output(["B"]) + DGSM), r'design\.kind = "morris" is no plain sample'),
        "no derivative": (cycle(tail=output(["B", "tau_slow"]) + DGSM), '"tau_slow" has no derivative'),
        "both": (cycle(tail=output(["B"], 'gradients = ["B"]\n') + DGSM), "remove the key"),
    }
    for what, (text, words) in cases.items():
        (folder / "scan.toml").write_text(text)
        done = harness.run(args.nessmap, "check", "scan.toml", cwd=folder)
        checks.check(done.returncode == 2 and re.search(words, done.stderr), f"{what}: {done.returncode} {done.stderr}")
        checks.check(done.stderr.count("\n") == 1 and "scan.toml:" in done.stderr, f"{what}: {done.stderr}")


def run_checks(args, checks):
    with harness.scratch() as name:
        folder = pathlib.Path(name) / "scans"
        cache = folder / "cache"
        cache.mkdir(parents=True)
        shutil.copy(test_sensitivity.MODELS / "ishigami.c", folder)
        cxx = test_own_model.quick_compiler(folder)
        with test_own_model.environment(XDG_CACHE_HOME=cache, NESSMAP_CXX=cxx):
            check_ishigami(args, checks, folder)
        check_sums(args, checks, folder)
        check_failed(args, checks, folder)
        check_bytes(args, checks, folder)
        check_words(args, checks, folder)


def test_dgsm():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
