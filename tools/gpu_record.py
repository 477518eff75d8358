"""Results of tools/gpu_check put together: slices into parts, parts into one table, the table into a record."""

import datetime
import hashlib
import json
import platform
import re
import statistics
import subprocess


def hash_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


# --- reading -------------------------------------------------------------------------------------------------------


def keep_all(pairs):
    """An object whose repeated keys (listed, failure, table) become lists."""
    found = {}
    for key, value in pairs:
        if key in ("listed", "failure", "table"):
            found.setdefault(key, []).extend(value if isinstance(value, list) else [value])
        else:
            found[key] = value
    return found


def read_results(path, tag, scales):
    """The slices of this program on this device at these scales; a line cut short by a kill is left out."""
    lines = []
    if path.is_file():
        for text in path.read_text().splitlines():
            try:
                line = json.loads(text, object_pairs_hook=keep_all)
            except ValueError:
                continue
            if line.get("tag") == tag and line.get("scale") in scales:
                lines.append(line)
    return lines


def number(value):
    return float(value) if isinstance(value, str) and value in ("nan", "inf", "-inf") else value


def merge(lines):
    """Slices of one part -> one row. n_ and seconds are added, worst_ and most_ are the largest, rate_ and time_ the
    median with its extremes, lists are joined, the rest is the last."""
    row = {}
    for line in lines:
        for key, value in line["report"].items():
            value = number(value)
            if key.startswith("n_") or key.startswith("seconds"):
                row[key] = row.get(key, 0) + value
            elif key.startswith(("worst_", "most_")) and not isinstance(value, str):
                row[key] = max(row.get(key, value), value)
            elif key.startswith(("rate_", "time_")):
                row.setdefault(key, []).append(value)
            elif isinstance(value, list):
                row[key] = row.get(key, []) + value
            else:
                row[key] = value
    for key in [key for key, value in row.items() if key.startswith(("rate_", "time_")) and isinstance(value, list)]:
        values = row[key]
        row[key] = statistics.median(values)
        if len(values) > 1:
            row[f"all_{key}"] = values
    return row


# --- the record ----------------------------------------------------------------------------------------------------


def output_of(*command):
    """What a program says, without the folders of this machine; nothing where it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return re.sub(r"(?<![\w.])/(?:[\w.+-]+/)+", "", done.stdout.strip()) if done.returncode == 0 else ""


def surroundings(session):
    """Date, device, driver, CUDA, commit."""
    query = output_of("nvidia-smi", "--query-gpu=name,driver_version,memory.total,clocks.max.sm", "--format=csv,noheader")
    toolkit = re.search(r"release ([\d.]+)", output_of("nvcc", "--version"))
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
        "time": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "device": session.device,
        "is_stand_in": session.is_stand_in,
        "driver": query.splitlines()[0] if query else "nvidia-smi was not found",
        "toolkit": toolkit[1] if toolkit else "nvcc was not found",
        "version": output_of(str(session.program), "version"),
        "program": hash_of(session.program),
        "processor": processor_name(),
        "scale": session.args.scale,
        "bench_scale": session.args.bench_scale,
    }


def processor_name():
    try:
        with open("/proc/cpuinfo") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.machine()


def make(session, parts, command):
    """Everything that is known, as a dictionary."""
    lines = session.lines()
    by_part = {}
    for line in lines:
        by_part.setdefault(line["part"], []).append(line)
    slices = {name: n for name, n, _ in parts}
    texts = {name: text for name, _, text in parts}
    rows = []
    for name, group in by_part.items():
        group.sort(key=lambda line: line["slice"])
        n_slices = slices.get(name, group[0]["slices"])
        rows.append(
            {
                "part": name,
                "text": texts.get(name, ""),
                "slices": len({line["slice"] for line in group}),
                "of": n_slices,
                "passed": all(line["passed"] for line in group),
                "errors": [line["error"] for line in group if "error" in line],
                "seconds": sum(line["seconds"] for line in group),
                "report": merge(group),
            }
        )
    not_run, not_chosen = list(session.not_run), []
    for name, n, _ in parts:
        have = len({line["slice"] for line in by_part.get(name, [])})
        if have == n or name.startswith("tool_"):
            continue
        if not session.wants(name):
            not_chosen.append(name)
        else:
            why = "the time was over" if session.is_cut else "it failed"
            not_run.append(f"{name}: {n - have} of {n} slices ({why})")
    if not_chosen:
        not_run.append(f"not chosen by --parts: {', '.join(not_chosen)}")
    return surroundings(session) | {
        "command": command,
        "passed": bool(rows) and all(row["passed"] for row in rows),
        "parts": rows,
        "not_run": not_run,
    }


def slug(name):
    """A name for use in that of a file."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower()


def file_stem(record):
    name = slug(record["device"]["name"])
    return f"gpu_{record['date']}_{name}"


def write(record, folder):
    """returns the path of the Markdown file; the JSON lies beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{file_stem(record)}.md"
    path.write_text(to_markdown(record) + "\n")
    path.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n")
    return path


# --- what was asked ------------------------------------------------------------------------------------------------


def goals(record):
    """[(what, wanted, found, holds)] of what the device must show; found None: not measured."""
    reports = {row["part"]: row["report"] for row in record["parts"] if row["slices"] == row["of"]}
    passed = {row["part"]: row["passed"] and row["slices"] == row["of"] for row in record["parts"]}

    def number_of(part, key):
        return reports.get(part, {}).get(key)

    def at_least(what, wanted, found):
        return what, f">= {words(wanted)}", None if found is None else words(found), found is not None and found >= wanted

    def all_pass(what, prefix):
        of_it = [name for name in passed if name.startswith(prefix)]
        found = f"{sum(passed[name] for name in of_it)} of {len(of_it)} parts" if of_it else None
        return what, "passed", found, bool(of_it) and all(passed[name] for name in of_it)

    copy, full = number_of("bench_copy", "rate_copy_bytes"), number_of("bench_full", "rate_bytes_run")
    computing, copying = number_of("bench_full", "share_computing"), number_of("bench_full", "share_copying")
    rows = [
        all_pass("parameter bits", "params_"),
        all_pass("outcomes and values as on the CPU", "sets_"),
        all_pass("golden cases", "golden_cuda"),
        all_pass("records as on the CPU", "records_"),
        all_pass("the same bytes on repeated runs", "repeat_"),
        at_least("model A, auto, reduced: sets/s, wall clock", 1e9, number_of("bench_auto", "rate_sets_wall")),
        at_least("model A, follow, rtol 1e-4: sets/s, wall clock", 4e7, number_of("bench_follow", "rate_sets_wall")),
        at_least("share of the fp64 pipe, auto (ncu)", 0.25, number_of("ncu_auto", "share_fp64")),
        at_least("share of the fp64 pipe, auto (SASS count)", 0.25, number_of("sass_auto", "share_fp64_wall")),
        at_least("full output: bytes/s over those of a plain copy", 0.8, full / copy if full and copy else None),
        at_least("full output: time copying over time computing", 1.0, copying / computing if computing else None),
        all_pass("compute-sanitizer", "sanitizer_"),
    ]
    return rows


# --- words ---------------------------------------------------------------------------------------------------------


def words(value, unit=""):
    for limit, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g} {prefix}{unit}".strip()
    return f"{value:.3g} {unit}".strip()


def tell_sets(r):
    text = f"{r['n_points']:,} sets"
    if "n_bits_equal_points" in r:
        text += f", {r['n_bits_equal_points']:,} equal in every bit"
        text += f"; outcomes that differ {r['n_outcome_differs']}, at the edge {r['n_edge_differs']}"
        text += f" of {r['n_edge']:,}; worst value {r['worst_value']:.2g} of its tolerance"
    elif "n_numbers" in r:
        text += f", {r['n_numbers']:,} parameters, {r['n_param_bits_differ']} differ in a bit"
    elif "n_runs" in r:
        text += f", {r['n_runs']} runs compared byte by byte"
        if "n_cells" in r:
            text += f"; {r['n_cells']:,} cells, device = CPU"
    elif "n_agree" in r:
        text += f", {r['n_agree']:,} agree with the golden values; worst {r['worst_value']:.2g} of its tolerance ({r['worst_name']})"
    return text


def tell_rate(r):
    text = f"{words(r['rate_sets_wall'])} sets/s by the wall clock"
    if "all_rate_sets_wall" in r:
        text += f" (median of {len(r['all_rate_sets_wall'])}, {words(min(r['all_rate_sets_wall']))} to {words(max(r['all_rate_sets_wall']))})"
    if "rate_sets_events" in r:
        text += f", {words(r['rate_sets_events'])} sets/s by driver events"
    text += f"; {words(r['sets'])} sets, {100 * r['share_newton']:.2f} % by Newton alone"
    if r["bytes_a_set"] > 1:
        text += f"; {r['bytes_a_set']:.0f} bytes a set, {words(r.get('rate_bytes_run', r['rate_bytes_wall']), 'B/s')}"
    if "overlap" in r:
        text += f"; {r['overlap']}"
    return text


def tell(row):
    """What a part found, for people."""
    r = row["report"]
    if "rate_sets_wall" in r:
        text = tell_rate(r)
    elif "rate_copy_bytes" in r:
        text = f"{words(r['rate_copy_bytes'], 'B/s')} (median), best {words(r['best_copy_bytes'], 'B/s')}"
    elif "summary" in r:
        text = r["summary"]
    elif "n_points" in r:
        text = tell_sets(r)
    else:
        text = ""
    failures = row["errors"] + r.get("failure", [])
    if failures:
        text += "".join(f"; **{failure}**" for failure in failures[:3])
        if len(failures) > 3:
            text += f"; and {len(failures) - 3} more"
    return text.lstrip("; ").replace("|", "/")


def to_markdown(record):
    device = record["device"]
    title = f"# nessmap on {device['name']}, {record['date']}"
    lines = [title, ""]
    if record["is_stand_in"]:
        lines += ["**A stand-in driver, no GPU: the times of this record mean nothing.**", ""]
    lines += [
        f"- device: {device['name']}, {device['memory_bytes'] / 2**30:.0f} GiB, compute capability "
        f"{device['capability']}, {device['multiprocessors']} multiprocessors, {device['clock_khz'] / 1e6:.2f} GHz at most",
        f"- driver: {record['driver']}; CUDA of the driver {device['driver_cuda']}, toolkit {record['toolkit']}",
        f"- processor: {record['processor']}",
        f"- nessmap {record['version']}, program {record['program']}; scale {record['scale']:g}, of benchmarks {record['bench_scale']:g}",
        f"- command: `{record['command']}`",
        "",
        "| part | | found | seconds |",
        "|---|---|---|---|",
    ]
    for row in record["parts"]:
        verdict = "passed" if row["passed"] else "FAILED"
        if row["slices"] < row["of"]:
            verdict += f", {row['slices']} of {row['of']} slices"
        name = f"{row['part']}: {row['text']}" if row["text"] else row["part"]
        lines.append(f"| {name} | {verdict} | {tell(row)} | {row['seconds']:.1f} |")
    if not record["is_stand_in"] and record["scale"] == record["bench_scale"] == 1:
        lines += ["", "| asked | wanted | found | |", "|---|---|---|---|"]
        for what, wanted, found, holds in goals(record):
            verdict = "holds" if holds else "open" if found is None else "DOES NOT HOLD"
            lines.append(f"| {what} | {wanted} | {found or 'not measured'} | {verdict} |")
    for row in record["parts"]:
        tables = row["report"].get("table", [])
        if tables:
            lines += ["", f"**{row['part']}**", "", *tables]
        listed = row["report"].get("listed", [])
        if listed:
            lines += ["", f"Listed by {row['part']}:", "", *(f"- {text}" for text in listed)]
    lines += ["", "Not run: " + ("; ".join(record["not_run"]) if record["not_run"] else "nothing") + "."]
    return "\n".join(lines)
