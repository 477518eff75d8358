#!/usr/bin/env python3
"""How many jumps a second does a core simulate, by nessmap's [stochastic] and by well-kept packages?

    tools/ssa_bench.py --nessmap build/nessmap
    tools/ssa_bench.py --nessmap build/nessmap --record tests/records   writes the table as Markdown and JSON, too
    tools/ssa_bench.py --rounds 3 --seconds 0.5                         rougher, sooner

One molecule by Gillespie's direct method: in the ring of two states that fuel drives (driven_cycle), and in a network of
eight states. The rivals are those that the Python that runs this has: GillesPy2 with its solvers in C++ and in NumPy
(pip install gillespy2), libRoadRunner (pip install libroadrunner); each counts the jumps of the first pathway forth and
back, nothing else. nessmap does all of its statistics, solves the steady state and writes the file, in one thread. Each
gets as much work as fills --seconds; they take turns, round by round, and all is CPU time. The jumps of the rivals are
the mean number that is due in their time; their current must be the exact one within its error.
"""

import argparse
import datetime
import importlib.metadata
import json
import math
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import numpy as np  # noqa: E402

import gpu_record  # noqa: E402

GAS, MOLAR_PLANCK = 8.31446261815324, 6.62607015e-34 * 6.02214076e23
T = 298.15
RING = [(0, 1), (1, 0)]
NETWORK = [(i, (i + 1) % 8) for i in range(8)] + [(0, 4), (2, 6)]
LEVELS = (0.0, -2e3, 1e3, 3e3, -1e3, 2e3, -3e3, 1e3)  # J mol-1
SIGMAS = 5  # by which a current may be off


class System:
    """The same molecule for all: states, edges, rates [s-1], and how nessmap is told of it."""

    def __init__(self, name, n_states, edges, forth, back, text, drawn):
        self.name, self.n_states, self.edges, self.forth, self.back = name, n_states, edges, forth, back
        self.text, self.drawn = text, drawn  # what is drawn changes nothing of one molecule
        w = np.zeros((n_states, n_states))
        for (i, j), a, b in zip(edges, forth, back):
            w[j, i] += a
            w[i, j] += b
        w -= np.diag(w.sum(0))
        w[0] = 1.0
        p = np.linalg.solve(w, np.eye(n_states)[0])
        self.current = forth[0] * p[edges[0][0]] - back[0] * p[edges[0][1]]
        self.activity = sum(a * p[i] + b * p[j] for (i, j), a, b in zip(edges, forth, back))


def ring():
    rates = {"k1f": 3.0, "k1r": 1.0, "k2f": 2.0, "k2r": 0.5, "F_c": 2.0, "W_c": 1.0}
    forth, back = [3.0, 2.0 * 2.0], [1.0, 0.5 * 1.0]
    text = 'model = "driven_cycle"\n[fixed]\n' + "".join(f"{k} = {v}\n" for k, v in rates.items())
    return System("driven_cycle, 2 states", 2, RING, forth, back, text, "C_tot")


def network():
    RT, prefactor = GAS * T, GAS * T / MOLAR_PLANCK
    values, forth, back = {"T": T} | {f"G{i}": level for i, level in enumerate(LEVELS)}, [], []
    for k, (i, j) in enumerate(NETWORK):
        height, drive = 50e3 + 500.0 * (k % 4), 4e3 if k < 8 else 0.0
        values |= {f"B_e{k}": height, f"f_e{k}": drive, f"theta_e{k}": 0.5}
        forth.append(prefactor * math.exp(-(height - LEVELS[i] - 0.5 * drive) / RT))
        back.append(prefactor * math.exp(-(height - LEVELS[j] + 0.5 * drive) / RT))
    edges = " ".join(f"{i}-{j}" for i, j in NETWORK)
    text = f'model = "network"\n[variant]\nstates = 8\nedges = "{edges}"\n[fixed]\n'
    text += "".join(f"{k} = {v!r}\n" for k, v in values.items())
    return System("network, 8 states, 10 edges", 8, NETWORK, forth, back, text, "p_tot")


def cpu_seconds():
    """Of this process and of those that it has waited for."""
    now = os.times()
    return now.user + now.system + now.children_user + now.children_system


# --- contestants: work(jumps) -> jumps done, current [s-1], its standard error --------------------------------------


class Nessmap:
    name = "nessmap"
    JUMPS, TRAJECTORIES = 1000, 1000  # of a window, of a set

    def __init__(self, system, program, folder):
        self.system, self.program, self.folder = system, program, folder
        self.version = gpu_record.output_of(str(program), "--version")
        pathway = "R1" if system.n_states == 2 else "e0"
        self.rate, self.turn = f"rate_{pathway}", 0
        # a topology that is not built in is compiled now
        self.work(1)

    def work(self, jumps):
        sets = max(1, round(jumps / (self.JUMPS * self.TRAJECTORIES)))
        config, out = self.folder / "ssa.toml", self.folder / "ssa.nc"
        self.turn += 1  # other trajectories in each round
        config.write_text(
            self.system.text + f'[design]\nkind = "random"\nn = {sets}\nseed = {self.turn}\n[[random]]\nname = "{self.system.drawn}"\n'
            f'dist = "uniform"\nmin = 1.0\nmax = 2.0\n[output]\nvariables = ["*"]\nprecision = "f64"\n'
            f"[stochastic]\ntrajectories = {self.TRAJECTORIES}\njumps = {self.JUMPS}\n"
        )
        done = subprocess.run(
            [self.program, "run", config, "-o", out, "--threads", "1", "--quiet", "--fresh"],
            capture_output=True,
            text=True,
            env=os.environ | {"XDG_CACHE_HOME": str(self.folder)},
        )
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1])
        import netCDF4

        with netCDF4.Dataset(out) as file:
            file.set_auto_mask(False)
            found = {
                name: np.asarray(file[name][...], dtype=float)
                for name in ("ssa_jumps", f"ssa_{self.rate}", f"ssa_{self.rate}_se")
            }
            exact = float(file[self.rate][0])
        out.unlink()
        if abs(exact - self.system.current) > 1e-9 * abs(exact):
            raise RuntimeError(f"the exact current is {exact}, by numpy {self.system.current}")
        total = float(np.sum(found["ssa_jumps"])) * self.TRAJECTORIES
        error = float(np.sqrt(np.sum(found[f"ssa_{self.rate}_se"] ** 2))) / sets
        return total, float(np.mean(found[f"ssa_{self.rate}"])), error


def current_of(counts, seconds):
    """Mean and standard error of net counts over windows of this length."""
    counts = np.asarray(counts, dtype=float)
    return float(np.mean(counts)) / seconds, float(np.std(counts, ddof=1)) / math.sqrt(len(counts)) / seconds


class GillesPy2:
    TRAJECTORIES = 20

    def __init__(self, system, solver):
        import gillespy2

        self.system = system
        self.name, self.version = f"GillesPy2, {solver}", f"GillesPy2 {importlib.metadata.version('gillespy2')}"
        model = gillespy2.Model(name="walk")
        states = [gillespy2.Species(name=f"S{i}", initial_value=int(i == 0)) for i in range(system.n_states)]
        counters = [gillespy2.Species(name=name, initial_value=0) for name in ("Forth", "Back")]
        model.add_species(states + counters)
        for k, (i, j) in enumerate(system.edges):
            for way, a, b, rate, counter in (("f", i, j, system.forth[k], 0), ("r", j, i, system.back[k], 1)):
                model.add_parameter(gillespy2.Parameter(name=f"k{way}{k}", expression=repr(rate)))
                products = {states[b]: 1} | ({counters[counter]: 1} if k == 0 else {})
                model.add_reaction(
                    gillespy2.Reaction(name=f"{way}{k}", reactants={states[a]: 1}, products=products, rate=f"k{way}{k}")
                )
        self.solver = getattr(gillespy2, solver)(model=model)

    def work(self, jumps):
        seconds = jumps / self.TRAJECTORIES / self.system.activity
        self.solver.model.tspan = None  # of the run before
        results = self.solver.run(t=seconds, increment=seconds, number_of_trajectories=self.TRAJECTORIES)
        counts = [result["Forth"][-1] - result["Back"][-1] for result in results]
        return (jumps, *current_of(counts, seconds))


class RoadRunner:
    name = "libRoadRunner, gillespie"
    TRAJECTORIES = 20

    def __init__(self, system):
        import roadrunner

        self.system, self.version = system, f"libRoadRunner {importlib.metadata.version('libroadrunner')}"
        species = [(f"S{i}", int(i == 0)) for i in range(system.n_states)] + [("Forth", 0), ("Back", 0)]
        listed = "".join(
            f'<species id="{name}" compartment="c" initialAmount="{amount}" hasOnlySubstanceUnits="true" '
            'boundaryCondition="false" constant="false"/>'
            for name, amount in species
        )
        reactions, parameters = "", ""
        reference = '<speciesReference species="{}" stoichiometry="1" constant="true"/>'
        for k, (i, j) in enumerate(system.edges):
            for way, a, b, rate, counter in (
                ("f", i, j, system.forth[k], "Forth"),
                ("r", j, i, system.back[k], "Back"),
            ):
                products = reference.format(f"S{b}") + (reference.format(counter) if k == 0 else "")
                parameters += f'<parameter id="k{way}{k}" value="{rate!r}" constant="true"/>'
                reactions += (
                    f'<reaction id="{way}{k}" reversible="false" fast="false"><listOfReactants>{reference.format(f"S{a}")}'
                    f"</listOfReactants><listOfProducts>{products}</listOfProducts><kineticLaw>"
                    f'<math xmlns="http://www.w3.org/1998/Math/MathML"><apply><times/><ci>k{way}{k}</ci><ci>S{a}</ci></apply></math>'
                    "</kineticLaw></reaction>"
                )
        self.runner = roadrunner.RoadRunner(
            '<?xml version="1.0" encoding="UTF-8"?><sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" '
            'version="1"><model id="walk"><listOfCompartments><compartment id="c" size="1" constant="true"/>'
            f"</listOfCompartments><listOfSpecies>{listed}</listOfSpecies><listOfParameters>{parameters}</listOfParameters>"
            f"<listOfReactions>{reactions}</listOfReactions></model></sbml>"
        )
        self.runner.setIntegrator("gillespie")
        self.runner.integrator.setValue("variable_step_size", False)
        self.runner.timeCourseSelections = ["time", "Forth", "Back"]

    def work(self, jumps):
        seconds, counts = jumps / self.TRAJECTORIES / self.system.activity, []
        for _ in range(self.TRAJECTORIES):
            self.runner.reset()
            end = self.runner.simulate(0, seconds, 2)[-1]
            counts.append(end[1] - end[2])
        return (jumps, *current_of(counts, seconds))


# --- rounds -----------------------------------------------------------------------------------------------------------


def contestants(args, system, folder, not_run):
    """[(contestant, jumps that fill its turn)] of those that can be run"""
    found = []
    for name, make in (
        (Nessmap.name, lambda: Nessmap(system, args.nessmap, folder)),
        ("GillesPy2, SSACSolver", lambda: GillesPy2(system, "SSACSolver")),
        (RoadRunner.name, lambda: RoadRunner(system)),
        ("GillesPy2, NumPySSASolver", lambda: GillesPy2(system, "NumPySSASolver")),
    ):
        try:
            contestant = make()
            found.append((contestant, fill(contestant, args.seconds)))
        except Exception as error:  # whatever a package lacks
            said = (str(error).strip().splitlines() or [type(error).__name__])[-1]
            not_run.append(f"{system.name}, {name}: {said}")
    return found


def fill(contestant, seconds):
    """Jumps that take about so long."""
    jumps = 20_000.0
    while True:
        begin = cpu_seconds()
        contestant.work(jumps)
        took = cpu_seconds() - begin
        if took > 0.3 * seconds or jumps > 1e12:
            return jumps * seconds / max(took, 1e-3)
        jumps *= min(10.0, max(2.0, 0.7 * seconds / max(took, 1e-3)))


def measure(args, system, folder, not_run):
    """[{name, version, speeds [jumps/s], ratios, current, error}]"""
    rows = []
    for contestant, jumps in contestants(args, system, folder, not_run):
        row = {"system": system.name, "name": contestant.name, "version": contestant.version, "contestant": contestant}
        rows.append(row | {"jumps": jumps, "speeds": [], "found": []})
    for number in range(args.rounds):
        for row in rows:
            begin = cpu_seconds()
            jumps, current, error = row["contestant"].work(row["jumps"])
            row["speeds"].append(jumps / (cpu_seconds() - begin))
            row["found"].append((current, error))
        print(f"{system.name}: round {number + 1} of {args.rounds}", file=sys.stderr, flush=True)
    base = next((row for row in rows if row["name"] == Nessmap.name), None)
    for row in rows:
        del row["contestant"]
        found = row.pop("found")
        row["exact"], row["current"] = system.current, statistics.mean(current for current, _ in found)
        row["error"] = math.sqrt(sum(error**2 for _, error in found)) / len(found)
        row["agrees"] = bool(abs(row["current"] - system.current) <= SIGMAS * row["error"])
        row["speed"] = statistics.median(row["speeds"])
        if base:
            row["ratio"] = statistics.median(a / b for a, b in zip(base["speeds"], row["speeds"]))
    return rows


def words(record):
    lines = [
        f"# Jumps of one molecule a second and core, {record['date']}\n",
        f"{record['processor']}, {record['cores']} cores, {record['system']}; {record['rounds']} interleaved rounds of about "
        f"{record['seconds']:g} s of CPU time each; medians (least to most). `{record['command']}`\n",
        "| system | program | jumps/s and core | nessmap is faster by | current [s-1] (exact) |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in record["rows"]:
        spread = f"{row['speed']:.3g} ({min(row['speeds']):.3g} to {max(row['speeds']):.3g})"
        ratio = f"{row['ratio']:.3g}" if "ratio" in row else "not known"
        current = f"{row['current']:.5g} ± {row['error']:.1g} ({row['exact']:.5g})" + (
            "" if row["agrees"] else " WRONG"
        )
        lines.append(f"| {row['system']} | {row['name']} ({row['version']}) | {spread} | {ratio} | {current} |")
    return "\n".join(lines + [""] + [f"not run: {text}" for text in record["not_run"]]) + "\n"


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nessmap", type=pathlib.Path, default=ROOT / "build" / "nessmap")
    parser.add_argument("--rounds", type=int, default=7, help="default: 7")
    parser.add_argument("--seconds", type=float, default=2.0, help="CPU time of each turn (default: 2)")
    parser.add_argument(
        "--record", type=pathlib.Path, metavar="DIR", help="writes ssa_DATE_PROCESSOR.md and .json there"
    )
    args = parser.parse_args(argv)
    args.nessmap = args.nessmap.resolve()
    if not args.nessmap.is_file() or args.rounds < 1 or not args.seconds > 0:
        parser.error(f"--nessmap {args.nessmap} must be a program, --rounds 1 or more, --seconds more than 0")
    # GillesPy2 builds its solver by scons, which stands beside a Python that is not activated
    os.environ["PATH"] = os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ.get("PATH", "")])
    not_run, rows = [], []
    with tempfile.TemporaryDirectory(prefix="nessmap_ssa_") as name:
        for system in (ring(), network()):
            rows += measure(args, system, pathlib.Path(name), not_run)
    record = {
        "date": datetime.date.today().isoformat(),
        "processor": gpu_record.processor_name(),
        "cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.release()}",
        "rounds": args.rounds,
        "seconds": args.seconds,
        "command": f"tools/ssa_bench.py --rounds {args.rounds} --seconds {args.seconds:g}",
        "rows": rows,
        "not_run": not_run,
    }
    text = words(record)
    print(text, end="")
    if args.record:
        args.record.mkdir(parents=True, exist_ok=True)
        stem = f"ssa_{record['date']}_{gpu_record.slug(record['processor'])}"
        (args.record / f"{stem}.md").write_text(text)
        (args.record / f"{stem}.json").write_text(json.dumps(record, indent=1) + "\n")
    return 0 if rows and all(row["agrees"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
