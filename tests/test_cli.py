"""The commands: what they print, their exit codes, and that results alone go to standard output.

  python tests/test_cli.py --nessmap build/nessmap
"""

import json
import os
import pathlib
import re
import shlex
import subprocess
import time
import tomllib

import harness

COMMANDS = ("run", "init", "plan", "check", "compile", "models", "point", "trace", "export", "assemble", "verify", "info", "help")
OPTION = re.compile(r"^ {2}(?:-\w, | {4})--([\w-]+)", re.M)


def is_one_sentence(text):
    lines = text.strip().splitlines()
    return len(lines) == 1 and lines[0].startswith("nessmap: ")


def model_names(nessmap):
    return [line.split()[0] for line in harness.run(nessmap, "models").stdout.splitlines()]


def check_help(args, checks):
    for arguments in (("help",), ("--help",), ("-h",)):
        done = harness.run(args.nessmap, *arguments)
        checks.check(done.returncode == 0 and not done.stderr, f"{arguments}: {done}")
        listed = set(re.findall(r"^  nessmap ([\w-]+) ", done.stdout, re.M))
        checks.check(listed == set(COMMANDS), f"{arguments}: {listed ^ set(COMMANDS)}")
    told = set()
    for command in COMMANDS:
        by_help = harness.run(args.nessmap, "help", command)
        by_option = harness.run(args.nessmap, command, "--help")
        checks.check(by_help.returncode == 0 and by_help.stdout.startswith(f"nessmap {command}"), f"help {command}")
        checks.check(by_help.stdout == by_option.stdout, f"help {command} and {command} --help differ")
        # whatever stands after the command has a line of its own, and so has every option that it takes
        head, _, *lines = by_help.stdout.splitlines()
        for operand in head.split()[2:]:
            has_line = operand == "[options]" or any(line.startswith(f"  {operand} ") for line in lines)
            checks.check(has_line, f"help {command} does not say what {operand} is")
        told |= set(OPTION.findall(by_help.stdout))
        checks.check("help" in OPTION.findall(by_help.stdout), f"help {command} does not tell of --help")
        # the example is one that the command takes
        example = shlex.split(by_help.stdout.split("\nfor example\n  nessmap ")[1].partition(" > ")[0])
        done = harness.run(args.nessmap, *example, "--help")
        checks.check(example[0] == command and done.stdout == by_help.stdout and not done.stderr, f"help {command}: {example}: {done}")
        long = [line for line in lines if len(line) > 100]
        checks.check(not long, f"help {command}: {long}")
    header = (harness.ROOT / "src" / "command_line.h").read_text()
    options = set(re.findall(r'^ +option\(\w+, +"([\w-]+)"', header, re.M))
    checks.check(len(options) > 20 and told == options, f"options that no help tells of: {told ^ options}")
    done = harness.run(args.nessmap, "--version")
    checks.check(done.returncode == 0 and done.stdout.startswith("nessmap 0."), f"--version: {done}")


def check_usage(args, checks):
    """Wrong command lines: exit 2, one sentence with the word that is wrong and the nearest right one."""
    cases = (
        (("rnu",), ('"rnu"', '"run"')),
        (("run",), ("CONFIG",)),
        (("run", "a", "b"), ('"b"',)),
        (("run", "a", "--thread"), ("--thread", "value")),
        (("run", "a", "--theads", "2"), ("--theads", "--threads")),
        (("run", "a", "--threads=two"), ("--threads", "two")),
        (("run", "a", "--threads", "0"), ("--threads", "0")),
        (("run", "a", "--lanes", "x"), ("--lanes", "x")),
        (("run", "a", "--shard", "2/2"), ("--shard", "2/2")),
        (("run", "a", "--shard", "1"), ("--shard", "I/N")),
        (("run", "a", "--fresh=yes"), ("--fresh",)),
        (("run", "a", "-o"), ("-o",)),
        (("run", "a", "-z"), ("-z",)),
        (("plan", "a", "--fresh"), ("plan", "--fresh")),
        (("point",), ("--model",)),
        (("point", "--from", "a.nc"), ("--index",)),
        (("point", "--model", "m", "--from", "a.nc"), ("--model", "--from")),
        (("models", "no_such_model"), ("no_such_model",)),
        (("init",), ("MODEL",)),
        (("assemble", "a.nc"), (".parts",)),
        (("help", "plam"), ('"plam"', '"plan"')),
        (("trail",), ('"trail"',)),
        (("trace",), ("--model",)),
        (("trace", "--from", "a.nc"), ("trace", "--index",)),
    )
    for arguments, words in cases:
        done = harness.run(args.nessmap, *arguments)
        checks.check(done.returncode == 2 and not done.stdout, f"{arguments}: exit {done.returncode}, {done.stdout!r}")
        checks.check(is_one_sentence(done.stderr) and all(word in done.stderr for word in words),
                     f"{arguments}: {done.stderr!r}")
    done = harness.run(args.nessmap)
    checks.check(done.returncode == 2 and not done.stdout and "nessmap run" in done.stderr, f"no arguments: {done}")


def check_init(args, checks):
    """What init prints is TOML that check, plan and run accept as it is; plan and check write nothing."""
    for model in model_names(args.nessmap):
        with harness.scratch() as name:
            folder = pathlib.Path(name)
            text = harness.run(args.nessmap, "init", model).stdout
            checks.check(tomllib.loads(text)["model"] == model, f"init {model}")
            (folder / "scan.toml").write_text(text)
            small = harness.sets(**{f"axis.{axis['name']}.n": 4 for axis in tomllib.loads(text)["axis"]})
            done = harness.run(args.nessmap, "check", "scan.toml", cwd=folder)
            checks.check(done.returncode == 0 and not done.stderr, f"check {model}: {done}")
            checks.check(tomllib.loads(done.stdout)["model"] == model, f"check {model} prints no TOML")
            (folder / "again.toml").write_text(done.stdout)
            plans = [harness.run(args.nessmap, "plan", file, cwd=folder) for file in ("scan.toml", "again.toml")]
            marks = [[line for line in plan.stdout.splitlines() if line.startswith("fingerprint")] for plan in plans]
            checks.check(plans[0].returncode == 0 and len(marks[0]) == 1 and "sets/s" in plans[0].stdout, f"plan {model}: {plans}")
            checks.check(marks[0] == marks[1], f"{model}: the resolved configuration is another question")
            checks.check(sorted(p.name for p in folder.iterdir()) == ["again.toml", "scan.toml"], f"{model}: files were written")
            done = harness.run(args.nessmap, "run", "scan.toml", *small, cwd=folder)
            checks.check(done.returncode in (0, 3) and (folder / "scan.nc").exists(), f"run {model}: {done}")


def check_models(args, checks):
    for model in model_names(args.nessmap):
        text = harness.run(args.nessmap, "models", model).stdout
        for word in ("parameters", "species", "pathways", "outputs", "sigma_total", "J mol-1"):
            checks.check(word in text, f"models {model} does not say {word}")
    # a configuration and a model's file are told apart by the name alone
    done = harness.run(args.nessmap, "check", "no_such.c")
    checks.check(done.returncode == 2 and "no_such.c: the model file" in done.stderr, f"check of a model: {done}")
    done = harness.run(args.nessmap, "check", "no_such.c", "--set", "K_o=5")
    checks.check(done.returncode == 2 and is_one_sentence(done.stderr) and "K_o=5" in done.stderr, f"check of a model: {done}")
    done = harness.run(args.nessmap, "check", "no_such.toml")
    checks.check(done.returncode == 2 and "no_such.toml" in done.stderr and "model file" not in done.stderr, f"check: {done}")
    done = harness.run(args.nessmap, "info")
    for word in ("compiler", "backend cpu", "backend cuda", "netcdf", "lanes"):
        checks.check(done.returncode == 0 and word in done.stdout, f"info: {word}")


def check_point(args, checks):
    """The JSON of a point agrees with the file it is taken from; the table shows the same flux."""
    for model in model_names(args.nessmap):
        done = harness.run(args.nessmap, "point", "--model", model, "--json")
        point = json.loads(done.stdout)
        checks.check(done.returncode == 0 and not done.stderr and point["model"] == model, f"point {model}: {done}")
        table = harness.run(args.nessmap, "point", "--model", model).stdout
        checks.check(table.startswith(model) and point["outcome"] in table, f"point {model}: {table}")
        with harness.scratch() as name:
            folder = pathlib.Path(name)
            text = harness.run(args.nessmap, "init", model).stdout
            (folder / "scan.toml").write_text(text)
            axes = [axis["name"] for axis in tomllib.loads(text)["axis"]]
            small = harness.sets(**{f"axis.{axis}.n": 5 for axis in axes})
            harness.run(args.nessmap, "run", "scan.toml", *small, *harness.ALL_OUTPUTS, cwd=folder)
            with harness.Results(folder / "scan.nc") as results:
                at = (3,) * len(axes)
                flat = sum(3 * 5**i for i in range(len(axes)))
                parts = ",".join(str(i) for i in at)
                by_parts, by_flat = (json.loads(harness.run(args.nessmap, "point", "--from", "scan.nc", "--index", index,
                                                            "--json", cwd=folder).stdout) for index in (parts, flat))
                checks.check(by_parts == by_flat, f"{model}: index {parts} and {flat} differ")
                checks.check(by_flat["outcome"] == results.outcome_word(at), f"{model}: outcome of a point of a file")
                for axis in axes:
                    checks.check(by_flat["parameters"][axis] == results[axis][3], f"{model}: {axis} of a point of a file")
                for output in ("sigma_total", "Tsigma_total"):
                    stored = results[output][at]
                    if stored == stored:
                        checks.check(by_flat["outputs"][output] == stored, f"{model}: {output} of a point of a file")
            for index in (",".join("5" for _ in axes), "-1", str(5 ** len(axes)), "1,1,1,1", "x", ""):
                done = harness.run(args.nessmap, "point", "--from", "scan.nc", "--index", index, cwd=folder)
                checks.check(done.returncode == 2 and is_one_sentence(done.stderr), f"{model}: index {index!r}: {done}")


def check_table_point(args, checks):
    """A point of a table is found in the file when the table is gone."""
    with harness.scratch() as name:
        folder = pathlib.Path(name)
        (folder / "sets.csv").write_text("K_o,g_Na\n3,0.1\n4,0.2\n5,0.3\n")
        (folder / "scan.toml").write_text('model = "pump_leak"\n[design]\nkind = "table"\nfile = "sets.csv"\n'
                                          '[tie]\nNa_o = "150 - K_o"\n')
        done = harness.run(args.nessmap, "run", "scan.toml", cwd=folder)
        checks.check(done.returncode in (0, 3), f"a table: {done}")
        (folder / "sets.csv").unlink()
        for index in ("3", "-1", "1,1", "x"):
            done = harness.run(args.nessmap, "point", "--from", "scan.nc", "--index", index, cwd=folder)
            checks.check(done.returncode == 2 and is_one_sentence(done.stderr), f"a table has no point {index}: {done}")
        done = harness.run(args.nessmap, "point", "--from", "scan.nc", "--index", 1, "--json", cwd=folder)
        parameters = json.loads(done.stdout)["parameters"]
        checks.check((parameters["K_o"], parameters["g_Na"], parameters["Na_o"]) == (4, 0.2, 146), f"a point of a table: {parameters}")


def check_streams(args, checks):
    """Results on standard output, the rest on standard error; a reader that leaves breaks nothing."""
    with harness.scratch() as name:
        folder = pathlib.Path(name)
        model = model_names(args.nessmap)[0]
        text = harness.run(args.nessmap, "init", model).stdout
        (folder / "scan.toml").write_text(text)
        small = harness.sets(**{f"axis.{axis['name']}.n": 8 for axis in tomllib.loads(text)["axis"]})
        done = harness.run(args.nessmap, "run", "scan.toml", "-o", "quiet.nc", "--quiet", *small, cwd=folder)
        checks.check(done.stderr == "" or done.returncode == 3, f"--quiet: {done.stderr!r}")
        done = harness.run(args.nessmap, "run", "scan.toml", "-o", "json.nc", "--log-json", *small, cwd=folder)
        lines = [json.loads(line) for line in done.stderr.splitlines() if not line.startswith("nessmap: ")]
        last = [line for line in lines if line["event"] == "progress"][-1]
        checks.check(last["points_done"] == last["points"] > 0, f"--log-json: {lines}")

        # the reading end of this pipe is closed before the program writes
        reader, writer = os.pipe()
        os.close(reader)
        process = subprocess.run([args.nessmap, "run", "scan.toml", "-o", "pipe.nc", "--quiet", *small], cwd=folder, stdout=writer,
                                 stderr=subprocess.PIPE, check=False)
        os.close(writer)
        checks.check(process.returncode in (0, 3) and (folder / "pipe.nc").exists(), f"a closed pipe: {process}")
        with open("/dev/full", "wb") as full:
            process = subprocess.run([args.nessmap, "models"], stdout=full, stderr=subprocess.PIPE, check=False)
        checks.check(process.returncode == 6 and process.stderr.count(b"\n") == 1, f"a full disk: {process}")


def check_same_bytes(args, checks):
    """Two separate runs of one question, seconds apart, elsewhere and otherwise, give equal bytes without a date."""
    for config in ("pump_leak_phase", "pump_leak_random", "driven_cycle"):
        text = (harness.CONFIGS / f"{config}.toml").read_text()
        small = harness.sets(**{f"axis.{axis['name']}.n": 40 for axis in tomllib.loads(text).get("axis", ())})
        with harness.scratch() as name:
            folder = pathlib.Path(name)
            files, began = [], []
            for place, more in (("one", ("--threads", 1)), ("two", ("--threads", 3, "--lanes", 1))):
                (folder / place).mkdir()
                (folder / place / f"{place}.toml").write_text(f"# asked in {place}\n{text}")
                began.append(int(time.time()))
                done = harness.run(args.nessmap, "run", f"{place}.toml", "-o", f"{place}.nc", *more, *small, cwd=folder / place)
                checks.check(done.returncode == 0, f"{config}: {done}")
                files.append((folder / place / f"{place}.nc").read_bytes())
                while int(time.time()) == began[0]:
                    time.sleep(0.02)
            checks.check(files[0] == files[1], f"{config}: two runs of one question differ")
            with harness.Results(folder / "one" / "one.nc") as results:
                attributes = {key: str(results.file.getncattr(key)) for key in results.file.ncattrs()}
            checks.check(attributes.get("nessmap_backend") == "cpu" and "backend cpu" in attributes["source"], f"{config}: backend")
            dated = [key for key, value in attributes.items() if "date" in key or re.search(r"\b20\d\d-\d\d-\d\d", value)]
            checks.check(not dated, f"{config}: dated attributes {dated}")
            lines = [json.loads(line) for line in (folder / "one" / "one.nc.runlog.jsonl").read_text().splitlines()]
            checks.check([line["begun"][:2] for line in lines] == ["20"], f"{config}: the run log has no date: {lines}")


def check_unused(args, checks):
    """A parameter that the chosen laws ignore is accepted, and named once in the log."""
    small = harness.sets(**{"axis.dG_ATP.n": 3, "axis.g_Na.n": 3})
    with harness.scratch() as name:
        folder = pathlib.Path(name)
        more = harness.sets(P_Na=1e-9, V_hold=0.01)
        done = harness.run(args.nessmap, "run", harness.CONFIGS / "pump_leak_follow.toml", "-o", "out.nc", *small, *more, cwd=folder)
        checks.check(done.returncode == 0 and done.stderr.count("not used by these variants: P_Na, V_hold") == 1, f"unused: {done}")
        done = harness.run(args.nessmap, "run", harness.CONFIGS / "pump_leak_follow.toml", "-o", "ghk.nc", *small, *more, *harness.sets(**{"variant.leak": "ghk"}), cwd=folder)
        checks.check(done.stderr.count("not used by these variants: g_Na") == 1, f"unused: {done}")
        checks.check("P_Na" not in done.stderr, f"P_Na is used by ghk: {done}")


def check_assemble(args, checks):
    """Parts of one shard become a partial file and stay; with all shards there the whole file is made."""
    with harness.scratch() as name:
        folder = pathlib.Path(name)
        model = "pump_leak"
        text = harness.run(args.nessmap, "init", model).stdout
        (folder / "scan.toml").write_text(text)
        harness.run(args.nessmap, "run", "scan.toml", "-o", "whole.nc", cwd=folder)
        done = harness.run(args.nessmap, "run", "scan.toml", "-o", "out.nc", "--shard", "0/2", cwd=folder)
        checks.check(done.returncode == 0 and "shard 0/2" in done.stderr and not done.stdout, f"a shard: {done}")
        done = harness.run(args.nessmap, "assemble", "out.nc.parts", cwd=folder)
        checks.check(done.returncode == 75 and is_one_sentence(done.stderr), f"assembled too early: {done}")
        done = harness.run(args.nessmap, "assemble", "out.nc.parts/", "--partial", cwd=folder)
        checks.check(done.returncode == 0 and "not computed yet" in done.stdout, f"--partial: {done}")
        checks.check((folder / "out.partial.nc").exists() and not (folder / "out.nc").exists(), "the partial file took the name of the whole one")
        with harness.Results(folder / "out.partial.nc") as part, harness.Results(folder / "whole.nc") as whole:
            there = ~part.outcome_is("not_run")
            checks.check(0 < there.sum() < there.size and (part.outcome[there] == whole.outcome[there]).all(), "the partial file")
        done = harness.run(args.nessmap, "run", "scan.toml", "-o", "out.nc", "--shard", "1/2", cwd=folder)
        checks.check(done.returncode in (0, 3) and (folder / "out.nc").exists() and not (folder / "out.nc.parts").exists(), f"the last shard: {done}")


def check_torn(args, checks):
    """A record that a kill tore is told, counted in the run log and computed again."""
    with harness.scratch() as name:
        folder = pathlib.Path(name)
        (folder / "scan.toml").write_text(harness.run(args.nessmap, "init", "pump_leak").stdout)
        done = harness.run(args.nessmap, "run", "scan.toml", "-o", "out.nc", "--shard", "0/2", cwd=folder)
        checks.check(done.returncode == 0 and "torn" not in done.stderr, f"a shard: {done}")
        segment, = (folder / "out.nc.parts").glob("seg*.nmj")
        os.truncate(segment, segment.stat().st_size - 1)
        done = harness.run(args.nessmap, "run", "scan.toml", "-o", "out.nc", cwd=folder)
        checks.check(done.returncode in (0, 3) and "1 torn records are computed again" in done.stderr, f"a torn record: {done}")
        lines = [json.loads(line) for line in (folder / "out.nc.runlog.jsonl").read_text().splitlines()]
        checks.check([line["journal_torn"] for line in lines] == [0, 1], f"the run log: {lines}")
        harness.run(args.nessmap, "run", "scan.toml", "-o", "whole.nc", cwd=folder)
        checks.check((folder / "out.nc").read_bytes() == (folder / "whole.nc").read_bytes(), "the file of a torn run differs")


def run_checks(args, checks):
    for check in (check_help, check_usage, check_models, check_init, check_point, check_table_point, check_streams, check_same_bytes, check_unused, check_assemble, check_torn):
        check(args, checks)


def test_cli():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
