"""The model `network` against golden networks and rings, and its laws over random networks of several topologies; a
topology that is not built in is compiled once, kept, found again by every command, and part of the question.

  python tests/test_models_network.py --nessmap build/nessmap [--full]
"""

import concurrent.futures
import dataclasses
import json
import pathlib
import shutil

import golden_map
import golden_map_network
import harness
import numpy as np
import test_golden
import test_own_model
from test_models_paths import Scan, largest

N_FAST, N_FULL = 10_000, 1_000_000
N_FOLLOWED = 1_000
N_AT_ONCE = 100_000
R = golden_map.R
RATE = golden_map_network.RT_OVER_MOLAR_PLANCK  # of a barrier of no height, per K
CLOSED = 1e7  # J mol-1, the height of a barrier that nothing passes
NOTHING = 1e-280  # mol m-3 s-1, what nevertheless does
BUILT_IN = "0-1 1-2 2-3 3-0 0-2"
# the golden cases of the short form: four rings of two states, five of four states, a network with parallel edges
FAST_RINGS, FAST_NETWORKS = (2, 4), ("net-006",)


def quick_compiler(folder):
    """The system's, less eager: bits do not depend on the optimiser."""
    cxx = shutil.which("clang++") or shutil.which("c++") or shutil.which("g++")
    path = folder / "quick_cxx"
    path.write_text(f'#!/bin/sh\nexec {cxx} "$@" {test_own_model.SOON}\n')
    path.chmod(0o755)
    return path


# --- 1. golden cases --------------------------------------------------------------------------------


def read_cases(name):
    return json.loads((harness.ROOT / "tests" / "golden" / f"{name}.json").read_text())["cases"]


def golden_groups(args, checks):
    """(model, variants, cases) of each topology."""
    networks, rings = read_cases("network"), read_cases("ring_stats")
    checks.check((len(networks), len(rings)) == (28, 24), "28 golden networks and 24 rings")
    test_golden.check_keys(golden_map_network.NETWORK, networks, checks)
    test_golden.check_keys(golden_map_network.RING, rings, checks)
    if not args.full:
        networks = [case for case in networks if case["id"] in FAST_NETWORKS]
        rings = [case for case in rings if case["params"]["N"] in FAST_RINGS]
    groups = []
    for model, cases in ((golden_map_network.NETWORK, networks), (golden_map_network.RING, rings)):
        for choices, group in golden_map.group_cases(model, cases).values():
            groups.append((model, choices, group))
    return groups


def with_chord(model):
    """Rings of four states on the built-in network, whose chord is closed."""
    closed = {f"{name}_e4": value for name, value in (("B", CLOSED), ("f", 0.0), ("theta", 0.5))}
    return dataclasses.replace(model, choices=lambda p: {}, parameters=lambda p: model.parameters(p) | closed)


def compile_all(args, checks, topologies):
    """Two programs at once, as on the nodes of a cluster. The smallest is compiled ahead, for every processor."""

    def compile_one(choices):
        command = ("compile", "network") if choices["states"] == 2 else ("point", "--model", "network")
        sets = harness.sets(**{f"variant.{name}": value for name, value in choices.items()})
        return harness.run(args.nessmap, *command, *sets)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for done, choices in zip(pool.map(compile_one, topologies), topologies):
            checks.check(done.returncode == 0, f"{choices}: {done.stderr.strip()}")
            if choices["states"] == 2:
                path = pathlib.Path(done.stdout.splitlines()[0] if done.stdout else "none")
                checks.check(path.is_file() and path.name.startswith("model-network-"), f"compile: {done}")


def check_golden(args, checks, groups):
    worst, n_agree, n_cases = {}, 0, 0
    for model, choices, cases in groups:
        if model is golden_map_network.RING and choices["states"] == 4 and not args.full:
            model, choices = with_chord(model), {}
        with harness.scratch() as name:
            folder = pathlib.Path(name)
            test_golden.write_scan(folder, model, choices, cases)
            done = harness.run(args.nessmap, "run", "cases.toml", "-o", "out.nc", "--quiet", cwd=folder)
            n_cases += len(cases)
            if checks.check(done.returncode == 0, f"{choices}: exit {done.returncode}, {done.stderr.strip()}"):
                n_agree += test_golden.compare_group(model, str(choices), cases, folder / "out.nc", worst, checks)
    print(f"network: {n_agree} of {n_cases} golden cases agree; worst of each quantity:")
    for key, (ratio, error, reference, case) in sorted(worst.items(), key=lambda item: -item[1][0]):
        print(f"  {key:20s} {ratio:9.2e} of the tolerance: error {error:.2e} of {reference:.6e} in {case}")


# --- 2. laws ----------------------------------------------------------------------------------------


class Topology:
    """Edges as numbers, their loops, and the names of what a file says of them."""

    def __init__(self, text):
        self.text = text
        self.edges = [tuple(map(int, word.split("-"))) for word in text.split()]
        self.n_states = 1 + max(map(max, self.edges))
        touched = [sum(state in edge for edge in self.edges) for state in range(self.n_states)]
        self.busiest = touched.index(max(touched))
        self.tree, joined = [], list(range(self.n_states))  # an edge of the tree joins what earlier ones do not
        for index, (i, j) in enumerate(self.edges):
            if joined[i] != joined[j]:
                self.tree.append(index)
                joined = [joined[i] if mark == joined[j] else mark for mark in joined]
        self.chords = [index for index in range(len(self.edges)) if index not in self.tree]
        self.rings = {chord: golden_map_network.ring_of(self.edges, self.tree, chord) for chord in self.chords}
        per_edge = ("J", "Jout", "Jin", "A", "Tsigma")
        self.outputs = [f"{name}_e{k}" for name in per_edge for k in range(len(self.edges))]
        self.outputs += [f"{name}_e{k}" for name in ("Jcyc", "Acyc") for k in self.chords]
        self.outputs += [f"p{i}" for i in range(self.n_states)]
        self.outputs += ["Tsigma_total", "sigma_total", "a_max", "tau_slow", "closure"]

    def head(self, mode):
        # no audit: rates are so far apart here that following is tested apart, on milder ones (random_network)
        variables = ", ".join(f'"{name}"' for name in self.outputs)
        return (
            f'model = "network"\n[variant]\nstates = {self.n_states}\nedges = "{self.text}"\n'
            f'[output]\nvariables = [{variables}]\nprecision = "f64"\n[solver]\nmode = "{mode}"\naudit = 0.0\n'
        )


def random_network(topology, drives, mode="auto"):
    """{parameter: (low, high)}; drives: indices of the edges whose drive is drawn."""
    edges = range(len(topology.edges))
    # a time course of rates 24 decades apart is beyond what following can do; elimination does not mind
    heights, most = ((45e3, 65e3), 12e3) if mode == "follow" else ((28e3, 77e3), 50e3)
    ranges = {"T": (273.15, 323.15), "p_tot": (0.5, 2.0)}
    ranges |= {f"G{i}": (-15e3, 15e3) for i in range(topology.n_states)}
    ranges |= {f"B_e{k}": heights for k in edges}
    ranges |= {f"theta_e{k}": (0.0, 1.0) for k in edges}
    return ranges | {f"f_e{k}": (-most, most) for k in drives}


def scan_text(topology, n, drives, ties, mode, lines="", seed=11):
    text = topology.head(mode) + f'[design]\nkind = "random"\nn = {n}\nseed = {seed}\n'
    for name, (low, high) in random_network(topology, drives, mode).items():
        text += f'[[random]]\nname = "{name}"\ndist = "uniform"\nmin = {low!r}\nmax = {high!r}\n'
    drawn = [f"f_e{k}" for k in range(len(topology.edges)) if k not in drives and f"f_e{k}" not in ties]
    text += "[fixed]\n" + "".join(f"{name} = 0.0\n" for name in drawn) + lines
    return text + "[tie]\n" + "".join(f'{name} = "{tie}"\n' for name, tie in ties.items())


class Law:
    """Collects the largest deviation of each law over all edges and states, and compares it once."""

    def __init__(self, checks, what):
        self.checks, self.what, self.found = checks, what, {}

    def holds(self, law, deviation, limit):
        before = self.found.get(law, (0.0, limit))[0]
        self.found[law] = (max(before, largest(deviation)), limit)

    def finish(self):
        for law, (found, limit) in self.found.items():
            print(f"  {self.what}: {law}: {found:.1e}, allowed {limit:.0e}")
            self.checks.check(found <= limit, f"{self.what}: {law}: {found:.3g} > {limit:g}")


def rates(topology, s):
    """Forwards and backwards, of every edge."""
    RT, forth, back = R * s["T"], [], []
    for k, (i, j) in enumerate(topology.edges):
        f, theta = s[f"f_e{k}"], s[f"theta_e{k}"]
        forth.append(RATE * s["T"] * np.exp(-(s[f"B_e{k}"] - s[f"G{i}"] - theta * f) / RT))
        back.append(RATE * s["T"] * np.exp(-(s[f"B_e{k}"] - s[f"G{j}"] + (1 - theta) * f) / RT))
    return forth, back


def eliminate(topology, forth, back, total):
    """Stationary amounts by elimination of one state after the other, without subtractions (Grassmann et al. 1985)."""
    n = topology.n_states
    k = [[0.0 * total for _ in range(n)] for _ in range(n)]
    for (i, j), out, home in zip(topology.edges, forth, back, strict=True):
        k[i][j] = k[i][j] + out
        k[j][i] = k[j][i] + home
    for last in range(n - 1, 0, -1):
        leaves = sum(k[last][j] for j in range(last))
        for i in range(last):
            k[i][last] = k[i][last] / leaves
            for j in range(last):
                if i != j:
                    k[i][j] = k[i][j] + k[i][last] * k[last][j]
    p = [1.0 + 0.0 * total]
    for state in range(1, n):
        p.append(sum(p[i] * k[i][state] for i in range(state)))
    whole = sum(p)
    return [total * share / whole for share in p]


def check_laws(law, topology, s, only, potential=None):
    """Laws of every network. only: the outcome of every point, or None; potential: where drives come from energies of
    the states, those energies."""
    n = len(s["p0"])
    law.checks.check(only is None or s.counts == {only: n}, f"{law.what}: outcomes {s.counts}, wanted {n} {only}")
    law.checks.check(s.n_violate == 0, f"{law.what}: {s.n_violate} violate the second law")
    RT, edges = R * s["T"], range(len(topology.edges))
    p = [s[f"p{i}"] for i in range(topology.n_states)]
    J, out, back, A = ([s[f"{name}_e{k}"] for k in edges] for name in ("J", "Jout", "Jin", "A"))
    both = [a + b for a, b in zip(out, back, strict=True)]
    gross = sum(both)
    forth, home = rates(topology, s)

    exact = eliminate(topology, forth, home, s["p_tot"])
    net, touched = [0.0 * s["T"] for _ in p], [0.0 * s["T"] for _ in p]
    for k, (i, j) in enumerate(topology.edges):
        drive = (s[f"G{i}"] - s[f"G{j}"] + s[f"f_e{k}"]) / RT
        is_open = both[k] > NOTHING
        forward = np.where(is_open, out[k] / p[i], 1.0) / np.where(is_open, forth[k], 1.0)
        law.holds("forward rate", forward - 1, 1e-12)
        ratio = np.log(np.where(is_open, out[k], 1.0) / np.where(is_open, back[k], 1.0))
        x = np.where(is_open, drive + np.log(p[i] / p[j]), 0.0)
        law.holds("ratio of both ways, by energies and drive alone", (ratio - x) / (1 + np.abs(x)), 1e-12)
        law.holds("affinity", np.where(is_open, A[k] / RT - x, 0.0) / (1 + np.abs(x)), 1e-12)
        for state, sign in ((i, -1), (j, 1)):
            net[state] = net[state] + sign * J[k]
            touched[state] = touched[state] + both[k]
    for state, share in enumerate(p):
        law.holds("amounts against an elimination in numpy", share / exact[state] - 1, 1e-11)
        law.holds("balance of every state", net[state] / touched[state], 1e-12)
    law.holds("total", sum(p) / s["p_tot"] - 1, 1e-13)

    loops = 0.0 * s["T"]
    size = sum(np.abs(s[f"f_e{k}"]) for k in edges) + RT
    for chord, ring in topology.rings.items():
        affinity = sum(sign * s[f"f_e{k}"] for k, sign in ring.items())
        law.holds("affinity of a loop is that of its drives", (s[f"Acyc_e{chord}"] - affinity) / size, 1e-12)
        law.holds(
            "flux of a loop is that of the edge that closes it",
            (s[f"Jcyc_e{chord}"] - J[chord]) / (both[chord] + NOTHING),
            1e-12,
        )
        loops = loops + s[f"Jcyc_e{chord}"] * s[f"Acyc_e{chord}"]
    by_edges = sum(J[k] * A[k] for k in edges)
    paid = sum(J[k] * s[f"f_e{k}"] for k in edges)
    scale = gross * (RT + size)
    law.holds("dissipation = sum over loops of flux x affinity", (s["Tsigma_total"] - loops) / scale, 1e-12)
    law.holds("dissipation = sum over edges", (s["Tsigma_total"] - by_edges) / scale, 1e-12)
    law.holds("dissipation = what the drives pay", (s["Tsigma_total"] - paid) / scale, 1e-12)
    law.holds("entropy production", s["sigma_total"] * s["T"] / s["Tsigma_total"] - 1 if only == "ness" else 0.0, 1e-12)
    law.holds("closure", s["closure"] / scale, 1e-12)
    law.holds("dissipation is never negative", np.minimum(s["Tsigma_total"], 0.0) / scale, 1e-15)

    if potential is not None:
        weight = [np.exp(-(s[f"G{i}"] + potential[i]) / RT) for i in range(topology.n_states)]
        for i, share in enumerate(p):
            law.holds("shares by energies alone", share / (s["p_tot"] * weight[i] / sum(weight)) - 1, 1e-11)
        for k in edges:
            law.holds("every edge carries nothing", J[k] / (both[k] + NOTHING), 1e-12)


def conservative_ties(topology):
    """Drives of the edges that close loops, so that each loop's drives cancel."""
    ties = {}
    for chord, ring in topology.rings.items():
        terms = [f"{-sign} * f_e{k}" for k, sign in ring.items() if k != chord]
        ties[f"f_e{chord}"] = " + ".join(terms)
    return ties


def potential_of(topology, s):
    """Energy of each state that the drives of the tree come from: f = (energy of from) - (energy of to)."""
    energy = {0: 0.0 * s["T"]}
    while len(energy) < topology.n_states:
        for k in topology.tree:
            i, j = topology.edges[k]
            if i in energy and j not in energy:
                energy[j] = energy[i] - s[f"f_e{k}"]
            elif j in energy and i not in energy:
                energy[i] = energy[j] + s[f"f_e{k}"]
    return [energy[i] for i in range(topology.n_states)]


def closed_sets(topology, n):
    """A table of sets in each of which edges are closed at random, and the rest still joins all states."""
    numbers = np.random.default_rng(5)
    ranges = random_network(topology, range(len(topology.edges)))
    columns = {name: numbers.uniform(low, high, n) for name, (low, high) in ranges.items()}
    for point in range(n):
        open_edges = list(range(len(topology.edges)))
        for k in numbers.permutation(len(topology.edges)):
            rest = [index for index in open_edges if index != k]
            marks = list(range(topology.n_states))
            for index in rest:
                i, j = topology.edges[index]
                marks = [marks[i] if mark == marks[j] else mark for mark in marks]
            if len(set(marks)) == 1 and numbers.random() < 0.5:
                open_edges = rest
                columns[f"B_e{k}"][point] = CLOSED
                columns[f"f_e{k}"][point] = 0.0
    lines = [",".join(columns)] + [",".join(map(repr, map(float, row))) for row in zip(*columns.values())]
    return "\n".join(lines) + "\n"


def check_topology(args, checks, text, n):
    topology = Topology(text)
    edges = range(len(topology.edges))
    few = min(n, N_FOLLOWED)

    def scan(count, drives, ties=None, mode="auto", lines="", seed=11):
        return Scan(args, checks, scan_text(topology, count, drives, ties or {}, mode, lines, seed))

    for mode, count in (("auto", n), ("follow", few)):
        what = f"{text}, {mode}"
        none, cancel, driven = (
            Law(checks, f"{what}, {drives}") for drives in ("no drive", "drives that cancel", "driven")
        )
        for seed in range(max(1, count // N_AT_ONCE)):
            part = min(count, N_AT_ONCE)
            s = scan(part, (), mode=mode, seed=seed)
            s.values |= {f"f_e{k}": 0.0 for k in edges}
            check_laws(none, topology, s, "equilibrium", [0.0] * topology.n_states)
            s = scan(part, topology.tree, conservative_ties(topology), mode, seed=seed)
            check_laws(cancel, topology, s, "equilibrium", potential_of(topology, s))
            s = scan(part, edges, mode=mode, seed=seed)
            check_laws(driven, topology, s, "ness" if topology.chords else "equilibrium")
        for law in (none, cancel, driven):
            law.finish()

    slow = scan(few, edges, lines="kappa = 1e-3\n")
    fast = scan(few, edges)
    law = Law(checks, f"{text}, a thousandth of the transmission")
    for name in (f"p{i}" for i in range(topology.n_states)):
        law.holds("amounts stay", slow[name] / fast[name] - 1, 1e-12)
    for k in edges:
        both = slow[f"Jout_e{k}"] + slow[f"Jin_e{k}"]
        law.holds("fluxes slow down", (slow[f"J_e{k}"] - 1e-3 * fast[f"J_e{k}"]) / both, 1e-12)
    # the slowest time is known to the rounding of the fastest, and of the state that is known as the rest of the others
    forth, back = rates(topology, fast)
    is_known = (fast["tau_slow"] * sum(forth + back) < 1e9) & (fast[f"p{topology.busiest}"] > 1e-8)
    checks.check(np.sum(is_known) > 100, f"{text}: tau_slow is compared at {np.sum(is_known)} points only")
    law.holds("time slows down", np.where(is_known, slow["tau_slow"] / fast["tau_slow"] / 1e3 - 1, 0.0), 1e-6)
    law.finish()

    table = closed_sets(topology, min(n, N_FAST) // 5)
    lines = topology.head("auto") + '[design]\nkind = "table"\nfile = "sets.csv"\n'
    s = Scan(args, checks, lines, {"sets.csv": table})
    law = Law(checks, f"{text}, some edges closed")
    check_laws(law, topology, s, None)
    law.finish()


# --- 3. the program ---------------------------------------------------------------------------------


def check_program(args, checks, text):
    """A topology that is not built in, by every command that takes a model."""
    sets = harness.sets(**{"variant.edges": text})
    with harness.scratch() as name:
        folder = pathlib.Path(name)

        def run(*arguments):
            return harness.run(args.nessmap, *arguments, cwd=folder)

        def is_sentence(done):
            return test_own_model.is_one_sentence(done.stderr)

        def check(done, *words, status=0):
            said = done.stdout + done.stderr
            checks.check(
                done.returncode == status and all(word in said for word in words) and "compiling" not in said,
                f"{done.args[1:]}: exit {done.returncode}, {said[-400:]}",
            )

        last = len(text.split()) - 1
        check(run("models", "network", *sets), f'edges = "{text}"', f"J_e{last}")
        check(run("trace", "--model", "network", *sets, "-o", "course.nc"), "course.nc")
        made = run("init", "network", *sets)
        check(made, f'edges = "{text}"', "states = ")
        (folder / "scan.toml").write_text(made.stdout)
        small = harness.sets(**{"axis.T.n": 3})
        check(run("run", "scan.toml", "-o", "out.nc", *small), "out.nc")
        point = run("point", "--from", "out.nc", "--index", "2")
        check(point, f"e{last}")
        direct = run("point", "--model", "network", *sets, *harness.sets(T=323.15))
        checks.check(point.stdout == direct.stdout, "a point of a file is the point of the same numbers")
        check(run("trace", "--from", "out.nc", "--index", "2", "-o", "again.nc"), "again.nc")
        # the same edges another way round are another question
        swapped = " ".join(reversed(text.split()))
        with test_own_model.environment(NESSMAP_CXX=folder / "none", PATH=folder):
            other = run("point", "--model", "network", *harness.sets(**{"variant.edges": swapped}))
        checks.check(
            other.returncode == 2 and is_sentence(other) and "NESSMAP_CXX" in other.stderr, f"no compiler: {other}"
        )
        # the built-in network under numbers that suit both
        (folder / "four.toml").write_text(run("init", "network").stdout)
        check(run("run", "four.toml", "-o", "four.nc", *small), "four.nc")
        states = harness.sets(**{"variant.states": Topology(text).n_states})
        other = run("run", "four.toml", "-o", "four.nc", *small, *sets, *states)
        checks.check(other.returncode == 4 and is_sentence(other), f"another topology is another question: {other}")

        (folder / "wrong.toml").write_text('model = "network"\n[variant]\nstates = 5\nedges = "0-1 0-9"\n')
        wrong = run("check", "wrong.toml")
        checks.check(
            wrong.returncode == 2
            and is_sentence(wrong)
            and 'wrong.toml:4: variant.edges = "0-1 0-9", but 0-9 leads to state 9' in wrong.stderr,
            f"{wrong}",
        )
        for arguments, words in (
            (("point", "--model", "network", *harness.sets(**{"variant.edge": text})), ('"edge"', '"edges"')),
            (("init", "network", *harness.sets(kappa=2)), ("only preset, variant.states, variant.edges can",)),
            (("models", "barrier", *sets), ("of barrier, only preset can",)),
            (("models", *sets), ("--set goes with",)),
            (("compile", "network"), ("built in",)),
        ):
            done = run(*arguments)
            checks.check(
                done.returncode == 2 and is_sentence(done) and all(w in done.stderr for w in words),
                f"{arguments}: {done}",
            )


def run_checks(args, checks):
    groups = golden_groups(args, checks)
    compiled = [
        choices
        for model, choices, _ in groups
        if args.full or not (model is golden_map_network.RING and choices["states"] == 4)
    ]
    parallel = next(c["edges"] for m, c, _ in groups if m is golden_map_network.NETWORK and c["states"] == 5)
    with harness.scratch() as name:
        folder = pathlib.Path(name)
        with test_own_model.environment(XDG_CACHE_HOME=folder, NESSMAP_CXX=quick_compiler(folder)):
            compile_all(args, checks, compiled)
            checks.check(len(test_own_model.libraries(folder)) == len(compiled), "one library for each topology")
            check_golden(args, checks, groups)
            check_topology(args, checks, BUILT_IN, N_FULL if args.full else N_FAST)
            topologies = [c["edges"] for c in compiled] if args.full else [parallel]
            for text in topologies:
                check_topology(args, checks, text, N_FULL if text == parallel and args.full else N_FAST)
            check_program(args, checks, parallel)


def test_models_network():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
