"""kill -9 at random moments, with other thread counts and lanes at each restart: the file ends the same, byte by byte.

Also SIGTERM, a locked output, another question's output, --fresh, a full disk.

  python tests/test_kill.py --nessmap build/nessmap [--kills N] [--seed N]
"""

import hashlib
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import time

import harness

CONFIG = harness.CONFIGS / "pump_leak_phase.toml"
WANTED_SECONDS = 1.0  # of an uninterrupted run: long enough that kills hit
FIRST_N, MOST_N = 192, 1536


def size_arguments(n):
    return harness.sets(**{"axis.dG_ATP.n": n, "axis.g_Na.n": n, "output.variables": '["*"]'})


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Scan:
    """One question, its output path and the moments of its runs."""

    def __init__(self, args, folder):
        self.nessmap = args.nessmap
        self.folder = folder
        self.output = folder / "out.nc"
        self.temporary = folder / "out.nc.tmp"
        self.parts = folder / "out.nc.parts"
        self.n = FIRST_N
        self.lanes = [w for w in (16, 8, 1) if self.works_with(w)]
        self.digest, self.tile_seconds, self.total_seconds, self.total_bytes = None, None, None, None

    def works_with(self, lanes):
        done = harness.run(
            self.nessmap,
            "run",
            CONFIG,
            "-o",
            self.folder / "lanes.nc",
            "--lanes",
            lanes,
            *size_arguments(4),
        )
        (self.folder / "lanes.nc").unlink(missing_ok=True)
        return done.returncode == 0

    def arguments(self, *more):
        return ["run", CONFIG, "-o", self.output, *size_arguments(self.n), *more]

    def clean(self):
        shutil.rmtree(self.parts, ignore_errors=True)
        for path in self.folder.glob("out.nc*"):
            path.unlink()

    def parts_bytes(self):
        """Of all records that runs have left."""
        return harness.journal_bytes(self.parts)

    def assembly_began(self):
        """All tiles are in the journal, and the file, which grew beside it, is being ended."""
        return self.parts_bytes() >= self.total_bytes

    def wait_for(self, process, condition, seconds=60):
        """Whether `condition()` came true while the process lived."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return True
            if process.poll() is not None:
                return condition()
            time.sleep(0.001)
        return False

    def measure(self):
        """Sizes the map so that a run lasts, and keeps the digest of an uninterrupted one."""
        while True:
            self.clean()
            clock, self.total_bytes, self.tile_seconds = time.monotonic(), 1, 0.0
            process = harness.start(self.nessmap, *self.arguments("--threads", 2, "--quiet"))

            def is_written():
                n_bytes = self.parts_bytes()
                if n_bytes > self.total_bytes:
                    self.total_bytes, self.tile_seconds = n_bytes, time.monotonic() - clock
                return self.output.exists()

            self.wait_for(process, is_written)
            self.total_seconds = time.monotonic() - clock
            if process.wait() != 0:
                return False
            if self.total_seconds >= 0.7 * WANTED_SECONDS or self.n >= MOST_N:
                break
            self.n = min(
                MOST_N, int(self.n * min(4, (WANTED_SECONDS / self.total_seconds) ** 0.5) + 8)
            )
        self.digest = digest(self.output)
        self.clean()
        return True


def kill_repeatedly(scan, n_kills, randomness, checks):
    """Kills runs until n_kills have hit, in chains of restarts that each end in a file; compares every file."""
    hits = {"tiles": 0, "assembly": 0, "at the end": 0}
    n_files = n_resumed = n_skipped = 0
    n_runs = n_assemblies = 0
    restarts = set()
    least = {"tiles": n_kills // 4, "assembly": n_kills // 10, "at the end": 0}
    while (
        sum(hits.values()) < n_kills or any(hits[kind] < least[kind] for kind in hits)
    ) and n_runs < 10 * n_kills:
        n_runs += 1
        threads, lanes = randomness.choice((1, 2, 3, 4)), randomness.choice(scan.lanes)
        restarts.add((threads, lanes))
        share_left = 1 - scan.parts_bytes() / scan.total_bytes
        # two kills in the assembly are enough for a chain: then it goes to its end
        is_peaceful = n_assemblies == 2
        log_path = scan.folder / "stderr.txt"
        with open(log_path, "wb") as log:
            process = harness.start(
                scan.nessmap, *scan.arguments("--threads", threads, "--lanes", lanes), stderr=log
            )
            if is_peaceful:
                process.wait()
                delay = 0
            elif share_left < 0.1 or n_runs % 4 == 0:
                # into the assembly, wherever in it
                scan.wait_for(process, lambda: scan.assembly_began())
                delay = randomness.uniform(0, max(0.0, scan.total_seconds - scan.tile_seconds))
            else:
                delay = randomness.uniform(0, share_left * scan.tile_seconds)
            time.sleep(delay)
            is_hit = process.poll() is None
            process.kill()
            code = process.wait()
        found = re.search(r"resuming: (\d+) of (\d+) tiles", log_path.read_text(errors="replace"))
        if found:
            n_resumed += 1
            n_skipped += int(found[1])
            checks.check(0 < int(found[1]) <= int(found[2]), f"resumed with {found[0]}")
        if is_hit and code == -signal.SIGKILL:
            kind = (
                "at the end"
                if scan.output.exists()
                else "assembly"
                if scan.assembly_began()
                else "tiles"
            )
            hits[kind] += 1
            n_assemblies += kind == "assembly"
        else:
            checks.check(
                code == 0, f"a run that was not killed ended with {code}: {log_path.read_text()}"
            )
        if scan.output.exists():
            # complete, even if the kill came just after
            n_files += 1
            n_assemblies = 0
            checks.check(
                digest(scan.output) == scan.digest, f"file {n_files} differs after kills ({hits})"
            )
            scan.clean()

    # the last chain is ended in peace
    if scan.parts.exists():
        done = harness.run(scan.nessmap, *scan.arguments("--threads", 2))
        checks.check(
            done.returncode == 0, f"the last restart: exit {done.returncode}, {done.stderr}"
        )
        if scan.output.exists():
            n_files += 1
            checks.check(digest(scan.output) == scan.digest, "the last file differs")
        checks.check(not scan.parts.exists(), "the journal is left behind")
        checks.check(not scan.temporary.exists(), "the temporary file is left behind")
    checks.check(sum(hits.values()) >= n_kills, f"{hits} of {n_kills} kills hit in {n_runs} runs")
    for kind in least:
        checks.check(hits[kind] >= least[kind], f"too few kills, {kind}: {hits}")
    checks.check(n_files >= n_kills // 10, f"{n_files} files were finished between {n_kills} kills")
    checks.check(n_skipped > 0, "no restart skipped a tile that was done")
    print(
        f"{sum(hits.values())} kills {hits} in {n_runs} runs with {len(restarts)} kinds of threads and lanes; "
        f"{n_resumed} resumed, skipping {n_skipped} tiles; {n_files} files compared"
    )


def start_and_wait_for_parts(scan, *more):
    process = harness.start(
        scan.nessmap, *scan.arguments("--threads", 1, "--lanes", scan.lanes[-1], *more)
    )
    scan.wait_for(process, lambda: scan.parts_bytes() > 0)
    return process


def is_one_sentence(text):
    lines = text.strip().splitlines()
    return len(lines) == 1 and lines[0].startswith("nessmap: ")


def check_locked(scan, checks):
    """While a run lives, another one of the same output is refused."""
    scan.clean()
    process = start_and_wait_for_parts(scan)
    process.send_signal(signal.SIGSTOP)
    done = harness.run(scan.nessmap, *scan.arguments("--quiet"), timeout=60)
    checks.check(done.returncode == 5, f"locked: exit {done.returncode}, {done.stderr}")
    checks.check(is_one_sentence(done.stderr), f"locked: {done.stderr!r}")
    process.send_signal(signal.SIGCONT)
    checks.check(process.wait() == 0, "the run that held the lock did not end well")
    checks.check(
        digest(scan.output) == scan.digest, "the file of the run that held the lock differs"
    )


def check_signal(scan, number, checks):
    """Drains, says how to go on, exits 75; the same command goes on."""
    scan.clean()
    log_path = scan.folder / "stderr.txt"
    with open(log_path, "wb") as log:
        process = harness.start(
            scan.nessmap, *scan.arguments("--threads", 1, "--lanes", scan.lanes[-1]), stderr=log
        )
        scan.wait_for(process, lambda: scan.parts_bytes() > 0)
        process.send_signal(number)
        # it may come twice, from `timeout` or from mpirun beside a terminal; two that are equal might reach it as one
        process.send_signal(signal.SIGINT if number == signal.SIGTERM else signal.SIGTERM)
        code = process.wait()
    text = log_path.read_text()
    name = signal.Signals(number).name
    checks.check(code == 75, f"{name}: exit {code}, {text}")
    checks.check("same command" in text, f"{name}: how to go on is not said: {text}")
    checks.check(not scan.output.exists() and scan.parts.exists(), f"{name}: files")
    done = harness.run(scan.nessmap, *scan.arguments())
    checks.check(
        done.returncode == 0 and "resuming" in done.stderr,
        f"after {name}: {done.returncode} {done.stderr}",
    )
    checks.check(digest(scan.output) == scan.digest, f"the file after {name} differs")


def check_impatience(scan, checks):
    """Who asks again a second later does not wait for the tile at hand, which takes many seconds here."""
    scan.clean()
    log_path = scan.folder / "stderr.txt"
    slow = harness.sets(**{"solver.mode": "follow", "solver.rtol": 1e-9})
    with open(log_path, "wb") as log:
        process = harness.start(scan.nessmap, *scan.arguments(*slow, "--threads", 1, "--lanes", 1), stderr=log)
        scan.wait_for(process, scan.parts.exists)
        for _ in range(2):
            time.sleep(1.0)
            process.send_signal(signal.SIGINT)
        begun = time.monotonic()
        code = process.wait()
        seconds = time.monotonic() - begun
    text = log_path.read_text()
    checks.check(code == 75 and seconds < 1.0, f"a second signal: exit {code} after {seconds:.2f} s")
    checks.check("a second signal" in text and "same command" not in text, f"a second signal: {text}")
    checks.check(scan.parts.exists() and not scan.output.exists(), "a second signal: files")


def check_other_question(scan, checks):
    """Another configuration may neither go on with a journal nor overwrite a file."""
    other = harness.sets(g_K=1.5)
    scan.clean()
    process = start_and_wait_for_parts(scan)
    process.kill()
    process.wait()
    before = {p.name: digest(p) for p in scan.parts.iterdir() if p.name != "lock"}
    done = harness.run(scan.nessmap, *scan.arguments(*other))
    checks.check(
        done.returncode == 4, f"another question's journal: exit {done.returncode}, {done.stderr}"
    )
    checks.check(is_one_sentence(done.stderr), f"another question's journal: {done.stderr!r}")
    after = {p.name: digest(p) for p in scan.parts.iterdir() if p.name != "lock"}
    checks.check(before == after, "another question changed the journal")
    checks.check(not scan.output.exists(), "another question wrote the output")

    done = harness.run(scan.nessmap, *scan.arguments())
    checks.check(
        done.returncode == 0 and digest(scan.output) == scan.digest,
        "the right question did not go on",
    )
    done = harness.run(scan.nessmap, *scan.arguments(*other))
    checks.check(
        done.returncode == 4 and is_one_sentence(done.stderr),
        f"another question's file: {done.stderr!r}",
    )
    checks.check(digest(scan.output) == scan.digest, "another question changed the file")
    done = harness.run(scan.nessmap, *scan.arguments())
    checks.check(
        done.returncode == 0 and digest(scan.output) == scan.digest, "the same question again"
    )


def check_full_disk(scan, checks):
    """The journal has room for the rest and the file has not: one sentence, and nothing is lost."""
    scan.clean()
    process = start_and_wait_for_parts(scan)
    scan.wait_for(process, lambda: scan.parts_bytes() > scan.total_bytes // 4)
    process.send_signal(signal.SIGTERM)
    checks.check(process.wait() == 75, "the run that was stopped did not say so")
    done_bytes = scan.parts_bytes()
    checks.check(not scan.temporary.exists(), "a run that was stopped left its file")

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (scan.total_bytes - done_bytes // 2,) * 2)

    # not restored: a write beyond the limit is an error then, and no signal
    done = subprocess.run([scan.nessmap, *map(str, scan.arguments("--quiet"))], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, preexec_fn=limit, restore_signals=False)
    checks.check(done.returncode == 6 and is_one_sentence(done.stderr) and "too large" in done.stderr,
                 f"a file that is too large: exit {done.returncode}, {done.stderr!r}")
    checks.check(scan.parts_bytes() == scan.total_bytes, "tiles are lost with the file")
    checks.check(not scan.output.exists() and not scan.temporary.exists(), "a file that is too large is left")
    done = harness.run(scan.nessmap, *scan.arguments("--quiet"))
    checks.check(done.returncode == 0 and digest(scan.output) == scan.digest, "the file after a full disk differs")


def check_fresh(scan, checks):
    """--fresh throws an unfinished run away, even another question's."""
    for other in ((), tuple(harness.sets(g_K=1.5))):
        scan.clean()
        process = start_and_wait_for_parts(scan, *other)
        process.kill()
        process.wait()
        done = harness.run(scan.nessmap, *scan.arguments("--fresh"))
        checks.check(
            done.returncode == 0 and "resuming" not in done.stderr,
            f"--fresh: {done.returncode} {done.stderr}",
        )
        checks.check(
            scan.output.exists() and digest(scan.output) == scan.digest,
            "the file after --fresh differs",
        )


def add_arguments(parser):
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument(
        "--seed", type=int, default=None, help="of the moments; random where not given"
    )


def run_checks(args, checks):
    seed = args.seed if args.seed is not None else random.SystemRandom().randrange(1 << 32)
    with harness.scratch() as name:
        scan = Scan(args, pathlib.Path(name))
        if not checks.check(
            scan.lanes and scan.measure(), "an uninterrupted run does not end well"
        ):
            return
        print(
            f"map {scan.n} x {scan.n}: tiles {scan.tile_seconds:.2f} s, all {scan.total_seconds:.2f} s; "
            f"lanes {scan.lanes}; --seed {seed}"
        )
        kill_repeatedly(scan, args.kills * (8 if args.full else 1), random.Random(seed), checks)
        check_locked(scan, checks)
        check_signal(scan, signal.SIGTERM, checks)
        check_signal(scan, signal.SIGINT, checks)
        check_signal(scan, signal.SIGUSR1, checks)
        check_impatience(scan, checks)
        check_other_question(scan, checks)
        check_fresh(scan, checks)
        check_full_disk(scan, checks)


def test_kill():
    harness.run_in_pytest(__doc__, run_checks, add_arguments)


if __name__ == "__main__":
    harness.main(__doc__, run_checks, add_arguments)
