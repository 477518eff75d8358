"""What is installed is enough: into an empty folder, then without the source tree and the build an own model compiles and
runs, a C compiler of the user's own reads it with the installed headers, as editors do, and programs find the library by
pkg-config and by CMake, also where the folder was moved.

  python tests/test_install_full.py --nessmap build/nessmap
"""

import os
import pathlib
import shutil
import subprocess

import harness
import test_own_model

# the build first: it may lie in the source tree
HIDDEN = "mount -t tmpfs none {build} && mount -t tmpfs none {source} && cd {folder} && exec"


def hide(build, folder):
    """A command before which source tree and build are empty folders, where this may be had; else none."""
    script = HIDDEN.format(source=f"'{harness.ROOT}'", build=f"'{build}'", folder=f"'{folder}'")
    prefix = ["unshare", "-rm", "sh", "-c", f'{script} "$@"', "sh"]
    try:
        tried = subprocess.run([*prefix, "ls", str(harness.ROOT)], capture_output=True, text=True)
    except FileNotFoundError:
        tried = None
    if tried and tried.returncode == 0 and not tried.stdout:
        return prefix
    harness.not_run("test_install_full: hiding the source tree (unshare may not mount here)")
    return []


def watching_compiler(folder):
    """watching_cxx, a C++ compiler that notes every file it reads."""
    real = shutil.which("clang++") or shutil.which("g++")
    path = folder / "watching_cxx"
    path.write_text(f'#!/bin/sh\ncase " $* " in *" -c "*) set -- "$@" -MD -MF "{folder}/read.$$" ;; esac\nexec {real} "$@" -O0\n')
    path.chmod(0o755)


def with_own_models(folder):
    """An environment in which an own model is compiled once, by the compiler that is watched."""
    return os.environ | {"XDG_CACHE_HOME": str(folder / "cache"), "NESSMAP_CXX": str(folder / "watching_cxx")}


def check_program(prefix, build, folder, checks):
    watching_compiler(folder)
    environment = with_own_models(folder)
    before = hide(build, folder)
    for arguments in (("point", "--model", "./my_cell.c"), ("check", "my_cell.c"), ("models",)):
        done = subprocess.run([*before, str(prefix / "bin" / "nessmap"), *arguments], cwd=folder, env=environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        checks.check(done.returncode == 0, f"{arguments}: {done}")
    read = " ".join(path.read_text() for path in folder.glob("read.*"))
    checks.check("model.h" in read, f"what the compiler read is not known: {read[:200]}")
    for tree in (harness.ROOT, build):
        checks.check(f"{tree}/" not in read, f"the compiler reads files of {tree}")


def check_headers(prefix, folder, checks):
    compilers = [name for name in ("gcc", "clang", "cc") if shutil.which(name)]
    checks.check(bool(compilers), "there is a C compiler")
    own = [folder / "my_cell.c", *sorted((prefix / "share" / "nessmap" / "configs").glob("*.c"))]
    for compiler in compilers:
        for file in own:
            # a law that no row uses is no mistake
            done = subprocess.run([compiler, "-std=c11", "-pedantic", "-Wall", "-Werror", "-Wno-unused-function",
                                   "-fsyntax-only", "-I", prefix / "include", file], capture_output=True, text=True)
            checks.check(done.returncode == 0, f"{compiler}, {file.name}: {done.stderr[:600]}")


SCAN = """
model = "./my_cell.c"
[[axis]]
name = "Na_o"
min = 10.0
max = 300.0
n = 12
[[axis]]
name = "g"
min = 0.01
max = 100.0
n = 7
scale = "log"
"""
STRICT = ["-std=c11", "-pedantic", "-Wall", "-Wextra", "-Werror"]
CALLERS_BUILD = """
cmake_minimum_required(VERSION 3.25)
project(caller C)
find_package(nessmap 0.1 REQUIRED)
add_executable(caller map_in_memory.c)
target_link_libraries(caller PRIVATE nessmap::nessmap)
"""


def check_callers(prefix, folder, checks):
    """The example of a program of the user's own: with the shared library, with the archive, and by CMake; it maps a model
    of the user's own."""
    shutil.copy(prefix / "share" / "nessmap" / "examples" / "map_in_memory.c", folder)
    (folder / "CMakeLists.txt").write_text(CALLERS_BUILD)
    (folder / "scan.toml").write_text(SCAN)
    environment = os.environ | {"PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")}

    def ask(*words):
        done = subprocess.run(["pkg-config", *words, "nessmap"], env=environment, capture_output=True, text=True)
        checks.check(done.returncode == 0, f"pkg-config {words}: {done}")
        return done.stdout.split()

    version = subprocess.run([prefix / "bin" / "nessmap", "--version"], capture_output=True, text=True).stdout.split()[1]
    checks.check(ask("--modversion") == [version], f"pkg-config says {ask('--modversion')}, the program {version}")
    for variable, held in (("bindir", "nessmap"), ("datadir", "slurm/job.sbatch"), ("includedir", "nessmap/nessmap.h"),
                           ("libdir", "libnessmap.so")):
        checks.check((pathlib.Path(*ask(f"--variable={variable}")) / held).exists(), f"{variable} has no {held}")
    library = prefix / "lib"
    shared = ask("--cflags", "--libs")
    archive = [*ask("--cflags"), library / "libnessmap.a", *(word for word in ask("--static", "--libs") if word != "-lnessmap")]
    ways = {
        "the shared library": ["cc", *STRICT, "map_in_memory.c", "-o", "by_shared", *shared],
        "the archive": ["cc", *STRICT, "map_in_memory.c", "-o", "by_archive", *archive],
        "find_package": ["sh", "-c", 'cmake -S . -B made -DCMAKE_PREFIX_PATH="$1" && cmake --build made', "sh", prefix],
    }
    maps = set()
    programs = {"the shared library": "by_shared", "the archive": "by_archive", "find_package": "made/caller"}
    for way, command in ways.items():
        made = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if not checks.check(made.returncode == 0, f"{way}: {made.stdout[-600:]}{made.stderr[-600:]}"):
            continue
        # the archive needs no path; CMake left one in its program
        paths = {"LD_LIBRARY_PATH": str(library)} if way == "the shared library" else {}
        done = subprocess.run([folder / programs[way], "scan.toml", "axis.g.n=40"], cwd=folder, env=with_own_models(folder) | paths,
                              capture_output=True, text=True)
        lines = done.stdout.splitlines()
        checks.check(done.returncode == 0 and len(lines) == 13 and all(len(line.split()[0]) == 40 for line in lines[:12]),
                     f"{way}: {done}")
        maps.add(done.stdout)
    checks.check(len(maps) == 1, f"the maps differ: {maps}")


def run_checks(args, checks):
    build = pathlib.Path(os.environ.get("NESSMAP_BUILD") or args.nessmap.parent).resolve()
    with harness.scratch() as name:
        folder = pathlib.Path(name).resolve()
        prefix = folder / "prefix"
        done = subprocess.run(["cmake", "--install", build, "--prefix", prefix], capture_output=True, text=True)
        if not checks.check(done.returncode == 0, f"cmake --install: {done.stderr}"):
            return
        headers = {path.name for path in (harness.ROOT / "include" / "nessmap").glob("*.h")}
        installed = {path.name for path in (prefix / "include" / "nessmap").glob("*.h")}
        checks.check(headers == installed, f"headers {headers ^ installed}")
        shutil.copy(test_own_model.WHOLE, folder / "my_cell.c")
        check_headers(prefix, folder, checks)
        check_program(prefix, build, folder, checks)
        moved = folder / "elsewhere" / "moved"
        moved.parent.mkdir()
        check_callers(prefix.rename(moved), folder, checks)


def test_install_full():
    harness.run_in_pytest(__doc__, run_checks, full=True)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
