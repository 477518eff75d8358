"""What else can go wrong while a scan runs: folders that may not be written, full disks, clocks, models that crash.

Nothing is lost: the same command ends, later, in the bytes of an undisturbed run. README, "What can go wrong", lists the
rows. Kills, locks, torn and damaged records have tests of their own (test_kill.py, test_shards.py, test_ranks_full.py,
test_journal.c).

  python tests/test_faults.py --nessmap build/nessmap [--full]
"""

import os
import pathlib
import shutil
import signal
import subprocess
import time

import numpy as np

import harness
import test_own_model

CONFIG = harness.CONFIGS / "pump_leak_phase.toml"
SIZE = harness.sets(**{"axis.dG_ATP.n": 512, "axis.g_Na.n": 512, "output.variables": '["*"]'})
NOBODY = 65534

# more than two records
BYTES = 20_000_000

# a clock of the day that is ten years slow
SLOW_CLOCK = """
#define _GNU_SOURCE 1
#include <dlfcn.h>
#include <time.h>
static const long ten_years = 315360000;
time_t time(time_t *out)
{
    time_t (*real)(time_t *) = (time_t (*)(time_t *))dlsym(RTLD_NEXT, "time");
    time_t now = real(0) - ten_years;
    if (out) {
        *out = now;
    }
    return now;
}
int clock_gettime(clockid_t id, struct timespec *now)
{
    int (*real)(clockid_t, struct timespec *) = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int status = real(id, now);
    if (id == CLOCK_REALTIME) {
        now->tv_sec -= ten_years;
    }
    return status;
}
"""

# stands for a C++ compiler: objects are empty, the library does something when it is loaded
EVIL_CXX = """#!/bin/sh
for word; do
    [ "$last" != -o ] || out=$word
    last=$word
done
case " $* " in
*" -c "*) : >"$out" ;;
*" -shared "*)
    printf '%s\\n' '{body}' | {cc} -shared -fPIC -x c - -o "$out" ;;
*) exec {cxx} "$@" ;;
esac
"""


class Scan:
    """One scan, run by root or by nobody."""

    def __init__(self, args, folder, user=None):
        self.nessmap, self.folder, self.user = args.nessmap, folder, user
        self.output, self.parts = folder / "out.nc", folder / "out.nc.parts"

    def command(self, *more):
        return list(map(str, [self.nessmap, "run", CONFIG, "-o", self.output, *SIZE, *more]))

    def run(self, *more, **options):
        return subprocess.run(
            self.command(*more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            user=self.user,
            timeout=120,
            **options,
        )

    def stop_in_the_middle(self, *more):
        """A run that has written some tiles and stands still."""
        process = subprocess.Popen(
            self.command("--threads", 1, *more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            user=self.user,
        )
        harness.wait_for_bytes(process, self.parts, BYTES)
        process.send_signal(signal.SIGSTOP)
        # threads write on until they stand
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        return process

    def ends_well(self, checks, expected, what):
        done = self.run()
        same = self.output.is_file() and self.output.read_bytes() == expected
        checks.check(done.returncode == 0 and same, f"{what}, later: {done.returncode}, {done.stderr}")
        checks.check("resuming" in done.stderr or not expected, f"{what}: what was done is done again: {done.stderr}")
        checks.check(not self.parts.exists(), f"{what}: parts are left")


def is_one_sentence(text):
    """stderr without notes on the way: the last line is the failure."""
    lines = [line for line in text.splitlines() if line.startswith("nessmap: ")]
    return bool(lines) and len(lines[-1]) < 700


def check_read_only(args, folder, checks):
    """A folder that may not be written is refused before any work."""
    folder.chmod(0o555)
    done = Scan(args, folder, NOBODY).run()
    folder.chmod(0o777)
    checks.check(done.returncode == 6 and "cannot be written" in done.stderr, f"a read-only folder: {done.stderr}")
    checks.check(list(folder.iterdir()) == [], "a refused run has left something")


def check_lost_permission(args, folder, checks, expected):
    """Permission is lost in mid-run: before the file is made, or before the first record of a restart."""
    scan = Scan(args, folder, NOBODY)
    process = scan.stop_in_the_middle()
    folder.chmod(0o555)
    process.send_signal(signal.SIGCONT)
    text = process.communicate()[1]
    folder.chmod(0o777)
    checks.check(process.returncode == 6 and is_one_sentence(text), f"permission lost: {process.returncode}, {text}")
    checks.check(harness.journal_bytes(scan.parts) > 0, "permission lost: what was done is lost")
    scan.parts.chmod(0o555)
    done = scan.run("--shard", "0/2")
    text = done.stderr
    checks.check(
        done.returncode == 6 and is_one_sentence(text), f"no permission in the parts: {done.returncode}, {text}"
    )
    scan.parts.chmod(0o777)
    scan.ends_well(checks, expected, "permission lost")


def check_full_disk(args, folder, checks, expected):
    """A file system of some megabytes fills up while tiles are written."""
    disk = folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "none", disk], capture_output=True, text=True)
    if mounted.returncode != 0:
        harness.not_run(f"a full disk: {mounted.stderr.strip()}")
        return
    try:
        scan = Scan(args, disk)
        process = scan.stop_in_the_middle()
        # all that is free is taken by somebody else
        with open(disk / "other", "wb") as other:
            status = os.statvfs(disk)
            os.posix_fallocate(other.fileno(), 0, status.f_bavail * status.f_frsize - 2**20)
        process.send_signal(signal.SIGCONT)
        text = process.communicate()[1]
        checks.check(process.returncode == 6 and "No space left" in text, f"a full disk: {process.returncode}, {text}")
        done = scan.run()
        refused = done.returncode == 6 and "more disk" in done.stderr and "free" in done.stderr
        checks.check(refused, f"a restart on a full disk is refused before work: {done.stderr}")
        (disk / "other").unlink()
        scan.ends_well(checks, expected, "a full disk")
    finally:
        subprocess.run(["umount", disk])


def check_clock(args, folder, checks, expected):
    """The clock of the day is set back ten years between two parts of a run."""
    cc = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    (folder / "clock.c").write_text(SLOW_CLOCK)
    subprocess.run([cc, "-shared", "-fPIC", folder / "clock.c", "-o", folder / "clock.so", "-ldl"], check=True)
    scan = Scan(args, folder)
    process = scan.stop_in_the_middle()
    process.kill()
    process.communicate()
    done = scan.run(env=os.environ | {"LD_PRELOAD": str(folder / "clock.so")})
    same = scan.output.is_file() and scan.output.read_bytes() == expected
    checks.check(done.returncode == 0 and "resuming" in done.stderr and same, f"a clock set back: {done.stderr}")
    log = pathlib.Path(f"{scan.output}.runlog.jsonl").read_text()
    checks.check(f'"begun":"{time.gmtime().tm_year - 10}' in log, f"the clock was not set back: {log}")


def check_load(args, folder, checks, body, words):
    """A model whose compiled form does something by itself when it is loaded."""
    cc = shutil.which("cc") or shutil.which("gcc")
    cxx = folder / "evil_cxx"
    cxx.write_text(EVIL_CXX.format(body=body, cc=cc, cxx=shutil.which("c++") or shutil.which("g++")))
    cxx.chmod(0o755)
    shutil.copy(harness.ROOT / "tests" / "physics" / "broken" / "whole.c", folder / "my_cell.c")
    environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache"), "NESSMAP_CXX": str(cxx)}
    (folder / "cache").mkdir(exist_ok=True)
    done = subprocess.run(
        [args.nessmap, "point", "--model", "./my_cell.c"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    checks.check(done.returncode == 2 and words in done.stderr, f"{words}: {done.returncode}, {done.stderr}")


SCAN_OF_LAWS = """
model = "./bad_laws.c"
[[axis]]
name = "g"
min = 0.01
max = 100.0
n = 65
scale = "log"
[[axis]]
name = "Na_o"
min = 20.0
max = 400.0
n = 16
[solver]
mode = "MODE"
"""


def check_laws(args, folder, checks):
    """Laws that are no numbers below g = 1, and above it switch where V passes a level, so that nothing may come to rest."""
    whole = (harness.ROOT / "tests" / "physics" / "broken" / "whole.c").read_text()
    laws = whole.replace("Na_i, Na_o, ohmic(g)", "Na_i, Na_o, ohmic(nm_if(nm_less(V, -0.03), nm_sqrt(g - 1.0), NM_PAR(0.0)))")
    checks.check(laws != whole, "the model that is spoilt has other laws")
    (folder / "bad_laws.c").write_text(laws)
    environment = {"XDG_CACHE_HOME": folder / "cache", "NESSMAP_CXX": test_own_model.quick_compiler(folder)}
    (folder / "cache").mkdir()
    with test_own_model.environment(**environment):
        for mode in ("auto", "follow"):
            (folder / "scan.toml").write_text(SCAN_OF_LAWS.replace("MODE", mode))
            done = harness.run(args.nessmap, "run", "scan.toml", "-o", f"{mode}.nc", cwd=folder, timeout=300)
            if not checks.check(done.returncode == 3 and "failed" in done.stderr, f"bad laws, {mode}: {done.stderr}"):
                continue
            with harness.Results(folder / f"{mode}.nc") as results:
                failed = results.outcome_is("not_converged") | results.outcome_is("left_domain")
                is_number = results["g"] >= 1.0
                checks.check(
                    failed[~is_number].all(), f"{mode}: a law that is no number has an outcome: {results.counts()}"
                )
                checks.check(
                    (np.isnan(results["V"]) == ~results.has_values()).all(), f"{mode}: values of failed points"
                )
                checks.check(not results.outcome_is("not_run").any(), f"{mode}: points were not run")
                print(f"bad laws, {mode}: {results.counts()}")


def run_checks(args, checks):
    with harness.scratch() as top:
        top = pathlib.Path(top)
        top.chmod(0o777)

        def place(name):
            folder = top / name
            folder.mkdir()
            folder.chmod(0o777)
            return folder

        whole = Scan(args, place("whole"))
        done = whole.run()
        if not checks.check(done.returncode == 0, f"an undisturbed run: {done.stderr}"):
            return
        expected = whole.output.read_bytes()
        if os.geteuid() == 0:
            check_read_only(args, place("read_only"), checks)
            check_lost_permission(args, place("permission"), checks, expected)
            check_full_disk(args, place("full"), checks, expected)
        else:
            harness.not_run("folders without permission and full disks: they take root")
        check_clock(args, place("clock"), checks, expected)
        crash = "#include <stdlib.h>\n__attribute__((constructor)) static void f(void) { abort(); }"
        check_load(args, place("crash"), checks, crash, "crashes when it is loaded")
        if args.full:
            hang = "#include <unistd.h>\n__attribute__((constructor)) static void f(void) { for (;;) pause(); }"
            check_laws(args, place("laws"), checks)
            check_load(args, place("hang"), checks, hang, "does not come back from being loaded")


def test_faults():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
