"""Refined boundaries: against closed forms, against the grid of the finest cells, the same bytes however they were made.

  python tests/test_refine.py --nessmap build/nessmap [--full]

The fast form takes the lysis map of configs/ with fewer levels; --full takes it as shipped.
"""

import hashlib
import itertools
import math
import pathlib
import shutil
import signal
import sys
import time

import netCDF4
import numpy as np

import harness
import test_cuda_run

sys.path.insert(0, str(harness.ROOT / "tools"))
from nessmap_tools.plot import lysis_boundary

LYSIS = harness.CONFIGS / "pump_leak_lysis_boundary.toml"
LYSIS_SMALL = harness.sets(**{"design.levels": 3, "design.probes": 1000})
LYSIS_HASHES = "7cd3b050702ff173 1412c2f62941addd e0a686a77c5baaa0 5d179975304e4ff8"


class Refined:
    """The file of a refinement."""

    def __init__(self, path):
        with netCDF4.Dataset(path) as file:
            file.set_auto_mask(False)
            self.attributes = {name: file.getncattr(name) for name in file.ncattrs()}
            self.values = {name: np.asarray(variable[...]) for name, variable in file.variables.items()}
            self.meanings = {name: variable.flag_meanings.split() for name, variable in file.variables.items()
                             if "flag_meanings" in variable.ncattrs()}
            self.sizes = {name: len(dim) for name, dim in file.dimensions.items()}

    def __getitem__(self, name):
        return self.values[name]


class Question:
    """A configuration in a folder of its own."""

    def __init__(self, args, folder, name, text):
        self.nessmap, self.folder, self.name = args.nessmap, folder, name
        self.config = folder / f"{name}.toml"
        self.output = folder / f"{name}.nc"
        self.config.write_text(text)

    def run(self, *options):
        return harness.run(self.nessmap, "run", self.config, "-o", self.output, *options)


def run_file(args, checks, config, output, *options):
    done = harness.run(args.nessmap, "run", config, "-o", output, *options)
    good = checks.check(done.returncode == 0, f"{output.name}: exit {done.returncode}: {done.stderr.strip()}")
    return (Refined(output), done.stdout) if good else (None, "")


# --- the lysis boundary in closed form ----------------------------------------------------------------------------


def own_axis_error(p, axis, span):
    """Distance of boundary points from the closed form along their own axis, as a share of it."""
    def miss(shift):
        q = dict(p)
        q[axis] = p[axis] * np.exp(shift)
        return np.log(q["p_max"]) - np.log(lysis_boundary.boundary_p_max(q))
    step = 1e-5
    slope = (miss(step) - miss(-step)) / (2 * step)
    return np.abs(miss(0.0) / slope) / span


def check_lysis(args, checks, folder):
    options = [] if args.full else LYSIS_SMALL
    found, text = run_file(args, checks, LYSIS, folder / "lysis.nc", *options)
    if found is None:
        return
    p = {name: found[name] for name in lysis_boundary.NEEDED if name != "g_K"}
    p |= {name: found[f"boundary_{name}"] for name in ("g_K", "p_max")}
    relative = np.abs(p["p_max"] / lysis_boundary.boundary_p_max(p) - 1.0)
    checks.check(relative.max() < 1e-6, f"lysis: off by {relative.max():.2g} of p_max")
    direction = found["boundary_direction"]
    for number, (axis, low, high) in enumerate((("g_K", 0.03, 10.0), ("p_max", 1e-9, 1e-5))):
        mine = direction == number
        q = {name: value[mine] if value.ndim else value for name, value in p.items()}
        error = own_axis_error(q, axis, math.log(high / low))
        print(f"lysis, along {axis}: {mine.sum()} points, half of them within {np.median(error):.2g}, "
              f"all within {error.max():.2g} of the axis")
        checks.check(mine.sum() > 100 and np.median(error) < 1e-10 and error.max() < 1e-8,
                     f"lysis: {axis} off by {error.max():.2g}, the median by {np.median(error):.2g} of the axis")
    checks.check(set(direction) == {0, 1}, "lysis: directions other than those of the axes")
    ends = {tuple(sorted(pair)) for pair in zip(found["boundary_outcome_from"], found["boundary_outcome_to"])}
    checks.check(ends == {(1, 4)}, f"lysis: outcomes {ends} at the boundary")
    width = found["boundary_half_width"]
    stuck = found.attributes["nessmap_refine_stuck"]
    checks.check(np.sum(width > 0.51e-10) == stuck and stuck < 0.01 * width.size, f"lysis: {stuck} brackets stay wide")
    solves, grid = found.attributes["nessmap_refine_solves"], found.attributes["nessmap_refine_equal_grid"]
    levels = 8 if args.full else 3
    checks.check(grid == (64 * 2**levels + 1) ** 2, f"lysis: the equal grid has {grid}")
    if args.full:
        checks.check(grid > 100 * solves, f"lysis: {solves} solves instead of {grid:.0f}")
    print(f"lysis: {solves} solves, the equal grid has {grid:.0f}, {grid / solves:.0f} times as many; "
          f"p_max within {relative.max():.2g}")
    hashes = found.attributes["nessmap_refine_key_hashes"].split()
    checks.check(len(hashes) == levels + 1, f"lysis: {len(hashes)} hashes")
    if not args.full:
        checks.check(" ".join(hashes) == LYSIS_HASHES, f"lysis: key hashes {' '.join(hashes)}")
        check_whole(checks, found, "lysis")
        check_picture(args, checks, folder, found)
        check_points(args, checks, folder / "lysis.nc", found)
    checks.check(f"{found.sizes['boundary']:,} points of the boundary" in text, f"lysis: summary {text}")
    again = harness.run(args.nessmap, "run", LYSIS, "-o", folder / "lysis.nc", *options)
    checks.check(again.returncode == 0 and "finished already" in again.stderr and again.stdout and
                 again.stdout.splitlines()[1] == text.splitlines()[1], f"lysis: again: {again.stderr} {again.stdout}")


def check_whole(checks, found, name):
    """Vertices once each, in order, and cells that tile the map."""
    order = list(zip(found["vertex_level"].tolist(), found["vertex_key"].tolist()))
    checks.check(order == sorted(set(order)), f"{name}: vertices are not sorted, or stand twice")
    checks.check(len(set(found["vertex_key"].tolist())) == len(order), f"{name}: a vertex was solved twice")
    area = np.sum(0.25 ** found["cell_level"].astype(float)) / 64**2
    checks.check(area == 1.0, f"{name}: cells of area {area}")
    share = found.attributes["nessmap_refine_class_share"].sum() + found.attributes["nessmap_refine_mixed_share"]
    checks.check(abs(share - 1.0) < 1e-12, f"{name}: shares sum to {share}")
    mixed = found["cell_class"] == -1
    checks.check(mixed.any() and np.all(found["cell_level"][mixed] == 3), f"{name}: mixed cells of a coarse level")
    wanted = 1.0 - 0.05 ** (1.0 / 1000)
    checks.check(abs(found.attributes["nessmap_refine_missed_share"] - wanted) < 1e-15, f"{name}: missed share")


def check_picture(args, checks, folder, found):
    """The picture shows the side of the boundary that its pixels are on, and nessmap-plot draws it."""
    p = {name: found[name] for name in lysis_boundary.NEEDED if name != "g_K"}
    p |= {"g_K": found["g_K"][:, None], "p_max": found["p_max"][None, :]}
    is_bounded = lysis_boundary.is_bounded(p)
    boundary = np.clip(lysis_boundary.boundary_p_max(p), 1e-300, 1e300)
    near = np.abs(np.log(p["p_max"] / boundary)) < 2 * math.log(1e4) / 512
    wrong = (is_bounded != (found["outcome"] == 1)) & ~near
    # the boundary is steep where p_max is large: a pixel to the side, too
    wrong = wrong[1:-1] & (is_bounded[:-2] == is_bounded[1:-1]) & (is_bounded[2:] == is_bounded[1:-1])
    checks.check(found["outcome"].shape == (512, 512) and not wrong.any(), f"picture: {wrong.sum()} pixels are wrong")
    checks.check(np.array_equal(np.isfinite(found["V"]), found["outcome"] == 1) or
                 np.mean(np.isfinite(found["V"]) != (found["outcome"] == 1)) < 1e-3, "picture: V and outcome differ")
    drawn = harness.plot(folder / "lysis.nc", "--overlay", "lysis", "-o", folder / "lysis.png")
    checks.check(drawn.returncode == 0 and (folder / "lysis.png").stat().st_size > 10000, f"nessmap-plot: {drawn.stderr}")


def check_points(args, checks, path, found):
    """`point --from` shows a vertex."""
    number = found.sizes["vertex"] // 2
    shown = harness.run(args.nessmap, "point", "--from", path, "--index", number, "--json")
    checks.check(shown.returncode == 0 and f'"g_K": {float(found["vertex_g_K"][number])!r}'[:20] in shown.stdout,
                 f"point --from: {shown.stdout[:200]} {shown.stderr}")
    beyond = harness.run(args.nessmap, "point", "--from", path, "--index", found.sizes["vertex"])
    checks.check(beyond.returncode == 2, f"point --from beyond the end: exit {beyond.returncode}")


# --- level sets ---------------------------------------------------------------------------------------------------

# J_R1 = C_tot (k1f k2f - k1r k2r) / (k1f + k2f + k1r + k2r), with C_tot = 6 - k1f - k2f: one hill, its top near
# k1f = k2f = 1.5
LOW, HIGH, SMALL = 0.42, 2.82, 0.01


def flux(x, y):
    return (6.0 - x - y) * (x * y - SMALL * SMALL) / (x + y + 2 * SMALL)


THRESHOLD = flux(1.5, 1.53)
HILL = f"""model = "driven_cycle"
[design]
kind = "refine"
levels = 5
probes = 8192
class = "J_R1"
threshold = {THRESHOLD!r}
[[axis]]
name = "k1f"
min = {LOW}
max = {HIGH}
n = 16
scale = "linear"
[[axis]]
name = "k2f"
min = {LOW}
max = {HIGH}
n = 16
scale = "linear"
[fixed]
k1r = {SMALL}
k2r = {SMALL}
F_c = 1.0
W_c = 1.0
[tie]
C_tot = "6 - k1f - k2f"
[output]
variables = ["Q"]
precision = "f64"
"""
HILL_HASHES = ("b913a4ffad330a56 7a2789981f5b75cc e1bb334a35ae579a 80649f51c1ef44c2 5beeb2b3cdf705d3 "
               "206644f5fef3c306")


def crossings(above):
    """Edges of a grid whose ends differ, along each axis."""
    return np.sum(above[1:] != above[:-1]), np.sum(above[:, 1:] != above[:, :-1])


def check_hill(args, checks, folder):
    """A disc between the first corners, that probes alone can find."""
    question = Question(args, folder, "hill", HILL)
    found, _ = run_file(args, checks, question.config, question.output)
    if found is None:
        return
    axis = LOW + (HIGH - LOW) * np.arange(513) / 512
    above = flux(axis[:, None], axis[None, :]) >= THRESHOLD
    checks.check(above.sum() > 50 and not above[::32, ::32].any(), "hill: the test itself: the disc is not a small one")
    wanted = crossings(above)
    mine = tuple(np.sum(found["boundary_direction"] == d) for d in (0, 1))
    checks.check(mine == wanted, f"hill: {mine} boundary points instead of {wanted}")
    x, y = found["boundary_k1f"], found["boundary_k2f"]
    step = 1e-6
    slope = np.where(found["boundary_direction"] == 0, flux(x + step, y) - flux(x - step, y),
                     flux(x, y + step) - flux(x, y - step)) / (2 * step)
    error = np.abs((flux(x, y) - THRESHOLD) / slope) / (HIGH - LOW)
    checks.check(error.max() < 1e-9, f"hill: off by {error.max():.2g} of the axis")
    checks.check(found["boundary_half_width"].max() <= 0.5e-10, "hill: brackets are wide")
    checks.check(found.meanings["boundary_class_from"] == ["below", "above", "without_value"] and
                 np.all(found["boundary_class_from"] + found["boundary_class_to"] == 1), "hill: classes")
    checks.check(np.array_equal(found["vertex_C_tot"], 6.0 - found["vertex_k1f"] - found["vertex_k2f"]), "hill: tie")
    exact = flux(found["vertex_k1f"], found["vertex_k2f"])
    checks.check(np.allclose(found["vertex_J_R1"], exact, rtol=1e-12, atol=0), "hill: values of the vertices")
    checks.check(found.attributes["nessmap_refine_key_hashes"] == HILL_HASHES,
                 f"hill: key hashes {found.attributes['nessmap_refine_key_hashes']}")
    shown = np.abs(found["J_R1"] - flux(found["k1f"][:, None], found["k2f"][None, :]))
    checks.check(found["J_R1"].shape == (512, 512) and shown.max() < 0.02, f"hill: picture off by {shown.max()}")
    area = found.attributes["nessmap_refine_class_share"][1]
    mixed = found.attributes["nessmap_refine_mixed_share"]
    checks.check(area < above.mean() < area + mixed, f"hill: area {area} to {area + mixed}, it is {above.mean()}")

    # cells too coarse for the disc: each probe in it is one end of a bracket
    coarse, _ = run_file(args, checks, question.config, folder / "coarse.nc", *harness.sets(**{"design.levels": 0}))
    if coarse is not None:
        hits = flux(coarse["probe_k1f"], coarse["probe_k2f"]) >= THRESHOLD
        off = np.abs(flux(coarse["boundary_k1f"], coarse["boundary_k2f"]) / THRESHOLD - 1.0)
        checks.check(hits.any() and coarse.sizes["boundary"] == hits.sum() and off.max() < 1e-9 and
                     np.all(coarse["boundary_direction"] == 2), f"hill by probes alone: {hits.sum()} hits, {off}")

    blind, text = run_file(args, checks, question.config, folder / "blind.nc", *harness.sets(**{"design.probes": 0}))
    if blind is not None:
        checks.check(blind.sizes["boundary"] == 0 and blind.sizes["vertex"] == 17 * 17 and "no boundary" in text and
                     "no probes" in text, f"hill without probes: {blind.sizes} {text}")


LEVEL_SET = """model = "pump_leak"
[design]
kind = "refine"
levels = 3
probes = 0
class = "V"
threshold = "-60 mV"
[[axis]]
name = "g_K"
min = 0.03
max = 10.0
n = 32
scale = "log"
[[axis]]
name = "p_max"
min = 1e-9
max = 1e-5
n = 16
scale = "log"
[solver]
audit = 0.0
[output]
variables = ["V", "Na_i"]
precision = "f64"
"""


def check_level_set(args, checks, folder):
    """V = -60 mV, and where V ends: the edges and values of the grid of the finest cells."""
    question = Question(args, folder, "level", LEVEL_SET)
    found, _ = run_file(args, checks, question.config, question.output)
    lines = [line for line in LEVEL_SET.splitlines()
             if not line.startswith(("kind", "levels", "probes", "class", "threshold", "[design]"))]
    grid = Question(args, folder, "grid", "\n".join(lines).replace("n = 32", "n = 257").replace("n = 16", "n = 129"))
    done = grid.run("--quiet")
    if found is None or not checks.check(done.returncode == 0, f"level set: grid: {done.stderr}"):
        return
    with harness.Results(grid.output) as points:
        v, g_k, p_max, na = points["V"], points["g_K"], points["p_max"], points["Na_i"]
    kind = np.where(np.isnan(v), 2, v >= -0.06)
    wanted = crossings(kind)
    mine = tuple(np.sum(found["boundary_direction"] == d) for d in (0, 1))
    checks.check(mine == wanted and min(wanted) > 50, f"level set: {mine} boundary points instead of {wanted}")
    pairs = {tuple(sorted(p)) for p in zip(found["boundary_class_from"], found["boundary_class_to"])}
    checks.check(pairs >= {(0, 1), (1, 2)}, f"level set: classes {pairs}")
    drawn = harness.plot(question.output, "-o", folder / "level.png")
    checks.check(drawn.returncode == 0 and (folder / "level.png").stat().st_size > 10000, f"nessmap-plot: {drawn.stderr}")
    # a vertex has the parameters and the values of the grid, bit for bit
    at = (np.searchsorted(g_k, found["vertex_g_K"]), np.searchsorted(p_max, found["vertex_p_max"]))
    checks.check(np.array_equal(g_k[at[0]], found["vertex_g_K"]) and np.array_equal(p_max[at[1]], found["vertex_p_max"]),
                 "level set: parameters of vertices are not those of the grid")
    checks.check(np.array_equal(v[at], found["vertex_V"], equal_nan=True) and
                 np.array_equal(na[at], found["vertex_Na_i"], equal_nan=True), "level set: values of vertices")
    # each boundary point lies on an edge of the grid that crosses
    inside = np.searchsorted(g_k, found["boundary_g_K"]), np.searchsorted(p_max, found["boundary_p_max"])
    along = found["boundary_direction"] == 0
    far = np.where(along, kind[inside[0] - 1, inside[1]], kind[inside[0], inside[1] - 1])
    checks.check(np.all(far != kind[inside]), "level set: a boundary point on an edge that does not cross")


# --- segments -----------------------------------------------------------------------------------------------------

SEGMENTS = """model = "driven_cycle"
[design]
kind = "refine"
n = 4096
seed = 5
class = "J_R1"
threshold = 0.0
[[random]]
name = "k1f"
dist = "loguniform"
min = 0.1
max = 10.0
[[random]]
name = "k2f"
dist = "loguniform"
min = 0.1
max = 10.0
[[random]]
name = "F_c"
dist = "loguniform"
min = 0.1
max = 10.0
[fixed]
k1r = 3.0
[output]
variables = ["J_R1"]
"""


def check_segments(args, checks, folder):
    """The flux turns at k1f k2f F_c = 3: a plane in logarithms, and the volume beyond it by Irwin and Hall."""
    question = Question(args, folder, "segments", SEGMENTS)
    found, text = run_file(args, checks, question.config, question.output)
    if found is None:
        return
    # three numbers from -1 to 1 sum to more than t
    t = 0.5 * (math.log10(3.0) + 3.0)
    below = sum((-1) ** k * math.comb(3, k) * (t - k) ** 3 for k in range(int(t) + 1)) / 6.0
    share = found.attributes["nessmap_refine_crossing_share"]
    wanted = 2.0 * below * (1.0 - below)
    checks.check(abs(share - wanted) < 0.01, f"segments: {share} cross, closed form {wanted}")
    checks.check(abs(found.attributes["nessmap_refine_class_share"][1] - (1.0 - below)) < 0.003, "segments: volume")
    product = found["boundary_k1f"] * found["boundary_k2f"] * found["boundary_F_c"]
    error = np.abs(np.log(product / 3.0))
    checks.check(error.max() < 1e-8 and found["boundary_half_width"].max() <= 0.5e-10,
                 f"segments: off by {error.max():.2g} in the logarithm of the product")
    pair = found["boundary_pair"]
    checks.check(found.sizes["vertex"] == 8192 and pair.size == round(share * 4096), "segments: sizes")
    ends = found["vertex_J_R1"]
    above = ends >= 0
    checks.check(np.array_equal(np.flatnonzero(above[::2] != above[1::2]), pair), "segments: pairs that cross")
    drawn = harness.plot(question.output)
    checks.check(drawn.returncode == 0 and question.output.with_suffix(".png").stat().st_size > 10000,
                 f"nessmap-plot of segments: {drawn.stderr}")
    # the point lies on its segment
    u = np.stack([np.log10(found[f"vertex_{n}"]) for n in ("k1f", "k2f", "F_c")], 1)
    b = np.stack([np.log10(found[f"boundary_{n}"]) for n in ("k1f", "k2f", "F_c")], 1)
    start, way = u[2 * pair], u[2 * pair + 1] - u[2 * pair]
    along = np.sum((b - start) * way, 1) / np.sum(way * way, 1)
    off = np.abs(b - start - along[:, None] * way).max()
    checks.check(off < 1e-12 and 0 <= along.min() and along.max() <= 1, f"segments: {off:.2g} off their lines")
    checks.check("of the segments cross" in text, f"segments: summary {text}")


# --- the same bytes -----------------------------------------------------------------------------------------------


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check_bytes(args, checks, folder):
    """Threads, lanes, kills in many stages, SIGTERM: the same file."""
    output = folder / "bytes.nc"
    command = ["run", LYSIS, "-o", output, *LYSIS_SMALL, "--quiet"]
    done = harness.run(args.nessmap, *command, "--threads", 1, "--lanes", 1)
    if not checks.check(done.returncode == 0, f"bytes: {done.stderr}"):
        return
    wanted = digest(output)
    for threads, lanes in ((2, 8), (3, 16)):
        done = harness.run(args.nessmap, *command, "--threads", threads, "--lanes", lanes, "--fresh")
        if done.returncode == 7:
            harness.not_run(f"--lanes {lanes}: not on this processor")
            continue
        checks.check(done.returncode == 0 and digest(output) == wanted, f"bytes: {threads} threads of {lanes} lanes")
    checks.check(not (folder / "bytes.nc.parts").exists(), "bytes: parts are left")

    output.unlink()
    parts = folder / "bytes.nc.parts"
    hits = []
    for number, send in ((0, signal.SIGKILL), (2, signal.SIGKILL), (3, signal.SIGTERM), (6, signal.SIGKILL),
                         (11, signal.SIGKILL), (17, signal.SIGTERM), (24, signal.SIGKILL)):
        process = harness.start(args.nessmap, *command, "--threads", 1 + number % 3)
        wanted_path = parts / f"stage{number:04d}.parts" if number else parts / "manifest.toml"
        while process.poll() is None and not wanted_path.exists():
            time.sleep(0.0005)
        process.send_signal(send)
        code = process.wait()
        checks.check(code in (-9, 75), f"bytes: exit {code} after signal {send} in stage {number}")
        hits.append(len(list(parts.glob("stage*.parts"))))
    checks.check(hits == sorted(hits) and hits[-1] > 20, f"bytes: stages there after each kill: {hits}")
    other = harness.run(args.nessmap, *command, "--set", "design.tolerance=1e-9")
    checks.check(other.returncode == 4, f"bytes: another question over the parts: exit {other.returncode}")
    assembled = harness.run(args.nessmap, "assemble", parts)
    checks.check(assembled.returncode == 2 and "refinement" in assembled.stderr, f"assemble: {assembled.stderr}")
    shutil.copytree(parts, folder / "aside")
    done = harness.run(args.nessmap, *command, "--threads", 2)
    checks.check(done.returncode == 0 and digest(output) == wanted, "bytes: a run killed seven times differs")
    checks.check(not parts.exists(), "bytes: parts are left after kills")
    # as after a kill between the rename and the end
    shutil.copytree(folder / "aside", parts)
    done = harness.run(args.nessmap, *command)
    checks.check(done.returncode == 0 and not parts.exists() and digest(output) == wanted, "bytes: parts are not swept")


# --- another backend ----------------------------------------------------------------------------------------------


def check_cuda(args, checks, folder):
    """Kernels of a GPU, run by the stand-in driver: the same list of points, and the same boundary."""
    bench = test_cuda_run.Bench(args, folder)
    if not bench.is_there():
        harness.not_run("refinement on the CUDA backend: the stand-in driver is not built")
        return
    small = harness.sets(**{"design.levels": 2, "design.probes": 200, "design.tolerance": 1e-4,
                            "axis.g_K.n": 16, "axis.p_max.n": 16})
    found = {}
    for backend in ("cpu", "cuda"):
        done = bench.run(LYSIS, folder / f"{backend}.nc", *small, "--quiet", backend=backend)
        if not checks.check(done.returncode == 0, f"{backend}: exit {done.returncode}: {done.stderr.strip()}"):
            return
        found[backend] = Refined(folder / f"{backend}.nc")
    checks.check(bench.is_clean(), "cuda: the driver was misused")
    cpu, cuda = found["cpu"], found["cuda"]
    for name in ("nessmap_refine_key_hashes", "nessmap_refine_solves", "nessmap_refine_stages"):
        checks.check(cpu.attributes[name] == cuda.attributes[name], f"cuda: {name} is not that of the CPU")
    for name in ("vertex_key", "vertex_g_K", "probe_p_max", "cell_key", "cell_class", "boundary_g_K", "boundary_p_max"):
        checks.check(np.array_equal(cpu[name], cuda[name]), f"cuda: {name} is not that of the CPU")
    checks.check(np.allclose(cpu["vertex_V"], cuda["vertex_V"], rtol=1e-6, atol=1e-9, equal_nan=True), "cuda: V differs")


# --- what cannot be -----------------------------------------------------------------------------------------------


def check_mistakes(args, checks, folder):
    """One clear sentence each."""
    axis = '[[axis]]\nname = "{}"\nmin = 1.0\nmax = 2.0\n{}\n'
    two = axis.format("k1f", "n = 16") + axis.format("k2f", "n = 16")
    random = '[[random]]\nname = "k1f"\ndist = "{}"\n{}\n'
    uniform = random.format("uniform", "min = 1.0\nmax = 2.0")
    cases = [
        ("", axis.format("k1f", "n = 16"), 'divides the cells of two axes, found 1 [[axis]]'),
        ("", two + axis.format("k1r", "n = 16"), 'divides the cells of two axes, found 3 [[axis]]'),
        ("", axis.format("k1f", "n = 16") + '[[axis]]\nname = "k2f"\nvalues = [1, 2]\n',
         'axis.k2f.values: kind = "refine" divides what lies between'),
        ("", axis.format("k1f", "n = 48") + axis.format("k2f", ""), "axis.k1f.n = 48, but"),
        ("levels = 20", axis.format("k1f", "n = 512") + axis.format("k2f", ""), "lower one of them"),
        ("levels = -1", two, "design.levels = -1, but"),
        ("tolerance = 0.0", two, "design.tolerance = 0, but"),
        ("probes = 1.5", two, "design.probes = 1.5, but"),
        ("n = 4", two, "design.n = 4, but with two axes"),
        ('class = "V"', two, "design.threshold is missing"),
        ('class = "J_R"\nthreshold = 1', two, 'no output "J_R"; did you mean "J_R1"?'),
        ('class = "J_R1"\nthreshold = "1 V"', two, 'design.threshold = "1 V"'),
        ("threshold = 1", two, "it goes with class = the name of an output"),
        ("", two + uniform.replace("k1f", "k1r"), "found both; remove one kind"),
        ("", uniform, "design.n is missing"),
        ("n = 4\nlevels = 2", uniform, "it belongs to a map of two [[axis]]"),
        ("n = 4", random.format("normal", "mean = 1.0\nsd = 0.1"), "dist must be uniform or loguniform"),
        ("", two + '[[reduce]]\nkind = "summary"\n', 'design.kind = "refine" keeps every point'),
        ("file = 'a.csv'", two, "design.file"),
        ("scramble = 'none'", two, "design.scramble"),
    ]
    for number, (keys, rest, sentence) in enumerate(cases):
        text = f'model = "driven_cycle"\n[design]\nkind = "refine"\n{keys}\n{rest}'
        question = Question(args, folder, f"mistake{number}", text)
        done = harness.run(args.nessmap, "check", question.config)
        checks.check(done.returncode == 2 and sentence in done.stderr and done.stderr.count("\n") == 1,
                     f"mistake {number}: exit {done.returncode}: {done.stderr.strip()} instead of {sentence}")
    grid = Question(args, folder, "grid_levels", f'model = "driven_cycle"\n[design]\nlevels = 3\n{two}')
    done = harness.run(args.nessmap, "check", grid.config)
    checks.check(done.returncode == 2 and 'only kind = "refine" has it' in done.stderr, done.stderr)
    hill = Question(args, folder, "shard", HILL)
    done = hill.run("--shard", "0/2")
    checks.check(done.returncode == 2 and "leave --shard out" in done.stderr, f"--shard: {done.stderr}")
    # nothing differs anywhere: a file with an empty list, and a sentence
    quiet = Question(args, folder, "nothing", f'model = "driven_cycle"\n[design]\nkind = "refine"\n'
                     f'probes = 10\n{two}[fixed]\nk1r = 0.1\n')
    found, text = run_file(args, checks, quiet.config, quiet.output)
    if found is not None:
        checks.check(found.sizes["boundary"] == 0 and "no boundary" in text and found.sizes["cell"] == 256,
                     f"nothing differs: {found.sizes} {text}")
    done = harness.run(args.nessmap, "plan", hill.config)
    checks.check(done.returncode == 0 and all(word in done.stdout for word in
                 ("289 corners of 16 x 16 cells and 8,192 probes", "J_R1 above or below", "263,169", "halvings")),
                 f"plan: {done.stdout} {done.stderr}")


def run_checks(args, checks):
    with harness.scratch() as name:
        folder = pathlib.Path(name)
        check_lysis(args, checks, folder)
        if not args.full:
            check_hill(args, checks, folder)
            check_level_set(args, checks, folder)
            check_segments(args, checks, folder)
            check_bytes(args, checks, folder)
            check_cuda(args, checks, folder)
            check_mistakes(args, checks, folder)


def test_refine():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
