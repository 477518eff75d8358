"""Where a contestant of nessmap_bench, or a whole run, spends its time, by perf: functions, and what instructions do."""

import os
import re
import shutil
import signal
import subprocess
import time

# the first that matches counts; the instruction that waits is the one that perf finds
KINDS = (
    ("division, square root", re.compile(r"v?(div|sqrt|rcp|rsqrt)")),
    ("multiply, add", re.compile(r"v?(fn?m(add|sub)|mul|add[sp]d|sub[sp]d|range|scalef|rndscale|round|reduce)|f(mul|add|sub|ld|st)")),
    ("select, compare", re.compile(r"v?(cmp|blend|p?and|p?or|p?xor|min|max|andn|pternlog|ucomis|comis)|k(and|or|not|mov|test|xor)")),
    ("load, store, shuffle", re.compile(r"v?(mov|broadcast|perm|unpck|shuf|insert|extract|gather|scatter|align|p?mov|punpck|pinsr|pextr|cvt)")),
)
REST = "integers, branches"
SECONDS, LONGEST = 0.5, 10.0  # CPU time of samples of each, and how long to wait for them
PERF = ("perf", "record", "-q", "-e", "cpu-clock", "-F", "1999", "-o")


def why_not():
    """One sentence where there can be no profile, else None."""
    if shutil.which("perf") is None:
        return "perf was not found"
    probe = subprocess.run(["perf", "stat", "-e", "cpu-clock", "true"], capture_output=True, text=True)
    return None if probe.returncode == 0 else "perf may not measure here"


def kind_of(word):
    for name, pattern in KINDS:
        if pattern.match(word):
            return name
    return REST


def record(stable, name, path):
    """Lets `name` play while perf looks on."""
    perf = subprocess.Popen([*PERF, str(path), "-p", str(stable.process.pid)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 5.0
        while not path.exists() and perf.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(0.1)
        spent, until = 0.0, time.monotonic() + LONGEST
        while spent < SECONDS and time.monotonic() < until:
            spent += sum(line["seconds"] for line in stable.ask(f"play {name}"))
    finally:
        if perf.poll() is None:
            perf.send_signal(signal.SIGINT)
        perf.wait()


def bare_name(text):
    """A function's name without types, namespace and arguments, which may stand in one another."""
    while (shorter := re.sub(r"\(anonymous namespace\)::|\([^()]*\)|<[^<>]*>", "", text)) != text:
        text = shorter
    return text.split()[-1]


def functions_of(path, program, has_system):
    """[(function of the program or of a model, or a library, and its share)], largest first; of the operating system, which
    passes the lines to contestants to and fro, only where it counts"""
    done = subprocess.run(["perf", "report", "-q", "-i", str(path), "--stdio", "--sort", "dso,symbol"], capture_output=True, text=True)
    found = {}
    for line in done.stdout.splitlines():
        match = re.match(r"\s*([0-9.]+)%\s+(\S+)\s+\[([.k])\]\s+(.+?)(\s+-\s+-)?\s*$", line)
        if match and (match[3] == "." or has_system):
            bare = bare_name(match[4])
            is_own = match[2] == program or match[2].startswith("model-")
            bare = bare if is_own else "operating system" if match[3] == "k" else match[2].split(".so")[0]
            found[bare] = found.get(bare, 0.0) + 0.01 * float(match[1])
    total = sum(found.values())
    return [(name, share / total) for name, share in sorted(found.items(), key=lambda item: -item[1])]


def kinds_of(path):
    """{kind of instruction: share}"""
    done = subprocess.run(["perf", "annotate", "-q", "-i", str(path), "--stdio", "--no-source"], capture_output=True, text=True, errors="replace")
    shares, samples = {}, 0
    for line in done.stdout.splitlines():
        head = re.search(r"\((\d+) samples", line)
        if head:
            samples = int(head[1])
            continue
        match = re.match(r"\s*([0-9.]+)\s*:\s*[0-9a-f]+:\s+(\S+)", line)
        if match:
            kind = kind_of(match[2])
            shares[kind] = shares.get(kind, 0.0) + 0.01 * float(match[1]) * samples
    total = sum(shares.values())
    return {kind: share / total for kind, share in sorted(shares.items(), key=lambda item: -item[1])} if total else {}


def read(path, program, has_system):
    """{functions: [(name, share)], kinds: {kind: share}} of samples of `program`, or one sentence"""
    functions = functions_of(path, os.path.basename(program), has_system) if path.exists() and path.stat().st_size else []
    return {"functions": functions[:6], "kinds": kinds_of(path)} if functions else "not profiled: perf found no samples"


def of_contestant(stable, name, folder):
    path = folder / "perf.data"
    path.unlink(missing_ok=True)
    record(stable, name, path)
    return read(path, stable.command[0], False)


def of_command(command, folder):
    path = folder / "perf.data"
    path.unlink(missing_ok=True)
    subprocess.run([*PERF, str(path), "--", *map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return read(path, str(command[0]), True)


def words(found):
    """One line of Markdown."""
    if isinstance(found, str):
        return found
    functions = ", ".join(f"`{name}` {100 * share:.0f} %" for name, share in found["functions"] if share >= 0.03)
    kinds = ", ".join(f"{kind} {100 * share:.0f} %" for kind, share in found["kinds"].items() if share >= 0.03)
    return f"{functions}; {kinds}" if kinds else functions
