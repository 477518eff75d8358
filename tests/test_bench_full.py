"""tools/bench at tiny size: it runs to the end, nessmap and its rivals agree with the exact reduction, and the judge finds
the answers that are known to fail.

  python tests/test_bench_full.py --nessmap build/nessmap
"""

import json
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
    checks.check(len(ours) >= 5, f"{len(ours)} rows of nessmap")
    for row in ours:
        checks.check(row["failures"] == row["wrong"] == 0, f"{row['name']}: {row['failures']} failures, {row['wrong']} wrong")
    for row in rows.values():
        checks.check(row["wrong"] == 0 and row["us"] > 0 and len(row["all_ratio"]) == record["rounds"], f"{row}")
    checks.check(0.9 < record["steady"] / record["sets"] < 0.99, f"{record['steady']} of {record['sets']} sets are steady")
    checks.check(record["jacobian_error"] < 1e-6, f"the rivals' Jacobians are off by {record['jacobian_error']}")
    told = " ".join(record["not_run"])
    if "SUNDIALS" in told:
        harness.not_run("tools/bench: CVODE and KINSOL, SUNDIALS was not found")
    else:
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
        checks.check([path.rsplit(".", 1)[1] for path in paths] == ["json", "md"], f"files of a record: {paths}")
        record = json.loads((records / paths[0]).read_text())
        checks.check(len(record["runs"]) == 5 and all(run["rate"] > 0 and run["bytes"] > 0 for run in record["runs"]),
                     f"whole runs: {record['runs']}")
        checks.check(record["runs"][-1]["over_plain"] > 0, "all outputs beside plain writes")
        check_rows(record, checks)


def test_bench():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
