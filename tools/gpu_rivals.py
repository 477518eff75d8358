#!/usr/bin/env python3
"""nessmap beside diffrax, optimistix and cubie: the same device, model, sets and demanded residual.

    python3 tools/gpu_rivals.py --program build/gpu_check [--backend cpu] [--sets N] [--json FILE] [--limit SECONDS]

Model A of pump_leak (tests/gpu/check_bench.c): ohmic leaks, reversible pump, capacitive membrane, 11 drawn parameters.
The sets are drawn by nessmap and given to all. What is asked of every solver: a steady state whose flux balances (Na,
K, Cl), osmotic balance and charge balance have relative residuals of at most 1e-10. The residual is computed here, in
numpy, by code that no solver uses; so is an exact reference (the reduction of the cell to one unknown, bisected).

How the rivals are run:
  - float64 (jax_enable_x64), jit(vmap(solve)), parameters and results on the device, block_until_ready; compile time is
    apart; the best of several batch sizes counts, each batch repeated and the median taken
  - only sets that have a steady state are given to them, because a solver under vmap waits for its slowest set
  - diffrax: Kvaerno5, PID controller, states (N_Na, N_K, ell, V) scaled to order one, Cl by conservation of charge, so
    that no potential is a difference of charges; it stops by an event on the residual itself. Two ways: straight to
    1e-10, or to 1e-3 and then optimistix' Newton to 1e-10 ("polished"), which is the faster and surer one
  - optimistix: Newton and Dogleg in log variables (ln Na, ln K, ln Cl, ln X, FV/RT)
  - all rivals start from a state near a living cell's, which an undamped Newton needs; nessmap does not
  - jax: nessmap's own damped Newton written in JAX, elimination of 5 x 5 unrolled: what the algorithm gives by itself
  - cubie, where it imports: kvaerno5 and rodas5p in float64 over 1e6 s, with the same states; it has no stopping event
nessmap: 1e9 sets of the same distribution drawn, solved, judged for stability and reduced on the device (wall clock).
A failure is a residual above 1e-10 or no answer; a wrong answer a residual that passes with a state that is not the
reference's (1e-6, relative, over the lysis margin).
"""

import argparse
import contextlib
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

DEMANDED = 1e-10
SAME = 1e-6
BATCH_SECONDS = 4.0  # of one repetition of a rival's measurement
R, F = 8.31446261815324, 96485.33212331001
# what model A leaves at the defaults of pump_leak
FIXED = {"T": 310.15, "Cl_o": 145.0, "v_w": 1.8e-5, "C_m": 0.01, "K_K": 1.5, "kappa_r": 1.0}
DRAWN = ("g_Na", "g_K", "g_Cl", "p_max", "K_Na", "K_o", "dG_ATP", "z_X", "N_X", "P_f", "Y_o", "Na_o")
STATES = ("Na_i", "K_i", "Cl_i", "X_i", "ell", "V")


# --- the cell, once for numpy and for jax (xp) ----------------------------------------------------------------------


def fluxes(xp, p, Na, K, Cl, v):
    """(J_Na, J_K, J_Cl, r): leaks and pump cycles, outward, mol m-2 s-1; v = F V / RT."""
    RT = R * FIXED["T"]
    L = RT / F**2
    x_Na = xp.log(Na / p["Na_o"]) + v
    x_K = xp.log(K / p["K_o"]) + v
    x_Cl = xp.log(Cl / FIXED["Cl_o"]) - v
    a = -p["dG_ATP"] / RT + 3.0 * x_Na - 2.0 * x_K
    sites = p["p_max"] * (Na / (p["K_Na"] + Na)) ** 3 * (p["K_o"] / (FIXED["K_K"] + p["K_o"])) ** 2
    e = xp.exp(-xp.abs(a))
    # (1 - e^-a) / (1 + kappa e^-a) without overflow
    turn = xp.where(a >= 0.0, -xp.expm1(-xp.abs(a)) / (1.0 + FIXED["kappa_r"] * e), xp.expm1(-xp.abs(a)) / (e + FIXED["kappa_r"]))
    return p["g_Na"] * L * x_Na, p["g_K"] * L * x_K, p["g_Cl"] * L * x_Cl, sites * turn


def balances(xp, p, Na, K, Cl, X, v):
    """The five balances and the sizes that they are relative to."""
    J_Na, J_K, J_Cl, r = fluxes(xp, p, Na, K, Cl, v)
    RT = R * FIXED["T"]
    L = RT / F**2
    pi_o = p["Na_o"] + p["K_o"] + FIXED["Cl_o"] + p["Y_o"]
    cap = FIXED["C_m"] * v * RT / F / F * X / p["N_X"]  # charge of the membrane as a concentration; ell = N_X / X
    balance = (J_Na + 3.0 * r, J_K - 2.0 * r, J_Cl, Na + K + Cl + X - pi_o, Na + K - Cl + p["z_X"] * X - cap)
    # Cl has no partner: what it is measured against is its own exchange flux
    size = (
        xp.abs(J_Na) + 3.0 * xp.abs(r),
        xp.abs(J_K) + 2.0 * xp.abs(r),
        xp.abs(J_Cl) + p["g_Cl"] * L,
        pi_o + 0.0 * Na,
        Na + K + Cl + xp.abs(p["z_X"]) * X,
    )
    return balance, size


def residual(xp, p, Na, K, Cl, X, v):
    balance, size = balances(xp, p, Na, K, Cl, X, v)
    worst = 0.0 * Na
    for b, s in zip(balance, size):
        worst = xp.maximum(worst, xp.abs(b) / xp.maximum(s, 1e-300))
    return worst


def start_state(xp, p):
    """Concentrations and v: 30 % of the osmolarity is impermeant, 90 % of the cations K.

    A cell much like a living one. Of five shares of K tried, an undamped Newton likes this one best; nessmap itself
    starts from 5 %.
    """
    pi_o = p["Na_o"] + p["K_o"] + FIXED["Cl_o"] + p["Y_o"]
    X = 0.3 * pi_o
    Cl = xp.maximum(0.5 * (pi_o - (1.0 + p["z_X"]) * X) + p["z_X"] * X, 0.01 * pi_o)
    cations = xp.maximum(Cl - p["z_X"] * X, 0.01 * pi_o)
    v = 0.0 * pi_o - 0.06 * F / (R * FIXED["T"])
    return 0.1 * cations, 0.9 * cations, Cl, X, v


# --- the exact reference, numpy ---------------------------------------------------------------------------------------


def reference(np, p):
    """(states [6][n], exists [n], margin [n]): every balance collapses onto r, the pump cycles; bisected."""
    RT = R * FIXED["T"]
    k = RT / F**2
    pi_o = p["Na_o"] + p["K_o"] + FIXED["Cl_o"] + p["Y_o"]

    def state(r):
        alpha = p["Na_o"] * np.exp(-3.0 * r / (k * p["g_Na"])) + p["K_o"] * np.exp(2.0 * r / (k * p["g_K"]))
        beta = FIXED["Cl_o"]
        z = p["z_X"].copy()
        with np.errstate(all="ignore"):
            for _ in range(12):  # the membrane's charge shifts the valence by about 1e-4
                root = np.sqrt(z * z * pi_o**2 + 4.0 * (1.0 - z * z) * alpha * beta)
                theta = np.where(z <= 0.0, (-z * pi_o + root) / (2.0 * (1.0 - z) * alpha), 2.0 * (1.0 + z) * beta / (z * pi_o + root))
                v = -np.log(theta)
                z = p["z_X"] - FIXED["C_m"] * v * RT / F / F / p["N_X"]
            X = (pi_o**2 - 4.0 * alpha * beta) / (pi_o + root)
            Na = p["Na_o"] * np.exp(-3.0 * r / (k * p["g_Na"])) * theta
            K = p["K_o"] * np.exp(2.0 * r / (k * p["g_K"])) * theta
        return Na, K, beta / theta, X, v, 1.0 - 4.0 * alpha * beta / pi_o**2

    def excess(r):
        Na, K, Cl, X, v, margin = state(r)
        with np.errstate(all="ignore"):
            return fluxes(np, p, Na, K, Cl, v)[3] - r, margin

    # the volume exists where alpha is small; alpha is least at r_least, and falls before it
    slope = np.log(3.0 * p["Na_o"] * p["g_K"] / (2.0 * p["K_o"] * p["g_Na"]))
    r_least = np.maximum(slope * k / (3.0 / p["g_Na"] + 2.0 / p["g_K"]), 0.0)
    low, high = np.zeros_like(pi_o), p["p_max"] * 1.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        f, margin = excess(middle)
        up = np.where(margin > 0.0, f > 0.0, middle < r_least)
        low, high = np.where(up, middle, low), np.where(up, high, middle)
    r = 0.5 * (low + high)
    Na, K, Cl, X, v, margin = state(r)
    f, _ = excess(r)
    exists = (margin > 0.0) & (np.abs(f) <= 1e-6 * np.maximum(r, 1e-300))
    with np.errstate(all="ignore"):
        states = np.stack([Na, K, Cl, X, p["N_X"] / X, v * RT / F])
    return states, exists, margin


def judge(np, p, found, wanted, margin):
    """(failures, wrong answers, worst residual of those that pass) of states [6][n]."""
    Na, K, Cl, X, _, V = found
    with np.errstate(all="ignore"):
        resid = residual(np, p, Na, K, Cl, X, V * F / (R * FIXED["T"]))
        scale = np.abs(wanted)
        scale[5] += R * FIXED["T"] / F
        away = np.max(np.abs(found - wanted) / scale, axis=0) * np.minimum(margin, 1.0)
    passed = resid <= DEMANDED
    wrong = passed & ~(away <= SAME)
    worst = float(np.max(resid[passed])) if passed.any() else float("nan")
    return int(np.sum(~passed)), int(np.sum(wrong)), worst


# --- nessmap ------------------------------------------------------------------------------------------------------------


def call(program, *arguments):
    done = subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr.strip() or f"{program}: exit {done.returncode}")


def our_sets(np, args):
    """({parameter: [n]}, states [6][n], outcomes [n])"""
    with tempfile.TemporaryDirectory(prefix="nessmap_rivals_") as folder:
        path = pathlib.Path(folder) / "sets.npy"
        call(args.program, "table", "pump_leak", "--model-a", args.sets, "--out", path, "--backend", args.backend,
             "--outputs", "Na_i K_i Cl_i X_i ell V")
        table = np.load(path)
        names = path.with_suffix(".npy.names").read_text().split()
    column = dict(zip(names, table))
    return {name: column[name] for name in DRAWN}, np.stack([column[name] for name in STATES]), column["outcome"]


def our_rate(args):
    """Sets a second of nessmap by the wall clock, median, and how many sets."""
    with tempfile.TemporaryDirectory(prefix="nessmap_rivals_") as folder:
        results = pathlib.Path(folder) / "results.jsonl"
        call(args.program, "part", "bench_rival", "--results", results, "--scale", args.our_scale, "--backend", args.backend)
        reports = [json.loads(line)["report"] for line in results.read_text().splitlines()]
    return statistics.median(report["rate_sets_wall"] for report in reports), reports[-1]["sets"]


# --- rivals in JAX ------------------------------------------------------------------------------------------------------


def log_balances(jnp, p, u):
    """Five balances, relative to sizes that do not vanish, in (ln Na, ln K, ln Cl, ln X, v)."""
    Na, K, Cl, X, v = jnp.exp(u[0]), jnp.exp(u[1]), jnp.exp(u[2]), jnp.exp(u[3]), u[4]
    balance, _ = balances(jnp, p, Na, K, Cl, X, v)
    RT = R * FIXED["T"]
    L = RT / F**2
    pi_o = p["Na_o"] + p["K_o"] + FIXED["Cl_o"] + p["Y_o"]
    size = (p["g_Na"] * L, p["g_K"] * L, p["g_Cl"] * L, pi_o, pi_o)
    return jnp.stack([b / s for b, s in zip(balance, size)])


def log_start(jnp, p):
    Na, K, Cl, X, v = start_state(jnp, p)
    return jnp.stack([jnp.log(Na), jnp.log(K), jnp.log(Cl), jnp.log(X), v])


def of_logs(jnp, p, u):
    X = jnp.exp(u[3])
    return jnp.stack([jnp.exp(u[0]), jnp.exp(u[1]), jnp.exp(u[2]), X, p["N_X"] / X, u[4] * R * FIXED["T"] / F])


def make_optimistix(jax, solver_name, start=log_start):
    import lineax
    import optimistix

    jnp = jax.numpy
    if solver_name == "Newton":
        solver = optimistix.Newton(rtol=1e-10, atol=1e-12, linear_solver=lineax.AutoLinearSolver(well_posed=True))
    else:
        solver = optimistix.Dogleg(rtol=1e-10, atol=1e-12)

    def solve(p):
        found = optimistix.root_find(
            lambda u, p: log_balances(jnp, p, u), solver, start(jnp, p), args=p, max_steps=100, throw=False
        )
        return of_logs(jnp, p, found.value)

    return solve


def make_jax_newton(jax):
    jnp = jax.numpy

    def eliminate(J, b):
        """Solves 5 x 5 without pivots, written out."""
        A = [[J[i, k] for k in range(5)] + [b[i]] for i in range(5)]
        for c in range(5):
            inverse = 1.0 / A[c][c]
            for i in range(c + 1, 5):
                factor = A[i][c] * inverse
                A[i] = [A[i][k] - factor * A[c][k] if k > c else A[i][k] for k in range(6)]
        x = [None] * 5
        for i in reversed(range(5)):
            x[i] = (A[i][5] - sum(A[i][k] * x[k] for k in range(i + 1, 5))) / A[i][i]
        return jnp.stack(x)

    def solve(p):
        def go_on(carry):
            _, last, n = carry
            return (last > 1e-8) & (n < 40)

        def step(carry):
            u, _, n = carry
            dx = eliminate(jax.jacfwd(lambda w: log_balances(jnp, p, w))(u), log_balances(jnp, p, u))
            largest = jnp.max(jnp.abs(dx))
            return u - dx * jnp.minimum(1.0, 1.5 / largest), largest, n + 1

        u, _, _ = jax.lax.while_loop(go_on, step, (log_start(jnp, p), jnp.inf, 0))
        return of_logs(jnp, p, u)

    return solve


def make_diffrax(jax, rtol, stop_at, polishes):
    import diffrax

    jnp = jax.numpy

    def cell(p, y):
        """Concentrations of (N_Na, N_K, ell, v), scaled by N_X, N_X and the first length; Cl by charge."""
        RT = R * FIXED["T"]
        ell = y[2] * p["N_X"] / (0.3 * (p["Na_o"] + p["K_o"] + FIXED["Cl_o"] + p["Y_o"]))
        N_Na, N_K = y[0] * p["N_X"], y[1] * p["N_X"]
        N_Cl = N_Na + N_K + p["z_X"] * p["N_X"] - FIXED["C_m"] * y[3] * RT / F / F
        return N_Na / ell, N_K / ell, N_Cl / ell, p["N_X"] / ell, y[3], ell

    def rates(t, y, p):
        RT = R * FIXED["T"]
        Na, K, Cl, X, v, ell = cell(p, y)
        J_Na, J_K, J_Cl, r = fluxes(jnp, p, Na, K, Cl, v)
        pi_o = p["Na_o"] + p["K_o"] + FIXED["Cl_o"] + p["Y_o"]
        d_ell = p["P_f"] * FIXED["v_w"] * (Na + K + Cl + X - pi_o)
        d_v = -F / FIXED["C_m"] * (J_Na + J_K - J_Cl + r) * F / RT
        return jnp.stack([-(J_Na + 3.0 * r) / p["N_X"], -(J_K - 2.0 * r) / p["N_X"], d_ell * 0.3 * pi_o / p["N_X"], d_v])

    def is_steady(t, y, args, **unused):
        Na, K, Cl, X, v, _ = cell(args, y)
        return residual(jnp, args, Na, K, Cl, X, v) < stop_at

    def integrate(p):
        Na, K, _, X, v = start_state(jnp, p)
        y0 = jnp.stack([Na / X, K / X, 1.0 + 0.0 * v, v])
        found = diffrax.diffeqsolve(
            diffrax.ODETerm(rates), diffrax.Kvaerno5(), 0.0, 1e9, 1e-4, y0, args=p, max_steps=4096, throw=False,
            saveat=diffrax.SaveAt(t1=True), event=diffrax.Event(is_steady),
            stepsize_controller=diffrax.PIDController(rtol=rtol, atol=rtol),
        )
        return cell(p, found.ys[-1])

    if polishes:

        def start(jnp, p):
            Na, K, Cl, X, v, _ = integrate(p)
            return jnp.stack([jnp.log(Na), jnp.log(K), jnp.log(Cl), jnp.log(X), v])

        return make_optimistix(jax, "Newton", start)

    def solve(p):
        Na, K, Cl, X, v, ell = integrate(p)
        return jnp.stack([Na, K, Cl, X, ell, v * R * FIXED["T"] / F])

    return solve


def time_batches(jax, np, solve, p, sizes, deadline):
    """{best batch: rate, compile, states} over batch sizes; None where there was no time for any."""
    n = len(p["Na_o"])
    best = None
    tried = []
    for size in sizes:
        size = min(size, n)
        if time.monotonic() > deadline or size in [t["batch"] for t in tried]:
            continue
        batches = [
            {name: jax.numpy.asarray(value[k : k + size]) for name, value in p.items()} for k in range(0, n - size + 1, size)
        ]
        begin = time.monotonic()
        compiled = jax.jit(jax.vmap(solve)).lower(batches[0]).compile()
        compile_seconds = time.monotonic() - begin
        jax.block_until_ready(compiled(batches[0]))  # warm
        begin = time.monotonic()
        jax.block_until_ready(compiled(batches[0]))
        one = time.monotonic() - begin
        # a slow rival is judged by fewer batches, so that five repetitions end
        batches = batches[: max(1, int(BATCH_SECONDS / one))]
        states = [jax.block_until_ready(compiled(batch)) for batch in batches]
        seconds = []
        for _ in range(5):
            begin = time.monotonic()
            jax.block_until_ready([compiled(batch) for batch in batches])
            seconds.append(time.monotonic() - begin)
            if time.monotonic() > deadline:
                break
        rate = len(batches) * size / statistics.median(seconds)
        tried.append({"batch": size, "rate": rate, "compile": compile_seconds})
        if best is None or rate > best["rate"]:
            found = np.concatenate([np.asarray(s).T for s in states], axis=1)
            best = {"batch": size, "rate": rate, "compile": compile_seconds, "states": found}
    return best and best | {"tried": tried}


def jax_rivals(jax):
    """[(name, function that makes the solver, batch sizes)]"""
    small, large = [1024, 8192, 65536], [8192, 65536, 262144]
    return [
        ("optimistix Newton, log variables", lambda: make_optimistix(jax, "Newton"), large),
        ("optimistix Dogleg, log variables", lambda: make_optimistix(jax, "Dogleg"), large),
        ("jax, nessmap's Newton", lambda: make_jax_newton(jax), large),
        ("diffrax Kvaerno5, rtol 1e-4, to 1e-3, polished", lambda: make_diffrax(jax, 1e-4, 1e-3, True), small),
        ("diffrax Kvaerno5, rtol 1e-6, to 1e-10", lambda: make_diffrax(jax, 1e-6, DEMANDED, False), small),
    ]


# --- cubie ---------------------------------------------------------------------------------------------------------------

CUBIE = [
    "ell = y_ell * N_X / (0.3 * pi_o)",
    "Na = y_Na * N_X / ell",
    "K = y_K * N_X / ell",
    "Cl = Na + K + (z_X * N_X - {cap} * y_v) / ell",
    "X = N_X / ell",
    "x_Na = log(Na / Na_o) + y_v",
    "x_K = log(K / K_o) + y_v",
    "x_Cl = log(Cl / {Cl_o}) - y_v",
    "a = -dG_ATP / {RT} + 3 * x_Na - 2 * x_K",
    "r = p_max * (Na / (K_Na + Na))**3 * (K_o / ({K_K} + K_o))**2 * tanh(a / 2)",
    "J_Na = g_Na * {L} * x_Na + 3 * r",
    "J_K = g_K * {L} * x_K - 2 * r",
    "J_Cl = g_Cl * {L} * x_Cl",
    "dy_Na = -J_Na / N_X",
    "dy_K = -J_K / N_X",
    "dy_ell = P_f * {v_w} * (Na + K + Cl + X - pi_o) * 0.3 * pi_o / N_X",
    "dy_v = -{drive} * (J_Na + J_K - J_Cl)",
]


def run_cubie(np, p, method, duration=1e6):
    """{rate, compile, states, batch}; kappa_r = 1 makes the pump's turnover tanh(a / 2)."""
    import cubie

    RT = R * FIXED["T"]
    numbers = FIXED | {"RT": RT, "L": RT / F**2, "cap": FIXED["C_m"] * RT / F / F, "drive": F / FIXED["C_m"] * F / RT}
    pi_o = p["Na_o"] + p["K_o"] + FIXED["Cl_o"] + p["Y_o"]
    sets = {name: value for name, value in p.items() if name != "Y_o"} | {"pi_o": pi_o}
    Na, K, _, X, v = start_state(np, p)
    y0 = {"y_Na": Na / X, "y_K": K / X, "y_ell": np.ones_like(v), "y_v": v}
    system = cubie.create_ODE_system(
        [line.format(**{k: repr(x) for k, x in numbers.items()}) for line in CUBIE],
        precision=np.float64,
        states={name: float(value[0]) for name, value in y0.items()},
        parameters={name: float(value[0]) for name, value in sets.items()},
    )

    def solve():
        return cubie.solve_ivp(
            system, y0=y0, parameters=sets, method=method, duration=duration, grid_type="verbatim", save_every=duration,
            output_types=["state"], rtol=1e-6, atol=1e-8, save_variables=list(y0),
        )

    begin = time.monotonic()
    solve()
    first = time.monotonic() - begin
    seconds = []
    for _ in range(3):
        begin = time.monotonic()
        result = solve()
        seconds.append(time.monotonic() - begin)
    last = np.asarray(result.state)[-1]  # [state][set] at the end, in an order of its own
    place = {name.split()[0]: number for number, name in result.time_domain_legend.items()}
    y = last[[place[name] for name in ("y_Na", "y_K", "y_ell", "y_v")]]
    ell = y[2] * p["N_X"] / (0.3 * pi_o)
    Cl = y[0] * p["N_X"] / ell + y[1] * p["N_X"] / ell + (p["z_X"] * p["N_X"] - numbers["cap"] * y[3]) / ell
    states = np.stack([y[0] * p["N_X"] / ell, y[1] * p["N_X"] / ell, Cl, p["N_X"] / ell, ell, y[3] * RT / F])
    rate = states.shape[1] / statistics.median(seconds)
    return {"rate": rate, "compile": first - statistics.median(seconds), "states": states, "batch": states.shape[1]}


# --- the whole -----------------------------------------------------------------------------------------------------------


def words(rate):
    return f"{rate:.3g}"


def row_of(np, name, best, p, wanted, margin, ours):
    n = best["states"].shape[1]
    some = {key: value[:n] for key, value in p.items()}
    failures, wrong, worst = judge(np, some, best["states"], wanted[:, :n].copy(), margin[:n])
    return {
        "name": name,
        "rate": best["rate"],
        "ratio": ours / best["rate"],
        "batch": best["batch"],
        "compile": best["compile"],
        "sets": n,
        "failures": failures,
        "wrong": wrong,
        "worst_resid": worst,
        "tried": best.get("tried", []),
    }


def compare(args, np, jax):
    deadline = time.monotonic() + args.limit
    p, states, outcome = our_sets(np, args)
    wanted, exists, margin = reference(np, p)
    is_steady = (outcome == 0) | (outcome == 1)
    near = np.abs(margin) < 1e-9
    verdicts = int(np.sum((is_steady != exists) & ~near))
    some = is_steady & exists
    p = {name: np.ascontiguousarray(value[some]) for name, value in p.items()}
    wanted, margin, states = wanted[:, some], margin[some], states[:, some]
    ours, n_ours = our_rate(args)
    failures, wrong, worst = judge(np, p, states, wanted.copy(), margin)
    device = str(jax.devices()[0])
    rows = [
        {"name": "nessmap auto", "rate": ours, "ratio": 1.0, "batch": n_ours, "compile": 0.0, "sets": len(margin),
         "failures": failures, "wrong": wrong, "worst_resid": worst, "tried": []}
    ]
    left_out = []
    for name, make, sizes in jax_rivals(jax):
        if args.only and args.only not in name:
            continue
        if time.monotonic() > deadline:
            left_out.append(f"{name}: the time was over")
            continue
        sizes = [min(size, args.largest) for size in sizes]
        try:
            best = time_batches(jax, np, make(), p, sizes, deadline)
        except Exception as error:  # a rival that fails is a result, not the end
            left_out.append(f"{name}: {type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}")
            continue
        rows.append(row_of(np, name, best, p, wanted, margin, ours))
        print(f"{name}: {words(best['rate'])} sets/s in batches of {best['batch']}", flush=True)
    for method in ("kvaerno5", "rodas5p"):
        if args.only and args.only not in "cubie":
            continue
        try:
            # it leaves generated code where it runs
            with tempfile.TemporaryDirectory(prefix="nessmap_cubie_") as folder, contextlib.chdir(folder):
                best = run_cubie(np, p, method)
            rows.append(row_of(np, f"cubie {method}, rtol 1e-6, 1e6 s", best, p, wanted, margin, ours))
        except Exception as error:
            left_out.append(f"cubie {method}: {type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}")
    table = ["| solver | sets/s | nessmap is faster by | batch | compile, s | failures | wrong answers | worst residual |",
             "|---|---|---|---|---|---|---|---|"]
    for row in rows:
        table.append(
            f"| {row['name']} | {words(row['rate'])} | {row['ratio']:.3g} | {row['batch']} | {row['compile']:.1f} | "
            f"{row['failures']} of {row['sets']} | {row['wrong']} | {row['worst_resid']:.2g} |"
        )
    table += [""] + [f"- left out: {text}" for text in left_out]
    import importlib.metadata as metadata

    versions = {}
    for package in ("jax", "diffrax", "optimistix", "lineax", "equinox", "cubie", "numpy"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    fastest = min((row for row in rows[1:]), key=lambda row: row["ratio"], default=None)
    summary = f"{len(margin)} sets with a steady state, demanded residual {DEMANDED:g}; verdicts against the exact reduction: {verdicts} differ"
    if fastest:
        summary += f"; the fastest rival is {fastest['name']}: nessmap is {fastest['ratio']:.3g} times as fast"
    return {"summary": summary, "table": table, "rows": rows, "left_out": left_out, "device": device, "versions": versions,
            "n_verdicts_differ": verdicts, "method": __doc__}


def parse(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, required=True, help="gpu_check")
    parser.add_argument("--backend", default="cuda", choices=("cuda", "cpu"), help="of nessmap (default: cuda)")
    parser.add_argument("--sets", type=int, default=200000, help="given to every solver (default: 200000)")
    parser.add_argument("--our-scale", type=float, default=None, help="of nessmap's 1e9 sets (default: 1, on the CPU 0.003)")
    parser.add_argument("--largest", type=int, default=1 << 20, help="largest batch of a rival")
    parser.add_argument("--only", help="rivals whose name holds this text")
    parser.add_argument("--limit", type=float, default=420.0, help="seconds after which no rival is started (default: 420)")
    parser.add_argument("--json", type=pathlib.Path, help="write everything there")
    args = parser.parse_args(argv)
    if args.sets < 16:
        parser.error("--sets wants 16 or more")
    if args.our_scale is None:
        args.our_scale = 1.0 if args.backend == "cuda" else 0.003
    return args


def main(argv=None):
    args = parse(argv)
    try:
        import jax
        import numpy as np
    except ImportError as missing:
        print(f"gpu_rivals.py: {missing}; give a Python that has numpy, jax, diffrax and optimistix", file=sys.stderr)
        return 77
    jax.config.update("jax_enable_x64", True)
    found = compare(args, np, jax)
    print("\n".join(found["table"]))
    print(found["summary"])
    print(f"device of the rivals: {found['device']}")
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
