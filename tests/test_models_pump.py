"""The Post-Albers pump alone and in a cell over random sets; presets; limits of a constant pump.

python tests/test_models_pump.py --nessmap build/nessmap [--full]
"""

import csv
import json
import pathlib

import golden_map
import golden_map_pump
import harness
import numpy as np
import test_golden
from test_models_paths import Scan, check_outcomes, check_size, king_altman, scan_text

N_FAST, N_FULL = 10_000, 1_000_000
R, F = golden_map.R, golden_map.F
STEPS, STATES = golden_map_pump.STEPS, golden_map_pump.STATES
LN_KEQ = -11900.0 / (R * 310.0) + np.log(1e6)
DEFAULTS = {"MgATP": 6.95, "MgADP": 0.035, "Pi_tot": 0.8, "H": 8.03526e-5}

# --- the pump by its published equations, written anew --------------------------------------------


def phosphate(p):
    return p["Pi_tot"] / (1 + p["K_i"] / 292.0 + p["H"] / 10 ** (3 - 6.77) + p["Na_i"] / 224.0)


def fuel_force(p):
    """-dG_ATP / RT."""
    return LN_KEQ + np.log(p["MgATP"] / (p["MgADP"] * phosphate(p) * p["H"]))


def ion_force(p):
    """Of 3 Na+ out, 2 K+ in, and the charge that crosses, / RT."""
    chemical = 3 * np.log(p["Na_i"] / p["Na_o"]) - 2 * np.log(p["K_i"] / p["K_o"])
    return chemical + p["V"] * F / (R * p["T"])


def ring_rates(p):
    v, share = p["V"] * F / (R * p["T"]), -0.055
    rates = np.array([1423.2, 11565.0, 194.4506, 30630.0])
    back = np.array([1423.2 / 6.3, 36355.0, 281040.0, 1574000.0])
    sites = 579.7295 * 5.6399**2 * 1.0817**2 * 140.3709 / (0.0349 * 10617.0**2)
    K_Ki = np.sqrt(np.prod(back) / np.prod(rates) * sites * np.exp(LN_KEQ))
    n1, n2 = p["Na_i"] / (579.7295 * np.exp(share * v)), p["Na_i"] / 5.6399
    e1, e2 = p["Na_o"] / (0.0349 * np.exp((1 + share) * v)), p["Na_o"] / 10617.0
    ki, ke, at = p["K_i"] / K_Ki, p["K_o"] / 1.0817, p["MgATP"] / 140.3709
    inside = n1 * n2**2 + (1 + n2) ** 2 + (1 + ki) ** 2 - 1
    outside = e1 * e2**2 + (1 + e2) ** 2 + (1 + ke) ** 2 - 1
    out = (
        rates[0] * n1 * n2**2 / inside,
        rates[1] * np.ones_like(inside),
        rates[2] * ke**2 / outside,
        rates[3] * at / (1 + at),
    )
    into = (
        back[0] * p["MgADP"],
        back[1] * e1 * e2**2 / outside,
        back[2] * phosphate(p) * p["H"] / (1 + at),
        back[3] * ki**2 / inside,
    )
    return out, into


def ring_turns(p):
    """Turns forward and back of one pump, and the share of each state."""
    out, into = ring_rates(p)
    weights = king_altman(out, into)
    total = sum(weights)
    forth = out[0] * out[1] * out[2] * out[3] / total
    back = into[0] * into[1] * into[2] * into[3] / total
    return forth, back, [weight / total for weight in weights]


# --- the pump alone: four states as rows, and the lumped law --------------------------------------

RING_RANGES = {
    "T": ("uniform", 273.15, 323.15),
    "V": ("uniform", -0.4, 0.1),
    "Na_i": ("loguniform", 1.0, 150.0),
    "K_i": ("loguniform", 1.0, 200.0),
    "Na_o": ("loguniform", 1.0, 500.0),
    "K_o": ("loguniform", 0.1, 60.0),
    "MgATP": ("loguniform", 1e-3, 10.0),
    "MgADP": ("loguniform", 1e-3, 10.0),
    "Pi_tot": ("loguniform", 0.1, 50.0),
    "H": ("loguniform", 4e-5, 2e-4),
}
RING_OUTPUTS = (
    [f"{family}_{step}" for family in ("J", "Jout", "Jin") for step in STEPS]
    + [f"occ_{state}" for state in STATES]
    + ["v_cyc", "v_plus", "v_minus", "affinity_RT", "V_stall", "dG_ATP", "P_ATP", "W_ions", "eta"]
    + ["Tsigma_total", "I_pump", "tau_slow"]
)


def check_ring(args, checks):
    n, what, n_pump = N_FULL if args.full else N_FAST, "post_albers", golden_map_pump.N_PUMP
    s = Scan(args, checks, scan_text(what, n, RING_RANGES, "", RING_OUTPUTS, "auto"))
    check_outcomes(checks, what, s, n, "ness")
    RT, v = R * s["T"], s["v_cyc"]
    x = fuel_force(s) + ion_force(s)
    forth, back, shares = ring_turns(s)
    both = forth + back
    check_size(checks, f"{what}: affinity", (s["affinity_RT"] - x) / (1 + np.abs(x)), 1e-13)
    check_size(checks, f"{what}: dG_ATP", s["dG_ATP"] / (-fuel_force(s) * RT) - 1, 1e-12)
    checks.check(np.all(np.sign(v) == np.sign(s["affinity_RT"])), f"{what}: runs uphill")
    checks.check(0.05 < np.mean(v < 0) < 0.95, f"{what}: {np.mean(v < 0)} of the sets run back")
    check_size(checks, f"{what}: turns forward", s["v_plus"] / forth - 1, 1e-12)
    check_size(checks, f"{what}: turns back", s["v_minus"] / back - 1, 1e-11)
    # both forms: the ring of rows and the law that lumps it
    for step in STEPS:
        way = s[f"Jout_{step}"] + s[f"Jin_{step}"]
        check_size(
            checks, f"{what}: {step} turns with v_cyc", (s[f"J_{step}"] - n_pump * v) / way, 1e-12
        )
    for state, share in zip(STATES, shares, strict=True):
        check_size(checks, f"{what}: share of {state}", s[f"occ_{state}"] / share - 1, 1e-10)
    # who pays
    power = (
        n_pump
        * RT
        * (both * (1 + np.abs(x)) + sum(s[f"Jout_{k}"] + s[f"Jin_{k}"] for k in STEPS) / n_pump)
    )
    spent = s["P_ATP"] - s["W_ions"]
    check_size(
        checks, f"{what}: ATP pays ions and heat", (spent - s["Tsigma_total"]) / power, 1e-12
    )
    check_size(
        checks, f"{what}: heat is J A", (n_pump * v * x * RT - s["Tsigma_total"]) / power, 1e-12
    )
    checks.check(np.all(s["Tsigma_total"] >= 0), f"{what}: cold is made")
    check_size(checks, f"{what}: eta", (s["eta"] * s["P_ATP"] - s["W_ions"]) / power, 1e-13)
    check_size(checks, f"{what}: current", s["I_pump"] / (n_pump * v * F) - 1, 1e-13)
    check_size(checks, f"{what}: V_stall", s["V_stall"] - (s["V"] - x * RT / F), 1e-12)


def random_table(n, ranges, seed):
    generator = np.random.default_rng(seed)
    draw = {"uniform": lambda a, b: generator.uniform(a, b, n)}
    draw["loguniform"] = lambda a, b: np.exp(generator.uniform(np.log(a), np.log(b), n))
    return {name: draw[kind](low, high) for name, (kind, low, high) in ranges.items()}


def table_text(columns):
    rows = zip(*columns.values(), strict=True)
    return (
        "\n".join([",".join(columns)] + [",".join(repr(float(x)) for x in row) for row in rows])
        + "\n"
    )


def check_stall(args, checks):
    """It stands still where its affinity is zero, and turns the other way on the other side."""
    n, near = 1000, 1e-7
    p = random_table(n, RING_RANGES, 3)
    p["V"] = p["V"] - (fuel_force(p) + ion_force(p)) * R * p["T"] / F
    three = {name: np.concatenate([values] * 3) for name, values in p.items()}
    three["V"] = three["V"] + np.repeat([0.0, near, -near], n)
    text = (
        'model = "post_albers"\n[design]\nkind = "table"\nfile = "stalls.csv"\n'
        '[output]\nvariables = ["*"]\nprecision = "f64"\n'
    )
    s = Scan(args, checks, text, {"stalls.csv": table_text(three)})
    checks.check(s.counts == {"equilibrium": n, "ness": 2 * n}, f"stall: outcomes {s.counts}")
    still = slice(0, n)
    check_size(checks, "stall: affinity", s["affinity_RT"][still], 1e-12)
    check_size(checks, "stall: turns", (s["v_cyc"] / (s["v_plus"] + s["v_minus"]))[still], 1e-12)
    for step in STEPS:
        way = s[f"Jout_{step}"] + s[f"Jin_{step}"]
        checks.check(np.all(way[still] > 0), f"stall: {step} has no exchange")
        check_size(checks, f"stall: {step}", (s[f"J_{step}"] / way)[still], 1e-12)
    checks.check(np.all(s["v_cyc"][n : 2 * n] > 0), "stall: it does not run forward above")
    checks.check(np.all(s["v_cyc"][2 * n :] < 0), "stall: it does not run back below")


# --- the pump in a cell ---------------------------------------------------------------------------

CELL_RANGES = {
    "T": ("uniform", 285.0, 315.0),
    "n_pump": ("loguniform", 1e-10, 1e-7),
    "MgATP": ("loguniform", 1e-2, 10.0),
    "MgADP": ("loguniform", 1e-3, 10.0),
    "Pi_tot": ("loguniform", 0.1, 50.0),
    "H": ("loguniform", 4e-5, 2e-4),
    "z_X": ("uniform", -2.0, -0.3),
}
CELL_LEAKS = {
    "ohmic": {"g_Na": (0.01, 3.0), "g_K": (0.1, 30.0), "g_Cl": (0.1, 10.0)},
    "ghk": {"P_Na": (1e-11, 1e-9), "P_K": (1e-10, 1e-8), "P_Cl": (1e-10, 1e-8)},
}
CELL_OUTPUTS = (
    [f"{family}_{ion}" for ion in ("Na", "K") for family in ("dmu",)]
    + ["V", "Na_i", "K_i", "J_pump", "Jout_pump", "Jin_pump", "A_pump", "A_ATP", "P_ATP", "W_pump"]
    + ["Tsigma_pump", "Tsigma_total", "efficiency", "closure", "exch_leak_Na", "exch_leak_K"]
)
BATH = {"Na_o": 147.0, "K_o": 3.0, "Cl_o": 145.0, "Y_o": 5.0, "z_Y": -1.0}


def check_cell(args, checks, leak, membrane):
    what = f"pump_leak post_albers {leak} {membrane}"
    n = (N_FULL if args.full else N_FAST) // 4
    ranges = CELL_RANGES | {
        name: ("loguniform", low, high) for name, (low, high) in CELL_LEAKS[leak].items()
    }
    if membrane == "clamped":
        ranges |= {"V_hold": ("uniform", -0.15, 0.05)}
    lines = f'[variant]\nleak = "{leak}"\npump = "post_albers"\nmembrane = "{membrane}"\n[fixed]\n'
    lines += "".join(f"{name} = {value}\n" for name, value in BATH.items())
    s = Scan(args, checks, scan_text("pump_leak", n, ranges, lines, CELL_OUTPUTS, "auto"))
    checks.check(s.n_violate == 0, f"{what}: {s.n_violate} sets violate the second law")
    here = np.isfinite(s["V"])
    print(f"  {what}: {s.counts}")
    checks.check(np.mean(here) > 0.3, f"{what}: outcomes {s.counts}")
    p = {name: values[here] for name, values in s.values.items()} | BATH
    RT, J, x = R * p["T"], p["J_pump"], p["A_pump"] / (R * p["T"])
    fuel, forth, back = fuel_force(p), *ring_turns(p)[:2]
    both = p["Jout_pump"] + p["Jin_pump"]
    check_size(checks, f"{what}: A_ATP", p["A_ATP"] / RT - fuel, 1e-11)
    check_size(checks, f"{what}: A_pump", x - fuel - ion_force(p), 1e-11)
    forces = p["A_ATP"] + 3 * p["dmu_Na"] - 2 * p["dmu_K"]
    check_size(checks, f"{what}: A_pump of its parts", (p["A_pump"] - forces) / RT, 1e-12)
    check_size(checks, f"{what}: turns forward", p["Jout_pump"] / (p["n_pump"] * forth) - 1, 1e-11)
    check_size(checks, f"{what}: turns back", p["Jin_pump"] / (p["n_pump"] * back) - 1, 1e-10)
    check_size(checks, f"{what}: net", (J - p["Jout_pump"] + p["Jin_pump"]) / both, 1e-14)
    checks.check(np.all(np.sign(J) == np.sign(x)), f"{what}: the pump runs uphill")
    check_size(checks, f"{what}: fuel power", (p["P_ATP"] - J * p["A_ATP"]) / (both * RT), 1e-12)
    check_size(checks, f"{what}: efficiency", p["efficiency"] - 1 + p["A_pump"] / p["A_ATP"], 1e-9)
    scale = np.abs(p["P_ATP"]) + RT * (both + p["exch_leak_Na"] + p["exch_leak_K"])
    check_size(checks, f"{what}: closure", p["closure"] / scale, 1e-10)


def donnan(bath, z_X):
    """ln of the ratio of cations inside and outside, at equilibrium, in an electroneutral cell."""
    cations, anions = bath["Na_o"] + bath["K_o"], bath["Cl_o"]
    osm = cations + anions + bath["Y_o"]
    root = np.sqrt((z_X * osm) ** 2 + 4 * (1 - z_X**2) * cations * anions)
    return np.log((-z_X * osm + root) / (2 * (1 - z_X) * cations))


def check_dead_cell(args, checks):
    """ATP that is worth nothing in the Donnan state leaves the cell there; the pump exchanges."""
    n = 200
    ranges = {
        "n_pump": CELL_RANGES["n_pump"],
        "z_X": ("uniform", -0.95, -0.3),
        "T": CELL_RANGES["T"],
    }
    p = random_table(n, ranges | {k: ("loguniform", *v) for k, v in CELL_LEAKS["ohmic"].items()}, 5)
    full = lambda x: np.full(n, x)
    p |= {name: full(value) for name, value in BATH.items()}
    p |= {"MgATP": full(1e-6), "MgADP": full(10.0), "H": full(8e-5)}
    ratio = donnan(BATH, p["z_X"])
    inside = {"Na_i": BATH["Na_o"] * np.exp(ratio), "K_i": BATH["K_o"] * np.exp(ratio)}
    worth = fuel_force(p | inside | {"Pi_tot": 1.0})
    p["Pi_tot"] = np.exp(worth)
    text = (
        'model = "pump_leak"\n[variant]\npump = "post_albers"\nmembrane = "electroneutral"\n'
        '[design]\nkind = "table"\nfile = "dead.csv"\n'
        '[output]\nvariables = ["*"]\nprecision = "f64"\n'
    )
    s = Scan(args, checks, text, {"dead.csv": table_text(p)})
    checks.check(s.counts == {"equilibrium": n}, f"dead cell: outcomes {s.counts}")
    check_size(checks, "dead cell: V", s["V"] + ratio * R * p["T"] / F, 1e-11)
    check_size(checks, "dead cell: A_ATP / RT", s["A_ATP"] / (R * p["T"]), 1e-9)
    both = s["Jout_pump"] + s["Jin_pump"]
    checks.check(np.all(both > 0), "dead cell: the pump exchanges nothing")
    check_size(checks, "dead cell: pump", s["J_pump"] / both, 1e-9)


# --- presets --------------------------------------------------------------------------------------


def golden_cases(name):
    path = harness.ROOT / "tests" / "golden" / f"{name}.json"
    return json.loads(path.read_text())["cases"]


def check_presets(args, checks, folder):
    """Each cell of the golden file by its preset; the pumps that are no default by their p_max."""
    cases, worst = golden_cases("presets"), {}
    checks.check(len({case["kind"] for case in cases}) == 5, "five presets")
    for case in cases:
        p = case["params"]
        (folder / "preset.toml").write_text(
            f'model = "pump_leak"\npreset = "{case["kind"]}"\n[variant]\npump = "{p["pump"]}"\n'
            + ("" if p["pump"] == "rev" else f"[fixed]\np_max = {p['p_max']!r}\n")
            + '[output]\nvariables = ["*"]\nprecision = "f64"\n'
        )
        output = folder / f"{case['id']}.nc"
        done = harness.run(args.nessmap, "run", "preset.toml", "-o", output, "--quiet", cwd=folder)
        if not checks.check(done.returncode == 0, f"{case['id']}: {done.stderr.strip()}"):
            continue
        model = golden_map_pump.PRESETS
        test_golden.compare_group(model, case["id"], model.expand(case), output, worst, checks)
        with harness.Results(output) as results:
            kept = results.file.nessmap_config
            checks.check(f'preset = "{case["kind"]}"\n' in kept, f"{case['id']}: kept as {kept}")
            for name in ("T", "Na_o", "N_X"):
                checks.check(results[name] == p[name], f"{case['id']}: {name} = {results[name]}")
        if p["pump"] == "const":
            check_calibrated(args, checks, case)
    for key in ("V", "ell", "Na_i", "r_pump", "tau_slow"):
        print(f"  presets: {key}: worst {worst[key][0]:.1e} of the tolerance")


def check_calibrated(args, checks, case):
    """n_pump of a preset holds the same state by the Post-Albers pump."""
    sets = harness.sets(preset=case["kind"], **{"variant.pump": "post_albers"})
    done = harness.run(args.nessmap, "point", "--model", "pump_leak", *sets, "--json")
    if not checks.check(done.returncode == 0, f"{case['kind']}: {done.stderr.strip()}"):
        return
    found = {}

    def collect(node):
        if isinstance(node, dict):
            found.update({k: v for k, v in node.items() if isinstance(v, float)})
            for value in node.values():
                collect(value)
        elif isinstance(node, list):
            for value in node:
                collect(value)

    collect(json.loads(done.stdout))
    for name in ("V", "Na_i", "K_i", "J_pump"):
        wanted = case["expect"]["r_pump" if name == "J_pump" else name]
        checks.check(
            abs(found[name] / wanted - 1) < 2e-3,
            f"{case['kind']}: {name} = {found[name]}, {wanted}",
        )


def check_preset_commands(args, checks, folder):
    """init, check, run, trace and models know presets; what a file keeps asks the same question."""

    def run(*arguments):
        return harness.run(args.nessmap, *arguments, cwd=folder)

    squid = harness.sets(preset="squid_axon")
    made = run("init", "pump_leak", *squid)
    checks.check('preset = "squid_axon"' in made.stdout, f"init: {made.stderr}")
    checks.check('leak = "ghk"' in made.stdout and 'name = "P_Na"' in made.stdout, "init: its laws")
    (folder / "squid.toml").write_text(made.stdout)
    small = harness.sets(**{"axis.dG_ATP.n": 4, "axis.P_Na.n": 4})
    ran = run("run", "squid.toml", "-o", "squid.nc", "--quiet", *small)
    checks.check(ran.returncode == 0, f"run of init: {ran.stderr}")
    with harness.Results(folder / "squid.nc") as results:
        checks.check(results["Na_o"] == 440.0 and results["K_Na"] == 20.0, "init: values")
    again = run(
        "run",
        "squid.toml",
        "-o",
        "squid.nc",
        "--quiet",
        *small,
        *harness.sets(preset="red_cell_human"),
    )
    checks.check(again.returncode == 4, f"another preset: exit {again.returncode} {again.stderr}")
    point = run("point", "--from", "squid.nc", "--index", "1,2", "--json")
    checks.check(
        point.returncode == 0 and '"Na_o"' in point.stdout, f"point --from: {point.stderr}"
    )
    traced = run("trace", "--model", "pump_leak", *squid, "-o", "trace.nc", "--rtol", "1e-4")
    checks.check(
        traced.returncode == 0 and (folder / "trace.nc").exists(), f"trace: {traced.stderr}"
    )
    listed = run("models", "pump_leak")
    for case in golden_cases("presets"):
        checks.check(case["kind"] in listed.stdout, f"models does not list {case['kind']}")
    (folder / "wrong.toml").write_text('model = "pump_leak"\n\npreset = "squid_axion"\n')
    for done, words in (
        (run("check", "wrong.toml"), ('wrong.toml:3: preset = "squid_axion"', '"squid_axon"?')),
        (
            run("point", "--model", "pump_leak", *harness.sets(preset="axon")),
            ("--set: preset", "squid_axon"),
        ),
        (run("init", "driven_cycle", *squid), ("driven_cycle has no presets",)),
        (run("init", "pump_leak", *squid, *harness.sets(K_o=3)), ("--set",)),
    ):
        is_told = done.returncode == 2 and all(word in done.stderr for word in words)
        checks.check(is_told and len(done.stderr.splitlines()) == 1, f"{words}: {done.stderr}")


# --- how far a constant pump can go ---------------------------------------------------------------


def check_limits(args, checks, folder):
    """r_dep, and V and alpha there, as limits of states just below; depletion just above."""
    cases, step = golden_cases("ghk_limits"), 1e-6
    rows = []
    for case in cases:
        p = golden_map_pump.ghk_limits_parameters(case["params"])
        for share in (1 - step, 1 - 2 * step, 1 + 1e-8):
            rows.append(p | {"p_max": case["expect"]["p_dep"] * share})
    with open(folder / "limits.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: repr(float(v)) for k, v in row.items()} for row in rows)
    (folder / "limits.toml").write_text(
        'model = "pump_leak"\n'
        '[variant]\nleak = "ghk"\npump = "const"\nmembrane = "electroneutral"\n'
        '[design]\nkind = "table"\nfile = "limits.csv"\n'
        '[output]\nvariables = ["*"]\nprecision = "f64"\n'
    )
    done = harness.run(args.nessmap, "run", "limits.toml", "-o", "limits.nc", "--quiet", cwd=folder)
    checks.check(done.returncode == 0, f"limits: {done.stderr.strip()}")
    with harness.Results(folder / "limits.nc") as results:
        over = results.outcome_is("no_steady_state_depletion")
        checks.check(
            np.array_equal(over, np.arange(len(rows)) % 3 == 2), f"limits: {results.counts()}"
        )
        V, Na, K, T, rate = (results[k].reshape(-1, 3) for k in ("V", "Na_i", "K_i", "T", "p_max"))
    alpha = (Na + K) * np.exp(V * F / (R * T))
    at_zero = rate[:, 0] + Na[:, 0] * (rate[:, 0] - rate[:, 1]) / (Na[:, 1] - Na[:, 0])
    for name, found in (
        ("p_dep", at_zero),
        ("V_dep", 2 * V[:, 0] - V[:, 1]),
        ("alpha_dep", 2 * alpha[:, 0] - alpha[:, 1]),
    ):
        wanted = np.array([case["expect"][name] for case in cases])
        check_size(checks, f"limits: {name}", found / wanted - 1, 1e-9)


# Cells that a constant pump drives to absurd potentials, from where they swell. When the ion in the name is gone, the
# potential of their electroneutral membrane jumps by hundreds of RT/F.
JUMPS = {
    "Cl_i": "leak=ohmic T=290.4024409 C_m=0.0286206 Na_o=386.2341535 K_o=12.09211143 Cl_o=402.8044319 Y_o=4.478166927 z_Y=1 "
    "z_X=-2.686614993 N_X=8.647816384e-4 P_f=3.661816494e-4 g_Na=0.02556164726 g_K=0.05421306743 g_Cl=1.150092008 "
    "L_NKCC=1.225991705e-11 p_max=5.98620342e-6 K_Na=9.593543699 K_K=1.261985544 dG_ATP=-39349.79314",
    "Na_i": "leak=ghk T=287.9898044 Na_o=1.785023252 K_o=43.18856890 Cl_o=2.007275330 Y_o=250.2967147 z_Y=-1.563573924 "
    "N_X=1.829678067e-6 z_X=0.2529544423 P_Na=2.306322237e-11 P_K=4.032439330e-12 P_Cl=3.503605944e-9 "
    "L_NKCC=4.974052486e-8 L_KCC=3.426371900e-8 P_f=1.769572428e-4 C_m=0.01585894898 p_max=3.244478917e-6 "
    "K_Na=16.12821517 K_K=0.5076668531 dG_ATP=-46787.11561",
}


def check_jumps(args, checks, folder):
    """Where an ion runs out and the potential jumps for it, a course goes on to its end, and soon."""
    for ion, cell in JUMPS.items():
        chosen = dict(word.split("=") for word in cell.split()) | {"pump": "const", "membrane": "electroneutral"}
        keys = {f"variant.{k}" if k in ("leak", "pump", "membrane") else k: v for k, v in chosen.items()}
        done = harness.run(args.nessmap, "point", "--model", "pump_leak", "--json", *harness.sets(**keys), timeout=60)
        outcome = json.loads(done.stdout)["outcome"] if done.returncode == 0 else done.stderr.strip()
        checks.check(outcome == "no_steady_state_growth", f"{ion} runs out, the potential jumps: {outcome}")


# --- maps -----------------------------------------------------------------------------------------


def check_maps(args, checks, folder):
    def run(name):
        output = folder / f"{name}.nc"
        f64 = harness.sets(**{"output.precision": '"f64"'})
        done = harness.run(
            args.nessmap, "run", harness.CONFIGS / f"{name}.toml", "-o", output, "--quiet", *f64
        )
        checks.check(done.returncode == 0, f"{name}.toml: {done.stderr.strip()}")
        return harness.Results(output)

    with run("post_albers_stall") as results:
        what, V, v = "post_albers_stall.toml", results["V"][None, :], results["v_cyc"]
        checks.check(np.all(results.outcome_is("ness")), f"{what}: {results.counts()}")
        checks.check(np.all((v > 0) == (V > results["V_stall"])), f"{what}: off the stall line")
        line = results["V_stall"] * F - results["dG_ATP"]
        check_size(checks, f"{what}: the line is straight", line / line[0, 0] - 1, 1e-12)
        dG = results["dG_ATP"] / 1e3
        told = np.round([dG.min(), dG.max(), 1e3 * results["V_stall"].max()])
        checks.check(
            list(told) == [-73.0, -49.0, -127.0], f"{what}: its text says else than {told}"
        )
    with run("post_albers_axon") as results:
        what, V, worth = "post_albers_axon.toml", results["V"], results["A_ATP"]
        checks.check(np.all(results.outcome_is("ness")), f"{what}: {results.counts()}")
        checks.check(not np.any(results.flag_is("second_law_violated")), f"{what}: second law")
        checks.check(np.all(np.diff(worth, axis=0) < 0), f"{what}: ADP makes ATP dearer")
        checks.check(np.all(np.diff(V, axis=0) > 0), f"{what}: it does not depolarise")
        leak = int(np.argmin(np.abs(results["P_Na"] - 3.42e-10)))
        lost = int(np.argmin(np.abs(results["MgADP"] - 4.9)))
        told = round(1e3 * (V[lost, leak] - V[0, leak]))
        checks.check(told == 12, f"{what}: its text says 12 mV, found {told}")


def run_checks(args, checks):
    check_ring(args, checks)
    check_stall(args, checks)
    for leak, membrane in (
        ("ohmic", "capacitive"),
        ("ghk", "capacitive"),
        ("ohmic", "clamped"),
        ("ghk", "electroneutral"),
    ):
        check_cell(args, checks, leak, membrane)
    check_dead_cell(args, checks)
    for part in (check_presets, check_preset_commands, check_limits, check_jumps, check_maps):
        with harness.scratch() as name:
            part(args, checks, pathlib.Path(name))


def test_models_pump():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
