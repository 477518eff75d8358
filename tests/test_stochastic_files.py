"""Files with trajectories: the same bytes for any split of the work, killed or not; reduced, and verified.

python tests/test_stochastic_files.py --nessmap build/nessmap
"""

import pathlib

import harness
import numpy as np
from test_models_paths import largest
from test_stochastic import BUILT_IN, scan_text

SPLIT_SETS, SPLIT_STOCHASTIC = 900, 'trajectories = 12\njumps = 20\nfirst_passage = "e0"\n'  # four tiles


class Splits:
    """One question, run in many ways: the same file, byte by byte."""

    def __init__(self, args, checks, folder):
        self.args, self.checks, self.folder = args, checks, folder
        (folder / "scan.toml").write_text(scan_text(BUILT_IN, SPLIT_SETS, SPLIT_STOCHASTIC))
        self.n_runs = 0

    def command(self, out, *options):
        return ("run", "scan.toml", "-o", out, "--quiet", *options)

    def run(self, out, *options):
        return harness.run(self.args.nessmap, *self.command(out, *options), cwd=self.folder)

    def bytes_of(self, what, *options):
        self.n_runs += 1
        out = f"split{self.n_runs}.nc"
        done = self.run(out, *options)
        self.checks.check(done.returncode == 0, f"{what}: exit {done.returncode}, {done.stderr}")
        path = self.folder / out
        return path.read_bytes() if path.is_file() else b""


def check_splits(args, checks, folder):
    splits = Splits(args, checks, folder)
    expected = splits.bytes_of("one thread", "--threads", 1)
    checks.check(splits.bytes_of("two threads", "--threads", 2) == expected, "two threads make another file")
    # the file says how much memory it was given: its numbers alone are the same
    splits.bytes_of("little memory", "--threads", 2, *harness.sets(**{"limits.memory": 34_600_000}))
    with harness.Results(folder / "split1.nc") as one, harness.Results(folder / f"split{splits.n_runs}.nc") as little:
        for name in one.names():
            equal = np.array_equal(one[name], little[name], equal_nan=one[name].dtype.kind == "f")
            checks.check(equal, f"little memory makes another {name}")
    for lanes in (16, 8, 1):
        if splits.run("lanes.nc", "--lanes", lanes, "--set", "design.n=1").returncode:
            harness.not_run(f"trajectories with {lanes} lanes: this processor or program has none")
            continue
        checks.check(
            splits.bytes_of(f"{lanes} lanes", "--lanes", lanes) == expected, f"{lanes} lanes make another file"
        )
    for shard in (1, 0):
        done = splits.run("sharded.nc", "--shard", f"{shard}/2")
        checks.check(done.returncode == 0, f"shard {shard}: {done.stderr}")
    path = folder / "sharded.nc"
    checks.check(path.is_file() and path.read_bytes() == expected, "two shards make another file")
    check_killed(args, checks, folder, splits)

    # other seeds and other windows are other questions
    checks.check(splits.bytes_of("another seed", "--set", "design.seed=8") != expected, "another seed, the same file")
    with harness.Results(folder / "split1.nc") as one, harness.Results(folder / f"split{splits.n_runs}.nc") as other:
        same = np.mean(one["ssa_rate_e0"] == other["ssa_rate_e0"])
        checks.check(same < 0.05, f"another seed: {same} of the currents are the same")
    done = splits.run("split1.nc", "--set", "stochastic.trajectories=13")
    checks.check(done.returncode == 4, f"more trajectories into the same file: exit {done.returncode}, {done.stderr}")
    # the exact outputs are those of a configuration without trajectories
    (folder / "plain.toml").write_text(scan_text(BUILT_IN, SPLIT_SETS))
    harness.run(args.nessmap, "run", "plain.toml", "-o", "plain.nc", "--quiet", cwd=folder)
    with harness.Results(folder / "split1.nc") as one, harness.Results(folder / "plain.nc") as plain:
        checks.check(
            not [name for name in plain.names() if name.startswith("ssa_")], "trajectories that nobody asked for"
        )
        for name in plain.names():
            equal = name not in one or np.array_equal(one[name], plain[name], equal_nan=one[name].dtype.kind == "f")
            checks.check(equal, f"{name} depends on trajectories")


def check_killed(args, checks, folder, splits):
    """Killed with some tiles done, and begun again by other threads: trajectories are not begun in another place."""
    longer = ("--set", "stochastic.trajectories=1000")
    expected = splits.bytes_of("an uninterrupted run", "--threads", 2, *longer)
    command = splits.command("killed.nc", "--threads", 1, *longer)
    process = harness.start(args.nessmap, *command, cwd=folder)
    harness.wait_for_bytes(process, folder / "killed.nc.parts", 100_000)
    process.kill()
    process.wait()
    path = folder / "killed.nc"
    checks.check(harness.journal_bytes(folder / "killed.nc.parts") > 0 and not path.exists(), "a kill told nothing")
    done = harness.run(args.nessmap, "run", "scan.toml", "-o", "killed.nc", "--threads", 2, *longer, cwd=folder)
    checks.check(done.returncode == 0 and "resuming" in done.stderr, f"after a kill: {done.returncode}, {done.stderr}")
    checks.check(path.is_file() and path.read_bytes() == expected, "after a kill the file is another one")


def check_reduced(args, checks, folder):
    """Cells of the drives, all else drawn: statistics of estimates, and of nothing else, from the same streams."""
    axes = "".join(f'[[axis]]\nname = "f_e{k}"\nmin = -4e3\nmax = 4e3\nn = 3\n' for k in (0, 2))
    text = scan_text(BUILT_IN, 50, "trajectories = 50\njumps = 20\n", drop=("f_e0", "f_e2"), more=axes)
    (folder / "draws.toml").write_text(text)
    chosen = '[[reduce]]\nkind = "bins"\nvariables = ["ssa_rate_e0", "ssa_ift", "rate_e0"]\n'
    (folder / "bins.toml").write_text(text + chosen)
    for name in ("draws", "bins"):
        done = harness.run(args.nessmap, "run", f"{name}.toml", "-o", f"{name}.nc", "--quiet", cwd=folder)
        checks.check(done.returncode == 0, f"{name}: exit {done.returncode}, {done.stderr}")
    with harness.Results(folder / "draws.nc") as draws, harness.netCDF4.Dataset(folder / "bins.nc") as bins:
        for name in ("ssa_rate_e0", "ssa_ift", "rate_e0"):
            apart = np.asarray(bins[f"{name}_mean"][...]) - draws[name].mean(axis=-1)
            checks.check(largest(apart / np.abs(draws[name]).max()) < 1e-12, f"bins of {name}: off by {largest(apart)}")
    for name in ("draws", "bins"):
        done = harness.run(args.nessmap, "verify", f"{name}.nc", cwd=folder)
        said = f"verify of {name}.nc: exit {done.returncode}, {done.stdout} {done.stderr}"
        checks.check(done.returncode == 0 and "verdict" in done.stdout and "FAILED" not in done.stdout, said)
    with harness.netCDF4.Dataset(folder / "draws.nc", "a") as file:
        file.set_auto_mask(False)
        file["ssa_sigma"][...] = np.nextafter(file["ssa_sigma"][...], np.inf)
    done = harness.run(args.nessmap, "verify", "draws.nc", cwd=folder)
    checks.check(done.returncode == 3 and "ssa_sigma" in done.stdout, f"verify of changed trajectories: {done}")


def run_checks(args, checks):
    with harness.scratch() as name:
        folder = pathlib.Path(name)
        check_splits(args, checks, folder)
        check_reduced(args, checks, folder)


def test_stochastic_files():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
