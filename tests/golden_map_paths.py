"""Golden keys of carrier, parallel_paths and barrier against the names of the output file (see golden_map.py)."""

import itertools
import math

from golden_map import F, Model, R, Tolerances, add_ratio

# --- carrier ----------------------------------------------------------------------------------------


def carrier_compare(case):
    p, e, t = case["params"], case["expect"], Tolerances(case)
    RT, field = R * p["T"], F * p["V"] / (R * p["T"])
    loaded, empty = 0.5 * (p["z_S"] + p["z_C"]) * field, -0.5 * p["z_C"] * field
    way = {  # one-way fluxes of each step, both together
        "bind": p["k1"] * p["S_i"] * e["occ_Ei"] + p["km1"] * e["occ_ESi"],
        "cross": p["k2"] * math.exp(loaded) * e["occ_ESi"]
        + p["km2"] * math.exp(-loaded) * e["occ_ESo"],
        "release": p["k3"] * e["occ_ESo"] + p["km3"] * p["S_o"] * e["occ_Eo"],
        "recross": p["k4"] * math.exp(empty) * e["occ_Eo"]
        + e["km4"] * math.exp(-empty) * e["occ_Ei"],
    }
    sum_way = sum(way.values())
    for step, both in way.items():
        t.add("J", f"J_{step}", p["N_T"] * both)
        t.add("J", lambda row, step=step: row[f"rate_{step}"] * p["N_T"], p["N_T"] * both)
    t.add("J", "J_S", e["Jcyc_plus"] + e["Jcyc_minus"])
    for key in ("km4", "Jcyc_plus", "Jcyc_minus", "Jtracer_out", "Jtracer_in"):
        t.add(key, key)
    for state in ("Ei", "ESi", "ESo", "Eo"):
        t.add(f"occ_{state}", f"occ_{state}")
        t.add(f"occ_{state}", lambda row, state=state: row[state] / p["N_T"])
    for part in ("dmu", "dmu_chem", "dmu_el"):
        t.add(part, f"{part}_S", RT)
    t.add("affinity_RT", "affinity_RT", 1.0)
    t.add("affinity_RT", lambda row: sum(row[f"A_{step}"] for step in way) / RT, 1.0)
    # downhill, but for rounding where the force is zero
    t.add("sign_ok", lambda row: row["J_S"] * row["dmu_S"] >= -1e-12 * RT * p["N_T"] * sum_way)
    t.add("Tsigma", "Tsigma_total", RT * p["N_T"] * sum_way)
    t.add("sigma", "sigma_total", R * p["N_T"] * sum_way)
    t.add("sigma_per_carrier_kB", lambda row: row["sigma_total"] / (R * p["N_T"]), sum_way)
    t.add("sigma_per_carrier_kB", "sigma_molecule", sum_way)
    t.add_time("tau_slow", "tau_slow")
    t.add_time("eig", lambda row: -1.0 / row["tau_slow"], sorted(e["eig"])[-2])
    t.add_time("eig", lambda row: -1.0 / row["tau_fast"], min(e["eig"]))
    return t.comparisons


CARRIER = Model(
    "carrier",
    lambda params: {},
    dict,
    carrier_compare,
    {"class": "compared as outcome"},
)

# --- parallel_paths ---------------------------------------------------------------------------------


def parallel_paths_parameters(params):
    """Lanes that a case does not have are closed."""
    lanes = {f"k{way}{lane}": params.get(f"k{way}{lane}", 0.0) for lane in range(4) for way in "fr"}
    return {"T": params["T"], "C_tot": params["C_tot"]} | lanes


def parallel_paths_compare(case):
    p, e, t = case["params"], case["expect"], Tolerances(case)
    RT, sum_way = R * p["T"], sum(e["Jp"]) + sum(e["Jm"])
    for name in ("A", "B", "Q"):
        t.add(name, name)
    for lane in range(p["m"]):
        way = e["Jp"][lane] + e["Jm"][lane]
        t.add("J", f"J_lane{lane}", way, index=lane)
        t.add("J", lambda row, lane=lane: row[f"rate_lane{lane}"] * p["C_tot"], way, index=lane)
        t.add("Jp", f"Jout_lane{lane}", way, index=lane)
        t.add("Jm", f"Jin_lane{lane}", way, index=lane)
        t.add("aff_RT", lambda row, name=f"A_lane{lane}": row[name] / RT, 1.0, index=lane)
    t.add("Tsigma", "Tsigma_total", RT * sum_way)
    t.add("Tsigma", lambda row: row["sigma_molecule"] * RT * p["C_tot"], RT * sum_way)
    t.add("net_total", "J_net", sum_way)
    t.add("max_aff_RT", "a_max", 1.0)
    t.add_time("tau", "tau_slow")
    return t.comparisons


PARALLEL_PATHS = Model(
    "parallel_paths",
    lambda params: {},
    parallel_paths_parameters,
    parallel_paths_compare,
    {"class": "compared as outcome"},
)

# --- barrier: the networks of three states, their ways sorted into those of the model ----------------

BARRIER_WAYS = {(0, 1): ("AB1", "AB2", "AB3", "AB4"), (1, 2): ("BC1", "BC2"), (2, 0): ("CA",)}
BARRIER_CLOSED = 1e7  # J mol-1, the height of a barrier that nothing passes


def barrier_places(params):
    """{state of the case: A, B, C as 0, 1, 2} and, for each edge, (way, whether it runs along the edge)."""
    for order in itertools.permutations(range(3)):
        free = {ends: list(ways) for ends, ways in BARRIER_WAYS.items()}
        places = []
        for i, j, *_ in params["edges"]:
            ends = order[i], order[j]
            along = ends in free
            ways = free[ends if along else ends[::-1]]
            if not ways:
                break
            places.append((ways.pop(0), along))
        else:
            return order, places
    raise ValueError("no order of the states fits the ways of the model")


def barrier_parameters(params):
    order, places = barrier_places(params)
    values = {"T": params["T"], "kappa": params["kappa"], "C_tot": 1.0}
    values |= {f"G_{'ABC'[order[i]]}": G for i, G in enumerate(params["G"])}
    for way in itertools.chain(*BARRIER_WAYS.values()):
        values |= {f"B_{way}": BARRIER_CLOSED, f"f_{way}": 0.0, f"theta_{way}": 0.5}
    for (_, _, height, drive, theta), (way, along) in zip(params["edges"], places, strict=True):
        values[f"B_{way}"] = height
        values[f"f_{way}"] = drive if along else -drive
        values[f"theta_{way}"] = theta if along else 1.0 - theta
    return values


def ring_of(edges, chords, chord):
    """{index of an edge: +1 or -1}: along the chord and back through the tree of what is no chord."""
    before = {0: None}  # state: (state before it, index of the edge)
    for _ in edges:
        for index, (i, j, *_) in enumerate(edges):
            if index not in chords and (i in before) != (j in before):
                before[j if i in before else i] = (i if i in before else j, index)

    def to_root(state, sign):
        steps = {}
        while before[state]:
            parent, index = before[state]
            steps[index] = sign if edges[index][0] == state else -sign
            state = parent
        return steps

    ring = {chord: 1}
    for steps in (to_root(edges[chord][1], 1), to_root(edges[chord][0], -1)):
        for index, sign in steps.items():
            ring[index] = ring.get(index, 0) + sign
    return ring


def barrier_compare(case):
    p, e, t = case["params"], case["expect"], Tolerances(case)
    RT, edges = R * p["T"], p["edges"]
    order, places = barrier_places(p)
    sum_way = sum(e["J_plus"]) + sum(e["J_minus"])
    for i in range(3):
        t.add("p", "ABC"[order[i]], index=i)
    for k, ((i, j, *_), (way, along)) in enumerate(zip(edges, places, strict=True)):
        out, back = ("Jout", "Jin") if along else ("Jin", "Jout")
        both = e["J_plus"][k] + e["J_minus"][k]
        t.add("J", f"J_{way}", both, sign=1.0 if along else -1.0, index=k)
        t.add("J_plus", f"{out}_{way}", both, index=k)
        t.add("J_minus", f"{back}_{way}", both, index=k)
        for key, name, start in (("k_f", f"{out}_{way}", i), ("k_r", f"{back}_{way}", j)):
            state = "ABC"[order[start]]
            t.add(key, lambda row, name=name, state=state: row[name] / row[state], index=k)
    chords = [int(chord) for chord in e["chords"]]
    for index, chord in enumerate(chords):
        way, along = places[chord]
        both = e["J_plus"][chord] + e["J_minus"][chord]
        t.add("cycle_flux", f"J_{way}", both, sign=1.0 if along else -1.0, index=index)
        ring = [
            (f"A_{places[k][0]}", sign if places[k][1] else -sign)
            for k, sign in ring_of(edges, chords, chord).items()
        ]
        t.add(
            "cycle_affinity_RT",
            lambda row, ring=ring: sum(sign * row[name] for name, sign in ring) / RT,
            1.0,
            index=index,
        )
    if chords:
        way, along = places[chords[0]]
        both = e["J_plus"][chords[0]] + e["J_minus"][chords[0]]
        t.add("chord0_J", f"rate_{way}", both, sign=1.0 if along else -1.0)
        t.add("chord0_var_rate", f"var_{way}", both)
        add_ratio(t, "chord0_tur_product", f"tur_{way}", e["chord0_J"], both, 2)
    t.add("sigma_kB_per_s", lambda row: row["sigma_total"] / R, sum_way)
    t.add("sigma_kB_per_s", "sigma_molecule", sum_way)
    t.add("Tsigma_W_per_mol", "Tsigma_total", RT * sum_way)
    t.add("max_edge_affinity_RT", "a_max", 1.0)
    t.add_time("gap", lambda row: 1.0 / row["tau_slow"])
    return t.comparisons


BARRIER = Model(
    "barrier",
    lambda params: {},
    barrier_parameters,
    barrier_compare,
    {
        "class": "compared as outcome",
        "chords": "the golden file's own tree",
    },
)

MODELS = (CARRIER, PARALLEL_PATHS)  # barrier: test_models_paths.py
