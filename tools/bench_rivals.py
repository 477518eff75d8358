#!/usr/bin/env python3
"""SciPy, or diffrax and optimistix on the CPU, beside nessmap (tools/bench runs this): the same sets, start and residual.

    python3 tools/bench_rivals.py scipy|jax --sets FILE --names NAMES [--scale S] [--only TEXT]

FILE is what nessmap_bench exports: doubles [names + 6 states + margin][n]. Each contestant is judged once by the residual
of tools/gpu_rivals.py against the exact states; then each line "round" on the standard input runs all of them once and
tells the process CPU time in lines of JSON. Exit 77 with one sentence where a package is missing.

SciPy integrates (N_Na/N_X, N_K/N_X, ell/ell_0, F V/RT), Cl by conservation of charge, as nessmap_bench's CVODE does; its
root finder works on logarithms with the analytic Jacobian. JAX: jit(vmap(solve)), float64, compiled before the first round.
All begin at nessmap's declared start, but for those that say otherwise.
"""

import argparse
import json
import math
import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import gpu_rivals as cell  # noqa: E402

R, F = cell.R, cell.F
LONG, FIVE_HOURS = 1e7, 5 * 3600.0  # [s]


def declared_start(xp, p, share_K=0.05):
    """Concentrations and F V/RT: 30 % of the osmolarity is impermeant, missing charge is added as Na+."""
    pi_o = p["Na_o"] + p["K_o"] + cell.FIXED["Cl_o"] + p["Y_o"]
    X = 0.3 * pi_o
    Cl = xp.maximum(0.5 * (pi_o - (1.0 + p["z_X"]) * X) + p["z_X"] * X, 0.01 * pi_o)
    cations = xp.maximum(Cl - p["z_X"] * X, 0.01 * pi_o)
    v = 0.0 * pi_o - 0.06 * F / (R * cell.FIXED["T"])
    Na, K = (1.0 - share_K) * cations, share_K * cations
    charge = cell.FIXED["C_m"] * v * R * cell.FIXED["T"] / F / F * X / p["N_X"]
    return Na + xp.maximum(charge - (Na + K - Cl + p["z_X"] * X), 0.0), K, Cl, X, v


def living_start(xp, p):
    return declared_start(xp, p, 0.9)


# --- SciPy ------------------------------------------------------------------------------------------------------------


class OneCell:
    """The equations of one set in plain Python floats."""

    def __init__(self, p, np):
        fixed = cell.FIXED
        self.__dict__.update(p)
        self.RT = R * fixed["T"]
        self.L = self.RT / F**2
        self.Cl_o, self.kappa_r = fixed["Cl_o"], fixed["kappa_r"]
        self.pi_o = self.Na_o + self.K_o + self.Cl_o + self.Y_o
        self.charge = fixed["C_m"] * self.RT / (F * F * self.N_X)
        self.turns = self.p_max * (self.K_o / (fixed["K_K"] + self.K_o)) ** 2
        self.fuel = -self.dG_ATP / self.RT
        self.drive = 1.0 / (self.N_X * self.charge)
        self.water = self.P_f * fixed["v_w"] * 0.3 * self.pi_o / self.N_X
        self.start = [float(x) for x in declared_start(np, p)]
        self.living_start = [float(x) for x in living_start(np, p)]

    def pump(self, Na, a):
        """r, dr/dln Na, dr/da"""
        site = Na / (self.K_Na + Na)
        capacity = self.turns * site**3
        e = math.exp(-abs(a))
        below = 1.0 + self.kappa_r * e if a >= 0.0 else e + self.kappa_r
        turn = (-math.expm1(-a) if a >= 0.0 else math.expm1(a)) / below
        return capacity * turn, 3.0 * capacity * turn * (1.0 - site), capacity * (1.0 + self.kappa_r) * e / below**2

    def rates(self, t, y):
        n, k, length, v = y
        n_Cl = n + k + self.z_X - self.charge * v
        X = 0.3 * self.pi_o / length
        if min(n, k, n_Cl, length) <= 0.0:
            return [math.nan] * 4
        Na, K, Cl = n * X, k * X, n_Cl * X
        x_Na, x_K, x_Cl = math.log(Na / self.Na_o) + v, math.log(K / self.K_o) + v, math.log(Cl / self.Cl_o) - v
        r = self.pump(Na, self.fuel + 3.0 * x_Na - 2.0 * x_K)[0]
        J_Na, J_K, J_Cl = self.g_Na * self.L * x_Na + 3.0 * r, self.g_K * self.L * x_K - 2.0 * r, self.g_Cl * self.L * x_Cl
        return [-J_Na / self.N_X, -J_K / self.N_X, self.water * (Na + K + Cl + X - self.pi_o), -self.drive * (J_Na + J_K - J_Cl)]

    def balances(self, u):
        """Five balances and their Jacobian in (ln Na, ln K, ln Cl, ln X, v)."""
        try:
            Na, K, Cl, X = (math.exp(w) for w in u[:4])
        except OverflowError:
            return [1e30] * 5, [[float(i == j) for j in range(5)] for i in range(5)]
        v = u[4]
        x_Na, x_K = u[0] - math.log(self.Na_o) + v, u[1] - math.log(self.K_o) + v
        r, r_Na, r_a = self.pump(Na, self.fuel + 3.0 * x_Na - 2.0 * x_K)
        c, d, s = 3.0 / (self.g_Na * self.L), -2.0 / (self.g_K * self.L), 1.0 / self.pi_o
        q = self.charge * X
        r_Na += 3.0 * r_a
        B = [x_Na + c * r, x_K + d * r, u[2] - math.log(self.Cl_o) - v, (Na + K + Cl + X) * s - 1.0,
             (Na + K - Cl + self.z_X * X - q * v) * s]
        J = [[1.0 + c * r_Na, -2.0 * c * r_a, 0.0, 0.0, 1.0 + c * r_a], [d * r_Na, 1.0 - 2.0 * d * r_a, 0.0, 0.0, 1.0 + d * r_a],
             [0.0, 0.0, 1.0, 0.0, -1.0], [Na * s, K * s, Cl * s, X * s, 0.0],
             [Na * s, K * s, -Cl * s, (self.z_X * X - q * v) * s, -q * s]]
        return B, J

    def states(self, Na, K, Cl, X, v):
        return [Na, K, Cl, X, self.N_X / X, v * self.RT / F]


def integrate(scipy_integrate, one, method, rtol, atol, until):
    Na, K, _, X, v = one.start
    found = scipy_integrate.solve_ivp(one.rates, (0.0, until), [Na / X, K / X, 1.0, v], method=method, rtol=rtol, atol=atol)
    n, k, length, v = (float(x) for x in found.y[:, -1])
    X = 0.3 * one.pi_o / length
    if found.status != 0:
        return [math.nan] * 6
    return one.states(n * X, k * X, (n + k + one.z_X - one.charge * v) * X, X, v)


def find_root(scipy_optimize, one, start):
    Na, K, Cl, X, v = start
    u = [math.log(Na), math.log(K), math.log(Cl), math.log(X), v]
    found = scipy_optimize.root(one.balances, u, jac=True, method="hybr", tol=1e-13)
    try:
        return one.states(*(math.exp(w) for w in found.x[:4]), float(found.x[4]))
    except (OverflowError, ZeroDivisionError):
        return [math.nan] * 6


def scipy_contestants(np, p):
    import scipy
    import scipy.integrate
    import scipy.optimize

    def each(solve):
        def make(n):
            cells = [OneCell({name: float(column[i]) for name, column in p.items()}, np) for i in range(n)]
            return lambda: np.array([solve(one) for one in cells]).T

        return make

    def ode(method, rtol, atol, until):
        return each(lambda one: integrate(scipy.integrate, one, method, rtol, atol, until))

    versions = {"scipy": scipy.__version__, "numpy": np.__version__}
    return versions, [
        ("SciPy LSODA rtol 1e-6 to 1e7 s", ode("LSODA", 1e-6, 1e-9, LONG), 40),
        ("SciPy BDF rtol 1e-6 to 1e7 s", ode("BDF", 1e-6, 1e-9, LONG), 20),
        ("SciPy LSODA rtol 1e-6 to 5 h (the usual recipe)", ode("LSODA", 1e-6, 1e-9, FIVE_HOURS), 40),
        ("SciPy root hybr, log variables", each(lambda one: find_root(scipy.optimize, one, one.start)), 500),
        ("SciPy root hybr, log variables, start 90 % K", each(lambda one: find_root(scipy.optimize, one, one.living_start)), 500),
    ]


# --- JAX --------------------------------------------------------------------------------------------------------------


def jax_contestants(np, p):
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    import diffrax
    import jax
    import optimistix

    jax.config.update("jax_enable_x64", True)

    def batched(make_solver, start):
        def make(n):
            cell.start_state = start
            some = {name: jax.numpy.asarray(column[:n]) for name, column in p.items()}
            solve = jax.jit(jax.vmap(make_solver())).lower(some).compile()
            return lambda: np.asarray(jax.block_until_ready(solve(some))).T

        return make

    def optimistix_newton():
        return cell.make_optimistix(jax, "Newton")

    def diffrax_polished():
        return cell.make_diffrax(jax, 1e-4, 1e-3, True)

    def diffrax_alone():
        return cell.make_diffrax(jax, 1e-6, cell.DEMANDED, False)

    versions = {"jax": jax.__version__, "diffrax": diffrax.__version__, "optimistix": optimistix.__version__}
    return versions, [
        ("optimistix Newton, log variables", batched(optimistix_newton, declared_start), 4096),
        ("optimistix Newton, log variables, start 90 % K", batched(optimistix_newton, living_start), 4096),
        ("JAX, nessmap's damped Newton", batched(lambda: cell.make_jax_newton(jax), declared_start), 4096),
        ("diffrax Kvaerno5 rtol 1e-4, to 1e-3, polish", batched(diffrax_polished, declared_start), 256),
        ("diffrax Kvaerno5 rtol 1e-6, to 1e-10", batched(diffrax_alone, declared_start), 256),
    ]


# --- rounds -----------------------------------------------------------------------------------------------------------


def tell(**line):
    print(json.dumps(line), flush=True)


def serve(np, kind, p, exact, margin, scale, only):
    versions, offered = (scipy_contestants if kind == "scipy" else jax_contestants)(np, p)
    tell(versions=versions)
    contestants = []
    for name, make, n in offered:
        if only and only not in name:
            continue
        n = min(max(1, int(scale * n)), len(margin))
        begin = time.process_time()
        try:
            run = make(n)
            made = time.process_time() - begin
            states = run()
        except Exception as error:  # a rival that fails is a result, not the end
            tell(not_run=f"{name}: {type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}")
            continue
        some = {key: column[:n] for key, column in p.items()}
        failures, wrong, worst = cell.judge(np, some, states, exact[:, :n].copy(), margin[:n])
        tell(contestant=name, sets=n, judged="states", failures=failures, wrong=wrong, worst_resid=worst, steps=0.0, made_s=made)
        contestants.append((name, n, run))
    tell(end=1)
    for line in sys.stdin:
        if line != "round\n":
            sys.exit('bench_rivals.py: the standard input knows the line "round" alone')
        for name, n, run in contestants:
            begin = time.process_time()
            run()
            tell(name=name, seconds=time.process_time() - begin, sets=n)
        tell(end=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("scipy", "jax"))
    parser.add_argument("--sets", required=True, help="the file that nessmap_bench exported")
    parser.add_argument("--names", required=True, help="its parameters, in order, separated by commas")
    parser.add_argument("--scale", type=float, default=1.0, help="of the numbers of sets")
    parser.add_argument("--only", help="contestants whose name holds this text")
    args = parser.parse_args()
    try:
        import numpy as np

        names = args.names.split(",")
        table = np.fromfile(args.sets).reshape(len(names) + 7, -1)
        column = dict(zip(names, table))
        cell.FIXED.update({name: float(column[name][0]) for name in cell.FIXED})
        p = {name: np.ascontiguousarray(column[name]) for name in cell.DRAWN}
        serve(np, args.kind, p, table[len(names) : len(names) + 6], table[-1], args.scale, args.only)
    except ImportError as missing:
        print(f"bench_rivals.py: {missing}", file=sys.stderr)
        return 77
    return 0


if __name__ == "__main__":
    sys.exit(main())
