"""tools/gpu_check without a GPU: the comparison finds planted errors, the whole script runs on the stand-in driver,
goes on where it was cut, reports failures, and keeps its hands off tests/records.

  python tests/test_gpu_check.py --nessmap build/nessmap [--full]
"""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import harness

SCRIPT = harness.ROOT / "tools" / "gpu_check"
RECORDS = harness.ROOT / "tests" / "records"
FEW = ("self", "params_random", "sets_cell_auto", "sets_cycle_auto", "records_summary", "repeat_auto", "bench_copy")
FEW += ("bench_full", "bench_kernels_auto", "timeline", "golden_cpu", "ncu_auto")


def load(name):
    spec = importlib.util.spec_from_file_location(name, harness.ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def call(*arguments, environment=None, script=SCRIPT):
    return subprocess.run(
        [sys.executable, str(script), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=280,
        env=environment,
    )


def no_device_environment():
    """No driver, whatever the machine has."""
    return os.environ | {"CUDA_VISIBLE_DEVICES": "", "LD_LIBRARY_PATH": ""}


def stand_in_environment(build, folder, **more):
    driver = build / "tests" / "stand_in"
    # a build without nvcc has no modules: the stand-in for NVRTC makes them
    has_modules = (build / "kernels" / "pump_leak.fatbin").is_file()
    return os.environ | {
        "LD_LIBRARY_PATH": str(driver) if has_modules else f"{driver}:{driver / 'nvrtc'}",
        "NESSMAP_STAND_IN_KERNELS": str(build / "kernels" / "{model}_cuda_host.so"),
        "NESSMAP_STAND_IN_LOG": str(folder / "stand_in.log"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "CUDA_VISIBLE_DEVICES": "0",
        **more,
    }


# --- without any driver ---------------------------------------------------------------------------------------------


def check_no_device(build, checks):
    done = call("--build", build, "--quick", environment=no_device_environment())
    lines = done.stderr.strip().splitlines()
    checks.check(done.returncode == 7, f"no device: exit {done.returncode}")
    checks.check(len(lines) == 1 and lines[0].startswith("gpu_check: "), f"no device: {lines}")


def check_program(build, checks):
    done = subprocess.run([build / "gpu_check", "part", "self"], capture_output=True, text=True)
    checks.check(done.returncode == 0, f"planted errors: {done.stderr}")
    done = subprocess.run([build / "gpu_check", "part", "nonsense"], capture_output=True, text=True)
    checks.check(done.returncode == 2 and "nonsense" in done.stderr, f"a part that is not: {done.stderr}")


def check_pack(build, checks):
    with harness.scratch() as name:
        folder = pathlib.Path(name) / "pack"
        done = call("--build", build, "--pack", folder)
        checks.check(done.returncode == 0 and "MiB" in done.stdout, f"pack: {done.stdout}{done.stderr}")
        done = call("--list", script=folder / "tools" / "gpu_check")
        for part in ("sets_cell_auto", "bench_auto", "golden_cuda", "sanitizer_racecheck", "rivals"):
            checks.check(part in done.stdout, f"the pack's --list has no {part}: {done.stderr}")
        done = call("--quick", environment=no_device_environment(), script=folder / "tools" / "gpu_check")
        checks.check(done.returncode == 7, f"the pack without a device: exit {done.returncode}, {done.stderr}")
        checks.check(call("--build", build, "--pack", folder).returncode == 2, "a pack over another pack")


# --- what the script reads ------------------------------------------------------------------------------------------

NCU = """==PROF== Profiling "nm_gpu_newton": 0%
"ID","Kernel Name","gpu__time_duration.sum","launch__registers_per_thread","sm__inst_executed_pipe_fp64.avg.pct_of_peak_sustained_elapsed","sm__inst_executed_pipe_fp64.sum"
"","","usecond","register/thread","%","inst"
"0","nm_gpu_newton(nm_batch)","2,000.00","120","60.00","1,000,000"
"1","nm_gpu_newton(nm_batch)","1,000.00","120","30.00","500,000"
"2","nm_gpu_judge(nm_batch)","1,000.00","200","10.00","100,000"
==PROF== Disconnected
"""

SASS = """
		Function : nm_gpu_newton
        /*0000*/                   MOV R1, c[0x0][0x28] ;            /* 0x00 */
        /*0010*/                   DADD R2, R2, R4 ;                 /* 0x00 */
        /*0020*/                   DFMA R2, R2, R4, R6 ;             /* 0x00 */
        /*0030*/              @!P0 DMUL R2, R2, R4 ;                 /* 0x00 */
        /*0040*/                   FADD R2, R2, R4 ;                 /* 0x00 */
        /*0050*/               @P0 BRA 0x20 ;                        /* 0x00 */
        /*0060*/                   STL [R1+0x8], RZ ;                /* 0x00 */
        /*0070*/                   EXIT ;                            /* 0x00 */
        /*0080*/                   BRA 0x80;                         /* 0x00 */
"""


def check_readers(checks):
    sys.path[:0] = [str(harness.ROOT / "tools")]
    tools, record = load("gpu_tools"), load("gpu_record")
    kernels = tools.sum_kernels(tools.read_ncu(NCU))
    newton = kernels.get("nm_gpu_newton", {})
    checks.check(list(kernels) == ["nm_gpu_newton", "nm_gpu_judge"], f"ncu: kernels {list(kernels)}")
    checks.check(newton.get("launches") == 2 and abs(newton["seconds"] - 3e-3) < 1e-12, f"ncu: {newton}")
    checks.check(newton.get(tools.FP64) == 1.5e6, f"ncu: {newton}")
    share = newton["weighted"][tools.SHARE] / newton["seconds"]
    checks.check(abs(share - 50.0) < 1e-9, f"ncu: weighted share {share}")
    checks.check(tools.read_ncu("==ERROR== no permission") == [], "ncu: an error is no measurement")

    code = tools.count_kernels(SASS)["nm_gpu_newton"]
    wanted = {"instructions": 9, "fp64": 3, "fp64_of_loop": 2, "loop": 4, "local": 1}
    checks.check(code == wanted, f"SASS: {code}")

    slices = [
        {"report": {"n_points": 3, "worst_value": 0.5, "rate_x": 1.0, "listed": ["a"]}},
        {"report": {"n_points": 4, "worst_value": 0.25, "rate_x": 5.0, "listed": ["b"]}},
        {"report": {"n_points": 5, "worst_value": 0.125, "rate_x": 2.0}},
    ]
    row = record.merge(slices)
    checks.check(
        (row["n_points"], row["worst_value"], row["rate_x"], row["listed"]) == (12, 0.5, 2.0, ["a", "b"]),
        f"slices put together: {row}",
    )
    text = '{"part": "x", "report": {"failure": "one", "failure": "two"}}'
    found = json.loads(text, object_pairs_hook=record.keep_all)
    checks.check(found["report"]["failure"] == ["one", "two"], f"repeated keys: {found}")


def check_goals(checks):
    """What was asked holds, does not, or is open."""
    record = load("gpu_record")

    def row(part, passed=True, slices=1, **report):
        return {"part": part, "passed": passed, "slices": slices, "of": 1, "report": report}

    parts = [
        row("params_grid"),
        row("params_table", passed=False),
        row("sets_cell_auto"),
        row("bench_auto", rate_sets_wall=2e9),
        row("bench_follow", rate_sets_wall=3e7),
        row("bench_copy", rate_copy_bytes=5e10),
        row("bench_full", rate_bytes_run=4.5e10, share_computing=0.5, share_copying=0.95),
        row("ncu_auto", slices=0, share_fp64=0.9),
    ]
    found = {what: (value, holds) for what, _, value, holds in record.goals({"parts": parts})}
    wanted = {
        "parameter bits": ("1 of 2 parts", False),
        "outcomes and values as on the CPU": ("1 of 1 parts", True),
        "golden cases": (None, False),
        "model A, auto, reduced: sets/s, wall clock": ("2 G", True),
        "model A, follow, rtol 1e-4: sets/s, wall clock": ("30 M", False),
        "full output: bytes/s over those of a plain copy": ("0.9", True),
        "full output: time copying over time computing": ("1.9", True),
        "share of the fp64 pipe, auto (ncu)": (None, False),
    }
    for what, value in wanted.items():
        checks.check(found.get(what) == value, f"{what}: {found.get(what)}, wanted {value}")


# --- on the stand-in driver -----------------------------------------------------------------------------------------


def only_file(folder, pattern):
    found = sorted(folder.glob(pattern))
    return found[0] if len(found) == 1 else None


def check_stand_in(build, checks):
    with harness.scratch() as name:
        folder = pathlib.Path(name)
        environment = stand_in_environment(build, folder)
        results = folder / "results.jsonl"
        command = ["--build", build, "--quick", "--results", results, "--records", folder / "records", "--parts", *FEW]

        done = call(*command, "--total", 0, environment=environment)
        checks.check(done.returncode in (1, 75) and not results.exists(), f"no time: exit {done.returncode}")
        done = call(*command, environment=environment)
        checks.check(done.returncode == 0, f"stand-in: exit {done.returncode}\n{done.stdout}{done.stderr}")
        text = only_file(folder / "records", "gpu_*.md")
        checks.check(text is not None and "STAND-IN" in done.stdout, "the record of a stand-in is there and says so")
        words = text.read_text() if text else ""
        checks.check("no GPU" in words and "| passed |" in words and "FAILED" not in words, words)
        checks.check("ncu_auto: a stand-in driver is no device" in words, "what was not run is named, with its reason")
        record = json.loads(text.with_suffix(".json").read_text()) if text else {}
        parts = {row["part"]: row for row in record.get("parts", [])}
        for part in FEW[:-1]:
            checks.check(part in parts and parts[part]["passed"], f"{part} is not in the record, or failed")
        sets = parts.get("sets_cell_auto", {}).get("report", {})
        checks.check(
            sets.get("n_points") == sets.get("n_bits_equal_points") == 500, f"sets_cell_auto: {sets}"
        )
        checks.check("nm_gpu_newton" in words, "the table of kernels is in the record")
        log = (folder / "stand_in.log").read_text()
        checks.check("violation" not in log and " leak " not in log, "the stand-in driver found a mistake")

        # cut short in the middle of a part and of a line: what is missing is run, nothing else
        lines = results.read_text().splitlines(keepends=True)
        cut = [line for line in lines if '"part": "sets_cell_auto", "slice": 7' not in line]
        results.write_text("".join(cut) + lines[0][: len(lines[0]) // 2] + "\n")
        done = call(*command, environment=environment)
        started = [line for line in done.stdout.splitlines() if ": slices " in line]
        checks.check(
            done.returncode == 0 and started == ["sets_cell_auto: slices 7 to 7"], f"going on: {started} {done.stderr}"
        )

        done = call(*command[:-len(FEW) - 3], "--records", RECORDS, "--parts", "self", environment=environment)
        checks.check(done.returncode == 2 and "tests/records" in done.stderr, f"records: {done.returncode} {done.stderr}")


def check_failing_device(build, checks):
    """A device that fails is a failure of the part, in the table."""
    with harness.scratch() as name:
        folder = pathlib.Path(name)
        environment = stand_in_environment(build, folder, NESSMAP_STAND_IN_FAIL="launch:1+")
        command = ["--build", build, "--quick", "--results", folder / "r.jsonl", "--records", folder]
        done = call(*command, "--parts", "params_grid", "golden_cpu", environment=environment)
        checks.check(done.returncode == 1 and "FAILED" in done.stdout, f"a failing device: exit {done.returncode}")
        row = next((line for line in done.stdout.splitlines() if line.startswith("| params_grid")), "")
        checks.check("launching" in row, f"the reason is in the table: {row}")


def run_checks(args, checks):
    build = args.nessmap.parent
    if not (build / "gpu_check").is_file():
        harness.not_run("tools/gpu_check: nessmap_gpu_check is not built")
        return
    check_readers(checks)
    check_goals(checks)
    check_program(build, checks)
    check_no_device(build, checks)
    check_pack(build, checks)
    kernels = [build / "kernels" / f"{model}_cuda_host.so" for model in ("pump_leak", "driven_cycle")]
    if all(path.is_file() for path in (*kernels, build / "tests" / "stand_in" / "libcuda.so.1")):
        check_stand_in(build, checks)
        check_failing_device(build, checks)
    else:
        harness.not_run("tools/gpu_check on the stand-in driver: kernels for it are built where nvcc is")


def test_gpu_check():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
