"""On a cluster: the plan's estimate and the line it prints, the job script with stand-ins for Slurm's commands, the container.

  python tests/test_cluster.py --nessmap build/nessmap

With a real Slurm, on request: tools/slurm/test_slurm.
"""

import os
import pathlib
import re
import shlex
import shutil
import subprocess

import harness

SLURM = harness.ROOT / "tools" / "slurm"
SCRIPTS = ("job.sbatch", "test_slurm")
DEFINITION = harness.ROOT / "tools" / "nessmap.def"
SCAN = harness.CONFIGS / "pump_leak_phase.toml"
MILLIONS = harness.sets(**{"axis.dG_ATP.n": 400000, "output.variables": "V"})


def labelled(text):
    """The lines of a plan by their labels; a line that begins with blanks belongs to the one before, rows of the table do not."""
    lines, label = {}, None
    for line in text.splitlines():
        if re.match(r"\S", line):
            label = line[:13].strip()
            lines[label] = line[13:].strip()
        elif line.startswith(" " * 13) and label:
            lines[label] += " " + line.strip()
    return lines


def rows_of(text):
    """{ranks: efficiency} of the table, in its order."""
    rows = re.findall(r"^ +([\d,]+) +[\d.]+ .* +([\d.]+) %$", text, re.M)
    return {int(ranks.replace(",", "")): float(efficiency) for ranks, efficiency in rows}


def check_plan(args, checks):
    done = harness.run(args.nessmap, "plan", harness.CONFIGS / "pump_leak_follow.toml", *MILLIONS, "--threads", 2)
    lines, rows = labelled(done.stdout), rows_of(done.stdout)
    n_tiles = int(re.search(r"^points .* in ([\d,]+) tiles", done.stdout, re.M)[1].replace(",", ""))
    n_fed = -(-n_tiles // 2)
    wanted = [2**k for k in range(13) if 2**k < n_fed] + ([n_fed] if n_fed < 8192 else [])
    checks.check(done.returncode == 0 and not done.stderr, f"plan: {done}")
    checks.check(list(rows) == wanted and n_fed > 1000, f"{n_tiles} tiles: rows {rows}")
    checks.check(rows[1] == 100 and min(rows.values()) < 25, f"efficiencies {rows}")
    worth = int(re.search(r"up to ([\d,]+) rank", lines["worth it"])[1].replace(",", ""))
    # rounded to a tenth
    checks.check(all(rows[ranks] < 50.1 for ranks in rows if ranks > worth), f"{worth} are worth it: {rows}")
    for word in ("Measured by the pilot", "Taken for granted", "one rank"):
        checks.check(word in lines["model"], f"the model does not say {word}: {lines}")
    checks.check("are free where pump_leak_follow.nc will be" in lines["disk"], f"disk: {lines}")
    checks.check("of memory" in lines["rank"] and "batches of" in lines["GPU"], f"memory: {lines}")

    # rows are in order, whatever is asked for; as many as have work are among them
    for threads, ranks, wanted in ((2, 3, [1, 2, 3, 4, 8, 16, 32]), (3, 21, [1, 2, 4, 8, 16, 21, 22]), (64, 5, [1, 5]), (64, 1, [1])):
        done = harness.run(args.nessmap, "plan", SCAN, "--threads", threads, "--ranks", ranks)
        checks.check(list(rows_of(done.stdout)) == wanted, f"{ranks} ranks of {threads} threads: {done.stdout}")

    # few tiles feed few ranks, and more threads want more memory
    done = harness.run(args.nessmap, "plan", SCAN, "--threads", 32)
    few = labelled(done.stdout)
    checks.check("64 tiles feed 2 ranks of 32 threads" in few["worth it"], f"few tiles: {few}")
    memory = [float(re.search(r"about ([\d.]+) MB", text)[1]) for text in (few["memory"], few["rank"])]
    checks.check(memory[1] > memory[0] + 20, f"memory of 32 threads: {memory}")

    # more than any disk has
    done = harness.run(args.nessmap, "plan", SCAN, *harness.sets(**{"axis.dG_ATP.n": 10**12}))
    checks.check("too little" in labelled(done.stdout).get("disk", ""), f"a full disk: {done}")
    done = harness.run(args.nessmap, "plan", harness.CONFIGS / "pump_leak_lysis_boundary.toml")
    checks.check(done.returncode == 0 and "no estimate" in labelled(done.stdout)["cluster"], f"a refinement: {done}")
    for wrong, words in ((("--ranks", "0"), ("--ranks", "0")), (("-o", "no_such_folder/a.nc"), ("no_such_folder",))):
        done = harness.run(args.nessmap, "plan", SCAN, *wrong)
        checks.check(done.returncode == 2 and all(word in done.stderr for word in words), f"{wrong}: {done}")


def write_program(path, text):
    path.write_text(f"#!/bin/bash\n{text}")
    path.chmod(0o755)


class Desk:
    """A folder with stand-ins for Slurm's commands: srun runs its command, scontrol notes what it is asked."""

    def __init__(self, folder):
        self.folder = folder
        self.programs = folder / "programs"
        self.programs.mkdir()
        self.notes = folder / "notes"
        note = f'>>"{self.notes}"'
        write_program(self.programs / "srun", f'echo "srun $*" {note}\nwhile [[ $1 == -* ]]; do shift; done\nexec "$@"\n')
        # as Slurm does: who asks for a requeue does not live on
        write_program(self.programs / "scontrol", f'echo "scontrol $*" {note}\nkill $PPID\n')
        # a run that leaves GROWTH bytes more in the journal, and ends with STATUS
        write_program(
            self.programs / "some_run",
            '[ "$1" != info ] || { echo "$INFO"; exit; }\nmkdir -p out.nc.parts\nhead -c "$GROWTH" /dev/zero >>out.nc.parts/seg.nmj\n'
            f'echo "some_run $*" {note}\nexit "$STATUS"\n',
        )

    def submit(self, *arguments, **environment):
        """job.sbatch as Slurm would call it; what it told the stand-ins comes back too."""
        self.notes.unlink(missing_ok=True)
        variables = {"SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "here", "NESSMAP": "some_run", "GROWTH": "0", "STATUS": "0", "INFO": ""}
        path = {"PATH": f"{self.programs}:{os.environ['PATH']}"}
        plain = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM_", "NESSMAP_"))}
        done = subprocess.run(
            ["bash", SLURM / "job.sbatch", *map(str, arguments)],
            cwd=self.folder,
            env=plain | variables | environment | path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return done, self.notes.read_text() if self.notes.exists() else ""


def check_submit_line(args, desk, checks):
    """The line that plan prints, given to a shell that has a stand-in for sbatch, makes the file."""
    output = desk.folder / "it's a file.nc"
    small = harness.sets(**{"axis.dG_ATP.n": 8, "axis.g_Na.n": 8, "output.variables": '["V", "ell"]'})
    done = harness.run(args.nessmap, "plan", SCAN, *small, "-o", output, "--ranks", 5, "--threads", 3)
    line = labelled(done.stdout)["submit"]
    words = shlex.split(line)
    checks.check(words[:3] == ["sbatch", "--ntasks=5", "--cpus-per-task=3"], line)
    checks.check(re.fullmatch(r"--time=00:0[67]:00", words[3]) is not None and words[4] == "tools/slurm/job.sbatch", line)
    checks.check(words[5:] == [str(SCAN), str(output), *small], f"{words[5:]}")
    long = harness.run(args.nessmap, "plan", SCAN, *harness.sets(**{"axis.dG_ATP.n": 10**9}), "--ranks", 1)
    checks.check(re.search(r"--time=\d+-\d\d:\d\d:00 ", long.stdout) is not None, f"days: {long.stdout}")

    write_program(
        desk.programs / "sbatch",
        'while [[ $1 == --* ]]; do [[ $1 != --cpus-per-task=* ]] || export SLURM_CPUS_PER_TASK=${1#*=}; shift; done\n'
        'exec bash "$@"\n',
    )
    environment = {"SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "here", "NESSMAP": str(args.nessmap)}
    path = {"PATH": f"{desk.programs}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=harness.ROOT,
        env=os.environ | environment | path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    notes = desk.notes.read_text()
    checks.check("--cpus-per-task=3" in notes and "--threads 3" in notes, notes)
    checks.check(done.returncode == 0 and output.exists(), f"the line of plan: {done}")


def check_job(desk, checks):
    done, notes = desk.submit("scan.toml", "out.nc", "--set", "K_o=5", SLURM_CPUS_PER_TASK="4")
    checks.check(done.returncode == 0 and "some_run run scan.toml -o out.nc --threads 4 --set K_o=5" in notes, f"{done} {notes}")
    checks.check("--cpus-per-task=4" in notes and "--mpi" not in notes, notes)
    done, notes = desk.submit("scan.toml", "out.nc", SLURM_NTASKS="3", NESSMAP_MPI="pmi2", INFO="ranks            by srun")
    checks.check("--mpi=pmi2" in notes, notes)
    done, notes = desk.submit("scan.toml", "out.nc", SLURM_NTASKS="3")
    checks.check(done.returncode == 2 and not notes and "NESSMAP_MPI=ON" in done.stdout, f"ranks without MPI: {done} {notes}")
    for status in ("0", "3", "6"):
        done, notes = desk.submit("scan.toml", "out.nc", STATUS=status, GROWTH="9")
        checks.check(done.returncode == int(status) and "scontrol" not in notes, f"exit {status}: {done} {notes}")

    # interrupted: requeued where something was done, and not for ever
    done, notes = desk.submit("scan.toml", "out.nc", STATUS="75", GROWTH="9")
    checks.check("scontrol requeue 7" in notes and "goes back into the queue" in done.stdout, f"{done} {notes}")
    done, notes = desk.submit("scan.toml", "out.nc", STATUS="75")
    checks.check(done.returncode == 75 and "scontrol" not in notes and "not one tile" in done.stdout, f"{done} {notes}")
    for limit, restarts, requeues in (("3", "2", 1), ("3", "3", 0), ("0", "0", 0)):
        done, notes = desk.submit(
            "scan.toml", "out.nc", STATUS="75", GROWTH="9", NESSMAP_REQUEUES=limit, SLURM_RESTART_COUNT=restarts
        )
        checks.check(notes.count("scontrol") == requeues, f"{restarts} of {limit} requeues: {done} {notes}")
        checks.check(requeues == 1 or (done.returncode == 75 and "which is the limit" in done.stdout), f"{done}")

    # an array
    array = {"SLURM_ARRAY_TASK_ID": "2", "SLURM_ARRAY_TASK_MIN": "0", "SLURM_ARRAY_TASK_MAX": "4", "SLURM_ARRAY_TASK_COUNT": "5"}
    done, notes = desk.submit("scan.toml", "out.nc", **array)
    checks.check(done.returncode == 0 and "--shard 2/5" in notes, f"an array: {done} {notes}")
    for wrong in ({"SLURM_ARRAY_TASK_MIN": "1"}, {"SLURM_ARRAY_TASK_COUNT": "3"}):
        done, notes = desk.submit("scan.toml", "out.nc", **array | wrong)
        checks.check(done.returncode == 2 and not notes and "--array=0-15" in done.stdout, f"{wrong}: {done} {notes}")

    done, notes = desk.submit("scan.toml")
    checks.check(done.returncode == 2 and "missing" in done.stdout and not notes, f"no output: {done}")
    done, notes = desk.submit("scan.toml", "out.nc", NESSMAP="no_such_program")
    checks.check(done.returncode == 2 and "NESSMAP" in done.stdout and not notes, f"no program: {done}")


def check_shell(checks, name, text):
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True)
    checks.check(done.returncode == 0, f"{name}: {done.stderr}")


def check_scripts(checks):
    for name in SCRIPTS:
        check_shell(checks, name, (SLURM / name).read_text())
        checks.check(os.access(SLURM / name, os.X_OK), f"{name} cannot be run")
    if shutil.which("shellcheck"):
        done = subprocess.run(["shellcheck", *(SLURM / name for name in SCRIPTS)], capture_output=True, text=True)
        checks.check(done.returncode == 0, done.stdout)
    else:
        harness.not_run("shellcheck of tools/slurm (no shellcheck here)")


# what the program that reads definitions accepts
HEADERS = {"Bootstrap", "From", "Stage"}
SECTIONS = {"help", "labels", "files", "post", "environment", "runscript", "test"}
SHELL_SECTIONS = {"post", "environment", "runscript", "test"}


def stages_of(text):
    """[(headers, {section: lines})] of a definition, one for each stage; ValueError where a line has no place."""
    stages, section = [], None
    for line in text.splitlines():
        header = re.fullmatch(r"(\w+):\s*(\S+)", line)
        opening = re.fullmatch(r"%(\w+)((?: +from +\w+)?)", line)
        if line.startswith("Bootstrap:"):
            stages.append(({}, {}))
            section = None
        if opening:
            if opening[1] not in SECTIONS or opening[1] in stages[-1][1] or (opening[2] and opening[1] != "files"):
                raise ValueError(line)
            section = stages[-1][1].setdefault(opening[1], [opening[2].strip()])
        elif section is None and header and header[1] in HEADERS:
            stages[-1][0][header[1]] = header[2]
        elif section is None and line.strip() and not line.startswith("#"):
            raise ValueError(line)
        elif section is not None:
            section.append(line)
    return stages


def check_container(checks):
    text = DEFINITION.read_text()
    stages = stages_of(text)
    checks.check([stage[0] for stage in stages] == [
        {"Bootstrap": "docker", "From": "debian:12", "Stage": "build"},
        {"Bootstrap": "docker", "From": "debian:12", "Stage": "final"},
    ], f"stages {[stage[0] for stage in stages]}")
    checks.check({"help", "labels", "files", "post", "environment", "runscript", "test"} == set(stages[-1][1]), "sections")
    for number, (_, sections) in enumerate(stages):
        for name in SHELL_SECTIONS & set(sections):
            check_shell(checks, f"%{name} of stage {number}", "\n".join(sections[name][1:]))
    for line in filter(None, map(str.strip, stages[0][1]["files"][1:])):
        source = shlex.split(line)[0]
        checks.check((harness.ROOT / source).exists(), f"%files: there is no {source}")
    checks.check(stages[1][1]["files"][0] == "from build", "the last stage takes its files from the first")
    for wrong in (text.replace("%post", "%pots"), text.replace("%test", "stray\n%test").replace("%help", "%help\n%help")):
        try:
            stages_of(wrong)
            checks.check(False, "a wrong definition is taken for a right one")
        except ValueError:
            checks.check(True, "")


def run_checks(args, checks):
    check_plan(args, checks)
    with harness.scratch() as name:
        desk = Desk(pathlib.Path(name))
        check_submit_line(args, desk, checks)
        check_job(desk, checks)
    check_scripts(checks)
    check_container(checks)
    harness.not_run("job.sbatch under a real Slurm (on request: tools/slurm/test_slurm)")


def test_cluster():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
