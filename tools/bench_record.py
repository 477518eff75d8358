"""The record of tools/bench: medians of ratios, spread, machine, versions, as JSON and as Markdown."""

import json
import os
import platform
import re
import statistics

import gpu_record

BASE = "nessmap auto, 8 lanes"


def make(program, rounds, judged, runs, versions, facts, not_run):
    names = list(rounds[0])
    base = BASE if BASE in names else names[0]
    rows = []
    for name in names:
        seconds = [one[name] for one in rounds]
        ratios = [one[name] / one[base] for one in rounds]
        rows.append({**judged[name], "name": name, "us": 1e6 * statistics.median(seconds), "all_us": [1e6 * s for s in seconds],
                     "ratio": statistics.median(ratios), "all_ratio": ratios})
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
        "base": base,
        "sets": facts["sets"],
        "steady": facts["steady"],
        "outputs": facts["outputs"],
        "jacobian_error": facts["jacobian_error"],
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
        sound = [r for r in row.values() if r["name"].startswith(kind) and r["failures"] == r["wrong"] == 0]
        if not sound or base not in row:
            return None
        fastest = min(sound, key=lambda r: r["us"])
        return statistics.median(a / b for a, b in zip(fastest["all_us"], row[base]["all_us"]))

    add("auto, steady sets, 8 lanes: sets/s", 5e6, 10e6, rate("nessmap auto, 8 lanes"))
    add("auto, all sets, 8 lanes: sets/s", 5e6, 10e6, rate("nessmap auto, all sets, 8 lanes"))
    add("auto over the fastest CVODE without failures", 1000, 2000, best("CVODE", "nessmap auto, 8 lanes"))
    add("auto over the fastest KINSOL without failures", 35, 70, best("KINSOL", "nessmap auto, 8 lanes"))
    add("follow rtol 1e-4, 8 lanes: sets/s", 250e3, 450e3, rate("nessmap follow rtol 1e-4, 8 lanes"))
    if "default outputs" in run:
        add("default outputs to the renamed file: sets/s", 2e6, 5e6, run["default outputs"]["rate"])
    if "all outputs" in run:
        add("all outputs over three plain writes", 1.5, 1.5, run["all outputs"].get("over_plain"), True)
    return found


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


def to_markdown(record):
    lines = [f"# nessmap beside what people use, {record['processor']}, {record['date']}", ""]
    if record["is_quick"]:
        lines += ["**Tiny sizes: the times of this record mean nothing.**", ""]
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    lines += [
        f"- machine: {record['processor']}, {record['cores']} cores, {record['system']}; load {tell_load(record)}",
        f"- {record['version']}, program {record['program']}; kernels by {record['compiler']}",
        f"- {versions}",
        f"- command: `{record['command']}`",
        f"- {record['sets']} cells of model A (tests/bench/model_a.toml, the bath's impermeant zero in every third); {record['steady']} "
        "have a steady state, by the exact one-dimensional reduction, and those alone are given to the contestants, but for "
        '"all sets" and "drawn" (the sets as the configuration has them)',
        f"- one core, process CPU time, {record['rounds']} interleaved rounds; us: median; ratio: time a set over that of "
        f"`{record['base']}` in the same round, median and extremes",
        "- failure: a relative residual above 1e-10, or no answer; wrong: passes, but is not the exact state (1e-6 over the "
        "lysis margin); every contestant begins at nessmap's declared start (5 % of the cations are K+) unless its name says otherwise",
        f"- nessmap: {record['outputs']} default outputs as doubles, stability included, parameters in memory unless drawn; "
        f"the rivals' analytic Jacobians agree with differences to {record['jacobian_error']:.1g}",
        "", "| contestant | us a set | sets/s | ratio | over the rounds | sets | failures | wrong | worst residual | steps |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [tell_contestant(r) for r in record["contestants"]]
    if record["runs"]:
        lines += ["", "Whole runs to the renamed file (`nessmap run`, all cores unless it says otherwise, wall clock, start and end included):", "",
                  "| outputs | sets | bytes | s | over the rounds | sets/s | MB/s | over three plain writes with fdatasync |", "|---|---|---|---|---|---|---|---|"]
        for r in record["runs"]:
            plain = f"{r['over_plain']:.2f} ({span([s / p for s, p in zip(r['seconds'], r['plain'])])})" if r["plain"] else ""
            s = statistics.median(r["seconds"])
            lines.append(f"| {r['name']} | {r['sets']} | {r['bytes']} | {s:.3g} | {span(r['seconds'])} | "
                         f"{gpu_record.words(r['rate'])} | {r['bytes'] / s / 1e6:.0f} | {plain} |")
    asked = goals(record)
    if asked and not record["is_quick"]:
        lines += ["", "| asked | reach | aim | found | reach holds |", "|---|---|---|---|---|"]
        for what, reach, aim, value, holds in asked:
            lines.append(f"| {what} | {gpu_record.words(reach)} | {gpu_record.words(aim)} | {gpu_record.words(value)} | {'yes' if holds else 'NO'} |")
    lines += ["", "Not run: " + ("; ".join(record["not_run"]) if record["not_run"] else "nothing") + "."]
    return "\n".join(lines)


def write(record, folder):
    """returns the path of the Markdown file; the JSON lies beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^A-Za-z0-9]+", "-", record["processor"]).strip("-").lower()
    path = folder / f"bench_{record['date']}_{name}.md"
    path.write_text(to_markdown(record) + "\n")
    path.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n")
    return path
