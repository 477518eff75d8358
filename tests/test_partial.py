"""A picture of an unfinished run: `assemble --partial` for the layouts of files (in the full tier all of them), beside the run
that goes on, again and again.

  python tests/test_partial.py --nessmap build/nessmap [--full]
"""

import pathlib
import signal
import subprocess
import time

import netCDF4
import numpy as np

import harness
from test_reducers import AXES, MAP, scan

NOT_RUN = 8
GRID = MAP.replace("n = 4", "n = 90") + '[[axis]]\nname = "g_Na"\nmin = 0.01\nmax = 10.0\nn = 80\nscale = "log"\n'
LAYOUTS = {
    "grid": f'model = "pump_leak"\n{GRID}',
    "packed": f'model = "pump_leak"\n{GRID}[output]\ncompression = 4\n',
    "samples": scan(n=6000),
    "draws": scan(n=900, more=MAP),
    "bins": scan(n=300, more=MAP.replace("n = 4", "n = 20"), reduce='kind = "bins"\nquantiles = [0.5]'),
    "long bins": scan(n=5000, more=MAP, reduce='kind = "bins"'),
    "scatter": scan(n=6000, reduce='kind = "bins"\n' + AXES),
    "summary": scan(n=6000, reduce='kind = "summary"'),
    "sobol": scan("saltelli", n=8192, extra="replicates = 4", reduce='kind = "sobol"'),
    "morris": scan("morris", n=4500, reduce='kind = "morris"'),
}


FAST = ("grid", "bins")

# parameters are known of every point
SETS = ("g_Na", "g_K", "dG_ATP", "p_max", "N_X", "K_o", "P_Na", "T")


def read(path):
    with netCDF4.Dataset(path) as file:
        file.set_auto_mask(False)
        return {name: np.asarray(variable[...]) for name, variable in file.variables.items()}, file.__dict__.copy()


def check_layouts(args, checks, folder):
    for name, text in LAYOUTS.items():
        if not args.full and name not in FAST:
            continue
        (folder / "scan.toml").write_text(text)
        whole, out = folder / "whole.nc", folder / "out.nc"

        def run(*words):
            return harness.run(args.nessmap, *words, cwd=folder)

        done = run("run", "scan.toml", "-o", whole.name, "-q")
        done_part = run("run", "scan.toml", "-o", out.name, "-q", "--shard", "1/3")
        if not checks.check(done.returncode == done_part.returncode == 0, f"{name}: {done} {done_part}"):
            continue
        done = run("assemble", "out.nc.parts", "--partial")
        checks.check(done.returncode == 0 and "not computed yet" in done.stdout and not done.stderr, f"{name}: {done}")
        part, attributes = read(folder / "out.partial.nc")
        all_of_it, others = read(whole)
        n_missing, n_all = int(attributes["nessmap_n_not_run"]), int(np.sum(others["nessmap_outcome_counts"]))
        checks.check(0 < n_missing < n_all == int(np.sum(attributes["nessmap_outcome_counts"])), f"{name}: {n_missing} of {n_all}")
        checks.check(set(part) == set(all_of_it), f"{name}: other variables")
        if "outcome" in part:
            there = part["outcome"] != NOT_RUN
            checks.check(int((~there).sum()) == n_missing, f"{name}: not_run")
            for variable, values in part.items():
                if values.shape == there.shape:
                    checks.check(np.array_equal(values[there], all_of_it[variable][there], equal_nan=values.dtype.kind == "f"),
                                 f"{name}: {variable} of what is there")
                    checks.check(values.dtype.kind != "f" or not np.isfinite(values[~there]).any() or variable in SETS,
                                 f"{name}: {variable} of what is not there")
                else:
                    checks.check(np.array_equal(values, all_of_it[variable]), f"{name}: {variable}")
        # the run goes on as if nothing had looked at it
        run("run", "scan.toml", "-o", out.name, "-q")
        checks.check(out.is_file() and out.read_bytes() == whole.read_bytes(), f"{name}: the finished file differs")
        for path in (whole, out, folder / "out.partial.nc"):
            path.unlink()


def check_beside_a_run(args, checks, folder):
    """A run that is at work is not disturbed; what it has done by then is in the part, which takes the place of the one before."""
    scan_file = harness.CONFIGS / "pump_leak_follow.toml"
    command = [args.nessmap, "run", scan_file, "-o", "live.nc", "-q", "--threads", "1", "--lanes", "1",
               *harness.sets(**{"axis.g_Na.n": 100, "axis.dG_ATP.n": 120})]
    with subprocess.Popen(list(map(str, command)), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        parts = folder / "live.nc.parts"
        n_done, n_bytes = [], 0
        for _ in range(2):
            while process.poll() is None and harness.journal_bytes(parts) <= n_bytes + 10000:
                time.sleep(0.002)
            process.send_signal(signal.SIGSTOP)
            n_bytes = harness.journal_bytes(parts)
            done = harness.run(args.nessmap, "assemble", parts, "--partial", cwd=folder)
            if checks.check(done.returncode == 0, f"beside a run: {done}"):
                _, attributes = read(folder / "live.partial.nc")
                n_done.append(12000 - int(attributes["nessmap_n_not_run"]))
            process.send_signal(signal.SIGCONT)
        error = process.stderr.read().decode()
    checks.check(process.returncode == 0 and not error, f"the run that went on: {process.returncode} {error}")
    checks.check(len(n_done) == 2 and 0 < n_done[0] < n_done[1], f"points of the parts: {n_done}")


def check_refinement(args, checks, folder):
    command = [str(args.nessmap), "run", str(harness.CONFIGS / "pump_leak_lysis_boundary.toml"), "-o", "boundary.nc", "-q"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        parts = folder / "boundary.nc.parts"
        while process.poll() is None and harness.journal_bytes(parts) == 0:
            time.sleep(0.001)
        process.kill()
    if checks.check(parts.is_dir(), "the refinement was not killed in its middle"):
        done = harness.run(args.nessmap, "assemble", "boundary.nc.parts", "--partial", cwd=folder)
        checks.check(done.returncode == 2 and "refinement" in done.stderr and "nessmap run" in done.stderr, f"a refinement: {done}")


def run_checks(args, checks):
    with harness.scratch() as name:
        folder = pathlib.Path(name)
        for check in (check_layouts, check_beside_a_run, check_refinement):
            check(args, checks, folder)


def test_partial():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
