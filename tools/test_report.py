#!/usr/bin/env python3
"""The last two lines of tools/test: how many tests passed and failed; what was not run, and why.

    test_report.py TESTS.xml... --tier fast|full --build DIR      (TESTS.xml: written by ctest --output-junit)
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as xml


def read_cases(path):
    """(name, "passed" | "failed" | "skipped", output) of every test."""
    cases = []
    for case in xml.parse(path).getroot().iter("testcase"):
        output = case.findtext("system-out") or ""
        if case.find("skipped") is not None and case.get("status") != "run" and "SKIP_RETURN_CODE" in (
                case.find("skipped").get("message") or ""):
            verdict = "skipped"
        elif case.get("status") == "run" and case.find("failure") is None:
            verdict = "passed"
        else:
            # failed, timed out, or its program was never built
            verdict = "failed"
        cases.append((case.get("name"), verdict, output))
    return cases


def reason(name, output):
    said = [line.strip() for line in output.splitlines() if line.strip().lower().startswith("not run:")]
    return said[-1][len("not run:"):].strip() if said else f"{name} (it gave no reason)"


def not_run(cases, tier, build):
    """What was left out, each with its reason."""
    texts = [reason(name, output) for name, verdict, output in cases if verdict == "skipped"]
    for name, verdict, output in cases:
        if verdict == "passed":
            # parts of a test that ran
            texts += [line.strip()[len("not run:"):].strip() for line in output.splitlines()
                      if line.strip().lower().startswith("not run:")]
    listed = subprocess.run(["ctest", "--test-dir", str(build), "-N", "-L", "full"], capture_output=True, text=True)
    n_full = re.search(r"Total Tests: (\d+)", listed.stdout)
    if tier == "fast" and n_full and int(n_full[1]) > 0:
        texts.append(f"the full tier, {n_full[1]} more and longer tests (tools/test --full runs them)")
    configured = (build / "build.log").read_text(errors="replace") if (build / "build.log").is_file() else ""
    for line in re.findall(r"^-- nessmap: (.*not (?:built|run).*)$", configured, re.MULTILINE):
        texts.append(line)
    if not shutil.which("nvcc") and "CUDA is on" not in configured:
        texts.append("compiling the CUDA kernels (no nvcc here)")
    if not shutil.which("nvidia-smi"):
        texts.append("running kernels on a GPU (no GPU here)")
    else:
        texts.append("running kernels on a GPU (no test of this version does)")
    return list(dict.fromkeys(texts))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reports", type=pathlib.Path, nargs="+")
    parser.add_argument("--tier", required=True)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    options = parser.parse_args()
    try:
        cases = [(f"{name} ({path.stem})" if path != options.reports[0] else name, verdict, output)
                 for path in options.reports for name, verdict, output in read_cases(path)]
    except (OSError, xml.ParseError) as error:
        print(f"the tests left no report ({error})")
        print("0 passed, 1 failed")
        print("not run: it is not known which tests ran")
        return 1
    count = {verdict: sum(1 for case in cases if case[1] == verdict) for verdict in ("passed", "failed", "skipped")}
    for name, verdict, _ in cases:
        if verdict == "failed":
            print(f"FAILED: {name}")
    if not cases:
        print("no test was found")
        count["failed"] = 1
    # alone on its line, and skipped tests are neither: the line below says why each was
    print(f"{count['passed']} passed, {count['failed']} failed")
    texts = not_run(cases, options.tier, options.build)
    print("not run: " + ("; ".join(texts) if texts else "nothing, all tests were run"))
    return 0 if count["failed"] == 0 and count["passed"] > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
