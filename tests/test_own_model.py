"""A model of the user's own in one file: it is compiled when it is used, kept, and found again; it gives the bytes of the
built-in model; a mistake is told at its line.

  python tests/test_own_model.py --nessmap build/nessmap
"""

import contextlib
import os
import pathlib
import re
import shutil
import time

import harness

WHOLE = harness.ROOT / "tests" / "physics" / "broken" / "whole.c"

# what is replaced in whole.c, by what, and words that the sentence must have; the line is that of the replacement
MISTAKES = (
    ("path(leak_Cl, Cl_i, Cl_o,", "path(leak_Cl, Cl_i, Na_o,", ("pathway leak_Cl", "different charge")),
    ("path(leak_Cl, Cl_i, Cl_o, ohmic", "path(leak_Cl, X_i, Cl_o, ohmic", ("pathway leak_Cl", "trapped")),
    ("free(Cl_i,    -1,", "free(Cl_i,    g,", ("pathway leak_Cl", "constant integer charge")),
    ("path(leak_Cl, Cl_i, Cl_o,", "path(leak_Cl, Ca_i, Cl_o,", ('"Ca_i"',)),
    ('ohmic(g), "Cl- leak"', 'goldman(g), "Cl- leak"', ('no law "goldman"',)),
    ('ohmic(g), "Cl- leak"', 'ohmic(g_Cl), "Cl- leak"', ('"g_Cl"',)),
    (', ohmic(g), "Cl- leak")', ', ohmic(g))', ("4 entries", "5 are wanted")),
    ('1.0,    1e-3,   1e3,    log,    "conductance"', '1e9,    1e-3,   1e3,    log,    "conductance"',
     ("parameter g", "low <= default <= high")),
    ('ohmic(g), "Cl- leak"', 'ohmic(g, "Cl- leak"', ("parenthesis",)),
    ("path(leak_Cl, Cl_i", "path(leak_Na, Cl_i", ('"leak_Na"', "twice")),
    ("-1, cell, NM_PAR(5e-6)", "-1, cel, NM_PAR(5e-6)", ('no compartment "cel"',)),
    ("held(Cl_o,", "hold(Cl_o,", ('"hold"', "begins no row")),
)
# told at the pathway that moves the species, and not where its charge is
TOLD_AT = {"free(Cl_i,    g,": "path(leak_Cl"}


@contextlib.contextmanager
def environment(**values):
    kept = {name: os.environ.get(name) for name in values}
    try:
        for name, value in values.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = str(value)
        yield
    finally:
        for name, value in kept.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def quick_compiler(folder):
    """A C++ compiler that does not optimise: the bits are the same, and it takes a few seconds."""
    real = shutil.which("clang++") or shutil.which("c++") or shutil.which("g++")
    path = folder / "quick_cxx"
    path.write_text(f'#!/bin/sh\nexec {real} "$@" -O0\n')
    path.chmod(0o755)
    return path


def libraries(cache):
    return sorted((cache / "nessmap").glob("model-*.so"))


def leftovers(cache):
    return [path.name for path in (cache / "nessmap").iterdir() if not path.name.endswith(".so")]


def is_one_sentence(text):
    return len(text.strip().splitlines()) == 1 and text.startswith("nessmap: ")


def check_store(args, checks, folder):
    """Compiled once by two processes at once, found again, compiled anew after a change and after damage."""
    cache = folder / "cache"
    cache.mkdir()
    model = folder / "my_cell.c"
    shutil.copy(WHOLE, model)
    point = ("point", "--model", "./my_cell.c")
    with environment(XDG_CACHE_HOME=cache, NESSMAP_CXX=quick_compiler(folder)):
        pair = [harness.start(args.nessmap, *point, cwd=folder) for _ in range(2)]
        checks.check([process.wait() for process in pair] == [0, 0], "two processes at once")
        first = libraries(cache)
        checks.check(len(first) == 1 and not leftovers(cache), f"kept: {first}, {leftovers(cache)}")
        checks.check((cache / "nessmap").stat().st_mode & 0o777 == 0o700, "the folder's mode")
        if not first:
            return

        begin = time.monotonic()
        hit = harness.run(args.nessmap, *point, cwd=folder)
        print(f"  from the cache: {time.monotonic() - begin:.3f} s", flush=True)
        checks.check(hit.returncode == 0 and "compiling" not in hit.stderr, f"cache hit: {hit.stderr}")
        # wherever it is started, a configuration finds the model beside itself, and so does what comes after
        made = harness.run(args.nessmap, "init", "./my_cell.c", cwd=folder)
        checks.check('model = "./my_cell.c"' in made.stdout, f"init: {made.stdout[:200]} {made.stderr}")
        (folder / "scan.toml").write_text(made.stdout)
        done = harness.run(args.nessmap, "run", folder / "scan.toml", "-o", folder / "out.nc",
                           *harness.sets(**{"output.variables": '["*"]'}), cwd="/")
        checks.check(done.returncode == 0 and "compiling" not in done.stderr, f"run: {done.stderr}")
        for place in (folder, "/"):
            again = harness.run(args.nessmap, "point", "--from", folder / "out.nc", "--index", "0", cwd=place)
            checks.check(again.returncode == 0, f"point --from in {place}: {again.stderr}")
        listed = harness.run(args.nessmap, "models", "my_cell.c", cwd=folder)
        checks.check(listed.returncode == 0 and "leak_Cl" in listed.stdout, f"models: {listed.stderr}")

        # no compiler: what is kept is used
        with environment(NESSMAP_CXX=None, PATH=folder / "nothing"):
            kept = harness.run(args.nessmap, *point, cwd=folder)
            checks.check(kept.returncode == 0 and kept.stdout == hit.stdout, f"kept, no compiler: {kept.stderr}")

        # damage is found, and the library made anew
        whole = first[0].read_bytes()
        first[0].write_bytes(whole[: len(whole) // 2])
        repaired = harness.run(args.nessmap, *point, cwd=folder)
        checks.check(repaired.returncode == 0 and "compiling" in repaired.stderr and repaired.stdout == hit.stdout,
                     f"a torn library: {repaired.stderr}")
        checks.check(len(libraries(cache)) == 1, "a torn library is replaced")

        # another text is another library
        model.write_text(model.read_text().replace("1.0,    1e-3,   1e3", "2.0,    1e-3,   1e3"))
        edited = harness.run(args.nessmap, *point, cwd=folder)
        checks.check(edited.returncode == 0 and "compiling" in edited.stderr and edited.stdout != hit.stdout,
                     f"an edited model: {edited.stderr}")
        checks.check(len(libraries(cache)) == 2, "an edited model has a library of its own")

        # others could put in what is run
        (cache / "nessmap").chmod(0o770)
        refused = harness.run(args.nessmap, *point, cwd=folder)
        checks.check(refused.returncode == 6 and is_one_sentence(refused.stderr) and "770" in refused.stderr
                     and str(cache) in refused.stderr, f"a folder of others: {refused}")


def check_refusals(args, checks, folder):
    """No compiler, no file, no name: one sentence each."""
    shutil.copy(WHOLE, folder / "my_cell.c")
    shutil.copy(WHOLE, folder / "my-cell.c")
    (folder / "scan.toml").write_text('# ?\nmodel = "./none.c"\n')
    cases = (
        (("check", "my_cell.c"), {"PATH": folder / "nothing"}, ("my_cell.c", "C++ compiler", "NESSMAP_CXX")),
        (("check", "my_cell.c"), {"NESSMAP_CXX": folder / "none"}, ("NESSMAP_CXX", "none")),
        (("check", "none.c"), {}, ("none.c", "cannot be read")),
        (("check", "my-cell.c"), {}, ("my-cell.c", "letters, digits and _")),
        (("point", "--model", "./scan.toml"), {}, ("./scan.toml", "ends in .c")),
        (("plan", "scan.toml"), {}, ("scan.toml:2:", "none.c", "cannot be read")),
    )
    for arguments, values, words in cases:
        with environment(XDG_CACHE_HOME=folder / "empty", **{"NESSMAP_CXX": None, **values}):
            done = harness.run(args.nessmap, *arguments, cwd=folder)
        checks.check(done.returncode == 2 and is_one_sentence(done.stderr)
                     and all(word in done.stderr for word in words), f"{arguments} {values}: {done}")


def check_mistakes(args, checks, folder):
    """Each mistake at its line, by each compiler that is here."""
    text = WHOLE.read_text()
    compilers = [name for name in ("clang++", "g++") if shutil.which(name)]
    for name in compilers:
        wrapper = folder / name
        wrapper.write_text(f'#!/bin/sh\nexec {shutil.which(name)} "$@" -O0\n')
        wrapper.chmod(0o755)
        for old, new, words in MISTAKES:
            assert text.count(old) == 1, old
            if name != compilers[0] and words[0] == "parameter g":
                continue  # the host finds it, and the compiler has nothing to say
            wrong = text.replace(old, new)
            line = 1 + wrong[: wrong.index(TOLD_AT.get(new, new))].count("\n")
            (folder / "my_cell.c").write_text(wrong)
            with environment(XDG_CACHE_HOME=folder / "cache", NESSMAP_CXX=wrapper):
                done = harness.run(args.nessmap, "check", "my_cell.c", cwd=folder)
            said = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else ""
            checks.check(done.returncode == 2 and said.startswith(f"nessmap: my_cell.c:{line}: ")
                         and all(word in said for word in words), f"{name}, {new!r}, line {line}: {done.stderr}")
    checks.check(len(compilers) > 0, "there is a compiler")


def rate(summary):
    """Sets per second as the summary says them."""
    found = re.search(r"([0-9.]+) (million |thousand |)sets/s", summary)
    return float(found[1]) * {"million ": 1e6, "thousand ": 1e3, "": 1.0}[found[2]] if found else 0.0


def check_copy(args, checks, folder):
    """A copy of pump_leak, compiled ahead, gives the values of the built-in model; its speed is printed."""
    shutil.copy(harness.ROOT / "kernels" / "models" / "pump_leak.c", folder / "my_pump.c")
    config = (harness.CONFIGS / "pump_leak_phase.toml").read_text()
    (folder / "built_in.toml").write_text(config)
    (folder / "own.toml").write_text(config.replace('model = "pump_leak"', 'model = "./my_pump.c"'))
    with environment(XDG_CACHE_HOME=folder / "cache", NESSMAP_CXX=None):
        begin = time.monotonic()
        done = harness.run(args.nessmap, "compile", "my_pump.c", cwd=folder)
        print(f"  pump_leak for all processors: {time.monotonic() - begin:.1f} s", flush=True)
        kept = pathlib.Path(done.stdout.strip() or "none")
        checks.check(done.returncode == 0 and kept.is_file(), f"compile: {done}")
        speed = {}
        for name in ("built_in", "own") * 3:
            done = harness.run(args.nessmap, "run", f"{name}.toml", "-o", f"{name}_speed.nc", "--fresh", "--threads", "1",
                               *harness.sets(**{"axis.dG_ATP.n": 64}), cwd=folder)
            checks.check(done.returncode == 0 and "compiling" not in done.stderr, f"{name}: {done.stderr}")
            speed[name] = max(speed.get(name, 0.0), rate(done.stdout))
        if speed.get("built_in"):
            print(f"  own / built in: {speed['own']:.4g} / {speed['built_in']:.4g} sets/s = "
                  f"{speed['own'] / speed['built_in']:.3f}", flush=True)
        for name in ("built_in", "own"):
            harness.run(args.nessmap, "run", f"{name}.toml", "-o", f"{name}.nc", *harness.ALL_OUTPUTS,
                        *harness.sets(**{"axis.dG_ATP.n": 16, "axis.g_Na.n": 64}), cwd=folder)
    with harness.Results(folder / "built_in.nc") as a, harness.Results(folder / "own.nc") as b:
        checks.check(a.names() == b.names() and len(a.names()) > 50, f"{len(a.names())} and {len(b.names())} variables")
        for name in a.names():
            if a[name].dtype.kind in "iuf":
                checks.check(a[name].tobytes() == b[name].tobytes(), f"{name} differs")


def run_checks(args, checks):
    for part in (check_refusals, check_mistakes, check_store, check_copy):
        with harness.scratch() as name:
            begin = time.monotonic()
            part(args, checks, pathlib.Path(name).resolve())
            print(f"{part.__name__}: {time.monotonic() - begin:.1f} s", flush=True)


def test_own_model():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
