"""Golden keys of bathtub, na_bath and schlogl as the output file says them (see golden_map.py)."""

import math

from golden_map import Model, R, Tolerances


def with_kind(case):
    """The kind of a case says which variant it is."""
    return [case | {"params": case["params"] | {"kind": case["kind"]}}]


# --- bathtub: the file is per m2 of the tub's base, the golden cases are of the whole tub ---------


def bathtub_parameters(params):
    names = ("T", "A", "q_in", "k_drain", "a_hole", "h0", "rho", "g")
    values = {name: params[name] for name in names}
    return values | ({"k_drain": 0.0} if params["kind"] == "sealed" else {})


def bathtub_compare(case):
    p, t = case["params"], Tolerances(case)
    t.add("h_star", "h")
    t.add("throughput", "throughput")
    t.add("throughput", lambda row: row["J_tap"] * row["h"] * p["A"] / row["W"])
    t.add("Tsigma", lambda row: row["Tsigma_total"] * p["A"])
    t.add("Tsigma", lambda row: row["Tsigma_outlet"] * p["A"])
    t.add("sigma", lambda row: row["sigma_total"] * p["A"])
    t.add_time("tau_linear", "tau_slow")
    return t.comparisons


BATHTUB = Model(
    "bathtub",
    lambda params: {"drain": "torricelli" if params["kind"] == "torricelli" else "linear"},
    bathtub_parameters,
    bathtub_compare,
    {"class": "compared as outcome", "h_at_t": "a time course: test_trace.py"},
    expand=with_kind,
)

# --- na_bath --------------------------------------------------------------------------------------


def na_bath_parameters(params):
    rate = "r_linear" if params["kind"] == "linear" else "r"
    same = {name: params[name] for name in ("T", "P_Na", "Na_o", "ell", "K_Na", "dG_ATP")}
    return same | {"V_hold": params["V"], rate: params["r"]}


def na_bath_compare(case):
    p, e, t = case["params"], case["expect"], Tolerances(case)
    if not e["exists"]:
        return t.comparisons
    RT = R * p["T"]
    leak = e["Jout"] + e["Jin"]
    pump = e["r_pump"]
    t.add("Na_i", "Na_i")
    t.add("Na_equilibrium_nernst", "Na_nernst")
    t.add("max_leak_influx", "Jin_leak_Na", leak)
    t.add("J_leak", "J_leak_Na", leak)
    t.add("Jout", "Jout_leak_Na", leak)
    t.add("Jin", "Jin_leak_Na", leak)
    t.add("r_pump", "J_pump", pump)
    for part in ("dmu", "dmu_chem", "dmu_el"):
        t.add(part, f"{part}_Na", RT)
    t.add("Tsigma_leak", "Tsigma_leak_Na", RT * leak)
    t.add("Tsigma_pump", "Tsigma_pump", RT * pump)
    t.add("Tsigma_total", "Tsigma_total", RT * (leak + pump))
    t.add("P_ATP", "P_ATP", RT * pump)
    t.add("W_pump", "W_pump", RT * pump)
    t.add("closure", "closure", abs(e["Tsigma_leak"]) + abs(e["Tsigma_pump"]))
    t.add_time("tau", "tau_slow")
    return t.comparisons


NA_BATH = Model(
    "na_bath",
    lambda params: {"pump": params["kind"]},
    na_bath_parameters,
    na_bath_compare,
    {
        "exists": "compared as outcome",
        "class": "compared as outcome",
        "residual": "of 50 digits; the file's is held to 1e-10 instead",
        "t_depletion_from_20mM": "a time course: test_trace.py",
    },
    expand=with_kind,
)

# --- schlogl: each stable state is reached from a start in its own basin --------------------------


def schlogl_expand(case):
    """One case for each stable state, from a start close to the unstable one."""
    p, e = case["params"], case["expect"]
    one = {}
    for k, slope in enumerate(e["eig"]):
        if slope < 0:
            x = e["x"][k]
            edge = e["x"][1] if e["n_fp"] == 3 else 2 * x
            start = x * (edge / x) ** 0.75
            scale = math.sqrt(p["k2"] / (3 * p["k1m"]))
            expect = e | {name: e[name][k] for name in ("x", "J", "sigma_kB", "eig")}
            one[k] = case | {
                "id": f"{case['id']} state {k}",
                "params": p | {"x_start": start / scale},
                "expect": expect,
            }
    return list(one.values())


def schlogl_compare(case):
    p, e, t = case["params"], case["expect"], Tolerances(case)
    RT, x = R * 298.15, e["x"]
    way = p["k1a"] * x**2 + p["k1m"] * x**3, p["k2"] * x + p["k2mb"]
    t.add("x", "x")
    t.add("J", "J_R1", way[0])
    t.add("J", "J_R2", way[1])
    t.add("affinity_RT", "affinity_RT", 1.0)
    t.add("affinity_RT", lambda row: (row["A_R1"] + row["A_R2"]) / RT, 1.0)
    t.add("sigma_kB", lambda row: row["sigma_total"] / R, sum(way))
    t.add("n_stable", "n_states")
    # on a line, an unstable state stands between any two stable ones
    t.add("n_fp", lambda row: 2 * row["n_states"] - 1)
    t.add_time("eig", lambda row: -1.0 / row["tau_slow"])
    return t.comparisons


SCHLOGL = Model(
    "schlogl",
    lambda params: {},
    dict,
    schlogl_compare,
    {"class": "compared as outcome"},
    expand=schlogl_expand,
    solver='[solver]\nmode = "follow"\nstarts = 16\n',
)

MODELS = (BATHTUB, NA_BATH, SCHLOGL)
