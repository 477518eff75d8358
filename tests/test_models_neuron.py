"""The laws of neuron over random sets, its thresholds by bisection, and its map against lines computed elsewhere.

python tests/test_models_neuron.py --nessmap build/nessmap [--full]
"""

import json
import pathlib
import sys

import golden_map
import golden_map_neuron
import harness
import numpy as np
from test_models_paths import check_size, scan_text

sys.path.insert(0, str(harness.ROOT / "tools"))
import neuron_boundary

N_FAST, N_FULL = 10_000, 1_000_000
N_FOLLOWED = 40
R, F = golden_map.R, golden_map.F
IONS = ("Na", "K", "Cl")
CHARGE = {"Na": 1, "K": 1, "Cl": -1}
AT_REST = [f"{ion}_{side}0" for side in "ie" for ion in IONS]
OUTPUTS = (
    ["V", "n", "n_closed", "X_i", "X_e", "P_ATP", "W_pump", "Tsigma_total", "closure", "a_max"]
    + [f"{ion}_{side}" for ion in IONS for side in "ie"]
    + [f"{family}_leak_{ion}" for family in ("J", "Jout", "Jin", "A", "Tsigma") for ion in IONS]
    + [f"{family}_{way}" for family in ("J", "Jout", "Jin", "A") for way in ("pump", "gate")]
    + ["Tsigma_pump", "I_pump", "F_mixing", "n_states", "resid", "tau_slow", "tau_fast"]
)
# wide around the starved state under a weak pump; closer around rest, which many a cell leaves firing
STARVED = {
    "T": ("uniform", 290.0, 315.0),
    "w_i": ("loguniform", 1e-15, 4e-15),
    "w_e": ("loguniform", 4e-16, 5e-15),
    "A_m": ("loguniform", 3e-10, 3e-9),
    "C_m": ("uniform", 0.005, 0.03),
    "g_NaL": ("uniform", 0.05, 0.3),
    "g_NaG": ("uniform", 200.0, 2000.0),
    "g_KL": ("uniform", 0.1, 1.0),
    "g_KG": ("uniform", 100.0, 1000.0),
    "g_Cl": ("loguniform", 0.02, 2.0),
    "phi": ("loguniform", 1000.0, 10000.0),
    "rho": ("uniform", 0.0, 0.06),
    "dG_ATP": ("uniform", -65e3, -50e3),
    "Na_i0": ("uniform", 8.0, 40.0),
    "K_i0": ("uniform", 100.0, 160.0),
    "Cl_i0": ("uniform", 3.0, 30.0),
    "Na_e0": ("uniform", 100.0, 150.0),
    "K_e0": ("uniform", 2.0, 8.0),
    "Cl_e0": ("uniform", 90.0, 150.0),
}
POLARISED = STARVED | {
    "g_NaL": ("uniform", 0.12, 0.2),
    "g_NaG": ("uniform", 700.0, 1200.0),
    "g_KL": ("uniform", 0.4, 0.8),
    "g_KG": ("uniform", 300.0, 600.0),
    "g_Cl": ("uniform", 0.1, 0.8),
    "rho": ("uniform", 0.1, 0.3),
    "Na_i0": ("uniform", 22.0, 30.0),
    "K_i0": ("uniform", 125.0, 140.0),
    "Cl_i0": ("uniform", 7.0, 13.0),
    "Na_e0": ("uniform", 115.0, 130.0),
    "K_e0": ("uniform", 3.0, 5.0),
    "Cl_e0": ("uniform", 118.0, 128.0),
}


class Scan:
    """The numbers of one run by name, in order of the points, and where each outcome is."""

    def __init__(self, args, checks, text):
        with harness.scratch() as name:
            folder = pathlib.Path(name)
            (folder / "scan.toml").write_text(text)
            done = harness.run(
                args.nessmap, "run", "scan.toml", "-o", "out.nc", "--quiet", cwd=folder
            )
            checks.check(done.returncode == 0, f"exit {done.returncode}: {done.stderr.strip()}")
            with harness.Results(folder / "out.nc") as results:
                shape = results.outcome.shape
                self.values = {n: results[n] for n in results.names() if results[n].shape == shape}
                self.counts = results.counts()
                self.is_ness = results.outcome_is("ness")
                self.is_multistable = results.flag_is("multistable")

    def __getitem__(self, name):
        return self.values[name]


def golden_parameters(kind):
    path = harness.ROOT / "tests" / "golden" / "neuron.json"
    golden = json.loads(path.read_text())
    case = next(c for c in golden["cases"] if c["kind"] == kind)
    notes = json.loads(golden["notes"].removeprefix("thresholds: "))
    return golden_map_neuron.neuron_parameters(case["params"] | {"start": ""}), notes[kind]


# --- what holds at any steady state -----------------------------------------------------------------


def donnan_ratio(s):
    """Na_i / Na_e = K_i / K_e = Cl_e / Cl_i at Donnan equilibrium, by bisection of the charge of the cell."""
    share = s["w_e"] / s["w_i"]
    total = {ion: s[f"{ion}_i0"] + share * s[f"{ion}_e0"] for ion in IONS}
    fixed = s["Na_i0"] + s["K_i0"] - s["Cl_i0"]
    low, high = np.full(share.shape, -10.0), np.full(share.shape, 10.0)
    for _ in range(100):
        middle = 0.5 * (low + high)
        ratio = np.exp(middle)
        charge = ratio * (total["Na"] + total["K"]) / (ratio + share)
        charge = charge - total["Cl"] / (1.0 + share * ratio) - fixed
        low, high = np.where(charge < 0, middle, low), np.where(charge < 0, high, middle)
    return np.exp(0.5 * (low + high))


def check_amounts(checks, what, s):
    """Both sides are neutral, and each ion is as much as there was."""
    for side, volume in (("i", s["w_i"]), ("e", s["w_e"])):
        charge = sum(CHARGE[ion] * s[f"{ion}_{side}"] for ion in IONS) - s[f"X_{side}"]
        size = sum(s[f"{ion}_{side}"] for ion in IONS)
        check_size(checks, f"{what}: charge of {side}", charge / size, 1e-12)
        fixed = sum(CHARGE[ion] * s[f"{ion}_{side}0"] for ion in IONS)
        check_size(
            checks, f"{what}: fixed charge of {side}", (s[f"X_{side}"] - fixed) / size, 1e-12
        )
    for ion in IONS:
        there = s["w_i"] * s[f"{ion}_i"] + s["w_e"] * s[f"{ion}_e"]
        was = s["w_i"] * s[f"{ion}_i0"] + s["w_e"] * s[f"{ion}_e0"]
        check_size(checks, f"{what}: total {ion}", there / was - 1, 1e-12)
    check_size(checks, f"{what}: gates", s["n"] + s["n_closed"] - 1, 1e-12)


def check_random(args, checks, start, random, n):
    """Second law of the leaks, closure and balances at all steady states."""
    text = scan_text("neuron", n, random, f'[variant]\nstart = "{start}"\n', OUTPUTS, "auto")
    s = Scan(args, checks, text)
    what = f"start {start}"
    print(f"  {what}: {s.counts}")
    checks.check(
        sum(s.counts.values()) == n and s.counts["ness"] >= 0.999 * n, f"{what}: {s.counts}"
    )
    s.values = {k: v[s.is_ness] for k, v in s.values.items()}
    RT = R * s["T"]
    check_amounts(checks, what, s)
    for ion in IONS:
        both = s[f"Jout_leak_{ion}"] + s[f"Jin_leak_{ion}"]
        least = np.min(s[f"Tsigma_leak_{ion}"] / (RT * both))
        checks.check(least >= -1e-12, f"{what}: dissipation of the {ion} leak down to {least}")
        # what leaks, the pump brings back
        back = {"Na": -3.0, "K": 2.0, "Cl": 0.0}[ion] * s["J_pump"]
        balance = (s[f"J_leak_{ion}"] - back) / (both + np.abs(back))
        check_size(checks, f"{what}: balance of {ion}", balance, 1e-10)
    both = s["Jout_gate"] + s["Jin_gate"]
    check_size(checks, f"{what}: gates stand still", s["J_gate"] / both, 1e-10)
    leaks = sum(s[f"Tsigma_leak_{ion}"] for ion in IONS)
    check_size(checks, f"{what}: closure", s["closure"] / s["P_ATP"], 1e-9)
    check_size(
        checks, f"{what}: P_ATP = leaks + pump", (leaks + s["Tsigma_pump"]) / s["P_ATP"] - 1, 1e-9
    )
    check_size(checks, f"{what}: pump current", F * s["J_pump"] / s["I_pump"] - 1, 1e-12)
    force = 3 * np.log(s["Na_i"] / s["Na_e"]) - 2 * np.log(s["K_i"] / s["K_e"])
    force = RT * force + F * s["V"] - s["dG_ATP"]
    check_size(checks, f"{what}: force on the pump", (force - s["A_pump"]) / s["dG_ATP"], 1e-12)
    checks.check(np.all(s["F_mixing"] >= 0), f"{what}: F_mixing below zero")


def check_dead_pump(args, checks, start, random, n, mode):
    """Without a pump all ions come to one potential, whatever the channels do."""
    random = {k: v for k, v in random.items() if k != "rho"}
    lines = f'[variant]\nstart = "{start}"\n[fixed]\nrho = 0.0\n'
    s = Scan(args, checks, scan_text("neuron", n, random, lines, OUTPUTS, mode))
    what = f"dead pump from {start} by {mode}"
    print(f"  {what}: {s.counts}")
    checks.check(s.counts == {"equilibrium": n}, f"{what}: {s.counts}")
    check_amounts(checks, what, s)
    RT, ratio = R * s["T"], donnan_ratio(s)
    for name, value in (
        ("Na", s["Na_i"] / s["Na_e"]),
        ("K", s["K_i"] / s["K_e"]),
        ("Cl", s["Cl_e"] / s["Cl_i"]),
        ("V", np.exp(-F * s["V"] / RT)),
    ):
        check_size(checks, f"{what}: ratio of {name}", value / ratio - 1, 1e-10)
    for ion in IONS:
        check_size(checks, f"{what}: force on {ion}", s[f"A_leak_{ion}"] / RT, 1e-10)
    power = s["Tsigma_total"] / (RT * s["Jout_leak_K"])
    check_size(checks, f"{what}: dissipation", power, 1e-12)


# --- both states, and where each begins and ends ----------------------------------------------------


def ends_of(notes):
    """Pump rates between which rest and starved are both stable."""
    first = max(
        notes[k]["rho_A_m2"] for k in ("LP1", "HB_1") if notes[k]["V"] < golden_map_neuron.REST
    )
    last = min(
        note["rho_A_m2"] for note in notes.values() if note["unstable_before_after"] == [2, 0]
    )
    return first, last


def rho_scan(args, checks, fixed, start, rho, solver):
    """Steady states over pump rates rho, evenly spaced."""
    values = "".join(f"{k} = {float(v)!r}\n" for k, v in fixed.items() if k != "rho")
    text = (
        f'model = "neuron"\n[variant]\nstart = "{start}"\n[fixed]\n{values}'
        f'[[axis]]\nname = "rho"\nmin = {float(rho[0])!r}\nmax = {float(rho[-1])!r}\nn = {len(rho)}\n'
        f"[solver]\n{solver}\n"
        '[output]\nvariables = ["V", "n_states", "resid"]\nprecision = "f64"\n'
    )
    return Scan(args, checks, text)


def check_states(args, checks, kind, n):
    """From either start the state on its side is found and stays, and `starts` sees the other."""
    fixed, notes = golden_parameters(kind)
    first, last = ends_of(notes)
    for start, is_rest in (("weakened", True), ("starved", False)):
        for mode, count in (("auto", n), ("follow", 50)):
            # by following, a cell that starts at some distance from rest may pass its basin next to the limit point
            low = 1.0005 * first if mode == "auto" else 1.1 * first
            rho = np.linspace(low, 0.9995 * last, count)
            s = rho_scan(args, checks, fixed, start, rho, f'mode = "{mode}"\nstarts = 8')
            what = f"{kind} from {start} by {mode}"
            checks.check(s.counts == {"ness": count}, f"{what}: {s.counts}")
            n_here = int(np.sum((s["V"] < golden_map_neuron.REST) == is_rest))
            n_both = int(np.sum(s.is_multistable & (s["n_states"] == 2)))
            print(f"  {what}: {n_here} of {count} on their side, both states found at {n_both}")
            checks.check(n_here == count, f"{what}: {count - n_here} left for the other state")
            checks.check(n_both == count, f"{what}: both states are seen at {n_both} of {count}")


def bisect(args, checks, fixed, start, low, high, is_before):
    """rho where is_before(scan) ends, by scans of 33 points, each inside an interval of the one before."""
    while high - low > 1e-7 * high:
        rho = np.linspace(low, high, 33)
        before = is_before(rho_scan(args, checks, fixed, start, rho, ""))
        if not checks.check(
            before[0] and not before[-1], f"{start}: no threshold from {low} to {high}"
        ):
            return np.nan
        at = int(np.argmin(before))
        low, high = rho[at - 1], rho[at]
    return 0.5 * (low + high)


def turning_point(rho, V):
    """rho at its extremum beyond the end of a branch of steady states, by a polynomial through those next to it."""
    middle, half = 0.5 * (V[0] + V[-1]), 0.5 * np.ptp(V)
    fit = np.polynomial.Polynomial.fit((V - middle) / half, rho, 8)
    roots = fit.deriv().roots()
    roots = np.real(roots[np.abs(np.imag(roots)) < 1e-9])
    nearest = (V[np.argmin(rho)] - middle) / half
    return fit(roots[np.argmin(np.abs(roots - nearest))])


def check_thresholds(args, checks, kind):
    """Where rest begins, where its branch turns, and where the starved state loses stability."""
    fixed, notes = golden_parameters(kind)
    first, last = ends_of(notes)

    def is_starved(s):
        return s.is_ness & (s["V"] > golden_map_neuron.REST)

    def is_no_rest(s):
        return ~(s.is_ness & (s["V"] < golden_map_neuron.REST))

    beside = np.linspace(1.0001 * first, 1.1 * first, 60)
    branch = rho_scan(args, checks, fixed, "weakened", beside, "")
    found = {
        "rest begins": (
            bisect(args, checks, fixed, "weakened", 0.95 * first, 1.05 * first, is_no_rest),
            first,
        ),
        "rest turns": (turning_point(beside, branch["V"]), notes["LP1"]["rho_A_m2"]),
        "starved ends": (
            bisect(args, checks, fixed, "starved", 0.9 * last, 1.1 * last, is_starved),
            last,
        ),
    }
    for name, (value, wanted) in found.items():
        check_size(
            checks,
            f"{kind}: {name} at {value:.9f} A m-2, golden {wanted:.9f}: off",
            value / wanted - 1,
            1e-4,
        )


def check_lines(checks, kind):
    """The lines of the picture at the share of the golden cases, by another method than the golden file's."""
    fixed, notes = golden_parameters(kind)
    first, last = ends_of(notes)
    found = neuron_boundary.lines(fixed | {"I_app": 0.0}, [fixed["w_e"] / fixed["w_i"]])
    rest = found["Hopf_rest"] if kind == "hd2014b" else found["LP_rest"]
    for name, value, wanted in (
        ("LP_rest", found["LP_rest"], notes["LP1"]["rho_A_m2"]),
        ("LP_starved", found["LP_starved"], notes["LP2"]["rho_A_m2"]),
        ("beginning of rest", rest, first),
        ("Hopf_starved", found["Hopf_starved"], last),
    ):
        check_size(checks, f"{kind}: line {name}", value / wanted - 1, 1e-9)


# --- the map ------------------------------------------------------------------------------------------


def check_map(args, checks, n_rho, n_share):
    """Every point but those next to a line is on the side that the lines say."""
    with harness.scratch() as name:
        path = pathlib.Path(name) / "map.nc"
        size = harness.sets(**{"axis.rho.n": n_rho, "axis.w_e.n": n_share})
        config = harness.CONFIGS / "neuron_map.toml"
        done = harness.run(args.nessmap, "run", config, "-o", path, "--quiet", *size)
        if not checks.check(
            done.returncode == 0, f"map: exit {done.returncode}: {done.stderr.strip()}"
        ):
            return
        with harness.Results(path) as results:
            rho, share = results["rho"], results["w_e"] / results["w_i"]
            V, is_ness, counts = results["V"], results.outcome_is("ness"), results.counts()
            is_multistable = results.flag_is("multistable")
            p = {k: float(results[k]) for k in neuron_boundary.NEEDED if k != "w_e"}
        picture = pathlib.Path(name) / "map.png"
        neuron_boundary.plot(path, picture)
        checks.check(picture.stat().st_size > 20_000, "map: no picture")
    print(f"  map: {counts}")
    lines = neuron_boundary.lines(p, share)
    first = np.where(np.isfinite(lines["Hopf_rest"]), lines["Hopf_rest"], lines["LP_rest"])
    step = (rho[-1] / rho[0]) ** (1.0 / (n_rho - 1))
    rho = rho[:, None]
    checks.check(
        np.all(np.isfinite(first) & np.isfinite(lines["Hopf_starved"])), "map: a line has gaps"
    )
    is_apart = (np.abs(np.log(rho / first)) > np.log(step)) & (
        np.abs(np.log(rho / lines["Hopf_starved"])) > np.log(step)
    )
    is_starved = is_ness & (V > golden_map_neuron.REST)
    n_far = int(np.sum((is_starved != (rho < lines["Hopf_starved"])) & is_apart))
    checks.check(n_far == 0, f"map: {n_far} points are on the wrong side of the Hopf line")
    both = (rho > first) & (rho < lines["Hopf_starved"])
    n_far = int(np.sum((is_multistable != both) & is_apart & is_starved))
    checks.check(
        n_far == 0,
        f"map: {n_far} points between the lines and beyond are told wrongly as multistable",
    )
    checks.check(np.mean(both) > 0.2 and np.mean(~both) > 0.2, "map: the lines are not on it")


def run_checks(args, checks):
    n = N_FULL if args.full else N_FAST
    check_random(args, checks, "starved", STARVED, n)
    check_random(args, checks, "polarised", POLARISED, n)
    check_dead_pump(args, checks, "starved", STARVED, n, "auto")
    check_dead_pump(args, checks, "polarised", POLARISED, N_FOLLOWED, "follow")
    for kind in ("hd2014b", "hsd2014a"):
        check_lines(checks, kind)
        check_states(args, checks, kind, 1000)
        check_thresholds(args, checks, kind)
    check_map(args, checks, *((200, 160) if args.full else (60, 24)))


def test_models_neuron():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
