"""More wrong inputs: numbers and texts beyond their bounds, broken and foreign files, options that make no sense.

python tests/test_wrong_files.py --nessmap build/nessmap

Each exits as it should, with one clear sentence, and leaves every file as it was.
"""

import os
import pathlib
import time

import netCDF4
import numpy as np

import harness
import test_wrong_input as wrong
from test_wrong_input import GOOD, RANDOM, TABLE, Case, edit, option

MOST_SECONDS = 30  # on a busy machine; alone, each takes less than one


def axis(name, words, lines, line=None, **more):
    """The axis of the good configuration has these lines behind its name."""
    return edit(name, words, 'min = 1.0\nmax = 10.0\nn = 4\nscale = "log"', lines, line, **more)


def more(name, words, text, line=None):
    """The good configuration with something behind it."""
    return Case(name, words, GOOD + text, text.splitlines()[-1] if line is None else line)


def random(name, words, old, new, line=None):
    assert old in RANDOM, old
    return Case(name, words, RANDOM.replace(old, new), new.splitlines()[-1] if line is None else line)


def encoded(name, words, old, new, line=None):
    """Bytes in the place of a piece of the good configuration."""
    assert old.encode() in GOOD.encode()
    return Case(name, words, GOOD.encode().replace(old.encode(), new), line)


def bounds():
    size = ("axis.K_o",)
    return [
        axis("min is nan", ("axis.K_o.min", "nan", "finite"), "min = nan\nmax = 2.0\nn = 2", "min ="),
        axis("min is -inf", ("axis.K_o.min", "-inf"), "min = -inf\nmax = 2.0\nn = 2", "min ="),
        axis("max is a text nan", ("axis.K_o.max", "nan mM"), 'min = 1.0\nn = 2\nmax = "nan mM"'),
        axis("a value is inf", (*size, "values[1]", "inf"), "values = [1.0, inf]"),
        axis("n beyond 2^53", ("axis.K_o.n", "whole"), "min = 1.0\nmax = 2.0\nn = 1e300"),
        axis("n beyond int64", ("64 bits",), "min = 1.0\nmax = 2.0\nn = 9223372036854775808"),
        axis("n beyond doubles", ("1e400", "1e308"), "min = 1.0\nmax = 2.0\nn = 1e400"),
        axis("n of 2^63 - 1", ("2^61", "lower n"), "min = 1.0\nmax = 2.0\nn = 9223372036854775807", "name ="),
        axis("n in a date", ("axis.K_o.n", "date"), "min = 1.0\nmax = 2.0\nn = 1979-05-27"),
        axis("min at a time", ("axis.K_o.min", "time"), "max = 2.0\nn = 2\nmin = 07:32:00"),
        axis("min is max", (*size, "below max"), "min = 2.0\nmax = 2.0\nn = 2", "min ="),
        axis(
            "range beyond doubles", (*size, "too large"), 'min = -1.7e308\nmax = 1.7e308\nn = 3\nscale = "linear"', ""
        ),
        axis("values of equal doubles", (*size, "lower n"), "min = 1.0\nmax = 1.0000000000000002\nn = 4", ""),
        axis("values up and down", (*size, "rise or fall"), "values = [2.0, 1.0, 3.0]", ""),
        axis("values twice", (*size, "rise or fall"), "values = [1.0, 1.0]", ""),
        random("draws without end", ("random.K_o.max", "inf"), "max = 10.0", "max = inf"),
        random(
            "draws beyond doubles",
            ("random.K_o", "too large"),
            "min = 1.0\nmax = 10.0",
            "min = -1.7e308\nmax = 1.7e308",
            "",
        ),
        random("half a draw", ("design.n", "2.5", "whole"), "n = 4", "n = 2.5"),
        random("no draw", ("design.n", "0"), "n = 4", "n = 0"),
        random("fewer draws than none", ("design.n", "-2"), "n = 4", "n = -2"),
        random("1e18 draws", ("design", "2^61"), "n = 4", "n = 1000000000000000000", "kind ="),
        random("a seed below zero", ("design.seed", "-1"), "n = 4", "n = 4\nseed = -1"),
        random("a seed beyond int64", ("64 bits",), "n = 4", "n = 4\nseed = 18446744073709551616"),
        Case("1e12 points without room", ("out.nc", "54.0 TB", "free"), arguments=("--set", "axis.K_o.n=1e12"), code=6),
        Case("1e12 draws without room", ("out.nc", "TB", "free"), RANDOM.replace("n = 4", "n = 1e12"), code=6),
        Case("eight long axes", ("2^63", "lower n"), long_axes(), 'name = "g_Na"'),
        more("too little memory", ("limits.memory", "1 B", "MB or more"), "[limits]\nmemory = 1\n"),
        more("memory in parsecs", ("limits.memory", "parsec", "GiB"), '[limits]\nmemory = "2 parsec"\n'),
    ]


def long_axes():
    one = '[[axis]]\nname = "{}"\nmin = 1\nmax = 2\nn = 1000000000\nscale = "linear"\n'
    return 'model = "pump_leak"\n' + "".join(one.format(name) for name in ("K_o", "Na_o", "g_Na"))


def twice():
    drawn = '[[random]]\nname = "{}"\ndist = "uniform"\nmin = 2.0\nmax = 3.0\n'
    return [
        more(
            "axis twice", ("K_o", "twice", "scan.toml:8"), '[[axis]]\nname = "K_o"\nmin = 2.0\nmax = 3.0\nn = 3\n', ""
        ),
        more("axis and drawn", ("K_o", "[[axis]]", "[[random]]"), drawn.format("K_o"), ""),
        more("tied and drawn", ("Na_o", "[tie]"), drawn.format("Na_o"), ""),
        Case("drawn twice", ("K_o", "twice"), RANDOM + drawn.format("K_o"), ""),
        Case("fixed and drawn", ("K_o", "twice"), RANDOM + "[fixed]\nK_o = 3.0\n", ""),
        edit("axis and tie", ("K_o", "twice"), 'Na_o = "150 - K_o"', 'K_o = "150 - Na_o"'),
        edit(
            "three ties in a circle",
            ("tie.Na_o", "circle"),
            "150 - K_o",
            '2*Cl_o"\nCl_o = "g_Na"\ng_Na = "Na_o',
            "Na_o =",
        ),
        edit("tie of no number", ("tie.Na_o", "too large"), "150 - K_o", "K_o + 1e308*10*0*K_o", "Na_o ="),
        edit("tie in hexadecimal", ("tie.Na_o", "0x10"), "150 - K_o", "0x10 - K_o", "Na_o ="),
        edit("tie to a function", ("tie.Na_o", "exp(", "sum"), "150 - K_o", "exp(K_o)", "Na_o ="),
        Case("fixed and in a table", ("K_o", "fixed"), TABLE + "[fixed]\nK_o = 3\n", "file =", table=b"K_o\n1\n"),
        Case(
            "counted table", ("design.n", "5"), TABLE.replace("[design]", "[design]\nn = 5"), "n = 5", table=b"K_o\n1\n"
        ),
    ]


def texts():
    half = GOOD.index("[fixed]")
    return [
        option("quotes in quotes", ("--set", "variant.pump", "saw 'v'"), "--set", 'variant.pump="re"v"'),
        option("quotes in a list", ("--set", "output.variables"), "--set", 'output.variables=["V", "el"l"]'),
        option("quotes that do not close", ("--set", "variant.pump", "rev"), "--set", 'variant.pump="rev'),
        option("list that does not close", ("--set", "output.variables"), "--set", 'output.variables=["V"'),
        option("two lines in quotes", ("--set", "title"), "--set", 'title="a\nb = 1"'),
        option("value of no letters", ("--set", "UTF-8"), "--set", os.fsdecode(b"title=\xff")),
        option("key of two dots", ("--set", "axis..n"), "--set", "axis..n=3"),
        encoded("zero byte in a header", ("u0000",), "[fixed]", b"[fi\0xed]", "xed]"),
        encoded("zero byte in a text", ("control",), '"rev"', b'"re\0v"', "pump ="),
        edit("zero character in a text", ("zero",), '"rev"', '"re\\u0000v"', "pump ="),
        Case("zero byte at the end", ("u0000",), GOOD.encode() + b"\0", ""),
        Case("ten megabytes of remark", ("oops", "keys here"), GOOD + "# " + "x" * 10**7 + "\n[oops]\n", "[oops]"),
        Case("ten megabytes of axes", ("[[axis]]", "8 at most"), GOOD + '[[axis]]\nname = "a"\n' * 400000, ""),
        Case("70 megabytes", ("64 MiB",), b"x" * (70 << 20), ""),
        axis("lists in lists", ("nested",), "n = " + "[" * 100000 + "]" * 100000),
        axis("tables in tables", ("nested",), "n = " + "{a = " * 1000 + "1" + "}" * 1000),
        more("a key of many dots", ("16 dots",), "[" + ".".join("a" * 3000) + "]\n"),
        edit("Greek parameter", ("fixed", "g_\u03ba", "letters"), "g_K = 1.0", '"g_\u03ba" = 1.0'),
        edit("Greek key", ("'='", "\u03ba"), "g_K = 1.0", "g_\u03ba = 1.0"),
        edit("German choice", ("variant.leak", "\u00f6hmisch", "ohmic"), '"ohmic"', '"\u00f6hmisch"', "leak ="),
        edit("cut in German", ("tie.Na_o", '\u00f6" where a number'), "150 - K_o", "\u00f6" * 30, "Na_o ="),
        edit("unit in Greek", ("fixed.g_K", "\u2127", "S m-2"), "g_K = 1.0", 'g_K = "1 \u2127/m2"'),
        edit("escape sequence of a terminal", ("?[31m",), '"ohmic"', '"\\u001b[31m"', "leak ="),
        Case("byte order mark", ("g_Kx", "g_K"), b"\xef\xbb\xbf" + GOOD.replace("g_K", "g_Kx").encode(), "g_Kx"),
        Case(
            "mark in the middle", ("uFEFF",), GOOD[:half].encode() + b"\xef\xbb\xbf" + GOOD[half:].encode(), "[fixed]"
        ),
        Case("lines of Windows", ("g_Kx", "g_K"), GOOD.replace("g_K", "g_Kx").replace("\n", "\r\n").encode(), "g_Kx"),
        Case("lines of old Macintoshes", ("\\r",), GOOD.replace("\n", "\r").encode(), ""),
        encoded("Latin-1", ("utf-8",), '"ohmic"', b'"\xf6hmic"', "leak ="),
        Case("UTF-16", ("utf-8",), GOOD.encode("utf-16"), ""),
    ]


def kinds():
    return [
        edit("date for a number", ("fixed.g_K", "date", "finite"), "g_K = 1.0", "g_K = 2026-11-26"),
        axis("values in no number", ("axis.K_o.values", "[]"), "values = []", ""),
        axis("mixed values", ("values[1]", "true"), "values = [1.0, true]"),
        axis("lists of values", ("values[0]", "list"), "values = [[1.0], [2.0]]"),
        axis("table of a count", ("axis.K_o.n", "table"), "min = 1.0\nmax = 2.0\nn = {a = 4}"),
        edit("list for a name", ("name", "list", "quotes"), 'name = "K_o"', 'name = ["K_o"]'),
        edit("list for a model", ("model", "list"), '"pump_leak"', '["pump_leak"]', "model ="),
        edit("text for a list", ("output.variables", '"V"'), '["V", "ell"]', '"V"', "variables ="),
        edit("numbers for outputs", ("output.variables[0]", "1"), '["V", "ell"]', "[1, 2]", "variables ="),
        edit("no outputs", ("output.variables", "[]"), '["V", "ell"]', "[]", "variables ="),
        edit("axis in one bracket", ("[[axis]]",), "[[axis]]", "[axis]"),
        edit("fixed in two brackets", ("[fixed]",), "[fixed]", "[[fixed]]"),
        more("effects on a grid", ("reduce.kind", "morris", "grid"), '[[reduce]]\nkind = "morris"\n'),
        more("indices on a grid", ("reduce.kind", "saltelli"), '[[reduce]]\nkind = "sobol"\n'),
        Case("bins of no cells", ("reduce.kind", "bins", "[[axis]]"), RANDOM + '[[reduce]]\nkind = "bins"\n', ""),
        more(
            "two reductions",
            ("[[reduce]]", "1 at most"),
            '[[reduce]]\nkind = "bins"\n[[reduce]]\nkind = "summary"\n',
            "",
        ),
        Case(
            "quantile above one",
            ("reduce.quantiles", "1.5"),
            RANDOM + '[[reduce]]\nkind = "summary"\nquantiles = [0.5, 1.5]\n',
            "",
        ),
        Case("1e12 bins", ("reduce.axes", "at most"), RANDOM + BINS.format("V", "1e12"), ""),
        Case("bins of an unknown output", ("reduce.axes", "Vx"), RANDOM + BINS.format("Vx", "10"), ""),
        edit("model in a folder", ("a/b", ".c"), '"pump_leak"', '"a/b"', "model ="),
        edit("model file that is missing", ("none.c", "read"), '"pump_leak"', '"./none.c"', "model ="),
        # a mistake in a model is told at its own file
        Case("model file that is a folder", ("dir.c", "no file"), OWN.format("dir.c"), keep=("dir.c",)),
        Case("empty model file", ("e.c", "model.h"), OWN.format("e.c"), make=lambda folder: (folder / "e.c").touch()),
        option("shard below zero", ("--shard", "-1/2"), "--shard", "-1/2"),
        option("shard of shards", ("--shard", "1/2/3"), "--shard", "1/2/3"),
        option("threads in exponents", ("--threads", "1e9"), "--threads", "1e9"),
        option("no lanes", ("--lanes", "16, 8 or 1"), "--lanes", "0"),
        option("backend without a name", ("--backend", "cuda"), "--backend", ""),
    ]


OWN = 'model = "./{}"\n[[axis]]\nname = "T"\nmin = 300\nmax = 310\nn = 2\n'
BINS = '[[reduce]]\nkind = "bins"\naxes = [{{name = "{}", min = -0.1, max = 0.0, n = {}}}]\n'

# --- tables -----------------------------------------------------------------------------------------------------


def table_of_netcdf(folder, values=(1.0, 2.0), name="K_o", dims=("sample",), units=None, **attributes):
    with netCDF4.Dataset(folder / "sets.csv", "w") as file:
        file.createDimension("sample", len(values))
        file.createDimension("other", 2)
        variable = file.createVariable(name, "f8", dims)
        if len(dims) == 1:
            variable[:] = values
        for key, value in {"units": units, **attributes}.items():
            if value is not None:
                variable.setncattr(key, value)


def cut_in_half(folder):
    table_of_netcdf(folder, np.arange(1.0, 2000.0))
    table = folder / "sets.csv"
    table.write_bytes(table.read_bytes()[: table.stat().st_size // 2])


def csv(name, words, table):
    return Case(f"table: {name}", words, TABLE, "file =", table=table)


def netcdf(what, words, **how):
    return Case(f"table: {what}", words, TABLE, "file =", make=lambda folder: table_of_netcdf(folder, **how))


def tables():
    return [
        csv("row too long", ("sets.csv:3", "3 cells", "2 columns"), b"K_o,g_K\n1,2\n1,2,3\n"),
        csv("wrong cell before open quotes", ("sets.csv:2", "1x"), b'K_o\n1x,"\n'),
        csv("no names", ("sets.csv:1", "name the columns"), b"1,2\n3,4\n"),
        csv("remarks alone", ("sets.csv", "names of the columns"), b"# a\n# b\n"),
        csv("comma for a point", ("sets.csv:2", "decimal point"), b"K_o;g_K\n1,5;2\n"),
        csv("number beyond doubles", ("sets.csv:2", "1e999"), b"K_o\n1e999\n"),
        csv("very many columns", ("sets.csv:1", "4096"), b",".join(b"a%d" % i for i in range(10**6)) + b"\n"),
        csv("very long name", ("design.file", "aaa...", "nessmap models"), b"a" * 10**6 + b"\n1\n"),
        csv("zero byte", ("sets.csv:2", "zero byte"), b"K_o\n1\0\n"),
        csv("UTF-16", ("sets.csv:1", "zero byte"), "K_o\n1\n".encode("utf-16")),
        csv("Latin-1", ("K?_o", "K_o"), b"K\xe9_o\n1\n"),
        csv("unit that is none", ("smoot2", "mol m-3"), b"K_o [smoot2]\n1\n"),
        csv("unit that does not close", ("sets.csv:1", "name [unit]"), b"K_o [mM\n1\n"),
        csv("half a NetCDF head", ("sets.csv", "NetCDF"), b"CDF\x05"),
        Case("table: device", ("/dev/zero", "device"), TABLE.replace("sets.csv", "/dev/zero"), "file ="),
        Case("table: pipe", ("sets.csv", "pipe"), TABLE, "file =", make=lambda folder: os.mkfifo(folder / "sets.csv")),
        Case(
            "table: link to nothing",
            ("sets.csv", "No such file"),
            TABLE,
            "file =",
            make=lambda folder: (folder / "sets.csv").symlink_to("none"),
        ),
        Case("table: half a NetCDF file", ("sets.csv", "NetCDF"), TABLE, "file =", make=cut_in_half),
        netcdf("two dimensions", ("sets.csv", "no columns"), dims=("sample", "other")),
        netcdf("no dimension", ("sets.csv", "one dimension"), dims=()),
        netcdf("unknown variable", ("K_p", "K_o"), name="K_p"),
        netcdf("nan in NetCDF", ("K_o", "index 1"), values=(1.0, np.nan)),
        netcdf("no sets in NetCDF", ("sets.csv", "no parameter sets"), values=()),
        netcdf("unit of another kind in NetCDF", ("kg", "mol m-3"), units="kg"),
        netcdf("unit that is a number", ("units", "no text"), units=3.0),
        netcdf("packed", ("packed",), scale_factor=2.0),
    ]


# --- outputs ----------------------------------------------------------------------------------------------------


def outputs(args):
    def run_another(folder, output, *arguments):
        harness.run(args.nessmap, "run", "scan.toml", "-o", output, "--set", "g_K=2", *arguments, cwd=folder)

    def another_finished(folder):
        run_another(folder, "out.nc")
        assert (folder / "out.nc").is_file()

    def another_begun(folder):
        run_another(folder, "out.nc", "--shard", "0/2", "--set", "axis.K_o.n=4096")
        assert (folder / "out.nc.parts" / "manifest.toml").is_file()

    def parts(name, data):
        def make(folder):
            (folder / "out.nc.parts").mkdir()
            (folder / "out.nc.parts" / name).write_bytes(data)

        return make

    return [
        Case("file of another question", ("out.nc", "another question", "-o"), make=another_finished, code=4),
        Case(
            "journal of another question", ("out.nc.parts", "another question", "--fresh"), make=another_begun, code=4
        ),
        Case("output is a pipe", ("-o out.nc", "pipe"), make=lambda folder: os.mkfifo(folder / "out.nc")),
        Case("output is a device", ("-o /dev/null", "device"), command=("run", "scan.toml", "-o", "/dev/null")),
        Case(
            "output is a link to nothing",
            ("-o out.nc", "link"),
            make=lambda folder: (folder / "out.nc").symlink_to("none"),
        ),
        Case(
            "output is a link to itself",
            ("out.nc", "symbolic links"),
            make=lambda folder: (folder / "out.nc").symlink_to("out.nc"),
            code=6,
        ),
        Case(
            "output is a text",
            ("out.nc", "not a finished file"),
            make=lambda folder: (folder / "out.nc").write_text("hello"),
        ),
        Case(
            "output is its configuration",
            ("scan.toml", "not a finished file"),
            command=("run", "scan.toml", "-o", "scan.toml"),
        ),
        Case(
            "output below a file",
            ("scan.toml is not a folder",),
            command=("run", "scan.toml", "-o", "scan.toml/out.nc"),
        ),
        Case(
            "output of a very long name", ("too long",), command=("run", "scan.toml", "-o", 300 * "x" + ".nc"), code=6
        ),
        Case(
            "journal is a file",
            ("out.nc.parts", "no folder"),
            make=lambda folder: (folder / "out.nc.parts").touch(),
            code=6,
        ),
        Case(
            "journal is a link to nothing",
            ("out.nc.parts", "no folder"),
            make=lambda folder: (folder / "out.nc.parts").symlink_to("none"),
            code=6,
        ),
        Case(
            "configuration is a NetCDF file",
            ("out.nc:1", "TOML"),
            make=another_finished,
            command=("run", "out.nc", "-o", "b.nc"),
        ),
        Case("configuration without an end", ("/dev/zero", "64 MiB"), command=("run", "/dev/zero", "-o", "out.nc")),
        Case(
            "configuration below a file",
            ("scan.toml/x", "cannot be read"),
            command=("run", "scan.toml/x", "-o", "out.nc"),
        ),
    ]


def check_damaged_manifest(args, checks):
    """What is left of an unfinished run that somebody changed is told, and stays."""
    for data in (b"", b"hello\n", b'schema = 1\nfingerprint = "' + b"x" * 100):
        with harness.scratch() as name:
            folder = pathlib.Path(name)
            (folder / "scan.toml").write_text(GOOD)
            (folder / "out.nc.parts").mkdir()
            (folder / "out.nc.parts" / "manifest.toml").write_bytes(data)
            for command in (("run", "scan.toml", "-o", "out.nc"), ("assemble", "out.nc.parts")):
                done = harness.run(args.nessmap, *command, cwd=folder)
                about = f"{command} with the manifest {data[:20]!r}: exit {done.returncode}, {done.stderr!r}"
                checks.check(done.returncode == 6, about)
                checks.check(len(done.stderr.splitlines()) == 1 and "manifest.toml" in done.stderr, about)
                checks.check((folder / "out.nc.parts" / "manifest.toml").read_bytes() == data, about)


def run_checks(args, checks):
    cases = [*bounds(), *twice(), *texts(), *kinds(), *tables(), *outputs(args)]
    known = {case.name for case in wrong.CASES}
    sentences = set()
    for case in cases:
        checks.check(case.name not in known, f"{case.name} is there twice")
        known.add(case.name)
        begun = time.monotonic()
        sentences.add(wrong.try_case(args, case, False, checks))
        checks.check(time.monotonic() - begun < MOST_SECONDS, f"{case.name} took long")
    check_damaged_manifest(args, checks)
    if args.full:
        print("\n".join(sorted(sentences)))
    print(f"{len(cases)} more wrong inputs")


def test_wrong_files():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
