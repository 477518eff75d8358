"""Golden networks and rings as the output file of the model `network` says them (see golden_map.py).

The golden loops are closed by the edges that are left over when a tree is grown from state 0. nessmap closes a loop by
each edge between states that earlier edges join, so the edges are handed over with those of the tree first.
"""

import math

from golden_map import Comparison, Model, R, Tolerances, add_ratio, thermodynamic_bound, walk_of

RT_OVER_MOLAR_PLANCK = R / (6.62607015e-34 * 6.02214076e23)  # k_B/h, s-1 K-1


def tree_of(edges, n_states):
    """Indices of the edges of the tree that is grown from state 0 by scanning the list again and again."""
    reached, tree = {0}, []
    while len(reached) < n_states:
        for index, (i, j, *_) in enumerate(edges):
            if (int(i) in reached) != (int(j) in reached):
                reached |= {int(i), int(j)}
                tree.append(index)
    return tree


def ring_of(edges, tree, chord):
    """{index of an edge: +1 or -1}: along the chord and back through the tree."""
    before = {edges[chord][1]: None}  # state: (state before it, index of the edge)
    while edges[chord][0] not in before:
        for index in tree:
            i, j = edges[index][:2]
            if (i in before) != (j in before):
                before[j if i in before else i] = (i if i in before else j, index)
    ring, state = {chord: 1}, edges[chord][0]
    while before[state]:
        earlier, index = before[state]
        ring[index] = 1 if edges[index][0] == earlier else -1
        state = earlier
    return ring


def order_of(params):
    """Golden edges in the order in which nessmap gets them."""
    edges = params["edges"]
    tree = tree_of(edges, params["N"])
    return sorted(tree) + [index for index in range(len(edges)) if index not in tree]


def edges_text(edges):
    return " ".join(f"{int(i)}-{int(j)}" for i, j, *_ in edges)


def network_choices(params):
    edges = [params["edges"][index] for index in order_of(params)]
    return {"states": params["N"], "edges": edges_text(edges)}


def network_parameters(params):
    values = {"T": params["T"], "kappa": params["kappa"], "p_tot": 1.0}
    values |= {f"G{i}": G for i, G in enumerate(params["G"])}
    for k, index in enumerate(order_of(params)):
        _, _, height, drive, theta = params["edges"][index]
        values |= {f"B_e{k}": height, f"f_e{k}": drive, f"theta_e{k}": theta}
    return values


def network_compare(case):
    p, e, t = case["params"], case["expect"], Tolerances(case)
    RT, edges, order = R * p["T"], p["edges"], order_of(p)
    ways = [out + back for out, back in zip(e["J_plus"], e["J_minus"], strict=True)]
    for i in range(p["N"]):
        t.add("p", f"p{i}", index=i)
    for k, index in enumerate(order):
        i, j = edges[index][:2]
        t.add("J", f"J_e{k}", ways[index], index=index)
        t.add("J_plus", f"Jout_e{k}", index=index)
        t.add("J_minus", f"Jin_e{k}", index=index)
        t.add("k_f", lambda row, k=k, i=i: row[f"Jout_e{k}"] / row[f"p{i}"], index=index)
        t.add("k_r", lambda row, k=k, j=j: row[f"Jin_e{k}"] / row[f"p{j}"], index=index)
    chords = order[p["N"] - 1 :]
    golden = [int(chord) for chord in e["chords"]]
    t.comparisons.append(Comparison("chords", lambda row: float(chords == golden), 1.0, 0.0))
    for index, chord in enumerate(golden):
        k = order.index(chord)
        t.add("cycle_flux", f"Jcyc_e{k}", ways[chord], index=index)
        t.add("cycle_affinity_RT", lambda row, k=k: row[f"Acyc_e{k}"] / RT, 1.0, index=index)
    chord = order.index(golden[0])
    for name in (f"J_e{chord}", f"rate_e{chord}"):
        t.add("chord0_J", name, ways[golden[0]])
    t.add("chord0_var_rate", f"var_e{chord}", ways[golden[0]])
    add_ratio(t, "chord0_tur_product", f"tur_e{chord}", e["chord0_J"], ways[golden[0]], 2)
    t.add("sigma_kB_per_s", "sigma_molecule", sum(ways))
    t.add("sigma_kB_per_s", lambda row: row["sigma_total"] / R, sum(ways))
    t.add("Tsigma_W_per_mol", "Tsigma_total", RT * sum(ways))
    t.add("max_edge_affinity_RT", "a_max", 1.0)
    t.add_time("gap", lambda row: 1.0 / row["tau_slow"])
    return t.comparisons


NETWORK = Model(
    "network",
    network_choices,
    network_parameters,
    network_compare,
    {"class": "compared as outcome"},
)

# --- rings with given rates: a[e] of e -> e+1, b[e] back. All states at one energy, the drive is the ratio. ----------

RING_T = 298.15


def ring_choices(params):
    n = params["N"]
    return {"states": n, "edges": edges_text([(e, (e + 1) % n) for e in range(n)])}


def ring_parameters(params):
    RT = R * RING_T
    values = {"T": RING_T} | {f"G{i}": 0.0 for i in range(params["N"])}
    for e, (a, b) in enumerate(zip(params["a"], params["b"], strict=True)):
        values[f"B_e{e}"] = -RT * math.log(math.sqrt(a * b) / (RT_OVER_MOLAR_PLANCK * RING_T))
        values |= {f"f_e{e}": RT * math.log(a / b), f"theta_e{e}": 0.5}
    return values


def ring_compare(case):
    p, e, t = case["params"], case["expect"], Tolerances(case)
    n, occ = p["N"], e["occ"]
    ways = [p["a"][k] * occ[k] + p["b"][k] * occ[(k + 1) % n] for k in range(n)]
    for i in range(n):
        t.add("occ", f"p{i}", index=i)
    for k in range(n):
        t.add("cyc_rate", f"J_e{k}", ways[k])
    t.add("cyc_rate", f"Jcyc_e{n - 1}", ways[n - 1])
    t.add("affinity_RT", lambda row: row[f"Acyc_e{n - 1}"] / (R * RING_T), 1.0)
    t.add("affinity_RT", lambda row: sum(row[f"A_e{k}"] for k in range(n)) / (R * RING_T), 1.0)
    t.add("sigma_kB_per_s", lambda row: row["sigma_total"] / R, sum(ways))
    t.add("sigma_kB_per_s", "sigma_molecule", sum(ways))

    # one ring: all edges count the same current; what trees and cycles say of it is made of the program's own rates
    for k in range(n):
        t.add("cyc_rate", f"rate_e{k}", ways[k])
        t.add("var_rate", f"var_e{k}", ways[k])
        add_ratio(t, "fano", lambda row, k=k: abs(row[f"fano_e{k}"]), e["cyc_rate"], ways[k])  # golden: by |rate|
        add_ratio(t, "tur_product", f"tur_e{k}", e["cyc_rate"], ways[k], 2)
    states = [f"p{i}" for i in range(n)]
    edges = {f"e{k}": (states[k], states[(k + 1) % n]) for k in range(n)}
    walk = lambda row: walk_of(row, states, edges)
    for key, power in (("c1", 1), ("c2", 2)):
        t.add(key, lambda row, power=power: float(walk(row).polynomial()[power]))
    for key, way in (("cyc_plus", "forth"), ("cyc_minus", "back")):
        t.add(key, lambda row, way=way: ring_turns(walk(row), way))
    count = [1] + [0] * (n - 1)
    if "scgf" in e:
        t.add("scgf", lambda row: float(walk(row).scgf(count, e["scgf_s"])), sum(ways))
    if "bound_fano" in e:
        bound = lambda row: thermodynamic_bound(row[f"Acyc_e{n - 1}"] / (R * RING_T), n)
        t.add("bound_fano", bound)
        for k in range(n):
            is_above = lambda row, k=k: float(abs(row[f"fano_e{k}"]) >= (1.0 - 1e-9) * bound(row))
            t.comparisons.append(Comparison("bound_fano", is_above, 1.0, 0.0))
    return t.comparisons


def ring_turns(walk, way):
    """Turns of a ring one way [s-1]: the product of its rates over the sum of all trees."""
    return float(math.prod(getattr(walk, way)) / walk.polynomial()[1])


RING = Model(
    "network",
    ring_choices,
    ring_parameters,
    ring_compare,
    {"class": "compared as outcome"} | {"scgf_s": "where scgf is compared"},
)
