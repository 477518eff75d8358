"""The record of tools/bench: medians of ratios, spread, machine, versions, as JSON and as Markdown."""

import json
import math
import os
import platform
import re
import statistics

import bench_growth
import bench_profile
import gpu_record

# table: what ratios are over, where it has run
BASE = {"steady": "nessmap auto, 16 lanes", "neuron": "nessmap neuron auto, 16 lanes", "course": "nessmap to 3000 s, rtol 1e-4, 16 lanes"}
ERRORS = (5e-7, 2e-8)  # at which the work of time courses is compared


def make(program, rounds, judged, runs, versions, facts, not_run):
    names = list(rounds[0]) if rounds else []
    rows = []
    for name in names:
        table = judged[name].get("table", "steady")
        own = [other for other in names if judged[other].get("table", "steady") == table]
        base = BASE[table] if BASE[table] in names else own[0]
        seconds = [one[name] for one in rounds]
        ratios = [one[name] / one[base] for one in rounds]
        rows.append({**judged[name], "name": name, "table": table, "base": base, "us": 1e6 * statistics.median(seconds),
                     "all_us": [1e6 * s for s in seconds], "ratio": statistics.median(ratios), "all_ratio": ratios})
    for run in runs:
        run["rate"] = run["sets"] / statistics.median(run["seconds"])
        if run["plain"]:
            run["over_plain"] = statistics.median(s / p for s, p in zip(run["seconds"], run["plain"]))
    return {
        "processor": gpu_record.processor_name(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "version": gpu_record.output_of(str(program), "--version"),
        "info": gpu_record.output_of(str(program), "info"),
        "program": gpu_record.hash_of(program),
        "compiler": compiler_of(program),
        "versions": versions,
        "rounds": len(rounds),
        "sets": facts["pump_leak"]["sets"],
        "steady": facts["pump_leak"]["steady"],
        "outputs": facts["pump_leak"]["outputs"],
        "jacobian_error": max(fact["jacobian_error"] for fact in facts.values()),
        "neuron": {key: facts["neuron"][key] for key in ("sets", "steady", "bistable", "outputs")},
        "contestants": rows,
        "runs": runs,
        "not_run": not_run,
    }


def compiler_of(program):
    """The kernels' compiler, as its build configured it."""
    cache = program.parent / "CMakeCache.txt"
    if not cache.is_file():
        return ""
    text = cache.read_text()
    found = re.search(r"^NESSMAP_KERNEL_CXX:\w+=(.+)$", text, re.M) or re.search(r"^NESSMAP_CLANGXX:\w+=(.+)$", text, re.M)
    path = found[1] if found and "NOTFOUND" not in found[1] else "c++"
    said = gpu_record.output_of(path, "--version")
    return said.splitlines()[0] if said else path


def goals(record):
    """[(what, reach, aim, found, holds)] of design section 12 that this record has."""
    row = {r["name"]: r for r in record["contestants"]}
    run = {r["name"]: r for r in record["runs"]}
    found = []

    def add(what, reach, aim, value, is_at_most=False):
        if value is not None:
            holds = value <= reach if is_at_most else value >= reach
            found.append((what, reach, aim, value, holds))

    def rate(name):
        return 1e6 / row[name]["us"] if name in row else None

    def best(kind, base):
        """Ratio to the fastest of its kind that solves every set: medians over the rounds."""
        sound = [r for r in row.values() if r["name"].startswith(kind) and r["failures"] == r["wrong"] == 0 and
                 r["table"] == row[base]["table"]] if base in row else []
        if not sound:
            return None
        fastest = min(sound, key=lambda r: r["us"])
        return statistics.median(a / b for a, b in zip(fastest["all_us"], row[base]["all_us"]))

    add("auto, steady sets, 16 lanes: sets/s", 5e6, 10e6, rate("nessmap auto, 16 lanes"))
    add("auto, all sets, 16 lanes: sets/s", 5e6, 10e6, rate("nessmap auto, all sets, 16 lanes"))
    # the figures rest on CVODE at rtol 1e-4 with a polish and on KINSOL with a line search; faster tunings were found since
    for kind, by, rival, base, reach, aim in (("CVODE", "rtol 1e-4, polished", "CVODE rtol 1e-4", "nessmap auto, 16 lanes", 1000, 2000),
                                              ("KINSOL", "with a line search", "KINSOL line search", "nessmap auto, 16 lanes", 35, 70),
                                              ("CVODE neuron", "rtol 1e-4, polished", "CVODE neuron rtol 1e-4", "nessmap neuron auto, 16 lanes", 500, 1000)):
        add(f"auto over the fastest {kind} {by}: what the figure rests on", reach, aim, best(rival, base))
        add(f"auto over the fastest {kind} of all that were tried", reach, aim, best(kind, base))
    add("follow rtol 1e-4, 16 lanes: sets/s", 250e3, 450e3, rate("nessmap follow rtol 1e-4, 16 lanes"))
    for error, reach, aim in zip(ERRORS, (50, 40), (100, 80)):
        ratio = at_equal_error(record["contestants"], error, "nessmap", ", 16 lanes")
        add(f"a state at 3000 s over CVODE at a median error of {error:.0e}, 16 lanes", reach, aim, ratio and ratio[0])
    if "default outputs" in run:
        add("default outputs to the renamed file: sets/s", 2e6, 5e6, run["default outputs"]["rate"])
    if "all outputs" in run:
        add("all outputs over three plain writes", 1.5, 1.5, run["all outputs"].get("over_plain"), True)
    return found


def work_at(rows, error, number, place):
    """us of a round at an error: straight between neighbours in logarithms; None beyond the ends."""
    points = sorted((r["errors"][place], r["all_us"][number]) for r in rows if r["errors"][place] > 0)
    for (e0, w0), (e1, w1) in zip(points, points[1:]):
        if e0 <= error <= e1 and e0 < e1:
            share = math.log(error / e0) / math.log(e1 / e0)
            return math.exp((1 - share) * math.log(w0) + share * math.log(w1))
    return None


def at_equal_error(contestants, error, start, end, place=0):
    """Work of CVODE over that of the contestants so named at an error: [median, least, most] over rounds, or None. place: of
    the median error (0), of that which 95 % stay below (1)."""
    rows = [r for r in contestants if r["table"] == "course"]
    ours = [r for r in rows if r["name"].startswith(start) and r["name"].endswith(end)]
    theirs = [r for r in rows if r["name"].startswith("CVODE")]
    found = [(work_at(theirs, error, k, place), work_at(ours, error, k, place)) for k in range(len(rows[0]["all_us"]) if rows else 0)]
    ratios = [a / b for a, b in found if a and b]
    return [statistics.median(ratios), min(ratios), max(ratios)] if ratios else None


# --- words ---------------------------------------------------------------------------------------------------------


def span(values):
    return f"{min(values):.3g} to {max(values):.3g}"


def tell_contestant(r):
    share = f"{r['failures']}" if r["failures"] == 0 else f"**{r['failures']}** ({100 * r['failures'] / r['sets']:.2g} %)"
    wrong = str(r["wrong"]) if r["wrong"] == 0 else f"**{r['wrong']}**"
    if r["judged"] == "verdicts":
        share, wrong = "", f"{wrong} verdicts"
    elif r["judged"] == "not":
        share = wrong = ""
    steps = f"{r['steps']:.3g}" if r["steps"] else ""
    worst = f"{r['worst_resid']:.1e}" if r["judged"] == "states" else ""
    return (f"| {r['name']} | {r['us']:.3g} | {gpu_record.words(1e6 / r['us'])} | {r['ratio']:.3g} | {span(r['all_ratio'])} | "
            f"{r['sets']} | {share} | {wrong} | {worst} | {steps} |")


def tell_load(record):
    before, after = record["load"]
    text = f"{before:.1f} before, {after:.1f} after"
    if before > 1.0 or after > record["cores"] + 0.5:  # the bench itself is on all cores at its end
        text += ": **other work ran beside: see the extremes, and read the wall clock of whole runs as too long**"
    return text


def command_of(name):
    """The line that measures it again."""
    return f"`tools/bench --only {json.dumps(name)}`"


def tell_courses(record):
    rows = [r for r in record["contestants"] if r["table"] == "course"]
    if not rows:
        return []
    lines = ["", "## A state at a chosen time: work and precision", "",
             f"States of {rows[0]['sets']} cells of model A at t = 3000 s from the declared start, steps that end there; error: largest relative "
             "difference of a state (of V: in RT/F) from CVODE at rtol 1e-12. Failed: did not get there; wrong: a tenth away or more.", "",
             "| contestant | us a set | over the rounds | steps | median error | 95 % | largest | failures | wrong |", "|---|---|---|---|---|---|---|---|---|"]
    for r in rows:
        errors = " | ".join(f"{e:.1e}" for e in r["errors"])
        lines.append(f"| {r['name']} | {r['us']:.3g} | {span(r['all_us'])} | {r['steps']:.0f} | {errors} | {r['failures']} | {r['wrong']} |")
    wanted = [(lanes, place, error, at_equal_error(rows, error, "nessmap", f", {lanes}", place))
              for lanes in ("16 lanes", "8 lanes", "1 lane") for place in (0, 1) for error in ERRORS]
    if any(ratio for *_, ratio in wanted):
        lines += ["", "At equal error, work between neighbouring rows taken straight in logarithms (half of the sets are steady long before 3000 s: "
                  "the median is of those, the 95 % are not):", "",
                  "| lanes | error | of | CVODE over nessmap | over the rounds |", "|---|---|---|---|---|"]
        lines += [f"| {lanes} | {error:.0e} | {('the median', '95 %')[place]} | {ratio[0]:.3g} | {ratio[1]:.3g} to {ratio[2]:.3g} |"
                  for lanes, place, error, ratio in wanted if ratio]
    return lines


def tell_neuron(record):
    rows = [r for r in record["contestants"] if r["table"] == "neuron"]
    facts = record["neuron"]
    if not rows:
        return []
    return ["", "## A bistable, gated cell", "",
            f"{facts['sets']} neurons (tests/bench/neuron.toml) that start polarised; {facts['steady']} come to a steady state when they are followed at "
            f"rtol 1e-6, and in {facts['bistable']} of these a second state is stable (16 starts). Failure: a residual above 1e-10 or no answer; wrong: "
            f"another state than the followed one. nessmap: {facts['outputs']} outputs, stability included. The rivals' right-hand side is the published one "
            "in plain C with an analytic Jacobian.", *TABLE_HEAD, *map(tell_contestant, rows)]


def tell_runs(record):
    lines = ["", "## Whole runs", "", "To the renamed file (`nessmap run`, all cores unless it says otherwise, wall clock, start and end included):", "",
             "| outputs | sets | bytes | s | over the rounds | sets/s | MB/s | over three plain writes with fdatasync | times as fast as 1 thread |",
             "|---|---|---|---|---|---|---|---|---|"]
    for r in record["runs"]:
        plain = f"{r['over_plain']:.2f} ({span([s / p for s, p in zip(r['seconds'], r['plain'])])})" if r["plain"] else ""
        gain = f"{statistics.median(r['over_one_thread']):.2f} ({span(r['over_one_thread'])})" if r.get("over_one_thread") else ""
        s = statistics.median(r["seconds"])
        lines.append(f"| {r['name']} | {r['sets']} | {r['bytes']} | {s:.3g} | {span(r['seconds'])} | {gpu_record.words(r['rate'])} | "
                     f"{r['bytes'] / s / 1e6:.0f} | {plain} | {gain} |")
    return lines if record["runs"] else []


def tell_growth(record):
    grown = record["growth"]
    if not grown:
        return []
    lines = ["", "## Growth", ""]
    if record["picture"]:
        lines += [f"![cost against states, batch size and threads]({record['picture']})", ""]
    if grown.get("states"):
        lines += ["Rings of states, every barrier and one drive drawn, summary, one thread; CPU time of a run less that of one with a tenth of the sets:", "",
                  "| states | method | sets | us a set | over the rounds | bound by |", "|---|---|---|---|---|---|"]
        lines += [f"| {r['states']} | {r['method']} | {r['sets']} | {statistics.median(r['us']):.3g} | {span(r['us'])} | {bench_profile.words(r['profile'])} |"
                  for r in grown["states"]]
    if grown.get("batch"):
        lines += ["", "Batches of model A, all cores, wall clock; memory: the largest resident:", "",
                  "| outputs | sets | s | sets/s | memory [MB] | file [kB] |", "|---|---|---|---|---|---|"]
        for r in grown["batch"]:
            s = statistics.median(r["seconds"])
            lines.append(f"| {r['outputs']} | {r['sets']:.4g} | {s:.3g} | {gpu_record.words(r['sets'] / s)} | {r['memory'] / 1e6:.0f} | {r['bytes'] / 1e3:.0f} |")
    if grown.get("threads"):
        lines += ["", "Threads, model A, summary, wall clock:", "", "| threads | sets | s | times as fast as one |", "|---|---|---|---|"]
        lines += [f"| {r['threads']} | {r['sets']} | {statistics.median(r['seconds']):.3g} | {r['gain']:.2f} |" for r in grown["threads"]]
    return lines


def tell_commands(record):
    """What measures each row again, and what bounds it."""
    row = {r["name"]: r for r in record["contestants"]}
    lines = ["", "## Commands, and what bounds each row", "",
             "Functions: shares of samples by perf (cpu-clock); a model's kernel is compiled into `solve_tile` (draw, Newton, stability, outputs) and "
             "`follow_tile`; `lib...` is all of a library. Behind the semicolon: what the sampled instructions do; one that waits is the one that is found.", ""]
    shares = []
    for lanes in ("16 lanes", "8 lanes", "1 lane"):
        part, whole = row.get(f"nessmap Newton alone, {lanes}"), row.get(f"nessmap auto, {lanes}")
        if part and whole:
            shares.append(f"{100 * statistics.median(a / b for a, b in zip(part['all_us'], whole['all_us'])):.0f} % on {lanes}")
    if shares:
        lines += [f"Newton's iterations from the start alone are of auto's time: {', '.join(shares)}; the rest is stability, outputs and the sets that are followed.", ""]
    lines += ["| row | command | bound by |", "|---|---|---|"]
    for name in row:
        found = record["profiles"].get(name, "not profiled")
        lines.append(f"| {name} | {command_of(name)} | {bench_profile.words(found)} |")
    for r in record["runs"]:
        lines.append(f"| {r['name']} | {command_of(r['name'])} | {bench_profile.words(r['profile'])} |")
    for part, rows in record["growth"].items():
        bound = "see its table" if part == "states" else "the solver"
        if part == "batch" and rows:
            bound = f"up to some {rows[0]['seconds'][0] * max(r['sets'] / r['seconds'][0] for r in rows):.0e} sets a start of {rows[0]['seconds'][0]:.2g} s, then the solver"
        lines.append(f"| {bench_growth.NAMES[part]} | {command_of(bench_growth.NAMES[part])} | {bound} |")
    return lines


TABLE_HEAD = ["", "| contestant | us a set | sets/s | ratio | over the rounds | sets | failures | wrong | worst residual | steps |",
              "|---|---|---|---|---|---|---|---|---|---|"]


def to_markdown(record):
    lines = [f"# nessmap beside what people use, {record['processor']}, {record['date']}", ""]
    if record["is_quick"]:
        lines += ["**Tiny sizes: the times of this record mean nothing.**", ""]
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    steady = [r for r in record["contestants"] if r["table"] == "steady"]
    lines += [
        f"- machine: {record['processor']}, {record['cores']} cores, {record['system']}; load {tell_load(record)}",
        f"- {record['version']}, program {record['program']}; kernels by {record['compiler']}",
        f"- {versions}",
        f"- command: `{record['command']}`",
        f"- {record['sets']} cells of model A (tests/bench/model_a.toml, the bath's impermeant zero in every third); {record['steady']} "
        "have a steady state, by the exact one-dimensional reduction, and those alone are given to the contestants, but for "
        '"all sets" and "drawn" (the sets as the configuration has them)',
        f"- one core, process CPU time, {record['rounds']} interleaved rounds; us: median; ratio: time a set over that of nessmap's auto on 16 lanes "
        "(else the first row) in the same round, median and extremes",
        "- failure: a relative residual above 1e-10, or no answer; wrong: passes, but is not the exact state (1e-6 over the "
        "lysis margin); every rival begins at nessmap's declared start (5 % of the cations are K+) unless its name says otherwise, nessmap's "
        "Newton at the model's guess; "
        '"Newton alone" has neither stability nor outputs nor anything to fall back to: auto follows the sets in which it fails',
        f"- nessmap: {record['outputs']} default outputs as doubles, stability included, parameters in memory unless drawn; "
        f"the rivals' analytic Jacobians agree with differences to {record['jacobian_error']:.1g}",
    ]
    if steady:
        lines += ["", "## A steady state", *TABLE_HEAD, *map(tell_contestant, steady)]
    lines += tell_neuron(record) + tell_courses(record) + tell_runs(record) + tell_growth(record)
    asked = goals(record)
    if asked and not record["is_quick"]:
        lines += ["", "## What was asked", "", "| asked | reach | aim | found | reach holds |", "|---|---|---|---|---|"]
        for what, reach, aim, value, holds in asked:
            lines.append(f"| {what} | {gpu_record.words(reach)} | {gpu_record.words(aim)} | {gpu_record.words(value)} | {'yes' if holds else 'NO'} |")
    lines += tell_commands(record)
    lines += ["", "Not run: " + ("; ".join(record["not_run"]) if record["not_run"] else "nothing") + "."]
    return "\n".join(lines)


def write(record, folder):
    """returns the path of the Markdown file; the JSON lies beside it. A part of the benchmark has a name of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    name = "_".join(gpu_record.slug(text) for text in (record["processor"], record["only"]) if text)
    path = folder / f"bench_{record['date']}_{name}.md"
    path.write_text(to_markdown(record) + "\n")
    path.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n")
    return path
