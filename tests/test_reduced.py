#!/usr/bin/env python3
"""Reduced scans of real models: the statistics of the full run, the same bytes whatever the run, closed forms, words.

    test_reduced.py [--nessmap build/nessmap]
"""

import os
import pathlib
import signal
import subprocess
import sys
import time

import netCDF4
import numpy as np

import harness

N_DRAWS = 130

BASE = """
model = "pump_leak"
[design]
kind = "random"
n = {n}
seed = 11
{axes}
[[random]]
name = "g_K"
dist = "loguniform"
min = 0.1
max = 10.0
[[random]]
name = "p_max"
dist = "loguniform"
min = 1e-7
max = 1e-5
[fixed]
Cl_o = 145.0
Y_o = 5.0
z_Y = -1.0
[output]
variables = ["V", "ell", "sigma_total", "tau_slow", "growth_rate", "a_max"]
precision = "{precision}"
{reduce}
"""
AXES = """
[[axis]]
name = "dG_ATP"
min = "-60 kJ/mol"
max = "-10 kJ/mol"
n = 5
[[axis]]
name = "g_Na"
values = [0.01, 0.3, 3.0, 30.0]
"""
KIND = '[[reduce]]\nkind = "{}"\n'


def text(n=N_DRAWS, axes=AXES, reduce="", precision="f64"):
    return BASE.format(n=n, axes=axes, reduce=KIND.format(reduce) if reduce else "", precision=precision)


def run(args, folder, name, config, *options, code=0):
    (folder / f"{name}.toml").write_text(config)
    out = folder / f"{name}.nc"
    done = harness.run(args.nessmap, "run", folder / f"{name}.toml", "-o", out, *options)
    assert done.returncode == code, f"{name}: exit {done.returncode}: {done.stderr}"
    return out, done


def read(path):
    with netCDF4.Dataset(path) as file:
        file.set_auto_mask(False)
        return {name: np.asarray(variable[...]) for name, variable in file.variables.items()}, file.__dict__.copy()


def close(found, wanted, scale, tolerance):
    return np.all((np.abs(found - wanted) <= tolerance * scale) | (np.isnan(found) & np.isnan(wanted)))


# --- against numpy on the full run --------------------------------------------------------------------------------


def compare(checks, what, reduced, points, axis, precision=0.0):
    """points: a Results of the full run; axis: the dimensions that a cell runs over."""
    cells, _ = reduced
    for i, name in enumerate(points.outcome_names):
        checks.check(np.array_equal(cells[f"count_{name}"], (points.outcome == points.outcome_values[i]).sum(axis)),
                     f"{what}: count_{name} is not the number of such points")
    for name, mask in points.flag_masks.items():
        checks.check(np.array_equal(cells[f"flag_count_{name}"], ((points.flags & mask) != 0).sum(axis)),
                     f"{what}: flag_count_{name} is not the number of such points")
    n_points = np.sum(np.ones(points.outcome.shape, dtype=np.int64), axis)
    checks.check(np.all(cells["n"] == n_points), f"{what}: n is not the number of points")
    n_values = 0
    for name in ("V", "ell", "sigma_total", "tau_slow", "growth_rate", "a_max"):
        values = points[name].astype(float)
        finite = np.isfinite(values)
        n = finite.sum(axis)
        checks.check(np.array_equal(cells[f"{name}_n"], n), f"{what}: {name}_n")
        n_values += n.sum()
        with np.errstate(all="ignore"):
            low = np.where(finite, values, np.inf).min(axis)
            high = np.where(finite, values, -np.inf).max(axis)
            mean = np.where(finite, values, 0.0).sum(axis, dtype=np.longdouble) / n
            apart = np.where(finite, values - np.expand_dims(mean, axis), 0.0)
            sd = np.sqrt((apart * apart).sum(axis, dtype=np.longdouble) / (n - 1))
            sd = np.where(n > 1, sd, np.nan)
        largest = np.maximum(np.abs(low), np.abs(high))
        low, high = np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan)
        largest = np.where(n > 0, largest, 1.0)
        checks.check(close(cells[f"{name}_min"], low, largest, precision), f"{what}: {name}_min is not exact")
        checks.check(close(cells[f"{name}_max"], high, largest, precision), f"{what}: {name}_max is not exact")
        checks.check(close(cells[f"{name}_mean"], mean, largest, 4e-16 + precision), f"{what}: {name}_mean")
        checks.check(close(cells[f"{name}_sd"], sd, largest, 4e-16 + precision), f"{what}: {name}_sd")
    checks.check(n_values > 0, f"{what}: no values were compared")


def check_statistics(args, checks, folder):
    full, _ = run(args, folder, "full", text())
    bins, done = run(args, folder, "bins", text(reduce="bins"))
    whole, _ = run(args, folder, "whole", text(reduce="summary"))
    single, _ = run(args, folder, "single", text(reduce="bins", precision="f32"))
    with harness.Results(full) as points:
        compare(checks, "bins", read(bins), points, 2)
        compare(checks, "summary", read(whole), points, (0, 1, 2))
        compare(checks, "bins in f32", read(single), points, 2, 6e-8)
        words = {name: np.mean(points.outcome_is(name)) for name in points.outcome_names}
    checks.check(words["no_steady_state_growth"] > 0.05 and words["ness"] > 0.3, f"too few classes: {words}")
    share = f"{100 * words['ness']:.1f} %"
    checks.check(share in done.stdout, f"the summary does not say that {share} are NESS: {done.stdout}")
    checks.check("g_Na" in done.stdout.split("lysis")[1], "the summary does not name the axis that decides")
    again = harness.run(args.nessmap, "run", folder / "bins.toml", "-o", bins)
    checks.check(again.returncode == 0 and "nothing to do" in again.stderr and share in again.stdout,
                 f"a finished file does not tell its counts: {again.stderr}{again.stdout}")

    # the axes are coordinates, what was drawn is not there, and attributes say over what
    cells, attributes = read(bins)
    with harness.Results(full) as points:
        checks.check(np.array_equal(cells["dG_ATP"], points["dG_ATP"]) and np.array_equal(cells["g_Na"], points["g_Na"]),
                     "the axes differ from those of the full file")
    checks.check("g_K" not in cells and "p_max" not in cells and float(cells["T"]) == 310.15, "parameters of the file")
    checks.check(attributes["nessmap_reduce"] == "bins" and attributes["nessmap_reduced_parameters"] == "g_K p_max"
                 and attributes["nessmap_cell_points"] == N_DRAWS and int(cells["draw"]) == N_DRAWS, "attributes of bins")
    with netCDF4.Dataset(bins) as file:
        checks.check(file["V_mean"].dimensions == ("dG_ATP", "g_Na") and file["V_mean"].units == "V"
                     and file["V_mean"].cell_methods == "draw: mean" and file["V_sd"].units == "V"
                     and file["V_sd"].cell_methods == "draw: standard_deviation" and file["V_n"].units == "1",
                     "attributes of V_mean and V_sd")
    with netCDF4.Dataset(whole) as file:
        checks.check(list(file.dimensions) == ["failed"] and file["V_max"].cell_methods == "point: maximum", "summary has scalars")


# --- the same bytes -----------------------------------------------------------------------------------------------


def check_bytes(args, checks, folder):
    lanes = [16, 8, 1] if "16 " in harness.run(args.nessmap, "info").stdout.split("lanes", 1)[1].split("\n")[0] else [8, 1]
    for kind, n in (("bins", 1500), ("summary", 3000)):
        config, seen = text(n=n, reduce=kind), {}
        for option, values in (("--threads", [1, 2, 3]), ("--lanes", lanes)):
            for value in values:
                out, _ = run(args, folder, f"{kind}_{option[2:]}_{value}", config, option, str(value))
                seen[option, value] = out.read_bytes()
        checks.check(len(set(seen.values())) == 1, f"{kind}: bytes depend on threads or lanes: "
                     f"{[key for key, value in seen.items() if value != seen['--threads', 1]]}")

        # shards
        out = folder / f"{kind}_shards.nc"
        (folder / f"{kind}_shards.toml").write_text(config)
        for shard in (1, 0):
            harness.run(args.nessmap, "run", folder / f"{kind}_shards.toml", "-o", out, "--shard", f"{shard}/2")
        checks.check(out.is_file() and out.read_bytes() == seen["--threads", 1], f"{kind}: bytes depend on shards")


def check_kill(args, checks, folder):
    for kind in ("bins", "summary"):
        config = text(n=4000, reduce=kind) + '[solver]\nmode = "follow"\n'
        reference, _ = run(args, folder, f"{kind}_whole", config)
        (folder / f"{kind}_killed.toml").write_text(config)
        out = folder / f"{kind}_killed.nc"
        n_kills = 0
        for _ in range(60):
            process = harness.start(args.nessmap, "run", folder / f"{kind}_killed.toml", "-o", out)
            parts = folder / f"{kind}_killed.nc.parts"
            before = harness.journal_bytes(parts)
            while process.poll() is None:
                now = harness.journal_bytes(parts)
                if now > before + 600 and n_kills < 3:
                    process.send_signal(signal.SIGKILL)
                    n_kills += process.wait() == -signal.SIGKILL
                time.sleep(0.002)
            if out.is_file():
                break
            if n_kills == 1:
                # what is there so far, without touching it
                partial = harness.run(args.nessmap, "assemble", parts, "--partial")
                checks.check(partial.returncode == 0, f"{kind}: --partial: {partial.stderr}")
                cells, _ = read(folder / f"{kind}_killed.partial.nc")
                total = sum(cells[name].sum() for name in cells if name.startswith("count_"))
                checks.check(total == 20 * 4000 and 0 < cells["count_not_run"].sum() < total,
                             f"{kind}: a partial file counts {total} points")
        checks.check(n_kills > 0, f"{kind}: no run was killed in its middle")
        checks.check(out.is_file() and out.read_bytes() == reference.read_bytes(), f"{kind}: a killed run ends in other bytes")


# --- closed forms, long cells, memory -------------------------------------------------------------------------------

CLAMPED = """
model = "pump_leak"
[variant]
membrane = "clamped"
[design]
kind = "random"
n = {n}
seed = 3
[[random]]
name = "V_hold"
dist = "uniform"
min = "-60 mV"
max = "-5 mV"
[solver]
audit = 0.0
[[reduce]]
kind = "summary"
variables = ["V"]
[output]
precision = "f64"
[limits]
max_failed = 1.0
"""


def peak_kb(args, config, out):
    script = "import resource, subprocess, sys; c = subprocess.run(sys.argv[1:], capture_output=True); " \
             "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(c.returncode)"
    done = subprocess.run([sys.executable, "-c", script, str(args.nessmap), "run", str(config), "-o", str(out)], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1])


def check_closed_form(args, checks, folder):
    """A clamped cell has the potential that was drawn: uniform over an interval."""
    low, high, n = -0.06, -0.005, 3_000_000
    memory = {}
    for size in (n // 30, n):
        (folder / f"clamped_{size}.toml").write_text(CLAMPED.format(n=size))
        memory[size] = peak_kb(args, folder / f"clamped_{size}.toml", folder / f"clamped_{size}.nc")
    cells, _ = read(folder / f"clamped_{n}.nc")
    valued = int(cells["V_n"])
    failed = int(cells["count_not_converged"]) + int(cells["count_left_domain"])
    checks.check(int(cells["n"]) == n and sum(int(v) for k, v in cells.items() if k.startswith("count_")) == n, "all points counted")
    checks.check(failed <= 0.001 * n, f"clamped: {failed} of {n} failed")
    if checks.check(valued > 0.999 * n, f"clamped: only {valued} of {n} points have a potential"):
        sd = (high - low) / 12**0.5
        checks.check(abs(float(cells["V_mean"]) - 0.5 * (low + high)) < 5 * sd / n**0.5, f"mean {cells['V_mean']}")
        checks.check(abs(float(cells["V_sd"]) - sd) < 5 * sd * (0.2 / n) ** 0.5 * 1.2, f"sd {cells['V_sd']}, not {sd}")
        checks.check(low <= float(cells["V_min"]) < low + 1e-6 and high - 1e-6 < float(cells["V_max"]) <= high, "extremes")
    print(f"peak memory: {memory[n // 30] / 1024:.1f} MiB for {n // 30} points, {memory[n] / 1024:.1f} MiB for {n}")
    # thirty times the points: results of chunks and records of tiles, nothing that grows with them
    checks.check(memory[n] < memory[n // 30] + 8 * 1024, f"memory grows with the points: {memory}")


# --- failures and refusals --------------------------------------------------------------------------------------------


def check_failures(args, checks, folder):
    """A bath below absolute charge: a part of the points is outside the model's domain."""
    axis = '[[axis]]\nname = "K_o"\nmin = 1.0\nmax = 10.0\nn = 4\n'
    config = text(n=100, axes=axis, reduce="bins") + '[tie]\nNa_o = "140 - 20*K_o"\n'
    config += "[limits]\nmax_failed = 0.01\n"
    out, done = run(args, folder, "failing", config, code=3)
    cells, attributes = read(out)
    failed = cells["count_left_domain"].sum() + cells["count_not_converged"].sum()
    checks.check(failed > 0 and attributes["nessmap_n_failed"] == failed, f"failures: {failed}, {attributes['nessmap_n_failed']}")
    checks.check("max_failed" in done.stderr, f"exit 3 without its sentence: {done.stderr}")
    again = harness.run(args.nessmap, "run", folder / "failing.toml", "-o", out)
    checks.check(again.returncode == 3, f"a finished file with failures: exit {again.returncode}")


def check_refusals(args, checks, folder):
    cases = {
        "no draws": (text(reduce="bins").replace('kind = "random"', 'kind = "grid"', 1), None),
        "one draw": (text(n=1, reduce="bins"), "design.n is 1"),
        "no axes": (text(axes="", reduce="bins"), "no [[axis]]"),
        "unknown": (text(reduce="binz"), 'did you mean "bins"?'),
        "no groups": (text(reduce="morris"), "has not its groups of points"),
    }
    for what, (config, words) in cases.items():
        (folder / "wrong.toml").write_text(config)
        for command in ("check", "plan", "run"):
            done = harness.run(args.nessmap, command, folder / "wrong.toml", cwd=folder)
            checks.check(done.returncode == 2 and done.stderr.count("\n") == 1, f"{what}: {command}: {done.stderr}")
            checks.check(words is None or words in done.stderr, f"{what}: {command}: {done.stderr}")
            checks.check("wrong.toml:" in done.stderr, f"{what}: {command} does not say where: {done.stderr}")
    (folder / "right.toml").write_text(text(reduce="bins"))
    plan = harness.run(args.nessmap, "plan", folder / "right.toml")
    checks.check("bins: 20 cells of 130 draws" in plan.stdout, f"plan: {plan.stdout}")
    check = harness.run(args.nessmap, "check", folder / "right.toml")
    checks.check('[[reduce]]\nkind = "bins"\n' in check.stdout, f"check: {check.stdout}")
    init = harness.run(args.nessmap, "init", "pump_leak")
    checks.check("[[reduce]]" in init.stdout, "init does not speak of [[reduce]]")
    # one point of a cell: its index in the scan, or axes and draw
    out, _ = run(args, folder, "right", text(reduce="bins"))
    by_parts = harness.run(args.nessmap, "point", "--from", out, "--index", "1,2,7")
    by_number = harness.run(args.nessmap, "point", "--from", out, "--index", str((1 * 4 + 2) * N_DRAWS + 7))
    checks.check(by_parts.returncode == 0 and by_parts.stdout == by_number.stdout, f"point: {by_parts.stderr}{by_number.stderr}")


def run_checks(args, checks):
    for part in (check_statistics, check_bytes, check_kill, check_closed_form, check_failures, check_refusals):
        start = time.monotonic()
        with harness.scratch() as folder:
            part(args, checks, pathlib.Path(folder))
        print(f"{part.__name__}: {time.monotonic() - start:.1f} s", flush=True)


def test_reduced():
    os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
