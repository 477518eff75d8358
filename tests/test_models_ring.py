"""driven_cycle with its fuel held and unplugged: closed forms over random sets, and the way down in time.

python tests/test_models_ring.py --nessmap build/nessmap [--full]
"""

import pathlib

import golden_map
import harness
import numpy as np
from test_models_paths import Scan, check_outcomes, check_size, scan_text

N_FAST, N_FULL = 10_000, 1_000_000
N_FOLLOWED = 1_000
N_COURSES = 12
R = golden_map.R
RATES = ("k1f", "k1r", "k2f", "k2r")
OUTPUTS = ["A", "B", "F", "W", "Q", "Q_over_K1", "W_over_F", "affinity", "P_held", "closure"]
OUTPUTS += [f"{family}_R{k}" for family in ("J", "Jout", "Jin", "A", "Tsigma") for k in "12"]
OUTPUTS += ["Tsigma_total", "tau_slow"]


def random_sets():
    random = {name: ("loguniform", 1e-3, 1e3) for name in (*RATES, "F_c", "W_c", "C_tot")}
    return random | {"T": ("uniform", 273.15, 323.15)}


def scan(args, checks, n, fuel, mode="auto"):
    lines = f'[variant]\nfuel = "{fuel}"\n'
    return Scan(args, checks, scan_text("driven_cycle", n, random_sets(), lines, OUTPUTS, mode))


def check_held(checks, what, s, n):
    """A turning ring: closed forms of the state, and affinity x flux is what is dissipated and paid."""
    check_outcomes(checks, what, s, n, "ness")
    f2, r2 = s["k2f"] * s["F_c"], s["k2r"] * s["W_c"]
    rates = s["k1f"] + s["k1r"] + f2 + r2
    RT = R * s["T"]
    x = np.log(s["k1f"] * f2 / (s["k1r"] * r2))
    J = s["C_tot"] * (s["k1r"] * r2 / rates) * np.expm1(x)
    for name, exact in (
        ("A", s["C_tot"] * (s["k1r"] + f2) / rates),
        ("B", s["C_tot"] * (s["k1f"] + r2) / rates),
        ("Q_over_K1", (1 + r2 / s["k1f"]) / (1 + f2 / s["k1r"])),
        ("F", s["F_c"]),
        ("W", s["W_c"]),
    ):
        check_size(checks, f"{what}: {name}", s[name] / exact - 1, 1e-11)
    check_size(checks, f"{what}: tau", s["tau_slow"] * rates - 1, 1e-6)
    check_size(checks, f"{what}: affinity / RT", s["affinity"] / RT - x, 1e-12)
    way = sum(s[f"{family}_R{k}"] for family in ("Jout", "Jin") for k in "12")
    for k in "12":
        check_size(checks, f"{what}: J_R{k}", (s[f"J_R{k}"] - J) / way, 1e-12)
    forces = s["A_R1"] + s["A_R2"] - s["affinity"]
    check_size(checks, f"{what}: both forces make the affinity / RT", forces / RT, 1e-11)
    scale = RT * way * (1 + np.abs(x))
    for name in ("Tsigma_total", "P_held"):
        check_size(checks, f"{what}: {name} = J A", (s[name] - J * s["affinity"]) / scale, 1e-12)
    check_size(checks, f"{what}: closure", s["closure"] / scale, 1e-13)
    # Q < K1 where the ring turns forwards, and only there
    turns = np.abs(x) > 1e-6
    agrees = (s["Q_over_K1"] < 1) == (x > 0)
    checks.check(np.all(agrees[turns]), f"{what}: Q on the wrong side of K1")


def check_unplugged(checks, what, s, n):
    """Nobody renews the fuel: Q = K1, W/F = K1 K2, and nothing is dissipated."""
    check_outcomes(checks, what, s, n, "equilibrium")
    K1, K2 = s["k1f"] / s["k1r"], s["k2f"] / s["k2r"]
    fuel = s["F_c"] + s["W_c"]
    for name, exact in (
        ("A", s["C_tot"] / (1 + K1)),
        ("B", s["C_tot"] / (1 + 1 / K1)),
        ("F", fuel / (1 + K1 * K2)),
        ("W", fuel / (1 + 1 / (K1 * K2))),
        ("Q", K1),
        ("Q_over_K1", 1.0),
        ("W_over_F", K1 * K2),
    ):
        check_size(checks, f"{what}: {name}", s[name] / exact - 1, 1e-9)
    check_size(checks, f"{what}: affinity / RT", s["affinity"] / R / s["T"], 1e-9)
    way = sum(s[f"{family}_R{k}"] for family in ("Jout", "Jin") for k in "12")
    for k in "12":
        check_size(checks, f"{what}: J_R{k}", s[f"J_R{k}"] / way, 1e-10)
    check_size(checks, f"{what}: dissipation", s["Tsigma_total"] / (R * s["T"] * way), 1e-12)
    check_size(checks, f"{what}: supplied power", s["P_held"] / (R * s["T"] * way), 1e-9)


def course_of(args, checks, folder, values, times):
    done = harness.run(
        args.nessmap,
        "trace",
        "--model",
        "driven_cycle",
        *harness.sets(**{"variant.fuel": "finite"}, **{k: repr(v) for k, v in values.items()}),
        "--times",
        ",".join(repr(float(t)) for t in times),
        "--rtol",
        "1e-9",
        "-o",
        "course.nc",
        cwd=folder,
    )
    checks.check(done.returncode == 0, f"trace: exit {done.returncode}, {done.stderr.strip()}")
    with harness.netCDF4.Dataset(folder / "course.nc") as file:
        return {name: np.array(variable[...]) for name, variable in file.variables.items()}


def check_way_down(args, checks, folder):
    """Much fuel for a small ring: after the first moments it turns as if held, slower and slower, and sigma = J A / T."""
    random = np.random.default_rng(7)
    worst = 0.0
    for i in range(N_COURSES):
        values = dict(zip(RATES, (float(x) for x in np.exp(random.uniform(-1, 1, 4)))))
        values |= {"F_c": 100.0, "W_c": 1.0, "C_tot": 0.01, "T": 298.15}
        K1, K2 = values["k1f"] / values["k1r"], values["k2f"] / values["k2r"]
        if i % 2:  # and as much waste, which turns it backwards
            values |= {"F_c": 0.01 / (K1 * K2), "W_c": 100.0}
        all_fuel = values["F_c"] + values["W_c"]
        # S of the ring is at most this; near the end fuel decays at the rate C (k1f k2f + k1r k2r) / S
        rates = values["k1f"] + values["k1r"] + (values["k2f"] + values["k2r"]) * all_fuel
        turns = values["k1f"] * values["k2f"] + values["k1r"] * values["k2r"]
        slow = rates / (values["C_tot"] * turns)
        s = course_of(args, checks, folder, values, np.geomspace(100.0, 60 * slow, 200))
        what = f"unplugged course {i}"
        sign = -1.0 if i % 2 else 1.0
        RT = R * values["T"]
        gap = np.abs(np.log(s["Q_over_K1"]))
        for name, falling in (
            ("J_R2", sign * s["J_R2"]),
            ("affinity", sign * s["affinity"]),
            ("Q against K1", gap),
            ("sigma", s["sigma_total"]),
        ):
            rest = (
                1e-7 * falling[0]
            )  # where it has nearly come to rest, rounding and steps go both ways
            moving = falling[1:] > rest
            checks.check(np.all(np.diff(falling)[moving] < 0), f"{what}: {name} does not fall")
            checks.check(falling[0] > 0 and abs(falling[-1]) < rest, f"{what}: {name} does not end")
        moving = sign * s["affinity"] > 1e-3 * RT
        product = s["J_R2"] * s["affinity"] / values["T"]
        apart = np.abs(s["sigma_total"] / product - 1)[moving]
        worst = max(worst, float(np.max(apart)))
        check_size(checks, f"{what}: F + W", (s["F"] + s["W"]) / all_fuel - 1, 1e-9)
        check_size(checks, f"{what}: A + B", (s["A"] + s["B"]) / values["C_tot"] - 1, 1e-9)
        check_size(checks, f"{what}: end, W/F", s["W_over_F"][-1] / (K1 * K2) - 1, 1e-6)
        check_size(checks, f"{what}: end, Q", s["Q"][-1] / K1 - 1, 1e-6)
    # the ring holds 1e-4 of the fuel: that is how far its two steps can differ in flux
    print(f"  {N_COURSES} courses: sigma against J A / T differs by {worst:.1e}")
    checks.check(worst < 1e-2, f"sigma against J A / T differs by {worst:.1e}")


def check_map(args, checks, folder):
    done = harness.run(
        args.nessmap,
        "run",
        harness.CONFIGS / "driven_cycle_unplugged.toml",
        "-o",
        folder / "map.nc",
        "--quiet",
        *harness.ALL_OUTPUTS,
    )
    checks.check(done.returncode == 0, f"driven_cycle_unplugged.toml: {done.stderr.strip()}")
    with harness.Results(folder / "map.nc") as s:
        words = "driven_cycle_unplugged.toml"
        checks.check(np.all(s.outcome_is("equilibrium")), f"{words}: {s.counts()}")
        check_size(checks, f"{words}: Q", s["Q"] - 1, 1e-10)
        check_size(checks, f"{words}: W/F", s["W_over_F"] / s["k2f"][:, None] - 1, 1e-10)


def run_checks(args, checks):
    n = N_FULL if args.full else N_FAST
    few = min(n, N_FOLLOWED)
    check_held(checks, "held", scan(args, checks, n, "held"), n)
    check_held(checks, "held, followed", scan(args, checks, few, "held", "follow"), few)
    check_unplugged(checks, "unplugged", scan(args, checks, n, "finite"), n)
    followed = scan(args, checks, few, "finite", "follow")
    check_unplugged(checks, "unplugged, followed", followed, few)
    with harness.scratch() as name:
        check_way_down(args, checks, pathlib.Path(name))
        check_map(args, checks, pathlib.Path(name))


def test_models_ring():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
