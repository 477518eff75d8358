#!/usr/bin/env python3
"""Derivatives of outputs by parameters: against differences of converged solutions for every model and variant, closed
forms, ties, lanes, what has none, words for wrong input.

    test_gradients.py [--nessmap build/nessmap]
"""

import re

import netCDF4
import numpy as np

import harness

MODELS = sorted(path.stem for path in (harness.ROOT / "kernels" / "models").glob("*.c"))
N_POINTS = 6
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


def draw(rng, params):
    """A parameter set in the middle of the ranges, near the defaults, and the step of each parameter."""
    point, step = {}, {}
    for name, (default, low, high, is_log) in params.items():
        if high <= low:
            point[name] = default
        elif is_log and default > 0:
            value = default * np.exp(rng.uniform(-0.3, 0.3))
            point[name] = min(max(value, low * 1.03), high / 1.03)
        else:
            margin = 0.03 * (high - low)
            value = default + rng.uniform(-0.1, 0.1) * (high - low)
            point[name] = min(max(value, low + margin), high - margin)
        step[name] = STEP * (abs(point[name]) if is_log else min(abs(point[name]) or 1.0, high - low or 1.0))
    return point, step


def scales(values):
    """What an output is a difference of: one-way fluxes, RT, their product; else the output itself."""
    fluxes = [np.abs(value) for name, value in values.items() if re.match(r"(J|exch)", name)]
    flux = np.max(fluxes, axis=0) if fluxes else 0.0
    RT = 2579.0
    found = {}
    for name, value in values.items():
        is_flux = re.match(r"(J|Jout|Jin|exch|Jcyc|I)_", name)
        is_force = re.match(r"(A|Acyc|dmu|dmu_chem|dmu_el)_|affinity", name)
        is_power = re.match(r"(Tsigma|P|sigma)_|W_pump", name)
        scale = flux if is_flux else RT if is_force else RT * flux if is_power else 0.0
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


def run_text(args, folder, name, text, *more):
    config = folder / f"{name}.toml"
    config.write_text(text)
    file = folder / f"{name}.nc"
    file.unlink(missing_ok=True)
    result = harness.run(args.nessmap, "run", config, "-o", file, "--backend", "cpu", *more)
    assert result.returncode in (0, 3), result.stderr
    return harness.Results(file)


def quoted(names):
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def compare_with_differences(args, checks, folder, model, params, variants, worst):
    """Every output that has a derivative, by every parameter."""
    rng = np.random.default_rng(7)
    names = list(params)
    points, steps = zip(*(draw(rng, params) for _ in range(N_POINTS)))
    write_table(folder / "points.csv", names, points)
    first = f'gradients = {{ of = ["*"], by = ["{names[0]}"] }}\n'
    text = scan_of_table(model, variants, "points.csv", ["default"], first)
    with run_text(args, folder, "names", text) as some:
        ending = f"_d{names[0]}"
        outputs = [name[1 : -len(ending)] for name in some.names() if name.endswith(ending)]
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
    with run_text(args, folder, "moved", scan_of_table(model, variants, "moved.csv", outputs)) as there:
        values = {output: there[output].reshape(N_POINTS, len(names), len(shifts)) for output in outputs}
        outcomes = there.outcome.reshape(N_POINTS, len(names), len(shifts))
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
    checks.check(n_all > 0, f"{words}: nothing was compared")
    print(f"{words}: {n_all} derivatives, differences good to {TOLERANCE} for {n_sharp}", flush=True)
    return n_all, n_sharp


def check_differences(args, checks, folder):
    worst, n_all, n_sharp = [0.0], 0, 0
    for model in MODELS:
        params, variants = tables_of(model)
        default = {name: choices[0] for name, choices in variants.items()}
        combinations = [default] + [
            {**default, name: choice} for name, choices in variants.items() for choice in choices[1:]
        ]
        for combination in combinations:
            n, sharp = compare_with_differences(args, checks, folder, model, params, combination, worst)
            n_all += n
            n_sharp += sharp
    print(f"{n_all} derivatives, worst relative error {worst[0]:.1e}", flush=True)
    checks.check(n_sharp > 0.8 * n_all, f"differences are good enough to judge by for {n_sharp} of {n_all} only")


def run_checks(args, checks):
    with harness.scratch() as name:
        folder = harness.pathlib.Path(name)
        check_differences(args, checks, folder)


def test_gradients():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
