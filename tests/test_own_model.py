"""A model of the user's own in one file: it is compiled when it is used, for CPU and GPU, kept, and found again; it gives
the bytes of the built-in model; a mistake is told at its line.

  python tests/test_own_model.py --nessmap build/nessmap [--full]
"""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import sys
import time

import netCDF4
import numpy as np

import harness
import test_cuda_run

sys.path.insert(0, str(harness.ROOT / "tools"))

import bench_growth  # noqa: E402

K_B, PLANCK, R = 1.380649e-23, 6.62607015e-34, 8.31446261815324  # SI

WHOLE = harness.ROOT / "tests" / "physics" / "broken" / "whole.c"

EDIT = ("Cl_i, Cl_o, ohmic(g)", "Cl_i, Cl_o, ohmic(3 * g)")

# what is replaced in whole.c, by what, and words that the sentence must have; the line is that of the replacement
MISTAKES = (
    ("path(leak_Cl, Cl_i, Cl_o,", "path(leak_Cl, Cl_i, Na_o,", ("pathway leak_Cl", "different charge")),
    ("path(leak_Cl, Cl_i, Cl_o, ohmic", "path(leak_Cl, X_i, Cl_o, ohmic", ("pathway leak_Cl", "trapped")),
    ("free(Cl_i,    -1,", "free(Cl_i,    g,", ("pathway leak_Cl", "constant integer charge")),
    ("path(leak_Cl, Cl_i, Cl_o,", "path(leak_Cl, Ca_i, Cl_o,", ('"Ca_i"',)),
    ('ohmic(g), "Cl- leak"', 'goldman(g), "Cl- leak"', ('no law "goldman"',)),
    ('ohmic(g), "Cl- leak"', 'ohmic(g_Cl), "Cl- leak"', ('"g_Cl"',)),
    (', ohmic(g), "Cl- leak")', ', ohmic(g))', ("4 entries", "5 are wanted")),
    ('1.0,    1e-3,   1e3,    log,    "conductance"', '1e9,    1e-3,   1e3,    log,    "conductance"',
     ("parameter g", "low <= default <= high")),
    ('ohmic(g), "Cl- leak"', 'ohmic(g, "Cl- leak"', ("parenthesis",)),
    ("path(leak_Cl, Cl_i", "path(leak_Na, Cl_i", ('"leak_Na"', "twice")),
    ("-1, cell, NM_PAR(5e-6)", "-1, cel, NM_PAR(5e-6)", ('no compartment "cel"',)),
    ("held(Cl_o,", "hold(Cl_o,", ('"hold"', "begins no row")),
    ("param(T,    ", "param(T_b,  ", ("parameter T", "param(T,")),
)
# told at the pathway that moves the species, and not where its charge is; at the table that lacks a row
TOLD_AT = {"free(Cl_i,    g,": "path(leak_Cl", "param(T_b,  ": "#define NM_PARAMETERS"}


@contextlib.contextmanager
def environment(**values):
    kept = {name: os.environ.get(name) for name in values}
    try:
        for name, value in values.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = str(value)
        yield
    finally:
        for name, value in kept.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


QUICK = """#!/bin/sh
# {cxx} in a hurry; the object of the same words and the same model is not made twice
case " $* " in *" -c "*) ;; *) exec {cxx} "$@" ;; esac
key=$(printf '%s\\n' "$@" | cat - models/*.c | sha256sum)
kept={memory}/${{key%% *}}
for out; do :; done
if [ -f "$kept" ]; then exec cp "$kept" "$out"; fi
{cxx} "$@" {words} || exit
cp "$out" "$kept.$$" && mv "$kept.$$" "$kept"
"""
SOON = "-O1 -DNM_ALWAYS_INLINE="  # the bits are the same


def quick_compiler(folder):
    """A C++ compiler that takes a few seconds, once. It remembers what it made beside `folder`, where all parts of a
    test have theirs."""
    memory = folder.parent / "objects"
    memory.mkdir(exist_ok=True)
    path = folder / "quick_cxx"
    cxx = shutil.which("clang++") or shutil.which("c++") or shutil.which("g++")
    path.write_text(QUICK.format(cxx=cxx, memory=memory, words=SOON))
    path.chmod(0o755)
    return path


def libraries(cache):
    return sorted((cache / "nessmap").glob("model-*.so"))


def leftovers(cache):
    return [path.name for path in (cache / "nessmap").iterdir() if not path.name.endswith(".so")]


def is_one_sentence(text):
    return len(text.strip().splitlines()) == 1 and text.startswith("nessmap: ")


def check_store(args, checks, folder):
    """Compiled once by two processes at once, found again, compiled anew after a change and after damage."""
    cache = folder / "cache"
    cache.mkdir()
    model = folder / "my_cell.c"
    shutil.copy(WHOLE, model)
    point = ("point", "--model", "./my_cell.c")
    with environment(XDG_CACHE_HOME=cache, NESSMAP_CXX=quick_compiler(folder)):
        pair = [harness.start(args.nessmap, *point, cwd=folder) for _ in range(2)]
        checks.check([process.wait() for process in pair] == [0, 0], "two processes at once")
        first = libraries(cache)
        checks.check(len(first) == 1 and not leftovers(cache), f"kept: {first}, {leftovers(cache)}")
        checks.check((cache / "nessmap").stat().st_mode & 0o777 == 0o700, "the folder's mode")
        if not first:
            return

        begin = time.monotonic()
        hit = harness.run(args.nessmap, *point, cwd=folder)
        print(f"  from the cache: {time.monotonic() - begin:.3f} s", flush=True)
        checks.check(hit.returncode == 0 and "compiling" not in hit.stderr, f"cache hit: {hit.stderr}")
        # wherever it is started, a configuration finds the model beside itself, and so does what comes after
        made = harness.run(args.nessmap, "init", "./my_cell.c", cwd=folder)
        checks.check('model = "./my_cell.c"' in made.stdout, f"init: {made.stdout[:200]} {made.stderr}")
        (folder / "scan.toml").write_text(made.stdout)
        done = harness.run(args.nessmap, "run", folder / "scan.toml", "-o", folder / "out.nc",
                           *harness.sets(**{"output.variables": '["*"]'}), cwd="/")
        checks.check(done.returncode == 0 and "compiling" not in done.stderr, f"run: {done.stderr}")
        for place in (folder, "/"):
            again = harness.run(args.nessmap, "point", "--from", folder / "out.nc", "--index", "0", cwd=place)
            checks.check(again.returncode == 0, f"point --from in {place}: {again.stderr}")
        listed = harness.run(args.nessmap, "models", "my_cell.c", cwd=folder)
        checks.check(listed.returncode == 0 and "leak_Cl" in listed.stdout, f"models: {listed.stderr}")

        # no compiler: what is kept is used
        with environment(NESSMAP_CXX=None, PATH=folder / "nothing"):
            kept = harness.run(args.nessmap, *point, cwd=folder)
            checks.check(kept.returncode == 0 and kept.stdout == hit.stdout, f"kept, no compiler: {kept.stderr}")

        # damage is found, and the library made anew
        whole = first[0].read_bytes()
        first[0].write_bytes(whole[: len(whole) // 2])
        repaired = harness.run(args.nessmap, *point, cwd=folder)
        checks.check(repaired.returncode == 0 and "compiling" in repaired.stderr and repaired.stdout == hit.stdout,
                     f"a torn library: {repaired.stderr}")
        checks.check(len(libraries(cache)) == 1, "a torn library is replaced")

        # another text is another library
        model.write_text(model.read_text().replace(*EDIT))
        edited = harness.run(args.nessmap, *point, cwd=folder)
        checks.check(edited.returncode == 0 and "compiling" in edited.stderr and edited.stdout != hit.stdout,
                     f"an edited model: {edited.stderr}")
        checks.check(len(libraries(cache)) == 2, "an edited model has a library of its own")

        # --quiet is quiet about compiling too
        first[0].write_bytes(whole[: len(whole) // 2])
        shutil.copy(WHOLE, model)
        done = harness.run(args.nessmap, "run", "scan.toml", "-o", "quiet.nc", "--quiet", cwd=folder)
        checks.check(done.returncode == 0 and not done.stderr and first[0].read_bytes() != whole[: len(whole) // 2],
                     f"--quiet: {done}")

        # others could put in what is run
        (cache / "nessmap").chmod(0o770)
        refused = harness.run(args.nessmap, *point, cwd=folder)
        checks.check(refused.returncode == 6 and is_one_sentence(refused.stderr) and "770" in refused.stderr
                     and str(cache) in refused.stderr, f"a folder of others: {refused}")


def check_refusals(args, checks, folder):
    """No compiler, no file, no name: one sentence each."""
    shutil.copy(WHOLE, folder / "my_cell.c")
    shutil.copy(WHOLE, folder / "my-cell.c")
    (folder / "scan.toml").write_text('# ?\nmodel = "./none.c"\n')
    cases = (
        (("check", "my_cell.c"), {"PATH": folder / "nothing"}, ("my_cell.c", "C++ compiler", "NESSMAP_CXX")),
        (("check", "my_cell.c"), {"NESSMAP_CXX": folder / "none"}, ("NESSMAP_CXX", "none")),
        (("check", "none.c"), {}, ("none.c", "cannot be read")),
        (("check", "my-cell.c"), {}, ("my-cell.c", "letters, digits and _")),
        (("point", "--model", "./scan.toml"), {}, ("./scan.toml", "ends in .c")),
        (("plan", "scan.toml"), {}, ("scan.toml:2:", "none.c", "cannot be read")),
    )
    for arguments, values, words in cases:
        with environment(XDG_CACHE_HOME=folder / "empty", **{"NESSMAP_CXX": None, **values}):
            done = harness.run(args.nessmap, *arguments, cwd=folder)
        checks.check(done.returncode == 2 and is_one_sentence(done.stderr)
                     and all(word in done.stderr for word in words), f"{arguments} {values}: {done}")


def check_mistakes(args, checks, folder):
    """Mistakes at their lines: every second one; in the long form all, by each compiler that is here."""
    text = WHOLE.read_text()
    compilers = [name for name in ("clang++", "g++") if shutil.which(name)][: None if args.full else 1]
    for name in compilers:
        wrapper = folder / name
        wrapper.write_text(f'#!/bin/sh\nexec {shutil.which(name)} "$@" {SOON}\n')
        wrapper.chmod(0o755)
        for old, new, words in MISTAKES[:: 1 if args.full else 2]:
            assert text.count(old) == 1, old
            if name != compilers[0] and words[0] == "parameter g":
                continue  # the host finds it, and the compiler has nothing to say
            wrong = text.replace(old, new)
            line = 1 + wrong[: wrong.index(TOLD_AT.get(new, new))].count("\n")
            (folder / "my_cell.c").write_text(wrong)
            with environment(XDG_CACHE_HOME=folder / "cache", NESSMAP_CXX=wrapper):
                done = harness.run(args.nessmap, "check", "my_cell.c", cwd=folder)
            said = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else ""
            checks.check(done.returncode == 2 and said.startswith(f"nessmap: my_cell.c:{line}: ")
                         and all(word in said for word in words), f"{name}, {new!r}, line {line}: {done.stderr}")
    checks.check(len(compilers) > 0, "there is a compiler")


# --- on a GPU -----------------------------------------------------------------------------------------

SCAN = """
model = "./my_cell.c"
[[axis]]
name = "g"
min = 1e-3
max = 1e3
n = 40
scale = "log"
[[axis]]
name = "Na_o"
values = [10, 145, 400]
[output]
variables = ["*"]
precision = "f64"
"""


class GpuBench(test_cuda_run.Bench):
    """The stand-in driver, and a stand-in for NVRTC that compiles for it."""

    def environment(self, others=None, nvrtc=True, **options):
        env = super().environment(others, **options)
        hidden = self.folder / "hidden"
        hidden.mkdir(exist_ok=True)
        for name in ("libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12"):
            (hidden / name).write_text("no library\n")
        env["LD_LIBRARY_PATH"] = f"{self.driver}:{self.driver / 'nvrtc' if nvrtc else hidden}"
        env |= {"CUDA_HOME": str(hidden), "NESSMAP_CXX": str(self.folder / "quick_cxx")}
        del env["NESSMAP_STAND_IN_KERNELS"]
        return env

    def is_there(self):
        return (self.driver / "libcuda.so.1").is_file() and (self.driver / "nvrtc" / "libnvrtc.so").is_file()

    def call(self, *arguments, **options):
        with environment(**self.environment(**options)):
            return harness.run(self.nessmap, *arguments, cwd=self.folder)


def check_same(bench, checks, config, kernels, what, **options):
    """A run on the device gives the values of the CPU, by kernels that come from where they should."""
    cpu, cuda = bench.folder / "cpu.nc", bench.folder / "cuda.nc"
    test_cuda_run.remove(cpu)
    test_cuda_run.remove(cuda)
    done = bench.run(config, cpu, "--lanes", 1, backend="cpu", env=bench.environment())
    checks.check(done.returncode == 0, f"{what}: on the CPU: {done.stderr}")
    done = bench.run(config, cuda, env=bench.environment(**options))
    if not checks.check(done.returncode == 0, f"{what}: on the device: {done.stderr}"):
        return b""
    got = test_cuda_run.run_log(cuda)["devices"][0]["kernels"]
    checks.check(got == kernels, f"{what}: kernels {got} instead of {kernels}")
    differing = test_cuda_run.same_values(cpu, cuda)
    checks.check(not differing, f"{what}: other values on the device: {differing}")
    checks.check(bench.is_clean(), f"{what}: {bench.lines('violation') + bench.lines('leak')}")
    with harness.Results(cuda) as results:
        checks.check(results.has_values().all(), f"{what}: {results.counts()}")
        return results["tau_slow"].tobytes()


def gpu_bench(args, folder):
    bench = GpuBench(args, folder)
    if not bench.is_there():
        harness.not_run("test_own_model: an own model on a GPU (the stand-in driver is not built)")
        return None
    quick_compiler(folder)
    shutil.copy(WHOLE, folder / "my_cell.c")
    bench.config("scan", SCAN)
    return bench


def check_gpu(args, checks, folder):
    """The text that the CPU's kernels are made from makes the GPU's too; compiled once, or on another machine."""
    bench = gpu_bench(args, folder)
    if not bench:
        return
    model, config = folder / "my_cell.c", folder / "scan.toml"
    first = check_same(bench, checks, config, "compiled now", "an own model")
    check_same(bench, checks, config, "cached", "the same again")

    # ahead, for what is asked; a node of a cluster needs neither compiler nor NVRTC
    model.write_text(model.read_text().replace(*EDIT))
    done = bench.call("compile", "my_cell.c", "--arch", "sm_80,sm_80")
    kept = [pathlib.Path(line) for line in done.stdout.split()]
    checks.check(done.returncode == 0 and len(kept) == 2 and all(path.is_file() for path in kept), f"compile: {done}")
    missing = bench.run(config, folder / "o.nc", env=bench.environment(nvrtc=False))
    checks.check(missing.returncode == 7 and "NVRTC" in missing.stderr, f"9.0 was not compiled: {missing.stderr}")
    other = check_same(bench, checks, config, "cached", "for 8.0 on 8.6", nvrtc=False, capability=86)
    checks.check(first != other, "an edited model has the values of the first")
    for arch in ("hopper", "sm_", "90", "sm_90,", "sm_-9", "sm_90a"):
        done = bench.call("compile", "my_cell.c", "--arch", arch)
        checks.check(done.returncode == 2 and is_one_sentence(done.stderr) and "sm_90" in done.stderr,
                     f"--arch {arch}: {done}")
    done = bench.call("compile", "my_cell.c", "--arch", "sm_90", nvrtc=False)
    checks.check(done.returncode == 7 and "NVRTC" in done.stderr, f"compile without NVRTC: {done}")
    done = bench.call("compile", "my_cell.c", nvrtc=False)
    checks.check(done.returncode == 0 and len(done.stdout.split()) == 1 and "NVRTC" in done.stderr, f"a GPU alone: {done}")


VARIANT = ("#define NM_COMPARTMENTS", "#define NM_VARIANTS(variant) variant(leak, plain, strong)\n#define NM_COMPARTMENTS")


def check_gpu_choices(args, checks, folder):
    """Kernels for the devices that are there, and for a choice of the variants; what the GPU alone refuses."""
    bench = gpu_bench(args, folder)
    if not bench:
        return
    model, config = folder / "my_cell.c", folder / "scan.toml"
    text = model.read_text().replace("Cl_i, Cl_o, ohmic(g)", "Cl_i, Cl_o, by(leak, ohmic(g), ohmic(5 * g))")
    model.write_text(text.replace(*VARIANT))
    found = bench.call("compile", "my_cell.c", devices=3, capability="90,80,90")
    checks.check(found.returncode == 0 and len(found.stdout.split()) == 3, f"for what is there: {found}")
    plain = check_same(bench, checks, config, "cached", "a variant's first choice", nvrtc=False)
    done = bench.call("compile", "my_cell.c", "--arch", "sm_90", "--set", "variant.leak=strong")
    checks.check(done.returncode == 0 and not set(done.stdout.split()[1:]) & set(found.stdout.split()), f"strong: {done}")
    config.write_text(SCAN + '[variant]\nleak = "strong"\n')
    strong = check_same(bench, checks, config, "cached", "a variant's second choice", nvrtc=False)
    checks.check(plain != strong, "the choice changes no value")
    model.write_text(text.replace(*VARIANT) + "#ifdef NM_CHOSEN\n#error not for this machine\n#endif\n")
    done = bench.run(config, folder / "o.nc", env=bench.environment())
    checks.check(done.returncode == 7 and "my_cell" in done.stderr and "not for this machine" in done.stderr,
                 f"a model that the GPU refuses: {done.stderr}")


def check_nvrtc(args, checks, folder):
    """NVRTC itself, where it is, makes machine code of an own model for both generations."""
    shutil.copy(WHOLE, folder / "my_cell.c")
    with environment(XDG_CACHE_HOME=folder / "cache", NESSMAP_CXX=quick_compiler(folder)):
        done = harness.run(args.nessmap, "compile", "my_cell.c", "--arch", "sm_80,sm_90", cwd=folder)
        if done.returncode == 7 and "was not found" in done.stderr:
            harness.not_run("test_own_model: an own model by NVRTC (libnvrtc was not found)")
            return
        modules = [pathlib.Path(line).read_bytes() for line in done.stdout.split()[1:]]
        checks.check(done.returncode == 0 and len(modules) == 2, f"by NVRTC: {done}")
        for module in modules:
            cubin = module[module.find(b"\x7fELF"):]
            checks.check(int.from_bytes(cubin[18:20], "little") == 190 and b"nm_gpu_newton" in cubin, "a cubin")
        again = harness.run(args.nessmap, "compile", "my_cell.c", "--arch", "sm_80,sm_90", cwd=folder)
        checks.check(again.stdout == done.stdout and "compiling" not in again.stderr, f"again: {again}")


# --- beside the built-in model ------------------------------------------------------------------------


def rate(summary):
    """Sets per second as the summary says them."""
    found = re.search(r"([0-9.]+) (million |thousand |)sets/s", summary)
    return float(found[1]) * {"million ": 1e6, "thousand ": 1e3, "": 1.0}[found[2]] if found else 0.0


def check_copy(args, checks, folder):
    """A copy of pump_leak, compiled ahead, gives the values of the built-in model; its speed is printed."""
    shutil.copy(harness.ROOT / "kernels" / "models" / "pump_leak.c", folder / "my_pump.c")
    config = (harness.CONFIGS / "pump_leak_phase.toml").read_text()
    (folder / "built_in.toml").write_text(config)
    (folder / "own.toml").write_text(config.replace('model = "pump_leak"', 'model = "./my_pump.c"'))
    with environment(XDG_CACHE_HOME=folder / "cache", NESSMAP_CXX=None):
        begin = time.monotonic()
        done = harness.run(args.nessmap, "compile", "my_pump.c", cwd=folder)
        print(f"  pump_leak for all processors: {time.monotonic() - begin:.1f} s", flush=True)
        kept = pathlib.Path(done.stdout.strip() or "none")
        checks.check(done.returncode == 0 and kept.is_file(), f"compile: {done}")
        # printed, not judged: other tests run beside this one
        speed = {"built_in": 0.0, "own": 0.0}
        for name in [*speed] * 3:
            done = harness.run(args.nessmap, "run", f"{name}.toml", "-o", f"{name}_speed.nc", "--fresh", "--threads", "1",
                               *harness.sets(**{"axis.dG_ATP.n": 64}), cwd=folder)
            checks.check(done.returncode == 0 and "compiling" not in done.stderr, f"{name}: {done.stderr}")
            speed[name] = max(speed[name], rate(done.stdout))
        if checks.check(min(speed.values()) > 0.0, f"the summaries say no speed: {speed}"):
            ratio = speed["own"] / speed["built_in"]
            print(f"  own / built in: {speed['own']:.4g} / {speed['built_in']:.4g} sets/s = {ratio:.3f}", flush=True)
        for name in ("built_in", "own"):
            harness.run(args.nessmap, "run", f"{name}.toml", "-o", f"{name}.nc", *harness.ALL_OUTPUTS,
                        *harness.sets(**{"axis.dG_ATP.n": 16, "axis.g_Na.n": 64}), cwd=folder)
    with harness.Results(folder / "built_in.nc") as a, harness.Results(folder / "own.nc") as b:
        checks.check(a.names() == b.names() and len(a.names()) > 50, f"{len(a.names())} and {len(b.names())} variables")
        for name in a.names():
            if a[name].dtype.kind in "iuf":
                checks.check(a[name].tobytes() == b[name].tobytes(), f"{name} differs")


# --- what was killed ----------------------------------------------------------------------------------


def check_killed(args, checks, folder):
    """What a killed compilation leaves is gone after the next one; one that is at work is not disturbed."""
    cache = folder / "cache"
    shutil.copy(WHOLE, folder / "my_cell.c")
    shutil.copy(WHOLE, folder / "other.c")
    with environment(XDG_CACHE_HOME=cache, NESSMAP_CXX=quick_compiler(folder)):
        killed = harness.start(args.nessmap, "compile", "my_cell.c", cwd=folder)
        end = time.monotonic() + 60
        while time.monotonic() < end and not list((cache / "nessmap").glob("build-*/unit_0.o")):
            time.sleep(0.01)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        left = set(leftovers(cache))
        checks.check(len(left) == 1, f"left by a killed process: {left}")
        pair = [harness.start(args.nessmap, "compile", name, cwd=folder) for name in ("my_cell.c", "other.c")]
        checks.check([process.wait() for process in pair] == [0, 0], "two compilations after a killed one")
        checks.check(not leftovers(cache) and len(libraries(cache)) == 2, f"left: {leftovers(cache)}")


LARGE = SCAN.replace("n = 40", "n = 40000")


def check_unfinished(args, checks, folder):
    """Runs of an own model that were killed: assembled in part from another folder, and gone on with; a point's course."""
    shutil.copy(WHOLE, folder / "my_cell.c")
    (folder / "scan.toml").write_text(LARGE)
    out, parts = folder / "out.nc", folder / "out.nc.parts"
    with environment(XDG_CACHE_HOME=folder / "cache", NESSMAP_CXX=None):
        harness.run(args.nessmap, "check", "my_cell.c", cwd=folder)
        # --lanes 1: slow enough to be killed in its midst
        killed = harness.start(args.nessmap, "run", "scan.toml", "-o", out, "--lanes", "1", "--threads", "1", cwd=folder)
        end = time.monotonic() + 60
        while time.monotonic() < end and killed.poll() is None:
            if harness.journal_bytes(parts) > 0:
                break
            time.sleep(0.002)
        killed.send_signal(signal.SIGKILL)
        checks.check(killed.wait() == -signal.SIGKILL and parts.is_dir(), "killed in its midst")
        whole = harness.run(args.nessmap, "assemble", parts, cwd="/")
        checks.check(whole.returncode == 75 and is_one_sentence(whole.stderr), f"not all is there: {whole}")
        partial = harness.run(args.nessmap, "assemble", parts, "--partial", cwd="/")
        checks.check(partial.returncode == 0, f"--partial from another folder: {partial}")
        with harness.Results(folder / "out.partial.nc") as results:
            n_missing = int(results.outcome_is("not_run").sum())
            checks.check(0 < n_missing < results.outcome.size, f"{n_missing} of {results.outcome.size} are not run")
        for point in (("point",), ("trace", "-o", folder / "course.nc")):
            done = harness.run(args.nessmap, *point, "--from", folder / "out.partial.nc", "--index", "0,0", cwd="/")
            checks.check(done.returncode == 0, f"{point[0]} --from a part: {done.stderr}")

        # the model changed: neither goes on nor assembles with the other one
        (folder / "out.partial.nc").unlink(missing_ok=True)
        text = (folder / "my_cell.c").read_text()
        (folder / "my_cell.c").write_text(text.replace("ohmic(g), \"Cl-", "ohmic(2 * g), \"Cl-"))
        for command in (("run", folder / "scan.toml", "-o", out), ("assemble", parts, "--partial")):
            done = harness.run(args.nessmap, *command, cwd="/")
            checks.check(done.returncode == 4, f"{command[0]} with an edited model: {done}")
        (folder / "my_cell.c").write_text(text)

        done = harness.run(args.nessmap, "run", folder / "scan.toml", "-o", out, "--lanes", "1", cwd="/")
        checks.check(done.returncode == 0 and "resuming" in done.stderr, f"going on: {done.stderr}")
        reference = folder / "reference.nc"
        harness.run(args.nessmap, "run", "scan.toml", "-o", reference, "--lanes", "1", cwd=folder)
        checks.check(out.is_file() and out.read_bytes() == reference.read_bytes(), "another file in the end")

        course = folder / "course.nc"
        done = harness.run(args.nessmap, "trace", "--from", out, "--index", "17,1", "-o", course, cwd="/")
        checks.check(done.returncode == 0, f"trace --from: {done.stderr}")
        with harness.Results(out) as results, netCDF4.Dataset(course) as file:
            steady, last = results["V"][17, 1], float(file["V"][-1])
            checks.check(abs(last - steady) < 1e-6, f"the course ends at V = {last}, the map says {steady}")
        # with the model nowhere to be found, one sentence
        shutil.move(folder / "my_cell.c", folder / "moved.c")
        done = harness.run(args.nessmap, "trace", "--from", out, "--index", "17,1", "-o", course, cwd="/")
        checks.check(done.returncode == 2 and is_one_sentence(done.stderr) and "my_cell.c" in done.stderr, f"lost: {done}")


def check_many_states(args, checks, folder):
    """Twelve states in a ring, by both methods: what a compiler works out for them stays within its limits, and the slowest
    mode is that of LAPACK, whatever the lanes."""
    n, out = 12, folder / "ring.nc"
    with environment(XDG_CACHE_HOME=folder / "cache", NESSMAP_CXX=quick_compiler(folder)):
        for method in bench_growth.METHODS:
            name = f"ring_{n}_{method.lower()}.c"
            (folder / name).write_text(bench_growth.ring(n, method))
            config = folder / "ring.toml"
            config.write_text(bench_growth.ring_config(name, n, 1000).replace(bench_growth.SUMMARY, ""))
            columns = []
            for lanes in (16, 8, 1):
                done = harness.run(args.nessmap, "run", config, "-o", out, "--fresh", "--quiet", "--backend", "cpu", "--lanes",
                                   lanes)
                if not checks.check(done.returncode == 0, f"{name} in {lanes} lanes: {done}"):
                    return
                with harness.Results(out) as results:
                    columns.append(results["tau_slow"])
                    barriers, drive = [results[f"B{i}"] for i in range(n)], results["f"]
                out.unlink()
            checks.check(all(np.array_equal(columns[0], column) for column in columns), f"{name}: lanes differ in tau_slow")
            far = max(abs(tau / slowest_time(b, f) - 1.0) for tau, f, *b in zip(columns[0], drive, *barriers))
            checks.check(far < 1e-6, f"{name}: tau_slow differs by {far:.1e} of what LAPACK finds")


def slowest_time(barriers, drive):
    """Slowest relaxation time [s] of a ring of bench_growth.ring at 298.15 K, from the eigenvalues of its rates."""
    RT, n = R * 298.15, len(barriers)
    rates = np.zeros((n, n))
    for i, barrier in enumerate(barriers):
        j, rate, half = (i + 1) % n, K_B * 298.15 / PLANCK * np.exp(-barrier / RT), 0.5 * (drive if i == 0 else 0.0) / RT
        for a, b, k in ((i, j, rate * np.exp(half)), (j, i, rate * np.exp(-half))):
            rates[b, a] += k
            rates[a, a] -= k
    decays = np.sort(-np.linalg.eigvals(rates).real)
    return 1.0 / decays[1]


SHORT = (check_refusals, check_mistakes, check_store, check_gpu)
FULL = (check_refusals, check_mistakes, check_gpu_choices, check_nvrtc, check_killed, check_unfinished, check_copy,
        check_many_states)


def run_checks(args, checks):
    with harness.scratch() as name:
        for part in FULL if args.full else SHORT:
            folder = pathlib.Path(name).resolve() / part.__name__
            folder.mkdir()
            begin = time.monotonic()
            part(args, checks, folder)
            print(f"{part.__name__}: {time.monotonic() - begin:.1f} s", flush=True)


def test_own_model():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
