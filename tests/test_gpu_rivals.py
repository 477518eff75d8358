"""tools/gpu_rivals.py: its reference and its judge, which no solver shares; its arguments; tiny sizes where JAX is.

  python tests/test_gpu_rivals.py --nessmap build/nessmap
"""

import argparse
import importlib.util
import subprocess
import sys

import numpy as np

import harness

SCRIPT = harness.ROOT / "tools" / "gpu_rivals.py"
N_SETS = 4000


def load():
    spec = importlib.util.spec_from_file_location("gpu_rivals", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check_judge(rivals, program, checks):
    """nessmap's states pass; a state that is off, and one that is another's, do not."""
    sets = argparse.Namespace(program=program, sets=N_SETS, backend="cpu")
    p, states, outcome = rivals.our_sets(np, sets)
    wanted, exists, margin = rivals.reference(np, p)
    steady = outcome <= 1
    differ = np.sum((steady != exists) & (np.abs(margin) > 1e-9))
    checks.check(0 < np.sum(~steady) < N_SETS / 5, f"{np.sum(~steady)} of {N_SETS} sets have no steady state")
    checks.check(differ == 0, f"{differ} verdicts differ from the exact reduction")
    p = {name: value[steady] for name, value in p.items()}
    states, wanted, margin = states[:, steady], wanted[:, steady], margin[steady]
    failures, wrong, worst = rivals.judge(np, p, states, wanted.copy(), margin)
    checks.check((failures, wrong) == (0, 0) and worst < 1e-11, f"our states: {failures} failures, {wrong} wrong, {worst:.2g}")
    error = np.max(np.abs(states / wanted - 1.0) * np.minimum(margin, 1.0), axis=1)
    print(f"states against the exact reduction, over the margin: {error}")

    off = states.copy()
    off[0, :7] *= 1.0 + 1e-8
    failures, _, _ = rivals.judge(np, p, off, wanted.copy(), margin)
    checks.check(failures == 7, f"7 concentrations off by 1e-8: {failures} failures")
    off = states.copy()
    off[:, 5] = np.nan
    failures, wrong, _ = rivals.judge(np, p, off, wanted.copy(), margin)
    checks.check((failures, wrong) == (1, 0), f"a missing state: {failures} failures, {wrong} wrong")
    # ell enters no balance: a wrong one passes the residual and is a wrong answer
    off = states.copy()
    off[4, 3:6] *= 1.01
    failures, wrong, _ = rivals.judge(np, p, off, wanted.copy(), margin)
    checks.check((failures, wrong) == (0, 3), f"3 wrong lengths: {failures} failures, {wrong} wrong")


def check_arguments(checks):
    done = subprocess.run([sys.executable, SCRIPT, "--sets", "1000"], capture_output=True, text=True)
    checks.check(done.returncode == 2 and "--program" in done.stderr, "no program")
    done = subprocess.run([sys.executable, SCRIPT, "--program", "x", "--sets", "3"], capture_output=True, text=True)
    checks.check(done.returncode == 2 and "--sets" in done.stderr, "too few sets")


def check_jax(program, checks):
    have = all(importlib.util.find_spec(name) for name in ("jax", "diffrax", "optimistix"))
    command = [sys.executable, SCRIPT, "--program", program, "--backend", "cpu", "--sets", "300", "--our-scale", "1e-5"]
    command += ["--largest", "128", "--only", "nessmap's Newton"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=250)
    if not have:
        checks.check(done.returncode == 77 and "jax" in done.stderr, f"without JAX: exit {done.returncode}")
        harness.not_run("tools/gpu_rivals.py: jax, diffrax and optimistix are not in the tests' Python")
        return
    checks.check(done.returncode == 0 and "| jax, nessmap's Newton |" in done.stdout, f"{done.stdout}{done.stderr}")


def run_checks(args, checks):
    program = args.nessmap.parent / "gpu_check"
    if not program.is_file():
        harness.not_run("tools/gpu_rivals.py: nessmap_gpu_check is not built")
        return
    check_judge(load(), program, checks)
    check_arguments(checks)
    check_jax(program, checks)


def test_gpu_rivals():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
