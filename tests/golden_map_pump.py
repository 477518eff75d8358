"""Golden keys of post_albers, presets and ghk_limits as the file says them (see golden_map.py)."""

import dataclasses

import golden_map
from golden_map import F, Model, R, Tolerances

# --- post_albers: the pump alone, four states in a ring -------------------------------------------

STATES = ("E1", "E1P", "E2P", "E2")
STEPS = ("occlude_Na", "release_Na", "occlude_K", "release_K")
N_PUMP = 7.5e-9  # mol m-2, of the file; the golden numbers are those of one pump


def post_albers_compare(case):
    p, e, t = case["params"], case["expect"], Tolerances(case)
    way = [
        e["alpha_p"][k] * e["occ"][k] + e["alpha_m"][k] * e["occ"][(k + 1) % 4] for k in range(4)
    ]
    turns = e["v_plus"] + e["v_minus"]
    for k in range(4):
        t.add("alpha_p", f"alpha_p{k + 1}", index=k)
        t.add("alpha_m", f"alpha_m{k + 1}", index=k)
        t.add("occ", f"occ_{STATES[k]}", index=k)
        t.add("occ", lambda row, k=k: row[STATES[k]] / N_PUMP, index=k)
        t.add("v_cyc", lambda row, k=k: row[f"J_{STEPS[k]}"] / N_PUMP, way[k])
        t.add("v_cyc", f"rate_{STEPS[k]}", way[k])
    for key in ("Pi_free", "K_Ki"):
        t.add(key, key)
    for key in ("v_cyc", "v_plus", "v_minus"):
        t.add(key, key, turns)
    t.add("affinity_RT", "affinity_RT", 1.0)
    t.add(
        "affinity_RT",
        lambda row: sum(row[f"A_{step}"] for step in STEPS) / (R * p["T"]),
        1.0,
    )
    t.add("affinity_RT", lambda row: row["Acyc_release_K"] / (R * p["T"]), 1.0)
    t.add("v_cyc", lambda row: row["Jcyc_release_K"] / N_PUMP, way[3])
    t.add("dG_ATP", "dG_ATP", R * p["T"])
    t.add("sigma_per_pump_kB", lambda row: row["sigma_total"] / (R * N_PUMP), sum(way))
    t.add("sigma_per_pump_kB", "sigma_molecule", sum(way))
    return t.comparisons


POST_ALBERS = Model(
    "post_albers",
    lambda params: {},
    dict,
    post_albers_compare,
    {"class": "compared as outcome"},
)

# --- presets: cells of pump_leak, all of whose parameters are in the case -------------------------


def presets_expand(case):
    """The golden file leaves out that all these cells live."""
    return [case | {"expect": case["expect"] | {"exists": True}}]


PRESETS = dataclasses.replace(golden_map.PUMP_LEAK, golden="presets", expand=presets_expand)

# --- ghk_limits: a state on the branch, and pumps just slower and just faster than any leak refills

NEAR = 1e-8  # of p_dep


def ghk_limits_expand(case):
    p, e = case["params"], case["expect"]
    at_limit = {"p_dep", "V_dep", "alpha_dep"}
    lives = {"exists": True, "class": "NESS"}
    ways = (
        ("branch", e["p"], lives | {k: v for k, v in e.items() if k not in at_limit}),
        ("below", e["p_dep"] * (1.0 - NEAR), lives | {k: e[k] for k in at_limit}),
        ("above", e["p_dep"] * (1.0 + NEAR), {"exists": False, "class": "depletion"}),
    )
    return [
        {
            "id": f"{case['id']} {kind}",
            "kind": kind,
            "params": p | {"p_max": rate},
            "expect": expect,
        }
        for kind, rate, expect in ways
    ]


def ghk_limits_parameters(params):
    values = {k: v for k, v in params.items() if k != "alpha_fraction"}
    charge = params["Na_o"] + params["K_o"] - params["Cl_o"]
    return values | {"z_Y": -charge / params["Y_o"] if params["Y_o"] > 0 else 0.0}


def ghk_limits_compare(case):
    t = Tolerances(case)
    for name in ("Na_i", "K_i", "Cl_i", "X_i"):
        t.add(name, name)
    t.add("V", "V", R * case["params"]["T"] / F)
    t.add("p", "J_pump")
    return t.comparisons


GHK_LIMITS = Model(
    "pump_leak",
    lambda params: {"leak": "ghk", "pump": "const", "membrane": "electroneutral"},
    ghk_limits_parameters,
    ghk_limits_compare,
    {"exists": "compared as outcome", "class": "compared as outcome"}
    | {key: "a limit: test_models_pump.py" for key in ("p_dep", "V_dep", "alpha_dep")},
    golden="ghk_limits",
    expand=ghk_limits_expand,
)

MODELS = (POST_ALBERS, PRESETS, GHK_LIMITS)
