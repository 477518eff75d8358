"""Memory is bounded by tiles, not by points: the peak does not grow with the scan.

  python tests/test_memory.py --nessmap build/nessmap [--full]

The peak is the resident memory of the program as the kernel of the system counted it; --full asks for 2e7 points.
"""

import pathlib
import shutil
import subprocess
import sys

import harness

MOST_BYTES = 128e6  # of two threads, whatever the scan
# Of the peak from one scan to the next. Tiles have their full size from 4.2e6 points on.
MOST_GROWTH = {2: 6e6, 3: 2e6}
FIRST, MORE, FULL = (1000, 4200), (2000, 4000), (4000, 5000)  # 4.2e6, 8e6, 2e7 points


def map_arguments(shape):
    return (harness.CONFIGS / "pump_leak_phase.toml",
            *harness.sets(**{"axis.dG_ATP.n": shape[0], "axis.g_Na.n": shape[1]}))


# Points that are not kept: chunks have their full size from 2e6 points on.
MOST_REDUCED_BYTES, MOST_REDUCED_GROWTH = 64e6, {2: 2e6, 3: 2e6}
REDUCED, REDUCED_MORE, REDUCED_FULL = (4096, 512), (4096, 1024), (4096, 5000)


def bins_arguments(shape):
    return (harness.CONFIGS / "pump_leak_robust.toml", *harness.sets(**{"design.n": shape[1]}))


def draw_arguments(shape):
    return (harness.CONFIGS / "pump_leak_random.toml", *harness.sets(**{"design.n": shape[0] * shape[1]}))


# A process inherits the peak of the one that started it, so a small one stands between: not this test with NumPy.
WATCHER = """
import os, sys
child = os.fork()
if child == 0:
    os.execv(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(child, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss)
"""


def peak_of(*command):
    """Exit status of a command, the peak of its resident memory in bytes, and what it says on stderr."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", WATCHER, *map(str, command)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    code, peak = map(int, done.stdout.splitlines()[-1].split())
    # Linux counts in KiB
    return code, 1024 * peak, done.stderr


def peak_bytes(args, checks, arguments, folder):
    """Peak resident memory of a run and the size of its file."""
    output = folder / "out.nc"
    code, peak, said = peak_of(args.nessmap, "run", *arguments, "-o", output, "--quiet", "--threads", 2)
    checks.check(code == 0, f"{arguments}: exit {code}, {said}")
    size = output.stat().st_size
    output.unlink()
    return peak, size


def compare(args, checks, folder, name, arguments, shapes, most=MOST_BYTES, most_growth=MOST_GROWTH):
    peaks = []
    for shape in shapes:
        n_points = shape[0] * shape[1]
        peak, size = peak_bytes(args, checks, arguments(shape), folder)
        print(f"{name}: {n_points:.0e} points: peak {peak / 1e6:.1f} MB, file {size / 1e6:.0f} MB", flush=True)
        checks.check(peak < most, f"{name}, {n_points} points: {peak / 1e6:.0f} MB")
        peaks.append(peak)
        if len(peaks) > 1:
            growth = peaks[-1] - peaks[-2]
            checks.check(growth < most_growth[len(peaks)], f"{name}: the peak grows by {growth / 1e6:.1f} MB, {peaks}")


def run_checks(args, checks):
    shapes = (FIRST, MORE, FULL) if args.full else (FIRST, MORE)
    needed = 2.2 * 60 * shapes[-1][0] * shapes[-1][1]
    with harness.scratch() as name:
        free = shutil.disk_usage(name).free
        if free < needed:
            harness.not_run(f"memory at {shapes[-1][0] * shapes[-1][1]:.0e} points "
                            f"(wants {needed / 1e9:.1f} GB of disk, {free / 1e9:.1f} GB are free)")
            shapes = (FIRST,)
        folder = pathlib.Path(name)
        compare(args, checks, folder, "map", map_arguments, shapes)
        reduced = (REDUCED, REDUCED_MORE, REDUCED_FULL) if args.full else (REDUCED, REDUCED_MORE)
        compare(args, checks, folder, "bins", bins_arguments, reduced, MOST_REDUCED_BYTES, MOST_REDUCED_GROWTH)
        if args.full:
            compare(args, checks, folder, "draws", draw_arguments, (FIRST, MORE))


def test_memory():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
