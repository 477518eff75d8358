"""Whole scans on the CUDA backend, by the stand-in driver: the same values as on the CPU, whatever fails on the way.

The real program, and a driver (tests/stand_in) that runs the kernels on the host, one thread at a time, and fails on
demand. It also looks for memory that is not given back and for what a program must not do with a driver.

  python tests/test_cuda_run.py --nessmap build/nessmap [--full]
"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import netCDF4
import numpy as np

import harness

CODE_DEVICE, CODE_FINGERPRINT, CODE_INTERRUPTED = 7, 4, 75

GRID = """
model = "pump_leak"
[[axis]]
name = "g_Na"
min = 0.01
max = 30
n = {n}
scale = "log"
[[axis]]
name = "dG_ATP"
values = [-57000, -45000.5, -30000, -21000, -12000, -7000, -3000, -1000]
[tie]
Na_o = "150 - K_o"
"""
DRAWN = """
model = "pump_leak"
[design]
kind = "random"
n = {n}
seed = 7
[[random]]
name = "g_Na"
dist = "loguniform"
min = 0.01
max = 30
[[random]]
name = "K_o"
dist = "normal"
mean = 5
sd = 1
[output]
variables = ["*"]
precision = "f64"
"""
WALKS = """
model = "driven_cycle"
design = { kind = "random", n = 300, seed = 7 }
random = [{ name = "F_c", dist = "loguniform", min = 3, max = 30 }, { name = "k1f", dist = "loguniform", min = 0.3, max = 3 }]
stochastic = { trajectories = 20, jumps = 20, entropy = 3, first_passage = "R2" }
output = { variables = ["*"], precision = "f64" }
"""
FOLLOWED = GRID + '[solver]\nmode = "follow"\n'
TABLE = """
model = "pump_leak"
[design]
kind = "table"
file = "sets.csv"
"""
CELLS = """
model = "pump_leak"
[design]
kind = "random"
n = {draws}
[[axis]]
name = "dG_ATP"
values = [-57000, -30000, -12000]
[[random]]
name = "g_Na"
dist = "loguniform"
min = 0.01
max = 30
[[reduce]]
kind = "{kind}"
"""


class Bench:
    """A folder, the program, and the stand-in driver with its log."""

    def __init__(self, args, folder):
        self.nessmap = args.nessmap
        self.folder = pathlib.Path(folder)
        build = pathlib.Path(os.environ.get("NESSMAP_BUILD") or args.nessmap.parent)
        self.driver = build / "tests" / "stand_in"
        self.kernels = build / "kernels" / "pump_leak_cuda_host.so"
        # a build without nvcc has no modules: the stand-in for NVRTC makes them
        self.has_modules = (build / "kernels" / "pump_leak.fatbin").is_file()
        self.log = self.folder / "log"

    def is_there(self):
        return (self.driver / "libcuda.so.1").is_file() and self.kernels.is_file()

    def config(self, name, text):
        path = self.folder / f"{name}.toml"
        path.write_text(text)
        return path

    def environment(self, others=None, **options):
        """Of a process that finds the stand-in with these options, and no launcher's variables but the given ones."""
        env = {k: v for k, v in os.environ.items() if not re.match(r"(SLURM|OMPI|MPI|MV2|PMI|CUDA|NESSMAP_STAND)", k)}
        env["LD_LIBRARY_PATH"] = str(self.driver) if self.has_modules else f"{self.driver}:{self.driver / 'nvrtc'}"
        env["NESSMAP_STAND_IN_KERNELS"] = str(self.kernels)
        env["NESSMAP_STAND_IN_LOG"] = str(self.log)
        env["XDG_CACHE_HOME"] = str(self.folder / "cache")
        for name, value in options.items():
            env[f"NESSMAP_STAND_IN_{name.upper()}"] = str(value)
        env.update(others or {})
        return env

    def command(self, config, out, *options):
        return [str(self.nessmap), "run", str(config), "-o", str(out), *map(str, options)]

    def run(self, config, out, *options, env=None, backend="cuda"):
        self.log.unlink(missing_ok=True)
        chosen = ["--backend", backend] if backend else []
        return subprocess.run(
            self.command(config, out, *chosen, *options),
            env=env or self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            cwd=self.folder,
        )

    def lines(self, what):
        """Lines of the log: "violation", "leak", "fault", or "call cuLaunchKernel"."""
        if not self.log.is_file():
            return []
        return [line for line in self.log.read_text().splitlines() if re.match(rf"\d+ {what}\b", line)]

    def is_clean(self):
        return not self.lines("violation") and not self.lines("leak")


def sentence(done):
    """The last line of stderr; notes may stand before it."""
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else ""


def remove(out):
    for path in out.parent.glob(out.name + "*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def same_values(a, b):
    """Names of the variables of two files whose bytes differ."""
    differing = []
    with netCDF4.Dataset(a) as one, netCDF4.Dataset(b) as other:
        one.set_auto_mask(False)
        other.set_auto_mask(False)
        names = set(one.variables) | set(other.variables)
        for name in names:
            if name not in one.variables or name not in other.variables:
                differing.append(name)
                continue
            values, others = np.asarray(one[name][...]), np.asarray(other[name][...])
            is_text = values.dtype == object
            if not (np.array_equal(values, others) if is_text else values.tobytes() == others.tobytes()):
                differing.append(name)
    return differing


def run_log(out):
    return json.loads(pathlib.Path(f"{out}.runlog.jsonl").read_text().splitlines()[-1])


# --- what is computed -----------------------------------------------------------------------------


def check_same_as_cpu(bench, checks):
    rng = np.random.default_rng(1)
    rows = [f"{10 ** x:.17g},{k:.17g}" for x, k in zip(rng.uniform(-2, 1.5, 700), rng.uniform(2, 9, 700))]
    (bench.folder / "sets.csv").write_text("g_Na,K_o\n" + "\n".join(rows) + "\n")
    def drawn_by(kind, text, more=""):
        return text.replace('kind = "random"', f'kind = "{kind}"\n{more}')

    scans = {
        "grid": GRID.format(n=100),
        "drawn": DRAWN.format(n=700),
        "followed": FOLLOWED.format(n=24),
        "starts": GRID.format(n=16) + "[solver]\nstarts = 3\naudit = 0.2\n",
        "table": TABLE,
        "bins": CELLS.format(draws=300, kind="bins"),
        "long_cells": CELLS.format(draws=2500, kind="bins"),
        "summary": CELLS.format(draws=600, kind="summary"),
        "lhs": drawn_by("lhs", DRAWN.format(n=300)),
        "sobol_points": drawn_by("sobol", DRAWN.format(n=300), "replicates = 3"),
        "saltelli": drawn_by(
            "saltelli", CELLS.format(draws=303, kind="sobol"), "replicates = 3\nsecond_order = true"
        ),
        "long_saltelli": drawn_by("saltelli", CELLS.format(draws=1500, kind="sobol")),
        "walks": WALKS,
        "walk_cells": WALKS + '[[reduce]]\nkind = "summary"\n',
        "morris": drawn_by("morris", CELLS.format(draws=300, kind="morris"), "replicates = 3"),
    }
    for name, text in scans.items():
        config = bench.config(name, text)
        cpu, cuda = bench.folder / f"{name}_cpu.nc", bench.folder / f"{name}_cuda.nc"
        done = bench.run(config, cpu, "--lanes", 1, backend="cpu")
        if not checks.check(done.returncode in (0, 3), f"{name}: on the CPU: {done.stderr}"):
            continue
        order = {"grid": "reverse", "drawn": "mixed"}.get(name, "forward")
        model = "driven_cycle" if name.startswith("walk") else "pump_leak"
        kernels = bench.kernels.with_name(f"{model}_cuda_host.so")
        done = bench.run(config, cuda, env=bench.environment(order=order, kernels=kernels))
        if checks.check(done.returncode in (0, 3), f"{name}: on the device: {done.stderr}"):
            differing = same_values(cpu, cuda)
            checks.check(not differing, f"{name}: other values on the device: {differing}")
            checks.check(bench.is_clean(), f"{name}: {bench.lines('violation') + bench.lines('leak')}")
            a, b = run_log(cpu), run_log(cuda)
            checks.check(
                (a["newton_alone"], a["followed"], a["points_failed"])
                == (b["newton_alone"], b["followed"], b["points_failed"]),
                f"{name}: other counts: {a} {b}",
            )


def check_says_so(bench, checks):
    """The run log, the summary, `plan` and `info` name the device."""
    config, out = bench.config("grid", GRID.format(n=100)), bench.folder / "grid_cuda.nc"
    device = run_log(out)["devices"][0]
    checks.check(
        device["name"] == "stand-in GPU 0" and device["compute_capability"] == "9.0" and device["driver"] == "13.0",
        f"run log: {device}",
    )
    origins = ("built in",) if bench.has_modules else ("compiled now", "cached")
    checks.check(device["kernels"] in origins and device["points"] == 800, f"run log: {device}")
    checks.check(
        0 < device["seconds_computing"] and 0 < device["seconds_journal"] and 0 < device["seconds_copying"],
        f"run log: {device}",
    )
    remove(out)
    done = bench.run(config, out)
    checks.check("GPU 0" in done.stdout and "stand-in GPU 0, compute capability 9.0" in done.stdout, done.stdout)
    checks.check("one CPU thread on" in done.stdout, f"whose rates these are: {done.stdout}")
    plan = subprocess.run(
        [bench.nessmap, "plan", config], env=bench.environment(devices=2), capture_output=True, text=True
    )
    checks.check(
        len(re.findall(r"^device .*stand-in GPU \d.*batches of [\d,]+ points", plan.stdout, re.M)) == 2, plan.stdout
    )
    checks.check(bench.is_clean(), "plan leaves something behind")
    info = subprocess.run([bench.nessmap, "info"], env=bench.environment(), capture_output=True, text=True)
    checks.check("stand-in GPU 0" in info.stdout, info.stdout)


# --- several devices, several ranks -----------------------------------------------------------------


def devices_used(bench):
    return {re.search(r"device=(\d+)", line)[1] for line in bench.lines("work kernel|work nm_gpu_newton")}


def check_devices(bench, checks):
    config, out = bench.config("grid", GRID.format(n=400)), bench.folder / "many.nc"
    one = bench.folder / "one.nc"
    checks.check(bench.run(config, one).returncode == 0, "one device")
    done = bench.run(config, out, env=bench.environment(devices=3, delay="kernel:1"))
    checks.check(done.returncode == 0, done.stderr)
    checks.check(out.read_bytes() == one.read_bytes(), "three devices make another file than one")
    devices = run_log(out)["devices"]
    checks.check([d["number"] for d in devices] == [0, 1, 2], f"devices {devices}")
    checks.check(
        all(d["points"] > 0 for d in devices) and sum(d["points"] for d in devices) == 3200,
        f"shares {[d['points'] for d in devices]}",
    )
    checks.check(bench.is_clean(), f"{bench.lines('violation') + bench.lines('leak')}")

    ranks = {
        "OMPI_COMM_WORLD_LOCAL_RANK=1 OMPI_COMM_WORLD_LOCAL_SIZE=3": "1",
        "OMPI_COMM_WORLD_LOCAL_RANK=5 OMPI_COMM_WORLD_LOCAL_SIZE=6": "2",
        "MPI_LOCALRANKID=2 MPI_LOCALNRANKS=4": "2",
        "MV2_COMM_WORLD_LOCAL_RANK=3 MV2_COMM_WORLD_LOCAL_SIZE=4": "0",
        "SLURM_LOCALID=1 SLURM_NODEID=2 SLURM_STEP_TASKS_PER_NODE=1(x2),4": "1",
    }
    for text, device in ranks.items():
        remove(out)
        env = bench.environment(dict(pair.split("=") for pair in text.split()), devices=3)
        done = bench.run(config, out, env=env)
        used = [d["name"] for d in run_log(out)["devices"]] if done.returncode == 0 else done.stderr
        checks.check(used == [f"stand-in GPU {device}"], f"{text}: {used}")
    # a process alone, and a batch script, which has the number of its job's tasks but starts none of them itself
    for text in ("OMPI_COMM_WORLD_LOCAL_RANK=0 OMPI_COMM_WORLD_LOCAL_SIZE=1", "SLURM_LOCALID=0 SLURM_TASKS_PER_NODE=4"):
        remove(out)
        env = bench.environment(dict(pair.split("=") for pair in text.split()), devices=3)
        done = bench.run(config, out, env=env)
        checks.check(done.returncode == 0 and len(run_log(out)["devices"]) == 3, f"{text}: all devices")
    remove(out)
    done = bench.run(config, out, env=bench.environment({"CUDA_VISIBLE_DEVICES": "2"}, devices=3))
    used = [d["name"] for d in run_log(out)["devices"]] if done.returncode == 0 else done.stderr
    checks.check(used == ["stand-in GPU 2"], f"CUDA_VISIBLE_DEVICES=2: {used}")


# --- memory ---------------------------------------------------------------------------------------


def check_memory(bench, checks):
    text = GRID.format(n=400)
    config, out, reference = bench.config("grid", text), bench.folder / "o.nc", bench.folder / "one.nc"
    batch = run_log(reference)["devices"][0]["batch_points"]

    # a device with little memory, and a limit: smaller batches, the same values
    done = bench.run(config, out, env=bench.environment(memory=1_000_000))
    small = run_log(out)["devices"][0] if done.returncode == 0 else None
    checks.check(small and small["batch_points"] < batch, f"a small device: {small or done.stderr}")
    checks.check(out.read_bytes() == reference.read_bytes(), "a small device makes another file")
    checks.check(bench.is_clean(), f"{bench.lines('violation') + bench.lines('leak')}")
    remove(out)
    limit = 500_000
    limited = bench.config("limited", text + f"[limits]\ndevice_memory = {limit}\n")
    done = bench.run(limited, out)
    checks.check(done.returncode == 0, f"a limit: {done.stderr}")
    checks.check(run_log(out)["devices"][0]["memory_bytes"] <= limit, f"{run_log(out)}")
    used = [int(re.search(r"used=(\d+)", line)[1]) for line in bench.lines("call cuMemAlloc")]
    checks.check(0 < max(used) <= limit, f"[limits] device_memory = {limit}, and {max(used)} are taken")
    checks.check(not same_values(out, reference), "a limit changes values")
    remove(out)
    limited = bench.config("limited", text + "[limits]\ndevice_memory = 20_000\n")
    done = bench.run(limited, out)
    checks.check(
        done.returncode == CODE_DEVICE and "[limits] device_memory" in sentence(done),
        f"less than a tile: {done.returncode} {done.stderr}",
    )
    remove(out)
    done = bench.run(config, out, env=bench.environment(memory=30_000))
    checks.check(
        done.returncode == CODE_DEVICE and "--backend cpu" in sentence(done), f"hardly a device: {done.stderr}"
    )
    checks.check(bench.is_clean(), f"{bench.lines('violation') + bench.lines('leak')}")
    remove(out)

    # out of memory at each allocation in turn, though it was said to be free: halves, goes on, and says so
    for kind, call in (("alloc", "cuMemAlloc"), ("host", "cuMemHostAlloc")):
        bench.run(config, out)
        n_calls = len(bench.lines(f"call {call}"))
        remove(out)
        n_halved = 0
        for n in range(1, n_calls + 1):
            done = bench.run(config, out, env=bench.environment(fail=f"{kind}:{n}"))
            what = f"{kind} {n} of {n_calls} fails"
            checks.check(len(bench.lines("fault")) == 1 and bench.is_clean(), f"{what}: {bench.lines('leak')}")
            if done.returncode == 0:
                n_halved += 1
                checks.check("going on with batches of" in done.stderr, f"{what}, and nobody says so: {done.stderr}")
                got = run_log(out)["devices"][0]["batch_points"]
                checks.check(0.4 * batch <= got < batch, f"{what}: batches of {got} instead of {batch} points")
                checks.check(out.read_bytes() == reference.read_bytes(), f"{what}: another file")
            else:
                check_sentence(checks, done, what)
            remove(out)
        checks.check(n_halved >= n_calls - 3, f"{kind}: {n_halved} of {n_calls} runs went on")
        done = bench.run(config, out, env=bench.environment(fail=f"{kind}:{n_calls}+"))
        checks.check(done.returncode in (0, CODE_DEVICE) and bench.is_clean(), f"{kind} fails for good: {done.stderr}")
        remove(out)


# --- failures -------------------------------------------------------------------------------------


def check_sentence(checks, done, what):
    text = sentence(done)
    checks.check(
        done.returncode == CODE_DEVICE
        and text.startswith("nessmap: device 0")
        and done.stderr.count("nessmap: device") - done.stderr.count("going on with") == 1,
        f"{what}: exit {done.returncode}: {done.stderr}",
    )


def check_faults(bench, checks, is_full):
    """Each launch, copy, wait, ... of a small run fails once: exit 7, one sentence, and the same command goes on."""
    config, out = bench.config("small", GRID.format(n=64)), bench.folder / "o.nc"
    reference = bench.folder / "reference.nc"
    bench.run(config, reference)
    counts = {
        "launch": "cuLaunchKernel",
        "run": "cuLaunchKernel",
        "lost": "cuLaunchKernel",
        "copy": "cuMemcpy(HtoD|DtoH)(Async)?",
        "transfer": "cuMemcpy(HtoD|DtoH)(Async)?",
        "sync": "cu(Event|Ctx|Stream)Synchronize",
        "stream": "cuStreamCreate",
        "event": "cuEventCreate",
        "context": "cuDevicePrimaryCtxRetain",
    }
    counts = {kind: len(bench.lines(f"call {call}")) for kind, call in counts.items()}
    checks.check(all(n > 0 for n in counts.values()), f"calls: {counts}")
    n_kept, n_failed = 0, 0
    for kind, n_calls in counts.items():
        # launches are many and alike: the quick form takes some of them, the first and the last among them
        step = 1 if is_full or n_calls < 16 else 9
        for n in sorted({*range(1, n_calls + 1, step), n_calls}):
            what = f"{kind} {n} of {n_calls} fails"
            done = bench.run(config, out, env=bench.environment(fail=f"{kind}:{n}"))
            checks.check(bench.is_clean(), f"{what}: {bench.lines('violation') + bench.lines('leak')}")
            checks.check(len(bench.lines("fault")) == 1, f"{what}: {bench.lines('fault')}")
            if done.returncode != 0:
                n_failed += 1
                check_sentence(checks, done, what)
                n_kept += harness.journal_bytes(bench.folder / "o.nc.parts") > 0
                done = bench.run(config, out)
                checks.check(done.returncode == 0, f"{what}, and the same command: {done.stderr}")
            checks.check(out.read_bytes() == reference.read_bytes(), f"{what}: another file in the end")
            remove(out)
    checks.check(n_failed > 20 and n_kept > 0, f"{n_failed} runs failed, {n_kept} of them with finished tiles")

    # one of several devices is lost: all stop, what is done is kept
    config, reference = bench.config("grid", GRID.format(n=400)), bench.folder / "one.nc"
    done = bench.run(config, out, env=bench.environment(devices=3, delay="kernel:2", fail="lost@1:25"))
    checks.check(
        done.returncode == CODE_DEVICE and sentence(done).startswith("nessmap: device 1 (stand-in GPU 1)"),
        f"device 1 is lost: {done.returncode} {done.stderr}",
    )
    checks.check("same command goes on" in sentence(done), done.stderr)
    checks.check(bench.is_clean(), f"{bench.lines('violation') + bench.lines('leak')}")
    done = bench.run(config, out)
    checks.check(out.read_bytes() == reference.read_bytes(), "after the loss of a device: another file")
    remove(out)


def check_kill(bench, checks):
    config, out = bench.config("grid", GRID.format(n=400)), bench.folder / "o.nc"
    reference = bench.folder / "one.nc"
    env = bench.environment(delay="kernel:2", memory=300_000)
    for number, is_resumable in ((signal.SIGKILL, False), (signal.SIGTERM, True)):
        process = subprocess.Popen(
            bench.command(config, out, "--backend", "cuda"), env=env, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, cwd=bench.folder
        )
        parts, end = bench.folder / "o.nc.parts", time.monotonic() + 60
        while time.monotonic() < end and process.poll() is None:
            if harness.journal_bytes(parts) > 0:
                break
            time.sleep(0.005)
        process.send_signal(number)
        error = process.communicate(timeout=60)[1]
        code = process.returncode
        checks.check(code == (CODE_INTERRUPTED if is_resumable else -number), f"{number!r}: exit {code}: {error}")
        done = bench.run(config, out)
        checks.check("resuming" in done.stderr, f"after {number!r}: {done.stderr}")
        checks.check(out.read_bytes() == reference.read_bytes(), f"after {number!r}: another file")
        remove(out)


# --- which backend --------------------------------------------------------------------------------


def check_auto(bench, checks):
    config, out = bench.config("small", GRID.format(n=64)), bench.folder / "o.nc"
    no_driver = {k: v for k, v in bench.environment().items() if k != "LD_LIBRARY_PATH"}
    old = bench.environment(driver=11080)
    none = bench.environment(devices=0)

    def used(env, *options):
        done = bench.run(config, out, *options, env=env, backend=None)
        backend = run_log(out)["backend"] if done.returncode == 0 else None
        return backend, done

    checks.check(used(bench.environment())[0] == "cuda", "auto does not take the device")
    backend, done = used(bench.environment(), "--backend", "auto")
    checks.check(backend == "cuda" and "nothing to do" in done.stderr, "auto does not know its finished file")
    done = bench.run(config, out, backend="cpu")
    checks.check(done.returncode == CODE_FINGERPRINT, f"the CPU over a file of the device: {done.returncode}")
    backend, done = used(no_driver)
    checks.check(done.returncode == 0 and "nothing to do" in done.stderr, f"a finished file needs a device: {done.stderr}")
    remove(out)
    for env, is_told in ((no_driver, False), (none, False), (old, True)):
        backend, done = used(env)
        checks.check(backend == "cpu", f"auto without a usable device: {backend} {done.stderr}")
        checks.check(("cuda cannot be used" in done.stderr) == is_told, f"auto: {done.stderr}")
        remove(out)
        done = bench.run(config, out, env=env)
        checks.check(
            done.returncode == CODE_DEVICE and not list(bench.folder.glob("o.nc*")) and "CUDA" in sentence(done),
            f"--backend cuda without one: {done.returncode} {done.stderr}",
        )
    # a run that the CPU began is the CPU's, and one that a device began is a device's
    checks.check(bench.run(config, out, "--shard", "0/2", backend="cpu").returncode == 0, "half of it on the CPU")
    checks.check(used(bench.environment())[0] == "cpu", "auto leaves the backend that the run was begun with")
    remove(out)
    checks.check(bench.run(config, out, "--shard", "0/2").returncode == 0, "half of it on the device")
    backend, done = used(no_driver)
    checks.check(
        done.returncode == CODE_DEVICE and "begun with --backend cuda" in sentence(done), f"no device: {done.stderr}"
    )
    checks.check(used(bench.environment())[0] == "cuda", "auto goes on with the device")
    remove(out)
    checks.check(bench.run(config, out, backend="gpu").returncode == 2, "an unknown backend")


def check_compiled(bench, checks):
    """Kernels that are not built in, or that an old driver cannot load, are compiled by NVRTC, once."""
    ghk = bench.config("ghk", GRID.format(n=32) + '[variant]\nleak = "ghk"\n')
    plain = bench.config("plain", GRID.format(n=32))
    for config, fail, kernels in (
        (ghk, "none:1", "compiled now"),
        (ghk, "none:1", "cached"),
        (plain, "module:1", "compiled now"),
        (plain, "module:1", "cached"),
    ):
        out, cpu = bench.folder / "o.nc", bench.folder / "cpu.nc"
        done = bench.run(config, out, env=bench.environment(fail=fail))
        if "NVRTC" in sentence(done):
            harness.not_run(f"test_cuda_run: kernels compiled when a scan starts: {sentence(done)}")
            return
        if checks.check(done.returncode == 0, f"{config.stem}, {kernels}: {done.stderr}"):
            got = run_log(out)["devices"][0]["kernels"]
            checks.check(got == kernels, f"{config.stem}: {got} instead of {kernels}")
            bench.run(config, cpu, "--lanes", 1, backend="cpu")
            checks.check(not same_values(out, cpu), f"{config.stem}, {kernels}: other values than on the CPU")
        remove(out)
        remove(cpu)


# --- the timeline ---------------------------------------------------------------------------------


def overlap(spans, others):
    return sum(max(0.0, min(b, d) - max(a, c)) for a, b in spans for c, d in others)


def check_timeline(bench, checks):
    config, out, trace = bench.config("grid", GRID.format(n=400)), bench.folder / "o.nc", bench.folder / "t.json"
    env = bench.environment(delay="kernel:2,copy:15", memory=450_000)
    done = bench.run(config, out, "--timeline", trace, env=env)
    checks.check(done.returncode == 0, done.stderr)
    events = json.loads(trace.read_text())["traceEvents"]
    rows = {e["tid"]: e["args"]["name"] for e in events if e["ph"] == "M" and e["name"] == "thread_name"}
    spans = {}
    for e in events:
        if e["ph"] == "X":
            spans.setdefault(rows[e["tid"]], []).append((e["ts"], e["ts"] + e["dur"]))
    wanted = {f"{what} {i}" for what in ("compute", "copy", "journal") for i in range(3)} | {"assembly"}
    checks.check(set(rows.values()) == wanted and set(spans) == wanted, f"rows {rows}")
    for row, items in spans.items():
        items.sort()
        # within one row things follow each other; the clocks of host and device may be a little apart
        checks.check(all(b <= c + 500 for (_, b), (c, _) in zip(items, items[1:])), f"{row}: {items}")
    copies = [s for i in range(3) for s in spans[f"copy {i}"]]
    computes = [s for i in range(3) for s in spans[f"compute {i}"]]
    # which batches meet depends on how long the kernels of each take
    both = sum(overlap(spans[f"copy {i}"], spans[f"compute {k}"]) for i in range(3) for k in range(3) if i != k)
    checks.check(both > 0, f"no copy beside a computation: {copies} {computes}")
    device = run_log(out)["devices"][0]
    sum_s = 1e-6 * sum(b - a for a, b in computes + copies)
    checks.check(device["seconds_in_all"] < 0.7 * sum_s, f"batches wait for each other: {sum_s} {device}")
    checks.check(device["seconds_copying"] > 0.02, f"{device}")
    remove(out)
    done = bench.run(config, out, "--timeline", trace, backend="cpu")
    events = json.loads(trace.read_text())["traceEvents"]
    n_tiles = sum(e["ph"] == "X" and e["name"].startswith("tile ") for e in events)
    checks.check(done.returncode == 0 and n_tiles == 2 * 13, f"the CPU's timeline: {n_tiles} spans of tiles")
    remove(out)
    done = bench.run(config, out, "--timeline", bench.folder / "nowhere" / "t.json")
    checks.check(done.returncode == 6 and "--timeline" in sentence(done), done.stderr)
    remove(out)


def run_checks(args, checks):
    with harness.scratch() as folder:
        bench = Bench(args, folder)
        if not bench.is_there():
            harness.not_run("test_cuda_run: the stand-in driver is not built")
            checks.check(True, "")
            return
        check_same_as_cpu(bench, checks)
        check_says_so(bench, checks)
        check_devices(bench, checks)
        check_memory(bench, checks)
        check_faults(bench, checks, args.full)
        check_kill(bench, checks)
        check_auto(bench, checks)
        check_timeline(bench, checks)
        if args.full and bench.has_modules:
            check_compiled(bench, checks)


def test_cuda_run():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
