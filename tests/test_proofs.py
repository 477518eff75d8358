"""What pump_leak tells from parameters alone: lysis that is proved, and where Newton's method begins.

Over wide boxes of cells, `auto` (which believes the proof) and `follow` (which does not know it) must give the same
outcome, flags and rate of growth. What the proof does not cover must be followed to its end, and what it covers must
not be. Guesses are closed forms: exact for a pump of constant rate but for the charge of the membrane, and near for others.

    python tests/test_proofs.py --nessmap build/nessmap [--full]
"""

import json
import pathlib
import sys

import numpy as np

import harness

sys.path.insert(0, str(harness.ROOT / "tools"))

from nessmap_tools.plot import lysis_boundary  # noqa: E402

BOX = {
    "g_Na": ("loguniform", 0.01, 10.0), "g_K": ("loguniform", 0.05, 20.0), "g_Cl": ("loguniform", 0.05, 20.0),
    "P_Na": ("loguniform", 1e-11, 1e-8), "P_K": ("loguniform", 1e-10, 1e-8), "P_Cl": ("loguniform", 1e-10, 1e-8),
    "p_max": ("loguniform", 1e-8, 1e-4), "K_Na": ("loguniform", 4.0, 50.0), "K_o": ("loguniform", 0.5, 30.0),
    "Y_o": ("uniform", 0.0, 60.0), "z_X": ("uniform", -2.5, 0.8), "dG_ATP": ("uniform", -62e3, -15e3),
    "kappa_r": ("uniform", 0.0, 5.0), "N_X": ("loguniform", 1e-6, 1e-3), "C_m": ("uniform", 0.005, 0.03),
    "T": ("uniform", 280.0, 315.0),
}  # fmt: skip
# variants, further parameters, is it covered by the proof
CASES = [
    ("ohmic", "rev", "capacitive", {}, True),
    ("ohmic", "hill", "electroneutral", {}, True),
    ("ohmic", "const", "capacitive", {}, True),
    ("ohmic", "rev", "electroneutral", {"P_f": 0.0}, False),
    ("ohmic", "rev", "capacitive", {"g_Cl": 0.0}, False),
    ("ohmic", "rev", "capacitive", {"L_KCC": 1e-9}, False),
    ("ohmic", "rev", "clamped", {}, False),
    ("ghk", "rev", "capacitive", {}, False),
    ("ohmic", "post_albers", "capacitive", {}, False),
]


# pump, most of Newton's steps in the mean and of 95 % of the cells
GUESSES = [("const", 3.5, 4), ("rev", 5.5, 8), ("hill", 5.5, 8)]


def scan(leak, pump, membrane, more, mode, n):
    text = f'model = "pump_leak"\n[variant]\nleak = "{leak}"\npump = "{pump}"\nmembrane = "{membrane}"\n'
    text += f'[design]\nkind = "random"\nn = {n}\nseed = 5\n[solver]\nmode = "{mode}"\naudit = 0.0\n'
    if more:
        text += "[fixed]\n" + "".join(f"{name} = {value!r}\n" for name, value in more.items())
    for name, (dist, low, high) in BOX.items():
        if name not in more:
            text += f'[[random]]\nname = "{name}"\ndist = "{dist}"\nmin = {low!r}\nmax = {high!r}\n'
    return text + '[tie]\nNa_o = "150 - K_o"\n[output]\nprecision = "f64"\nvariables = ["V", "growth_rate"]\n'


def solve(args, checks, folder, name, text):
    """Path of the file of a run, or None"""
    (folder / f"{name}.toml").write_text(text)
    done = harness.run(args.nessmap, "run", f"{name}.toml", "-o", f"{name}.nc", "--quiet", cwd=folder)
    good = checks.check(done.returncode == 0, f"{name}: exit {done.returncode}: {done.stderr.strip()}")
    return folder / f"{name}.nc" if good else None


def check_case(args, checks, folder, case, n):
    leak, pump, membrane, more, is_covered = case
    name = f"{leak} {pump} {membrane} {more or ''}"
    paths = [solve(args, checks, folder, mode, scan(*case[:4], mode, n)) for mode in ("auto", "follow")]
    if None in paths:
        return
    with harness.Results(paths[0]) as auto, harness.Results(paths[1]) as follow:
        grows = follow.outcome_is("no_steady_state_growth")
        known = ~(follow.outcome_is("not_converged") | auto.outcome_is("not_converged"))
        checks.check(np.mean(known) > 0.99, f"{name}: {np.mean(known):.3f} converged")
        # several stable states: Newton and a time course may end in different ones, growth is not one of them
        is_odd = (auto.outcome_is("no_steady_state_growth") != grows) & known
        checks.check(not np.any(is_odd), f"{name}: growth differs at points {np.flatnonzero(is_odd)[:5]}")
        both = grows & ~is_odd
        if is_covered:
            checks.check(np.sum(grows) > n // 100, f"{name}: {np.sum(grows)} of {n} cells burst: too few to tell")
        checks.check(np.all(auto.flags[both] == follow.flags[both]), f"{name}: flags of growth differ")
        rates = np.abs(auto["growth_rate"][both] / follow["growth_rate"][both] - 1.0)
        checks.check(np.all(rates < 1e-8), f"{name}: rates of growth differ by {np.max(rates, initial=0.0):.2g}")
        if is_covered:
            # the closed form, from another derivation, but for points on the boundary
            p = {key: auto[key] for key in BOX if key in auto}
            p.update(Cl_o=150.0, Na_o=150.0 - p["K_o"], K_K=1.5)
            with np.errstate(over="ignore", divide="ignore"):
                ratio = p["p_max"] / lysis_boundary.boundary_p_max(p, pump)
            clear = np.abs(ratio - 1.0) > 1e-6
            checks.check(np.mean(clear) > 0.99, f"{name}: too many points on the boundary")
            checks.check(np.all((ratio > 1.0)[clear] == grows[clear]), f"{name}: the closed form says otherwise")


def count_followed(args, checks, folder, case, n):
    """Who burst and how many were followed, of a run without rates: the proof alone must do for the cells it covers."""
    leak, pump, membrane, more, is_covered = case
    text = scan(leak, pump, membrane, more, "auto", n).replace('"V", "growth_rate"', '"V"')
    if solve(args, checks, folder, "plain", text) is None:
        return
    log = [json.loads(line) for line in (folder / "plain.nc.runlog.jsonl").read_text().splitlines()]
    followed = [line["followed"] for line in log if "followed" in line]
    if not checks.check(followed, "the log of the run does not say how many points were followed"):
        return
    with harness.Results(folder / "plain.nc") as results:
        n_grown = int(np.sum(results.outcome_is("no_steady_state_growth")))
    name = f"{leak} {pump} {membrane} {more or ''}: {n_grown} burst, {followed[-1]} were followed"
    if is_covered:
        checks.check(followed[-1] < 0.2 * n_grown, name)
    elif n_grown > 0:
        checks.check(followed[-1] >= n_grown, name)


def check_guess(args, checks, folder, guess, n):
    pump, most_mean, most = guess
    text = scan("ohmic", pump, "capacitive", {}, "auto", n).replace('"growth_rate"', '"iterations"')
    path = solve(args, checks, folder, "guess", text)
    if path is None:
        return
    with harness.Results(path) as results:
        steps = results["iterations"][results.outcome_is("ness")]
    mean, share = np.mean(steps), np.percentile(steps, 95)
    checks.check(len(steps) > n // 3, f"{pump}: {len(steps)} of {n} cells are steady: too few to tell")
    checks.check(mean < most_mean and share <= most, f"{pump}: Newton took {mean:.2f} steps, {share:.0f} in 95 %")


def run_checks(args, checks):
    n = 20000 if args.full else 2000
    for case in CASES:
        with harness.scratch() as folder:
            check_case(args, checks, pathlib.Path(folder), case, n)
            count_followed(args, checks, pathlib.Path(folder), case, n)
    for guess in GUESSES:
        with harness.scratch() as folder:
            check_guess(args, checks, pathlib.Path(folder), guess, n)


def test_proofs():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
