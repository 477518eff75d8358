"""Shards of one scan at the same time: the file is that of one run, whoever ends last and whoever is killed.

python tests/test_shards.py --nessmap build/nessmap
"""

import os
import re
import signal
import subprocess

import harness

CONFIG = harness.CONFIGS / "pump_leak_phase.toml"
# some hundred tiles' worth of work: shards are at work together
SIZE = harness.sets(**{"axis.dG_ATP.n": 512, "axis.g_Na.n": 512, "output.variables": '["*"]'})
N_SHARDS = 3


class Scan:
    def __init__(self, args, folder, name):
        self.nessmap = args.nessmap
        self.output = folder / f"{name}.nc"
        self.parts = folder / f"{name}.nc.parts"
        self.folder = folder

    def arguments(self, *more):
        return ["run", CONFIG, "-o", self.output, "--threads", 1, *SIZE, *more]

    def start(self, shard, log):
        return harness.start(self.nessmap, *self.arguments("--shard", f"{shard}/{N_SHARDS}"), stderr=log)

    def run(self, *more):
        return harness.run(self.nessmap, *self.arguments(*more))


def start_all(scan, logs):
    return [scan.start(shard, open(log, "wb")) for shard, log in enumerate(logs)]


def check_together(args, folder, checks, expected):
    scan = Scan(args, folder, "together")
    logs = [folder / f"shard{i}.txt" for i in range(N_SHARDS)]
    processes = start_all(scan, logs)
    codes = [process.wait() for process in processes]
    texts = [log.read_text() for log in logs]
    checks.check(codes == [0] * N_SHARDS, f"shards at the same time end with {codes}: {texts}")
    checks.check(
        scan.output.is_file() and scan.output.read_bytes() == expected, "their file differs from that of one run"
    )
    checks.check(not scan.parts.exists(), "their parts are left behind")
    n_told = sum("the last one makes the file" in text or "add theirs" in text for text in texts)
    checks.check(n_told == N_SHARDS - 1, f"all but the last shard say who goes on: {texts}")


def check_killed(args, folder, checks, expected):
    """All shards die somewhere; two start again, the third later, alone."""
    scan = Scan(args, folder, "killed")
    logs = [folder / f"killed{i}.txt" for i in range(N_SHARDS)]
    processes = start_all(scan, logs)
    harness.wait_for_bytes(processes[0], scan.parts, 2_000_000)
    for process in processes:
        process.kill()
        process.wait()
    checks.check(
        harness.journal_bytes(scan.parts) > 0 and not scan.output.exists(), "a kill came too late to tell anything"
    )
    again = [scan.start(shard, open(logs[shard], "wb")) for shard in (1, 2)]
    codes = [process.wait() for process in again]
    checks.check(codes == [0, 0] and not scan.output.exists(), f"two of three shards, begun again: {codes}")
    done = scan.run("--shard", f"0/{N_SHARDS}")
    checks.check(
        done.returncode == 0 and re.search(r"resuming: \d+ of \d+ tiles", done.stderr),
        f"the third shard: {done.stderr}",
    )
    checks.check(scan.output.is_file() and scan.output.read_bytes() == expected, "after kills the file differs")


def check_locks(args, folder, checks, expected):
    scan = Scan(args, folder, "locks")
    with open(folder / "first.txt", "wb") as log:
        first = scan.start(0, log)
        harness.wait_for_bytes(first, scan.parts)
        # stopped in mid-run, the shard holds its locks as long as this test wants
        first.send_signal(signal.SIGSTOP)
        same, whole = scan.run("--shard", f"0/{N_SHARDS}"), scan.run()
        other = scan.run("--shard", f"1/{N_SHARDS}")
        fresh = scan.run("--shard", f"2/{N_SHARDS}", "--fresh")
        assembled = harness.run(args.nessmap, "assemble", scan.parts)
        first.send_signal(signal.SIGCONT)
        code = first.wait()
    for done, what in (
        (same, "the same shard twice"),
        (whole, "a whole run beside a shard"),
        (assembled, "assemble beside a shard"),
    ):
        told = f"process {first.pid}" in done.stderr or what != "the same shard twice"
        checks.check(
            done.returncode == 5 and "another run" in done.stderr and told, f"{what}: {done.returncode}, {done.stderr}"
        )
    checks.check(other.returncode == 0, f"another shard beside it: {other.stderr}")
    checks.check(fresh.returncode == 2 and "--fresh" in fresh.stderr, f"--fresh with --shard: {fresh.stderr}")
    checks.check(code == 0 and not scan.output.exists(), f"the first shard: {code}")
    # the rest by a whole run
    done = scan.run()
    checks.check(
        done.returncode == 0 and scan.output.read_bytes() == expected, f"a whole run after shards: {done.stderr}"
    )


def check_interrupted(args, folder, checks, expected):
    scan = Scan(args, folder, "asked")
    with open(folder / "asked.txt", "wb") as log:
        process = scan.start(0, log)
        harness.wait_for_bytes(process, scan.parts)
        process.send_signal(signal.SIGUSR1)
        code = process.wait()
    text = (folder / "asked.txt").read_text()
    checks.check(code == 75 and "goes on" in text, f"SIGUSR1 to a shard: {code}, {text}")
    for shard in range(N_SHARDS):
        done = scan.run("--shard", f"{shard}/{N_SHARDS}")
        checks.check(done.returncode == 0, f"shard {shard} after it: {done.stderr}")
    checks.check(scan.output.is_file() and scan.output.read_bytes() == expected, "after SIGUSR1 the file differs")


def check_without_mpi(args, folder, checks):
    """Processes that a launcher starts together would do the same work: a program without MPI says so."""
    info = harness.run(args.nessmap, "info").stdout
    if "without MPI" not in info:
        harness.not_run("a program without MPI under a launcher: this one has MPI")
        return
    for variables in (
        {"OMPI_COMM_WORLD_SIZE": "4"},
        {"SLURM_STEP_ID": "0", "SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "4"},
    ):
        arguments = [
            args.nessmap,
            "run",
            CONFIG,
            "-o",
            folder / "launched.nc",
            *harness.sets(**{"axis.g_Na.n": 4, "axis.dG_ATP.n": 4}),
        ]
        environment = os.environ | variables
        done = subprocess.run(list(map(str, arguments)), env=environment, capture_output=True, text=True)
        checks.check(
            done.returncode == 2 and "4 processes" in done.stderr and "NESSMAP_MPI" in done.stderr,
            f"{variables}: {done.stderr}",
        )
        done = subprocess.run(
            list(map(str, [*arguments, "--shard", "0/4"])), env=environment, capture_output=True, text=True
        )
        checks.check(done.returncode == 0, f"a shard by a launcher: {done.stderr}")


def run_checks(args, checks):
    with harness.scratch() as folder:
        folder = harness.pathlib.Path(folder)
        whole = Scan(args, folder, "whole")
        done = whole.run()
        if not checks.check(done.returncode == 0, f"one run: {done.stderr}"):
            return
        expected = whole.output.read_bytes()
        check_together(args, folder, checks, expected)
        check_killed(args, folder, checks, expected)
        check_locks(args, folder, checks, expected)
        check_interrupted(args, folder, checks, expected)
        check_without_mpi(args, folder, checks)


def test_shards():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
