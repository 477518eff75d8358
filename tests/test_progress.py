"""Progress as people and programs see it: a moving line on terminals of any width, plain lines in a log, lines of JSON to
the very end of a run that goes well, fails or is interrupted.

  python tests/test_progress.py --nessmap build/nessmap
"""

import fcntl
import json
import os
import pathlib
import pty
import re
import signal
import struct
import subprocess
import termios
import time

import netCDF4

import harness

OUTCOMES = ["equilibrium", "ness", "oscillatory", "unstable", "no_steady_state_growth", "no_steady_state_depletion",
            "left_domain", "not_converged"]
CLEAR = "\r\x1b[K"
# some third of a second of work: several frames
SLOW = ["--threads", 1, "--lanes", 1, *harness.sets(**{"axis.g_Na.n": 56, "axis.dG_ATP.n": 64})]


def on_terminal(nessmap, folder, columns, *arguments, **environment):
    """What a run writes to a terminal of so many columns, and its exit code."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LC_")}
    with subprocess.Popen([nessmap, *map(str, arguments)], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=follower, env=clean | {"TERM": "xterm", "LANG": "C.UTF-8"} | environment) as process:
        os.close(follower)
        text = b""
        while True:
            try:
                piece = os.read(leader, 1 << 16)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            text += piece
        code = process.wait()
    os.close(leader)
    return text.decode(), code


def check_terminal(args, checks, folder):
    config = harness.CONFIGS / "pump_leak_follow.toml"
    for columns, environment in ((120, {}), (80, {"LANG": "C"}), (20, {}), (40, {"LC_ALL": "en_GB.utf8"})):
        text, code = on_terminal(args.nessmap, folder, columns, "run", config, "-o", f"{columns}.nc", *SLOW, **environment)
        frames = [frame for frame in text.split(CLEAR) if frame and "%" in frame]
        name = f"{columns} columns"
        if not checks.check(code == 0 and len(frames) >= 2, f"{name}: {code} {text!r}"):
            continue
        # whatever follows stands on a clean line
        checks.check(text.endswith(CLEAR) and "\n" not in text, f"{name}: {text[-200:]!r}")
        checks.check(all(len(frame) < columns for frame in frames), f"{name}: {max(frames, key=len)!r}")
        share = [float(re.search(r"([0-9.]+) %", frame)[1]) for frame in frames]
        checks.check(share == sorted(share) and 0 <= share[0] < share[-1] <= 100, f"{name}: {share}")
        is_ascii = environment.get("LANG") == "C"
        checks.check(all(frame.isascii() == (is_ascii or columns == 20) for frame in frames[1:]) or columns == 20, f"{name}: {frames}")
        last = frames[-1]
        # a busy machine may show the begin and the end alone
        on_the_way = [frame for frame, s in zip(frames, share) if 0 < s < 100]
        checks.check(all(" left" in frame for frame in on_the_way), f"{name}: {on_the_way}")
        if columns == 120:
            checks.check("sets/s" in last and "NESS" in last and "failed 0" in last, f"{name}: {last}")
    # a terminal that cannot move, and a log
    text, code = on_terminal(args.nessmap, folder, 80, "run", config, "-o", "dumb.nc", *SLOW, TERM="dumb")
    checks.check(code == 0 and "\r" not in text.replace("\r\n", "\n") and "\x1b" not in text, f"a dumb terminal: {text!r}")
    text, code = on_terminal(args.nessmap, folder, 80, "run", config, "-o", "80.nc", *SLOW)
    checks.check(code == 0 and text.split(CLEAR)[-1].endswith("nothing to do\r\n"), f"a note: {text!r}")
    text, code = on_terminal(args.nessmap, folder, 80, "run", config, "-o", "80.nc", "--quiet", *SLOW)
    checks.check(code == 0 and text == "", f"--quiet: {text!r}")


def log_of(args, checks, folder, *arguments, cwd=None):
    """The lines of a JSON log; each of them is one."""
    done = harness.run(args.nessmap, *arguments, "--log-json", cwd=cwd or folder)
    try:
        lines = [json.loads(line) for line in done.stderr.splitlines()]
    except json.JSONDecodeError as error:
        checks.check(False, f"{arguments}: {error}: {done.stderr}")
        return done, []
    checks.check(all("event" in line and "time" in line for line in lines), f"{arguments}: {lines}")
    checks.check(lines[-1]["event"] == "end" and lines[-1]["exit_code"] == done.returncode, f"{arguments}: {lines}")
    checks.check(all(abs(line["time"] - time.time()) < 3600 for line in lines), f"the time: {lines}")
    return done, lines


def check_json(args, checks, folder):
    # names and a title that want care; NetCDF itself takes no backslash and no end of a line
    out = folder / 'its "µ".nc'
    odd = folder / 'it\'s "odd"\\\n µ'
    odd.mkdir()
    text = (harness.CONFIGS / "pump_leak_phase.toml").read_text()
    (odd / "scan.toml").write_text('title = "1 \\" 2 \\\\ 3"\n' + text)
    small = harness.sets(**{"axis.g_Na.n": 40, "axis.dG_ATP.n": 50})
    for again in (False, True):
        done, lines = log_of(args, checks, folder, "run", odd / "scan.toml", "-o", out, *small)
        first, last = lines[0], lines[-1]
        checks.check(first["event"] == "begin" and first["points"] == 2000 and first["model"] == "pump_leak", f"begin: {first}")
        checks.check(first["title"] == '1 " 2 \\ 3' and first["output"] == str(out) and first["configuration"] == str(odd / "scan.toml"), f"begin: {first}")
        checks.check(last["error"] is None and last["points_done"] == last["points"] == 2000, f"end: {last}")
        with harness.Results(out) as results:
            counts = {name: int(results.outcome_is(name).sum()) for name in OUTCOMES}
        # of this run: the second one finds the file
        checks.check(last["classes"] == (dict.fromkeys(OUTCOMES, 0) if again else counts), f"classes: {last} {counts}")
        checks.check(last["failed"] == last["classes"]["left_domain"] + last["classes"]["not_converged"], f"failed: {last}")
        events = [line["event"] for line in lines]
        checks.check(("progress" in events) != again and ("note" in events) == again, f"events: {events}")
    # other questions, other models, no configuration at all
    done, lines = log_of(args, checks, folder, "run", odd / "scan.toml", "-o", out, *small, "--set", "T=300")
    checks.check(done.returncode == 4 and "another question" in lines[-1]["error"], f"another question: {lines}")
    done, lines = log_of(args, checks, folder, "run", "no.toml")
    checks.check(done.returncode != 0 and len(lines) == 1 and "no.toml" in lines[0]["error"], f"no configuration: {lines}")
    done = harness.run(args.nessmap, "run", "no.toml", "--log-json", "--quiet", cwd=folder)
    checks.check(done.stderr.startswith("nessmap: ") and done.stderr.count("\n") == 1, f"--quiet: {done}")


def check_interrupted(args, checks, folder):
    """The answer to a signal is a line of JSON too, and the second run counts its own points."""
    command = [args.nessmap, "run", harness.CONFIGS / "pump_leak_follow.toml", "-o", "stopped.nc", "--log-json", *map(str, SLOW)]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        parts = folder / "stopped.nc.parts"
        while process.poll() is None and harness.journal_bytes(parts) == 0:
            time.sleep(0.002)
        process.send_signal(signal.SIGINT)
        lines = [json.loads(line) for line in process.stderr.read().splitlines()]
    last = lines[-1]
    n_before = last["points_done"]
    checks.check(process.returncode == 75 and last["exit_code"] == 75 and last["error"].startswith("interrupted: "), f"{lines}")
    checks.check(any("second signal" in line.get("text", "") for line in lines), f"the answer to a signal: {lines}")
    checks.check(0 < n_before < last["points"], f"{last}")
    _, lines = log_of(args, checks, folder, "run", harness.CONFIGS / "pump_leak_follow.toml", "-o", "stopped.nc", *SLOW)
    last = lines[-1]
    checks.check(last["points_done"] == last["points"] == n_before + sum(last["classes"].values()), f"resumed: {last}")


def check_stages(args, checks, folder):
    small = harness.sets(**{"design.levels": 3, "design.probes": 1000, "design.tolerance": 1e-3, "axis.g_K.n": 16, "axis.p_max.n": 16})
    _, lines = log_of(args, checks, folder, "run", harness.CONFIGS / "pump_leak_lysis_boundary.toml", "-o", "boundary.nc", *small)
    stages = [line["stage"] for line in lines if line["event"] == "progress"]
    checks.check(stages == sorted(stages) and stages[0] == 0 and stages[-1] > 2, f"stages: {stages}")
    checks.check(all(line["points_done"] <= line["points"] for line in lines if line["event"] == "progress"), f"{lines}")
    with netCDF4.Dataset(folder / "boundary.nc") as file:
        n_solved = int(file.nessmap_refine_solves)
    checks.check(sum(lines[-1]["classes"].values()) == n_solved, f"{lines[-1]} of {n_solved}")


def run_checks(args, checks):
    with harness.scratch() as name:
        folder = pathlib.Path(name)
        for check in (check_terminal, check_json, check_interrupted, check_stages):
            check(args, checks, folder)


def test_progress():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
