"""Parts of tools/gpu_check that need NVIDIA's tools or another solver: compute-sanitizer, ncu, cuobjdump, the rivals.

A part whose tool is missing is noted as not run, with the reason; nothing is guessed in its place.
"""

import csv
import io
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import gpu_record

FP64_LANES = 64  # of a multiprocessor, double-precision results a cycle, by compute capability 8.0 and 9.0
FULL_RATE = ("8.0", "9.0", "10.0")


def run(command, timeout, environment=None):
    """(status, everything it said); status None: it took too long."""
    try:
        done = subprocess.run(
            list(map(str, command)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            env=environment,
        )
    except subprocess.TimeoutExpired as late:
        return None, late.stdout.decode(errors="replace") if isinstance(late.stdout, bytes) else late.stdout or ""
    return done.returncode, done.stdout


def find_tool(session, part, name):
    """The tool's path; where it is missing, says so once."""
    if session.is_stand_in:
        session.not_run.append(f"{part}: a stand-in driver is no device")
        return None
    path = shutil.which(name) or shutil.which(name, path="/usr/local/cuda/bin")
    if path is None:
        session.not_run.append(f"{part}: {name} was not found")
    return path


# --- compute-sanitizer ----------------------------------------------------------------------------------------------


def run_sanitizer(session, part):
    """compute-sanitizer over small parts: full output by auto, audit and follow, and records"""
    check = part.split("_")[1]
    tool = find_tool(session, part, "compute-sanitizer")
    if tool is None or not session.may_start(part, 60.0):
        return
    print(part, flush=True)
    start, failures, text, n_tools = time.monotonic(), [], [], 0
    for small in ("tool_sets", "tool_bins"):
        with tempfile.TemporaryDirectory(prefix="nessmap_sanitizer_") as folder:
            command = [tool, "--tool", check, "--error-exitcode", 9]
            command += [session.program, "part", small, "--results", f"{folder}/results.jsonl", "--scale", 0.25]
            status, said = run(command, min(session.args.limit / 2, session.left()))
        summary = [line for line in said.splitlines() if "ERROR SUMMARY" in line]
        n_tools += 1
        text.append(f"{small}: {summary[-1].split('ERROR SUMMARY:')[-1].strip() if summary else 'no summary'}")
        if status != 0:
            tail = " / ".join(said.splitlines()[-6:])
            failures.append(f"{check} on {small}: {'too slow' if status is None else f'status {status}'}: {tail}")
        elif not summary:
            failures.append(f"{check} on {small} gave no summary")
    session.keep(part, not failures, {"summary": "; ".join(text)}, time.monotonic() - start, failures)


# --- ncu ------------------------------------------------------------------------------------------------------------

DURATION = "gpu__time_duration.sum"
FP64 = "sm__inst_executed_pipe_fp64.sum"
METRICS = {
    DURATION: "time",
    FP64: "fp64 warp instructions",
    "smsp__inst_executed.sum": "warp instructions",
    "sm__inst_executed_pipe_fp64.avg.pct_of_peak_sustained_elapsed": "fp64 pipe, %",
    "sm__warps_active.avg.pct_of_peak_sustained_active": "warps, %",
    "launch__registers_per_thread": "registers",
    "dram__bytes.sum": "device memory, bytes",
    "smsp__thread_inst_executed_per_inst_executed.ratio": "threads a warp instruction",
}
SHARE = "sm__inst_executed_pipe_fp64.avg.pct_of_peak_sustained_elapsed"
UNITS = {
    "nsecond": 1e-9, "ns": 1e-9, "usecond": 1e-6, "us": 1e-6, "msecond": 1e-3, "ms": 1e-3, "second": 1.0, "s": 1.0,
    "byte": 1.0, "Kbyte": 1e3, "Mbyte": 1e6, "Gbyte": 1e9, "Tbyte": 1e12,
}


def known_metrics(tool):
    """Those of METRICS that this ncu has on this device; a wrong name would end it."""
    status, said = run([tool, "--query-metrics"], 120)
    known = {line.split()[0] for line in said.splitlines() if line.strip()} if status == 0 else set()
    chosen = [name for name in METRICS if name.startswith("launch__") or name.split(".")[0] in known]
    return chosen if DURATION in chosen else list(METRICS)


def read_ncu(text):
    """[{kernel: name, metric: number}] of `ncu --csv --page raw`; times in seconds."""
    lines = text.splitlines()
    first = next((i for i, line in enumerate(lines) if line.startswith('"ID"')), None)
    if first is None:
        return []
    table = csv.reader(io.StringIO("\n".join(line for line in lines[first:] if line.startswith('"'))))
    head, units = next(table), next(table)
    launches = []
    for row in table:
        launch = {}
        for name, unit, cell in zip(head, units, row):
            if name == "Kernel Name":
                launch["kernel"] = cell.split("(")[0]
            elif name in METRICS:
                try:
                    launch[name] = float(cell.replace(",", "")) * UNITS.get(unit, 1.0)
                except ValueError:
                    pass
        launches.append(launch)
    return launches


def sum_kernels(launches):
    """{kernel: totals}, in the order of their first launch; shares and ratios weighted by time."""
    kernels = {}
    for launch in launches:
        seconds = launch.get(DURATION, 0.0)
        total = kernels.setdefault(launch.get("kernel", "?"), {"launches": 0, "seconds": 0.0, "weighted": {}})
        total["launches"] += 1
        total["seconds"] += seconds
        for metric, value in launch.items():
            if metric in ("kernel", DURATION):
                continue
            if ".sum" in metric:
                total[metric] = total.get(metric, 0.0) + value
            elif metric == "launch__registers_per_thread":
                total[metric] = value
            else:
                total["weighted"][metric] = total["weighted"].get(metric, 0.0) + value * seconds
    return kernels


def ncu_table(kernels):
    rows = ["| kernel | launches | time, s | fp64 pipe, % of peak | fp64 / all warp instructions | threads a warp | registers | memory, B |",
            "|---|---|---|---|---|---|---|---|"]
    for name, k in kernels.items():
        seconds = k["seconds"] or 1.0
        share = k["weighted"].get(SHARE, 0.0) / seconds
        threads = k["weighted"].get("smsp__thread_inst_executed_per_inst_executed.ratio", 0.0) / seconds
        rows.append(
            f"| {name} | {k['launches']} | {k['seconds']:.3g} | {share:.1f} | {k.get(FP64, 0):.3g} / "
            f"{k.get('smsp__inst_executed.sum', 0):.3g} | {threads:.1f} | {k.get('launch__registers_per_thread', 0):.0f} | "
            f"{k.get('dram__bytes.sum', 0):.3g} |"
        )
    return rows


def run_ncu(session, part):
    """ncu: share of the fp64 pipe, instructions, registers and memory of every kernel"""
    tool = find_tool(session, part, "ncu")
    if tool is None or not session.may_start(part, 120.0):
        return
    print(part, flush=True)
    start = time.monotonic()
    small = {"ncu_auto": "tool_bench", "ncu_follow": "tool_bench_follow"}[part]
    # the clocks stay as they are: the machine is lent
    command = [tool, "--clock-control", "none", "--csv", "--page", "raw", "--launch-count", 160, "--metrics", ",".join(known_metrics(tool))]
    with tempfile.TemporaryDirectory(prefix="nessmap_ncu_") as folder:
        results = pathlib.Path(folder) / "results.jsonl"
        command += [session.program, "part", small, "--results", results, "--scale", session.scale_of(small)]
        status, said = run(command, min(session.args.limit, session.left()))
        lines = [json.loads(line) for line in results.read_text().splitlines()] if results.is_file() else []
    kernels = sum_kernels(read_ncu(said))
    seconds = sum(k["seconds"] for k in kernels.values())
    if not kernels or not seconds or not lines:
        tail = " / ".join(said.splitlines()[-4:])
        session.not_run.append(f"{part}: ncu measured nothing (status {status}): {tail}")
        return
    sets = lines[-1]["report"]["sets"]
    share = sum(k["weighted"].get(SHARE, 0.0) for k in kernels.values()) / seconds
    n_fp64 = sum(k.get(FP64, 0.0) for k in kernels.values())
    report = {
        "summary": f"fp64 pipe {share:.1f} % of its peak over all kernels (weighted by time); {n_fp64 * 32 / sets:.0f} "
        f"fp64 lane slots a set ({gpu_record.words(sets)} sets)",
        "share_fp64": share / 100,
        "fp64_slots_a_set": n_fp64 * 32 / sets,
        "ncu": " ".join(map(str, command)),
        "table": ncu_table(kernels),
    }
    report |= share_of_benchmark(session, part, n_fp64 * 32 / sets)
    session.keep(part, True, report, time.monotonic() - start)


def measured_rate(session, part):
    """Sets a second of a benchmark that was run, or None."""
    group = [line for line in session.lines() if line["part"] == part and "rate_sets_wall" in line["report"]]
    return gpu_record.merge(group)["rate_sets_wall"] if group else None


def share_of_benchmark(session, part, slots):
    """The share of the fp64 pipe that the unprofiled benchmark reached by the wall clock."""
    bench = "bench_auto" if part.endswith("auto") else "bench_follow"
    rate = measured_rate(session, bench)
    if rate is None or session.device["capability"] not in FULL_RATE:
        return {}
    peak = session.device["multiprocessors"] * FP64_LANES * session.device["clock_khz"] * 1e3
    return {
        "share_fp64_wall": slots * rate / peak,
        "share_formula": f"{slots:.0f} fp64 lane slots a set x {rate:.4g} sets/s of {bench} / ({session.device['multiprocessors']} "
        f"multiprocessors x {FP64_LANES} lanes x {session.device['clock_khz'] / 1e6:.3f} GHz)",
    }


# --- SASS -----------------------------------------------------------------------------------------------------------

FP64_OPS = ("DADD", "DMUL", "DFMA", "DSETP", "DMNMX")
LINE = re.compile(r"^\s*/\*([0-9a-f]{4,})\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9_.]*)(.*?);")


def read_sass(text):
    """{kernel: [(address, opcode, operands)]} of cuobjdump -sass."""
    kernels, current = {}, None
    for line in text.splitlines():
        title = re.search(r"Function\s*:\s*(\S+)", line)
        if title:
            current = kernels.setdefault(title[1], [])
            continue
        match = LINE.match(line)
        if match and current is not None:
            current.append((int(match[1], 16), match[2], match[3]))
    return kernels


def loops_of(code):
    """[(first, last)] addresses of the loops: a branch back to where it was before."""
    loops = []
    for address, op, operands in code:
        target = re.search(r"0x([0-9a-f]+)", operands)
        if op.startswith("BRA") and target and int(target[1], 16) < address:
            loops.append((int(target[1], 16), address))
    return loops


def count_fp64(code, first=None, last=None):
    return sum(
        op.split(".")[0] in FP64_OPS
        for address, op, _ in code
        if first is None or first <= address <= last
    )


def count_kernels(text):
    """{kernel: {all, fp64, local memory, the loop with most fp64}}"""
    found = {}
    for name, code in read_sass(text).items():
        loops = [(count_fp64(code, *loop), *loop) for loop in loops_of(code)]
        most = max(loops, default=(0, 0, 0))
        found[name] = {
            "instructions": sum(op != "NOP" for _, op, _ in code),
            "fp64": count_fp64(code),
            "fp64_of_loop": most[0],
            "loop": sum(most[1] <= address <= most[2] for address, _, _ in code) if most[0] else 0,
            "local": sum(op.split(".")[0] in ("LDL", "STL") for _, op, _ in code),
        }
    return found


def mean_iterations(session):
    """Newton iterations of model A, by the CPU: the same numbers as on the device."""
    with tempfile.TemporaryDirectory(prefix="nessmap_sass_") as folder:
        states = pathlib.Path(folder) / "states.csv"
        command = [session.program, "table", "pump_leak", "--model-a", 20000, "--outputs", "iterations", "--backend", "cpu", "--out", states]
        status, said = run(command, 120)
        if status:
            raise RuntimeError(said.strip())
        with open(states, newline="") as file:
            values = [float(row["iterations"]) for row in csv.DictReader(file)]
    values = [x for x in values if x == x]
    return sum(values) / len(values)


def run_sass(session, part):
    """cuobjdump: fp64 instructions of the kernels, static, and the share of the pipe that follows"""
    tool = shutil.which("cuobjdump") or shutil.which("cuobjdump", path="/usr/local/cuda/bin")
    if tool is None:
        session.not_run.append(f"{part}: cuobjdump was not found")
        return
    if not session.may_start(part, 60.0):
        return
    start = time.monotonic()
    major, minor = session.device["capability"].split(".")
    with tempfile.TemporaryDirectory(prefix="nessmap_sass_") as folder:
        image = pathlib.Path(folder) / "pump_leak.cubin"
        status, said = run([session.program, "image", "pump_leak", major, minor, image], 300)
        if status == 0:
            status, said = run([tool, "-sass", image], 300)
    kernels = count_kernels(said) if status == 0 else {}
    if not kernels:
        session.not_run.append(f"{part}: no SASS of pump_leak ({' / '.join(said.splitlines()[-2:])})")
        return
    table = ["| kernel | instructions | fp64 | largest fp64 loop: fp64 of all | local memory |", "|---|---|---|---|---|"]
    table += [
        f"| {name} | {k['instructions']} | {k['fp64']} | {k['fp64_of_loop']} of {k['loop']} | {k['local']} |"
        for name, k in kernels.items()
    ]
    report = {"table": table, "summary": f"{len(kernels)} kernels"}
    newton, conclude = kernels.get("nm_gpu_newton"), kernels.get("nm_gpu_conclude")
    if newton and newton["fp64_of_loop"]:
        iterations = mean_iterations(session)
        slots = newton["fp64"] - newton["fp64_of_loop"] + newton["fp64_of_loop"] * iterations
        slots += conclude["fp64"] if conclude else 0
        report["summary"] = (
            f"about {slots:.0f} fp64 instructions a set of model A = newton: {newton['fp64'] - newton['fp64_of_loop']} outside the "
            f"loop + {newton['fp64_of_loop']} x {iterations:.2f} iterations"
            + (f" + conclude: {conclude['fp64']}" if conclude else "")
            + " (static count: both sides of every branch)"
        )
        report |= share_of_benchmark(session, "sass_auto", slots)
        if "share_fp64_wall" in report:
            report["summary"] += f"; {100 * report['share_fp64_wall']:.1f} % of the fp64 pipe = {report['share_formula']}"
    session.keep(part, True, report, time.monotonic() - start)


# --- timeline -----------------------------------------------------------------------------------------------------


def run_timeline(session, part):
    """a short benchmark of full output with its timeline, for Perfetto or Chrome; kept beside the record"""
    if not session.may_start(part, 30.0):
        return
    print(part, flush=True)
    start = time.monotonic()
    session.args.records.mkdir(parents=True, exist_ok=True)
    path = session.args.records / f"{gpu_record.file_stem(gpu_record.surroundings(session))}_timeline.json"
    with tempfile.TemporaryDirectory(prefix="nessmap_timeline_") as folder:
        results = pathlib.Path(folder) / "results.jsonl"
        command = [session.program, "part", "tool_full", "--results", results, "--timeline", path]
        command += ["--scale", session.scale_of("tool_full")]
        status, said = run(command, min(session.args.limit, session.left()), session.environment_for(part))
        lines = [json.loads(line) for line in results.read_text().splitlines()] if results.is_file() else []
    if status != 0 or not lines:
        session.keep(part, False, {}, time.monotonic() - start, [f"status {status}: {' / '.join(said.splitlines()[-3:])}"])
        return
    report = lines[-1]["report"]
    report = {"summary": f"{report.get('overlap', '')}; {path.name}", "overlap": report.get("overlap", "")}
    session.keep(part, True, report, time.monotonic() - start)


# --- rivals ---------------------------------------------------------------------------------------------------------


def run_rivals(session, part):
    """diffrax, optimistix and cubie on the same device, model, residual and sets (tools/gpu_rivals.py)"""
    script = pathlib.Path(__file__).resolve().parent / "gpu_rivals.py"
    status, said = run([session.args.python, "-c", "import jax, diffrax, optimistix"], 120)
    if status != 0:
        session.not_run.append(f"{part}: {session.args.python} has no jax, diffrax and optimistix")
        return
    if session.is_stand_in:
        session.not_run.append(f"{part}: a stand-in driver is no device")
        return
    if not session.may_start(part, 120.0):
        return
    print(part, flush=True)
    start = time.monotonic()
    limit = min(session.args.limit, session.left())
    with tempfile.TemporaryDirectory(prefix="nessmap_rivals_") as folder:
        result = pathlib.Path(folder) / "rivals.json"
        command = [session.args.python, script, "--program", session.program, "--json", result, "--limit", f"{0.9 * limit:.0f}"]
        command += ["--our-scale", session.args.bench_scale, "--sets", max(256, int(2e5 * session.args.bench_scale))]
        status, said = run(command, limit)
        print(said, flush=True)
        found = json.loads(result.read_text()) if result.is_file() else None
    if found is None:
        session.not_run.append(f"{part}: gpu_rivals.py ended with status {status}: {' / '.join(said.splitlines()[-3:])}")
        return
    report = {"summary": found["summary"], "table": found["table"], "rivals": found}
    session.keep(part, True, report, time.monotonic() - start)


PARTS = [
    ("sanitizer_memcheck", run_sanitizer),
    ("sanitizer_racecheck", run_sanitizer),
    ("sanitizer_initcheck", run_sanitizer),
    ("ncu_auto", run_ncu),
    ("ncu_follow", run_ncu),
    ("sass_auto", run_sass),
    ("timeline", run_timeline),
    ("rivals", run_rivals),
]

if __name__ == "__main__":
    sys.exit("gpu_tools.py is a part of tools/gpu_check")
