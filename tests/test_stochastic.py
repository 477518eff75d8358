"""What single molecules do by chance: exact cumulants against another way to them, trajectories against exact windows.

The walks' rates are read from the one-way fluxes and amounts of each set; walk_theory.py says what they mean. Estimates
less what they estimate, over their standard errors, must be standard normal.

  python tests/test_stochastic.py --nessmap build/nessmap [--full]
"""

import dataclasses
import pathlib

import golden_map
import harness
import numpy as np
import test_models_network
import test_own_model
import walk_theory
from scipy import linalg, stats
from test_models_paths import Scan, largest

N_EXACT = {False: 100, True: 1000}  # sets whose exact outputs are compared
N_SETS = {False: 100, True: 1000}  # whose trajectories are
N_TRAJECTORIES = {False: 2000, True: 10000}
N_GOLDEN = {False: 4000, True: 100000}
UNLIKELY = 1e-4  # what happens by chance more rarely than this fails
R = golden_map.R


@dataclasses.dataclass
class Walker:
    """A model whose molecules walk, with mild ranges of its parameters: {name: (dist, low, high)}."""

    model: str
    states: list
    edges: dict  # {pathway: (from, to)}
    ranges: dict
    lines: str = ""

    @property
    def names(self):
        return list(self.edges)

    @property
    def ends(self):
        return [(self.states.index(i), self.states.index(j)) for i, j in self.edges.values()]


def decades(low, high, *names):
    return {name: ("loguniform", low, high) for name in names}


def even(low, high, *names):
    return {name: ("uniform", low, high) for name in names}


CYCLE = Walker(
    "driven_cycle",
    ["A", "B"],
    {"R1": ("A", "B"), "R2": ("B", "A")},
    decades(0.2, 5.0, "k1f", "k1r", "k2f", "k2r", "F_c", "W_c", "C_tot") | even(280.0, 320.0, "T"),
)
LANES = Walker(
    "parallel_paths",
    ["A", "B"],
    {f"lane{k}": ("A", "B") for k in range(4)},
    decades(0.2, 5.0, *(f"k{way}{k}" for way in "fr" for k in range(4)), "C_tot"),
)
CARRIER = Walker(
    "carrier",
    ["Ei", "ESi", "ESo", "Eo"],
    {"bind": ("Ei", "ESi"), "cross": ("ESi", "ESo"), "release": ("ESo", "Eo"), "recross": ("Eo", "Ei")},
    decades(1.0, 30.0, "k1", "km1", "k2", "km2", "k3", "km3", "k4")
    | decades(5.0, 20.0, "S_i")
    | decades(0.05, 0.2, "S_o")
    | even(-0.05, 0.05, "V"),
)


def network(text, energies=4e3, barriers=(48e3, 53e3), drive=5e3):
    """The model `network` of these edges; rates within some decades of each other unless other heights are asked for."""
    topology = test_models_network.Topology(text)
    states = [f"p{i}" for i in range(topology.n_states)]
    edges = {f"e{k}": (states[i], states[j]) for k, (i, j) in enumerate(topology.edges)}
    ranges = even(273.15, 323.15, "T") | even(0.5, 2.0, "p_tot")
    ranges |= even(-energies, energies, *(f"G{i}" for i in range(topology.n_states)))
    for k in range(len(edges)):
        ranges |= even(*barriers, f"B_e{k}") | even(-drive, drive, f"f_e{k}") | even(0.0, 1.0, f"theta_e{k}")
    lines = f'[variant]\nstates = {topology.n_states}\nedges = "{text}"\n'
    return Walker("network", states, edges, ranges, lines)


BUILT_IN = network(test_models_network.BUILT_IN)


def scan_text(walker, n, stochastic="", drop=(), seed=7, fixed="", more=""):
    text = f'model = "{walker.model}"\n{walker.lines}[design]\nkind = "random"\nn = {n}\nseed = {seed}\n'
    for name, (dist, low, high) in walker.ranges.items():
        if name not in drop:
            text += f'[[random]]\nname = "{name}"\ndist = "{dist}"\nmin = {low!r}\nmax = {high!r}\n'
    text += '[output]\nvariables = ["*"]\nprecision = "f64"\n'
    return text + (f"[stochastic]\n{stochastic}" if stochastic else "") + (f"[fixed]\n{fixed}" if fixed else "") + more


def run_walks(args, checks, walker, n, stochastic="", **options):
    return Scan(args, checks, scan_text(walker, n, stochastic, **options))


def rates_of(walker, s):
    """Forth and back, [edge][set]: what flows from a state, over what is there."""
    forth = np.array([s[f"Jout_{name}"] / s[i] for name, (i, _) in walker.edges.items()])
    back = np.array([s[f"Jin_{name}"] / s[j] for name, (_, j) in walker.edges.items()])
    return forth, back


# --- 1. exact outputs ---------------------------------------------------------------------------------


class Worst:
    """The largest deviation of each output in units of what is allowed: 1e-9 of it and 1e-12 of its scale."""

    def __init__(self, checks, what):
        self.checks, self.what, self.found, self.n_nan = checks, what, {}, 0

    def near(self, output, found, exact, scale, place):
        allowed = 1e-9 * abs(exact) + 1e-12 * scale
        ratio = abs(found - exact) / allowed if allowed > 0 else float(found != exact)
        if not ratio <= self.found.get(output, (-1.0,))[0]:
            self.found[output] = (ratio, f"{place}: {found!r}, exact {exact!r}")

    def finish(self):
        for output, (ratio, words) in self.found.items():
            print(f"  {self.what}: {output}: {ratio:.1e} of what is allowed")
            self.checks.check(ratio <= 1, f"{self.what}: {output} at {words}, {ratio:.3g} times what is allowed")


def check_exact(args, checks, walker, n, rates=None, seed=7):
    """rates: of a scan, from its parameters; left out: those that its fluxes tell."""
    s = run_walks(args, checks, walker, n, seed=seed)
    checks.check(s.counts.get("ness", 0) == n, f"{walker.model}: outcomes {s.counts}, wanted {n} ness")
    forth, back = rates(s) if rates else rates_of(walker, s)
    worst = Worst(checks, f"{walker.model} {len(walker.states)} states, {n} sets")
    for point in range(n):
        walk = walk_theory.Walk(len(walker.states), walker.ends, [k[point] for k in forth], [k[point] for k in back])
        sigma, activity = float(walk.sigma), float(walk.activity)
        worst.near("sigma_molecule", s["sigma_molecule"][point], sigma, activity, f"point {point}")
        worst.near("activity", s["activity"][point], activity, 0.0, f"point {point}")
        scale = float(sum(walk.affinity**2 * walk.ways))
        worst.near("var_sigma", s["var_sigma"][point], float(walk.variance_of_entropy()), scale, f"point {point}")
        for e, name in enumerate(walker.names):
            J, way, (mean, variance) = float(walk.net[e]), float(walk.ways[e]), map(float, walk.current(e))
            place = f"point {point}, {name}"
            checks.check(abs(mean - J) <= 1e-12 * way, f"{place}: the theory disagrees with itself, {mean} and {J}")
            worst.near("rate", s[f"rate_{name}"][point], J, way, place)
            worst.near("var", s[f"var_{name}"][point], variance, way, place)
            if abs(J) > 1e-11 * way:  # what is divided by a net rate is known as that is
                fano, tur = variance / J, variance * sigma / J**2
                loose = way / abs(J)
                worst.near("fano", s[f"fano_{name}"][point], fano, abs(fano) * loose + loose, place)
                worst.near("tur", s[f"tur_{name}"][point], tur, tur * (2 * loose + activity / sigma) + loose**2, place)
                checks.check(s[f"tur_{name}"][point] >= 2 * (1 - 1e-9), f"{place}: tur = {s[f'tur_{name}'][point]}")
    worst.finish()


def check_symmetry(args, checks):
    """Gallavotti and Cohen: the generating function of the turns is even about half the affinity, less."""
    s = run_walks(args, checks, CYCLE, 20)
    forth, back = rates_of(CYCLE, s)
    for point in range(20):
        walk = walk_theory.Walk(2, CYCLE.ends, forth[:, point], back[:, point])
        affinity = (s["A_R1"] + s["A_R2"])[point] / (R * s["T"][point])
        scale = float(walk.activity)
        for tilt in (0.3, -0.7):
            one, other = (float(walk.scgf([1, 0], x)) for x in (tilt, -affinity - tilt))
            checks.check(abs(one - other) <= 1e-12 * scale, f"set {point}, tilt {tilt}: {one} and {other}")


def check_undefined(args, checks):
    """Fuel that runs out makes no walk with constant rates; a net rate of zero has no Fano factor."""
    finite = dataclasses.replace(CYCLE, lines='[variant]\nfuel = "finite"\n')
    s = run_walks(args, checks, finite, 20)
    names = [f"{family}_R{k}" for family in ("rate", "var", "fano", "tur") for k in "12"]
    for name in [*names, "sigma_molecule", "var_sigma", "activity"]:
        checks.check(np.all(np.isnan(s[name])), f"{name} of a flask whose fuel runs out: {s[name][:3]}")
    s = run_walks(args, checks, BUILT_IN, 20, drop=drives(BUILT_IN), fixed=no_drives(BUILT_IN))
    for name in BUILT_IN.names:
        checks.check(np.all(np.isnan(s[f"fano_{name}"])), f"fano_{name} at equilibrium: {s[f'fano_{name}'][:3]}")
        checks.check(np.all(s[f"var_{name}"] > 0), f"var_{name} at equilibrium: {s[f'var_{name}'][:3]}")
    checks.check(largest(s["sigma_molecule"] / s["activity"]) < 1e-13, "entropy is produced at equilibrium")


def drives(walker):
    return [name for name in walker.ranges if name.startswith("f_")]


def no_drives(walker):
    return "".join(f"{name} = 0.0\n" for name in drives(walker))


# --- 2. trajectories against windows that are known exactly ----------------------------------------------


class Normal:
    """Estimates less what they estimate, over their standard errors: one of each set, so that they are independent."""

    def __init__(self, checks, what):
        self.checks, self.what, self.found = checks, what, {}

    def add(self, output, estimate, error, exact, where=True):
        where = np.broadcast_to(where, np.shape(estimate))
        z = ((estimate - exact) / error)[where]
        self.found.setdefault(output, []).append(z)

    def finish(self, least):
        """least: z-scores that there must be of every output."""
        for output, parts in self.found.items():
            z = np.concatenate(parts)
            n, what = len(z), f"{self.what}: {output}"
            if not self.checks.check(n >= least, f"{what}: {n} z-scores, {least} are wanted"):
                continue
            if not self.checks.check(np.all(np.isfinite(z)), f"{what}: {np.sum(~np.isfinite(z))} are no numbers"):
                continue
            mean, variance, worst = np.mean(z), np.var(z, ddof=1), np.max(np.abs(z))
            law = stats.kstest(z, "norm").pvalue
            chance = stats.chi2.cdf((n - 1) * variance, n - 1)
            most = stats.norm.isf(UNLIKELY / (2 * n))
            print(
                f"  {what}: {n} z-scores, mean {mean:+.3f}, variance {variance:.3f}, worst {worst:.2f}, KS p {law:.2g}"
            )
            self.checks.check(abs(mean) * n**0.5 <= stats.norm.isf(UNLIKELY / 2), f"{what}: z-scores have mean {mean}")
            self.checks.check(UNLIKELY / 2 <= chance <= 1 - UNLIKELY / 2, f"{what}: z-scores have variance {variance}")
            self.checks.check(worst <= most, f"{what}: |z| of {worst} among {n}, at most {most:.3g} is likely")
            self.checks.check(law >= UNLIKELY, f"{what}: z-scores are not normal, p = {law}")


def walks_of(walker, s):
    return walk_theory.Walks(len(walker.states), walker.ends, *rates_of(walker, s), s["ssa_window"])


def pick(walker, s, family, suffix=""):
    """Of each set one pathway's output: the next one from set to set."""
    columns = np.array([s[f"{family}_{name}{suffix}"] for name in walker.names])
    points = np.arange(columns.shape[1])
    return columns[points % len(columns), points]


def check_window(checks, s, what, time=np.inf, jumps=np.inf, entropy=np.inf):
    wanted = np.minimum(np.minimum(time, jumps / s["activity"]), entropy / s["sigma_molecule"])
    checks.check(largest(s["ssa_window"] / wanted - 1) < 1e-12, f"{what}: the window is not the least of the three")


def check_counts(checks, s, what, n_trajectories):
    """Every trajectory stands in one bin."""
    bins = sum(s[f"ssa_hist_{k:02d}"] for k in range(34))
    checks.check(
        np.all(bins == n_trajectories), f"{what}: {bins[:5]} trajectories in bins, {n_trajectories} were wanted"
    )


def add_windows(normal, walker, s, n_trajectories):
    """Currents and entropy production of each set."""
    walks = walks_of(walker, s)
    n, t = len(walks.time), walks.time
    chosen = np.arange(n) % len(walker.names)
    mean, variance = np.array([walks.window(walks.counting(e)) for e in range(len(walker.names))]).transpose(1, 0, 2)
    mean, variance, ways = (x[chosen, np.arange(n)] for x in (mean, variance, walks.ways))
    # of jumps that are rare, or a net rate that is lost in noise, an estimate is not normal yet
    is_many = n_trajectories * ways * t > 1000
    is_net = is_many & (np.abs(mean) > 20 * np.sqrt(variance / n_trajectories))
    for family, exact, where in (
        ("ssa_rate", mean / t, is_many),
        ("ssa_var", variance / t, is_many),
        ("ssa_fano", variance / mean, is_net),
        ("ssa_tur", variance * walks.sigma * t / mean**2, is_net),
    ):
        with np.errstate(divide="ignore", invalid="ignore"):
            normal.add(family, pick(walker, s, family), pick(walker, s, family, "_se"), exact, where)
    entropy, spread = walks.window(walks.affinity)
    is_net = entropy > 20 * np.sqrt(spread / n_trajectories)
    normal.add("ssa_sigma", s["ssa_sigma"], s["ssa_sigma_se"], entropy / t)
    normal.add("ssa_var_sigma", s["ssa_var_sigma"], s["ssa_var_sigma_se"], spread / t, is_net)
    return walks


def check_trajectories(args, checks, walker, n, n_trajectories, cycle, seed=7):
    """cycle: pathway whose net jumps count turns."""
    what = f"{walker.model} {len(walker.states)} states"
    stochastic = f'trajectories = {n_trajectories}\njumps = 50\nfirst_passage = "{cycle}"\n'
    s = run_walks(args, checks, walker, n, stochastic, seed=seed)
    check_window(checks, s, what, jumps=50.0)
    check_counts(checks, s, what, n_trajectories)
    normal = Normal(checks, what)
    walks = add_windows(normal, walker, s, n_trajectories)

    # turns are renewed at each: from moments of the count at long times come those of the time of one turn
    J, variance = s[f"rate_{cycle}"], s[f"var_{cycle}"]
    is_done = s["ssa_fpt_done"] == 1
    turns = n_trajectories * np.abs(J) * walks.time
    checks.check(np.mean(is_done) > 0.5, f"{what}: all first passages of {np.sum(is_done)} sets of {n} alone are over")
    # a ring that turns back nearly as often has long times, whose variance is found late
    is_straight = np.abs(J) > 0.2 * walks.ways[walker.names.index(cycle)]
    is_known = is_done & is_straight & (turns > 1000)
    normal.add("ssa_fpt", s["ssa_fpt"], s["ssa_fpt_se"], 1 / np.abs(J), is_known)
    normal.add("ssa_fpt_var", s["ssa_fpt_var"], s["ssa_fpt_var_se"], variance / np.abs(J) ** 3, is_known)
    normal.finish(n // 4)

    # jumps both ways, of all trajectories together
    share = np.sum(s["ssa_jumps"] * n_trajectories) / np.sum(walks.activity * walks.time * n_trajectories)
    checks.check(abs(share - 1) < 0.01, f"{what}: {share} of the jumps that are due")
    # no window is too short for the uncertainty relation (Horowitz & Gingrich, Phys. Rev. E 96 (2017) 020103)
    is_net = np.abs(pick(walker, s, "ssa_rate")) > 20 * pick(walker, s, "ssa_rate", "_se")
    below = ((pick(walker, s, "ssa_tur") - 2) / pick(walker, s, "ssa_tur", "_se"))[is_net]
    checks.check(np.min(below) > -5, f"{what}: an uncertainty product {-np.min(below):.2g} errors below 2")
    return s


def moments_of_exp(walks):
    """Standard deviation and skewness of exp(-S) over the window of each set, exactly: <exp(-k S)> by the tilted generator."""
    moments = []
    for k in (2, 3):
        generators = np.zeros((len(walks.time), walks.p.shape[1], walks.p.shape[1]))  # [to, from]
        for (i, j), forth, back, affinity in zip(walks.ends, walks.forth, walks.back, walks.affinity):
            generators[:, i, i] -= forth
            generators[:, j, j] -= back
            generators[:, j, i] += forth * np.exp(-k * affinity)
            generators[:, i, j] += back * np.exp(k * affinity)
        ends = linalg.expm(generators * walks.time[:, None, None]) @ walks.p[:, :, None]
        moments.append(ends.sum(axis=(1, 2)))
    variance = moments[0] - 1
    return variance**0.5, (moments[1] - 3 * moments[0] + 2) / variance**1.5


def check_fluctuations(args, checks, walker, n, n_trajectories):
    """<exp(-S)> = 1, P(S) = exp(S) P(-S): where little is produced set by set, at 2 k_B of all sets together."""
    what = f"{walker.model} {len(walker.states)} states"
    # where more is produced, few trajectories run backwards: what they say is right, but no normal number
    for entropy in (0.1, 0.5, 2.0):
        s = run_walks(args, checks, walker, n, f"trajectories = {n_trajectories}\nentropy = {entropy}\njumps = 200\n")
        check_window(checks, s, what, entropy=entropy, jumps=200.0)
        check_counts(checks, s, what, n_trajectories)
        normal = Normal(checks, f"{what}, {entropy} k_B")
        if entropy == 0.1:
            spread, skewness = moments_of_exp(walks_of(walker, s))
            normal.add("ssa_ift", s["ssa_ift"], spread / n_trajectories**0.5, 1.0, skewness < 0.1 * n_trajectories**0.5)
        normal.add("ssa_slope", s["ssa_slope"], s["ssa_slope_se"], 1.0, s["ssa_slope_se"] < 0.2)
        normal.finish(n // 4)
        z = np.sum(s["ssa_ift"] - 1) / np.sqrt(np.sum(s["ssa_ift_se"] ** 2))
        checks.check(
            abs(z) < stats.norm.isf(UNLIKELY / 2), f"{what}: <exp(-S)> of all sets at {entropy} k_B: z = {z:.3g}"
        )
        # bins that mirror each other: the ratio of their counts lies between those at their edges; the first one also has
        # those of S = 0
        for k in range(1, 16):
            more, less = (np.sum(s[f"ssa_hist_{bin_:02d}"]) for bin_ in (17 + k, 16 - k))
            total, low, high = more + less, *(1 / (1 + np.exp(-0.5 * x)) for x in (k, k + 1))
            above = (more - total * high) / np.sqrt(max(total, 1) * high * (1 - high))
            below = (total * low - more) / np.sqrt(max(total, 1) * low * (1 - low))
            checks.check(
                max(above, below) < 5, f"{what}, {entropy} k_B: {more} trajectories in bin {k}, {less} in its mirror"
            )


# --- 3. time reversal ------------------------------------------------------------------------------------


def turns_of(walker, s):
    """{(by, state, on by): (counts, counts of the reversal)}"""
    found = {}
    for state in walker.states:
        for one, e in enumerate(walker.names):
            for f in walker.names[one + 1 :]:
                if state in walker.edges[e] and state in walker.edges[f]:
                    found[e, state, f] = tuple(s[f"ssa_{way}_{e}_{state}_{f}"] for way in ("forth", "back"))
    return found


def turns_due(walker, walks, turn, n_trajectories):
    """Mean counts of a turn and of its reversal: both jumps lie in the window."""
    e, state, f = turn
    leaves = np.zeros_like(walks.time)
    for name, (i, j) in walker.edges.items():
        k = walker.names.index(name)
        leaves = leaves + (walks.forth[k] if i == state else walks.back[k] if j == state else 0.0)
    within = walks.time + np.expm1(-leaves * walks.time) / leaves

    def way(enter, leave):
        enter, leave = walker.names.index(enter), walker.names.index(leave)
        comes = walks.out[enter] if walker.edges[walker.names[enter]][1] == state else walks.home[enter]
        goes = walks.forth[leave] if walker.edges[walker.names[leave]][0] == state else walks.back[leave]
        return n_trajectories * comes * goes / leaves * within

    return way(e, f), way(f, e)


def check_reversal(args, checks, n, n_trajectories):
    """At equilibrium a film of the molecule runs as well backwards; in a driven ring it does not."""
    stochastic = f"trajectories = {n_trajectories}\njumps = 50\n"
    s = run_walks(args, checks, BUILT_IN, n, stochastic, drop=drives(BUILT_IN), fixed=no_drives(BUILT_IN))
    checks.check(s.counts == {"equilibrium": n}, f"no drives: {s.counts}")
    check_counts(checks, s, "equilibrium", n_trajectories)
    # what comes before repels what comes after, so that the difference spreads less than independent counts would
    worst, squares = 0.0, []
    turns = turns_of(BUILT_IN, s)
    checks.check(len(turns) == 8, f"{len(turns)} turns of the built-in network, 8 are wanted: {list(turns)}")
    for turn, (forth, back) in turns.items():
        checks.check(np.all(forth + back > 0), f"{turn}: no such turns in some sets")
        z = (forth - back) / np.sqrt(np.maximum(forth + back, 1))
        worst = max(worst, largest(z))
        squares.append(np.mean(z**2))
    n_scores = n * len(squares)
    most = stats.norm.isf(UNLIKELY / (2 * n_scores))
    print(
        f"  equilibrium: turns and their reversals differ by {worst:.2f} errors at most, {np.sqrt(np.mean(squares)):.2f} rms"
    )
    checks.check(
        worst < most, f"equilibrium: a turn and its reversal differ by {worst:.3g} errors, {most:.3g} is likely"
    )
    checks.check(
        np.mean(squares) < 1.1, f"equilibrium: turns and reversals differ by {np.mean(squares)} squared errors"
    )
    for name in BUILT_IN.names:
        z = s[f"ssa_rate_{name}"] / s[f"ssa_rate_{name}_se"]
        most = stats.norm.isf(UNLIKELY / (2 * n))
        checks.check(largest(z) < most, f"equilibrium: a current by {name} of {largest(z):.3g} errors")
    # nothing is dissipated, in no trajectory
    checks.check(largest(s["ssa_sigma"] * s["ssa_window"]) < 1e-11, "equilibrium: entropy is produced")
    checks.check(largest(s["ssa_ift"] - 1) < 1e-11, f"equilibrium: <exp(-S)> - 1 = {largest(s['ssa_ift'] - 1)}")
    none = s["ssa_hist_16"] + s["ssa_hist_17"]
    checks.check(
        np.all(none == n_trajectories), f"equilibrium: {none[:5]} trajectories of S = 0, {n_trajectories} wanted"
    )

    for walker in (CYCLE, BUILT_IN):
        s = run_walks(args, checks, walker, n, stochastic)
        walks = walks_of(walker, s)
        worst = 0.0
        for turn, counts in turns_of(walker, s).items():
            for found, due in zip(counts, turns_due(walker, walks, turn, n_trajectories)):
                share = np.sum(found) / np.sum(due)
                checks.check(abs(share - 1) < 0.02, f"{walker.model}, {turn}: {share} of the turns that are due")
            forth, back = counts
            worst = max(worst, largest((forth - back) / np.sqrt(forth + back + 1)))
        checks.check(worst > 20, f"{walker.model}: driven, and turns differ from their reversals by {worst:.3g} errors")
        print(f"  {walker.model}, driven: turns and their reversals differ by {worst:.0f} errors")


# --- 4. golden cases -------------------------------------------------------------------------------------


def golden_text(folder, cases, stochastic):
    columns = golden_map.columns_of(golden_map.DRIVEN_CYCLE, cases)
    rows = [",".join(columns)] + [",".join(map(repr, row)) for row in zip(*columns.values())]
    (folder / "cases.csv").write_text("\n".join(rows) + "\n")
    text = 'model = "driven_cycle"\n[design]\nkind = "table"\nfile = "cases.csv"\n'
    return text + f'[output]\nvariables = ["*"]\nprecision = "f64"\n[stochastic]\n{stochastic}'


def check_golden(args, checks, n_trajectories):
    """Windows of the golden driven_cycle, one configuration each, as each has a length of its own."""
    cases = test_models_network.read_cases("driven_cycle")
    found = []
    for case in cases if args.full else [c for c in cases if c["kind"] in ("stochastic", "equilibrium")]:
        e = case["expect"]
        with harness.scratch() as name:
            folder = pathlib.Path(name)
            text = golden_text(folder, [case], f"trajectories = {n_trajectories}\ntime = {e['t_var']!r}\n")
            s = Scan(args, checks, text, {"cases.csv": (folder / "cases.csv").read_text()})
        t, rate, variance = e["t_var"], s["ssa_rate_R1"][0], s["ssa_var_R1"][0]
        if n_trajectories * (e["J1_plus"] + e["J1_minus"]) / case["params"]["C_tot"] * t < 1000:
            continue
        found.append((rate * t - e["mean_at_t"]) / (s["ssa_rate_R1_se"][0] * t))
        found.append((variance * t - e["var_at_t"]) / (s["ssa_var_R1_se"][0] * t))
        checks.check(s["ssa_window"][0] == t, f"{case['id']}: window {s['ssa_window'][0]}, golden {t}")
    most = stats.norm.isf(UNLIKELY / (2 * max(len(found), 1)))
    print(f"  golden driven_cycle: {len(found)} means and variances of windows, {largest(found):.2f} errors at most")
    checks.check(len(found) >= (30 if args.full else 6), f"{len(found)} golden windows alone are compared")
    checks.check(largest(found) < most, f"golden driven_cycle: a window off by {largest(found):.3g} errors")


def check_rings(args, checks, n_trajectories):
    """Golden rings on the built-in network: at long times the variance rate is the golden one."""
    model = test_models_network.with_chord(test_models_network.golden_map_network.RING)
    rings = [c for c in test_models_network.read_cases("ring_stats") if c["params"]["N"] == 4]
    columns = golden_map.columns_of(model, rings)
    rows = [",".join(columns)] + [",".join(map(repr, row)) for row in zip(*columns.values())]
    text = 'model = "network"\n[design]\nkind = "table"\nfile = "cases.csv"\n[output]\nvariables = ["*"]\nprecision = "f64"\n'
    text += f"[stochastic]\ntrajectories = {n_trajectories}\njumps = 40\n"
    s = Scan(args, checks, text, {"cases.csv": "\n".join(rows) + "\n"})
    ring = dataclasses.replace(BUILT_IN, edges={k: v for k, v in BUILT_IN.edges.items() if k != "e4"})
    walks = walks_of(ring, s)
    mean, variance = walks.window(walks.counting(0))
    z = np.concatenate(
        [
            (s["ssa_rate_e0"] - [c["expect"]["cyc_rate"] for c in rings]) / s["ssa_rate_e0_se"],
            (s["ssa_var_e0"] - variance / walks.time) / s["ssa_var_e0_se"],
        ]
    )
    checks.check(largest(z) < stats.norm.isf(UNLIKELY / (2 * len(z))), f"golden rings: {largest(z):.3g} errors")
    print(f"  golden rings: {len(z)} means and variances, {largest(z):.2f} errors at most")


# --- 5. all of it ----------------------------------------------------------------------------------------


def check_networks(args, checks, text, n_exact):
    """Exact outputs of rates many decades apart, trajectories of milder ones."""
    topology = test_models_network.Topology(text)
    steep = network(text, 15e3, (28e3, 77e3), 50e3)
    check_exact(args, checks, steep, n_exact, lambda s: test_models_network.rates(topology, s))
    check_trajectories(args, checks, network(text), N_SETS[args.full], N_TRAJECTORIES[args.full], "e0")


TOPOLOGIES = ("0-1 1-2 2-0", "0-1 0-2 0-2 1-3 3-4 4-0 2-3", "0-1 1-2 2-3 3-4 4-5 5-6 6-7 7-0 0-4")  # of the long form


def run_checks(args, checks):
    n, n_exact, n_trajectories = N_SETS[args.full], N_EXACT[args.full], N_TRAJECTORIES[args.full]
    check_networks(args, checks, test_models_network.BUILT_IN, n_exact)
    for walker, cycle in ((CYCLE, "R1"), (LANES, "lane0"), (CARRIER, "bind")):
        check_exact(args, checks, walker, n_exact // 10)
        check_trajectories(args, checks, walker, n, n_trajectories, cycle)
    check_symmetry(args, checks)
    check_undefined(args, checks)
    for walker in (BUILT_IN, CYCLE):
        check_fluctuations(args, checks, walker, n, n_trajectories)
    check_reversal(args, checks, n, n_trajectories // 10)
    check_golden(args, checks, N_GOLDEN[args.full])
    check_rings(args, checks, N_GOLDEN[args.full])
    if args.full:
        with harness.scratch() as name:
            folder = pathlib.Path(name)
            quick = test_models_network.quick_compiler(folder)
            with test_own_model.environment(XDG_CACHE_HOME=folder, NESSMAP_CXX=quick):
                for text in TOPOLOGIES:
                    check_networks(args, checks, text, n_exact // 10)


def test_stochastic():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
