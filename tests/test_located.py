"""Where a reduced scan failed: the lowest failed points, by every reducer, against the same points kept in full, and
the same whatever the run. (On a device: test_reducers.py.)

    python tests/test_located.py --nessmap build/nessmap
"""

import pathlib
import time

import harness
import netCDF4
import numpy as np
from test_reducers import Folder, kill_and_resume

MOST = 64
FAILED = (6, 7)  # left_domain, not_converged
# the bath's sodium is below zero at few points, which are outside the model's domain
SODIUM = '[[random]]\nname = "Na_o"\ndist = "normal"\nmean = 30.0\nsd = {sd}\n'
OTHERS = '[[random]]\nname = "g_K"\ndist = "loguniform"\nmin = 0.1\nmax = 10.0\n'
MAP = '[[axis]]\nname = "dG_ATP"\nmin = "-60 kJ/mol"\nmax = "-50 kJ/mol"\nn = 4\n'
BINS = 'kind = "bins"\naxes = [{ name = "V", min = -0.1, max = 0.0, n = 9 }]'


def scan(kind, n, reduce, more="", sd=10.0):
    text = f'model = "pump_leak"\n[design]\nkind = "{kind}"\nn = {n}\nseed = 5\n{more}\n'
    text += SODIUM.format(sd=sd) + OTHERS + '[output]\nvariables = ["V"]\n'
    text += "[limits]\nmax_failed = 1.0\n"
    return text + (f"[[reduce]]\n{reduce}\n" if reduce else "")


def reductions():
    """arguments of scan: few failures and many, cells shorter and longer than a tile, points and groups"""
    return {
        "summary": ("random", 60000, 'kind = "summary"'),
        "few": ("random", 9000, 'kind = "summary"'),
        "none": ("random", 9000, 'kind = "summary"', "", 1.0),
        "quantiles": ("sobol", 131072, 'kind = "summary"\nquantiles = [0.5]'),
        "cells": ("random", 3000, 'kind = "bins"', MAP),
        "long cells": ("random", 40000, 'kind = "bins"', MAP, 8.0),
        "scatter": ("lhs", 40000, BINS),
        "given": ("sobol", 16384, 'kind = "sobol"', "replicates = 4"),
        "sobol": ("saltelli", 16384, 'kind = "sobol"', "replicates = 4"),
        "morris": ("morris", 9000, 'kind = "morris"', "", 12.0),
    }


def failed_points(args, checks, arguments):
    """indices of all failed points, from the scan without its reduction"""
    kind, n, _, *rest = arguments
    with Folder(args, scan(kind, n, "", *rest), checks=checks) as full, full.file() as file:
        outcome = np.asarray(file["outcome"][...]).ravel()
        sodium = np.asarray(file["Na_o"][...]).ravel()
        failed = np.isin(outcome, FAILED)
        checks.check(np.array_equal(failed, sodium < 0), f"{kind}: those below zero fail")
        return np.flatnonzero(failed)


def located(file):
    return np.asarray(file["failed_index"][...])


def solve(args, run, index):
    done = harness.run(args.nessmap, "point", "--from", "out.nc", "--index", str(index), cwd=run.path)
    return done.stdout.splitlines()[1].split()[1] if done.returncode == 0 else done.stderr


def check_kinds(args, checks):
    numbers = []
    for name, arguments in reductions().items():
        failed = failed_points(args, checks, arguments)
        numbers.append(len(failed))
        wanted = np.full(MOST, -1)
        wanted[: min(MOST, len(failed))] = failed[:MOST]
        text = scan(*arguments)
        with Folder(args, text, "--threads", "1", checks=checks) as run, run.file() as file:
            checks.check(np.array_equal(located(file), wanted), f"{name}: {located(file)} are not {wanted}")
            checks.check(file["failed_index"].getncattr("_FillValue") == -1, f"{name}: fill value")
            checks.check(file.nessmap_n_failed == len(failed), f"{name}: number of failures")
            bytes_of_one = run.bytes()
            # what it says at the end leads to the first one
            again = harness.run(args.nessmap, "run", "scan.toml", "-o", "out.nc", cwd=run.path)
            line = f"the first: nessmap point --from out.nc --index {failed[0] if len(failed) else ''}\n"
            checks.check((line in again.stdout) == (len(failed) > 0), f"{name}: {again.stdout}")
            for index in failed[:1]:
                found = solve(args, run, index), solve(args, run, index - 1)
                ok = found[0] == "left_domain" and (found[1] == "ness" or index - 1 in failed)
                checks.check(ok, f"{name}: point {index} alone, and the one before: {found}")
        with Folder(args, text, "--threads", "3", "--lanes", "1", checks=checks) as run:
            checks.check(run.bytes() == bytes_of_one, f"{name}: other bytes on 3 threads of 1 lane")
    checks.check(min(numbers) == 0 and 0 < sorted(numbers)[1] < MOST < max(numbers), f"failures: {numbers}")


def check_run_says(args, checks):
    """The summary of a run, of points and of cells, names the first point that failed."""
    for reduce in ("", 'kind = "summary"'):
        with Folder(args, scan("random", 9000, reduce)) as run:
            (run.path / "out.nc").unlink()
            done = harness.run(args.nessmap, "run", "scan.toml", "-o", "out.nc", cwd=run.path)
            index = done.stdout.partition("the first: nessmap point --from out.nc --index ")[2].split("\n")[0]
            found = solve(args, run, index), solve(args, run, int(index) - 1)
            checks.check(found == ("left_domain", "ness"), f"{done.stdout}: {found}")


def check_table(args, checks):
    """A reduced file of a table has no columns: points come from the table."""
    with harness.scratch() as folder:
        path = pathlib.Path(folder)
        rows = [20.0, -1.0, 30.0, -2.0]
        (path / "rows.csv").write_text("Na_o\n" + "".join(f"{x}\n" for x in rows))
        text = 'model = "pump_leak"\n[design]\nkind = "table"\nfile = "rows.csv"\n[limits]\nmax_failed = 1.0\n'
        (path / "scan.toml").write_text(text + '[[reduce]]\nkind = "summary"\n')
        done = harness.run(args.nessmap, "run", "scan.toml", "-o", "out.nc", "--quiet", cwd=path)
        checks.check(done.returncode == 0, done.stderr)
        with netCDF4.Dataset(path / "out.nc") as file:
            file.set_auto_mask(False)
            checks.check(list(located(file)[:3]) == [1, 3, -1], f"of a table: {located(file)}")
        point = harness.run(args.nessmap, "point", "--from", "out.nc", "--index", "3", cwd=path)
        checks.check("left_domain" in point.stdout and " -2 " in point.stdout, f"{point}")
        (path / "rows.csv").write_text("Na_o\n5.0\n6.0\n7.0\n8.0\n")
        others = harness.run(args.nessmap, "point", "--from", "out.nc", "--index", "3", cwd=path)
        (path / "rows.csv").unlink()
        point = harness.run(args.nessmap, "point", "--from", "out.nc", "--index", "3", cwd=path)
        for done, wanted, words in ((others, 2, "rows.csv is not as it was"), (point, 6, "rows.csv, the table of this")):
            ok = done.returncode == wanted and words in done.stderr and done.stderr.count("\n") == 1
            checks.check(ok, f"with another table, with none: {done}")


def check_kill(args, checks):
    with Folder(args, scan("random", 400000, BINS, "", 9.0), checks=checks) as whole:
        kill_and_resume(args, checks, whole, 30_000)


def run_checks(args, checks):
    for check in (check_kinds, check_run_says, check_table, check_kill):
        begin = time.monotonic()
        check(args, checks)
        print(f"  {check.__name__}: {time.monotonic() - begin:.1f} s", flush=True)


def test_located():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
