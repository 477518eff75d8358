"""Parts of tools/gpu_check: the golden cases of every model, on the device and on the CPU, by the tolerances of
tests/golden_map*.py."""

import csv
import importlib
import json
import pathlib
import subprocess
import tempfile
import time
import tomllib

import golden_map

TESTS = pathlib.Path(golden_map.__file__).resolve().parent
GOLDEN = TESTS / "golden"


# the file of such a model is written for what [variant] says it consists of, by a part of nessmap that is not carried
COMPILED = ("network",)


def all_models():
    """Of all files of tests/ that map golden cases."""
    modules = [importlib.import_module(path.stem) for path in sorted(TESTS.glob("golden_map*.py"))]
    models = [model for module in modules for model in getattr(module, "MODELS", ())]
    return [model for model in models if model.name not in COMPILED]


def solver_options(model):
    """What the program is told of a model's solver."""
    solver = tomllib.loads(model.solver).get("solver", {})
    return [word for key, value in solver.items() for word in (f"--{key}", str(value))]


def solve(session, backend, model, choices, cases, folder):
    """[(outcome, flags, row)] of the cases, in their order."""
    columns = golden_map.columns_of(model, cases)
    sets, states = folder / "sets.csv", folder / "states.csv"
    with open(sets, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        # repr is read back bit for bit
        writer.writerows([repr(x) for x in row] for row in zip(*columns.values(), strict=True))
    command = [session.program, "table", model.name, "--in", sets, "--out", states, "--backend", backend]
    command += solver_options(model)
    if choices:
        command += ["--choices", " ".join(f"{k}={v}" for k, v in choices.items())]
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, env=session.environment_for(model.name)
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip() or f"exit {done.returncode}")
    answers = []
    with open(states, newline="") as file:
        for row in csv.DictReader(file):
            outcome, flags = row.pop("outcome"), set(row.pop("flags").split())
            answers.append((outcome, flags, {name: float(text) for name, text in row.items()}))
    return answers


def run_golden(session, part):
    """golden cases, table design, all outputs as f64"""
    if not session.may_start(part, 30.0):
        return
    print(f"{part}", flush=True)
    if golden_map.walk_theory is None:
        print("not run: golden windows and scaled generating functions, which want NumPy", flush=True)
    start, backend = time.monotonic(), part.split("_")[1]
    failures, n_cases, n_agree, worst = [], 0, 0, {}
    for model in all_models():
        golden = json.loads((GOLDEN / f"{model.golden or model.name}.json").read_text())["cases"]
        cases = [one for case in golden for one in model.expand(case)]
        n_cases += len(cases)
        for words, (choices, group) in golden_map.group_cases(model, cases).items():
            with tempfile.TemporaryDirectory(prefix="nessmap_golden_") as folder:
                try:
                    answers = solve(session, backend, model, choices, group, pathlib.Path(folder))
                except RuntimeError as error:
                    failures.append(f"{model.name} {words}: {error}")
                    continue
            for case, (outcome, flags, row) in zip(group, answers, strict=True):
                wrong = golden_map.compare_case(case, model, outcome, flags, row, worst)
                n_agree += not wrong
                failures += [f"{model.name} {case['id']} {case['kind']}: {text}" for text in wrong]
    key, (ratio, *_, case_id) = max(worst.items(), key=lambda item: item[1][0], default=("", (0, "")))
    report = {
        "n_points": n_cases,
        "n_agree": n_agree,
        "worst_value": ratio,
        "worst_name": f"{key} in {case_id}",
    }
    session.keep(part, n_agree == n_cases > 0, report, time.monotonic() - start, failures[:20])


PARTS = [("golden_cuda", run_golden), ("golden_cpu", run_golden)]
