#!/usr/bin/env python3
"""Objects of kernels differ in lanes and model but not in the names of their functions: a function of the linker's choice
(weak) would be that of another one.

    test_kernel_objects.py [--nessmap build/nessmap]
"""

import os
import pathlib
import subprocess

import harness


def run_checks(args, checks):
    build = pathlib.Path(os.environ.get("NESSMAP_BUILD") or args.nessmap.parent)
    objects = sorted((build / "kernels").glob("*.o"))
    checks.check(len(objects) > 12, f"{build / 'kernels'} holds {len(objects)} objects")
    symbols = subprocess.run(["nm", "-A", *objects], capture_output=True, text=True, check=True).stdout
    checks.check(symbols.count(" T nm_run_") >= 12, "nm finds the kernels")
    weak = [line for line in symbols.splitlines() if " W " in line or " V " in line]
    checks.check(not weak, f"weak functions in kernels: {weak[:3]}")


def test_kernel_objects():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
