"""`nessmap verify`: a good file passes, and whatever is wrong with one is found and named by the check for it.

Files of every kind are made, verified, and verified again after one thing in them was changed.

  python tests/test_verify.py --nessmap build/nessmap [--full]
"""

import os
import pathlib
import re
import shutil
import subprocess
import zlib

import netCDF4
import numpy as np

import harness
import test_cuda_run
import test_memory

CODE_USAGE, CODE_WRONG, CODE_FINGERPRINT, CODE_IO = 2, 3, 4, 6

AXES = """
model = "pump_leak"
[[axis]]
name = "dG_ATP"
min = -60e3
max = 0.0
n = 40
[[axis]]
name = "g_Na"
min = 0.01
max = 30
n = 50
scale = "log"
[tie]
Na_o = "150 - K_o"
"""
DRAWN = """
model = "pump_leak"
[design]
kind = "{kind}"
n = {n}
[[random]]
name = "g_Na"
dist = "loguniform"
min = 0.01
max = 30
[[random]]
name = "K_o"
dist = "uniform"
min = 2
max = 9
[tie]
Na_o = "150 - K_o"
"""
ALL = '[output]\nvariables = ["*"]\n'
TABLE = 'model = "pump_leak"\n[design]\nkind = "table"\nfile = "sets.csv"\n'
CELLS = AXES + '[design]\nkind = "random"\nn = 30\n[[random]]\nname = "K_o"\ndist = "uniform"\nmin = 2\nmax = 9\n'
REFINED = """
model = "pump_leak"
[design]
kind = "refine"
levels = 2
tolerance = 1e-3
probes = 64
class = "outcome"
[[axis]]
name = "g_K"
min = 0.01
max = 30
n = 8
scale = "log"
[[axis]]
name = "p_max"
min = 1e-8
max = 1e-5
n = 8
scale = "log"
"""
GRADIENTS = '[output.gradients]\nof = ["V"]\nby = ["g_Na"]\n'

ONE = 'name = "{name}"\nvalues = [{value}]\n[[axis]]\n'
SCATTER = """[[reduce]]
kind = "bins"
variables = ["J_pump"]
axes = [{ name = "g_Na", min = 0.01, max = 30, n = 6, scale = "log" }, { name = "V", n = 5, min = -0.12, max = 0.0 }]
"""
# near a Hopf point Newton stays at the starved state, and the neuron itself comes to rest
BISTABLE = """
model = "neuron"
[variant]
start = "starved"
[[axis]]
name = "rho"
values = [0.1, 0.3117753670636958]
[[axis]]
name = "w_e"
values = [1.5e-15, 1.7e-15, 2e-15]
[solver]
audit = 0.0
"""
AXIS = '[[axis]]\nname = "g_K"\nmin = 1\nmax = 3\nn = 3\n'

# name: configuration, what stands behind "results", number of points
GOOD = {
    "grid": (AXES, "bit for bit", 2000),
    "compressed": (AXES + "[output]\ncompression = 3\n", "bit for bit", 2000),
    "sample": (DRAWN.format(kind="random", n=1500) + ALL, "bit for bit", 1500),
    "double": (DRAWN.format(kind="lhs", n=700) + ALL + 'precision = "f64"\n', "bit for bit", 700),
    "draws": (CELLS, "bit for bit", 60000),
    "gradients": (DRAWN.format(kind="sobol", n=256) + GRADIENTS, "bit for bit", 256),
    "followed": (AXES + '[solver]\nmode = "follow"\nstarts = 2\n', "bit for bit", 2000),
    "table": (TABLE, "bit for bit", 300),
    "bins": (CELLS + '[[reduce]]\nkind = "bins"\n', "byte for byte", 60000),
    "summary": (
        DRAWN.format(kind="random", n=1000) + '[[reduce]]\nkind = "summary"\nquantiles = [0.5]\n',
        "byte for byte",
        1000,
    ),
    "one_value": (AXES.replace("[[axis]]\n", "[[axis]]\n" + ONE.format(name="K_o", value=4.0), 1), "bit for bit", 2000),
    "last_of_one": (AXES.replace('min = 0.01\nmax = 30\nn = 50\nscale = "log"', "values = [3.0]"), "bit for bit", 40),
    "bistable": (BISTABLE, "bit for bit", 6),
    "no_state": (AXES + '[output]\nvariables = ["sigma_total"]\n', "bit for bit", 2000),
    "scatter": (DRAWN.format(kind="random", n=600) + SCATTER, "byte for byte", 600),
    "indices_along": (
        DRAWN.format(kind="saltelli", n=16) + AXIS + '[[reduce]]\nkind = "sobol"\n',
        "byte for byte",
        192,
    ),
    "indices": (DRAWN.format(kind="saltelli", n=64) + '[[reduce]]\nkind = "sobol"\n', "byte for byte", 256),
    "refined": (REFINED, "byte for byte", None),
}


def verify(args, path, *options, cwd=None):
    return harness.run(args.nessmap, "verify", path, *options, cwd=cwd)


def sentences(done):
    """Lines on stderr, but for those of progress, which a slow machine shows."""
    return [line for line in done.stderr.splitlines() if "% done" not in line and "nessmap: stage " not in line]


def lines_of(done, word):
    """Names of the checks whose line in the report has this word behind it."""
    return set(re.findall(rf"^(\w+) +{word}:", done.stdout, re.M))


def not_run(done):
    names = re.findall(r"^not run +([\w, ]+):", done.stdout, re.M)
    return {name for line in names for name in line.split(", ")}


def make(args, checks, folder, name, text):
    (folder / f"{name}.toml").write_text(text)
    out = folder / f"{name}.nc"
    done = harness.run(args.nessmap, "run", f"{name}.toml", "-o", out, "--quiet", cwd=folder)
    checks.check(done.returncode in (0, 3), f"{name}: {done.stderr}")
    return out


# --- good files -----------------------------------------------------------------------------------

ALL_CHECKS = {"question", "attributes", "parameters", "results"}
POINT_CHECKS = {"verdicts", "values", "residual", "second_law", "dissipation", "fluxes", "closure", "supply", "follow"}
OF_DEFAULTS = ALL_CHECKS | {"verdicts", "values", "residual", "second_law", "follow"}


def expected_passed(name):
    if name in ("sample", "double"):
        return ALL_CHECKS | POINT_CHECKS
    if GOOD[name][1] == "byte for byte":
        return {"question", "results"} if name == "refined" else ALL_CHECKS
    return OF_DEFAULTS - ({"residual"} if name == "no_state" else set())


def check_good(args, checks, folder):
    rng = np.random.default_rng(3)
    rows = [f"{10**x:.17g},{k:.17g}" for x, k in zip(rng.uniform(-2, 1.5, 300), rng.uniform(2, 9, 300))]
    (folder / "sets.csv").write_text("g_Na,K_o\n" + "\n".join(rows) + "\n")
    for name, (text, how, n_points) in GOOD.items():
        out = make(args, checks, folder, name, text)
        before = out.read_bytes()
        done = verify(args, out)
        said = f"{name}: exit {done.returncode}, {done.stdout} {done.stderr}"
        passed = lines_of(done, "passed")
        checks.check(done.returncode == 0 and not sentences(done), said)
        checks.check(passed == expected_passed(name), f"{name}: other checks passed: {said}")
        checks.check(passed | not_run(done) == ALL_CHECKS | POINT_CHECKS, said)
        results = re.search(r"^results .*: ([\d,]+) points \((.*)\)$", done.stdout, re.M)
        n = int(results[1].replace(",", "")) if results else -1
        checks.check(results and how in results[2] and n in (n_points, n if n_points is None else None), said)
        checks.check(re.search(r"^verdict +right: ", done.stdout, re.M), said)
        checks.check(out.read_bytes() == before, f"{name}: verify changes the file")
        checks.check(("another stable state" in done.stdout) == (name == "bistable"), said)
        checks.check(("outcomes alone" in done.stdout) == (name == "no_state"), said)
    checks.check(not list(folder.glob("nessmap_verify_*")), "what is made again stays")


def check_options(args, checks, folder):
    grid = folder / "grid.nc"
    one, two = verify(args, grid, "--threads", 1), verify(args, grid, "--threads", 2)
    checks.check(one.stdout == two.stdout, f"threads change the report: {one.stdout} {two.stdout}")
    some = verify(args, grid, "--points", 100, "--follow", 0)
    n = re.search(r"^results .*: ([\d,]+) points \(of 2,000, ", some.stdout, re.M)
    checks.check(n and 100 <= int(n[1]) <= 256, some.stdout)
    checks.check("follow" in not_run(some) and "right as far as it was looked at" in some.stdout, some.stdout)
    five = verify(args, grid, "--follow", 5)
    checks.check(": 5 points" in five.stdout.split("follow ")[1].splitlines()[0], five.stdout)
    quiet = verify(args, grid, "--quiet")
    checks.check((quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", ""), f"quiet: {quiet}")
    for words in (("--points", "0"), ("--points", "some"), ("--follow", "-1")):
        done = verify(args, grid, *words)
        checks.check(done.returncode == CODE_USAGE and words[0] in done.stderr, f"{words}: {done}")
    whole = verify(args, folder / "bins.nc", "--points", 10)
    checks.check(whole.returncode == 0 and "results" in not_run(whole) and "--points all" in whole.stdout, whole.stdout)


# --- one thing is wrong -----------------------------------------------------------------------------

POINT = 1234  # a steady one of the files that have so many


def put(name, change):
    """A change of one value of a variable, at the point or, of fewer values, at the first."""

    def edit(file):
        x = file[name][...]
        at = POINT if x.size > POINT else 0
        x.reshape(-1)[at] = change(x.reshape(-1)[at])
        file[name][...] = x

    return edit


def attribute(name, change):
    return lambda file: file.setncattr(name, change(file.getncattr(name)))


def of(variable, **attributes):
    return lambda file: file[variable].setncatts(attributes)


def all_of(name, value):
    """A value at every point that has one."""

    def edit(file):
        x = file[name][...]
        x[np.isfinite(x)] = value
        file[name][...] = x

    return edit


def shrink(file, name):
    """A variable that has lost its dimensions."""
    file.renameVariable(name, "before")
    file.createVariable(name, "f8", ()).units = file["before"].units


def swap_inputs(file):
    names = list(file["input"][...])
    for i in range(2):
        file["input"][i] = names[1 - i]


def count_one_more(counts):
    counts = np.array(counts)
    counts[0] += 1
    return counts


def next_up(x):
    return np.nextafter(x, np.inf)


# file, what is changed, checks that fail, what the report or the sentence names
WRONG = [
    ("grid", put("V", next_up), {"results"}, f"point {POINT}: V is "),
    ("compressed", put("V", next_up), {"results"}, f"point {POINT}: V is "),
    ("double", put("V", next_up), None, "V is "),
    ("table", put("V", next_up), None, "V is "),
    ("gradients", put("dV_dg_Na", next_up), {"results"}, "dV_dg_Na is "),
    ("grid", put("V", lambda x: np.nan), {"results", "values"}, f"point {POINT}: V is nan where the outcome is ness"),
    ("grid", put("resid", lambda x: 1.01e-10), {"results", "residual"}, f"point {POINT}: resid is 1.01"),
    ("grid", put("sigma_total", lambda x: -x), {"results", "second_law"}, f"point {POINT}: sigma_total is -"),
    ("grid", put("outcome", lambda x: 3), {"results", "attributes"}, "outcome is unstable, solved again ness"),
    ("grid", put("outcome", lambda x: 6), {"results", "attributes", "values"}, "V is "),
    ("grid", put("outcome", lambda x: 77), {"results", "attributes", "verdicts"}, "outcome is 77, and outcomes are 0 to 8"),
    ("grid", put("flags", lambda x: 1 << 8), {"results", "verdicts"}, "flags are 256, and all flags together are 255"),
    ("grid", put("flags", lambda x: x ^ 1), {"results"}, "flags are "),
    ("grid", attribute("nessmap_outcome_counts", count_one_more), {"attributes"}, "nessmap_outcome_counts of equilibrium says 1, "),
    ("grid", put("g_Na", next_up), {"parameters"}, "g_Na is 0.01"),
    ("grid", put("K_o", next_up), {"parameters"}, "K_o is "),
    ("grid", put("Na_o", next_up), {"parameters"}, "Na_o is "),
    ("sample", put("K_o", next_up), {"parameters"}, f"point {POINT}: K_o is "),
    ("sample", put("Na_o", next_up), {"parameters"}, f"point {POINT}: Na_o is "),
    ("table", put("g_Na", next_up), {"parameters"}, "g_Na is "),
    ("sample", put("J_pump", lambda x: x * (1 + 1e-5)), {"results", "fluxes"}, "J_pump is "),
    ("sample", put("Jin_leak_K", lambda x: x * (1 + 1e-5)), {"results", "fluxes"}, "J_leak_K is "),
    ("sample", put("Tsigma_pump", lambda x: x * (1 + 1e-4)), {"results", "dissipation"}, "the sum of Tsigma_ "),
    ("sample", put("sigma_total", lambda x: x * (1 + 1e-5)), {"results", "dissipation"}, "T sigma_total "),
    ("sample", put("P_ATP", lambda x: x * (1 + 1e-4)), {"results", "supply"}, "the sum of P_ is "),
    ("sample", put("closure", lambda x: 1e-12), {"results", "closure"}, "closure is "),
    ("sample", lambda file: file.renameVariable("V", "W"), CODE_IO, "the variable 'V'"),
    ("sample", of("V", units="mV"), {"attributes"}, 'V: the attribute units is "mV"; it should be "V"'),
    ("grid", of("g_Na", units="mS"), {"attributes"}, 'g_Na: the attribute units is "mS"'),
    ("grid", of("V", scale_factor=1000.0), {"attributes"}, "scale_factor is 1000; it should be missing"),
    ("grid", of("outcome", flag_meanings="ness equilibrium"), {"attributes"}, "flag_meanings is"),
    ("grid", attribute("nessmap_seed", lambda x: 7), {"attributes"}, "nessmap_seed is 7"),
    ("grid", attribute("nessmap_n_failed", lambda x: 1234), {"attributes"}, "nessmap_n_failed says 1234, points are 0"),
    ("grid", attribute("nessmap_n_not_run", lambda x: 1), {"attributes"}, "nessmap_n_not_run says 1, "),
    ("grid", attribute("nessmap_outcome_counts", lambda x: x[:3]), {"attributes"}, "has not 9 numbers"),
    ("grid", put("flags", lambda x: x | 2), {"results"}, "flags are marginal, solved again none"),
    ("grid", all_of("V", np.nan), {"results", "values", "follow"}, "V is nan, followed "),
    ("grid", all_of("V", np.inf), {"results", "values", "follow"}, "V is inf where the outcome is ness"),
    ("grid", all_of("resid", -1.0), {"results", "residual"}, "resid is -1"),
    ("sample", put("Tsigma_total", lambda x: 0.0), {"results", "dissipation", "supply"}, "Tsigma_total is 0, "),
    ("sample", put("sigma_total", lambda x: np.nan), None, "sigma_total is nan"),
    ("sample", put("J_pump", lambda x: np.nan), None, "J_pump is nan, Jout_ - Jin_ "),
    ("draws", lambda file: shrink(file, "K_o"), CODE_IO, "'K_o' lies along other dimensions"),
    ("indices", swap_inputs, {"results"}, 'input[0] is "K_o", made again "g_Na"'),
    ("indices_along", put("g_K", lambda x: 7.0), {"parameters", "results"}, "g_K is 7, its index gives 1"),
    ("bins", of("V_mean", units="mV"), {"attributes"}, 'V_mean: the attribute units is "mV"'),
    (
        "refined",
        attribute("nessmap_refine_class_share", lambda x: np.arange(30000.0)),
        {"attributes"},
        "of 30000 values",
    ),
    ("refined", attribute("nessmap_refine_solves", lambda x: np.arange(3000)), CODE_USAGE, "the file of a refinement"),
    ("bins", put("V_mean", next_up), {"results"}, f"V_mean[{POINT}] is "),
    ("bins", put("count_ness", lambda x: x - 1), {"results"}, f"count_ness[{POINT}] is "),
    ("bins", put("g_Na", next_up), {"parameters", "results"}, "g_Na is "),
    ("summary", put("V_q50", next_up), {"results"}, "V_q50[0] is "),
    ("indices", put("S1_V", next_up), {"results"}, "S1_V[0] is "),
    ("refined", put("boundary_g_K", next_up), {"results"}, "boundary_g_K[0] is "),
    ("grid", attribute("nessmap_config", lambda x: x.replace("n = 50", "n = 25")), CODE_FINGERPRINT, "configuration"),
    ("grid", attribute("nessmap_fingerprint", lambda x: x[::-1]), CODE_FINGERPRINT, "configuration"),
    ("grid", attribute("nessmap_config", lambda x: "model = 3"), CODE_USAGE, "model"),
]


def other_version(file):
    file.product_version = "0.0.1 (git 0123456)"
    file.nessmap_fingerprint = file.nessmap_fingerprint[::-1]


def other_text(file):
    file.nessmap_model_hash = "0" * 32
    file.nessmap_fingerprint = file.nessmap_fingerprint[::-1]


WRONG += [
    ("grid", other_version, CODE_FINGERPRINT, "0.0.1 (git 0123456)"),
    ("grid", other_text, CODE_FINGERPRINT, "text of the model pump_leak"),
    ("grid", lambda file: file.delncattr("nessmap_layout"), CODE_USAGE, "is not a file of nessmap"),
]


def check_wrong(args, checks, folder):
    changed = folder / "changed.nc"
    for name, edit, failing, words in WRONG:
        shutil.copy(folder / f"{name}.nc", changed)
        with netCDF4.Dataset(changed, "a") as file:
            file.set_auto_mask(False)
            edit(file)
        done = verify(args, changed)
        said = f"{name}, {words!r}: exit {done.returncode}, {done.stdout} {done.stderr}"
        failing = {"results"} if failing is None else failing
        if isinstance(failing, int):
            checks.check(done.returncode == failing and not re.search(r"^verdict +right", done.stdout, re.M), said)
            checks.check(words in done.stderr and "changed.nc" in done.stderr, said)
        else:
            # what has no number breaks most laws
            failed = lines_of(done, "FAILED")
            checks.check(
                done.returncode == CODE_WRONG and (failing <= failed if " nan" in words else failing == failed), said
            )
            checks.check(words in done.stdout and re.search(r"^verdict +WRONG", done.stdout, re.M), said)
            checks.check(len(sentences(done)) == 1 and all(word in done.stderr for word in failing), said)


def check_everywhere(args, checks, folder):
    """Laws and following see what was not solved again; the lowest points are named, and all are counted."""
    changed = folder / "changed.nc"
    shutil.copy(folder / "grid.nc", changed)
    with netCDF4.Dataset(changed, "a") as file:
        file.set_auto_mask(False)
        x = file["sigma_total"][...]
        steady = np.flatnonzero(file["outcome"][...] == 1)
        x.reshape(-1)[steady] *= -1
        file["sigma_total"][...] = x
        file["V"][...] = file["V"][...] + np.float32(1e-4)
    for n_threads in (1, 2):
        done = verify(args, changed, "--points", 64, "--threads", n_threads)
        checks.check(lines_of(done, "FAILED") == {"results", "second_law", "follow"}, done.stdout)
        checks.check(f"not so at {steady.size:,} of {steady.size:,} points" in done.stdout, done.stdout)
        named = re.findall(r"point (\d+): sigma_total is -", done.stdout)
        checks.check([int(k) for k in named[-3:]] == list(steady[:3]), f"{named}: {steady[:3]}")


# --- files that are no whole ones ---------------------------------------------------------------------


def check_others(args, checks, folder):
    grid = folder / "grid.nc"
    (folder / "text.nc").write_text("no file of numbers\n")
    (folder / "torn.nc").write_bytes(grid.read_bytes()[: grid.stat().st_size // 2])
    with netCDF4.Dataset(folder / "foreign.nc", "w") as file:
        file.createDimension("x", 3)
        file.createVariable("V", "f4", ("x",))[:] = 0
    harness.run(args.nessmap, "trace", "--model", "pump_leak", "--times", "0,1", "-o", folder / "trace.nc")
    cases = {
        "none.nc": (CODE_IO, "cannot read"),
        "text.nc": (CODE_IO, "is not a NetCDF file"),
        "torn.nc": (CODE_IO, "is not a NetCDF file"),
        "foreign.nc": (CODE_USAGE, "is not a file of nessmap"),
        "trace.nc": (CODE_USAGE, "time course"),
    }
    for name, (code, words) in cases.items():
        done = verify(args, folder / name)
        checks.check(
            done.returncode == code and words in done.stderr and name in done.stderr and len(sentences(done)) == 1,
            f"{name}: {done}",
        )

    # a chunk that cannot be unpacked: what was found before is told, and where it ends
    whole = (folder / "compressed.nc").read_bytes()
    begin = zlib.compress(b"", 3)[:2]
    checks.check(whole.count(begin) > 3, "chunks are not found")
    (folder / "holes.nc").write_bytes(whole.replace(begin, bytes(2)))
    done = verify(args, folder / "holes.nc")
    checks.check(
        done.returncode == CODE_IO and re.search(r"variable \w+, points \d+ to ", done.stderr), f"holes: {done}"
    )
    checks.check(
        "attributes" in lines_of(done, "passed") and re.search(r"^verdict +not known", done.stdout, re.M),
        f"holes: {done}",
    )

    # a table that was changed, and one that is gone
    sets = folder / "sets.csv"
    text = sets.read_text()
    sets.write_text(text.replace("g_Na,K_o\n", "g_Na,K_o\n1,5\n").rsplit("\n", 2)[0] + "\n")
    done = verify(args, folder / "table.nc")
    checks.check(done.returncode == CODE_FINGERPRINT and "sets.csv" in done.stderr, f"another table: {done}")
    sets.unlink()
    done = verify(args, folder / "table.nc")
    checks.check(done.returncode == CODE_IO and "sets.csv" in done.stderr, f"no table: {done}")
    sets.write_text(text)


def check_partial(args, checks, folder):
    """What is not computed is counted and said; a value where nothing was computed is found."""
    (folder / "part.toml").write_text(AXES)
    harness.run(args.nessmap, "run", "part.toml", "-o", "part.nc", "--quiet", "--shard", "1/2", cwd=folder)
    harness.run(args.nessmap, "assemble", "part.nc.parts", "--partial", cwd=folder)
    part = folder / "part.partial.nc"
    with netCDF4.Dataset(part) as file:
        n_missing = int(np.sum(file["outcome"][...] == 8))
    done = verify(args, part)
    checks.check(done.returncode == 0 and 0 < n_missing < 2000, f"{n_missing}: {done}")
    checks.check(f"{n_missing:,} points are not computed (not_run)" in done.stdout, done.stdout)
    checks.check(f": {2000 - n_missing:,} points (of 2,000" in done.stdout, done.stdout)
    with netCDF4.Dataset(part, "a") as file:
        file.set_auto_mask(False)
        V = file["V"][...]
        V.reshape(-1)[np.flatnonzero(file["outcome"][...] == 8)[0]] = -0.07
        file["V"][...] = V
    done = verify(args, part)
    checks.check(lines_of(done, "FAILED") == {"values"} and "where the outcome is not_run" in done.stdout, done.stdout)


# --- a device, and memory ------------------------------------------------------------------------------


def check_device(args, checks, folder):
    """The file of a GPU: within the tolerance of two solvers, not bit for bit."""
    bench = test_cuda_run.Bench(args, folder)
    if not bench.is_there():
        harness.not_run("verify of a GPU's file (no stand-in driver)")
        return
    if not (bench.has_modules or args.full):
        harness.not_run("verify of a GPU's file (without nvcc its kernels take long to make: in the full tier)")
        return
    for name, precision in (("f32", "f32"), ("f64", "f64")):
        config = bench.config(name, DRAWN.format(kind="random", n=300) + ALL + f'precision = "{precision}"\n')
        out = folder / f"device_{name}.nc"
        checks.check(bench.run(config, out).returncode == 0, f"{name}: no file of the stand-in")
        for change, fails in ((lambda x: x * (1 + 1e-11), False), (lambda x: x * (1 + 1e-5), True)):
            with netCDF4.Dataset(out, "a") as file:
                file.set_auto_mask(False)
                for variable in ("V", "ell", "tau_slow"):
                    file[variable][...] = change(file[variable][...])
            done = verify(args, out, "--follow", 0)
            results = done.stdout.split("results ")[1].splitlines()[0]
            said = f"{name}, fails {fails}: {done}"
            checks.check("a GPU's, within 1e-9" in results and ("FAILED" in results) == fails, said)
            checks.check(done.returncode == (CODE_WRONG if fails else 0), said)
    # a file without points is made again by what made it, if that is here
    config = bench.config("bins", CELLS + '[[reduce]]\nkind = "bins"\n')
    out = folder / "device_bins.nc"
    checks.check(bench.run(config, out).returncode == 0, "bins: no file of the stand-in")
    done = verify(args, out)
    checks.check(done.returncode == 0 and "results" in not_run(done), f"bins without a device: {done}")
    done = subprocess.run(
        [args.nessmap, "verify", out], env=bench.environment(), capture_output=True, text=True, check=False
    )
    checks.check(done.returncode == 0 and "byte for byte" in done.stdout, f"bins with a device: {done}")


MOST_BYTES = 48e6  # of two threads; the file has 55 MB
MOST_GROWTH = 2e6


def check_memory(args, checks, folder):
    """Bounded by tiles, not by the file. Tiles have their full size from 4.2e6 points on."""
    peaks = []
    for shape in [(1000, 1000)] + ([(1000, 4200), (2000, 4000)] if args.full else []):
        out = folder / f"memory_{shape[1]}.nc"
        harness.run(args.nessmap, "run", *test_memory.map_arguments(shape), "-o", out, "--quiet")
        code, peak, said = test_memory.peak_of(args.nessmap, "verify", out, "--quiet", "--threads", 2)
        size = out.stat().st_size
        print(f"verify of {shape[0] * shape[1]:.0e} points: peak {peak / 1e6:.1f} MB, file {size / 1e6:.0f} MB")
        checks.check(code == 0, f"{shape}: exit {code}, {said}")
        checks.check(peak < MOST_BYTES < size, f"{shape}: {peak / 1e6:.1f} MB")
        peaks.append(peak)
        out.unlink()
    if args.full:
        checks.check(peaks[2] - peaks[1] < MOST_GROWTH, f"the peak grows with the file: {peaks}")


def run_checks(args, checks):
    with harness.scratch() as name:
        folder = pathlib.Path(name)
        os.environ.pop("TMPDIR", None)  # files are made again beside the others, where this test looks
        for check in (
            check_good,
            check_options,
            check_wrong,
            check_everywhere,
            check_others,
            check_partial,
            check_device,
            check_memory,
        ):
            check(args, checks, folder)


def test_verify():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
