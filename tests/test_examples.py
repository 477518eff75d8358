"""The two worked examples of configs/ with a model file of their own, as a user has them: against closed forms over random
sets, against an independent integration, and the maps they draw.

  python tests/test_examples.py --nessmap build/nessmap [--full]
"""

import contextlib
import json
import pathlib
import shutil
import sys
import time

import golden_map
import harness
import numpy as np
import scipy.integrate
import scipy.linalg
import test_own_model
import test_trace

N_FAST, N_FULL = 10_000, 1_000_000
N_FOLLOWED = 300
R, F = golden_map.R, golden_map.F
TOLERANCE = 1e-9
IONS = ("Na", "K", "Cl")
# ions that one turn carries
COTRANSPORT = {"NKCC": (1, 1, 2), "KCC": (0, 1, 1), "NCC": (1, 0, 1)}
OUTPUTS = {
    "cotransport": ["V", "ell", "Na_i", "K_i", "Cl_i", "X_i", "lysis_margin", "closure"]
    + [f"{family}_{name}" for family in ("J", "Jcyc", "Acyc") for name in ("pump", *COTRANSPORT)]
    + [f"Tsigma_{name}" for name in ("leak_Na", "leak_K", "leak_Cl", "pump", "water", *COTRANSPORT)],
    "oxygen_membrane": ["V_1", "V_2", "J_O2", "L_c", "bulk_share", "Tsigma_total", "sigma_total", "closure", "a_max"]
    + ["Jcyc_leave", "Acyc_leave"]
    + [f"{family}_{name}" for family in ("J", "Jout", "Jin") for name in ("enter", "bulk", "leave")],
}


class Scan:
    """The numbers of one run by name, in order of the points."""

    def __init__(self, args, checks, folder, model, n, random, lines="", mode="auto"):
        parts = [f'model = "./{model}.c"\n[design]\nkind = "random"\nn = {n}\nseed = 11\n']
        for name, (dist, low, high) in random.items():
            parts.append(f'[[random]]\nname = "{name}"\ndist = "{dist}"\nmin = {low!r}\nmax = {high!r}\n')
        wanted = ", ".join(f'"{name}"' for name in OUTPUTS[model])
        parts.append(f'[output]\nvariables = [{wanted}]\nprecision = "f64"\n[solver]\nmode = "{mode}"\n{lines}')
        (folder / "scan.toml").write_text("".join(parts))
        done = harness.run(args.nessmap, "run", "scan.toml", "-o", "scan.nc", "--quiet", "--fresh", cwd=folder)
        checks.check(done.returncode == 0, f"{model}: exit {done.returncode}, {done.stderr}")
        with harness.Results(folder / "scan.nc") as results:
            # what is fixed is one number
            self.values = {name: results[name] + np.zeros(results.outcome.shape) for name in results.names()
                           if results[name].dtype.kind == "f" and results[name].shape in ((), results.outcome.shape)}
            self.is_steady, self.grows = results.outcome_is("ness"), results.outcome_is("no_steady_state_growth")
            self.breaks_second_law = results.flag_is("second_law_violated")
            self.counts = results.counts()
        (folder / "scan.nc").unlink()

    def __getitem__(self, name):
        return self.values[name]

    def where(self, chosen):
        return {name: values[chosen] for name, values in self.values.items()}


def largest(x):
    """Of |x|; infinite where anything is no number, so that no comparison passes."""
    x = np.abs(np.asarray(x))
    return float(np.max(x)) if x.size > 0 and np.all(np.isfinite(x)) else float("inf")


def check_size(checks, what, x, limit):
    print(f"  {what}: {largest(x):.1e}, allowed {limit:.0e}")
    checks.check(largest(x) <= limit, f"{what}: {largest(x):.3g} > {limit:g}")


def bern(u):
    small = np.abs(u) < 1e-5
    return np.where(small, 1.0 - 0.5 * u, u / np.expm1(np.where(small, 1.0, u)))


# --- cotransport ------------------------------------------------------------------------------------


def cell_random():
    return {
        "T": ("uniform", 283.15, 313.15), "K_o": ("loguniform", 1.0, 30.0), "Cl_o": ("uniform", 60.0, 300.0),
        "Y_o": ("uniform", 0.0, 10.0), "N_X": ("loguniform", 1e-6, 1e-2), "z_X": ("uniform", -2.5, 0.7),
        "g_Na": ("loguniform", 0.1, 5.0), "g_K": ("loguniform", 0.05, 10.0), "g_Cl": ("loguniform", 0.05, 30.0),
        "L_NKCC": ("loguniform", 1e-10, 1e-5), "L_KCC": ("loguniform", 1e-10, 1e-5), "L_NCC": ("loguniform", 1e-10, 1e-5),
        "P_f": ("loguniform", 1e-5, 5e-4), "C_m": ("uniform", 0.005, 0.03), "dG_ATP": ("uniform", -65e3, -30e3),
    }  # fmt: skip


NEUTRAL_BATH = '[tie]\nNa_o = "Cl_o - K_o + Y_o"\n'


def closed_form(p, r):
    """The steady state of every cell where its pump turns at the rate r; no number where there is none."""
    RT_F2 = R * p["T"] / F**2
    G = np.zeros((len(r), 3, 3))
    for i, ion in enumerate(IONS):
        G[:, i, i] = p[f"g_{ion}"] * RT_F2
    for name, moved in COTRANSPORT.items():
        G += p[f"L_{name}"][:, None, None] * np.outer(moved, moved)
    s = np.stack([-3.0 * r, 2.0 * r, 0.0 * r], axis=1)
    x = np.linalg.solve(G, s[:, :, None])[:, :, 0]
    alpha = p["Na_o"] * np.exp(x[:, 0]) + p["K_o"] * np.exp(x[:, 1])
    beta = p["Cl_o"] * np.exp(x[:, 2])
    Pi = p["Na_o"] + p["K_o"] + p["Cl_o"] + p["Y_o"]
    z = p["z_X"]
    # the membrane's own charge is a part of the impermeant's valence; a few turns settle it
    for _ in range(12):
        D = np.sqrt(np.maximum(z**2 * Pi**2 + 4.0 * (1.0 - z**2) * alpha * beta, 0.0))
        theta = np.where(z <= 0.0, (D - z * Pi) / (2.0 * (1.0 - z) * alpha), 2.0 * (1.0 + z) * beta / (D + z * Pi))
        V = -R * p["T"] / F * np.log(theta)
        z = p["z_X"] - p["C_m"] * V / (F * p["N_X"])
    X = (Pi**2 - 4.0 * alpha * beta) / (Pi + D)
    state = {"x": x, "lysis_margin": 1.0 - 4.0 * alpha * beta / Pi**2, "V": V, "X_i": X, "ell": p["N_X"] / X,
             "Na_i": p["Na_o"] * np.exp(x[:, 0]) * theta, "K_i": p["K_o"] * np.exp(x[:, 1]) * theta, "Cl_i": beta / theta}
    for name, moved in COTRANSPORT.items():
        force = x @ np.array(moved)
        state[f"J_{name}"] = p[f"L_{name}"] * force
        state[f"way_{name}"] = p[f"L_{name}"] * (bern(force) + bern(-force))
    return state


def rev_pump(p, state):
    """Rate of the reversible pump and its one-way rates together."""
    sites = (state["Na_i"] / (p["K_Na"] + state["Na_i"])) ** 3 * (p["K_o"] / (p["K_K"] + p["K_o"])) ** 2
    back = np.exp(p["dG_ATP"] / (R * p["T"]) - 3.0 * state["x"][:, 0] + 2.0 * state["x"][:, 1])
    capacity = p["r"] * sites / (1.0 + p["kappa_r"] * back)
    return capacity * (1.0 - back), capacity * (1.0 + back)


def check_state(checks, what, found, exact):
    """Near lysis a cell knows its size as little as its margin."""
    margin = exact["lysis_margin"]
    for name in ("Na_i", "K_i", "Cl_i"):
        check_size(checks, f"{what}: {name}", found[name] / exact[name] - 1.0, TOLERANCE)
    check_size(checks, f"{what}: V / (RT/F)", (found["V"] - exact["V"]) * F / (R * found["T"]), TOLERANCE)
    for name in ("ell", "X_i", "lysis_margin"):
        check_size(checks, f"{what}: {name}", (found[name] / exact[name] - 1.0) * margin, TOLERANCE)
    for name in COTRANSPORT:
        check_size(checks, f"{what}: J_{name}", (found[f"J_{name}"] - exact[f"J_{name}"]) / exact[f"way_{name}"], TOLERANCE)
    powers = sum(np.abs(values) for name, values in found.items() if name.startswith("Tsigma_"))
    check_size(checks, f"{what}: closure", found["closure"] / powers, TOLERANCE)
    # every cycle holds one of these pathways; only the fuel drives one
    RT = R * found["T"]
    check_size(checks, f"{what}: affinity of the pump's cycle", (found["Acyc_pump"] + found["dG_ATP"]) / RT, TOLERANCE)
    for name in COTRANSPORT:
        check_size(checks, f"{what}: affinity of the cycle of {name}", found[f"Acyc_{name}"] / RT, TOLERANCE)
    power = sum(found[f"Jcyc_{name}"] * found[f"Acyc_{name}"] for name in ("pump", *COTRANSPORT))
    dissipated = sum(values for name, values in found.items() if name.startswith("Tsigma_"))
    check_size(checks, f"{what}: dissipation of all cycles", (dissipated - power) / powers, TOLERANCE)
    passive = [found[f"Tsigma_{name}"] for name in ("leak_Na", "leak_K", "leak_Cl", *COTRANSPORT)]
    checks.check(np.min(passive) >= 0.0, f"{what}: a passive pathway runs uphill by {np.min(passive):.1e} W m-2")


def check_given_pump(args, checks, folder, n, mode):
    what = f"cotransport, given pump, {mode}"
    random = cell_random() | {"r": ("loguniform", 3e-9, 2e-7)}
    scan = Scan(args, checks, folder, "cotransport", n, random, NEUTRAL_BATH, mode)
    exact = closed_form(scan.values, scan["r"])
    margin = exact["lysis_margin"]
    is_clear = np.abs(margin) > 1e-9
    is_wrong = (scan.is_steady != (margin > 0.0)) | (scan.grows != (margin <= 0.0))
    print(f"  {what}: {scan.counts}; {np.sum(~is_clear)} too near lysis to say")
    checks.check(not np.any(is_wrong & is_clear), f"{what}: {np.sum(is_wrong & is_clear)} sets have another outcome")
    checks.check(min(np.sum(scan.is_steady), np.sum(scan.grows)) > 0.03 * n, f"{what}: outcomes {scan.counts}")
    chosen = scan.is_steady & is_clear
    check_state(checks, what, scan.where(chosen), {name: values[chosen] for name, values in exact.items()})
    uphill = scan["Tsigma_pump"][scan.is_steady] < 0.0
    checks.check(np.array_equal(uphill, scan.breaks_second_law[scan.is_steady]), f"{what}: flags of the second law")


def check_reversible_pump(args, checks, folder, n, mode):
    """Where the rate is what the pump makes of the state that this rate leads to, the state is steady."""
    what = f"cotransport, reversible pump, {mode}"
    random = cell_random() | {"r": ("loguniform", 1e-8, 1e-5), "kappa_r": ("uniform", 0.0, 3.0)}
    random |= {"K_Na": ("uniform", 4.0, 25.0), "K_K": ("uniform", 0.5, 4.0)}
    scan = Scan(args, checks, folder, "cotransport", n, random, '[variant]\npump = "rev"\n' + NEUTRAL_BATH, mode)
    print(f"  {what}: {scan.counts}")
    checks.check(np.all(scan.is_steady | scan.grows) and np.sum(scan.is_steady) > 0.5 * n, f"{what}: {scan.counts}")
    checks.check(not np.any(scan.breaks_second_law), f"{what}: {np.sum(scan.breaks_second_law)} violate the second law")
    found = scan.where(scan.is_steady & (scan["lysis_margin"] > 1e-9))
    exact = closed_form(found, found["J_pump"])
    check_state(checks, what, found, exact)
    rate, both = rev_pump(found, exact)
    check_size(checks, f"{what}: pump", (found["J_pump"] - rate) / both, TOLERANCE)

    # cells that grow: no rate, from none to more than the pump can do, leads to a state with that rate
    growing = np.nonzero(scan.grows)[0][:200]
    p = {name: np.repeat(values[growing], 400) for name, values in scan.values.items()}
    share = np.tile(np.concatenate([[0.0], np.geomspace(1e-7, 1.0, 399)]), len(growing))
    # beyond x = 40 the cell has long burst or is empty of Na+
    r = share * np.minimum(p["r"], 40.0 * R * p["T"] / F**2 * np.minimum(p["g_Na"] / 3.0, p["g_K"] / 2.0))
    with np.errstate(invalid="ignore", divide="ignore"):
        state = closed_form(p, r)
        surplus = (rev_pump(p, state)[0] - r).reshape(-1, 400)
    has_room = (state["lysis_margin"] > 1e-6).reshape(-1, 400)
    turns = (surplus[:, :-1] >= 0.0) & (surplus[:, 1:] < 0.0) & has_room[:, :-1] & has_room[:, 1:]
    checks.check(not np.any(turns), f"{what}: {np.sum(np.any(turns, axis=1))} of {len(growing)} growing cells have a state")


def check_strong_cotransport(args, checks, folder):
    """What Aminzare and Kay say of each cotransporter, where it alone is strong and the bath has no impermeant solute."""
    n = 500
    random = cell_random() | {"r": ("loguniform", 1e-8, 1e-7)}
    no_solute = '[fixed]\nY_o = 0.0\n[tie]\nNa_o = "Cl_o - K_o"\n'
    for name in ("Y_o", *(f"L_{name}" for name in COTRANSPORT)):
        random.pop(name)
    plain = Scan(args, checks, folder, "cotransport", n, random, no_solute)
    is_whole = plain.is_steady & (plain["lysis_margin"] > 0.01)
    checks.check(np.sum(is_whole) > 100, f"without cotransport: {plain.counts}")
    strong = {name: Scan(args, checks, folder, "cotransport", n, random, no_solute.replace("Y_o", f"L_{name} = 1e-3\nY_o", 1))
              for name in COTRANSPORT}
    counts = {name: scan.counts for name, scan in strong.items()}
    print(f"  no cotransport: {plain.counts}, strong {counts}")
    checks.check(np.all(strong["NCC"].grows), f"strong NCC: {counts['NCC']}, all burst")
    checks.check(np.all(strong["KCC"].is_steady), f"strong KCC: {counts['KCC']}, none bursts")
    is_saved = strong["NKCC"].is_steady
    has_room = closed_form(strong["NKCC"].values, strong["NKCC"]["r"])["lysis_margin"] > 0.0
    checks.check(np.array_equal(is_saved, has_room) and np.sum(is_saved & plain.grows) > 10,
                 f"strong NKCC: {counts['NKCC']} of {plain.counts}, {np.sum(is_saved & plain.grows)} are saved")
    both = is_whole & is_saved
    lower = (plain["Cl_i"] - strong["KCC"]["Cl_i"])[is_whole]
    checks.check(np.all(lower > 0.0), f"KCC raises Cl- in {np.sum(lower <= 0.0)} cells")
    # a Na+ that is further from equilibrium than K+ drives Cl- in
    higher = (strong["NKCC"]["Cl_i"] - plain["Cl_i"])[both] > 0.0
    drives = (3.0 / plain["g_Na"] > 2.0 / plain["g_K"])[both]
    checks.check(np.array_equal(higher, drives), f"NKCC: Cl- rises in {np.sum(higher)} cells, not {np.sum(drives)}")


def cell_rates(p, pump):
    """Rates of change of (N_Na, N_K, N_Cl, ell), written from the textbook: Nernst potentials, Ohm's law, ln of ratios."""
    RT = R * p["T"]
    v_w = 1.8e-5

    def rates(_, y):
        sodium, potassium, chloride, ell = y
        na, k, cl, x = sodium / ell, potassium / ell, chloride / ell, p["N_X"] / ell
        V = F / p["C_m"] * (sodium + potassium - chloride + p["z_X"] * p["N_X"])
        E_na, E_k, E_cl = RT / F * np.log(p["Na_o"] / na), RT / F * np.log(p["K_o"] / k), -RT / F * np.log(p["Cl_o"] / cl)
        nkcc = p["L_NKCC"] * np.log(na * k * cl**2 / (p["Na_o"] * p["K_o"] * p["Cl_o"] ** 2))
        kcc = p["L_KCC"] * np.log(k * cl / (p["K_o"] * p["Cl_o"]))
        ncc = p["L_NCC"] * np.log(na * cl / (p["Na_o"] * p["Cl_o"]))
        turns = p["r"]
        if pump == "rev":
            affinity = -p["dG_ATP"] + 3.0 * F * (V - E_na) - 2.0 * F * (V - E_k)
            back = np.exp(-affinity / RT)
            turns *= (na / (na + p["K_Na"])) ** 3 * (p["K_o"] / (p["K_o"] + p["K_K"])) ** 2
            turns *= (1.0 - back) / (1.0 + p["kappa_r"] * back)
        osmotic = na + k + cl + x - p["Na_o"] - p["K_o"] - p["Cl_o"] - p["Y_o"]
        return [-(p["g_Na"] * (V - E_na) / F + 3.0 * turns + nkcc + ncc),
                -(p["g_K"] * (V - E_k) / F - 2.0 * turns + nkcc + kcc),
                -(-p["g_Cl"] * (V - E_cl) / F + 2.0 * nkcc + kcc + ncc),
                p["P_f"] * v_w * osmotic]

    return rates


def check_lsoda(args, checks, folder):
    """Time courses and their ends by LSODA, at random cells."""
    rng = np.random.default_rng(5)
    times = np.array([1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0, 1e3, 1e4, 1e6])
    worst, worst_end, n_cells = (0.0, ""), (0.0, ""), 0
    for pump in ("const", "rev"):
        for trial in range(6):
            values = {name: float(np.exp(rng.uniform(np.log(low), np.log(high)))) for name, low, high in (
                ("g_Na", 0.1, 1.0), ("g_K", 1.0, 10.0), ("g_Cl", 0.3, 10.0), ("L_NKCC", 1e-9, 1e-7), ("L_KCC", 1e-9, 1e-7),
                ("L_NCC", 1e-9, 3e-8), ("r", 3e-8, 1e-7), ("N_X", 3e-5, 3e-4))}
            values["r"] *= 30.0 if pump == "rev" else 1.0
            values |= {"z_X": float(rng.uniform(-1.5, -0.5)), "Cl_o": 145.0, "Y_o": 5.0, "z_Y": -1.0}
            options = test_trace.of_model("./cotransport.c", {"pump": pump}, **values)
            course = test_trace.trace(args, folder, *options, *test_trace.times([0.0, *times]), "--rtol", 1e-9)
            p = {name: float(x) for name, x in course.values.items() if not course.dimensions[name]}
            ell = course["ell"][0]
            start = [course[f"{ion}_i"][0] * ell for ion in IONS] + [ell]
            made = scipy.integrate.solve_ivp(cell_rates(p, pump), (0.0, times[-1]), start, "LSODA", times, rtol=1e-11,
                                             atol=1e-13 * np.array(start))
            checks.check(made.success, f"LSODA: {made.message}")
            mine = {f"{ion}_i": made.y[i] / made.y[3] for i, ion in enumerate(IONS)} | {"ell": made.y[3]}
            where = f"{pump} {trial}"
            for name, x in mine.items():
                worst = max(worst, (largest(course[name][1:] / x - 1.0), f"{where} {name}"))
            done = harness.run(args.nessmap, "point", *options, "--json", cwd=folder)
            point = json.loads(done.stdout)
            if point["outputs"]["tau_slow"] < times[-1] / 40.0:
                end = max(abs(point["outputs"][name] / x[-1] - 1.0) for name, x in mine.items())
                worst_end = max(worst_end, (end, where))
                n_cells += 1
    print(f"  cotransport by LSODA: worst {worst[0]:.1e} ({worst[1]}), of {n_cells} steady states {worst_end[0]:.1e}")
    checks.check(worst[0] <= 1e-6, f"cotransport: a course is {worst} from LSODA")
    checks.check(n_cells >= 8 and worst_end[0] <= 1e-7, f"cotransport: steady states are {worst_end} from LSODA's, {n_cells}")


def check_cotransport_map(checks, path):
    """What the configuration says of its map."""
    with harness.Results(path) as results:
        bursts = results.outcome_is("no_steady_state_growth")
        L_NCC, L_KCC, L_NKCC = (results[f"L_{name}"] for name in ("NCC", "KCC", "NKCC"))
        Cl_i, swelling = results["Cl_i"], results["ln_swelling"]
        checks.check(np.all(bursts | results.outcome_is("ness")), f"cotransport map: {results.counts()}")
    checks.check(list(L_NKCC) == [0.0, 1e-7, 1e-6], f"cotransport map: axes {L_NKCC}")
    first = L_NCC[np.argmax(bursts[:, 0, 0])]
    checks.check(5.5e-7 < first < 6.5e-7, f"NCC bursts from {first} on, not 6e-7")
    saved = L_KCC[np.argmin(np.any(bursts[:, :, 0], axis=0))]
    checks.check(2.5e-7 < saved < 3.5e-7, f"KCC saves from {saved} on, not 3e-7")
    checks.check(np.any(bursts[:, :, 1]) and not np.any(bursts[:, :, 2]), "NKCC does not save")
    ncc, kcc, nkcc = (Cl_i[:80, 0, 0], Cl_i[0, :, 0], Cl_i[0, 0, :])
    checks.check(np.all(np.diff(ncc) > 0) and np.all(np.diff(kcc) < 0) and np.all(np.diff(nkcc) > 0), "Cl- on the map")
    ncc, kcc, nkcc = (swelling[:80, 0, 0], swelling[0, :, 0], swelling[0, 0, :])
    checks.check(np.all(np.diff(ncc) > 0) and np.all(np.diff(kcc) < 0) and np.all(np.diff(nkcc) > 0), "volume on the map")


# --- oxygen_membrane --------------------------------------------------------------------------------


def membrane_random():
    return {
        "T": ("uniform", 873.15, 1373.15), "p_1": ("loguniform", 10.0, 1e7), "p_2": ("loguniform", 10.0, 1e7),
        "thickness": ("loguniform", 1e-7, 0.1), "D": ("loguniform", 1e-12, 1e-7), "k_f": ("loguniform", 1e-8, 1e-3),
        "k_r": ("loguniform", 1e-6, 1.0),
    }  # fmt: skip


def membrane_exact(p):
    """Flux of atoms, vacancies of both sides, and the rates per vacancy."""
    a = [p["k_f"] * np.sqrt(p[f"p_{side}"] / p["p_0"]) for side in (1, 2)]
    resistance = p["thickness"] / p["D"] + 1.0 / a[0] + 1.0 / a[1]
    difference = np.expm1(0.5 * np.log(p["p_1"] / p["p_2"])) / a[0]
    J = p["k_r"] * difference / resistance
    return J, (p["k_r"] + J) / a[0], (p["k_r"] - J) / a[1], a


def check_membrane(args, checks, folder, n, mode, is_even=False):
    what = f"oxygen membrane, {'equal pressures' if is_even else 'random'}, {mode}"
    random = membrane_random()
    if is_even:
        random.pop("p_2")
    s = Scan(args, checks, folder, "oxygen_membrane", n, random, '[tie]\np_2 = "p_1"\n' if is_even else "", mode)
    wanted = "equilibrium" if is_even else "ness"
    checks.check(s.counts == {wanted: n} and not np.any(s.breaks_second_law), f"{what}: outcomes {s.counts}")
    J, V_1, V_2, a = membrane_exact(s.values)
    RT = R * s["T"]
    force = 0.5 * np.log(s["p_1"] / s["p_2"])
    ways = {name: s[f"Jout_{name}"] + s[f"Jin_{name}"] for name in ("enter", "bulk", "leave")}
    # what runs in and out through a surface or the bulk bounds what is known of their difference
    for name, way in ways.items():
        check_size(checks, f"{what}: J_{name}", (s[f"J_{name}"] - J) / way, TOLERANCE)
        uphill = -s[f"J_{name}"] * np.sign(force) / way
        checks.check(np.max(uphill) <= 1e-12, f"{what}: {name} runs uphill by {np.max(uphill):.1e}")
    # a side that the flux nearly empties knows its vacancies as a difference
    check_size(checks, f"{what}: V_1", (s["V_1"] - V_1) * a[0] / (s["k_r"] + np.abs(J)), TOLERANCE)
    check_size(checks, f"{what}: V_2", (s["V_2"] - V_2) * a[1] / (s["k_r"] + np.abs(J)), TOLERANCE)
    power = s["J_O2"] * RT * np.log(s["p_1"] / s["p_2"])
    scale = RT * sum(ways.values()) * (1.0 + np.abs(force))
    check_size(checks, f"{what}: T sigma = J_O2 RT ln(p_1/p_2)", (s["sigma_total"] * s["T"] - power) / scale, TOLERANCE)
    check_size(checks, f"{what}: dissipation", (s["Tsigma_total"] - power) / scale, TOLERANCE)
    check_size(checks, f"{what}: closure", s["closure"] / scale, TOLERANCE)
    check_size(checks, f"{what}: flux of the one cycle", (s["Jcyc_leave"] - J) / ways["leave"], TOLERANCE)
    check_size(checks, f"{what}: its affinity", s["Acyc_leave"] / RT - force, TOLERANCE)
    check_size(checks, f"{what}: L_c", s["L_c"] / (s["D"] * (1.0 / a[0] + 1.0 / a[1])) - 1.0, TOLERANCE)
    check_size(checks, f"{what}: bulk_share", s["bulk_share"] / (s["thickness"] / (s["thickness"] + s["L_c"])) - 1.0, TOLERANCE)
    if is_even:
        check_size(checks, f"{what}: a_max", s["a_max"], 1e-12)


def check_membrane_course(args, checks, folder):
    """Two linear equations have the exponential of a matrix as their time course."""
    worst = 0.0
    for values in ({}, {"thickness": 1e-5, "p_2": 1e6}, {"thickness": 0.02, "D": 1e-9}):
        times = np.array([0.0, 1e-2, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5])
        course = test_trace.trace(args, folder, *test_trace.of_model("./oxygen_membrane.c", **values), *test_trace.times(times),
                                  "--rtol", 1e-9)
        p = {name: float(x) for name, x in course.values.items() if not course.dimensions[name]}
        _, V_1, V_2, a = membrane_exact({name: np.array(x) for name, x in p.items()})
        hop, half = p["D"] / p["thickness"], 0.5 * p["thickness"]
        rates = np.array([[-a[0] - hop, hop], [hop, -a[1] - hop]]) / half
        gap = np.array([p["k_r"] / a[0] - V_1, p["k_r"] / a[1] - V_2])
        for i, t in enumerate(times):
            mine = np.array([V_1, V_2]) + scipy.linalg.expm(rates * t) @ gap
            worst = max(worst, largest(np.array([course["V_1"][i], course["V_2"][i]]) / mine - 1.0))
    print(f"  oxygen membrane: worst of its courses {worst:.1e}")
    checks.check(worst <= 1e-6, f"oxygen membrane: a course is {worst} from the exponential")


def check_membrane_map(checks, path):
    """What the configuration says of its map."""
    with harness.Results(path) as results:
        thickness, p_2 = results["thickness"], results["p_2"]
        J, L_c, share = results["J_O2"], results["L_c"], results["bulk_share"]
        is_line = np.broadcast_to(np.abs(p_2 / 2.1e4 - 1.0) < 1e-9, J.shape)
        checks.check(np.sum(is_line) == len(thickness) and np.array_equal(results.outcome_is("equilibrium"), is_line)
                     and np.all(results.outcome_is("ness") | is_line), f"oxygen map: {results.counts()}")
    for column, wanted in ((0, 3.9e-3), (-1, 3.9e-4)):
        checks.check(np.allclose(L_c[:, column], wanted, rtol=0.02), f"oxygen map: L_c {L_c[0, column]}, not {wanted}")
        # half of the flux of the thinnest, where the membrane is L_c thick; and in proportion to 1/thickness far beyond
        at_half = thickness[np.argmin(np.abs(share[:, column] - 0.5))]
        half = np.interp(L_c[0, column], thickness, J[:, column]) / (J[0, column] / (1.0 - share[0, column]))
        checks.check(abs(half - 0.5) < 0.01 and 0.9 < at_half / wanted < 1.1, f"oxygen map: {half} of the flux at L_c")
    checks.check(np.all(np.diff(np.abs(J[:, ~is_line[0]]), axis=0) < 0.0), "oxygen map: a thicker membrane lets more through")
    checks.check(np.all(J[:, p_2 < 2e4] > 0.0) and np.all(J[:, p_2 > 2.2e4] < 0.0), "oxygen map: oxygen goes up its pressure")


# --- as a user runs them ----------------------------------------------------------------------------


@contextlib.contextmanager
def workplace():
    """The example files in a folder with a cache of its own."""
    with harness.scratch() as name:
        folder = pathlib.Path(name).resolve()
        for model in ("cotransport", "oxygen_membrane"):
            for ending in ("c", "toml"):
                shutil.copy(harness.CONFIGS / f"{model}.{ending}", folder)
        (folder / "cache").mkdir()
        with test_own_model.environment(XDG_CACHE_HOME=folder / "cache"):
            yield folder


def check_map(args, checks, folder, model, check, shown):
    found = harness.run(args.nessmap, "check", f"{model}.toml", cwd=folder)
    checks.check(found.returncode == 0, f"check {model}.toml: {found.stderr}")
    done = harness.run(args.nessmap, "run", f"{model}.toml", cwd=folder)
    if not checks.check(done.returncode == 0, f"run {model}.toml: {done.stderr}"):
        return
    check(checks, folder / f"{model}.nc")
    drawn = harness.plot(f"{model}.nc", "map", "--show", *shown, cwd=folder)
    picture = folder / f"{model}.png"
    checks.check(drawn.returncode == 0 and picture.is_file() and picture.read_bytes()[:4] == b"\x89PNG",
                 f"nessmap-plot {model}: {drawn.stderr}")


def run_checks(args, checks):
    n = N_FULL if args.full else N_FAST
    with workplace() as folder:
        # compiled in a hurry in the short form, in the long one as users have them
        quick = None if args.full else test_own_model.quick_compiler(folder / "cache")
        for compiler, part, options in (
            (quick, check_map, ("cotransport", check_cotransport_map, ("ln_swelling", "Cl_i"))),
            (quick, check_given_pump, (n, "auto")),
            (quick, check_given_pump, (N_FOLLOWED, "follow")),
            (quick, check_reversible_pump, (n, "auto")),
            (quick, check_reversible_pump, (N_FOLLOWED, "follow")),
            (quick, check_strong_cotransport, ()),
            (quick, check_lsoda, ()),
            (quick, check_map, ("oxygen_membrane", check_membrane_map, ("J_O2", "bulk_share"))),
            (quick, check_membrane, (n, "auto")),
            (quick, check_membrane, (n, "auto", True)),
            (quick, check_membrane, (N_FOLLOWED, "follow")),
            (quick, check_membrane_course, ()),
        ):
            begin = time.monotonic()
            with test_own_model.environment(NESSMAP_CXX=compiler):
                part(args, checks, folder, *options)
            print(f"{part.__name__} {' '.join(map(str, options))}: {time.monotonic() - begin:.1f} s", flush=True)


def test_examples():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
