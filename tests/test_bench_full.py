"""tools/bench at tiny size: it runs to the end, nessmap and its rivals agree with the exact reduction, the judge finds
the answers that are known to fail, and each row has its command and, where perf may look, what bounds it.

  python tests/test_bench_full.py --nessmap build/nessmap
"""

import json
import math
import os
import pathlib
import subprocess
import sys

import harness

SCRIPT = harness.ROOT / "tools" / "bench"


def call(*arguments):
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600
    )


def build(folder, checks):
    done = subprocess.run(["cmake", "--build", str(folder), "--target", "nessmap_bench"], capture_output=True, text=True)
    return checks.check(done.returncode == 0, f"nessmap_bench does not build: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def check_rows(record, checks):
    rows = {row["name"]: row for row in record["contestants"]}
    ours = [row for name, row in rows.items() if name.startswith("nessmap")]
    checks.check(len(ours) >= 13, f"{len(ours)} rows of nessmap")
    for row in ours:
        if "Newton alone" in row["name"]:  # it has nothing to fall back to
            checks.check(row["wrong"] == 0 and row["failures"] <= 0.005 * row["sets"] and row["worst_resid"] < 1e-10, f"{row}")
            continue
        checks.check(row["failures"] == row["wrong"] == 0, f"{row['name']}: {row['failures']} failures, {row['wrong']} wrong")
    for row in rows.values():
        checks.check(row["wrong"] == 0 and row["us"] > 0 and len(row["all_ratio"]) == record["rounds"], f"{row}")
    checks.check(0.9 < record["steady"] / record["sets"] < 0.99, f"{record['steady']} of {record['sets']} sets are steady")
    checks.check(record["jacobian_error"] < 1e-6, f"the rivals' Jacobians are off by {record['jacobian_error']}")
    neuron = record["neuron"]
    checks.check(neuron["steady"] == neuron["sets"] and 0.5 < neuron["bistable"] / neuron["sets"] < 1.0, f"neurons: {neuron}")
    told = " ".join(record["not_run"])
    if "SUNDIALS" in told:
        harness.not_run("tools/bench: CVODE, KINSOL and time courses, SUNDIALS was not found")
    else:
        check_courses([row for row in rows.values() if row["table"] == "course"], checks)
        theirs = [row for row in rows.values() if row["table"] == "neuron" and row["name"].startswith("CVODE")]
        checks.check(len(theirs) >= 5 and all(row["failures"] == 0 for row in theirs), f"CVODE on neurons: {theirs}")
        for name in ("CVODE rtol 1e-4, to 1e-3, polish", "CVODE rtol 1e-6, to 1e-4, polish", "KINSOL Newton, steps up to 1.5, start 90 % K"):
            checks.check(rows[name]["failures"] == 0 and rows[name]["worst_resid"] < 1e-10, f"{rows[name]}")
        # it runs away from the declared start in one of six sets
        checks.check(rows["KINSOL line search"]["failures"] > 0, "the judge finds no failure of KINSOL without a limit of its steps")
    if "scipy" in told:
        harness.not_run("tools/bench: SciPy, which is not in the tests' Python")
    else:
        checks.check(rows["SciPy LSODA rtol 1e-6 to 1e7 s"]["failures"] == 0, f"{rows['SciPy LSODA rtol 1e-6 to 1e7 s']}")
    if "jax" in told:
        harness.not_run("tools/bench: jax, diffrax and optimistix are not in the tests' Python")


def check_courses(rows, checks):
    """Tolerances that are a hundred times finer give errors that are much smaller; all lanes go the same way."""
    error = {row["name"]: row["errors"][0] for row in rows}
    tail = {row["name"]: row["errors"][1] for row in rows}
    for who, tolerances in (("nessmap to 3000 s, rtol {}, 16 lanes", ("1e-2", "1e-4", "1e-6", "1e-8")),
                            ("CVODE to 3000 s, rtol {}", ("1e-4", "1e-6", "1e-8", "1e-10"))):
        own = [error.get(who.format(rtol), math.nan) for rtol in tolerances]
        if who.endswith("16 lanes") and math.isnan(own[0]):
            continue  # a narrower processor
        last = tail[who.format(tolerances[-1])]
        checks.check(all(b < 0.5 * a for a, b in zip(own, own[1:])) and 0.0 < own[-1] < 1e-9 and last < 1e-8,
                     f"errors of {who}: {own}, 95 % of the last below {last}")
    for row in rows:
        wide = row["name"].replace(", 8 lanes", ", 1 lane").replace(", 16 lanes", ", 1 lane")
        checks.check(row["errors"][0] == error[wide], f"{row['name']}: error {row['errors'][0]}, on one lane {error[wide]}")


def check_rest(record, words, checks):
    """Growth, threads, profiles and commands."""
    grown = record["growth"]
    checks.check({row["method"] for row in grown.get("states", [])} == {"elimination", "Newton"}, f"states: {grown.get('states')}")
    batch = grown.get("batch", [])
    checks.check([row["sets"] for row in batch if row["outputs"] == "summary"] == [1000, 10000], f"batches: {batch}")
    checks.check(all(1e6 < row["memory"] < 3e8 for row in batch), f"memory of batches: {batch}")
    threads = grown.get("threads", [])
    checks.check(threads and threads[0]["threads"] == 1 and threads[0]["gain"] == 1.0, f"threads: {threads}")
    checks.check(any(run.get("over_one_thread") for run in record["runs"]), "no run is compared with one thread")
    for row in record["contestants"] + record["runs"]:
        checks.check(f'`tools/bench --only "{row["name"]}"`' in words, f"no command for {row['name']}")
    found = [each for each in record["profiles"].values() if not isinstance(each, str)]
    if any("perf" in each for each in record["profiles"].values() if isinstance(each, str)):
        harness.not_run("tools/bench: profiles, perf may not measure here")
    else:
        names = {name for each in found for name, _ in each["functions"]}
        checks.check({"solve_tile", "nm_bench_newton_8"} & names or "nm_bench_newton_4" in names, f"functions that take time: {names}")
        checks.check(all(0.98 < sum(each["kinds"].values()) < 1.02 for each in found if each["kinds"]), f"{found}")
    if record["picture"] is None:
        harness.not_run("tools/bench: the picture of the growth curves, matplotlib was not found")


def check_wrong_branch(folder, scratch, checks):
    """Neurons that start starved: CVODE starts polarised, comes to rest, and the judge must call that wrong."""
    config = scratch / "starved.toml"
    text = (harness.ROOT / "tests" / "bench" / "neuron.toml").read_text()
    config.write_text(text.replace('"polarised"', '"starved"').replace("max = 0.3\n", "max = 0.05\n"))
    done = subprocess.run([str(folder / "nessmap_bench"), str(config), "--sets", "32", "--only", "CVODE neuron rtol 1e-4, to 1e-3"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    if not checks.check(done.returncode == 0 and len(lines) >= 2, f"neurons that start starved: {done.stderr}"):
        return
    for line in lines:
        if "contestant" in line:
            checks.check(line["failures"] == 0 and line["wrong"] == line["sets"], f"rest is not the starved state: {line}")


def check_only(folder, records, checks):
    done = call("--build", folder, "--quick", "--records", records, "--python", sys.executable, "--only", "growth with threads")
    if checks.check(done.returncode == 0, f"--only: {done.stderr}"):
        path = next(records.glob("*.json"))
        record = json.loads(path.read_text())
        checks.check(path.stem.endswith("_growth-with-threads"), f"--only: {path.name} may stand in the place of a whole record")
        checks.check(not record["contestants"] and not record["runs"] and list(record["growth"]) == ["threads"], f"--only: {record['growth']}")
    done = call("--build", folder, "--quick", "--records", records, "--python", sys.executable, "--only", "nobody")
    checks.check(done.returncode == 2 and "nobody" in done.stderr, f"--only nobody: {done.stderr}")


def run_checks(args, checks):
    folder = args.nessmap.parent
    if not (folder / "CMakeCache.txt").is_file():
        harness.not_run("tools/bench: the program under test stands in no build folder")
        return
    if not build(folder, checks):
        return
    done = call("--build", folder, "--quick")
    checks.check(done.returncode == 2 and "--records" in done.stderr, f"--quick keeps its hands off tests/records: {done.stderr}")
    done = call("--build", folder / "nowhere", "--quick", "--records", folder)
    checks.check(done.returncode == 2 and "nessmap" in done.stderr, f"no programs: {done.stderr}")
    with harness.scratch() as name:
        records = pathlib.Path(name) / "records"
        done = call("--build", folder, "--quick", "--records", records, "--python", sys.executable)
        if not checks.check(done.returncode == 0, f"exit {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}"):
            return
        paths = sorted(os.listdir(records))
        checks.check([path.rsplit(".", 1)[1] for path in paths] in (["json", "md", "svg"], ["json", "md"]), f"files of a record: {paths}")
        record = json.loads((records / paths[0]).read_text())
        checks.check(str(records) not in record["command"], f"the command has a path of this machine: {record['command']}")
        checks.check(len(record["runs"]) == 5 and all(run["rate"] > 0 and run["bytes"] > 0 for run in record["runs"]),
                     f"whole runs: {record['runs']}")
        checks.check(record["runs"][-1]["over_plain"] > 0, "all outputs beside plain writes")
        check_rows(record, checks)
        check_rest(record, (records / paths[1]).read_text(), checks)
        if "SUNDIALS" not in " ".join(record["not_run"]):
            check_wrong_branch(folder, pathlib.Path(name), checks)
        check_only(folder, pathlib.Path(name) / "others", checks)


def test_bench():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
