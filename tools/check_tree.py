#!/usr/bin/env python3
"""Checks what a compiler does not: who may include whom, names, guards, and the shape of the tree.

    check_tree.py [--library build/libnessmap.a]

Prints one line per finding; exit 1 where there is an error. Long files are a warning.
"""

import argparse
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Each module of src/ may include its own layer and those before it; no circle of includes anywhere.
LAYERS = [
    ["diag", "version", "words"],
    ["units", "expression", "files", "toml_shim", "slab", "direct_nc", "conservation", "table", "table_csv", "table_nc", "timeline", "local_rank", "comm", "comm_mpi", "deal", "cuda_driver",
     "embedded", "cache", "cuda_nvrtc"],
    ["config", "config_axes", "config_check", "config_gradients", "config_keys", "config_parts", "config_reduce", "config_refine", "config_resolve", "config_set", "config_stochastic", "model_topology", "topology_parts", "topology_network", "topology_nernst", "design", "design_parts", "design_refine", "design_sets", "refine_cells", "joe_kuo", "preset"],
    ["plan", "plan_cluster", "plan_gradients", "plan_parts", "plan_print", "plan_reduce", "plan_refine", "plan_stochastic", "projection", "tiles", "indices", "catalogue", "salib"],
    ["backend", "reducer", "journal", "journal_folder", "journal_parts", "journal_records", "manifest", "tally", "model_store", "writer"],
    ["backend_cpu", "model_compiler", "model_mistake", "model_library", "model_build", "cuda_image", "cuda_ahead", "cuda_device", "cuda_batch", "backend_cuda", "grid_nc", "file_shape", "assemble", "assemble_points", "assemble_cells", "assemble_bins", "assemble_indices", "attributes", "pilot", "projection_pilot", "balance", "balance_parts", "balance_print", "balance_tables", "balance_units", "balance_json", "balance_why", "course", "describe", "describe_model", "describe_outputs",
     "point_file", "export", "export_parts", "export_source", "export_split", "export_sums", "export_meta", "export_check", "timecourse", "timecourse_nc"],
    ["progress", "summary", "runlog"],
    ["refine", "refine_lists", "refine_nc", "refine_parts", "refine_picture"],
    ["out_file"],
    ["run", "run_assemble", "run_parts", "run_tiles"],
    ["scan", "sampler", "scan_plan"],
    ["verify", "verify_parts", "verify_file", "verify_head", "verify_solve", "verify_compare", "verify_follow", "verify_laws", "verify_again"],
    ["nessmap"],
    ["command_line"],
    ["main"],
]
MAY_END = {"main.c", "model_library.c"}  # the latter a child of its own
PROGRAM = {"main", "command_line"}  # use the API alone
LEVEL = {module: level for level, layer in enumerate(LAYERS) for module in layer}

TOP_LEVEL = {"CMakeLists.txt", "CMakePresets.json", "src", "kernels", "include", "tests", "configs", "tools", "README.md",
             "LICENSE", "CHANGELOG.md", "build"}
MOST_LINES = 600
C_SUFFIXES = {".c", ".h", ".cpp", ".cu"}

errors, warnings = [], []


def error(path, line, text):
    errors.append(f"{path.relative_to(ROOT)}:{line}: {text}")


def sources(*folders):
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in C_SUFFIXES and path.is_file():
                yield path


def without_comments(text):
    """Comments and texts blanked, lines kept."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.DOTALL)


def includes(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if match:
            yield number, match[1], match[2]


def check_includes():
    """Design: include <- kernels; include <- src by layers; src meets kernels only through model_abi.h."""
    for path in sources("include"):
        for number, quote, name in includes(path):
            if quote == '"' and not name.startswith("nessmap/"):
                # a model file ends with the engine, and that is the one way from include/ to kernels/
                if not (path.name == "model.h" and (ROOT / "kernels" / name).is_file()):
                    error(path, number, f'"{name}": a header of include/ may include only "nessmap/..."')
    for path in sources("kernels"):
        for number, quote, name in includes(path):
            if quote == '"' and (ROOT / "src" / name).is_file() and not (ROOT / "kernels" / name).is_file():
                error(path, number, f'"{name}": kernels may not include src')
    graph = {}
    for path in sources("src"):
        module = path.stem
        if module not in LEVEL:
            error(path, 1, f"module {module} has no layer: add it to LAYERS of tools/check_tree.py")
            continue
        for number, quote, name in includes(path):
            target = pathlib.PurePath(name)
            if quote == "<":
                continue
            if name.startswith("nessmap/"):
                if target.name in ("lang.h", "lanes.h", "model.h", "elements.h"):
                    error(path, number, f'"{name}": src meets models only through nessmap/model_abi.h')
                if module in PROGRAM and target.name != "nessmap.h":
                    error(path, number, f'"{name}": {path.name} uses nothing but nessmap.h')
            elif (ROOT / "src" / name).is_file():
                if module in PROGRAM and target.stem not in PROGRAM:
                    error(path, number, f'"{name}": {path.name} uses nothing but nessmap.h')
                elif LEVEL.get(target.stem, 0) > LEVEL[module]:
                    error(path, number, f'"{name}": is of a later layer than {path.name}')
                if path.suffix == ".h" and target.stem != module:
                    graph.setdefault(module, set()).add(target.stem)
            elif name not in ("builtin_models.h", "cuda_files.h", "example_configs.h", "kernel_flags.h"):
                error(path, number, f'"{name}": is neither in src nor nessmap/...')
    check_circles(graph)


def check_circles(graph):
    done = set()

    def visit(module, trail):
        if module in trail:
            errors.append(f"src: the headers include each other in a circle: {' -> '.join(trail[trail.index(module):] + [module])}")
            return
        if module in done:
            return
        for target in sorted(graph.get(module, ())):
            visit(target, trail + [module])
        done.add(module)

    for module in sorted(graph):
        visit(module, [])


def check_text():
    for path in sources("include", "src", "kernels", "tests"):
        text = path.read_text()
        lines = text.splitlines()
        code = without_comments(text)
        if path.suffix == ".h":
            stem = re.sub(r"[^A-Za-z0-9]", "_", path.stem).upper()
            if not re.search(rf"#ifndef NESSMAP_(?:\w+_)?{stem}_H\n#define NESSMAP_(?:\w+_)?{stem}_H\b", text):
                error(path, 1, f"include guard NESSMAP_{stem}_H wanted")
        elif not re.match(r"(#[^\n]*\n|\s)*(/\*|//)", text):
            error(path, 1, "opens without a sentence that says what it is for")
        if path.parts[len(ROOT.parts)] == "src" and path.name not in MAY_END:
            for match in re.finditer(r"\b(_?exit|quick_exit|_Exit|abort)\s*\(", code):
                error(path, code[: match.start()].count("\n") + 1, f"{match[1]}(): only main.c ends the program")
        for number, line in enumerate(lines, 1):
            if "\t" in line:
                error(path, number, "tab")
            if line != line.rstrip():
                error(path, number, "blank at the end of the line")
            if re.search(r"\b(TODO|FIXME|XXX)\b(?!\(#\d+\))", line):
                error(path, number, "open note without an issue number")
        if len(lines) > MOST_LINES:
            warnings.append(f"{path.relative_to(ROOT)}: {len(lines)} lines; past {MOST_LINES}, would a split read better?")
    for path in sorted((ROOT / "tools").rglob("*.py")) + sorted((ROOT / "tests").glob("*.py")):
        n_lines = len(path.read_text().splitlines())
        if n_lines > MOST_LINES:
            warnings.append(f"{path.relative_to(ROOT)}: {n_lines} lines; past {MOST_LINES}, would a split read better?")


def check_configs():
    for path in sorted((ROOT / "configs").glob("*.toml")):
        first = path.read_text().splitlines()[:1]
        if not first or not first[0].startswith("# ") or not first[0].rstrip().endswith("?"):
            error(path, 1, "opens with the question that it answers, as a comment")


def check_tree():
    for path in sorted(ROOT.iterdir()):
        if path.name not in TOP_LEVEL and not path.name.startswith(".") and path.name != "shared":
            error(path, 1, "does not belong at the top level, which its user fixed")
    for path in (ROOT / "tools" / "quickstart", ROOT / "tools" / "test", ROOT / ".ci" / "run"):
        if not path.is_file() or not path.stat().st_mode & 0o100:
            error(path, 1, "is missing or cannot be run")
    home = re.compile(r"(?<![A-Za-z0-9_.$}/-])/(?:home|root|work|Users)/[A-Za-z0-9_]")
    for folder in ("src", "include", "kernels", "tests", "configs", "tools"):
        for path in sorted((ROOT / folder).rglob("*")):
            if not path.is_file() or path.suffix in (".json", ".pyc") or path.name == "check_tree.py":
                continue
            try:
                text = path.read_text()
            except UnicodeDecodeError:
                continue
            for number, line in enumerate(text.splitlines(), 1):
                if home.search(line):
                    error(path, number, "a path of somebody's machine")


def check_symbols(library):
    """Whatever is visible outside a file begins with nm_."""
    listing = subprocess.run(["nm", "-g", "--defined-only", str(library)], capture_output=True, text=True, check=True)
    n_symbols = 0
    for line in listing.stdout.splitlines():
        match = re.match(r"[0-9a-f]+ ([A-Z]) (\S+)$", line)
        # weak ones and unique ones are instances of C++ templates of a library
        if not match or match[1] in "WVu":
            continue
        n_symbols += 1
        name = match[2]
        if not re.match(r"_*(nm_|NM_|__odr_asan\.nm_)", name) and not re.match(r"_ZN?K?\d+nm_", name):
            errors.append(f"{library.name}: the symbol {name} is visible outside its file, and has no prefix nm_")
    if n_symbols == 0:
        errors.append(f"{library.name}: nm found no symbols")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", type=pathlib.Path, help="built library, for the check of symbols")
    options = parser.parse_args()
    check_includes()
    check_text()
    check_configs()
    check_tree()
    if options.library:
        check_symbols(options.library)
    for text in warnings:
        print(f"warning: {text}")
    for text in errors:
        print(text)
    print(f"{len(errors)} errors, {len(warnings)} warnings")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
