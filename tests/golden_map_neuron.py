"""Golden keys of neuron against the names of the output file (see golden_map.py).

A golden case holds every steady state of its parameter set. Each becomes a case of its own: a stable one is solved from
the declared start on its side; an unstable one is where the cell starts, since nothing leads there.
"""

import math

from golden_map import F, Model, R, Tolerances

IONS = ("Na", "K", "Cl")
REST = -0.05  # V: the resting state lies below, the starved one above
WEAK = 0.03  # A m-2: below, rest is reached from the start `weakened` only


def neuron_expand(case):
    """The steady states, one case each."""
    expect = case["expect"]
    states = []
    for i in range(expect["n_fp"]):
        own = {k.removeprefix(f"fp{i}_"): v for k, v in expect.items() if k.startswith(f"fp{i}_")}
        params = dict(case["params"])
        if own["stable"]:
            own |= {"n_stable": expect["n_stable"], "class": expect["class"]}
            rest = "weakened" if params["rho"] < WEAK else "polarised"
            params["start"] = rest if own["V"] < REST else "starved"
        else:  # the same amounts and fixed charges, and so the same cell
            own["class"] = "unstable"
            params |= {f"{ion}_{side}0": own[f"{ion}_{side}"] for ion in IONS for side in "ie"}
            params["start"] = "polarised"
        states.append(case | {"id": f"{case['id']}/{i}", "params": params, "expect": own})
    return states


def neuron_parameters(params):
    values = {k: v for k, v in params.items() if k not in ("RTF", "start")}
    return values | {"T": params["RTF"] * F / R}


def one_way(conductance, x, RT):
    """Out and in together of an ohmic pathway of charge +-1 at the force x."""
    return conductance * RT / (F * F) * (x / math.tanh(0.5 * x) if abs(x) > 1e-8 else 2.0)


def neuron_compare(case):
    p, e, t = case["params"], case["expect"], Tolerances(case)
    RT, V, n = F * p["RTF"], e["V"], e["n"]
    opens = 0.1 * (1e3 * V + 30.0) / -math.expm1(-0.1 * (1e3 * V + 30.0))
    m = opens / (opens + 4.0 * math.exp(-(1e3 * V + 55.0) / 18.0))
    conductance = {
        "Na": p["g_NaL"] + p["g_NaG"] * m**3 / (1.0 + math.exp(6.5 * (n - 0.35))),
        "K": p["g_KL"] + p["g_KG"] * n**4,
        "Cl": p["g_Cl"],
    }
    leaks = 0.0
    for ion, z in zip(IONS, (1, 1, -1)):
        x = math.log(e[f"{ion}_i"] / e[f"{ion}_e"]) + z * V / p["RTF"]
        leaks += one_way(conductance[ion], x, RT)
    pump = e["I_pump"] / F
    t.add("V", "V", RT / F)
    for name in ("n", "I_pump") + tuple(f"{ion}_{side}" for ion in IONS for side in "ie"):
        t.add(name, name)
    t.add("Tsigma_leak", lambda row: sum(row[f"Tsigma_leak_{ion}"] for ion in IONS), RT * leaks)
    t.add("Tsigma_pump", "Tsigma_pump", RT * pump)
    t.add("P_ATP", "P_ATP", RT * pump)
    t.add("A_pump", "A_pump", RT)
    t.add("stored_gradient_J", lambda row: row["F_mixing"] * p["A_m"])
    sizes = [abs(rate) for rate in e["eig_re"]]
    t.add_time("eig_re", "tau_slow", 1.0 / min(sizes))
    t.add_time("eig_re", "tau_fast", 1.0 / max(sizes))
    t.add("n_stable", "n_states")
    return t.comparisons


NEURON = Model(
    "neuron",
    lambda params: {"start": params["start"]},
    neuron_parameters,
    neuron_compare,
    {
        "class": "compared as outcome",
        "stable": "compared as outcome",
        "eig_im": "the real parts say how fast a state relaxes",
    },
    neuron_expand,
    "[solver]\nstarts = 16\n",
)

MODELS = (NEURON,)
