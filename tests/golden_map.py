"""The one mapping from the keys of the golden cases to the names of the output file, with the tolerances.

A quantity passes where |x - ref| <= 1e-9 |ref| + 1e-12 scale. The scale is that of the one-way fluxes of its
pathway (x RT for powers), RT for potentials of ions, RT/F for voltages, and zero where nothing is named. Near lysis
both terms are divided by lysis_margin. Relaxation times: 1e-6 relative (1e-4 near lysis).
"""

import math
from dataclasses import dataclass
from typing import Callable

try:
    import walk_theory
except ImportError:  # the machine with the GPU may lack NumPy: tools/gpu_golden.py says so
    walk_theory = None


class NoWalks(Exception):
    """What walk_theory.py says cannot be said here."""

R = 8.31446261815324
F = 96485.33212331001840
IONS = ("Na", "K", "Cl")


@dataclass
class Comparison:
    """One golden number and how the file says it."""

    key: str  # of the golden case
    value: Callable  # row of the file (a dict of numbers) -> number
    reference: float
    tolerance: float


@dataclass
class Model:
    name: str
    choices: Callable  # golden parameters -> variants
    parameters: Callable  # golden parameters -> {name: number}
    compare: Callable  # case -> [Comparison]
    not_compared: dict  # key -> why
    expand: Callable = lambda case: [case]  # the cases that are run for one golden case
    solver: str = ""  # the configuration of the solver, where it is not the default
    golden: str = ""  # the golden file, where it has not the model's name


def bern(u):
    return 1.0 - u / 2 if abs(u) < 1e-8 else u / math.expm1(u)


def named(name):
    return lambda row: row[name]


def outcome_agrees(expect, outcome, flags):
    """Whether the verdict of the file is the class of the golden case."""
    if not expect.get("exists", True):
        return outcome.startswith("no_steady_state")
    word = expect["class"]
    if word == "multistable":
        return outcome == "ness" and "multistable" in flags
    return outcome == {"NESS": "ness", "NESS_clamped": "ness"}.get(word, word)


VALUED = ("equilibrium", "ness", "oscillatory", "unstable")


def group_cases(model, cases):
    """{variants as text: (variants, cases)}"""
    groups = {}
    for case in cases:
        choices = model.choices(case["params"])
        key = " ".join(f"{k}={v}" for k, v in choices.items()) or "no variants"
        groups.setdefault(key, (choices, []))[1].append(case)
    return groups


def columns_of(model, cases):
    """{parameter: numbers}, one number a case."""
    columns = {}
    for case in cases:
        for name, value in model.parameters(case["params"]).items():
            columns.setdefault(name, []).append(float(value))
    return columns


def compare_case(case, model, outcome, flags, row, worst):
    """What is wrong, as sentences; notes the worst of each quantity in units of its tolerance.

    outcome: its name; flags: set of names; row: {output: number}; worst: {key: (ratio, error, reference, case)}
    """
    expect = case["expect"]
    wrong = []
    if not outcome_agrees(expect, outcome, flags):
        return [f"outcome {outcome}, golden {expect.get('class')}"]
    if "second_law_ok" in expect and expect["second_law_ok"] == ("second_law_violated" in flags):
        wrong.append(f"flag second_law_violated, golden second_law_ok = {expect['second_law_ok']}")
    if outcome in VALUED and not row["resid"] <= 1e-10:
        wrong.append(f"resid = {row['resid']:.3g}, promised 1e-10")
    for item in model.compare(case):
        try:
            found = item.value(row)
        except NoWalks:
            continue
        except KeyError as missing:
            wrong.append(f"{item.key}: the file has no variable {missing}")
            continue
        error = abs(found - item.reference)
        ratio = (
            0.0 if error == 0 else error / item.tolerance if item.tolerance > 0 else float("inf")
        )
        if not ratio <= 1:
            wrong.append(
                f"{item.key} = {found!r}, golden {item.reference!r}, "
                f"error {error:.2e}, allowed {item.tolerance:.2e}"
            )
        if item.key not in worst or not ratio <= worst[item.key][0]:
            worst[item.key] = (ratio, error, item.reference, case["id"])
    return wrong


def closure_scale(case, dissipations, exchange):
    """The sum of |dissipations|; near equilibrium, where they vanish as the square of the forces, that of the
    one-way fluxes x RT."""
    expect = case["expect"]
    if max(abs(expect.get("affinity_RT", 0.0)), expect.get("max_affinity_RT", 0.0)) < 1e-3:
        return exchange
    return sum(abs(expect[key]) for key in dissipations)


class Tolerances:
    """near: lysis_margin of a case near lysis, else 1."""

    def __init__(self, case):
        self.expect = case["expect"]
        self.is_near = "near_lysis" in case["kind"]
        self.near = self.expect["lysis_margin"] if self.is_near else 1.0
        self.comparisons = []

    def add(self, key, name, scale=0.0, sign=1.0, index=None):
        """name: of the output, or a function of the row; index: where the golden number is one of a list."""
        if key not in self.expect:
            return
        reference = self.expect[key] if index is None else self.expect[key][index]
        value = name if callable(name) else named(name)
        tolerance = (1e-9 * abs(reference) + 1e-12 * scale) / self.near
        self.comparisons.append(
            Comparison(key, lambda row: sign * value(row), reference, tolerance)
        )

    def add_time(self, key, name, reference=None):
        if key in self.expect:
            reference = self.expect[key] if reference is None else reference
            relative = 1e-4 if self.is_near else 1e-6
            value = name if callable(name) else named(name)
            self.comparisons.append(Comparison(key, value, reference, relative * abs(reference)))


# --- walks of one molecule ----------------------------------------------------------------------------


def walk_of(row, states, edges):
    """The walk whose rates the row's one-way fluxes and amounts tell. edges: {pathway: (from, to)}"""
    if walk_theory is None:
        raise NoWalks
    ends = [(states.index(i), states.index(j)) for i, j in edges.values()]
    forth = [row[f"Jout_{name}"] / row[i] for name, (i, _) in edges.items()]
    back = [row[f"Jin_{name}"] / row[j] for name, (_, j) in edges.items()]
    return walk_theory.Walk(len(states), ends, forth, back)


def window_of(row, states, edges, time):
    """Mean and variance of the net jumps by the first pathway over a window of this length [s]."""
    walk = walk_of(row, states, edges)
    walks = walk_theory.Walks(walk.n, walk.ends, [[float(x)] for x in walk.forth], [[float(x)] for x in walk.back], time)
    mean, variance = walks.window(walks.counting(0))
    return float(mean[0]), float(variance[0])


def add_ratio(t, key, name, rate, way, power=1):
    """What is divided by the `power` of a net rate, which is known to its own tolerance; NaN where that is zero."""
    if key not in t.expect:
        return
    if abs(rate) > 1e-11 * way:
        t.add(key, name, power * abs(t.expect[key]) * way / abs(rate))
    elif abs(rate) < 1e-14 * way:
        value = name if callable(name) else named(name)
        t.comparisons.append(Comparison(key, lambda row: float(math.isnan(value(row))), 1.0, 0.0))


def thermodynamic_bound(affinity_RT, n_states):
    """The least Fano factor of a ring (Barato & Seifert, Phys. Rev. Lett. 114 (2015) 158101)"""
    x = abs(affinity_RT) / (2 * n_states)
    return 1.0 / (n_states * math.tanh(x)) if x > 0 else math.inf


# --- pump_leak --------------------------------------------------------------------------------------


def pump_leak_choices(params):
    return {
        "leak": params["law"],
        "pump": params["pump"],
        "membrane": "electroneutral" if params["electroneutral"] else "capacitive",
    }


def pump_leak_parameters(params):
    return {k: v for k, v in params.items() if k not in ("law", "pump", "electroneutral")}


def pump_one_way(p, e):
    """Forward and backward pump rate together, at the golden state."""
    capacity = p["p_max"]
    if p["pump"] != "const":
        capacity *= (e["Na_i"] / (p["K_Na"] + e["Na_i"])) ** 3
        capacity *= (p["K_o"] / (p["K_K"] + p["K_o"])) ** 2
    if p["pump"] != "rev":
        return capacity
    back = math.exp(-e["A_pump"] / (R * p["T"]))
    return capacity * (1 + back) / (1 + p["kappa_r"] * back)


def pump_leak_compare(case):
    p, e, t = case["params"], case["expect"], Tolerances(case)
    if not e["exists"]:
        t.add("growth_rate_m_s", "growth_rate")
        return t.comparisons
    RT = R * p["T"]
    way = {f"leak_{ion}": e[f"Jout_{ion}"] + e[f"Jin_{ion}"] for ion in IONS}
    way["pump"] = pump_one_way(p, e)
    for name, conductance in (("NKCC", p["L_NKCC"]), ("KCC", p["L_KCC"])):
        force = e[f"J_{name}"] / conductance if conductance > 0 else 0.0
        way[name] = conductance * (bern(force) + bern(-force))
    sum_way = sum(way.values())

    for name in ("Na_i", "K_i", "Cl_i", "X_i", "ell", "lysis_margin"):
        t.add(name, name)
    t.add("V", "V", RT / F)
    for ion in IONS:
        leak = f"leak_{ion}"
        t.add(f"E_{ion}", f"E_{ion}", RT / F)
        for part in ("dmu", "dmu_chem", "dmu_el"):
            t.add(f"{part}_{ion}", f"{part}_{ion}", RT)
        t.add(f"J_leak_{ion}", f"J_{leak}", way[leak])
        t.add(f"Jout_{ion}", f"Jout_{leak}", way[leak])
        t.add(f"Jin_{ion}", f"Jin_{leak}", way[leak])
        t.add(f"Tsigma_leak_{ion}", f"Tsigma_{leak}", RT * way[leak])
    for name in ("NKCC", "KCC"):
        t.add(f"J_{name}", f"J_{name}", way[name])
        t.add(f"Tsigma_{name}", f"Tsigma_{name}", RT * way[name])
    t.add("r_pump", "J_pump", way["pump"])
    t.add("A_pump", "A_pump", RT)
    t.add("Tsigma_pump", "Tsigma_pump", RT * way["pump"])
    t.add("P_ATP", "P_ATP", RT * way["pump"])
    t.add("W_pump", "W_pump", RT * way["pump"])
    t.add("Tsigma_total", "Tsigma_total", RT * sum_way)
    t.add("sigma_total", "sigma_total", R * sum_way)
    dissipations = ["Tsigma_pump", "Tsigma_NKCC", "Tsigma_KCC"] + [f"Tsigma_leak_{i}" for i in IONS]
    t.add("closure", "closure", closure_scale(case, dissipations, RT * sum_way))
    t.add("efficiency", "efficiency")
    t.add("stored_ion_free_energy", "F_stored")
    t.add("cap_energy", "F_cap")
    t.add("max_affinity_RT", "a_max", 1.0)
    t.add_time("tau_slow", "tau_slow")
    t.add_time("tau_fast", "tau_fast")
    if "eig_re" in e:
        t.add_time("eig_re", lambda row: -1.0 / row["tau_slow"], max(e["eig_re"]))
    return t.comparisons


PUMP_LEAK = Model(
    "pump_leak",
    pump_leak_choices,
    pump_leak_parameters,
    pump_leak_compare,
    {
        "exists": "compared as outcome",
        "class": "compared as outcome",
        "stable": "compared as outcome",
        "second_law_ok": "compared as flag",
        "resid_rel": "a residual of 50 digits; the file's is held to 1e-10 instead",
        "eig_im": "eigenvalues are not stored",
        "V_asymptotic": "a time course: test_trace.py",
        "Na_asymptotic": "a time course: test_trace.py",
        "K_asymptotic": "a time course: test_trace.py",
    },
)

# --- driven_cycle -----------------------------------------------------------------------------------


def driven_cycle_compare(case):
    p, e, t = case["params"], case["expect"], Tolerances(case)
    RT = R * p["T"]
    way = {k: e[f"J{k}_plus"] + e[f"J{k}_minus"] for k in "12"}
    for name in ("A", "B", "Q", "Q_over_K1"):
        t.add(name, name)
    t.add("K1", lambda row: row["Q"] / row["Q_over_K1"])
    t.add("K2", lambda row: math.exp(row["A_R2"] / RT) * p["W_c"] / (row["Q"] * p["F_c"]))
    for k in "12":
        t.add("J", f"J_R{k}", way[k])
        t.add(f"J{k}_plus", f"Jout_R{k}", way[k])
        t.add(f"J{k}_minus", f"Jin_R{k}", way[k])
        t.add(f"dG{k}", f"A_R{k}", RT, sign=-1.0)
        t.add(f"Tsigma{k}", f"Tsigma_R{k}", RT * way[k])
    t.add("affinity", lambda row: row["A_R1"] + row["A_R2"], RT)
    t.add("affinity_RT", lambda row: (row["A_R1"] + row["A_R2"]) / RT, 1.0)
    t.add("Tsigma_total", "Tsigma_total", RT * sum(way.values()))
    t.add("sigma_total", "sigma_total", R * sum(way.values()))
    t.add(
        "sigma_per_molecule_kB",
        lambda row: row["sigma_total"] / (R * p["C_tot"]),
        sum(way.values()) / p["C_tot"],
    )
    t.add("cyc_rate", lambda row: row["J_R1"] / p["C_tot"], way["1"] / p["C_tot"])
    t.add("sigma_per_molecule_kB", "sigma_molecule", sum(way.values()) / p["C_tot"])
    edges = {"R1": ("A", "B"), "R2": ("B", "A")}
    for k in "12":
        jumps = way[k] / p["C_tot"]
        t.add("cyc_rate", f"rate_R{k}", jumps)
        t.add("var_rate", f"var_R{k}", jumps)
        add_ratio(t, "fano", f"fano_R{k}", e["cyc_rate"], jumps)
        add_ratio(t, "tur_product", f"tur_R{k}", e["cyc_rate"], jumps, 2)
        t.add(
            "mean_at_t",
            lambda row, k=k: row[f"rate_R{k}"] * e["t_var"],
            jumps * e["t_var"],
        )
    is_held = abs(e["affinity_RT"]) > 1e-14
    affinity = lambda row: (row["A_R1"] + row["A_R2"]) / RT if is_held else 0.0
    t.add("tur_bound_coth", lambda row: abs(affinity(row)) * thermodynamic_bound(affinity(row), 2) if is_held else 2.0)
    t.add(
        "var_at_t",
        lambda row: window_of(row, ("A", "B"), edges, e["t_var"])[1],
        sum(way.values()) / p["C_tot"] * e["t_var"],
    )
    t.add(
        "scgf_at_mA3",
        lambda row: float(walk_of(row, ("A", "B"), edges).scgf([1, 0], -affinity(row) / 3)),
        sum(way.values()) / p["C_tot"],
    )
    t.add("closure", "closure", closure_scale(case, ("Tsigma1", "Tsigma2"), RT * sum(way.values())))
    t.add_time("tau", "tau_slow")
    t.add_time("lam", lambda row: 1.0 / row["tau_slow"])
    return t.comparisons


DRIVEN_CYCLE = Model(
    "driven_cycle",
    lambda params: {},
    dict,
    driven_cycle_compare,
    {"class": "compared as outcome"}
    | {
        key: "of the closed flask: DRIVEN_CYCLE_UNPLUGGED"
        for key in ("closed_A", "closed_B", "closed_F", "closed_W")
    }
    | {"t_var": "the window of mean_at_t and var_at_t"}
    | {key: "an estimate by trajectories of mean_at_t or var_at_t" for key in ("mc_mean", "mc_var")}
)


def unplugged_expand(case):
    """The same flask, closed: what it ends with."""
    expect = {key: value for key, value in case["expect"].items() if key.startswith("closed_")}
    return [case | {"expect": expect | {"class": "equilibrium"}}]


def unplugged_compare(case):
    t = Tolerances(case)
    for name in "ABFW":
        t.add(f"closed_{name}", name)
    return t.comparisons


DRIVEN_CYCLE_UNPLUGGED = Model(
    "driven_cycle",
    lambda params: {"fuel": "finite"},
    dict,
    unplugged_compare,
    {"class": "compared as outcome"},
    expand=unplugged_expand,
)

MODELS = (PUMP_LEAK, DRIVEN_CYCLE, DRIVEN_CYCLE_UNPLUGGED)
