"""Wrong inputs: exit 2, one clear sentence that names file, line and key, nothing written, nothing overwritten.

python tests/test_wrong_input.py --nessmap build/nessmap
"""

import hashlib
import os
import pathlib
import shutil
import subprocess
from dataclasses import dataclass, field

import harness

GOOD = """\
model = "pump_leak"

[variant]
leak = "ohmic"
pump = "rev"

[[axis]]
name = "K_o"
min = 1.0
max = 10.0
n = 4
scale = "log"

[fixed]
g_K = 1.0
Y_o = 0.0

[tie]
Na_o = "150 - K_o"

[output]
variables = ["V", "ell"]
precision = "f64"
"""

TABLE = 'model = "pump_leak"\n[design]\nkind = "table"\nfile = "sets.csv"\n'
RANDOM = (
    'model = "pump_leak"\n[design]\nkind = "random"\nn = 4\n[[random]]\nname = "K_o"\n'
    'dist = "uniform"\nmin = 1.0\nmax = 10.0\n'
)


@dataclass
class Case:
    name: str
    words: tuple  # that the sentence must hold, the key first
    text: object = GOOD  # a text, or bytes that are none
    line: str = None  # the line of the configuration that the sentence must point to
    arguments: tuple = ()
    table: bytes = None  # sets.csv
    command: tuple = None  # in place of `run scan.toml -o out.nc`
    keep: tuple = field(default=())  # folders made before
    make: object = None  # called with the folder, to put more into it
    code: int = 2


def edit(name, words, old, new, line=None, **more):
    """A case where one piece of the good configuration is replaced."""
    assert old in GOOD, old
    return Case(
        name, words, GOOD.replace(old, new), new.splitlines()[-1] if line is None else line, **more
    )


WALK = 'model = "driven_cycle"\n[stochastic]\nentropy = 2.0\n'


def option(name, words, *arguments):
    return Case(name, words, arguments=arguments)


# the ten of the issue, several of some
CASES = [
    edit("bad TOML, bracket", (), "[fixed]", "[fixed"),
    edit("bad TOML, no value", (), "min = 1.0", "min ="),
    edit("bad TOML, twice", ("g_K",), "g_K = 1.0", "g_K = 1.0\ng_K = 2.0"),
    edit(
        "unknown key",
        ("varables", "variables"),
        "variables =",
        "varables =",
        'varables = ["V", "ell"]',
    ),
    edit("unknown table", ("fixd", "fixed"), "[fixed]", "[fixd]"),
    edit("unknown key of an axis", ("scal", "scale"), 'scale = "log"', 'scal = "log"'),
    edit("unknown parameter", ("g_Kx", "g_K"), "g_K = 1.0", "g_Kx = 1.0"),
    edit("unknown parameter of an axis", ("K_oo", "K_o"), 'name = "K_o"', 'name = "K_oo"'),
    edit("unknown parameter of a tie", ("Na_oo",), "Na_o = ", "Na_oo = ", 'Na_oo = "150 - K_o"'),
    edit(
        "unknown parameter in a tie",
        ("Na_o", "K_x"),
        "150 - K_o",
        "150 - K_x",
        'Na_o = "150 - K_x"',
    ),
    edit("unknown unit", ("g_K", "smoot"), "g_K = 1.0", 'g_K = "1 S/smoot2"'),
    edit("unit of another kind", ("g_K", "kg"), "g_K = 1.0", 'g_K = "1 kg"'),
    edit("unit of another kind in an axis", ("min",), "min = 1.0", 'min = "1 mV"', line=""),
    edit("unknown choice", ("leak", "ohmc", "ohmic"), '"ohmic"', '"ohmc"', 'leak = "ohmc"'),
    edit("unknown variant", ("leek", "leak"), "leak =", "leek =", 'leek = "ohmic"'),
    edit("min above max", ("K_o", "min", "max"), "min = 1.0", "min = 11.0", line=""),
    edit("log axis from zero", ("K_o", "min"), "min = 1.0", "min = 0.0", line=""),
    edit("log axis through zero", ("K_o", "min"), "min = 1.0", "min = -1.0", line=""),
    edit(
        "values and a scale",
        ("K_o", "values", "scale"),
        "min = 1.0\nmax = 10.0\nn = 4",
        "values = [1.0, 2.0, 3.0]",
        line="",
    ),
    edit("a word for a number", ("g_K", "fast"), "g_K = 1.0", 'g_K = "fast"'),
    edit("a truth for a number", ("g_K",), "g_K = 1.0", "g_K = true"),
    edit("a word for a count", ("n",), "n = 4", 'n = "many"'),
    edit(
        "a word in a list",
        ("K_o", "few"),
        'min = 1.0\nmax = 10.0\nn = 4\nscale = "log"',
        'values = [1.0, "few"]',
        line="",
    ),
    edit("not a number", ("g_K",), "g_K = 1.0", "g_K = nan"),
    edit("infinite", ("max",), "max = 10.0", "max = inf", line=""),
    Case("missing table", ("design.file", "sets.csv"), TABLE, "file ="),
    Case(
        "table with a word", ("g_K", "abc", "sets.csv:3"), TABLE, "", table=b"K_o,g_K\n1,2\n1,abc\n"
    ),
    Case("table with an empty cell", ("g_K", "sets.csv:2"), TABLE, "", table=b"K_o,g_K\n1,\n"),
    Case("table with a short row", ("sets.csv:3",), TABLE, "", table=b"K_o,g_K\n1,2\n1\n"),
    Case("table with nan", ("g_K", "sets.csv:2"), TABLE, "", table=b"K_o,g_K\n1,nan\n"),
    Case("table without rows", ("sets.csv",), TABLE, "", table=b"K_o,g_K\n"),
    Case("empty table", ("sets.csv",), TABLE, "", table=b""),
    Case("table of bytes", ("sets.csv",), TABLE, "", table=bytes(range(256)) * 4),
    Case("table with an unknown column", ("K_p", "K_o"), TABLE, "file =", table=b"K_p\n1\n"),
    Case("table with a column twice", ("K_o",), TABLE, "", table=b"K_o,K_o\n1,2\n"),
    Case("table in another unit", ("K_o", "mV"), TABLE, "file =", table=b"K_o [mV]\n1\n"),
    Case(
        "table is a folder",
        ("folder.d",),
        TABLE.replace("sets.csv", "folder.d"),
        "",
        keep=("folder.d",),
    ),
    Case(
        "folder as output",
        ("-o", "folder.d"),
        keep=("folder.d",),
        command=("run", "scan.toml", "-o", "folder.d"),
    ),
    Case(
        "folder as output, with a slash", ("-o", "new/"), command=("run", "scan.toml", "-o", "new/")
    ),
    Case(
        "output in a folder that is missing",
        ("-o", "none"),
        command=("run", "scan.toml", "-o", "none/out.nc"),
    ),
    # more of the configuration
    edit(
        "unknown model",
        ("pump_leek", "pump_leak"),
        '"pump_leak"',
        '"pump_leek"',
        'model = "pump_leek"',
    ),
    edit("no model", ("model",), 'model = "pump_leak"\n', "", line=""),
    edit("model is a number", ("model",), '"pump_leak"', "3", "model = 3"),
    edit("unknown output", ("output.variables", "el"), '"ell"', '"el"', 'variables = ["V", "el"]'),
    Case("trajectories without an end", ("stochastic", "entropy"), WALK.replace("entropy =", "bin ="), "[stochastic]"),
    Case("half a trajectory", ("stochastic.trajectories", "2.5"), WALK + "trajectories = 2.5\n", "trajectories = 2.5"),
    Case("a time in volts", ("stochastic.time", "mV", "ms"), WALK + 'time = "3 mV"\n', 'time = "3 mV"'),
    Case("turns of no pathway", ("stochastic.first_passage", "R11", "R1"), WALK + 'first_passage = "R11"\n', "first_passage"),
    Case("trajectories of a cell", ("stochastic", "pump_leak", "network"), WALK.replace("driven_cycle", "pump_leak"), "[stochastic]"),
    Case("trajectories without fuel", ("stochastic", "variant.fuel", "finite", "held"), WALK + '[variant]\nfuel = "finite"\n', "[stochastic]"),
    Case("no trajectories", ("output.variables", "ssa_ift", "[stochastic]"),
         'model = "driven_cycle"\n[output]\nvariables = ["ssa_ift"]\n', "variables"),
    option("no trajectories by option", ("--set", "[stochastic]"), "--set", "stochastic.trajectories=10"),
    edit("unknown precision", ("precision", "f16"), '"f64"', '"f16"', 'precision = "f16"'),
    edit("compression of 12", ("compression", "12"), 'precision = "f64"', "compression = 12"),
    edit("no values", ("n",), "n = 4", "n = 0", line=""),
    edit("fewer than no values", ("n",), "n = 4", "n = -4", line=""),
    edit("half a value", ("n",), "n = 4", "n = 4.5", line=""),
    edit("one value of a range", ("K_o", "n"), "n = 4", "n = 1", line=""),
    edit("no max", ("max",), "max = 10.0\n", "", line=""),
    edit("no name", ("name",), 'name = "K_o"\n', "", line=""),
    edit(
        "unknown scale", ("scale", "logarithmic"), '"log"', '"logarithmic"', 'scale = "logarithmic"'
    ),
    edit("no list", ("values = []",), "min = 1.0\nmax = 10.0\nn = 4", "values = []", line=""),
    edit("set twice, axis and fixed", ("K_o",), "g_K = 1.0", "K_o = 1.0", line=""),
    edit("set twice, fixed and tie", ("Na_o",), "g_K = 1.0", "Na_o = 1.0", line=""),
    edit("tie to itself", ("Na_o",), "150 - K_o", "150 - Na_o", 'Na_o = "150 - Na_o"'),
    edit(
        "tie in a circle",
        ("tie",),
        'Na_o = "150 - K_o"',
        'Na_o = "Cl_o - 1"\nCl_o = "Na_o + 1"',
        line="",
    ),
    edit("tie that is not affine", ("Na_o",), "150 - K_o", "150 / K_o", 'Na_o = "150 / K_o"'),
    edit("tie that does not end", ("Na_o",), "150 - K_o", "150 -", 'Na_o = "150 -"'),
    edit("variant as a parameter", ("leak",), "g_K = 1.0", "leak = 1.0", line=""),
    edit(
        "unknown design",
        ("design.kind", "gird"),
        "[fixed]",
        '[design]\nkind = "gird"\n[fixed]',
        line="",
    ),
    edit(
        "draws in a grid",
        ("random",),
        "[fixed]",
        '[design]\nkind = "grid"\n[[random]]\nname = "g_Na"\n'
        'dist = "uniform"\nmin = 1.0\nmax = 2.0\n[fixed]',
        line="",
    ),
    edit("share above one", ("audit",), "[fixed]", "[solver]\naudit = 2.0\n[fixed]", line=""),
    edit("no starts", ("starts",), "[fixed]", "[solver]\nstarts = 0\n[fixed]", line=""),
    edit(
        "unknown mode",
        ("solver.mode", "quick"),
        "[fixed]",
        '[solver]\nmode = "quick"\n[fixed]',
        line="",
    ),
    edit("tolerance of zero", ("rtol",), "[fixed]", "[solver]\nrtol = 0.0\n[fixed]", line=""),
    edit(
        "negative limit",
        ("max_failed",),
        "[fixed]",
        "[limits]\nmax_failed = -1.0\n[fixed]",
        line="",
    ),
    Case("no draws", ("design.n",), RANDOM.replace("n = 4\n", ""), ""),
    Case("unknown distribution", ("dist", "gauss"), RANDOM.replace("uniform", "gauss"), ""),
    Case(
        "draws of a negative spread",
        ("sd",),
        RANDOM.replace('"uniform"\nmin = 1.0\nmax = 10.0', '"normal"\nmean = 5.0\nsd = -1.0'),
        "",
    ),
    Case(
        "draws from zero in logarithms",
        ("K_o", "min"),
        RANDOM.replace("uniform", "loguniform").replace("1.0", "0.0", 1),
        "",
    ),
    Case("table without a file", ("file",), TABLE.replace('file = "sets.csv"\n', ""), ""),
    Case(
        "table and axis",
        ("axis",),
        TABLE + '[[axis]]\nname = "K_o"\nmin = 1.0\nmax = 2.0\nn = 2\n',
        "",
        table=b"g_K\n1\n",
    ),
    Case("empty configuration", ("model",), ""),
    Case("configuration of bytes", (), "\x00\x01\x02 = \x03"),
    # the command line
    Case("missing configuration", ("none.toml",), command=("run", "none.toml", "-o", "out.nc")),
    Case(
        "configuration is a folder",
        ("folder.d",),
        keep=("folder.d",),
        command=("run", "folder.d", "-o", "out.nc"),
    ),
    Case("no configuration", ("run",), command=("run",)),
    Case("unknown command", ("rum", "run"), command=("rum", "scan.toml")),
    option("unknown option", ("--thrids", "threads"), "--thrids", "2"),
    option("no threads", ("--threads",), "--threads", "0"),
    option("threads in words", ("--threads", "two"), "--threads", "two"),
    option("three lanes", ("lanes", "3"), "--lanes", "3"),
    option("unknown backend", ("tpu",), "--backend", "tpu"),
    option("shard out of range", ("--shard", "4/4"), "--shard", "4/4"),
    option("shard without a count", ("--shard", "4"), "--shard", "4"),
    option("set without a value", ("--set", "g_K"), "--set", "g_K"),
    option("set of an unknown parameter", ("g_Kx", "g_K"), "--set", "g_Kx=1"),
    option("set of an unknown key", ("output.precison",), "--set", "output.precison=f32"),
    option("set of an unknown axis", ("g_Na",), "--set", "axis.g_Na.n=4"),
    option("set to a word", ("g_K", "fast"), "--set", "g_K=fast"),
    option("set to another unit", ("g_K", "kg"), "--set", "g_K=1 kg"),
    option(
        "set of an unknown choice", ("variant.pump", "revv", "rev"), "--set", "variant.pump=revv"
    ),
]


def snapshot(folder):
    """Every file with its bytes and every folder; who holds the lock of a journal is of no matter."""
    seen = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        is_kept = path.is_file() and path.name != "lock"
        seen[name] = hashlib.sha256(path.read_bytes()).hexdigest() if is_kept else "there"
    return seen


def line_number(text, line):
    return next(i for i, found in enumerate(text.splitlines(), 1) if line in found)


def try_case(args, case, has_output, checks):
    with harness.scratch() as name:
        folder = pathlib.Path(name)
        text = case.text if isinstance(case.text, bytes) else case.text.encode()
        (folder / "scan.toml").write_bytes(text)
        if case.make:
            case.make(folder)
        if case.table is not None:
            (folder / "sets.csv").write_bytes(case.table)
        for kept in case.keep:
            (folder / kept).mkdir()
            (folder / kept / "precious.txt").write_text("not to be lost")
        if has_output:
            (folder / "out.nc").write_bytes(b"precious output of another program")
        before = snapshot(folder)
        command = case.command or ("run", "scan.toml", "-o", "out.nc")
        done = harness.run(args.nessmap, *command, *case.arguments, cwd=folder, timeout=60)
        said = done.stderr
        about = f"{case.name}: {said.strip()!r}"
        checks.check(
            done.returncode == case.code,
            f"exit {done.returncode}, {case.code} was expected, {about}",
        )
        lines = said.splitlines()
        checks.check(
            len(lines) == 1 and said.endswith("\n") and len(said) > 20,
            f"one line was expected, {about}",
        )
        checks.check(done.stdout == "", f"something on stdout, {about}")
        for word in case.words:
            checks.check(word in said, f"{word!r} is not named, {about}")
        if case.line:
            place = f"scan.toml:{line_number(text.decode(errors='replace'), case.line)}:"
            checks.check(place in said, f"{place} is not named, {about}")
        elif case.line == "" and case.text != GOOD:
            checks.check("scan.toml" in said, f"the file is not named, {about}")
        checks.check(snapshot(folder) == before, f"files changed, {about}")
        return said.strip()


def check_good(args, checks):
    """The configuration that all cases spoil is itself right, and so are its relatives."""
    for text, table in ((GOOD, None), (RANDOM, None), (TABLE, b"K_o,g_K\n1,2\n")):
        with harness.scratch() as name:
            folder = pathlib.Path(name)
            (folder / "scan.toml").write_text(text)
            if table:
                (folder / "sets.csv").write_bytes(table)
            done = harness.run(args.nessmap, "run", "scan.toml", "-o", "out.nc", cwd=folder)
            checks.check(
                done.returncode in (0, 3) and (folder / "out.nc").exists(),
                f"a right input: {done.stderr}",
            )


def check_foreign_output(args, checks):
    """A right configuration does not overwrite what is no file of nessmap."""
    with harness.scratch() as name:
        folder = pathlib.Path(name)
        (folder / "scan.toml").write_text(GOOD)
        (folder / "out.nc").write_bytes(b"precious output of another program")
        before = snapshot(folder)
        for more in ((), ("--fresh",)):
            done = harness.run(args.nessmap, "run", "scan.toml", "-o", "out.nc", *more, cwd=folder)
            checks.check(
                done.returncode in (2, 4),
                f"a foreign output: exit {done.returncode}, {done.stderr}",
            )
            checks.check(
                len(done.stderr.splitlines()) == 1 and "out.nc" in done.stderr,
                f"a foreign output: {done.stderr!r}",
            )
            checks.check(snapshot(folder) == before, "a foreign output was touched")


NOBODY = 65534


def run_without_rights(nessmap, *arguments, cwd):
    """Runs the program as somebody to whom permissions apply: root may do anything."""
    identity = {}
    if os.geteuid() == 0:
        identity = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    return subprocess.run(
        [str(nessmap), *arguments],
        cwd=cwd,
        timeout=60,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        **identity,
    )


def check_permissions(args, checks):
    """What may not be read or written: one sentence that names it, nothing written."""
    with harness.scratch() as name:
        folder = pathlib.Path(name)
        # where everybody may come: the build folder may be closed to others
        folder.chmod(0o755)
        nessmap = pathlib.Path(shutil.copy(args.nessmap, folder / "nessmap"))
        nessmap.chmod(0o755)
        (folder / "scan.toml").write_text(GOOD)
        (folder / "table.toml").write_text(TABLE)
        (folder / "sets.csv").write_bytes(b"K_o,g_K\n1,2\n")
        (folder / "secret.toml").write_text(GOOD)
        (folder / "closed").mkdir()
        (folder / "closed" / "precious.txt").write_text("not to be lost")
        (folder / "open").mkdir()
        (folder / "open").chmod(0o777)
        before = snapshot(folder)
        for path in ("sets.csv", "secret.toml"):
            (folder / path).chmod(0)
        (folder / "closed").chmod(0o555)
        cases = (
            # not usage but the file system
            (6, ("-o closed/out.nc", "cannot be written"), ("scan.toml", "-o", "closed/out.nc")),
            (2, ("table.toml:4", "design.file", "sets.csv"), ("table.toml", "-o", "open/out.nc")),
            (2, ("secret.toml",), ("secret.toml", "-o", "open/out.nc")),
        )
        for code, words, arguments in cases:
            done = run_without_rights(nessmap, "run", *arguments, cwd=folder)
            about = f"{arguments}: exit {done.returncode}, {done.stderr!r}"
            checks.check(done.returncode == code and done.stdout == "", about)
            checks.check(len(done.stderr.splitlines()) == 1, about)
            checks.check(all(word in done.stderr for word in words), f"{words} in {about}")
        for path in ("sets.csv", "secret.toml", "closed"):
            (folder / path).chmod(0o755)
        checks.check(snapshot(folder) == before, "without permission, but files changed")

        # with the permission the same command runs
        done = run_without_rights(nessmap, "run", "scan.toml", "-o", "open/out.nc", cwd=folder)
        checks.check(done.returncode in (0, 3), f"open folder: {done.stderr!r}")


def run_checks(args, checks):
    check_good(args, checks)
    check_foreign_output(args, checks)
    check_permissions(args, checks)
    sentences = set()
    for case in CASES:
        for has_output in (False, True):
            sentences.add(try_case(args, case, has_output, checks))
    if args.full:
        print("\n".join(sorted(sentences)))
    print(f"{len(CASES)} wrong inputs")


def test_wrong_input():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
