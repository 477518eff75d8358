"""Ranks of mpirun: the same bytes for any number of them, killed or not; one that fails or is asked to stop stops all.

python tests/test_ranks_full.py --nessmap build/nessmap [--ranks build/tests/nessmap_ranks] [--kills N] [--seed N]
"""

import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import time

import harness

CONFIG = harness.CONFIGS / "pump_leak_phase.toml"
BINS = """
model = "pump_leak"
[design]
kind = "random"
n = 2000
[[axis]]
name = "g_K"
min = 1.0
max = 10.0
n = 64
[[random]]
name = "g_Na"
dist = "loguniform"
min = 0.02
max = 1.0
[[reduce]]
kind = "bins"
"""
SAMPLES = """
model = "pump_leak"
[design]
kind = "sobol"
n = 262144
[[random]]
name = "g_Na"
dist = "loguniform"
min = 0.02
max = 1.0
[[random]]
name = "g_K"
dist = "loguniform"
min = 0.1
max = 10.0
"""
LAUNCH = ("mpirun", "--allow-run-as-root", "--oversubscribe")
MOST_SECONDS = 120  # of any job here: a job that hangs is a failure


class Job:
    """One question and its output, by any number of ranks."""

    def __init__(self, args, folder, name, *arguments):
        self.ranks = args.ranks
        self.folder = folder
        self.output = folder / f"{name}.nc"
        self.parts = folder / f"{name}.nc.parts"
        self.arguments = ["run", *arguments, "-o", self.output]

    def command(self, n, *more):
        return list(map(str, (*LAUNCH, "-n", n, self.ranks, *self.arguments, *more)))

    def start(self, n, log, *more):
        return subprocess.Popen(
            self.command(n, *more), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder
        )

    def run(self, n, *more, command=None):
        done = subprocess.run(
            command or self.command(n, *more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=MOST_SECONDS,
            cwd=self.folder,
        )
        return done

    def processes(self):
        """Ranks of this job, from rank 0 on: mpirun starts them in order."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if entry.name.isdigit() and words[0] == bytes(self.ranks) and bytes(self.output) in words:
                found.append(int(entry.name))
        return sorted(found)

    def clean(self):
        shutil.rmtree(self.parts, ignore_errors=True)
        for path in self.folder.glob(self.output.name + "*"):
            path.unlink()


def check_same_bytes(args, folder, checks):
    """Grids, samples and reduced files, for 1, 2 and 3 ranks and for one process without MPI."""
    questions = {"grid": (CONFIG, *harness.sets(**{"axis.dG_ATP.n": 256, "axis.g_Na.n": 512}))}
    for name, text in (("bins", BINS), ("samples", SAMPLES)):
        path = folder / f"{name}.toml"
        path.write_text(text)
        questions[name] = (path,)
    for name, arguments in questions.items():
        seen = {}
        for n in (1, 2, 3):
            job = Job(args, folder, f"{name}_{n}", *arguments)
            done = job.run(n)
            if checks.check(done.returncode == 0, f"{name}, {n} ranks: {done.returncode} {done.stderr}"):
                seen[n] = job.output.read_bytes()
                with open(f"{job.output}.runlog.jsonl") as file:
                    log = json.loads(file.read().splitlines()[-1])
                checks.check(
                    log["ranks"] == n and log["points_computed"] == log["points"], f"{name}, {n} ranks, run log: {log}"
                )
                checks.check(done.stdout.count("\nspeed ") == 1, f"{name}, {n} ranks: the summary is printed once")
                checks.check(not job.parts.exists(), f"{name}, {n} ranks: parts are left")
        alone = Job(args, folder, f"{name}_alone", *arguments)
        done = harness.run(args.nessmap, *alone.arguments)
        seen["alone"] = alone.output.read_bytes()
        checks.check(
            done.returncode == 0 and len(set(seen.values())) == 1, f"{name}: bytes depend on ranks: {list(seen)}"
        )
        # what is finished is seen by all
        done = Job(args, folder, f"{name}_2", *arguments).run(2)
        checks.check(done.returncode == 0 and "finished already" in done.stderr, f"{name}, again: {done.stderr}")


def check_stops(args, folder, checks, expected, size):
    """Asked by a signal, all ranks drain and end with 75, whoever hears it: the launcher or one rank."""
    for whom in ("launcher", "rank 0", "rank 2"):
        job = Job(args, folder, "stopped", CONFIG, *size)
        log_path = folder / "stopped.txt"
        with open(log_path, "wb") as log:
            process = job.start(3, log)
            harness.wait_for_bytes(process, job.parts, 1)
            pids = job.processes()
            if not checks.check(len(pids) == 3, f"three ranks run: {pids}"):
                process.kill()
                return
            if whom == "launcher":
                process.send_signal(signal.SIGUSR1)
            else:
                os.kill(pids[int(whom[-1])], signal.SIGUSR1)
            code = process.wait(timeout=MOST_SECONDS)
        text = log_path.read_text(errors="replace")
        checks.check(code == 75 and text.count("the same command goes on") == 1, f"SIGUSR1 to {whom}: {code}, {text}")
        checks.check(not job.output.exists(), f"SIGUSR1 to {whom} came too late to tell anything")
        done = job.run(2)
        same = job.output.is_file() and job.output.read_bytes() == expected
        checks.check(
            done.returncode == 0 and "resuming" in done.stderr and same, f"after SIGUSR1 to {whom}: {done.stderr}"
        )
        job.clean()


def check_failures(args, folder, checks):
    """What goes wrong on one rank is said once, by rank 0, and ends all with its exit code."""
    size = harness.sets(**{"axis.dG_ATP.n": 1024, "axis.g_Na.n": 512, "output.variables": '["*"]'})
    job = Job(args, folder, "failed", CONFIG, *size)
    program = list(map(str, (args.ranks, *job.arguments)))

    # rank 1 may not write more than some kilobytes
    limited = ["sh", "-c", 'ulimit -f 64; trap "" XFSZ; exec "$@"', "sh", *program]
    done = job.run(2, command=[*LAUNCH, "-n", "1", *program, ":", "-n", "1", *limited])
    told = done.stderr.count("nessmap: rank 1: ")
    checks.check(done.returncode == 6 and told == 1, f"a full disk of rank 1: {done.returncode}, {done.stderr}")
    done = job.run(3)
    checks.check(done.returncode == 0 and "resuming" in done.stderr, f"after it: {done.stderr}")
    job.clean()

    # rank 1 has another question, or none
    other = [*program, "--set", "g_K=3.0"]
    done = job.run(2, command=[*LAUNCH, "-n", "1", *program, ":", "-n", "1", *other])
    checks.check(
        done.returncode == 4 and "another question than rank 0" in done.stderr, f"two questions: {done.stderr}"
    )
    missing = [word if word != str(CONFIG) else "missing.toml" for word in program]
    done = job.run(2, command=[*LAUNCH, "-n", "1", *program, ":", "-n", "1", *missing])
    told = done.stderr.count("nessmap: rank 1: ")
    checks.check(
        done.returncode == 2 and told == 1 and "missing.toml" in done.stderr, f"no configuration: {done.stderr}"
    )
    checks.check(not job.parts.exists() and not job.output.exists(), "a refused job has touched the disk")

    refined = Job(args, folder, "refined", harness.CONFIGS / "pump_leak_lysis_boundary.toml").run(2)
    checks.check(refined.returncode == 2 and "refinement" in refined.stderr, f"a refinement: {refined.stderr}")


def check_kills(args, folder, checks, expected, size, n_kills, randomness):
    """One rank, or all of them, or the launcher are killed at random moments; each restart has other ranks."""
    job = Job(args, folder, "killed", CONFIG, *size)
    log_path = folder / "killed.txt"
    hits = {"one rank": 0, "all ranks": 0, "launcher": 0}
    n_files, n_runs, n_stuck, restarts, seconds = 0, 0, 0, set(), 1.0
    begun = time.monotonic()
    while sum(hits.values()) < n_kills and n_runs < 5 * n_kills:
        n_runs += 1
        n = randomness.choice((1, 2, 3))
        whom = randomness.choice(list(hits))
        # after a file begins a new chain; a chain that was killed often is let go to its end
        is_peaceful = n_runs % 7 == 0
        with open(log_path, "wb") as log:
            process = job.start(n, log)
            clock = time.monotonic()
            if not is_peaceful:
                time.sleep(randomness.uniform(0.1, 1.1 * seconds))
                pids = job.processes()
                # all ranks are those that are still to be started, too
                while whom == "all ranks" and len(pids) < n and process.poll() is None:
                    time.sleep(0.002)
                    pids = job.processes()
                if process.poll() is None and pids:
                    victims = pids if whom == "all ranks" else [randomness.choice(pids)]
                    for pid in [process.pid] if whom == "launcher" else victims:
                        try:
                            os.kill(pid, signal.SIGKILL)
                        except ProcessLookupError:
                            pass
            # ranks whose launcher was killed see it, and end by themselves
            end = time.monotonic() + 60
            while job.processes() and time.monotonic() < end:
                time.sleep(0.01)
            if not checks.check(not job.processes(), f"ranks of run {n_runs} outlive their {whom}"):
                process.kill()
                return
            # all ranks are gone: a launcher that stays has locked itself (PMIx of Open MPI 4.1.4 does, killed while it starts)
            try:
                code = process.wait(timeout=MOST_SECONDS if is_peaceful else 10)
            except subprocess.TimeoutExpired:
                n_stuck += 1
                process.kill()
                code = process.wait()
        if code != 0:
            hits[whom] += not is_peaceful
            restarts.add(n)
        text = log_path.read_text(errors="replace")
        if code != 0 and (is_peaceful or "another question" in text):
            checks.check(False, f"run {n_runs} of {n} ranks: {code}, {text}")
            return
        if job.output.exists():
            seconds = max(0.5, min(4.0, time.monotonic() - clock)) if code == 0 else seconds
            n_files += 1
            if not checks.check(job.output.read_bytes() == expected, f"file {n_files} differs after kills {hits}"):
                return
            job.clean()
    done = job.run(2)
    same = job.output.is_file() and job.output.read_bytes() == expected
    checks.check(done.returncode == 0 and same, f"the last file: {done.returncode}, {done.stderr}")
    checks.check(sum(hits.values()) >= n_kills and min(hits.values()) > 0, f"kills that hit: {hits}")
    checks.check(restarts == {1, 2, 3}, f"ranks of killed runs: {restarts}")
    print(
        f"{n_runs} runs in {time.monotonic() - begun:.0f} s, killed: {hits}; {n_files + 1} files, all the same; launchers that stayed without ranks: {n_stuck}"
    )


def run_checks(args, checks):
    args.ranks = pathlib.Path(args.ranks or args.nessmap.parent / "tests" / "nessmap_ranks").resolve()
    with harness.scratch() as folder:
        folder = pathlib.Path(folder)
        check_same_bytes(args, folder, checks)
        check_failures(args, folder, checks)
        size = harness.sets(**{"axis.dG_ATP.n": 1536, "axis.g_Na.n": 1024})
        whole = Job(args, folder, "whole", CONFIG, *size)
        done = whole.run(1)
        if checks.check(done.returncode == 0, f"one rank: {done.stderr}"):
            expected = whole.output.read_bytes()
            check_stops(args, folder, checks, expected, size)
        size = harness.sets(**{"axis.dG_ATP.n": 1024, "axis.g_Na.n": 768})
        whole = Job(args, folder, "smaller", CONFIG, *size)
        done = whole.run(1)
        if checks.check(done.returncode == 0, f"one rank: {done.stderr}"):
            check_kills(args, folder, checks, whole.output.read_bytes(), size, args.kills, random.Random(args.seed))


def add_options(parser):
    parser.add_argument("--ranks", help="the program with MPI (default: tests/nessmap_ranks beside the other)")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)


def test_ranks():
    harness.run_in_pytest(__doc__, run_checks, add_options, full=True)


if __name__ == "__main__":
    harness.main(__doc__, run_checks, add_options)
