"""nessmap_tools.Sampler: the numbers of the file, in NumPy's memory, while other threads of Python run.

  python tests/test_sampler_python.py --nessmap build/nessmap
"""

import os
import pathlib
import re
import subprocess
import sys
import threading
import time

import numpy as np

import harness

sys.path.insert(0, str(harness.ROOT / "tools"))
from nessmap_tools import Refused, Sampler

SETS = ["design.n=20000", "output.gradients=V,ell", "output.variables=V,ell,J_pump"]
F64 = ["output.precision=f64"]
RANDOM = harness.CONFIGS / "pump_leak_random.toml"


def flagged(texts):
    return [word for text in texts for word in ("--set", text)]


def equal(a, b):
    return np.array_equal(a, b, equal_nan=True)


def check_file(args, library, tmp, checks):
    """Names, numbers and derivatives are those of the file, to the last bit; the memory is NumPy's own."""
    path = tmp / "random.nc"
    done = harness.run(args.nessmap, "run", RANDOM, "-o", path, *flagged(SETS + F64))
    if not checks.check(done.returncode == 0, f"a scan for comparison: {done.stderr}"):
        return
    with Sampler(RANDOM, SETS, dtype=float, library=library) as sampler, harness.Results(path) as file:
        checks.check(len(sampler) == 20000, "the sampler has as many points as the design")
        first, n = 1234, 5000
        points, rows = sampler.points(first, n), slice(first, first + n)
        checks.check(len(points) == n and points.X.shape == (n, 6) and points.dY_dX.shape == (n, 2, 6),
                     "rows have the shapes that were promised")
        for k, column in enumerate(sampler.inputs):
            checks.check(equal(points.X[:, k], file[column.name][rows]), f"input {column.name}")
            checks.check(column.unit == file.file[column.name].units, f"unit of {column.name}")
        for k, column in enumerate(sampler.outputs):
            checks.check(equal(points.Y[:, k], file[column.name][rows]), f"output {column.name}")
            checks.check(column.unit == file.file[column.name].units, f"unit of {column.name}")
        for i, of in enumerate(sampler.derived):
            for k, by in enumerate(sampler.by):
                name = f"d{of.name}_d{by.name}"
                checks.check(equal(points.dY_dX[:, i, k], file[name][rows]), f"derivative {name}")
        checks.check([c.name for c in sampler.by] == [c.name for c in sampler.inputs],
                     "derivatives stand in the order of the inputs")
        checks.check(equal(points.outcome, file.outcome[rows]), "outcomes")
        checks.check(equal(points.flags, file.flags[rows]), "flags")
        for name in ("X", "Y", "dY_dX", "outcome", "flags"):
            array = getattr(points, name)
            checks.check(array.flags.owndata and array.flags.c_contiguous and array.flags.writeable,
                         f"{name} is NumPy's own memory, row by row")
        # what is solved again as sets of one's own: audits fall on other rows
        again = sampler.solve(points.X)
        checks.check(equal(again.X, points.X) and equal(again.outcome, points.outcome), "own sets have the same outcomes")
        close = np.isclose(again.Y, points.Y, rtol=1e-8, atol=0, equal_nan=True)
        checks.check(close.all(), f"own sets have the same values: {np.argwhere(~close)[:3]}")
        kept = again.Y.copy()
    checks.check(equal(again.Y, kept), "arrays outlive their sampler")


def check_lock(library, checks):
    """A thread of Python counts while the library computes: at least half as far as beside a sleep."""
    def counted(busy):
        ticks, is_over = 0, threading.Event()

        def work():
            busy()
            is_over.set()

        thread = threading.Thread(target=work)
        thread.start()
        while not is_over.is_set():
            time.sleep(0.001)
            ticks += 1
        thread.join()
        return ticks

    with Sampler(RANDOM, ["design.n=100000000"], threads=1, library=library) as sampler:
        begun = time.perf_counter()
        ticks = counted(lambda: sampler.points(0, 400_000))
        took = time.perf_counter() - begun
        # a library that held the lock would let the other thread wake about once
        checks.check(ticks > 20, f"other threads run meanwhile: {ticks} turns in {took:.2f} s")
        results = {}

        def solve(k):
            results[k] = sampler.points(k * 1000, 1000)

        threads = [threading.Thread(target=solve, args=(k,)) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        whole = sampler.points(0, 4000)
        for k in range(4):
            checks.check(equal(results[k].Y, whole.Y[k * 1000:(k + 1) * 1000]), f"call {k} of four side by side")


def refused(checks, sentence, call, kind=Refused):
    try:
        call()
    except kind as refusal:
        checks.check(re.search(sentence, str(refusal)), f"'{refusal}' says '{sentence}'")
    else:
        checks.check(False, f"refused: {sentence}")


def check_refusals(library, checks):
    with Sampler(RANDOM, SETS, library=library) as sampler:
        refused(checks, "20000", lambda: sampler.points(19_999, 2))
        refused(checks, "a number from 0 on", lambda: sampler.points(0, -1))
        refused(checks, r"\[n, 6\] is wanted, a column for each of z_X, g_Na", lambda: sampler.solve([[1.0, 2.0]]))
        checks.check(len(sampler.points(20_000, 0)) == 0, "no points are an empty batch")
    refused(checks, "closed", lambda: sampler.points(0, 1))
    refused(checks, "g_Nax", lambda: Sampler(RANDOM, ["g_Nax=1"], library=library))
    refused(checks, "cannot read|No such|no such", lambda: Sampler("nowhere.toml", library=library))
    refused(checks, "float32 or numpy.float64", lambda: Sampler(RANDOM, dtype=int, library=library))
    refused(checks, "refine", lambda: Sampler(harness.CONFIGS / "pump_leak_lysis_boundary.toml", library=library))
    refused(checks, "cannot be loaded", lambda: Sampler(RANDOM, library="nowhere/libnessmap.so"), OSError)


ON_A_DEVICE = """
import sys
sys.path.insert(0, sys.argv[1])
from nessmap_tools import Sampler
import numpy as np
batches = []
for backend in ("cpu", "cuda"):
    with Sampler(sys.argv[2], ["solver.audit=0", "design.n=5000"], backend=backend, library=sys.argv[3], dtype=float) as sampler:
        points = sampler.points(777, 700)
        batches += [points, sampler.solve(points.X)]
for other in batches[1:]:
    for name in ("X", "Y", "outcome", "flags"):
        if not np.array_equal(getattr(batches[0], name), getattr(other, name), equal_nan=True):
            sys.exit(f"{name} differs")
"""


def check_device(library, checks):
    """The stand-in driver gives the numbers of the CPU, for unaligned batches and own sets too."""
    driver = library.parent / "tests" / "stand_in"
    env = {**os.environ, "LD_LIBRARY_PATH": f"{driver}:{driver / 'nvrtc'}"}
    done = subprocess.run([sys.executable, "-c", ON_A_DEVICE, harness.ROOT / "tools", RANDOM, library],
                          env=env, capture_output=True, text=True)
    checks.check(done.returncode == 0, f"on a device: {done.stderr}")


def run_checks(args, checks):
    library = pathlib.Path(args.nessmap).parent / "libnessmap.so"
    with harness.scratch() as folder:
        check_file(args, library, pathlib.Path(folder), checks)
    check_lock(library, checks)
    check_refusals(library, checks)
    check_device(library, checks)


def test_sampler():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
