"""The laws of nernst over random sets, and its time courses against golden cases (its states: test_golden.py).

python tests/test_models_nernst.py --nessmap build/nessmap [--full]
"""

import json
import pathlib

import golden_map
import golden_map_nernst
import harness
import numpy as np
from test_models_paths import Scan, check_outcomes, check_size, scan_text

N_FAST, N_FULL = 10_000, 1_000_000
N_FOLLOWED = 1_000
R, F = golden_map.R, golden_map.F
VALENCE = golden_map_nernst.VALENCE
SOLUTES = VALENCE | {"S": 0}
LAWS = ("ohmic", "ghk")

# E_K lies below all other E, so the current rises with V wherever V can be, gates or not: one steady state
CONCENTRATIONS = {
    "Na_i": (2.0, 60.0),
    "Na_o": (60.0, 450.0),
    "K_i": (100.0, 400.0),
    "K_o": (1.0, 5.0),
    "Cl_i": (10.0, 50.0),
    "Cl_o": (60.0, 150.0),
    "Ca_i": (5e-5, 1e-3),
    "Ca_o": (0.5, 10.0),
    "S_i": (0.1, 300.0),
    "S_o": (0.1, 300.0),
}
CONDUCTANCES = {
    "ohmic": {"g_Na": 1e-3, "g_K": 1e-3, "g_Cl": 1e-3, "g_Ca": 1e-5, "L_S": 1e-11},
    "ghk": {"P_Na": 1e-12, "P_K": 1e-12, "P_Cl": 1e-12, "P_Ca": 1e-14, "P_S": 1e-12},
}
DECADES = 1e5  # from the least to the greatest
GATE = {"w_gate": (0.0, 1.0), "V_half": (-0.12, 0.08), "k_gate": (0.003, 0.03)}
GATES_OPEN = {"w_gate": 0.0, "V_half": 0.0, "k_gate": 0.01}
FAMILIES = ("J", "Jout", "Jin", "Tsigma")
OUTPUTS = (
    ["V", "tau_slow", "P_held", "P_clamp", "P_ATP", "Tsigma_total", "closure", "open_K"]
    + [f"{family}_leak_{solute}" for family in FAMILIES for solute in SOLUTES]
    + [f"{family}_{solute}" for family in ("E", "dmu", "dmu_chem", "dmu_el") for solute in SOLUTES]
    + [f"{solute}_in" for solute in SOLUTES]
    + ["I_ions", "I_total", "J_pump", "A_pump", "Tsigma_pump"]
)


def random_sets(law, gates=True, only=SOLUTES, more=None, times=1.0):
    """Ranges of all that a set is drawn from; `times`: of all conductances. Gates last: without them the rest stays."""
    random = {"T": ("uniform", 273.15, 323.15), "C_m": ("loguniform", 0.005, 0.03)}
    random |= {name: ("loguniform", *ends) for name, ends in CONCENTRATIONS.items()}
    for name, least in CONDUCTANCES[law].items():
        if name[2:] in only:
            random[name] = ("loguniform", least * times, least * times * DECADES)
    random |= more or {}
    return random | ({name: ("uniform", *ends) for name, ends in GATE.items()} if gates else {})


def scan(args, checks, law, n, random, fixed=None, mode="auto", **variant):
    text = "[variant]\n" + "".join(
        f'{key} = "{word}"\n' for key, word in ({"leak": law} | variant).items()
    )
    text += "[fixed]\n" + "".join(f"{key} = {value!r}\n" for key, value in (fixed or {}).items())
    s = Scan(args, checks, scan_text("nernst", n, random, text, OUTPUTS, mode))
    for key, value in (fixed or {}).items():
        s.values[key] = value
    return s


# --- the membrane once more, in numpy -----------------------------------------------------------------


def bern(u):
    u = np.asarray(u, float)
    near = np.abs(u) < 1e-3
    safe = np.where(near, 1.0, u)
    with np.errstate(over="ignore"):
        return np.where(near, 1 - u / 2 + u**2 / 12, safe / np.expm1(safe))


def bern_slope(u):
    u = np.asarray(u, float)
    near = np.abs(u) < 0.02
    safe = np.where(near, 1.0, u)
    b = bern(safe)
    return np.where(near, -0.5 + u / 6 - u**3 / 180 + u**5 / 5040, b / safe * (1 - b - safe))


def open_share(p, V):
    """Of the K+ channels, and its slope in V."""
    with np.errstate(over="ignore"):
        s = 1 / (1 + np.exp(-(V - p["V_half"]) / p["k_gate"]))
    return 1 - p["w_gate"] + p["w_gate"] * s, p["w_gate"] * s * (1 - s) / p["k_gate"]


def one_way(p, law, solute, V, z=None):
    """Fluxes out and in, and the slope of the net flux in V, channels open."""
    z = SOLUTES[solute] if z is None else z
    c_i, c_o = p[f"{solute}_i"], p[f"{solute}_o"]
    RT = R * p["T"]
    u = z * F * V / RT
    if law == "ghk":
        P = p[f"P_{solute}"]
        slope = P * z * F / RT * (-c_i * bern_slope(-u) - c_o * bern_slope(u))
        return P * c_i * bern(-u), P * c_o * bern(u), slope
    x = np.log(c_i / c_o) + u
    L = p["L_S"] if z == 0 else p[f"g_{solute}"] * RT / (z * F) ** 2
    return L * bern(-x), L * bern(x), L * z * F / RT


def membrane_current(p, law, V):
    """Out of the cell through all leaks, its slope in V, and the sum of all one-way currents."""
    total, slope, both = 0.0, 0.0, 0.0
    share, share_slope = open_share(p, V)
    for ion, z in VALENCE.items():
        out, into, rise = one_way(p, law, ion, V)
        if law == "ohmic":
            net = (
                p[f"g_{ion}"]
                / (z * F) ** 2
                * (R * p["T"] * np.log(p[f"{ion}_i"] / p[f"{ion}_o"]) + z * F * V)
            )
        else:
            net = out - into
        if ion == "K":
            rise = share * rise + share_slope * net
            out, into, net = share * out, share * into, share * net
        total, slope = total + z * F * net, slope + z * F * rise
        both = both + abs(z) * F * (out + into)
    return total, slope, both


def resting_potential(p, law, current=0.0):
    """Where the current out of the cell is `current`, by bisection."""
    low, high = 0 * p["T"] - 2.0, 0 * p["T"] + 2.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        above = membrane_current(p, law, middle)[0] > current
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return 0.5 * (low + high)


def check_against_bisection(checks, what, s, law, current):
    """Of the first sets; in all of them the currents balance, which is another check."""
    few = {name: x[:N_FAST] if np.ndim(x) else x for name, x in s.values.items()}
    own = resting_potential(few, law, current[:N_FAST] if np.ndim(current) else current)
    gap = (few["V"] - own) * F / (R * few["T"])
    check_size(checks, f"{what}: V F/RT against bisection", gap, 1e-10)


def nernst_potential(p, ion):
    return R * p["T"] / (VALENCE[ion] * F) * np.log(p[f"{ion}_o"] / p[f"{ion}_i"])


def check_formulas(checks):
    """The functions above against the golden cases."""
    path = harness.ROOT / "tests" / "golden" / "nernst.json"
    cases = json.loads(path.read_text())["cases"]
    worst_V = worst_slope = 0.0
    for case in cases:
        p, e = case["params"] | GATES_OPEN, case["expect"]
        V = e["V_ss"]
        if "V_hold" not in p:
            V = resting_potential(p, p["law"], p["I_app"] - F * p["p_pump"])
        worst_V = max(worst_V, abs(V - e["V_ss"]) * F / (R * p["T"]))
        slope = membrane_current(p, p["law"], V)[1]
        worst_slope = max(worst_slope, abs(slope / e["dIdV"] - 1))
    print(f"numpy against {len(cases)} golden cases: V {worst_V:.1e} RT/F, dI/dV {worst_slope:.1e}")
    checks.check(
        len(cases) == 46 and worst_V < 1e-12 and worst_slope < 1e-11, "numpy is not golden"
    )


# --- laws that hold for every solute in every state ---------------------------------------------------


def check_forces(checks, what, s, law, V):
    """Nernst potentials, both parts of each force, Ussing's ratio, and the direction of each flux. V: what it is."""
    RT = R * s["T"]
    share = open_share(s, V)[0]
    for solute, z in SOLUTES.items():
        leak, v = f"leak_{solute}", F * V / RT
        chemical = np.log(s[f"{solute}_i"] / s[f"{solute}_o"])
        x = chemical + z * v
        name = f"{what}: {solute}"
        check_size(
            checks, f"{name}: chemical part / RT", s[f"dmu_chem_{solute}"] / RT - chemical, 1e-12
        )
        check_size(
            checks, f"{name}: electrical part / RT", s[f"dmu_el_{solute}"] / RT - z * v, 1e-12
        )
        parts = s[f"dmu_chem_{solute}"] + s[f"dmu_el_{solute}"]
        check_size(checks, f"{name}: parts add", (s[f"dmu_{solute}"] - parts) / RT, 1e-13)
        if z == 0:
            checks.check(np.all(np.isnan(s["E_S"])), f"{name}: has a Nernst potential")
        else:
            E = nernst_potential(s, solute)
            check_size(checks, f"{name}: E F/RT", (s[f"E_{solute}"] - E) * F / RT, 1e-12)
        out, into, J = s[f"Jout_{leak}"], s[f"Jin_{leak}"], s[f"J_{leak}"]
        own_out, own_in, _ = one_way(s, law, solute, V)
        gate = share if solute == "K" else 1.0
        check_size(checks, f"{name}: Jout", out / (gate * own_out) - 1, 1e-10)
        check_size(checks, f"{name}: Jin", into / (gate * own_in) - 1, 1e-10)
        ratio = (np.log(out / into) - x) / (1 + np.abs(x))
        check_size(checks, f"{name}: Ussing's ratio", ratio, 1e-12)
        check_size(
            checks,
            f"{name}: one-way fluxes make the net flux",
            (out - into - J) / (out + into),
            1e-14,
        )
        uphill = -J * np.sign(s[f"dmu_{solute}"])
        checks.check(np.max(uphill) <= 0, f"{name}: runs uphill in {np.sum(uphill > 0)} sets")
        heat = (s[f"Tsigma_{leak}"] - J * s[f"dmu_{solute}"]) / (
            RT * (out + into) * (1 + np.abs(x))
        )
        check_size(checks, f"{name}: dissipation = J dmu", heat, 1e-14)
        checks.check(np.min(s[f"Tsigma_{leak}"]) >= 0, f"{name}: negative dissipation")


def check_powers(checks, what, s):
    paid = s["P_held"] + s["P_clamp"] + s["P_ATP"]
    turned = R * s["T"] * sum(s[f"Jout_leak_{x}"] + s[f"Jin_leak_{x}"] for x in SOLUTES)
    scale = turned * 20 + np.abs(s["P_ATP"]) + np.abs(s["P_held"])
    check_size(
        checks, f"{what}: who pays = what is dissipated", (paid - s["Tsigma_total"]) / scale, 1e-12
    )
    check_size(checks, f"{what}: closure", s["closure"] / scale, 1e-13)


# --- free membranes -----------------------------------------------------------------------------------


def check_resting(checks, what, s, law, n):
    """Several ions: a steady V between their E, and no equilibrium."""
    check_outcomes(checks, what, s, n, "ness")
    V = s["V"]
    check_against_bisection(checks, what, s, law, 0.0)
    E = [nernst_potential(s, ion) for ion in VALENCE]
    checks.check(
        np.all((V > np.min(E, axis=0)) & (V < np.max(E, axis=0))), f"{what}: V outside all E"
    )
    _, slope, both = membrane_current(s, law, V)
    check_size(checks, f"{what}: net current", s["I_total"] / both, 1e-12)
    check_size(checks, f"{what}: tau = C / (dI/dV)", s["tau_slow"] * slope / s["C_m"] - 1, 1e-9)
    check_forces(checks, what, s, law, V)
    check_powers(checks, what, s)
    checks.check(np.all(s["P_clamp"] == 0), f"{what}: somebody holds V")


def check_what_matters(args, checks, law, n, s):
    """E is of concentrations alone. Twice the channels: the same V in half the time. Gates move V, and E not."""
    twice = scan(args, checks, law, n, random_sets(law, times=2.0))
    no_gates = scan(args, checks, law, n, random_sets(law, gates=False))
    for other, words in ((twice, "twice the channels"), (no_gates, "no gates")):
        what = f"{law}, {words}"
        checks.check(np.array_equal(other["T"], s["T"]), f"{what}: other sets")
        for ion in VALENCE:
            gap = (other[f"E_{ion}"] - s[f"E_{ion}"]) * F / (R * s["T"])
            check_size(checks, f"{what}: E_{ion} stays, F/RT", gap, 1e-12)
    RT = R * s["T"]
    what = f"{law}, twice the channels"
    check_size(checks, f"{what}: V stays, F/RT", (twice["V"] - s["V"]) * F / RT, 1e-10)
    check_size(checks, f"{what}: tau halves", 2 * twice["tau_slow"] / s["tau_slow"] - 1, 1e-8)
    for solute in SOLUTES:
        leak = f"leak_{solute}"
        way = s[f"Jout_{leak}"] + s[f"Jin_{leak}"]
        gap = (0.5 * twice[f"J_{leak}"] - s[f"J_{leak}"]) / way
        check_size(checks, f"{what}: flux of {solute} doubles", gap, 1e-10)
    moved = np.abs(no_gates["V"] - s["V"])
    print(
        f"  {law}: gates move V by up to {1e3 * np.max(moved):.0f} mV, by 1 mV in {np.mean(moved > 1e-3):.0%}"
    )
    checks.check(np.mean(moved > 1e-3) > 0.2, f"{law}: gates do nothing")


def check_alone(args, checks, law, ion, n, gates, mode="auto"):
    """One ion: V is its E whatever conductance, capacitance and gates; only tau knows them."""
    what = f"{law}, {ion} alone, {gates}, {mode}"
    closed = {name: 0.0 for name in CONDUCTANCES[law] if name[2:] != ion}
    random = random_sets(law, gates=gates == "some gates", only=(ion,))
    fixed = dict(closed)
    if gates == "all gated":
        random |= {"V_half": ("uniform", -0.12, 0.08)}
        fixed |= {"w_gate": 1.0, "k_gate": 0.01}
    elif gates == "no gates":
        fixed |= GATES_OPEN
    s = scan(args, checks, law, n, random, fixed, mode)
    check_outcomes(checks, what, s, n, "equilibrium")
    RT, leak = R * s["T"], f"leak_{ion}"
    E = nernst_potential(s, ion)
    check_size(checks, f"{what}: V = E, F/RT", (s["V"] - E) * F / RT, 1e-12)
    out, into = s[f"Jout_{leak}"], s[f"Jin_{leak}"]
    checks.check(np.all(out > 0), f"{what}: no exchange at E")
    check_size(checks, f"{what}: both ways alike", out / into - 1, 1e-12)
    check_size(checks, f"{what}: net flux", s[f"J_{leak}"] / out, 1e-12)
    slope = membrane_current(s, law, E)[1]
    check_size(checks, f"{what}: tau", s["tau_slow"] * slope / s["C_m"] - 1, 1e-8)
    spread = np.max(s["tau_slow"]) / np.min(s["tau_slow"])
    print(f"  {what}: tau spans a factor of {spread:.0e}")
    checks.check(spread > 1e3, f"{what}: tau hardly varies")


def check_driven(args, checks, law, n):
    """A pump and an applied current: V where what they bring is carried off, and their powers in the balance."""
    what = f"{law}, pump and current"
    conductance = {
        name: ("loguniform", 1e2 * least, DECADES * least)
        for name, least in CONDUCTANCES[law].items()
    }
    random = random_sets(law, gates=False) | conductance
    random |= {
        "p_pump": ("loguniform", 1e-11, 1e-9),
        "dG_ATP": ("uniform", -65000.0, -40000.0),
        "I_app": ("uniform", -5e-4, 5e-4),
    }
    s = scan(args, checks, law, n, random, GATES_OPEN)
    checks.check(s.counts == {"ness": n}, f"{what}: outcomes {s.counts}")
    RT = R * s["T"]
    check_against_bisection(checks, what, s, law, s["I_app"] - F * s["p_pump"])
    both = membrane_current(s, law, s["V"])[2] + F * s["p_pump"]
    check_size(checks, f"{what}: net current", (s["I_total"] - s["I_app"]) / both, 1e-12)
    check_forces(checks, what, s, law, s["V"])
    check_powers(checks, what, s)
    check_size(checks, f"{what}: rate", s["J_pump"] / s["p_pump"] - 1, 1e-14)
    check_size(checks, f"{what}: fuel power", s["P_ATP"] / (-s["p_pump"] * s["dG_ATP"]) - 1, 1e-14)
    power = (s["P_clamp"] - s["I_app"] * s["V"]) / (np.abs(s["I_app"] * s["V"]) + 1e-9 * s["P_ATP"])
    check_size(checks, f"{what}: power of the current", power, 1e-9)
    force = -s["dG_ATP"] + 3 * s["dmu_Na"] - 2 * s["dmu_K"]
    check_size(checks, f"{what}: force of the pump / RT", (s["A_pump"] - force) / RT, 1e-12)
    n_past = int(np.sum(force < -1e-6 * RT))
    print(f"  {what}: {n_past} pumps past their stall, {s.n_violate} flagged")
    checks.check(s.n_violate == n_past, f"{what}: {s.n_violate} flags, {n_past} past stall")


# --- clamped membranes, and what a finite inside runs down to -----------------------------------------


def check_clamped(args, checks, law, n):
    what = f"{law}, clamped"
    s = scan(
        args,
        checks,
        law,
        n,
        random_sets(law, more={"V_hold": ("uniform", -0.15, 0.1)}),
        membrane="clamped",
    )
    check_outcomes(checks, what, s, n, "ness")
    check_size(checks, f"{what}: V", (s["V"] - s["V_hold"]) * F / R / s["T"], 1e-14)
    current, _, both = membrane_current(s, law, s["V_hold"])
    check_size(checks, f"{what}: current", (s["I_total"] - current) / both, 1e-12)
    check_size(
        checks,
        f"{what}: power of the clamp",
        (s["P_clamp"] - current * s["V_hold"]) / both / 0.15,
        1e-12,
    )
    check_forces(checks, what, s, law, s["V_hold"])
    check_powers(checks, what, s)


def inner(s, solute):
    return s[f"{solute}_in"] / s[f"{solute}_o"]


def check_finite(args, checks, law, n, mode):
    """Every solute runs to rest: at the held V, or where the fixed charge of the inside takes V (Donnan)."""
    more = {"V_hold": ("uniform", -0.12, 0.08), "ell": ("loguniform", 1e-7, 1e-4)}
    random = random_sets(law, gates=False, more=more)
    what = f"{law}, finite inside, clamped, {mode}"
    s = scan(args, checks, law, n, random, mode=mode, membrane="clamped", inside="finite")
    check_outcomes(checks, what, s, n, "equilibrium")
    RT = R * s["T"]
    v = F * s["V_hold"] / RT
    times = []
    for solute, z in SOLUTES.items():
        check_size(checks, f"{what}: {solute} at rest", inner(s, solute) * np.exp(z * v) - 1, 1e-10)
        rest = s.values | {f"{solute}_i": s[f"{solute}_o"] * np.exp(-z * v)}
        out = one_way(rest, law, solute, s["V_hold"])[0]  # at rest also c dJ/dc, by Ussing's ratio
        times.append(s["ell"] * rest[f"{solute}_i"] / out)
    check_size(checks, f"{what}: tau", s["tau_slow"] / np.max(times, axis=0) - 1, 1e-6)

    what = f"{law}, finite inside, free, {mode}"
    s = scan(args, checks, law, n, random, mode=mode, inside="finite")
    check_outcomes(checks, what, s, n, "equilibrium")
    RT, V = R * s["T"], s["V"]
    for ion in VALENCE:
        check_size(checks, f"{what}: E_{ion} = V, F/RT", (s[f"E_{ion}"] - V) * F / RT, 1e-10)
    check_size(checks, f"{what}: neutral solute", inner(s, "S") - 1, 1e-10)
    start = sum(z * s[f"{ion}_i"] for ion, z in VALENCE.items())
    low, high = 0 * V - 1.0, 0 * V + 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        charge = sum(z * s[f"{ion}_o"] * np.exp(-z * middle * F / RT) for ion, z in VALENCE.items())
        above = charge < start
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    check_size(checks, f"{what}: V F/RT against Donnan's", (V - 0.5 * (low + high)) * F / RT, 1e-9)


# --- golden relaxation, and the maps that are shipped -------------------------------------------------


def check_golden_courses(args, checks):
    """c(t) and the ratio of the one-way fluxes on the way, to 1e-6 at rtol 1e-8."""
    model = golden_map_nernst.CLAMP_RELAX
    cases = json.loads((harness.ROOT / "tests" / "golden" / "clamp_relax.json").read_text())[
        "cases"
    ]
    worst = (0.0, "")
    for case in cases:
        params, e = case["params"] | {"law": "ghk"}, case["expect"]
        ion = golden_map_nernst.relaxing_ion(params)
        values = {key: repr(value) for key, value in model.parameters(params).items()}
        values |= {f"variant.{key}": word for key, word in model.choices(params).items()}
        options = ["--times", f"0,{params['t']!r}", "--rtol", "1e-8", "-o", "course.nc"]
        with harness.scratch() as name:
            done = harness.run(
                args.nessmap,
                "trace",
                "--model",
                "nernst",
                *harness.sets(**values),
                *options,
                cwd=name,
            )
            if not checks.check(done.returncode == 0, f"{case['id']}: {done.stderr.strip()}"):
                return
            with harness.netCDF4.Dataset(pathlib.Path(name) / "course.nc") as file:
                c = file[f"{ion}_in"][...]
                ratio = file[f"Jout_leak_{ion}"][1] / file[f"Jin_leak_{ion}"][1]
        for mine, reference in (
            (c[0], params["c_i0"]),
            (c[1], e["c_at_t"]),
            (ratio, e["ratio_out_in_at_t"]),
        ):
            worst = max(worst, (abs(float(mine) / reference - 1), case["id"]))
    print(f"clamp_relax: {len(cases)} time courses to {worst[0]:.1e} ({worst[1]})")
    checks.check(len(cases) == 20 and worst[0] <= 1e-6, f"a time course is {worst} off")


def check_maps(args, checks):
    with harness.scratch() as name:
        folder = pathlib.Path(name)
        for config in ("nernst_gating", "nernst_goldman"):
            done = harness.run(
                args.nessmap,
                "run",
                harness.CONFIGS / f"{config}.toml",
                "-o",
                folder / f"{config}.nc",
                "--quiet",
                *harness.ALL_OUTPUTS,
            )
            checks.check(done.returncode == 0, f"{config}.toml: {done.stderr.strip()}")
        with harness.Results(folder / "nernst_gating.nc") as s:
            words = "nernst_gating.toml"
            checks.check(np.all(s.outcome_is("equilibrium")), f"{words}: {s.counts()}")
            E = R * 310.15 / F * np.log(4.0 / 140.0)
            check_size(checks, f"{words}: V = E_K, F/RT", (s["V"] - E) * F / R / 310.15, 1e-12)
            share = 1 / (1 + np.exp(-(E - s["V_half"]) / 0.01))
            tau = 0.01 / (s["g_K"][None, :] * share[:, None])
            check_size(checks, f"{words}: tau", s["tau_slow"] / tau - 1, 1e-8)
            # one-way fluxes g RT/F^2 at E, equal
            exchange = R * 310.15 / F**2 * 0.01 / tau
            check_size(checks, f"{words}: exchange", s["exch_leak_K"] / exchange - 1, 1e-10)
        with harness.Results(folder / "nernst_goldman.nc") as s:
            words = "nernst_goldman.toml"
            checks.check(np.all(s.outcome_is("ness")), f"{words}: {s.counts()}")
            K, Na = s["P_K"][:, None], s["P_Na"][None, :]
            goldman = R * 310.15 / F * np.log((K * 4.0 + Na * 145.0) / (K * 140.0 + Na * 12.0))
            check_size(
                checks,
                f"{words}: V F/RT against Goldman",
                (s["V"] - goldman) * F / R / 310.15,
                1e-11,
            )
            ends = [(s["V"][-1, 0] - s["E_K"][-1, 0]), (s["V"][0, -1] - s["E_Na"][0, -1])]
            checks.check(
                np.max(np.abs(ends)) < 1e-3, f"{words}: {ends} V from E_K and E_Na in the corners"
            )


def run_checks(args, checks):
    n = N_FULL if args.full else N_FAST
    few = min(n, N_FOLLOWED)
    check_formulas(checks)
    check_golden_courses(args, checks)
    check_maps(args, checks)
    for law in LAWS:
        s = scan(args, checks, law, n, random_sets(law))
        check_resting(checks, f"{law}, several ions", s, law, n)
        check_what_matters(args, checks, law, n, s)
        followed = scan(args, checks, law, few, random_sets(law), mode="follow")
        check_resting(checks, f"{law}, several ions, followed", followed, law, few)
        for ion in VALENCE:
            check_alone(args, checks, law, ion, n // 4, "no gates")
        for gates in ("some gates", "all gated"):
            check_alone(args, checks, law, "K", n, gates)
        check_alone(args, checks, law, "K", N_FAST, "all gated", "follow")
        check_driven(args, checks, law, n)
        check_clamped(args, checks, law, n)
        check_finite(args, checks, law, n, "auto")
        check_finite(args, checks, law, few, "follow")


def test_models_nernst():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
