"""The laws of carrier, parallel_paths and barrier over random sets, and barrier against golden networks of three states.

python tests/test_models_paths.py --nessmap build/nessmap [--full]
"""

import json
import pathlib

import golden_map
import golden_map_paths
import harness
import numpy as np
import test_golden

N_FAST, N_FULL = 10_000, 1_000_000
N_FOLLOWED = 1_000
R, F = golden_map.R, golden_map.F


def scan_text(model, n, random, lines, variables, mode):
    """random: {name: (dist, low, high)}"""
    parts = [f'model = "{model}"\n[design]\nkind = "random"\nn = {n}\nseed = 7\n']
    for name, (dist, low, high) in random.items():
        parts.append(
            f'[[random]]\nname = "{name}"\ndist = "{dist}"\nmin = {low!r}\nmax = {high!r}\n'
        )
    stored = ", ".join(f'"{name}"' for name in variables)
    parts.append(f'[output]\nvariables = [{stored}]\nprecision = "f64"\n')
    parts.append(f'[solver]\nmode = "{mode}"\n')
    return "".join(parts) + lines


class Scan:
    """The numbers of one run, by name, in order of the points."""

    def __init__(self, args, checks, text, files=None):
        with harness.scratch() as name:
            folder = pathlib.Path(name)
            (folder / "scan.toml").write_text(text)
            for file, content in (files or {}).items():
                (folder / file).write_text(content)
            done = harness.run(
                args.nessmap, "run", "scan.toml", "-o", "out.nc", "--quiet", cwd=folder
            )
            checks.check(done.returncode == 0, f"exit {done.returncode}: {done.stderr.strip()}")
            with harness.Results(folder / "out.nc") as results:
                shape = results.outcome.shape
                self.values = {n: results[n] for n in results.names() if results[n].shape == shape}
                self.counts = results.counts()
                self.n_violate = int(np.sum(results.flag_is("second_law_violated")))

    def __getitem__(self, name):
        return self.values[name]


def largest(x):
    """Of |x|; infinite where anything is no number, so that no comparison passes."""
    x = np.abs(np.asarray(x))
    return float(np.max(x)) if np.all(np.isfinite(x)) else float("inf")


def check_size(checks, what, x, limit):
    print(f"  {what}: {largest(x):.1e}, allowed {limit:.0e}")
    checks.check(largest(x) <= limit, f"{what}: {largest(x):.3g} > {limit:g}")


def check_outcomes(checks, what, scan, n, only):
    checks.check(scan.counts == {only: n}, f"{what}: outcomes {scan.counts}, wanted {n} {only}")
    checks.check(scan.n_violate == 0, f"{what}: {scan.n_violate} violate the second law")


# --- carrier ----------------------------------------------------------------------------------------

CARRIER_RATES = {"k1": 1e4, "km1": 1e5, "k2": 1e5, "km2": 1e5, "k3": 1e5, "km3": 1e4, "k4": 1e5}
STEPS = ("bind", "cross", "release", "recross")
CARRIER_OUTPUTS = (
    [f"{family}_{step}" for family in ("J", "Jout", "Jin") for step in STEPS]
    + [f"occ_{state}" for state in ("Ei", "ESi", "ESo", "Eo")]
    + ["J_S", "dmu_S", "dmu_chem_S", "dmu_el_S", "Jcyc_plus", "Jcyc_minus"]
    + ["Jtracer_out", "Jtracer_in", "Tsigma_total", "tau_slow", "closure"]
)


def carrier_random(is_charged, faster=1.0):
    random = {name: ("loguniform", faster, high * faster) for name, high in CARRIER_RATES.items()}
    random |= {"T": ("uniform", 273.15, 323.15), "V": ("uniform", -0.15, 0.1)}
    random |= {name: ("loguniform", 1e-2, 300.0) for name in ("S_i", "S_o")}
    random["N_T"] = ("loguniform", 1e-11, 1e-8)
    if is_charged:
        random |= {"z_S": ("uniform", -2.0, 2.0), "z_C": ("uniform", -1.0, 1.0)}
    return random


def carrier_constants(p):
    """Rates of the four steps, out and back, at the potential and the concentrations of p."""
    field = F * p["V"] / (R * p["T"])
    loaded, empty = 0.5 * (p["z_S"] + p["z_C"]) * field, -0.5 * p["z_C"] * field
    km4 = p["k1"] * p["k2"] * p["k3"] * p["k4"] / (p["km1"] * p["km2"] * p["km3"])
    out = (
        p["k1"] * p["S_i"],
        p["k2"] * np.exp(loaded),
        p["k3"],
        p["k4"] * np.exp(empty),
    )
    back = (p["km1"], p["km2"] * np.exp(-loaded), p["km3"] * p["S_o"], km4 * np.exp(-empty))
    return out, back


def king_altman(out, back):
    """Weights of the four states of a ring, each the sum over its four trees."""
    weights = []
    for state in range(4):
        weight = 0.0
        for cut in range(4):
            product, edge = 1.0, (cut + 1) % 4
            while edge != state:
                product, edge = product * out[edge], (edge + 1) % 4
            edge = state
            while edge != cut:
                product, edge = product * back[edge], (edge + 1) % 4
            weight = weight + product
        weights.append(weight)
    return weights


def check_carrier_laws(checks, what, s, n, is_charged):
    check_outcomes(checks, what, s, n, "ness")
    p = s.values if is_charged else s.values | {"z_S": 0.0, "z_C": 0.0}
    RT = R * s["T"]
    x = np.log(s["S_i"] / s["S_o"]) + p["z_S"] * F * s["V"] / RT
    J, both = s["J_S"], s["Jcyc_plus"] + s["Jcyc_minus"]

    check_size(checks, f"{what}: dmu_S against both its parts, / RT", s["dmu_S"] / RT - x, 1e-13)
    parts = s["dmu_chem_S"] + s["dmu_el_S"]
    check_size(checks, f"{what}: parts add", (parts - s["dmu_S"]) / RT, 1e-13)
    is_uphill = (np.sign(J) != np.sign(x)) & (np.abs(x) > 1e-9)
    checks.check(not np.any(is_uphill), f"{what}: {np.sum(is_uphill)} sets run uphill")
    for step in STEPS:  # a step knows its flux as well as its one-way fluxes are known
        way = s[f"Jout_{step}"] + s[f"Jin_{step}"]
        uphill = -s[f"J_{step}"] * np.sign(x) / way
        print(f"  {what}: {step}: {np.mean(uphill < -1e-12):.4f} of the fluxes are above rounding")
        checks.check(np.max(uphill) <= 1e-12, f"{what}: {step} runs uphill by {np.max(uphill):.1e}")
        check_size(checks, f"{what}: {step} moves the net flux", (s[f"J_{step}"] - J) / way, 1e-12)

    out, back = carrier_constants(p)
    weights = king_altman(out, back)
    total = sum(weights)
    exact = s["N_T"] * np.prod(back, axis=0) / total * np.expm1(x)
    check_size(checks, f"{what}: flux against King and Altman", (J - exact) / both, 1e-11)
    for state, weight in zip(("Ei", "ESi", "ESo", "Eo"), weights, strict=True):
        check_size(
            checks, f"{what}: share of {state}", s[f"occ_{state}"] / (weight / total) - 1, 1e-10
        )

    ratio = np.log(s["Jcyc_plus"] / s["Jcyc_minus"])
    check_size(checks, f"{what}: ratio of the cycle fluxes", (ratio - x) / (1 + np.abs(x)), 1e-13)
    difference = s["Jcyc_plus"] - s["Jcyc_minus"]
    check_size(checks, f"{what}: cycle fluxes make the net flux", (difference - J) / both, 1e-14)
    tracer_both = s["Jtracer_out"] + s["Jtracer_in"]
    difference = s["Jtracer_out"] - s["Jtracer_in"]
    check_size(
        checks, f"{what}: tracer fluxes make the net flux", (difference - J) / tracer_both, 1e-12
    )
    # labelled solute also exchanges without a turn: both tracer fluxes are larger, so their ratio is nearer to 1
    for tracer, turns in (("Jtracer_out", "Jcyc_plus"), ("Jtracer_in", "Jcyc_minus")):
        least = np.min(s[tracer] / s[turns])
        checks.check(least > 1 - 1e-13, f"{what}: {tracer} / {turns} falls to {least!r}")
    share = np.log(s["Jtracer_out"] / s["Jtracer_in"])[np.abs(x) > 1e-3] / x[np.abs(x) > 1e-3]
    checks.check(np.all((share > 0) & (share < 1 + 1e-9)), f"{what}: tracers pass Ussing's ratio")
    checks.check(np.min(share) < 0.5, f"{what}: no tracer ratio falls far short of Ussing's")
    rounding = R * s["T"] * sum(s[f"Jout_{step}"] + s[f"Jin_{step}"] for step in STEPS)
    power = (s["Tsigma_total"] - J * s["dmu_S"]) / (rounding * (1 + np.abs(x)))
    check_size(checks, f"{what}: dissipation = J dmu", power, 1e-12)


def check_carrier_scaling(checks, slow, fast, factor):
    """All rates together move time and flux, and nothing else."""
    check_size(
        checks, "faster carrier: tau", fast["tau_slow"] * factor / slow["tau_slow"] - 1, 1e-6
    )
    for state in ("Ei", "ESi", "ESo", "Eo"):
        occupancy = f"occ_{state}"
        check_size(
            checks, f"faster carrier: {occupancy}", fast[occupancy] / slow[occupancy] - 1, 1e-10
        )
    both = slow["Jcyc_plus"] + slow["Jcyc_minus"]
    check_size(checks, "faster carrier: flux", (fast["J_S"] / factor - slow["J_S"]) / both, 1e-12)
    check_size(checks, "faster carrier: force", (fast["dmu_S"] - slow["dmu_S"]) / R / 300, 1e-13)


def check_carrier_saturates(args, checks, slow):
    """Sets of the scan, each at concentrations from nearly none to far above saturation."""
    names = [*CARRIER_RATES, "T", "V", "z_S", "z_C", "N_T", "S_o"]
    levels = np.logspace(-4, 11, 31)
    rows = [
        [float(slow[name][k]) for name in names] + [float(level)]
        for k in range(60)
        for level in levels
    ]
    table = ",".join([*names, "S_i"]) + "\n"
    table += "".join(",".join(map(repr, row)) + "\n" for row in rows)
    text = (
        'model = "carrier"\n[design]\nkind = "table"\nfile = "sets.csv"\n'
        '[output]\nvariables = ["J_S"]\nprecision = "f64"\n'
    )
    s = Scan(args, checks, text, {"sets.csv": table})
    p = {name: np.array([row[i] for row in rows]) for i, name in enumerate([*names, "S_i"])}
    out, back = carrier_constants(p)
    # what is left of the ring formula as S_i grows without end
    limit = [1.0 + 0 * out[1], *out[1:]]
    none = [0.0 * out[1], *out[1:]]
    slope = sum(king_altman(limit, back)) - sum(king_altman(none, back))
    most = (p["N_T"] * out[1] * out[2] * out[3] / slope).reshape(60, -1)
    J = s["J_S"].reshape(60, -1)
    checks.check(np.all(np.diff(J / most, axis=1) > -1e-12), "flux falls as S_i grows")
    checks.check(np.all(J <= most * (1 + 1e-12)), "flux above its saturation")
    end = J[:, -1] / most[:, -1]
    print(f"  saturation: {end.min():.6f} to {end.max():.6f} of the most at S_i = {levels[-1]:.0e}")
    checks.check(np.all(end > 0.99), f"only {end.min()} of the saturated flux")


def check_carrier(args, checks, n):
    for what, is_charged in (("neutral carrier", False), ("charged carrier", True)):
        text = scan_text("carrier", n, carrier_random(is_charged), "", CARRIER_OUTPUTS, "auto")
        slow = Scan(args, checks, text)
        check_carrier_laws(checks, what, slow, n, is_charged)
    faster = scan_text("carrier", n, carrier_random(True, 1000.0), "", CARRIER_OUTPUTS, "auto")
    check_carrier_scaling(checks, slow, Scan(args, checks, faster), 1000.0)
    check_carrier_saturates(args, checks, slow)
    few = min(n, N_FOLLOWED)
    text = scan_text("carrier", few, carrier_random(True), "", CARRIER_OUTPUTS, "follow")
    check_carrier_laws(checks, "followed carrier", Scan(args, checks, text), few, True)


# --- parallel_paths ---------------------------------------------------------------------------------

LANES = range(4)
LANE_OUTPUTS = [f"{family}_lane{k}" for family in ("J", "Jout", "Jin", "A") for k in LANES] + [
    "A",
    "B",
    "Q",
    "J_net",
    "J_loop",
    "A_loop",
    "Tsigma_total",
    "tau_slow",
]
RATIO = 3.5  # of kf and kr, the same for every lane that is not driven


def lane_random(driven):
    random = {"T": ("uniform", 273.15, 323.15), "C_tot": ("loguniform", 1e-3, 1e3)}
    random |= {f"kr{k}": ("loguniform", 1e-4, 1e4) for k in LANES}
    return random | {f"kf{k}": ("loguniform", 1e-4, 1e4) for k in driven}


def lane_ties(driven):
    lines = [f'kf{k} = "{RATIO} * kr{k}"\n' for k in LANES if k not in driven]
    return "[tie]\n" + "".join(lines) if lines else ""


def check_lanes(checks, what, s, driven):
    kf = [s[f"kf{k}"] if k in driven else RATIO * s[f"kr{k}"] for k in LANES]
    kr = [s[f"kr{k}"] for k in LANES]
    total = sum(kf) + sum(kr)
    exact = {"A": s["C_tot"] * sum(kr) / total, "B": s["C_tot"] * sum(kf) / total}
    for name, value in exact.items():
        check_size(checks, f"{what}: {name}", s[name] / value - 1, 1e-12)
    check_size(checks, f"{what}: tau", s["tau_slow"] * total - 1, 1e-6)
    all_ways = sum(s[f"Jout_lane{k}"] + s[f"Jin_lane{k}"] for k in LANES)
    for k in LANES:
        J = s["C_tot"] * sum(kf[k] * kr[m] - kr[k] * kf[m] for m in LANES) / total
        scale = s[f"Jout_lane{k}"] + s[f"Jin_lane{k}"]
        check_size(checks, f"{what}: J of lane {k}", (s[f"J_lane{k}"] - J) / scale, 1e-12)
    check_size(checks, f"{what}: net of all lanes", s["J_net"] / all_ways, 1e-12)
    loop = 0.5 * sum(np.abs(s[f"J_lane{k}"]) for k in LANES)
    check_size(checks, f"{what}: loop flux", s["J_loop"] / loop - 1 if driven else 0.0, 1e-14)
    power = sum(s[f"J_lane{k}"] * R * s["T"] * np.log(kf[k] / kr[k]) for k in LANES)
    check_size(
        checks, f"{what}: dissipation", (s["Tsigma_total"] - power) / (R * s["T"] * all_ways), 1e-11
    )


def check_parallel_paths(args, checks, n):
    def scan(driven, count=n, mode="auto"):
        text = scan_text(
            "parallel_paths", count, lane_random(driven), lane_ties(driven), LANE_OUTPUTS, mode
        )
        return Scan(args, checks, text)

    for what, s, count in (
        ("balanced lanes", scan(()), n),
        ("followed balanced lanes", scan((), min(n, N_FOLLOWED), "follow"), min(n, N_FOLLOWED)),
    ):
        check_outcomes(checks, what, s, count, "equilibrium")
        check_lanes(checks, what, s, ())
        check_size(checks, f"{what}: ratio", s["Q"] / RATIO - 1, 1e-12)
        for k in LANES:  # each alone, however small beside the motorway
            scale = s[f"Jout_lane{k}"] + s[f"Jin_lane{k}"]
            check_size(checks, f"{what}: lane {k} alone", s[f"J_lane{k}"] / scale, 1e-12)

    for what, s, count in (
        ("one driven lane", scan((3,)), n),
        ("followed driven lane", scan((3,), min(n, N_FOLLOWED), "follow"), min(n, N_FOLLOWED)),
    ):
        check_outcomes(checks, what, s, count, "ness")
        check_lanes(checks, what, s, (3,))
        drive = np.log(s["kf3"] / (RATIO * s["kr3"]))
        is_driven = np.abs(drive) > 1e-3
        for k in range(3):
            is_back = np.sign(s[f"J_lane{k}"]) == -np.sign(drive)
            checks.check(
                np.all(is_back[is_driven]), f"{what}: lane {k} does not return what lane 3 moves"
            )
        checks.check(np.all((s["J_loop"] > 0)[is_driven]), f"{what}: a loop without flux")
        whole = sum(s[f"Jout_lane{k}"] + s[f"Jin_lane{k}"] for k in LANES)
        check_size(
            checks,
            f"{what}: loop flux is that of lane 3",
            (s["J_loop"] - np.abs(s["J_lane3"])) / whole,
            1e-11,
        )
        power = s["J_lane3"] * R * s["T"] * drive
        check_size(
            checks,
            f"{what}: dissipation = loop flux x affinity",
            (s["Tsigma_total"] - power) / (R * s["T"] * whole * (1 + np.abs(drive))),
            1e-11,
        )


def check_closed_lanes(args, checks):
    """The motorway and the country lane alone: what is closed counts for nothing."""
    random = {f"k{way}{k}": ("loguniform", 1e-4, 1e4) for way in "fr" for k in (0, 1)}
    s = Scan(
        args,
        checks,
        scan_text("parallel_paths", 1000, random, "", LANE_OUTPUTS + ["a_max"], "auto"),
    )
    check_outcomes(checks, "two lanes", s, 1000, "ness")
    force = R * 298.15 * np.log(s["kf1"] * s["kr0"] / (s["kr1"] * s["kf0"]))
    check_size(checks, "two lanes: affinity of the loop", (s["A_loop"] - force) / R / 300, 1e-12)
    check_size(
        checks,
        "two lanes: A_loop = A_lane1 - A_lane0",
        (s["A_lane1"] - s["A_lane0"] - force) / R / 300,
        1e-11,
    )
    check_size(
        checks,
        "two lanes: dissipation",
        (s["Tsigma_total"] - s["J_lane1"] * force) / s["Tsigma_total"],
        1e-8,
    )
    for k in (2, 3):
        check_size(checks, f"two lanes: lane {k}", s[f"J_lane{k}"], 0.0)


# --- barrier ----------------------------------------------------------------------------------------

WAYS = {"AB1": "AB", "AB2": "AB", "AB3": "AB", "AB4": "AB", "BC1": "BC", "BC2": "BC", "CA": "CA"}
BARRIER_OUTPUTS = [f"{family}_{way}" for family in ("J", "Jout", "Jin") for way in WAYS]
BARRIER_OUTPUTS += ["A", "B", "C", "Tsigma_total", "tau_slow", "tau_fast"]


def barrier_random(is_driven, higher=0.0):
    random = {"T": ("uniform", 273.15, 323.15)}
    random |= {f"G_{state}": ("uniform", -15e3, 15e3) for state in "ABC"}
    random |= {f"B_{way}": ("uniform", 28e3 + higher, 77e3 + higher) for way in WAYS}
    random |= {f"theta_{way}": ("uniform", 0.0, 1.0) for way in WAYS}
    if is_driven:
        random |= {f"f_{way}": ("uniform", -50e3, 50e3) for way in WAYS}
    return random


def check_ways(checks, what, s, is_driven):
    """Forwards over backwards is fixed by energies and drive, whatever the barrier and where it splits the drive."""
    RT = R * s["T"]
    net = {state: 0.0 for state in "ABC"}
    gross = {state: 0.0 for state in "ABC"}
    power = gross_power = 0.0
    for way, (i, j) in WAYS.items():
        drive = s[f"f_{way}"] if is_driven else 0.0
        x = (s[f"G_{i}"] - s[f"G_{j}"] + drive) / RT
        ratio = np.log(s[f"Jout_{way}"] / s[f"Jin_{way}"]) - np.log(s[i] / s[j])
        check_size(
            checks, f"{what}: ln of the rates' ratio of {way}", (ratio - x) / (1 + np.abs(x)), 1e-12
        )
        share = s[f"theta_{way}"] * drive
        rate = golden_rate(s["T"], s[f"B_{way}"] - s[f"G_{i}"] - share)
        check_size(checks, f"{what}: rate of {way}", s[f"Jout_{way}"] / s[i] / rate - 1, 1e-12)
        J, both = s[f"J_{way}"], s[f"Jout_{way}"] + s[f"Jin_{way}"]
        for state, sign in ((i, -1), (j, 1)):
            net[state] = net[state] + sign * J
            gross[state] = gross[state] + both
        power, gross_power = power + J * drive, gross_power + both * RT
        if not is_driven:
            check_size(checks, f"{what}: {way} alone", J / both, 1e-11)
    for state in "ABC":
        check_size(checks, f"{what}: balance of {state}", net[state] / gross[state], 1e-12)
    check_size(checks, f"{what}: the drives pay", (s["Tsigma_total"] - power) / gross_power, 1e-10)
    checks.check(np.all(s["Tsigma_total"] >= -1e-12 * gross_power), f"{what}: negative dissipation")


def golden_rate(T, height):
    k_B, h = 1.380649e-23, 6.62607015e-34
    return k_B * T / h * np.exp(-height / (R * T))


def check_barrier(args, checks, n):
    higher = 10e3

    def scan(is_driven, shift=0.0, count=n, mode="auto"):
        random = barrier_random(is_driven, shift)
        return Scan(args, checks, scan_text("barrier", count, random, "", BARRIER_OUTPUTS, mode))

    few = min(n, N_FOLLOWED)
    for what, s, count in (
        ("barriers", scan(False), n),
        ("followed barriers", scan(False, count=few, mode="follow"), few),
    ):
        check_outcomes(checks, what, s, count, "equilibrium")
        check_ways(checks, what, s, False)
        weights = {state: np.exp(-s[f"G_{state}"] / (R * s["T"])) for state in "ABC"}
        for state in "ABC":
            share = weights[state] / sum(weights.values())
            check_size(
                checks, f"{what}: share of {state} by energies alone", s[state] / share - 1, 1e-10
            )
    for is_driven, what in ((False, "barriers"), (True, "driven barriers")):
        low, high = scan(is_driven), scan(is_driven, higher)
        if is_driven:
            check_outcomes(checks, what, low, n, "ness")
            check_ways(checks, what, low, True)
        for state in "ABC":
            check_size(checks, f"higher {what}: {state} stays", high[state] / low[state] - 1, 1e-9)
        slower = np.exp(higher / (R * low["T"]))
        # B is known as the rest of A and C: where it is rare, so are the digits of the rates that pass it, and the more
        # so where both relaxation rates are nearly the same
        ratio = low["tau_slow"] / low["tau_fast"]
        apart = np.maximum(1 - 1 / ratio, 1e-8)
        known = 1e-9 + 1e-15 * (1 / (low["B"] * apart) + ratio)
        for tau in ("tau_slow", "tau_fast"):
            moved = high[tau] / (low[tau] * slower) - 1
            check_size(checks, f"higher {what}: {tau} moves, by its rounding", moved / known, 1.0)
    check_ways(checks, "followed driven barriers", scan(True, count=few, mode="follow"), True)


def check_barrier_golden(checks, args):
    path = harness.ROOT / "tests" / "golden" / "network.json"
    cases = [c for c in json.loads(path.read_text())["cases"] if c["params"]["N"] == 3]
    checks.check(len(cases) == 7, f"{len(cases)} golden networks of three states")
    test_golden.check_keys(golden_map_paths.BARRIER, cases, checks)
    worst = {}
    with harness.scratch() as name:
        folder = pathlib.Path(name)
        test_golden.write_scan(folder, golden_map_paths.BARRIER, {}, cases)
        done = harness.run(args.nessmap, "run", "cases.toml", "-o", "out.nc", "--quiet", cwd=folder)
        if checks.check(done.returncode == 0, f"exit {done.returncode}, {done.stderr.strip()}"):
            n = test_golden.compare_group(
                golden_map_paths.BARRIER, "golden", cases, folder / "out.nc", worst, checks
            )
            print(f"barrier: {n} of {len(cases)} golden networks agree")
    for key, (ratio, error, reference, case) in sorted(worst.items(), key=lambda item: -item[1][0]):
        print(
            f"  {key:20s} {ratio:9.2e} of the tolerance: error {error:.2e} of {reference:.6e} in {case}"
        )


def run_checks(args, checks):
    n = N_FULL if args.full else N_FAST
    check_barrier_golden(checks, args)
    check_carrier(args, checks, n)
    check_parallel_paths(args, checks, n)
    check_closed_lanes(args, checks)
    check_barrier(args, checks, n)


def test_models_paths():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
