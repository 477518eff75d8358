"""The record of tools/fuzz: how long each target ran, what it found, and which lines it reached, as Markdown."""

import datetime
import json
import platform
import re
import os
import shlex
import subprocess
import sys

import gpu_record


def command_of():
    """The command, with the folders of this machine left out."""
    words = ["tools/fuzz"]
    for before, word in zip(sys.argv, sys.argv[1:]):
        words.append({"--build": "BUILD", "--work": "WORK", "--record": "RECORDS"}.get(before, word))
    return shlex.join(words)


def load(folder, name, otherwise):
    path = folder / name
    return json.loads(path.read_text()) if path.is_file() else otherwise


def share(part, whole):
    return f"{part} of {whole} ({100 * part / whole:.0f} %)" if whole else "0"


def tell_runs(work, targets):
    lines = [
        "| target | begun | seconds | executions | a second | new inputs | peak memory | slowest input | findings |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for target in targets:
        for run in load(work / target, "runs.json", []):
            rate = run["executions"] / max(run["seconds"], 1e-9)
            slowest = f"{run['slowest_s']} s" if run["slowest_s"] else "under 1 s"
            lines.append(
                f"| {target} | {run['begun']} | {run['seconds']:.0f} | {run['executions']:,} | {rate:,.0f} | {run['new']:,} | "
                f"{run['peak_mb']} MB | {slowest} | {len(run['findings'])} |"
            )
    return lines


def tell_findings(work, targets):
    lines = []
    for target in targets:
        for run in load(work / target, "runs.json", []):
            for finding in run["findings"]:
                again = f"; the same input again: {finding['again']}" if "again" in finding else ""
                lines.append(f"- {target}, run of {run['begun']}: `{finding['why']}`{again}")
    return lines or ["- none: no crash, no leak, no hang, nothing that the targets assert was broken"]


def tell_coverage(work, targets):
    lines = []
    for target in targets:
        found = load(work / target, "coverage.json", None)
        if not found:
            continue
        rows = found["sources"]
        total = [sum(row[k] for row in rows.values()) for k in range(4)]
        lines += [
            f"### {target}: {found['inputs']:,} inputs",
            "",
            "| source | lines reached | regions reached |",
            "|---|---|---|",
        ]
        for name, row in sorted(rows.items()):
            lines.append(f"| {name} | {share(row[0], row[1])} | {share(row[2], row[3])} |")
        lines += [f"| all | {share(total[0], total[1])} | {share(total[2], total[3])} |", ""]
    return lines


def write(args, targets):
    """Writes the record of all runs in the work folder; returns its path."""
    root = args.record.resolve()
    date = datetime.date.today().isoformat()
    processor = gpu_record.processor_name()
    name = re.sub(r"[^a-z0-9]+", "-", processor.lower()).strip("-")
    clang = subprocess.run(["clang", "--version"], capture_output=True, text=True).stdout.splitlines()
    version = gpu_record.output_of(str(args.build / "nessmap"), "--version")
    runs = [run for target in targets for run in load(args.work / target, "runs.json", [])]
    commands = ", ".join(f"`{command}`" for command in dict.fromkeys(run["command"] for run in runs))
    lines = [
        f"# Fuzzing of nessmap, {processor}, {date}",
        "",
        f"- machine: {processor}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
        f"- {version}; {clang[0] if clang else 'no clang'}, libFuzzer with the address and "
        "undefined-behaviour sanitizers",
        f"- commands: {commands}",
        "- a finding is an input that crashes, leaks, takes more than 10 s or 2 GB, or breaks what a target of `tests/fuzz` asserts;"
        " a target goes on after one; a timeout whose input ends well when it is run again was a stall of the machine",
        "- coverage: what all inputs that are kept reach, replayed without sanitizers; what they cannot reach: no memory, a full disk, "
        "files and folders that the targets do not make",
        "",
        "## Runs",
        "",
        *tell_runs(args.work, targets),
        "",
        "## Findings",
        "",
        *tell_findings(args.work, targets),
        "",
        "## Coverage",
        "",
        *tell_coverage(args.work, targets),
    ]
    root.mkdir(parents=True, exist_ok=True)
    path = root / f"fuzz_{date}_{name}.md"
    path.write_text("\n".join(lines).rstrip() + "\n")
    return path
