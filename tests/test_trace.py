"""Time courses: `nessmap trace` against golden cases, closed forms, an independent integration and the second law.

python tests/test_trace.py --nessmap build/nessmap
"""

import json
import math
import pathlib
import re

import golden_map
import harness
import numpy as np

R, F = golden_map.R, golden_map.F
GOLDEN_TOLERANCE, GOLDEN_RTOL = 1e-6, 1e-8
PUMP_LEAK = {"leak": "ohmic", "pump": "const", "membrane": "capacitive"}


class Trace:
    def __init__(self, path):
        with harness.netCDF4.Dataset(path) as file:
            file.set_auto_mask(False)
            self.values = {name: np.array(variable[...]) for name, variable in file.variables.items()}
            self.dimensions = {name: variable.dimensions for name, variable in file.variables.items()}
            self.units = {name: variable.units for name, variable in file.variables.items()}
            self.attributes = {name: file.getncattr(name) for name in file.ncattrs()}

    def __getitem__(self, name):
        return self.values[name]

    def outputs(self):
        return [name for name, dimensions in self.dimensions.items() if dimensions and name != "time"]


def trace(args, folder, *arguments, name="trace.nc"):
    done = harness.run(args.nessmap, "trace", *arguments, "-o", name, cwd=folder)
    if done.returncode != 0:
        raise RuntimeError(f"trace {arguments}: exit {done.returncode}, {done.stderr}")
    return Trace(folder / name)


def of_model(model, choices=None, **values):
    """The options that choose a cell, numbers to the last bit."""
    words = {f"variant.{key}": value for key, value in (choices or {}).items()}
    return ["--model", model, *harness.sets(**words, **{key: repr(float(x)) for key, x in values.items()})]


def times(values):
    return ["--times", ",".join(repr(float(t)) for t in values)]


def is_one_sentence(text):
    return text.startswith("nessmap: ") and text.count("\n") == 1


def golden_cases(name):
    return json.loads((harness.ROOT / "tests" / "golden" / f"{name}.json").read_text())["cases"]


def check_golden_cycle(args, folder, checks):
    """driven_cycle is linear: from C_tot/2 the ring states approach the golden A, B with the golden rate `lam`."""
    cases = golden_cases("driven_cycle")
    worst = (0.0, "")
    for case in cases:
        rate, total = case["expect"]["lam"], case["params"]["C_tot"]
        at = np.array([0.0, 0.01, 0.3, 1.0, 3.0, 10.0]) / rate
        course = trace(args, folder, *of_model("driven_cycle", **case["params"]), *times(at), "--rtol", GOLDEN_RTOL)
        checks.check(np.array_equal(course["time"], at), f"{case['id']}: times {course['time']}")
        for state in ("A", "B"):
            end = case["expect"][state]
            exact = end + (0.5 * total - end) * np.exp(-rate * at)
            worst = max(worst, (float(np.max(np.abs(course[state] / exact - 1.0))), case["id"]))
    print(f"driven_cycle: worst relative error {worst[0]:.1e} ({worst[1]}), {len(cases)} golden cases")
    checks.check(len(cases) == 33 and worst[0] <= GOLDEN_TOLERANCE, f"driven_cycle against golden: {worst}")


def check_golden_pump_leak(args, folder, checks):
    """The far end of a course is the golden state, and it is reached with the golden tau_slow."""
    cases = golden_cases("pump_leak")
    model = next(model for model in golden_map.MODELS if model.name == "pump_leak")
    states = ("Na_i", "K_i", "Cl_i", "ell")
    worst_state, worst_tau, n_cases = (0.0, ""), (0.0, ""), 0
    for case in cases:
        expect = case["expect"]
        speeds = [-x for x in expect.get("eig_re", [])]
        # one slow mode, far enough from the next one to be alone at the end
        if "near_lysis" in case["kind"] or not speeds or speeds[1] < 2.0 * speeds[0]:
            continue
        tau = expect["tau_slow"]
        options = of_model("pump_leak", model.choices(case["params"]), **model.parameters(case["params"]))
        course = trace(args, folder, *options, *times(tau * np.arange(1, 601)), "--rtol", 1e-11)
        gap = {name: course[name] / expect[name] - 1.0 for name in states}
        worst_state = max(worst_state, (max(abs(float(gap[name][-1])) for name in states), case["id"]))
        slowest = max(states, key=lambda name: float(np.sum(np.abs(gap[name]) > 1e-6)))
        i = int(np.argmax(np.abs(gap[slowest]) < 3e-6))
        measured = 1.0 / math.log(gap[slowest][i] / gap[slowest][i + 1])
        worst_tau = max(worst_tau, (abs(measured - 1.0), case["id"]))
        n_cases += 1
    print(f"pump_leak: worst error of the end {worst_state[0]:.1e} ({worst_state[1]}), of tau_slow {worst_tau[0]:.1e} "
          f"({worst_tau[1]}) in {n_cases} golden cases")
    checks.check(worst_state[0] <= 1e-9, f"pump_leak: the end of a course is {worst_state} from golden")
    checks.check(n_cases >= 40 and worst_tau[0] <= 1e-4, f"pump_leak: {n_cases} courses, tau_slow {worst_tau}")


def check_golden_growth(args, folder, checks):
    """A cell that bursts keeps its potential and concentrations in the end, and grows at a steady speed."""
    cases = [case for case in golden_cases("pump_leak") if not case["expect"]["exists"]]
    model = next(model for model in golden_map.MODELS if model.name == "pump_leak")
    worst = (0.0, "")
    for case in cases:
        p, expect = model.parameters(case["params"]), case["expect"]
        speed = expect["growth_rate_m_s"]
        # when the impermeant solute is a hundred-millionth of all
        until = 1e8 * p["N_X"] / (p["Na_o"] + p["K_o"] + p["Cl_o"] + p["Y_o"]) / speed
        course = trace(args, folder, *of_model("pump_leak", model.choices(case["params"]), **p), *times([until, 2.0 * until]),
                       "--rtol", GOLDEN_RTOL)
        for name, golden in (("V", expect["V_asymptotic"]), ("Na_i", expect["Na_asymptotic"]), ("K_i", expect["K_asymptotic"]),
                             ("ell", course["ell"][0] + speed * until)):
            worst = max(worst, (abs(float(course[name][1]) / golden - 1.0), f"{case['id']} {name}"))
    print(f"pump_leak: worst error of growing cells {worst[0]:.1e} ({worst[1]}), {len(cases)} golden cases")
    checks.check(len(cases) == 8 and worst[0] <= GOLDEN_TOLERANCE, f"pump_leak against golden: growth {worst}")


def check_golden_relaxation(args, folder, checks):
    """clamp_relax: a leak alone, clamped. An ion of charge z at V relaxes as Na+ does at z V, so na_bath serves for all."""
    worst = (0.0, "")
    cases = golden_cases("clamp_relax")
    for case in cases:
        p, expect = case["params"], case["expect"]
        options = of_model("na_bath", {"pump": "const"}, T=p["T"], V_hold=p["z"] * p["V"], P_Na=p["P"], Na_o=p["c_o"],
                           ell=p["ell"], Na_start=p["c_i0"], r=0.0)
        course = trace(args, folder, *options, *times([0.0, p["t"], 60 * expect["tau"]]), "--rtol", GOLDEN_RTOL)
        ratio = course["Jout_leak_Na"][1] / course["Jin_leak_Na"][1]
        for mine, golden in ((course["Na_i"][0], p["c_i0"]), (course["Na_i"][1], expect["c_at_t"]),
                             (course["Na_i"][2], expect["c_star"]), (ratio, expect["ratio_out_in_at_t"]),
                             (course["Jout_leak_Na"][2], expect["J_exchange"])):
            worst = max(worst, (abs(float(mine) / golden - 1.0), case["id"]))
    print(f"clamp_relax: worst relative error {worst[0]:.1e} ({worst[1]}), {len(cases)} golden cases")
    checks.check(len(cases) == 20 and worst[0] <= GOLDEN_TOLERANCE, f"clamp_relax against golden: {worst}")


def check_golden_bathtub(args, folder, checks):
    """The level at the golden time."""
    worst = (0.0, "")
    cases = golden_cases("bathtub")
    for case in cases:
        p = {name: x for name, x in case["params"].items() if name != "t"}
        if case["kind"] == "sealed":
            p["k_drain"] = 0.0
        drain = "torricelli" if case["kind"] == "torricelli" else "linear"
        course = trace(args, folder, *of_model("bathtub", {"drain": drain}, **p), *times([case["params"]["t"]]), "--rtol", GOLDEN_RTOL)
        worst = max(worst, (abs(float(course["h"][0]) / case["expect"]["h_at_t"] - 1.0), case["id"]))
    print(f"bathtub: worst relative error {worst[0]:.1e} ({worst[1]}), {len(cases)} golden cases")
    checks.check(len(cases) == 21 and worst[0] <= GOLDEN_TOLERANCE, f"bathtub against golden: {worst}")


def check_golden_depletion(args, folder, checks):
    """na_bath: where the pump outruns the leak, Na+ is there a millionth before the golden time and gone a millionth after."""
    cases = [case for case in golden_cases("na_bath") if "t_depletion_from_20mM" in case["expect"]]
    for case in cases:
        p, until = case["params"], case["expect"]["t_depletion_from_20mM"]
        options = of_model("na_bath", {"pump": "const"}, T=p["T"], V_hold=p["V"], P_Na=p["P_Na"], Na_o=p["Na_o"], ell=p["ell"],
                           Na_start=20.0, r=p["r"])
        at = [0.0, until * (1 - GOLDEN_TOLERANCE), until * (1 + GOLDEN_TOLERANCE)]
        course = trace(args, folder, *options, *times(at), "--rtol", GOLDEN_RTOL)
        checks.check(course.attributes["nessmap_outcome"] == "no_steady_state_depletion" and
                     course.attributes["nessmap_n_times_reached"] == 2 and 0 < course["Na_i"][1] < 1e-3,
                     f"na_bath {case['id']}: {course['Na_i']} at {at}, {course.attributes['nessmap_outcome']}")
    checks.check(len(cases) >= 3, f"na_bath: {len(cases)} cases run empty")


def check_golden_carrier(args, folder, checks):
    """The rate between the slowest and the fastest, which no file stores: what is left of a course without those two."""
    cases = golden_cases("carrier")
    worst = (0.0, "")
    for case in cases:
        p, expect = case["params"], case["expect"]
        slow, middle, fast = sorted(expect["eig"], reverse=True)[1:]
        step = 0.5 / -middle
        course = trace(args, folder, *of_model("carrier", **p), *times(step * np.arange(4)), "--rtol", 1e-11)
        left = []
        for state in ("Ei", "ESi", "ESo", "Eo"):
            gap = course[state] / p["N_T"] - expect[f"occ_{state}"]
            for rate in (slow, fast):
                gap = gap[1:] - math.exp(rate * step) * gap[:-1]
            left.append(gap)
        first, second = max(left, key=lambda gap: abs(gap[0]))
        checks.check(abs(first) > 1e-3 and second / first > 0.0, f"{case['id']}: {first} and {second} of the middle rate are left")
        worst = max(worst, (abs(math.log(max(second / first, 1e-300)) / (step * middle) - 1.0), case["id"]))
    print(f"carrier: worst error of the middle rate {worst[0]:.1e} ({worst[1]}), {len(cases)} golden cases")
    checks.check(len(cases) == 30 and worst[0] <= GOLDEN_TOLERANCE, f"carrier against golden: middle rate {worst}")


def check_golden_schlogl(args, folder, checks):
    """The unstable state of bistable cases: two courses that start close beside it leave it at the golden rate, one up, one down."""
    cases = [case for case in golden_cases("schlogl") if case["expect"]["n_fp"] == 3]
    worst, off = (0.0, ""), 1e-4
    for case in cases:
        p, x, rates = case["params"], case["expect"]["x"], case["expect"]["eig"]
        at = [0.0, 1.0 / rates[1], 1e3 / min(map(abs, rates))]
        unit = math.sqrt(p["k2"] / (3.0 * p["k1m"]))
        down, up = (trace(args, folder, *of_model("schlogl", **p, x_start=x[1] * (1.0 + side * off) / unit), *times(at),
                          "--rtol", 1e-11)["x"] for side in (-1, 1))
        apart, middle = up - down, 0.5 * (up + down)
        worst = max(worst, (abs(math.log(apart[1] / apart[0]) - 1.0), f"{case['id']} rate"),
                    (abs(middle[1] / x[1] - 1.0), f"{case['id']} state"),
                    (abs(down[2] / x[0] - 1.0), f"{case['id']} lower"), (abs(up[2] / x[2] - 1.0), f"{case['id']} upper"))
    print(f"schlogl: worst of the unstable states {worst[0]:.1e} ({worst[1]}), {len(cases)} golden cases")
    checks.check(len(cases) >= 8 and worst[0] <= GOLDEN_TOLERANCE, f"schlogl against golden: unstable state {worst}")


def pump_leak_rates(p, state):
    """An own statement of the model: ohmic leaks, constant pump, capacitive membrane; amounts and cell water."""
    sodium, potassium, chloride, water = state
    RT = R * p["T"]
    inside = {"Na": sodium / water, "K": potassium / water, "Cl": chloride / water}
    charge = sodium + potassium - chloride + p["z_X"] * p["N_X"]
    V = F * charge / p["C_m"]
    z = {"Na": 1, "K": 1, "Cl": -1}
    J = {ion: p[f"g_{ion}"] * (V - RT / (z[ion] * F) * math.log(p[f"{ion}_o"] / inside[ion])) / (z[ion] * F) for ion in z}
    osmotic = p["Na_o"] + p["K_o"] + p["Cl_o"] + p["Y_o"] - sum(inside.values()) - p["N_X"] / water
    pump = p["p_max"]
    return np.array([-J["Na"] - 3 * pump, -J["K"] + 2 * pump, -J["Cl"], -p["v_w"] * p["P_f"] * osmotic]), V


def check_independent(args, folder, checks):
    """The first 60 ms of a pump_leak cell, where the membrane is charged, by the classical Runge-Kutta method."""
    at = [0.0, 1e-4, 1e-3, 5e-3, 2e-2, 6e-2]
    course = trace(args, folder, *of_model("pump_leak", PUMP_LEAK), *times(at), "--rtol", GOLDEN_RTOL)
    p = {name: float(x) for name, x in course.values.items() if not course.dimensions[name]}
    water = course["ell"][0]
    state = np.array([course[name][0] * water for name in ("Na_i", "K_i", "Cl_i")] + [water])
    step, t, worst = 1e-5, 0.0, 0.0
    for i, until in enumerate(at):
        while t < until - 0.5 * step:
            k1 = pump_leak_rates(p, state)[0]
            k2 = pump_leak_rates(p, state + 0.5 * step * k1)[0]
            k3 = pump_leak_rates(p, state + 0.5 * step * k2)[0]
            k4 = pump_leak_rates(p, state + step * k3)[0]
            state = state + step / 6.0 * (k1 + 2 * k2 + 2 * k3 + k4)
            t += step
        V = pump_leak_rates(p, state)[1]
        mine = {"Na_i": state[0] / state[3], "K_i": state[1] / state[3], "Cl_i": state[2] / state[3], "ell": state[3]}
        for name, x in mine.items():
            worst = max(worst, abs(course[name][i] / x - 1.0))
        worst = max(worst, abs(course["V"][i] - V) / (R * p["T"] / F))
    moved = abs(course["V"][-1] - course["V"][0])
    print(f"pump_leak by Runge-Kutta: worst {worst:.1e}; V moved by {1e3 * moved:.1f} mV")
    checks.check(moved > 1e-3 and worst <= GOLDEN_TOLERANCE, f"pump_leak against Runge-Kutta: {worst}, V moved {moved}")


def check_convergence(args, folder, checks):
    """The error falls with rtol, and at the golden rtol it is within the golden tolerance."""
    at = np.geomspace(1e-3, 1e5, 25)
    for choices in (PUMP_LEAK, {"leak": "ghk", "pump": "rev", "membrane": "electroneutral"}):
        options = [*of_model("pump_leak", choices), *times(at)]
        best = trace(args, folder, *options, "--rtol", 1e-11)
        errors = []
        for rtol in (1e-4, 1e-5, 1e-6, 5e-7, 1e-7, 1e-8):
            course = trace(args, folder, *options, "--rtol", rtol)
            errors.append(max(float(np.max(np.abs(course[name] / best[name] - 1.0))) for name in ("Na_i", "K_i", "Cl_i", "ell")))
            checks.check(errors[-1] <= 10 * rtol, f"{choices}: error {errors[-1]} at rtol {rtol}")
        print(f"pump_leak {choices['leak']} {choices['membrane']}: errors " + " ".join(f"{x:.1e}" for x in errors))
        checks.check(all(a > b for a, b in zip(errors, errors[1:])), f"{choices}: errors {errors}")
        checks.check(0 < errors[-1] <= GOLDEN_TOLERANCE, f"{choices}: error {errors[-1]} at rtol 1e-8")


def free_energy(course):
    """Of the cell against its bath, per membrane area; its gradient is the force on each amount, on water and charge."""
    RT = R * course["T"]
    total = course["ell"] * sum(course[f"{ion}_o"] for ion in ("Na", "K", "Cl", "Y"))
    for ion in ("Na", "K", "Cl"):
        c = course[f"{ion}_i"]
        total = total + course["ell"] * c * (np.log(c / course[f"{ion}_o"]) - 1.0)
    total = total + course["N_X"] * (np.log(course["N_X"] / course["ell"]) - 1.0)
    return RT * total + 0.5 * course["C_m"] * course["V"] ** 2


def integral(y, t):
    """By Simpson's rule over equal steps."""
    weights = np.full(len(t), 2.0)
    weights[1::2] = 4.0
    weights[[0, -1]] = 1.0
    return float(np.sum(weights * y)) * (t[1] - t[0]) / 3.0


def check_second_law(args, folder, checks):
    """Free energy gained = power of the fuel - dissipation, over any time; without fuel it only falls."""
    for pump, p_max in (("rev", 5.182e-8), ("const", 5.182e-8), ("rev", 0.0)):
        options = of_model("pump_leak", {**PUMP_LEAK, "pump": pump}, p_max=p_max)
        for first, last in ((0.5, 10.0), (100.0, 3000.0)):
            course = trace(args, folder, *options, "--times", f"lin:{first}:{last}:401", "--rtol", 1e-10)
            energy = free_energy(course)
            paid = integral(course["P_ATP"], course["time"])
            lost = integral(course["Tsigma_total"], course["time"])
            gained = float(energy[-1] - energy[0])
            checks.check(lost > 0 and abs(gained - paid + lost) <= 1e-6 * (abs(paid) + lost),
                         f"{pump} {p_max} from {first} s: gained {gained}, paid {paid}, lost {lost}")
            if p_max == 0.0:
                checks.check(bool(np.all(np.diff(energy) < 0.0)), f"a passive cell gains free energy from {first} s on")


def check_all_models(args, folder, checks):
    """The default trace of every model: what it says of itself, closure, and its end."""
    names = [line.split()[0] for line in harness.run(args.nessmap, "models").stdout.splitlines()]
    checks.check(len(names) >= 2, f"models: {names}")
    for model in names:
        point = json.loads(harness.run(args.nessmap, "point", "--model", model, *harness.sets(**{"solver.mode": "follow"}),
                                       "--json").stdout)
        course = trace(args, folder, "--model", model)
        said = course.attributes
        t = course["time"]
        checks.check(len(t) == 200 and t[0] > 0 and np.all(np.diff(t) > 0), f"{model}: default times {t[0]} to {t[-1]}")
        checks.check(np.allclose(np.diff(np.log(t)), np.log(t[1] / t[0]), rtol=1e-9), f"{model}: no logarithmic times")
        checks.check(said["nessmap_outcome"] == point["outcome"] and said["nessmap_model"] == model and
                     said["nessmap_layout"] == "trace" and said["Conventions"].startswith("CF") and
                     f'model = "{model}"' in said["nessmap_config"] and len(said["nessmap_model_hash"]) == 32,
                     f"{model}: attributes {said}")
        for name, value in point["parameters"].items():
            checks.check(float(course[name]) == value and course.dimensions[name] == (), f"{model}: parameter {name}")
        for name in course.outputs():
            checks.check(course.dimensions[name] == ("time",) and course.units[name] != "", f"{model}: {name}")
        lacking = set(point["outputs"]) - set(course.outputs())
        of_the_end = {"delta", "tau_slow", "tau_fast", "growth_rate", "n_states", "sigma_molecule", "var_sigma", "activity"}
        of_the_walk = ("rate_", "var_", "fano_", "tur_")
        checks.check(all(name in of_the_end or name.endswith(("_min", "_max")) or name.startswith(of_the_walk)
                         or point["outputs"][name] is None for name in lacking), f"{model}: no {lacking}")
        powers = [np.abs(course[name]) for name in course.outputs() if name.startswith(("Tsigma_", "P_"))]
        scale = np.maximum(sum(powers), 1e-300)
        checks.check(bool(np.all(np.abs(course["closure"]) <= 1e-9 * scale)),
                     f"{model}: closure {np.max(np.abs(course['closure']) / scale)} of the powers")
        if point["outcome"] in ("ness", "equilibrium"):
            states = [name for name in course.outputs() if name.startswith("A_") or name in ("V", "ell", "F_stored")]
            late = trace(args, folder, "--model", model, *times([t[-1], 1e3 * t[-1], 1e6 * t[-1]]))
            for name in states:
                end = point["outputs"][name]
                size = max(abs(end), R * 300 if name.startswith("A_") else 0.02 if name == "V" else 0.0)
                checks.check(abs(course[name][-1] - end) <= 1e-4 * size, f"{model}: {name} ends at {course[name][-1]}, not {end}")
                checks.check(bool(np.all(np.abs(late[name][1:] - end) <= 1e-6 * size)), f"{model}: {name} late: {late[name]}, not {end}")


def check_from_map(args, folder, checks):
    """The course of a map's point is that of the same parameters, to the bit; it ends where the map says."""
    (folder / "scan.toml").write_text(
        'model = "pump_leak"\n[variant]\nleak = "ghk"\n[[axis]]\nname = "K_o"\nmin = 2.0\nmax = 9.0\nn = 3\nscale = "log"\n'
        '[[axis]]\nname = "p_max"\nmin = 1e-8\nmax = 1e-7\nn = 4\nscale = "log"\n[tie]\nNa_o = "150 - K_o"\n')
    done = harness.run(args.nessmap, "run", "scan.toml", *harness.ALL_OUTPUTS, cwd=folder)
    checks.check(done.returncode == 0, f"a map: {done}")
    with harness.Results(folder / "scan.nc") as results:
        values = {name: results[name].copy() for name in ("K_o", "p_max", "Na_i", "V", "ell", "sigma_total")}
        word = results.outcome_word((2, 1))
    at = times([0.0, 1.0, 100.0, 1e9])
    from_map = trace(args, folder, "--from", "scan.nc", "--index", "2,1", *at, name="a.nc")
    by_number = trace(args, folder, "--from", "scan.nc", "--index", "9", *at, name="a.nc")
    K_o, p_max = float(values["K_o"][2]), float(values["p_max"][1])
    direct = trace(args, folder, *of_model("pump_leak", {"leak": "ghk"}, K_o=K_o, Na_o=150 - K_o, p_max=p_max), *at, name="b.nc")
    for name in direct.outputs():
        checks.check(np.array_equal(from_map[name], direct[name]) and np.array_equal(by_number[name], direct[name]),
                     f"from a map: {name} {from_map[name]}, direct {direct[name]}")
    checks.check(from_map.attributes["nessmap_outcome"] == word == "ness" and
                 from_map.attributes["nessmap_scan_index"] == "2,1", f"from a map: {from_map.attributes}")
    for name in ("Na_i", "V", "ell", "sigma_total"):
        stored = float(values[name][2, 1])
        checks.check(abs(from_map[name][-1] / stored - 1.0) <= 1e-6, f"from a map: {name} ends at {from_map[name][-1]}, not {stored}")
    # a map is not lost by a slip
    before = (folder / "scan.nc").read_bytes()
    done = harness.run(args.nessmap, "trace", "--from", "scan.nc", "--index", "9", "-o", "scan.nc", cwd=folder)
    checks.check(done.returncode == 6 and is_one_sentence(done.stderr) and "scan.nc" in done.stderr, f"over a map: {done}")
    checks.check((folder / "scan.nc").read_bytes() == before, "a trace was written over a map")


def seconds(words):
    """ "8 min 15 s" -> 495"""
    unit = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "days": 86400.0, "years": 3.15576e7}
    return sum(float(number) * unit[name] for number, name in re.findall(r"([\d.e+]+) (ms|s|min|h|days|years)\b", words))


def check_words(args, folder, checks):
    """When a cell has swollen, starved or lost what it had is said as the course has it."""
    dying = (("over-pumped", ["pump_leak", {}, "ell", 1], {"g_K": 0.08, "g_Na": 1.0, "p_max": 2.8e-6}),
             ("emptied", ["na_bath", {"pump": "const"}, "Na_i", -1], {"r": 1.6e-7, "P_Na": 5.6e-11}),
             ("starved", ["neuron", {"start": "polarised"}, "V", 0], {"rho": 0.01}))
    for what, (model, choices, told, sign), values in dying:
        cell = of_model(model, choices, **values)
        done = harness.run(args.nessmap, "trace", *cell, "-o", "dying.nc", cwd=folder)
        sheet = " ".join(harness.run(args.nessmap, "point", *cell).stdout.split())
        course = Trace(folder / "dying.nc")
        t, series = course["time"], course[told]
        n = int(course.attributes["nessmap_n_times_reached"])
        checks.check(n == len(t), f"{what}: the default times go beyond the end: {n} of {len(t)}")
        for text in (done.stdout, sheet):
            sentence = re.search(rf"\b{told} goes from [^\n]*?(?=\n|what|in the end|$)", text)
            if not checks.check(sentence, f"{what}: {text}"):
                continue
            if sign == 0:
                found = [(0.5 * (series[0] + series[-1]), re.search(r"for good after ([^.\n]*)", sentence[0])[1])]
            else:
                found = [(series[0] * (float(x) if sign > 0 else 1 / float(x)), when) for x, when in
                         re.findall(r"(?:1/)?(\d+) (?:times as much|of it) after ([^,;]*)", sentence[0])]
                checks.check(len(found) >= 2, f"{what}: {sentence[0]}")
            for level, when in found:
                above = series >= level
                at = int(np.flatnonzero(above != above[-1])[-1])
                # a step of the default times is some percents, and there are three digits
                checks.check(0.98 * t[at] <= seconds(when) <= 1.02 * t[at + 1], f"{what}: {level} after {when}, {t[at : at + 2]}")
        ends = seconds(re.search(r"the course ends after ([^.\n]*)", done.stdout)[1]) if sign else t[-1]
        checks.check(abs(ends / t[n - 1] - 1) < 0.02, f"{what}: ends after {ends}, {t[n - 1]}")


def check_ends(args, folder, checks):
    """A cell that swells without end is followed as long as asked; a course never passes a time without a value."""
    course = trace(args, folder, *of_model("pump_leak", PUMP_LEAK, p_max=0.0, z_X=0.5, N_X=1e-5), "--times", "0,1e2,1e4,1e6,1e8")
    checks.check(course.attributes["nessmap_outcome"] == "no_steady_state_growth" and
                 course.attributes["nessmap_growth_name"] == "lysis" and
                 course.attributes["nessmap_n_times_reached"] == 5, f"growth: {course.attributes}")
    checks.check(bool(np.all(np.diff(course["ell"]) > 0)) and course["ell"][-1] > 10 * course["ell"][0], f"growth: {course['ell']}")
    course = trace(args, folder, *of_model("pump_leak", {**PUMP_LEAK, "leak": "ghk"}, p_max=1e-5), "--times", "lin:0:20:21")
    n = int(course.attributes["nessmap_n_times_reached"])
    checks.check(course.attributes["nessmap_outcome"] == "no_steady_state_depletion" and 0 < n < 21 and
                 np.all(np.isfinite(course["Na_i"][:n])) and np.all(np.isnan(course["Na_i"][n:])), f"depletion: {n}, {course['Na_i']}")
    twice = [(trace(args, folder, "--model", "pump_leak", name=name), (folder / name).read_bytes())[1] for name in ("1.nc", "2.nc")]
    checks.check(twice[0] == twice[1], "two equal traces differ in their bytes")
    done = harness.run(args.nessmap, "trace", "--model", "pump_leak", cwd=folder)
    checks.check(done.returncode == 0 and (folder / "pump_leak_trace.nc").exists() and not done.stderr, f"the default name: {done}")


def check_mistakes(args, folder, checks):
    cases = (
        (("--model", "pump_laek"), ("pump_laek", "pump_leak")),
        (("--model", "pump_leak", "--times", "-1,2"), ("--times", "-1")),
        (("--model", "pump_leak", "--times", "1,3,2"), ("--times", "2 does not come after 3")),
        (("--model", "pump_leak", "--times", "1,1"), ("--times", "rise")),
        (("--model", "pump_leak", "--times", "1,x"), ("--times 1,x", "seconds")),
        (("--model", "pump_leak", "--times", ""), ("--times",)),
        (("--model", "pump_leak", "--times", "1,nan"), ("--times",)),
        (("--model", "pump_leak", "--times", "log:0:1:5"), ("log:0:1:5", "above 0")),
        (("--model", "pump_leak", "--times", "lin:2:1:5"), ("lin:2:1:5",)),
        (("--model", "pump_leak", "--times", "lin:0:1"), ("lin:0:1", "number")),
        (("--model", "pump_leak", "--times", "lin:0:1:1"), ("whole", "2")),
        (("--model", "pump_leak", "--times", "lin:0:1:2.5"), ("whole",)),
        (("--model", "pump_leak", "--times", "lin:1:1.0000000000000002:9"), ("no 9 different times",)),
        (("--model", "pump_leak", "--times", "log:1e-300:1e300:5"), ("no 5 different times",)),
        (("--model", "pump_leak", "--rtol", "1"), ("--rtol", "0.01")),
        (("--model", "pump_leak", "--rtol", "x"), ("--rtol", "1e-8")),
        (("--model", "pump_leak", "--rtol", "1e-16"), ("--rtol", "1e-11")),
        (("--model", "pump_leak", "--set", "g_Nax=1"), ("g_Nax", "g_Na")),
        (("--model", "pump_leak", "--set", "N_X=-1"), ("pump_leak",)),
        (("--model", "pump_leak", "--index", "1"), ("--index", "--from")),
        (("--from", "scan.nc"), ("--index",)),
        (("--from", "scan.nc", "--index", "12"), ("--index 12", "0 to 11")),
        (("--from", "scan.nc", "--index", "0,4"), ("--index 0,4",)),
        (("--from", "scan.nc", "--model", "pump_leak"), ("--model", "--from")),
        (("--from", "scan.toml", "--index", "0"), ("scan.toml", "NetCDF")),
        (("--model", "pump_leak", "--backend", "cpu"), ("--backend",)),
    )
    for arguments, words in cases:
        done = harness.run(args.nessmap, "trace", *arguments, "-o", "wrong.nc", cwd=folder)
        checks.check(done.returncode == 2 and not done.stdout and is_one_sentence(done.stderr) and
                     all(word in done.stderr for word in words), f"{arguments}: exit {done.returncode}, {done.stderr!r}")
        checks.check(not (folder / "wrong.nc").exists() and not (folder / "wrong.nc.tmp").exists(), f"{arguments} wrote a file")
    done = harness.run(args.nessmap, "trace", "--model", "pump_leak", "-o", "no_such_folder/a.nc", cwd=folder)
    checks.check(done.returncode == 6 and is_one_sentence(done.stderr), f"no folder: {done}")


def run_checks(args, checks):
    with harness.scratch() as name:
        folder = pathlib.Path(name)
        for part in (check_golden_cycle, check_golden_pump_leak, check_golden_growth, check_golden_relaxation,
                     check_golden_bathtub, check_golden_depletion, check_golden_carrier, check_golden_schlogl, check_independent, check_convergence, check_second_law,
                     check_all_models, check_from_map, check_words, check_ends, check_mistakes):
            part(args, folder, checks)


def test_trace():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
