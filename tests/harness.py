"""What the end-to-end tests share: running the program, reading its files, counting checks."""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import netCDF4
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
CONFIGS = ROOT / "configs"


class Checks:
    """Counts what held and what did not; the last line says both."""

    def __init__(self):
        self.n_passed = 0
        self.failures = []

    def check(self, holds, text):
        if holds:
            self.n_passed += 1
        else:
            self.failures.append(text)
            print(f"FAILED: {text}", flush=True)
        return bool(holds)

    def finish(self):
        """Ends the script."""
        print(f"{self.n_passed} passed, {len(self.failures)} failed", flush=True)
        # a test that checked nothing has not passed
        sys.exit(0 if self.n_passed > 0 and not self.failures else 1)


def parse_arguments(description, add=None, argv=None):
    """The arguments that every test has; `add(parser)` may add more."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = (
        os.environ.get("NESSMAP_BIN") or os.environ.get("NESSMAP") or ROOT / "build" / "nessmap"
    )
    parser.add_argument("--nessmap", default=default, help="the program under test")
    parser.add_argument("--full", action="store_true", help="the long form of this test")
    if add:
        add(parser)
    args = parser.parse_args(argv)
    args.nessmap = pathlib.Path(args.nessmap).resolve()
    if not args.nessmap.is_file():
        parser.error(f"--nessmap {args.nessmap}: no such program; build it first")
    return args


def main(description, run_checks, add=None):
    """A test as a script."""
    args = parse_arguments(description, add)
    checks = Checks()
    run_checks(args, checks)
    checks.finish()


def run_in_pytest(description, run_checks, add=None, full=False):
    """A test as a function of pytest: the program is that of the environment."""
    args = parse_arguments(description, add, ["--full"] if full else [])
    checks = Checks()
    run_checks(args, checks)
    assert checks.n_passed > 0 and not checks.failures, "\n".join(checks.failures)


not_run_texts = []


def not_run(text):
    """Says that a part of a test cannot run here and why; tools/test repeats it on its last line."""
    not_run_texts.append(text)
    print(f"not run: {text}", flush=True)


def scratch():
    return tempfile.TemporaryDirectory(prefix="nessmap_test_")


def run(nessmap, *arguments, cwd=None, timeout=600):
    return subprocess.run(
        [str(nessmap), *map(str, arguments)],
        cwd=cwd,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def plot(*arguments, cwd=None, timeout=300):
    """nessmap-plot, from the tree."""
    return subprocess.run(
        [sys.executable, "-m", "nessmap_tools.plot", *map(str, arguments)],
        cwd=cwd,
        timeout=timeout,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tools")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def start(nessmap, *arguments, cwd=None, stderr=subprocess.DEVNULL):
    return subprocess.Popen(
        [str(nessmap), *map(str, arguments)],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
    )


def journal_bytes(parts):
    """Bytes of the journal of a run in its folder; 0 where it is not there, or was just put away."""
    try:
        return sum(path.stat().st_size for path in parts.glob("*.nmj"))
    except FileNotFoundError:
        return 0


def wait_for_bytes(process, parts, n_bytes=1):
    """Until the journal of a run in its folder has so many bytes, or the run is over."""
    while process.poll() is None and journal_bytes(parts) < n_bytes:
        time.sleep(0.002)


def sets(**values):
    """sets(**{"axis.g_Na.n": 64}) -> ["--set", "axis.g_Na.n=64"]"""
    arguments = []
    for key, value in values.items():
        arguments += ["--set", f"{key}={value}"]
    return arguments


ALL_OUTPUTS = sets(**{"output.variables": '["*"]', "output.precision": '"f64"'})


class Results:
    """The variables of an output file, read when asked for; `outcome` and `flags` by their words."""

    def __init__(self, path):
        self.file = netCDF4.Dataset(path)
        self.file.set_auto_mask(False)
        outcome, flags = self.file["outcome"], self.file["flags"]
        self.outcome_names = outcome.flag_meanings.split()
        self.outcome_values = [int(k) for k in np.atleast_1d(outcome.flag_values)]
        masks = (int(mask) for mask in np.atleast_1d(flags.flag_masks))
        self.flag_masks = dict(zip(flags.flag_meanings.split(), masks))
        self.outcome = np.asarray(outcome[...])
        self.flags = np.asarray(flags[...]).astype(np.int64)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.file.close()

    def __getitem__(self, name):
        return np.asarray(self.file[name][...])

    def __contains__(self, name):
        return name in self.file.variables

    def names(self):
        return list(self.file.variables)

    def outcome_is(self, name):
        return self.outcome == self.outcome_values[self.outcome_names.index(name)]

    def outcome_word(self, index):
        return self.outcome_names[self.outcome_values.index(int(self.outcome[index]))]

    def flag_is(self, name):
        return (self.flags & self.flag_masks[name]) != 0

    def has_values(self):
        valued = ("equilibrium", "ness", "oscillatory", "unstable")
        return np.any([self.outcome_is(name) for name in valued], axis=0)

    def counts(self):
        return {
            name: int(np.sum(self.outcome_is(name)))
            for name in self.outcome_names
            if np.any(self.outcome_is(name))
        }
