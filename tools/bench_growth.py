"""How the cost of a set grows with states, batch size and threads: whole runs of nessmap, for tools/bench.

    python3 tools/bench_growth.py RECORD.json OUT.svg      draws what a record has

States: rings of 3, 5, 8 and 12 states, every barrier and one drive drawn, one thread, process CPU time. Each ring is a
model file of its own, compiled ahead: as `network` solves it, by elimination (NM_STATIONARY_GTH), and by Newton's method
in logarithms. Batch size: model A, summary and bins, all cores, wall clock and memory. Threads: model A, summary.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import time

import bench_profile

STATES = (3, 5, 8, 12)
METHODS = {"elimination": "#define NM_STATIONARY_GTH\n", "Newton": ""}
CELLS = 32  # of each of the two axes of the bins
SUMMARY = '\n[[reduce]]\nkind = "summary"\n'
BINS = '\n[[reduce]]\nkind = "bins"\n'
ESTIMATE = 600.0  # s: a run that would take longer is left out
NAMES = {"states": "growth with states", "batch": "growth with batch size", "threads": "growth with threads"}


def model_a(text, sets, more):
    """The configuration of model A with so many sets; where they are binned, two of its drawn parameters become axes."""
    if more == BINS:
        block = r'\[\[random\]\]\nname = "(g_K|p_max)"\ndist = "loguniform"\n(min = .*\nmax = .*\n)'
        text = re.sub(block, rf'[[axis]]\nname = "\1"\n\2n = {CELLS}\nscale = "log"\n', text)
        sets = max(1, sets // CELLS**2)
    return text.replace("n = 2000000", f"n = {sets}") + more


def command_of(program, config, out, threads):
    command = [program, "run", config, "-o", out, "--fresh", "--quiet", "--backend", "cpu"]
    return list(map(str, command + (["--threads", threads] if threads else [])))


def run(program, config, out, threads):
    """Wall clock, CPU time [s] and largest resident memory [bytes] of one run; its file is left."""
    out.unlink(missing_ok=True)  # that of another question
    begin = time.monotonic()
    process = subprocess.Popen(command_of(program, config, out, threads), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 3):
        raise RuntimeError(said.strip() or f"exit {process.returncode}")
    return time.monotonic() - begin, usage.ru_utime + usage.ru_stime, 1024 * usage.ru_maxrss


# --- states --------------------------------------------------------------------------------------------------------


def ring(n, method):
    """The text of a model: n states in a ring."""
    def table(rows):
        return " \\\n".join(f"    {row}" for row in rows)

    params = ['param(T, "K", 298.15, 273.15, 323.15, linear, "temperature")',
              'param(kappa, "1", 1.0, 1e-3, 1.0, linear, "transmission coefficient")',
              'param(p_tot, "mol m-3", 1.0, 1e-3, 1e3, log, "all states together")',
              'param(f, "J mol-1", 10000.0, -50000.0, 50000.0, linear, "drive of the first edge")']
    params += [f'param(G{i}, "J mol-1", 0.0, -15000.0, 15000.0, linear, "energy of state {i}")' for i in range(n)]
    params += [f'param(B{i}, "J mol-1", 50000.0, 28000.0, 77000.0, linear, "energy of barrier {i}")' for i in range(n)]
    species = [f'free(p{i}, 0, flask, p_tot / {n}.0, "state {i}")' for i in range(n)]
    paths = [f'path(e{i}, p{i}, p{(i + 1) % n}, barrier(kappa, B{i}, G{i}, G{(i + 1) % n}, '
             f'{"f" if i == 0 else "NM_PAR(0.0)"}, NM_PAR(0.5)), "edge {i}")' for i in range(n)]
    total = " + ".join(f"p{i}" for i in range(n))
    return (f"/* A ring of {n} states, whose first edge is driven. */\n"
            f"#define NM_PARAMETERS(param) \\\n{table(params)}\n"
            '#define NM_COMPARTMENTS(compartment) compartment(flask, fixed(1.0), ground, "one volume")\n'
            f"#define NM_SPECIES(free, trapped, water, held) \\\n{table(species)}\n"
            f'#define NM_TOTALS(total) total(p_tot, {total}, p0, "nothing is made or lost")\n'
            f"#define NM_PATHWAYS(path) \\\n{table(paths)}\n"
            f'{METHODS[method]}#define NM_EXTENT "m-3"\n#include "nessmap/model.h"\n')


def ring_config(model, n, sets):
    drawn = [(f"B{i}", 40000.0, 60000.0) for i in range(n)] + [("f", -20000.0, 20000.0)]
    rows = "".join(f'[[random]]\nname = "{name}"\ndist = "uniform"\nmin = {low}\nmax = {high}\n\n' for name, low, high in drawn)
    return (f'model = "{model}"\n\n[design]\nkind = "random"\nn = {sets}\nseed = 1\n\n{rows}[solver]\naudit = 0\n'
            f'\n[limits]\nmax_failed = 1.0\n{SUMMARY}')


def with_states(program, folder, sizes, sets, rounds, not_run, lack):
    """[{states, method, sets, us [], profile}]: CPU time a set, of a run less that of one with a tenth of the sets. lack: why
    there is no profile, or None"""
    rows = []
    for method in METHODS:
        for n in sizes:
            name = f"ring_{n}_{method.lower()}.c"
            (folder / name).write_text(ring(n, method))
            done = subprocess.run([program, "compile", folder / name], capture_output=True, text=True)
            if done.returncode:
                not_run.append(f"a ring of {n} states by {method}: {done.stderr.strip().splitlines()[-1]}")
                continue
            configs = []
            for part in (sets, sets // 10):
                configs.append(folder / f"ring_{n}_{method}_{part}.toml")
                configs[-1].write_text(ring_config(name, n, part))
            rows.append({"states": n, "method": method, "sets": sets - sets // 10, "us": [], "configs": configs})
    for _ in range(rounds):
        for row in rows:
            long, short = (run(program, config, folder / "ring.nc", 1)[1] for config in row["configs"])
            row["us"].append(1e6 * max(long - short, 0.0) / row["sets"])
    for row in rows:
        command = command_of(program, row.pop("configs")[0], folder / "profile.nc", 1)
        row["profile"] = f"not profiled: {lack}" if lack else bench_profile.of_command(command, folder)
        (folder / "profile.nc").unlink(missing_ok=True)
    return rows


# --- batch size and threads ----------------------------------------------------------------------------------------


def with_batch(program, text, folder, largest, rounds, not_run):
    """[{outputs, sets, seconds [], memory, bytes}]; a size is left out where the one before says that it takes too long"""
    rows, rate = [], {}
    sizes = [s for s in (10**k for k in range(3, 13)) if s <= largest]
    for sets in sizes:
        for outputs, more in (("summary", SUMMARY), ("bins", BINS)):
            if sets < CELLS**2 and outputs == "bins":
                continue
            if outputs in rate and sets / rate[outputs] > ESTIMATE:
                not_run.append(f"{outputs} of {sets:.0e} sets: it would take {sets / rate[outputs]:.0f} s")
                continue
            config, out = folder / "batch.toml", folder / "batch.nc"
            config.write_text(model_a(text, sets, more))
            row = {"outputs": outputs, "sets": sets // CELLS**2 * CELLS**2 if outputs == "bins" else sets, "seconds": []}
            for _ in range(rounds if sets <= 10**6 else 1):
                seconds, _, row["memory"] = run(program, config, out, 0)
                row["seconds"].append(seconds)
            row["bytes"] = out.stat().st_size
            rate[outputs] = row["sets"] / statistics.median(row["seconds"])
            rows.append(row)
    return rows


def with_threads(program, text, folder, sets, rounds):
    """[{threads, sets, seconds [], gain}]; gain: over one thread in the same round, median"""
    cores = len(os.sched_getaffinity(0))
    rows = [{"threads": t, "sets": sets, "seconds": []} for t in sorted({2**k for k in range(12) if 2**k <= cores} | {cores})]
    config = folder / "threads.toml"
    config.write_text(model_a(text, sets, SUMMARY))
    for _ in range(rounds):
        for row in rows:
            row["seconds"].append(run(program, config, folder / "threads.nc", row["threads"])[0])
    for row in rows:
        row["gain"] = statistics.median(one / s for one, s in zip(rows[0]["seconds"], row["seconds"]))
    return rows


# --- pictures ------------------------------------------------------------------------------------------------------


def draw(growth, path):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "nessmap", "font.size": 9})
    parts = [part for part in NAMES if growth.get(part)]
    figure, axes = plt.subplots(1, len(parts), figsize=(4.0 * len(parts), 3.2), squeeze=False, layout="constrained")
    for axis, part in zip(axes[0], parts):
        rows = growth[part]
        if part == "states":
            for method in METHODS:
                own = [r for r in rows if r["method"] == method]
                axis.plot([r["states"] for r in own], [statistics.median(r["us"]) for r in own], "o-", label=method)
            axis.set(xlabel="states of a ring", ylabel="CPU time a set [µs]", xscale="log", yscale="log")
            ticks = sorted({r["states"] for r in rows})
            axis.minorticks_off()
            axis.set_xticks(ticks, labels=map(str, ticks))
            low, high = axis.get_ylim()
            marks = [m for k in range(-3, 5) for m in (10.0**k, 2 * 10.0**k, 5 * 10.0**k) if low <= m <= high]
            axis.set_yticks(marks, labels=[f"{m:g}" for m in marks])
            axis.legend()
        elif part == "batch":
            beside = axis.twinx()
            for outputs, mark in (("summary", "o"), ("bins", "s")):
                own = [r for r in rows if r["outputs"] == outputs]
                sets = [r["sets"] for r in own]
                axis.plot(sets, [r["sets"] / statistics.median(r["seconds"]) for r in own], mark + "-", label=f"{outputs}: sets/s")
                beside.plot(sets, [r["memory"] / 1e6 for r in own], mark + ":", color="grey", label=f"{outputs}: memory")
            axis.set(xlabel="sets of model A", ylabel="sets/s, start and end included", xscale="log", yscale="log")
            beside.set(ylabel="resident memory [MB], dotted", ylim=(0, None))
            axis.legend()
        else:
            axis.plot([r["threads"] for r in rows], [r["gain"] for r in rows], "o-", label="found")
            axis.plot([r["threads"] for r in rows], [r["threads"] for r in rows], ":", color="grey", label="in proportion")
            axis.set(xlabel="threads", ylabel="times as fast as one")
            axis.set_xticks([r["threads"] for r in rows])
            axis.legend()
    figure.savefig(path, metadata={"Date": None})


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: bench_growth.py RECORD.json OUT.svg")
    with open(sys.argv[1]) as file:
        record = json.load(file)
    try:
        draw(record["growth"], sys.argv[2])
    except ImportError as missing:
        print(f"bench_growth.py: {missing}", file=sys.stderr)
        return 77
    return 0


if __name__ == "__main__":
    sys.exit(main())
