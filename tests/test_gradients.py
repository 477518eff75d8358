#!/usr/bin/env python3
"""Derivatives of outputs by parameters: against differences of converged solutions for every model and variant (the
short form: two variants of each), closed forms, ties, lanes, what has none, words for wrong input.

    test_gradients.py [--nessmap build/nessmap] [--full]
"""

import pathlib
import re

import netCDF4
import numpy as np

import harness

MODELS = sorted(path.stem for path in (harness.ROOT / "kernels" / "models").glob("*.c"))
# number of points, and how far they lie from the defaults: a neuron that fires on its way takes long, and few rest
N_POINTS, FAR = {"neuron": 2}, {"neuron": 0.01}
STEP = 2e-3  # of a parameter, the smallest; truncation is its fourth power
# Differences of six solutions are exact to the fourth power of the step and to the noise of the solutions over the
# step. Both show in how far two of them with different steps lie apart, SPREAD times of which is allowed beside
# TOLERANCE.
TOLERANCE = 1e-6
SPREAD = 3.0
NOISE = 1e-12  # of a solution, against the scale of what it is a difference of
MOST_DERIVATIVES = 1024


def tables_of(model):
    """Parameters {name: (default, low, high, is_log)} and variants {name: choices} as the model file has them."""
    text = (harness.ROOT / "kernels" / "models" / f"{model}.c").read_text()
    rows = re.findall(
        r'^ +param\((\w+), +"[^"]*", +([^,]+), +([^,]+), +([^,]+), +(\w+),', text, re.MULTILINE
    )
    params = {r[0]: (float(r[1]), float(r[2]), float(r[3]), r[4] == "log") for r in rows}
    variants = {
        name: choices.replace(" ", "").split(",")
        for name, choices in re.findall(r"^ +variant\((\w+), +([^)]*)\)", text, re.MULTILINE)
    }
    return params, variants


def draw(rng, params, far):
    """A parameter set in the middle of the ranges, near the defaults, and the step of each parameter."""
    point, step = {}, {}
    for name, (default, low, high, is_log) in params.items():
        if high <= low or name == "I_app":  # under a current, a neuron of conserved ions has no steady state
            point[name] = default
        elif is_log and default > 0:
            value = default * np.exp(far * rng.uniform(-0.3, 0.3))
            point[name] = min(max(value, low * 1.03), high / 1.03)
        else:
            margin = 0.03 * far * (high - low)
            value = default + far * rng.uniform(-0.1, 0.1) * (high - low)
            point[name] = min(max(value, low + margin), high - margin)
        step[name] = STEP * (abs(point[name]) if is_log else min(abs(point[name]) or 1.0, high - low or 1.0))
    return point, step


def scales(values):
    """What an output is a difference of: the one-way fluxes of its pathway, RT, their product; else the output itself."""
    RT, F = 2579.0, 96485.0
    gross = {name[5:]: np.abs(value) + np.abs(values[f"Jin_{name[5:]}"])
             for name, value in values.items() if name.startswith("Jout_")}
    largest = np.max([flux for path, flux in gross.items() if path != "water"], axis=0)
    found = {}
    for name, value in values.items():
        kind, _, of = name.partition("_")
        scale = 0.0
        if kind in ("J", "Jout", "Jin", "exch", "Jcyc"):
            scale = gross.get(of, largest)
        elif kind == "Tsigma" and of in gross:
            scale = RT * gross[of]
        elif kind in ("P", "Tsigma", "sigma", "W"):
            scale = RT * largest
        elif kind == "I":
            scale = F * largest
        elif kind in ("A", "Acyc", "dmu", "affinity"):
            scale = RT
        found[name] = np.maximum(np.abs(value), scale)
    return found


def write_table(path, names, rows):
    lines = [",".join(names)] + [",".join(repr(float(row[name])) for name in names) for row in rows]
    path.write_text("\n".join(lines) + "\n")


def scan_of_table(model, variants, table, variables, gradients=""):
    chosen = "".join(f'{name} = "{choice}"\n' for name, choice in variants.items())
    words = ", ".join(f'"{name}"' for name in variables)
    return (
        f'model = "{model}"\n[variant]\n{chosen}[design]\nkind = "table"\nfile = "{table}"\n[solver]\naudit = 0.0\n'
        f'[output]\nvariables = [{words}]\nprecision = "f64"\n{gradients}'
    )


def run_file(args, folder, name, text, *more):
    config = folder / f"{name}.toml"
    config.write_text(text)
    file = folder / f"{name}.nc"
    file.unlink(missing_ok=True)
    result = harness.run(args.nessmap, "run", config, "-o", file, "--backend", "cpu", *more)
    assert result.returncode in (0, 3), result.stderr
    return file


def run_text(args, folder, name, text, *more):
    return harness.Results(run_file(args, folder, name, text, *more))


def quoted(names):
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def compare_with_differences(args, checks, folder, model, params, variants, worst):
    """Every output that has a derivative, by every parameter."""
    rng = np.random.default_rng(7)
    names = list(params)
    n_points = N_POINTS.get(model, 6)
    points, steps = zip(*(draw(rng, params, FAR.get(model, 1.0)) for _ in range(n_points)))
    write_table(folder / "points.csv", names, points)
    first = f'gradients = {{ of = ["*"], by = ["{names[0]}"] }}\n'
    text = scan_of_table(model, variants, "points.csv", ["*"], first)
    with run_text(args, folder, "names", text) as some:
        ending = f"_d{names[0]}"
        outputs = [name[1 : -len(ending)] for name in some.names() if name.endswith(ending)]
        one_way = [name for name in some.names() if name.startswith(("Jout_", "Jin_"))]
    gradient = {}
    size = MOST_DERIVATIVES // len(names)
    for first in range(0, len(outputs), size):
        part = outputs[first : first + size]
        asked = f"gradients = {{ of = {quoted(part)}, by = {quoted(names)} }}\n"
        with run_text(args, folder, "exact", scan_of_table(model, variants, "points.csv", ["default"], asked)) as exact:
            outcome, flags = exact.outcome.copy(), exact.flag_is("marginal")
            for output in part:
                for name in names:
                    gradient[output, name] = exact[f"d{output}_d{name}"]
    moved = []
    shifts = (-4, -2, -1, 1, 2, 4)
    for point, step in zip(points, steps):
        for name in names:
            for shift in shifts:
                moved.append(dict(point))
                moved[-1][name] = point[name] + shift * step[name]
    write_table(folder / "moved.csv", names, moved)
    with run_text(args, folder, "moved", scan_of_table(model, variants, "moved.csv", outputs + one_way)) as there:
        values = {output: there[output].reshape(n_points, len(names), len(shifts)) for output in outputs + one_way}
        outcomes = there.outcome.reshape(n_points, len(names), len(shifts))
    scale = scales(values)
    steady = (outcome <= 1) & ~flags
    n_sharp = n_all = n_wrong = 0
    for i_name, name in enumerate(names):
        h = np.array([step[name] for step in steps])
        around = steady & np.all(outcomes[:, i_name] <= 1, axis=1)
        for output in outputs:
            y = values[output][:, i_name]
            d1, d2, d4 = ((y[:, b] - y[:, a]) / (2 * k * h) for a, b, k in ((2, 3, 1), (1, 4, 2), (0, 5, 4)))
            fine, coarse = (4 * d1 - d2) / 3, (4 * d2 - d4) / 3
            size = np.maximum(np.abs(fine), np.abs(y[:, 2]) * STEP / h)
            error = np.abs(gradient[output, name] - fine)
            noise = NOISE * np.max(scale[output][:, i_name], axis=1) / h
            allowed = TOLERANCE * size + SPREAD * np.abs(fine - coarse) + noise
            for i in np.flatnonzero(around & np.isfinite(fine)):
                n_all += 1
                n_sharp += allowed[i] <= 2 * TOLERANCE * size[i]
                if not error[i] <= allowed[i]:
                    n_wrong += 1
                    if n_wrong <= 3:
                        print(f"{model} {variants}: d{output}_d{name} = {gradient[output, name][i]:.12g}, "
                              f"differences {fine[i]:.12g} and {coarse[i]:.12g}", flush=True)
                elif size[i] > 0:
                    worst[0] = max(worst[0], error[i] / size[i] if allowed[i] <= 2 * TOLERANCE * size[i] else 0.0)
    words = f"{model} {variants}"
    checks.check(n_wrong == 0, f"{words}: {n_wrong} of {n_all} derivatives differ from differences")
    print(f"{words}: {n_all} derivatives, differences good to {TOLERANCE} for {n_sharp}", flush=True)
    return n_all, n_sharp


def check_differences(args, checks, folder):
    worst, n_all, n_sharp = [0.0], 0, 0
    for model in MODELS:
        params, variants = tables_of(model)
        variants.pop("start", None)  # choices of a start alone
        default = {name: choices[0] for name, choices in variants.items()}
        combinations = [default] + [
            {**default, name: choice} for name, choices in variants.items() for choice in choices[1:]
        ]
        n_before = n_all
        for combination in combinations if args.full else combinations[:1] + combinations[1:][-1:]:
            n, sharp = compare_with_differences(args, checks, folder, model, params, combination, worst)
            n_all += n
            n_sharp += sharp
        checks.check(n_all > n_before, f"{model}: nothing was compared")
    print(f"{n_all} derivatives, worst relative error {worst[0]:.1e}", flush=True)
    checks.check(n_sharp > 0.8 * n_all, f"differences are good enough to judge by for {n_sharp} of {n_all} only")


def close(checks, found, wanted, text, tolerance=1e-10):
    worst = np.max(np.abs(found - wanted) / np.abs(wanted))
    checks.check(worst <= tolerance, f"{text}: relative error {worst:.1e}, {tolerance:.0e} is allowed")


def check_closed_forms(args, checks, folder):
    """The two-state ring, and the chord conductance of ohmic leaks."""
    text = """
model = "driven_cycle"
[[axis]]
name = "k1f"
values = [0.2, 1.0, 7.0]
[[axis]]
name = "F_c"
values = [0.5, 3.0]
[fixed]
W_c = 0.3
k2r = 0.7
C_tot = 2.0
[output]
precision = "f64"
gradients = { of = ["B", "J_R1"], by = ["k1f", "F_c", "W_c", "C_tot"] }
"""
    with run_text(args, folder, "ring", text) as file:
        k1f, F = np.meshgrid(file["k1f"], file["F_c"], indexing="ij")
        k1r = k2f = 1.0
        W, k2r, C = 0.3, 0.7, 2.0
        up, all_ = k1f + k2r * W, k1f + k2r * W + k1r + k2f * F
        close(checks, file["dB_dk1f"], C / all_ - C * up / all_**2, "dB/dk1f of the ring")
        close(checks, file["dB_dF_c"], -C * up * k2f / all_**2, "dB/dF of the ring")
        close(checks, file["dB_dW_c"], C * k2r / all_ - C * up * k2r / all_**2, "dB/dW of the ring")
        close(checks, file["dB_dC_tot"], up / all_, "dB/dC of the ring")
        close(checks, file["dJ_R1_dC_tot"], (k1f * (all_ - up) - k1r * up) / all_, "dJ/dC of the ring", 1e-9)
    text = """
model = "nernst"
[[axis]]
name = "g_K"
values = [0.5, 3.0, 20.0]
[output]
variables = ["V", "E_Na", "E_K"]
precision = "f64"
gradients = { of = ["V", "J_leak_S"], by = ["g_K", "g_Na", "I_app", "C_m"] }
"""
    with run_text(args, folder, "chord", text) as file:
        g = file["g_Na"] + file["g_K"] + file["g_Cl"] + file["g_Ca"]
        close(checks, file["dV_dg_K"], (file["E_K"] - file["V"]) / g, "dV/dg_K of ohmic leaks", 1e-9)
        close(checks, file["dV_dg_Na"], (file["E_Na"] - file["V"]) / g, "dV/dg_Na of ohmic leaks", 1e-9)
        close(checks, file["dV_dI_app"], 1.0 / g, "dV/dI of ohmic leaks")
        checks.check(np.all(file["dV_dC_m"] == 0.0), "a capacitance moves a steady potential")
        checks.check(np.all(file["dJ_leak_S_dg_K"] == 0.0), "a neutral solute feels a conductance")


PUMP_LEAK = """
model = "pump_leak"
[design]
kind = "random"
n = 64
seed = 5
[[random]]
name = "g_Na"
dist = "loguniform"
min = 0.02
max = 0.5
[[random]]
name = "K_o"
dist = "uniform"
min = 2.0
max = 10.0
{more}
[output]
variables = ["V", "A_NKCC"]
precision = "f64"
gradients = {gradients}
"""


def check_ties(args, checks, folder):
    """A tied parameter moves along."""
    both = '{ of = ["V", "ell", "sigma_total"], by = ["K_o", "Na_o", "Cl_o", "Y_o"] }'
    fixed = '[tie]\nNa_o = "150 - K_o"\nCl_o = "0.5*Na_o + 0.5*K_o + 70"\n'
    with run_text(args, folder, "tied", PUMP_LEAK.format(more=fixed, gradients='{ of = ["V", "ell", "sigma_total"] }')) as tied:
        found = {of: tied[f"d{of}_dK_o"] for of in ("V", "ell", "sigma_total")}
        names = ["g_Na", "K_o", "Na_o", "Cl_o"]
        rows = [dict(zip(names, row)) for row in zip(*(tied[name] for name in names))]
        checks.check("dV_dNa_o" not in tied and "dV_dg_Na" in tied, "derivatives by what is drawn are the default")
    write_table(folder / "free.csv", names, rows)
    text = scan_of_table("pump_leak", {}, "free.csv", ["V"], f"gradients = {both}\n")
    with run_text(args, folder, "free", text) as free:
        for of in found:
            # Cl_o = 0.5 (150 - K_o) + 0.5 K_o + 70 does not move
            total = free[f"d{of}_dK_o"] - free[f"d{of}_dNa_o"]
            close(checks, found[of], total, f"d{of}/dK_o with ties", 1e-8)


def check_without(args, checks, folder):
    """Parameters without a say, pathways that are shut, points without a steady state, marginal ones."""
    gradients = '{ of = ["V", "J_NKCC", "A_pump"], by = ["P_Na", "L_NKCC", "g_Na"] }'
    with run_text(args, folder, "shut", PUMP_LEAK.format(more="", gradients=gradients)) as file:
        checks.check(np.all(file["dV_dP_Na"] == 0.0), "a permeability matters to ohmic leaks")
        close(checks, file["dJ_NKCC_dL_NKCC"], file["A_NKCC"] / (8.31446261815324 * 310.15), "dJ/dL of a shut pathway")
    text = PUMP_LEAK.replace('"K_o"\ndist = "uniform"\nmin = 2.0\nmax = 10.0', '"p_max"\ndist = "loguniform"\nmin = 1e-11\nmax = 1e-5')
    text = text.replace("min = 0.02\nmax = 0.5", "min = 0.5\nmax = 5.0")
    with run_text(args, folder, "burst", text.format(more="[fixed]\ng_K = 0.05\n", gradients='["V"]')) as file:
        lives, found = file.outcome <= 1, np.isfinite(file["dV_dg_Na"])
        checks.check(np.any(lives) and np.any(~lives), "cells burst and live here")
        checks.check(np.array_equal(lives, found), "derivatives are NaN where there is no steady state, and only there")
    shut = "".join(f"{name} = 0.0\n" for name in ("g_K", "g_Cl", "p_max"))
    text = PUMP_LEAK.replace("loguniform", "uniform").replace("min = 0.02\nmax = 0.5", "min = 0.0\nmax = 1e-300")
    with run_text(args, folder, "sealed", text.format(more="[fixed]\n" + shut, gradients='["V"]')) as file:
        marginal = file.flag_is("marginal")
        checks.check(np.any(marginal) and np.all(np.isnan(file["dV_dK_o"][marginal])), "derivatives at marginal states")


def check_lanes(args, checks, folder):
    """The same bits from every lane width, thread count and mode's own states; single precision is a rounding."""
    gradients = '{ of = ["*"], by = ["g_Na", "K_o", "p_max", "T"] }'
    for mode in ("auto", "follow"):
        kept = {}
        for lanes in ("16", "8", "1"):
            more = harness.sets(**{"solver.mode": mode, "solver.audit": 0.25 if mode == "auto" else 0.0})
            text = PUMP_LEAK.format(more="", gradients=gradients)
            with run_text(args, folder, f"lanes_{lanes}", text, "--lanes", lanes, *more) as file:
                kept[lanes] = {name: file[name].tobytes() for name in file.names()}
        checks.check(kept["16"] == kept["8"] == kept["1"], f"{mode}: derivatives depend on the lane width")
        checks.check(len(kept["8"]) > 100, "all derivatives are there")


def check_files(args, checks, folder):
    """Names, units and texts; reducers."""
    text = PUMP_LEAK.format(more="", gradients='{ of = ["V", "J_pump", "efficiency"], by = ["g_Na", "z_X"] }')
    with run_text(args, folder, "full", text) as full:
        variable = full.file["dV_dg_Na"]
        checks.check(variable.units == "V/(S m-2)", f"dV_dg_Na has the unit {variable.units}")
        checks.check(
            variable.long_name == "derivative of V by g_Na at the steady state", f"long_name = {variable.long_name}"
        )
        units = full.file["dJ_pump_dz_X"].units, full.file["defficiency_dg_Na"].units
        checks.check(units == ("mol m-2 s-1", "1/(S m-2)"), f"units {units}")
        slopes = full["dV_dg_Na"]
    with netCDF4.Dataset(run_file(args, folder, "summary", text + '[[reduce]]\nkind = "summary"\n')) as summary:
        close(checks, float(summary["dV_dg_Na_mean"][...]), np.mean(slopes), "mean of a derivative", 1e-12)
        checks.check(int(summary["dV_dg_Na_n"][...]) == slopes.size, "number of derivatives in a summary")


MISTAKES = [
    ('{ of = ["sigma_totl"] }', 'output.gradients.of: pump_leak has no output "sigma_totl"; did you mean "sigma_total"?'),
    ('{ of = ["V"], by = ["gNa"] }', 'output.gradients.by: pump_leak has no parameter "gNa"; did you mean "g_Na"?'),
    ('{ of = ["iterations"] }', 'output.gradients.of: "iterations" has no derivative by a parameter; choose'),
    ('{ of = ["Jout_pump"] }', 'output.gradients.of: "Jout_pump" has no derivative by a parameter; choose'),
    ('{ of = ["outcome"] }', '"outcome" has no derivative by a parameter'),
    ('{ of = ["V"], by = ["Cl_o"] }', 'output.gradients.by: "Cl_o" is tied and moves with the parameters of its [tie]'),
    ('{ by = ["g_Na"] }', "output.gradients.of is missing; name the outputs"),
    ('{ off = ["V"] }', 'unknown key "output.gradients.off"; did you mean "output.gradients.of"?'),
    ("3", "output.gradients = 3, but it is a table like { of ="),
    ("[]", "output.gradients = [], but it must be a list of output names"),
    ('{ of = ["V"], by = [4] }', "output.gradients.by[0] = 4, but it must be a list of parameter names"),
]


def check_mistakes(args, checks, folder):
    for gradients, sentence in MISTAKES:
        text = PUMP_LEAK.format(more='[tie]\nCl_o = "150 - K_o"\n', gradients=gradients)
        config = folder / "wrong.toml"
        config.write_text(text)
        result = harness.run(args.nessmap, "plan", config)
        line = 1 + text[: text.index("gradients =")].count("\n")
        checks.check(
            result.returncode == 2 and f"wrong.toml:{line}: " in result.stderr and sentence in result.stderr,
            f"{gradients}: {result.stderr}",
        )


def run_checks(args, checks):
    with harness.scratch() as name:
        folder = pathlib.Path(name)
        check_mistakes(args, checks, folder)
        check_files(args, checks, folder)
        check_closed_forms(args, checks, folder)
        check_ties(args, checks, folder)
        check_without(args, checks, folder)
        check_lanes(args, checks, folder)
        check_differences(args, checks, folder)


def test_gradients():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
