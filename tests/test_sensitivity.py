"""Sensitivity indices of functions whose indices are known, and SALib's own verdict on a file.

The functions are model files (tests/models): a steady state that does not move, and the function as an observable. The
error of one randomisation of 4096 base points is compared with what was measured independently for these estimators
(Sobol points, nested uniform scrambling), the mean of many with the exact index.

python tests/test_sensitivity.py --nessmap build/nessmap [--full]
"""

import json
import pathlib
import shutil

import harness
import netCDF4
import numpy as np
import test_own_model
from scipy import stats

MODELS = harness.ROOT / "tests" / "models"
N_BASE = 4096
REPLICATES = 32

# exact first-order and total indices, and the error of one randomisation: root mean square over the inputs
KNOWN = {
    "ishigami": (
        ("x1", "x2", "x3"),
        (-np.pi, np.pi),
        (0.31390519114781146, 0.4424111447900409, 0.0),
        (0.55758885520995916, 0.4424111447900409, 0.24368366406214773),
        {"S1": 3.8e-3, "S1_jansen": 3.4e-3, "ST": 2.1e-3},
    ),
    "g_function": (
        tuple(f"x{i}" for i in range(1, 9)),
        (0.0, 1.0),
        (0.71619216887903314, 0.17904804221975829, 0.02367577417781928, 0.0071619216887903328)
        + 4 * (7.1619216887903328e-05,),
        (0.78714412665927502, 0.2421981928182384, 0.034316910154082829, 0.010460387065239534)
        + 4 * (0.00010494905191950601,),
        {"S1": 1.3e-3, "S1_jansen": 2.7e-3, "ST": 5.4e-4},
    ),
}


def scan(model, kind, n, replicates, reduce, extra=""):
    names, (low, high) = KNOWN[model][:2]
    text = f'model = "./{model}.c"\n[design]\nkind = "{kind}"\nn = {n}\nseed = 7\n'
    text += f"replicates = {replicates}\n{extra}\n"
    for name in names:
        text += f'[[random]]\nname = "{name}"\ndist = "uniform"\nmin = {low!r}\nmax = {high!r}\n'
    text += '[output]\nvariables = ["y"]\nprecision = "f64"\n'
    return text + (f'[[reduce]]\nkind = "{reduce}"\n' if reduce else "")


def run(args, checks, folder, text):
    (folder / "scan.toml").write_text(text)
    (folder / "out.nc").unlink(missing_ok=True)
    done = harness.run(args.nessmap, "run", "scan.toml", "-o", "out.nc", "--quiet", cwd=folder)
    checks.check(done.returncode == 0, f"exit {done.returncode}: {done.stderr}")
    return folder / "out.nc"


def check_exact(args, checks, folder, model):
    """Errors of one randomisation, from the intervals; errors of all together; coverage."""
    names, _, first, total, stated = KNOWN[model]
    exact = {"S1": first, "S1_jansen": first, "ST": total}
    n = N_BASE * REPLICATES
    with netCDF4.Dataset(run(args, checks, folder, scan(model, "saltelli", n, REPLICATES, "sobol"))) as f:
        f.set_auto_mask(False)
        for key, wanted in exact.items():
            value, width = f[f"{key}_y"][:], f[f"{key}_conf_y"][:]
            # half widths are t standard errors of the mean of all randomisations
            error = width / stats.t.ppf(0.975, REPLICATES - 1)
            one = np.sqrt(np.mean(error**2 * REPLICATES))
            print(f"  {model} {key}: error of one randomisation {one:.2e}, stated {stated[key]:.1e}")
            # a standard deviation of 32 randomisations is known to 1/sqrt(62)
            checks.check(
                one < stated[key] * (1.0 + 3.0 / np.sqrt(2 * (REPLICATES - 1))),
                f"{model} {key}: error {one:.2e} of one randomisation, stated {stated[key]:.1e}",
            )
            # the estimate of all also carries a bias of second order in the error of one
            off = np.abs(value - wanted)
            allowed = 4.0 * error + 4.0 * stated[key] ** 2 + 1e-12
            checks.check(np.all(off < allowed), f"{model} {key}: {value} is not {wanted}")


# main effects of the first inputs, the others being averaged, and the variance
MAIN = {
    "ishigami": ([lambda x: (1 + 0.1 * np.pi**4 / 5) * np.sin(x), lambda x: 7 * np.sin(x) ** 2], 13.844587940719254),
    "g_function": ([lambda x, a=a: np.abs(4 * x - 2) / (1 + a) for a in (0.0, 1.0, 4.5, 9.0)], 0.46542443190220673),
}


def check_given(args, checks, folder, model):
    """First-order indices from a plain sample: the exact ones but for what varies within each of 64 bins."""
    _, (low, high), first = KNOWN[model][:3]
    effects, variance = MAIN[model]
    exact = np.array(first)
    for i, effect in enumerate(effects):
        x = low + (high - low) * (np.arange(64 * 1000) + 0.5) / (64 * 1000)
        exact[i] -= effect(x).reshape(64, -1).var(axis=1).mean() / variance
    text = scan(model, "sobol", N_BASE * REPLICATES, REPLICATES, "sobol")
    with netCDF4.Dataset(run(args, checks, folder, text)) as f:
        f.set_auto_mask(False)
        value, width = f["S1_y"][:], f["S1_conf_y"][:]
    off = value - exact
    print(f"  {model} S1 from {N_BASE * REPLICATES} points: at most {np.max(np.abs(off)):.1e} off")
    checks.check(np.max(np.abs(off)) < 3e-4, f"{model}: S1 {value} is not {exact}")
    checks.check(np.max(width) < 2e-3, f"{model}: intervals {width}")


def check_salib(args, checks, folder):
    """SALib reads the rows of a file, with the dictionary that stands in it."""
    try:
        from SALib.analyze import sobol
    except ImportError:
        harness.not_run("SALib on our rows: SALib is not installed (its formulas are a test)")
        return
    names = KNOWN["ishigami"][0]
    extra = "second_order = true"
    path = run(args, checks, folder, scan("ishigami", "saltelli", 1024, 1, None, extra))
    with netCDF4.Dataset(path) as f:
        f.set_auto_mask(False)
        problem = json.loads(f.salib_problem)
        y = f["y"][:].astype(float)
    # SALib 1.5 hands the list of names to a function of pandas that takes no list from version 3 on
    readable = {**problem, "names": np.array(problem["names"])}
    theirs = sobol.analyze(readable, y, calc_second_order=True, num_resamples=2)
    path = run(args, checks, folder, scan("ishigami", "saltelli", 1024, 1, "sobol", extra))
    with netCDF4.Dataset(path) as f:
        f.set_auto_mask(False)
        for key in ("S1", "ST", "S2"):
            error = np.nanmax(np.abs(f[f"{key}_y"][:] - theirs[key]))
            checks.check(error < 1e-12, f"{key}: {error:.3g} from SALib")
        checks.check(problem["names"] == list(names), f"names: {problem}")


def check_dictionary(args, checks, folder):
    """Names, bounds and distributions as SALib wants them."""
    text = 'model = "driven_cycle"\n[design]\nkind = "morris"\nn = 8\n'
    text += '[[random]]\nname = "k1f"\ndist = "loguniform"\nmin = 0.5\nmax = 8.0\n'
    text += '[[random]]\nname = "k1r"\ndist = "normal"\nmean = 4.0\nsd = 0.25\n'
    text += '[[random]]\nname = "k2f"\ndist = "triangular"\nmin = 1.0\nmax = 5.0\nmode = 2.0\n'
    text += '[[random]]\nname = "k2r"\ndist = "lognormal"\nmean = 0.5\nsd = 0.125\n'
    with netCDF4.Dataset(run(args, checks, folder, text)) as f:
        problem = json.loads(f.salib_problem)
    wanted = {
        "num_vars": 4,
        "names": ["k1f", "k1r", "k2f", "k2r"],
        "bounds": [[0.5, 8.0], [4.0, 0.25], [1.0, 5.0, 0.25], [0.5, 0.125]],
        "dists": ["logunif", "norm", "triang", "lognorm"],
    }
    checks.check(problem == wanted, f"{problem} is not {wanted}")


def run_checks(args, checks):
    with harness.scratch() as name:
        folder = pathlib.Path(name) / "scans"
        cache = folder / "cache"
        cache.mkdir(parents=True)
        for model in KNOWN:
            shutil.copy(MODELS / f"{model}.c", folder)
        cxx = test_own_model.quick_compiler(folder)
        with test_own_model.environment(XDG_CACHE_HOME=cache, NESSMAP_CXX=cxx):
            for model in KNOWN:
                check_exact(args, checks, folder, model)
                check_given(args, checks, folder, model)
            check_salib(args, checks, folder)
            check_dictionary(args, checks, folder)


def test_sensitivity():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
