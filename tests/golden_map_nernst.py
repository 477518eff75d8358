"""Golden keys of nernst, and of clamp_relax as nernst with a finite inside (see golden_map.py)."""

import math

from golden_map import F, Model, R, Tolerances, bern, closure_scale

VALENCE = {"Na": 1, "K": 1, "Cl": -1, "Ca": 2}

# --- nernst -----------------------------------------------------------------------------------------


def without(case, *keys):
    return {key: value for key, value in case["expect"].items() if key not in keys}


def expand(case):
    """A clamped membrane, and the free one that the clamp's current as I_app takes to the same V: it has a tau."""
    if "V_hold" not in case["params"]:
        return [case]
    current = case["expect"]["I_clamp"]
    free = {key: value for key, value in case["params"].items() if key != "V_hold"}
    expect = without(case, "I_clamp", "I_total", "closure") | {
        "P_app": current * case["params"]["V_hold"],
        "class": "NESS",
    }
    return [
        case | {"expect": without(case, "tau_V", "dIdV", "P_app")},
        case | {"id": case["id"] + " freed", "params": free | {"I_app": current}, "expect": expect},
    ]


def nernst_choices(params):
    membrane = "clamped" if "V_hold" in params else "free"
    return {"leak": params["law"], "membrane": membrane, "inside": "held"}


def nernst_compare(case):
    p, e, t = case["params"], case["expect"], Tolerances(case)
    RT, pump = R * p["T"], p["p_pump"]
    way = {ion: e[f"Jout_{ion}"] + e[f"Jin_{ion}"] for ion in VALENCE}
    sum_way = sum(way.values()) + pump
    current = F * (sum(abs(z) * way[ion] for ion, z in VALENCE.items()) + pump)

    t.add("V_ss", "V", RT / F)
    for ion, z in VALENCE.items():
        leak = f"leak_{ion}"
        t.add(f"E_{ion}", f"E_{ion}", RT / F)
        for part in ("dmu", "dmu_chem", "dmu_el"):
            t.add(f"{part}_{ion}", f"{part}_{ion}", RT)
        for family in ("J", "Jout", "Jin"):
            t.add(f"{family}_{ion}", f"{family}_{leak}", way[ion])
        t.add(f"I_{ion}", f"I_{ion}", abs(z) * F * way[ion])
        t.add(f"Tsigma_{ion}", f"Tsigma_{leak}", RT * way[ion])
    t.add("I_pump", "I_pump", F * pump)
    t.add("I_ion_total", "I_ions", current)
    t.add("I_total", lambda row: row["I_total"] - p["I_app"], current)
    t.add("I_clamp", "I_total", current)
    t.add("A_pump", "A_pump", RT)
    for key in ("Tsigma_pump", "P_ATP", "W_pump"):
        t.add(key, key, RT * pump)
    t.add("Tsigma_leak", lambda row: row["Tsigma_total"] - row["Tsigma_pump"], RT * sum_way)
    t.add("Tsigma_total", "Tsigma_total", RT * sum_way)
    t.add("sigma_total", "sigma_total", R * sum_way)
    t.add("P_reservoir", "P_held", RT * sum_way)
    t.add("P_app", "P_clamp", RT * sum_way)
    dissipations = ["Tsigma_pump"] + [f"Tsigma_{ion}" for ion in VALENCE]
    scale = closure_scale(case, dissipations, RT * sum_way)
    if "V_hold" in p:  # the golden balance does not count what the clamp supplies
        t.add("closure", lambda row: row["closure"] - row["P_clamp"], scale)
    else:
        t.add("closure", "closure", scale)
    t.add("max_affinity_RT", "a_max", 1.0)
    t.add_time("tau_V", "tau_slow")
    t.add_time("dIdV", lambda row: p["C_m"] / row["tau_slow"])
    return t.comparisons


NERNST = Model(
    "nernst",
    nernst_choices,
    lambda params: {key: value for key, value in params.items() if key != "law"},
    nernst_compare,
    {"class": "compared as outcome"},
    expand=expand,
)

# --- clamp_relax: one ion of an inside that a clamp holds at V runs to rest, the others much sooner ----

FASTER = 1000.0
OF_GHK = ("tau", "J_exchange", "c_at_t", "ratio_out_in_at_t")
OF_OHMIC = ("tau_ohmic_linear",)


def relaxing_ion(params):
    return {1: "Na", -1: "Cl", 2: "Ca"}[params["z"]]


def relax_expand(case):
    """The same ion by either law: both end at c_star, each in its own time."""
    return [
        case
        | {
            "id": f"{case['id']} {law}",
            "params": case["params"] | {"law": law},
            "expect": without(case, *others) | {"class": "equilibrium"},
        }
        for law, others in (("ghk", OF_OHMIC), ("ohmic", OF_GHK))
    ]


def relax_parameters(params):
    v = F * params["V"] / (R * params["T"])
    own, z_own = relaxing_ion(params), params["z"]
    values = {
        "T": params["T"],
        "V_hold": params["V"],
        "ell": params["ell"],
        "P_S": 1e-3,
        "L_S": 1.0,
    }
    for ion, z in VALENCE.items():
        # the same concentrations; conductances by which tau of each other ion is that of the own one / FASTER
        faster = 1.0 if ion == own else FASTER
        values |= {f"{ion}_i": params["c_i0"], f"{ion}_o": params["c_o"]}
        values[f"P_{ion}"] = faster * params["P"] * bern(-z_own * v) / bern(-z * v)
        values[f"g_{ion}"] = (
            faster * params["g_ohmic"] * z**2 / z_own**2 * math.exp((z_own - z) * v)
        )
    return values


def relax_compare(case):
    p, e, t = case["params"], case["expect"], Tolerances(case)
    RT, ion = R * p["T"], relaxing_ion(p)
    way = 2 * e.get("J_exchange", 0.0)
    if p["law"] == "ohmic":
        way = 2 * p["g_ohmic"] * RT / (p["z"] * F) ** 2
    t.add("c_star", f"{ion}_in")
    t.add("E_at_c_star", f"E_{ion}", RT / F)
    t.add("E_at_c_star", "V", RT / F)
    t.add("J_net_at_star", f"J_leak_{ion}", way)
    for family in ("Jout", "Jin", "exch"):
        t.add("J_exchange", f"{family}_leak_{ion}", way)
    t.add_time("tau", "tau_slow")
    t.add_time("tau_ohmic_linear", "tau_slow")
    return t.comparisons


CLAMP_RELAX = Model(
    "nernst",
    lambda params: {"leak": params["law"], "membrane": "clamped", "inside": "finite"},
    relax_parameters,
    relax_compare,
    {"class": "compared as outcome"}
    | {key: "a time course: test_models_nernst.py" for key in ("c_at_t", "ratio_out_in_at_t")},
    expand=relax_expand,
    golden="clamp_relax",
)

MODELS = (NERNST, CLAMP_RELAX)
