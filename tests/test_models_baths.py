"""Laws of bathtub, na_bath and schlogl over random parameter sets, against closed forms.

  python tests/test_models_baths.py --nessmap build/nessmap [--full]

The fast form takes ten thousand sets of each, --full a million.
"""

import pathlib

import numpy as np

import harness

R = 8.31446261815324
F = 96485.33212331001840
SHORT, LONG = 10_000, 1_000_000

# name: (distribution, low, high)
BATHTUB = {
    "A": ("loguniform", 0.1, 10.0),
    "q_in": ("loguniform", 1e-6, 1e-3),
    "k_drain": ("loguniform", 1e-5, 5e-3),
    "a_hole": ("loguniform", 1e-6, 1e-3),
    "h0": ("loguniform", 0.01, 1.0),
    "g": ("uniform", 1.0, 30.0),
    "T": ("uniform", 273.15, 373.15),
}
NA_BATH = {
    "T": ("uniform", 275.0, 315.0),
    "V_hold": ("uniform", -0.15, 0.1),
    "P_Na": ("loguniform", 1e-12, 3e-9),
    "Na_o": ("loguniform", 20.0, 450.0),
    "r": ("loguniform", 1e-11, 1e-5),
    "r_linear": ("loguniform", 1e-12, 1e-7),
    "K_Na": ("uniform", 4.0, 25.0),
    "dG_ATP": ("uniform", -65000.0, -1000.0),
}
SCHLOGL = {
    "k1a": ("loguniform", 1.0, 100.0),
    "k1m": ("loguniform", 0.1, 10.0),
    "k2": ("loguniform", 1.0, 100.0),
    "k2mb": ("loguniform", 0.01, 100.0),
}


def solve(args, checks, folder, model, ranges, lines=(), variant=""):
    """Runs random sets; the results, or None. lines: more of the configuration."""
    text = [f'model = "{model}"', variant, "[design]", 'kind = "random"', "seed = 7"]
    text.append(f"n = {LONG if args.full else SHORT}")
    for name, (dist, low, high) in ranges.items():
        text += ["[[random]]", f'name = "{name}"', f'dist = "{dist}"']
        text += [f"min = {low!r}", f"max = {high!r}"]
    text += ["[output]", 'variables = ["*"]', 'precision = "f64"', *lines]
    (folder / "scan.toml").write_text("\n".join(text) + "\n")
    output = folder / f"scan{len(list(folder.iterdir()))}.nc"
    done = harness.run(args.nessmap, "run", "scan.toml", "-o", output, "--quiet", cwd=folder)
    if not checks.check(done.returncode == 0, f"{model} {variant}: {done.stderr.strip()}"):
        return None
    return harness.Results(output)


def check_near(checks, found, wanted, relative, text, scale=0.0):
    """wanted, relative and scale may be arrays; a NaN is far from everything."""
    ratio = np.abs(found - wanted) / (relative * np.abs(wanted) + scale)
    worst = np.max(np.where(np.isnan(ratio), np.inf, ratio))
    print(f"  {text}: worst {worst:.1e} of the tolerance, {np.size(found)} sets")
    checks.check(np.size(found) > 0 and worst <= 1, f"{text}: {worst:.3g} times the tolerance")


# --- bathtub --------------------------------------------------------------------------------------


def check_open_tub(results, level, tau, words, checks):
    """tap = drain: a steady state whose level is known, and rho g q h is dissipated."""
    p = {name: results[name] for name in BATHTUB}
    checks.check(np.all(results.outcome_is("ness")), f"{words}: {results.counts()}")
    checks.check(not np.any(results.flag_is("marginal")), f"{words}: marginal")
    checks.check(not np.any(results.flag_is("second_law_violated")), f"{words}: second law")
    check_near(checks, results["h"], level, 1e-9, f"{words}: level")
    check_near(checks, results["throughput"], p["q_in"], 1e-9, f"{words}: throughput")
    power = 997.0 * p["g"] * p["q_in"] * level
    check_near(checks, results["Tsigma_total"] * p["A"], power, 1e-9, f"{words}: dissipation")
    check_near(checks, results["sigma_total"] * p["A"], power / p["T"], 1e-9, f"{words}: sigma")
    # a sum of terms of the size of RT for each mole
    scale = 1e-13 * R * p["T"] * results["J_tap"]
    check_near(checks, results["closure"], 0.0, 0.0, f"{words}: closure", scale)
    check_near(checks, results["tau_slow"], tau, 1e-6, f"{words}: tau")


def check_bathtub(args, checks, folder):
    with solve(args, checks, folder, "bathtub", BATHTUB) as results:
        p = {name: results[name] for name in BATHTUB}
        level = p["q_in"] / p["k_drain"]
        check_open_tub(results, level, p["A"] / p["k_drain"], "linear drain", checks)
    variant = '[variant]\ndrain = "torricelli"'
    with solve(args, checks, folder, "bathtub", BATHTUB, variant=variant) as results:
        p = {name: results[name] for name in BATHTUB}
        fall = (p["q_in"] / p["a_hole"]) ** 2 / (2 * p["g"])
        tau = p["A"] * np.sqrt(2 * fall / p["g"]) / p["a_hole"]
        check_open_tub(results, fall, tau, "hole", checks)
    # the same level with taps shut: nothing moves, nothing is dissipated, any level stays
    shut = {name: BATHTUB[name] for name in ("A", "h0", "g", "T")}
    fixed = ("[fixed]", "q_in = 0.0", "k_drain = 0.0")
    with solve(args, checks, folder, "bathtub", shut, fixed) as results:
        words = "taps shut"
        checks.check(np.all(results.outcome_is("equilibrium")), f"{words}: {results.counts()}")
        checks.check(np.all(results.flag_is("marginal")), f"{words}: not marginal")
        check_near(checks, results["h"], results["h0"], 1e-12, f"{words}: level")
        for name in ("throughput", "Tsigma_total", "sigma_total"):
            checks.check(np.all(results[name] == 0), f"{words}: {name} is not zero")
        checks.check(np.all(np.isinf(results["tau_slow"])), f"{words}: tau_slow is finite")


def check_bathtub_map(args, checks, folder):
    """The shipped map: one level, held for nothing on the edge and by a flux everywhere else."""
    done = harness.run(
        args.nessmap, "run", harness.CONFIGS / "bathtub.toml", "-o", folder / "map.nc", "--quiet",
        *harness.sets(**{"output.precision": '"f64"'}),
    )
    checks.check(done.returncode == 0, f"bathtub.toml: {done.stderr.strip()}")
    with harness.Results(folder / "map.nc") as results:
        shut, level, start = results["q_in"] == 0, results["h"], results["h0"]
        checks.check(np.sum(shut) == 1, "bathtub.toml: the tap is never shut")
        checks.check(
            np.all(results.outcome_is("equilibrium")[:, shut])
            and np.all(results.outcome_is("ness")[:, ~shut]),
            f"bathtub.toml: {results.counts()}",
        )
        check_near(checks, level[:, shut][:, 0], start, 1e-12, "bathtub.toml: kept level")
        check_near(checks, level[:, ~shut], 0.5, 1e-9, "bathtub.toml: level of the open tub")
        heat = 997.0 * 9.80665 * 0.5 / 298.15 * results["q_in"]
        check_near(
            checks, results["sigma_total"], np.broadcast_to(heat, level.shape), 1e-9,
            "bathtub.toml: sigma", 1e-300,
        )


# --- na_bath --------------------------------------------------------------------------------------


def bern(u):
    return np.where(np.abs(u) < 1e-8, 1 - u / 2, u / np.expm1(np.where(u == 0, 1.0, u)))


class Leak:
    """What the leak of each set can bring in, and how steep it is."""

    def __init__(self, results):
        p = {name: results[name] for name in (*NA_BATH, "ell") if name in results}
        self.RT, u = R * p["T"], F * p["V_hold"] / (R * p["T"])
        self.influx = p["P_Na"] * p["Na_o"] * bern(u)
        self.slope = p["P_Na"] * bern(-u)
        self.nernst = p["Na_o"] * np.exp(-u)
        self.p = p


def check_held(results, where, leak, words, checks):
    """A pumped cell: below its Nernst value, paid for by fuel, all useful work lost in the leak."""
    p = {name: values[where] for name, values in leak.p.items() if np.shape(values)}
    RT, influx = leak.RT[where], leak.influx[where]
    take = lambda name: results[name][where]
    checks.check(np.all(results.outcome_is("ness")[where]), f"{words}: {results.counts()}")
    checks.check(np.all(take("Na_i") < leak.nernst[where]), f"{words}: not below Nernst")
    # near its stall a reversible pump turns much more than it moves
    way = influx + 3 * (take("Jout_pump") + take("Jin_pump"))
    pumped = -3 * take("J_pump")
    check_near(checks, take("J_leak_Na"), pumped, 1e-9, f"{words}: balance", 1e-12 * way)
    check_near(checks, take("P_ATP"), -take("J_pump") * p["dG_ATP"], 1e-12, f"{words}: fuel power")
    scale = 1e-9 * take("P_ATP") + 1e-12 * RT * way
    for left, right in (("Tsigma_total", "P_ATP"), ("W_pump", "Tsigma_leak_Na")):
        check_near(checks, take(left), take(right), 0.0, f"{words}: {left} = {right}", scale)
    # which way the cycle could run by itself: -dG + 3 dmu; near that balance either answer is right
    force = -p["dG_ATP"] + 3 * take("dmu_Na")
    sure = np.abs(force) > 1e-6 * RT
    checks.check(
        np.all((results.flag_is("second_law_violated")[where] == (force < 0))[sure]),
        f"{words}: second_law_violated where the pump need not be pushed",
    )


def check_na_bath(args, checks, folder):
    def run(pump, ranges=NA_BATH, lines=()):
        return solve(
            args, checks, folder, "na_bath", ranges, lines, f'[variant]\npump = "{pump}"'
        )

    with run("const") as results:
        leak = Leak(results)
        wanted = (leak.influx - 3 * leak.p["r"]) / leak.slope
        lives = wanted > 0
        empty = results.outcome_is("no_steady_state_depletion")
        n_empty = np.sum(~lives)
        checks.check(np.all(empty == ~lives), f"const: {results.counts()}, {n_empty} run out")
        share = np.mean(lives)
        checks.check(0.1 < share < 0.9, f"const: {share} of the sets have a state")
        loss = leak.influx[lives] / leak.slope[lives]
        check_near(checks, results["Na_i"][lives], wanted[lives], 1e-9, "const: Na_i", 1e-12 * loss)
        check_held(results, lives, leak, "const", checks)
    with run("linear") as results:
        leak = Leak(results)
        wanted = leak.influx / (leak.slope + 3 * leak.p["r_linear"])
        every = np.ones(wanted.shape, bool)
        check_near(checks, results["Na_i"], wanted, 1e-9, "linear: Na_i")
        tau = 1e-6 / (leak.slope + 3 * leak.p["r_linear"])
        check_near(checks, results["tau_slow"], tau, 1e-6, "linear: tau")
        check_held(results, every, leak, "linear", checks)
    for pump in ("mm3", "rev"):
        with run(pump) as results:
            leak = Leak(results)
            Na, p = results["Na_i"], leak.p
            rate = p["r"] * (Na / (p["K_Na"] + Na)) ** 3
            if pump == "rev":
                rate *= np.tanh(0.5 * (-p["dG_ATP"] / leak.RT + 3 * np.log(Na / leak.nernst)))
                checks.check(not np.any(results.flag_is("second_law_violated")), "rev: second law")
            check_near(checks, results["J_pump"], rate, 1e-8, f"{pump}: rate", 1e-11 * leak.influx)
            check_held(results, np.ones(Na.shape, bool), leak, pump, checks)
    # without fuel: the Nernst value, whatever pump and leak; so too where nothing pumps
    no_fuel = {name: NA_BATH[name] for name in NA_BATH if name != "dG_ATP"}
    no_pump = {name: NA_BATH[name] for name in NA_BATH if name != "r"}
    for pump, ranges, fixed in (("rev", no_fuel, "dG_ATP = 0.0"), ("const", no_pump, "r = 0.0")):
        with run(pump, ranges, ("[fixed]", fixed)) as results:
            words, leak = f"{pump}, {fixed}", Leak(results)
            checks.check(np.all(results.outcome_is("equilibrium")), f"{words}: {results.counts()}")
            check_near(checks, results["Na_i"], leak.nernst, 1e-9, f"{words}: Na_i")
            scale = 1e-11 * leak.influx
            check_near(checks, results["J_leak_Na"], 0.0, 0.0, f"{words}: leak", scale)
            checks.check(np.all(results["Jin_leak_Na"] > 0), f"{words}: no exchange")


def check_na_bath_maps(args, checks, folder):
    for name in ("na_bath", "na_bath_depletion"):
        output = folder / f"{name}.nc"
        done = harness.run(
            args.nessmap, "run", harness.CONFIGS / f"{name}.toml", "-o", output, "--quiet",
            *harness.sets(**{"output.precision": '"f64"'}),
        )
        checks.check(done.returncode == 0, f"{name}.toml: {done.stderr.strip()}")
        with harness.Results(output) as results:
            if name == "na_bath":
                fuel = results["dG_ATP"] < 0
                Na = results["Na_i"]
                checks.check(
                    np.all(results.outcome_is("equilibrium")[~fuel, :])
                    and np.all(results.outcome_is("ness")[fuel, :]),
                    f"{name}.toml: {results.counts()}",
                )
                # plenty of fuel saturates the pump: there Na_i no longer depends on it
                checks.check(
                    np.all(np.diff(Na, axis=0) > -1e-12 * Na[1:]),
                    f"{name}.toml: less fuel holds more",
                )
                nernst = np.broadcast_to(results["Na_nernst"], Na.shape)[~fuel]
                check_near(checks, Na[~fuel], nernst, 1e-9, f"{name}.toml: no fuel")
                continue
            u = -0.06 * F / (R * 310.15)
            highest = results["P_Na"][:, None] * 145.0 * bern(u) / 3
            over = results["r"][None, :] > highest
            checks.check(
                np.array_equal(results.outcome_is("no_steady_state_depletion"), over)
                and np.array_equal(results.outcome_is("ness"), ~over),
                f"{name}.toml: {results.counts()}, {np.sum(over)} over-pumped",
            )


# --- schlogl --------------------------------------------------------------------------------------


def real_roots(k1a, k1m, k2, k2mb):
    """Roots of k1m x^3 - k1a x^2 + k2 x - k2mb, rising, NaN for those that are not real.

    Also how far each set lies inside (+) or outside (-) the cusp, relative.
    """
    a, b, c = k1a / k1m, k2 / k1m, k2mb / k1m
    p, q = b - a * a / 3, a * b / 3 - 2 * a**3 / 27 - c
    inside, outside = -4 * p**3, 27 * q * q
    depth = (inside - outside) / (np.abs(inside) + outside)
    roots = np.full((3, *np.shape(a)), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        size = 2 * np.sqrt(np.maximum(-p, 0) / 3)
        angle = np.arccos(np.clip(3 * q / (p * size), -1, 1)) / 3
        for k in range(3):
            x = size * np.cos(angle - 2 * np.pi * (2 - k) / 3) + a / 3
            roots[k] = np.where(depth > 0, x, np.nan)
        whole = np.sqrt(np.maximum(q * q / 4 + p**3 / 27, 0))
        far = -q / 2 + np.where(q < 0, whole, -whole)  # the sum without cancellation
        one = np.cbrt(far) - p / (3 * np.cbrt(far)) + a / 3
    roots[0] = np.where(depth > 0, roots[0], one)
    roots = np.sort(roots, axis=0)
    for _ in range(4):  # polish
        slope = 3 * roots**2 - 2 * a * roots + b
        roots = roots - (roots * (roots * (roots - a) + b) - c) / slope
    return np.sort(roots, axis=0), depth


def check_states(results, ranges, words, checks):
    """The state of each set is a stable root of its cubic, and `starts` says how many there are."""
    k = [results[name] for name in ranges]
    k = [np.broadcast_to(values, results.outcome.shape) for values in k]
    roots, depth = real_roots(*k)
    sure = np.abs(depth) > 1e-6  # on the edge of the cusp itself two states merge
    x, n, two = results["x"], results["n_states"], depth > 0
    checks.check(np.all((results.has_values())[sure]), f"{words}: {results.counts()}")
    # who starts on the unstable root stays there, and is told so
    stays = results.outcome_is("unstable")
    start = results["x_start"] * np.sqrt(k[2] / (3 * k[1]))
    checks.check(
        np.all(np.abs(start / roots[1] - 1)[stays] < 0.01), f"{words}: unstable far from the start"
    )
    with np.errstate(invalid="ignore"):
        error = np.nanmin(np.abs(roots[[0, 2]] / x - 1), axis=0)
        error = np.where(stays, np.abs(roots[1] / x - 1), error)
    far = np.abs(depth) > 1e-3  # roots of a cubic are sharp only there
    checks.check(np.max(error[far]) < 1e-9, f"{words}: x is {np.max(error[far]):.1e} off")
    checks.check(np.all(n[sure & ~two] == 1), f"{words}: two states where there is one root")
    checks.check(
        np.all(results.flag_is("multistable") == (n == 2)), f"{words}: flag and n_states differ"
    )
    found = np.mean(n[sure & two] == 2)
    print(f"  {words}: {np.sum(sure & two)} sets inside the cusp, both states found in {found:.4%}")
    checks.check(np.sum(two) > 100 and found > 0.995, f"{words}: both states found in {found:.3%}")
    affinity = np.log(k[0] * k[2] / (k[1] * k[3]))
    power = results["sigma_total"] / R
    way = results["Jout_R1"] + results["Jin_R1"] + results["Jout_R2"] + results["Jin_R2"]
    check_near(
        checks,
        power[far],
        (results["J_R2"] * affinity)[far],
        1e-9,
        f"{words}: sigma = J A",
        1e-12 * way[far],
    )
    balanced = results.outcome_is("equilibrium")
    checks.check(not np.any(balanced & (depth >= 0)), f"{words}: equilibrium inside the cusp")
    checks.check(
        np.array_equal(balanced, np.abs(affinity) < 1e-9), f"{words}: equilibrium off its line"
    )


def check_schlogl(args, checks, folder):
    solver = ("[solver]", "starts = 16")
    with solve(args, checks, folder, "schlogl", SCHLOGL, solver) as results:
        check_states(results, SCHLOGL, "random", checks)
    output = folder / "schlogl.nc"
    done = harness.run(
        args.nessmap, "run", harness.CONFIGS / "schlogl.toml", "-o", output, "--quiet",
        *harness.ALL_OUTPUTS,
    )
    checks.check(done.returncode == 0, f"schlogl.toml: {done.stderr.strip()}")
    with harness.Results(output) as results:
        grid = {name: results[name] for name in ("k1a", "k2mb")}
        mesh = dict(zip(grid, np.meshgrid(*grid.values(), indexing="ij")))
        view = Gridded(results, mesh)
        check_states(view, SCHLOGL, "schlogl.toml", checks)
        n_line = np.sum(results.outcome_is("equilibrium"))
        checks.check(n_line == 91, f"schlogl.toml: {n_line} points on the line, not 91")


def check_follow(args, checks, folder):
    """Following ends where Newton does if there is one state, else in the basin of its start."""
    mode = ("[solver]", 'mode = "follow"')
    for model, ranges, state, variants in (
        ("bathtub", BATHTUB, "h", ("linear", "torricelli")),
        ("na_bath", NA_BATH, "Na_i", ("rev", "mm3", "linear", "const")),
    ):
        for choice in variants:
            variant = f'[variant]\n{"drain" if model == "bathtub" else "pump"} = "{choice}"'
            by_auto = solve(args, checks, folder, model, ranges, variant=variant)
            followed = solve(args, checks, folder, model, ranges, mode, variant)
            words = f"{model} {choice} followed"
            checks.check(
                np.array_equal(by_auto.outcome, followed.outcome), f"{words}: outcomes differ"
            )
            valued = by_auto.has_values()
            # a pump near depletion leaves a small difference of large fluxes
            loss = 1e-12 * followed["Na_nernst"][valued] if model == "na_bath" else 0.0
            check_near(checks, followed[state][valued], by_auto[state][valued], 1e-8, words, loss)
    with solve(args, checks, folder, "schlogl", SCHLOGL, mode) as results:
        k = [results[name] for name in SCHLOGL]
        roots, depth = real_roots(*k)
        start = results["x_start"] * np.sqrt(k[2] / (3 * k[1]))
        clear = (depth > 1e-3) & (np.abs(start / roots[1] - 1) > 0.01)
        wanted = np.where(start < roots[1], roots[0], roots[2])
        words = "schlogl followed: its own basin"
        check_near(checks, results["x"][clear], wanted[clear], 1e-9, words)


class Gridded:
    """Results whose axes have a value at each point."""

    def __init__(self, results, mesh):
        self.results, self.mesh = results, mesh

    def __getattr__(self, name):
        return getattr(self.results, name)

    def __getitem__(self, name):
        return self.mesh[name] if name in self.mesh else self.results[name]


def run_checks(args, checks):
    for part in (
        check_bathtub,
        check_bathtub_map,
        check_na_bath,
        check_na_bath_maps,
        check_schlogl,
        check_follow,
    ):
        with harness.scratch() as name:
            part(args, checks, pathlib.Path(name))


def test_models_baths():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
