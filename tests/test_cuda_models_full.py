"""Every model on the CUDA backend, by the stand-in driver: its default scan and its golden tables give the bytes of the
CPU's kernel with one lane.

  python tests/test_cuda_models_full.py --nessmap build/nessmap [--models NAME...]
"""

import importlib
import json
import os
import pathlib
import re
import time

import harness
import test_cuda_run
import test_golden
import test_own_model

MOST_COMPILED = 3  # tables of a model whose file is written and compiled for each of them


def golden_models():
    paths = sorted((harness.ROOT / "tests").glob("golden_map*.py"))
    return [model for path in paths for model in getattr(importlib.import_module(path.stem), "MODELS", ())]


def compare(bench, checks, config, what):
    """Returns the number of points."""
    cpu, cuda = bench.folder / "cpu.nc", bench.folder / "cuda.nc"
    for out in (cpu, cuda):
        test_cuda_run.remove(out)
    env = bench.environment()
    if bench.kernels.is_file():  # where its module is built in: the same kernels for the host
        env["NESSMAP_STAND_IN_KERNELS"] = str(bench.kernels)
    options = (*harness.ALL_OUTPUTS, *harness.sets(**{"limits.max_failed": 1}))
    done = bench.run(config, cpu, "--lanes", 1, *options, backend="cpu", env=env)
    if not checks.check(done.returncode == 0, f"{what}: on the CPU: {done.stderr}"):
        return 0
    done = bench.run(config, cuda, *options, env=env)
    if not checks.check(done.returncode == 0, f"{what}: on the device: {done.stderr}"):
        return 0
    differing = test_cuda_run.same_values(cpu, cuda)
    checks.check(not differing, f"{what}: other values on the device: {differing}")
    checks.check(bench.is_clean(), f"{what}: {bench.lines('violation') + bench.lines('leak')}")
    with harness.Results(cuda) as results:
        checks.check(results.has_values().any(), f"{what}: no point has values: {results.counts()}")
        return results.outcome.size


def compare_default(bench, checks, name):
    made = harness.run(bench.nessmap, "init", name)
    checks.check(made.returncode == 0, f"init {name}: {made.stderr}")
    return compare(bench, checks, bench.config("default", made.stdout), f"{name}, default")


def compare_golden(bench, checks, model):
    path = harness.ROOT / "tests" / "golden" / f"{model.golden or model.name}.json"
    cases = [one for case in json.loads(path.read_text())["cases"] for one in model.expand(case)]
    groups = list(test_golden.golden_map.group_cases(model, cases).items())
    if model.name == "network":
        groups = groups[:MOST_COMPILED]
    n_points = 0
    for words, (choices, group) in groups:
        test_golden.write_scan(bench.folder, model, choices, group)
        n_points += compare(bench, checks, bench.folder / "cases.toml", f"{path.stem}, {words}")
    return n_points


def names_of(nessmap):
    listed = harness.run(nessmap, "models")
    return re.findall(r"^ *(\w+)", listed.stdout, re.MULTILINE)


def run_checks(args, checks):
    build = pathlib.Path(os.environ.get("NESSMAP_BUILD") or args.nessmap.parent)
    built = {path.stem for path in (harness.ROOT / "kernels" / "models").glob("*.c")}
    names = [name for name in names_of(args.nessmap) if name in built and name in (args.models or built)]
    checks.check(bool(args.models) or set(names) == built, f"models {names}, files {built}")
    for name in names:
        with harness.scratch() as scratch:
            folder = pathlib.Path(scratch).resolve() / name
            folder.mkdir()
            test_own_model.quick_compiler(folder)
            bench = test_own_model.GpuBench(args, folder)
            if not bench.is_there():
                harness.not_run(f"test_cuda_models_full: the stand-in driver is not built in {build}")
                checks.check(True, "")
                return
            bench.kernels = bench.driver.parent.parent / "kernels" / f"{name}_cuda_host.so"
            begin = time.monotonic()
            n_default = compare_default(bench, checks, name)
            n_golden = sum(compare_golden(bench, checks, model) for model in golden_models() if model.name == name)
            print(f"{name}: {n_default} points of the default scan, {n_golden} golden ones, "
                  f"{time.monotonic() - begin:.0f} s", flush=True)


def add_arguments(parser):
    parser.add_argument("--models", nargs="+", help="these alone")


def test_cuda_models_full():
    harness.run_in_pytest(__doc__, run_checks, add_arguments, full=True)


if __name__ == "__main__":
    harness.main(__doc__, run_checks, add_arguments)
