"""The example of a C program (tools/examples/map_in_memory.c), built against this tree: its map is that of the file of the same
scan, it takes a model of the user's own, and what it cannot map it says in one sentence.

  python tests/test_c_example.py --nessmap build/nessmap
"""

import pathlib
import subprocess

import netCDF4

import harness

SYMBOLS = "=.~u^v!?"
EXAMPLE = harness.ROOT / "tools" / "examples" / "map_in_memory.c"


def run_checks(args, checks):
    checks.check(len(EXAMPLE.read_text().splitlines()) <= 40, "the example is longer than 40 lines")
    program = args.nessmap.parent / "tests" / "map_in_memory"
    if not program.is_file():
        harness.not_run(f"test_c_example: {program} was not built")
        return

    def run(*words, cwd=None):
        return subprocess.run([program, *map(str, words)], cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True)

    with harness.scratch() as name:
        folder = pathlib.Path(name)
        # axes in the order of the model, and not; a model of one's own, which is compiled first
        built_in = [("pump_leak_phase", ("dG_ATP", "g_Na")), ("pump_leak_lysis", ("g_K", "p_max")), ("na_bath_depletion", ("P_Na", "r"))]
        own = [("oxygen_membrane", ("thickness", "p_2"))] if args.full else []
        for config, axes in built_in + own:
            scan = harness.CONFIGS / f"{config}.toml"
            sizes = [f"axis.{axis}.n={n}" for axis, n in zip(axes, (9, 31), strict=True)]
            done = run(scan, *sizes)
            made = harness.run(args.nessmap, "run", scan, "-o", f"{config}.nc", "-q", *(w for s in sizes for w in ("--set", s)), cwd=folder)
            said = [line for line in done.stderr.splitlines() if not line.startswith("nessmap: compiling ")]
            if not checks.check(done.returncode == 0 and not said and made.returncode == 0, f"{config}: {done} {made}"):
                continue
            with netCDF4.Dataset(folder / f"{config}.nc") as file:
                outcome = file["outcome"][...]
                wanted = ["".join(SYMBOLS[k] for k in line) for line in outcome[::-1]]
                slow, fast = (file[axis][...] for axis in file["outcome"].dimensions)
            lines = done.stdout.splitlines()
            checks.check([line.split()[0] for line in lines[:-1]] == wanted, f"{config}: {done.stdout}")
            ends = [float(lines[0].split()[2]), float(lines[-2].split()[2])]
            checks.check(all(abs(a - b) <= 6e-3 * abs(b) for a, b in zip(ends, (slow[-1], slow[0]), strict=True)), f"{config}: {ends}")
            checks.check(lines[-1].startswith(f"{axes[1]} from {fast[0]:.3g} to {fast[-1]:.3g} "), f"{config}: {lines[-1]}")
        for words, wanted in (((), "map_in_memory: "), (("no.toml",), "no.toml"), ((harness.CONFIGS / "pump_leak_random.toml",), "two axes"),
                              ((harness.CONFIGS / "pump_leak_phase.toml", "axis.g_K.n=4"), "g_K"),
                              ((harness.CONFIGS / "pump_leak_lysis_boundary.toml",), "refine")):
            done = run(*words, cwd=folder)
            checks.check(done.returncode == 2 and not done.stdout and wanted in done.stderr and done.stderr.count("\n") == 1,
                         f"{words}: {done}")


def test_c_example():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
