"""Laws that hold for every model whatever it describes, over random sets of each variant choice.

At a steady state: the flux balance is met, the energy balance closes, and the dissipation is the sum over the loops of
the network of flux times affinity (Schnakenberg 1976). Models and their ranges are read from kernels/models.

python tests/test_models_laws.py --nessmap build/nessmap [--full]
"""

import itertools
import pathlib
import re

import harness
import numpy as np

N_FAST, N_FULL = 1_000, 50_000
ROW = re.compile(
    r'\bparam\(\s*(\w+),\s*"[^"]*",\s*([^,]+),\s*([^,]+),\s*([^,]+),\s*(log|linear),', re.DOTALL
)


def table(text, name):
    """The text of one table of a model file, without line ends."""
    match = re.search(rf"#define {name}\(\w+(?:, *\w+)*\)((?:.*\\\n)*.*\n)", text)
    return match.group(1).replace("\\\n", "\n") if match else ""


def read_model(path):
    text = path.read_text()
    params = [
        (name, float(default), float(low), float(high), scale)
        for name, default, low, high, scale in ROW.findall(table(text, "NM_PARAMETERS"))
    ]
    variants = [
        (words[0], words[1:])
        for words in (
            [word.strip() for word in row.split(",")]
            for row in re.findall(r"\bvariant\(([^)]*)\)", table(text, "NM_VARIANTS"))
        )
    ]
    return params, variants


# a neuron that fires takes seconds a point: only what leaves it at rest, or starved, is drawn
# an applied current closes loops outside the network, as a clamp does; a pump that runs whatever it finds empties the
# finite inside of a membrane patch
FIXED = {"nernst": ("I_app", "p_pump")}
DRAWN = {"neuron": {"rho": (0.03, 0.2), "dG_ATP": (-60e3, -40e3), "w_e": (5e-16, 1e-15)}}


def scan_text(model, params, n):
    parts = [f'model = "{model}"\n[design]\nkind = "random"\nn = {n}\nseed = 11\n']
    fixed = ["[fixed]\n"]
    for name, default, low, high, scale in params:
        if model in DRAWN:
            low, high = DRAWN[model].get(name, (default, default))
        if name in FIXED.get(model, ()):
            low = high = default
        if low < high:
            dist = "loguniform" if scale == "log" and low > 0 else "uniform"
            parts.append(
                f'[[random]]\nname = "{name}"\ndist = "{dist}"\nmin = {low!r}\nmax = {high!r}\n'
            )
        else:
            fixed.append(f"{name} = {default!r}\n")
    parts.append('[output]\nvariables = ["*"]\nprecision = "f64"\n[limits]\nmax_failed = 1.0\n')
    return "".join(parts + fixed)


def largest(x, scale):
    """Of |x|/scale, where nothing flows 0."""
    return float(np.max(np.divide(np.abs(x), scale, out=np.zeros_like(x), where=np.abs(x) > 0)))


def check_scan(checks, what, results, paths):
    """paths: the model's pathways. Rows with a steady state that is not an average over an oscillation."""
    outcome = results.outcome
    names = results.names()
    rows = results.outcome_is("equilibrium") | results.outcome_is("ness")
    checks.check(np.sum(rows) > 0.05 * rows.size, f"{what}: {np.sum(rows)} of {rows.size} are steady")
    values = {name: results[name] for name in names}
    temperature = np.broadcast_to(values["T"], outcome.shape)[rows]
    values = {name: x[rows] for name, x in values.items() if x.shape == outcome.shape}
    checks.check(np.all(values["resid"] <= 1e-10), f"{what}: resid {np.max(values['resid'])}")
    dissipation = [values[f"Tsigma_{path}"] for path in paths]
    power = sum(np.abs(x) for x in dissipation)
    # rounding of a flux is relative to its one-way fluxes, of an affinity to RT; the forces on water are far smaller
    noise = sum(
        (values[f"Jout_{path}"] + values[f"Jin_{path}"])
        * (8.3145 * temperature + np.abs(values[f"A_{path}"]))
        for path in paths
        if path != "water"
    )
    scale = 1e-10 * power + 1e-13 * noise
    excess = largest(values["closure"], scale)
    checks.check(excess <= 1.0, f"{what}: closure {excess:.3g} of what is allowed")
    loops = [name[5:] for name in names if name.startswith("Acyc_")]
    turns = sum(values[f"Jcyc_{loop}"] * values[f"Acyc_{loop}"] for loop in loops)
    excess = largest(turns - values["Tsigma_total"], scale)
    return excess, len(loops), int(np.sum(rows))


def run_checks(args, checks):
    n = N_FULL if args.full else N_FAST
    for path in sorted((harness.ROOT / "kernels" / "models").glob("*.c")):
        params, variants = read_model(path)
        checks.check(len(params) > 3, f"{path.name}: {len(params)} parameters were read")
        pathways = re.findall(r"\bpath\(\s*(\w+),", table(path.read_text(), "NM_PATHWAYS"))
        for choices in itertools.product(*(words for _, words in variants)):
            picked = dict(zip((name for name, _ in variants), choices))
            what = f"{path.stem} {' '.join(choices)}"
            with harness.scratch() as name:
                folder = pathlib.Path(name)
                (folder / "scan.toml").write_text(scan_text(path.stem, params, n))
                done = harness.run(
                    args.nessmap,
                    "run",
                    "scan.toml",
                    "-o",
                    "out.nc",
                    "--quiet",
                    *harness.sets(**{f"variant.{key}": word for key, word in picked.items()}),
                    cwd=folder,
                )
                if not checks.check(done.returncode == 0, f"{what}: {done.stderr.strip()}"):
                    continue
                with harness.Results(folder / "out.nc") as results:
                    excess, n_loops, n_rows = check_scan(checks, what, results, pathways)
            print(f"  {what}: {n_rows} steady, {n_loops} loops, {excess:.2g} of what is allowed")
            # a clamp that takes current closes loops of its own where the ions on both sides are held
            if "clamped" in choices and "held" in choices:
                continue
            checks.check(excess <= 1.0, f"{what}: loops miss the dissipation by {excess:.3g}")


def test_models_laws():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
