"""Every point of the shipped maps: residuals, second law, closure, and phases against closed forms.

  python tests/test_maps.py --nessmap build/nessmap [--full]

The fast form runs the maps coarser; --full runs them as shipped, with all outputs in f64.
"""

import pathlib
import tomllib

import numpy as np

import harness

R = 8.31446261815324
F = 96485.33212331001840
UNITS = {"mmol/L": 1.0, "kJ/mol": 1000.0}


def number(value):
    """5.0 or "5 mmol/L" in SI"""
    if isinstance(value, str):
        digits, unit = value.split()
        return float(digits) * UNITS[unit]
    return float(value)


def read_config(name):
    return tomllib.loads((harness.CONFIGS / f"{name}.toml").read_text())


def size_arguments(config, n):
    if n is None:
        return []
    return harness.sets(**{f"axis.{axis['name']}.n": n for axis in config["axis"]})


def run_map(args, checks, folder, name, n=None, output=None):
    """Runs a shipped configuration with all outputs; returns the path of its file, or None."""
    output = folder / (output or f"{name}.nc")
    done = harness.run(
        args.nessmap,
        "run",
        harness.CONFIGS / f"{name}.toml",
        "-o",
        output,
        "--quiet",
        *size_arguments(read_config(name), n),
        *harness.ALL_OUTPUTS,
    )
    good = checks.check(
        done.returncode == 0, f"{name}: exit {done.returncode}: {done.stderr.strip()}"
    )
    return output if good else None


# --- what holds at every point of any scan --------------------------------------------------------------


def pathways(results):
    return [name[len("Jout_") :] for name in results.names() if name.startswith("Jout_")]


def total_one_way(results):
    return sum(results[f"Jout_{k}"] + results[f"Jin_{k}"] for k in pathways(results))


def check_points(results, name, RT, checks):
    """Residual, dissipation pathway by pathway, closure; NaN where and only where there is no state."""
    valued = results.has_values()
    checks.check(
        not np.any(
            results.outcome_is("not_converged")
            | results.outcome_is("left_domain")
            | results.outcome_is("not_run")
        ),
        f"{name}: {results.counts()}",
    )
    residual = results["resid"]
    worst = np.max(residual[valued])
    checks.check(worst <= 1e-10, f"{name}: largest residual {worst:.3g}, promised 1e-10")
    checks.check(np.all(np.isnan(residual[~valued])), f"{name}: values where there is no state")
    words = [f"residual {worst:.1e}"]

    # a passive pathway cannot dissipate less than nothing; all pathways of the shipped maps are passive or reversible
    for k in pathways(results):
        one_way = (results[f"Jout_{k}"] + results[f"Jin_{k}"])[valued]
        dissipation = results[f"Tsigma_{k}"][valued]
        checks.check(
            np.all(dissipation >= -1e-12 * one_way * RT),
            f"{name}: Tsigma_{k} down to {np.min(dissipation):.3g} W",
        )
    checks.check(
        not np.any(results.flag_is("second_law_violated")), f"{name}: second_law_violated set"
    )

    supplies = [
        k
        for k in results.names()
        if k.startswith("P_") and results[k].shape == valued.shape and k not in ("P_f",)
    ]
    power = sum(np.abs(results[k]) for k in supplies)
    closure = np.abs(results["closure"])
    is_driven = results.outcome_is("ness")
    share = np.max(closure[is_driven] / power[is_driven])
    checks.check(
        np.any(is_driven) and share <= 1e-9, f"{name}: closure up to {share:.3g} of the power"
    )
    words.append(f"closure {share:.1e} of the power")
    is_balanced = results.outcome_is("equilibrium")
    if np.any(is_balanced):
        share = np.max(closure[is_balanced] / (RT * total_one_way(results)[is_balanced]))
        checks.check(
            share <= 1e-12, f"{name}: closure up to {share:.3g} RT of the exchange at equilibrium"
        )
        check_balance(results, name, is_balanced, checks)
    checks.check(np.all(results["a_max"][is_driven] > 1e-8), f"{name}: a ness without force")
    print(f"{name}: {results.counts()}; {', '.join(words)}")


def check_balance(results, name, where, checks):
    """Detailed balance: every net flux vanishes, one-way fluxes do not."""
    worst = 0.0
    n_active = 0
    for k in pathways(results):
        one_way = (results[f"Jout_{k}"] + results[f"Jin_{k}"])[where]
        net = np.abs(results[f"J_{k}"][where])
        active = one_way > 0
        checks.check(np.all(net[~active] == 0), f"{name}: J_{k} without one-way fluxes")
        if np.any(active):
            n_active += 1
            checks.check(np.all(active), f"{name}: {k} is active at some equilibria only")
            worst = max(worst, np.max(net[active] / one_way[active]))
    checks.check(n_active >= 2, f"{name}: no exchange at equilibrium")
    checks.check(
        worst <= 1e-12, f"{name}: net flux up to {worst:.3g} of the exchange at equilibrium"
    )


# --- where lysis begins, in closed form ------------------------------------------------------------------


def highest_rate(g_Na, g_K, p):
    """Pump rate at which the volume of an ohmic cell becomes infinite: 4 alpha beta = Pi^2 (array)."""
    RT = R * p["T"]
    e_Na, e_K = -3 * F**2 / (g_Na * RT), 2 * F**2 / (g_K * RT)
    Pi = p["Na_o"] + p["K_o"] + p["Cl_o"] + p["Y_o"]

    def excess(r):
        a, b = np.log(p["Na_o"]) + e_Na * r, np.log(p["K_o"]) + e_K * r
        return np.logaddexp(a, b) + np.log(4 * p["Cl_o"]) - 2 * np.log(Pi)

    # convex in r: from its lowest point upwards it crosses zero once
    low = np.log(-p["Na_o"] * e_Na / (p["K_o"] * e_K)) / (e_K - e_Na)
    assert np.all(low > 0) and np.all(excess(low) < 0)
    high = low + 1 / e_K
    while np.any(excess(high) < 0):
        high = np.where(excess(high) < 0, low + 2 * (high - low), high)
    for _ in range(200):
        middle = 0.5 * (low + high)
        is_low = excess(middle) < 0
        low, high = np.where(is_low, middle, low), np.where(is_low, high, middle)
    return 0.5 * (low + high)


def lysis_expected(g_Na, g_K, dG_ATP, p_max, p):
    """Whether a reversible pump of capacity p_max would turn at least that fast in the infinite cell."""
    RT = R * p["T"]
    r = highest_rate(g_Na, g_K, p)
    x_Na, x_K = -3 * r * F**2 / (g_Na * RT), 2 * r * F**2 / (g_K * RT)
    alpha = p["Na_o"] * np.exp(x_Na) + p["K_o"] * np.exp(x_K)
    Na_i = p["Na_o"] * np.exp(x_Na) * np.sqrt(p["Cl_o"] / alpha)
    sites = (Na_i / (p["K_Na"] + Na_i)) ** 3 * (p["K_o"] / (p["K_K"] + p["K_o"])) ** 2
    a = -dG_ATP / RT + 3 * x_Na - 2 * x_K
    back = np.exp(-np.clip(a, 0, 700))  # a pump that would run backwards cannot turn at r > 0
    force = np.where(a > 0, (1 - back) / (1 + p["kappa_r"] * back), 0.0)
    return p_max * sites * force >= r


def near_boundary(expected):
    """Pixels with another class among their 8 neighbours."""
    padded = np.pad(expected, 1, mode="edge")
    shape = expected.shape
    windows = [padded[i : i + shape[0], j : j + shape[1]] for i in range(3) for j in range(3)]
    return np.any(windows, axis=0) & ~np.all(windows, axis=0)


def check_boundary(results, name, checks):
    config = read_config(name)
    p = {"K_Na": 10.0, "K_K": 1.5, "kappa_r": 1.0} | {
        k: number(v) for k, v in config["fixed"].items()
    }
    grid = np.meshgrid(*(results[axis["name"]] for axis in config["axis"]), indexing="ij")
    p |= {axis["name"]: values for axis, values in zip(config["axis"], grid)}
    expected = lysis_expected(p["g_Na"], p["g_K"], p["dG_ATP"], p["p_max"], p)
    found = results.outcome_is("no_steady_state_growth")
    differs = found != expected
    n_far = int(np.sum(differs & ~near_boundary(expected)))
    checks.check(
        0.02 < np.mean(expected) < 0.9, f"{name}: the closed form gives lysis {np.mean(expected)}"
    )
    checks.check(
        n_far == 0, f"{name}: {n_far} pixels farther than one cell from the boundary disagree"
    )
    checks.check(not np.any(results.outcome_is("no_steady_state_depletion")), f"{name}: depletion")
    print(
        f"{name}: lysis {np.mean(found):.4f} of the map, closed form {np.mean(expected):.4f}; "
        f"{int(np.sum(differs))} pixels differ, {n_far} of them farther than one cell from the boundary"
    )


# --- the maps ------------------------------------------------------------------------------------------------


def check_phase(results, checks):
    name = "pump_leak_phase"
    lysis = np.mean(results.outcome_is("no_steady_state_growth"))
    # a twelfth by the closed form, which check_boundary compares pixel by pixel
    checks.check(
        0.07 < lysis < 0.13,
        f"{name}: lysis is {lysis:.3f} of the map, about a twelfth was expected",
    )
    V = results["V"][results.outcome_is("ness")]
    checks.check(
        -0.11 < np.min(V) < -0.09, f"{name}: lowest V {np.min(V):.4f}, about -0.1 was expected"
    )
    checks.check(
        -0.005 < np.max(V) < 0.002, f"{name}: highest V {np.max(V):.4f}, about 0 was expected"
    )
    dG = results["dG_ATP"]
    checks.check(
        np.max(dG) == 0 and np.min(dG) == -60000, f"{name}: dG_ATP from {dG[0]} to {dG[-1]}"
    )
    edge, beside = np.argsort(-dG)[:2]
    balanced = results.outcome_is("equilibrium")
    checks.check(np.all(balanced[edge]), f"{name}: no fuel, but no equilibrium")
    checks.check(np.sum(balanced) == balanced.shape[1], f"{name}: fuel, but equilibrium")
    check_balance(results, f"{name} at dG_ATP = 0", (edge, slice(None)), checks)
    # not trivially: beside the edge the same fluxes do not balance
    one_way = results["Jout_pump"] + results["Jin_pump"]
    net = (np.abs(results["J_pump"]) / one_way)[beside]
    checks.check(np.all(net > 1e-6), f"{name}: no pump flux beside the edge without fuel")
    print(f"{name}: V of ness from {1e3 * np.min(V):.1f} to {1e3 * np.max(V):.1f} mV")


def check_follow(auto, follow, RT, checks):
    """The same outcomes and the same values, whether solved or integrated."""
    name = "pump_leak_follow"
    n_other = int(np.sum(auto.outcome != follow.outcome))
    checks.check(n_other == 0, f"{name}: {n_other} of {auto.outcome.size} outcomes differ")
    valued = auto.has_values() & follow.has_values()
    one_way = total_one_way(auto)
    scales = {
        "V": RT / F,
        "J_pump": auto["Jout_pump"] + auto["Jin_pump"],
        "sigma_total": R * one_way,
        "P_ATP": RT * one_way,
        "a_max": 1.0,
    }
    for key in (
        "V",
        "ell",
        "Na_i",
        "K_i",
        "Cl_i",
        "X_i",
        "J_pump",
        "P_ATP",
        "sigma_total",
        "efficiency",
        "a_max",
        "tau_slow",
    ):
        a, b = auto[key], follow[key]
        allowed = 1e-8 * np.abs(a) + 1e-12 * scales.get(key, 0.0)
        error = np.abs(a - b)
        ratio = np.max(
            np.where(error == 0, 0, error / np.where(allowed > 0, allowed, 1e-300))[valued]
        )
        checks.check(
            ratio <= 1, f"{name}: {key} differs from auto by {ratio:.3g} times what is allowed"
        )
        print(f"{name}: {key:12s} agrees to {ratio:.1e} of 1e-8")


def run_checks(args, checks):
    n_map, n_follow = (None, None) if args.full else (128, 40)
    RT = R * 310.15
    with harness.scratch() as name:
        folder = pathlib.Path(name)
        for map_name in ("pump_leak_phase", "pump_leak_lysis"):
            path = run_map(args, checks, folder, map_name, n_map)
            if path is None:
                continue
            with harness.Results(path) as results:
                check_points(results, map_name, RT, checks)
                check_boundary(results, map_name, checks)
                if map_name == "pump_leak_phase":
                    check_phase(results, checks)
            path.unlink()

        n_same = 256 if args.full else n_follow
        auto = run_map(args, checks, folder, "pump_leak_phase", n_same, "auto.nc")
        follow = run_map(args, checks, folder, "pump_leak_follow", n_follow, "follow.nc")
        if auto and follow:
            with harness.Results(auto) as a, harness.Results(follow) as b:
                check_points(b, "pump_leak_follow", RT, checks)
                check_follow(a, b, RT, checks)

        for map_name in ("driven_cycle", "pump_leak_random"):
            path = run_map(args, checks, folder, map_name)
            if path:
                with harness.Results(path) as results:
                    T = number(read_config(map_name)["fixed"]["T"])
                    check_points(results, map_name, R * T, checks)


def test_maps():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
