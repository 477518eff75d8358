"""`nernst` with ions that are not built in: closed forms over random sets, for charges 2, 1, -1 and none.

python tests/test_models_ions.py --nessmap build/nessmap [--full]
"""

import pathlib

import golden_map
import harness
import numpy as np
import test_models_network
import test_own_model
from test_models_paths import Scan, check_size

N_FAST, N_FULL = 10_000, 1_000_000
R, F = golden_map.R, golden_map.F
IONS = {"K": 1, "Mg": 2, "Cl": -1}
ALL = "K:+1 Mg:+2 Cl:-1 urea:0"
USUAL = "Na:+1 K:+1 Cl:-1 Ca:+2 S:0"


def bern(u):
    return np.where(np.abs(u) < 1e-5, 1.0 - u / 2 + u * u / 12, u / np.expm1(np.where(u == 0, 1.0, u)))


def scan_text(n, leak):
    names = [*IONS, "urea"]
    outputs = ["V", "I_ions", "I_total", "tau_slow", "Tsigma_total"]
    outputs += [f"{family}_leak_{name}" for family in ("J", "Jout", "Jin", "A") for name in names]
    outputs += [f"E_{ion}" for ion in IONS] + [f"I_{ion}" for ion in IONS] + ["dmu_el_urea", "dmu_urea"]
    stored = ", ".join(f'"{name}"' for name in outputs)
    text = (
        f'model = "nernst"\n[variant]\nions = "{ALL}"\nleak = "{leak}"\n[design]\nkind = "random"\nn = {n}\nseed = 3\n'
    )
    text += f'[output]\nvariables = [{stored}]\nprecision = "f64"\n'
    kind = {"ohmic": ("g", "L_urea", 1e-3, 10.0), "ghk": ("P", "P_urea", 1e-12, 1e-8)}[leak]
    ranges = {f"{name}_{side}": (0.1, 300.0) for name in names for side in "io"}
    ranges |= {f"{kind[0]}_{ion}": kind[2:] for ion in IONS} | {kind[1]: (1e-12, 1e-8)}
    for name, (low, high) in ranges.items():
        text += f'[[random]]\nname = "{name}"\ndist = "loguniform"\nmin = {low!r}\nmax = {high!r}\n'
    return text


def check_leak(args, checks, leak, n):
    s = Scan(args, checks, scan_text(n, leak))
    checks.check(s.counts == {"ness": n}, f"{leak}: outcomes {s.counts}")
    RT, T_C_m = R * 310.15, 0.01
    v = F * s["V"] / RT
    current = whole = slope = 0.0
    for ion, z in IONS.items():
        inside, outside = s[f"{ion}_i"], s[f"{ion}_o"]
        E = RT / (z * F) * np.log(outside / inside)
        both = s[f"Jout_leak_{ion}"] + s[f"Jin_leak_{ion}"]
        check_size(checks, f"{leak}: E_{ion}, / RT/F", (s[f"E_{ion}"] - E) * F / RT, 1e-13)
        if leak == "ohmic":
            conductance = s[f"g_{ion}"]
            J = conductance * (s["V"] - E) / (z * F)
        else:
            permeability = s[f"P_{ion}"]
            J = permeability * (inside * bern(-z * v) - outside * bern(z * v))
            step = 1e-5
            more = permeability * (inside * bern(-z * (v + step)) - outside * bern(z * (v + step)))
            less = permeability * (inside * bern(-z * (v - step)) - outside * bern(z * (v - step)))
            conductance = z * F * (more - less) / (2 * step) * F / RT
        check_size(checks, f"{leak}: J of {ion}", (s[f"J_leak_{ion}"] - J) / both, 1e-11)
        check_size(checks, f"{leak}: I of {ion}", s[f"I_{ion}"] - z * F * s[f"J_leak_{ion}"], 0.0)
        current, whole, slope = current + z * F * J, whole + abs(z) * F * both, slope + conductance
    check_size(checks, f"{leak}: no current at rest", current / whole, 1e-11)
    check_size(checks, f"{leak}: I_total", s["I_total"] / whole, 1e-11)
    # the difference quotient of the GHK currents has this error
    check_size(checks, f"{leak}: tau = C_m / conductance", s["tau_slow"] * slope / T_C_m - 1, 1e-6)
    if leak == "ohmic":
        rest = sum(s[f"g_{ion}"] * s[f"E_{ion}"] for ion in IONS) / slope
        check_size(checks, "ohmic: V = sum g E / sum g, / RT/F", (s["V"] - rest) * F / RT, 1e-12)
    force = np.log(s["urea_i"] / s["urea_o"])
    urea = s["L_urea"] * force if leak == "ohmic" else s["P_urea"] * (s["urea_i"] - s["urea_o"])
    both = s["Jout_leak_urea"] + s["Jin_leak_urea"]
    check_size(checks, f"{leak}: J of urea", (s["J_leak_urea"] - urea) / both, 1e-12)
    check_size(checks, f"{leak}: the force on urea has a chemical part", s["dmu_urea"] / RT - force, 1e-12)
    check_size(checks, f"{leak}: and no electrical one", s["dmu_el_urea"], 0.0)


def check_usual(args, checks):
    """The usual ions by their names are the built-in model, and nothing is compiled."""
    plain = harness.run(args.nessmap, "point", "--model", "nernst", "--json")
    named = harness.run(args.nessmap, "point", "--model", "nernst", "--json", *harness.sets(**{"variant.ions": USUAL}))
    checks.check(named.returncode == 0 and named.stdout == plain.stdout and not named.stderr, f"usual ions: {named}")


def run_checks(args, checks):
    with harness.scratch() as name:
        folder = pathlib.Path(name)
        compiler = test_models_network.quick_compiler(folder)
        with test_own_model.environment(XDG_CACHE_HOME=folder, NESSMAP_CXX=compiler):
            check_usual(args, checks)
            checks.check(not test_own_model.libraries(folder), "the usual ions were compiled")
            for leak in ("ohmic", "ghk"):
                check_leak(args, checks, leak, N_FULL if args.full else N_FAST)
            checks.check(len(test_own_model.libraries(folder)) == 1, "both leaks are in one library")


def test_models_ions():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
