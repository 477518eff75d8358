"""Arrays to learn from: every number of an export, and of its meta.json, computed again from the file; killed exports
that end in the same bytes; damage that is found; splits that stay; sentences for wrong input.

    python tests/test_export.py --nessmap build/nessmap
"""

import fcntl
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import time

import harness
import netCDF4
import numpy as np
from test_memory import WATCHER
from test_reducers import Folder

ARRAYS = ("X", "Y", "dY_dX", "outcome", "flags", "split")
DTYPES = {"X": "<f4", "Y": "<f4", "dY_dX": "<f4", "outcome": "|i1", "flags": "<u2", "split": "|u1"}
PARTS = ("train", "validation", "test", "extrapolation")
HAS_VALUES = (0, 1, 2, 3)

LEAK = '[[random]]\nname = "g_Na"\ndist = "uniform"\nmin = "0.01 S m-2"\nmax = 3.0\n'
BATH = '[[random]]\nname = "K_o"\ndist = "normal"\nmean = 6.0\nsd = 1.5\n'
PUMP = '[[random]]\nname = "p_max"\ndist = "loguniform"\nmin = 1e-9\nmax = 1e-5\n'
LYSIS = '[fixed]\nCl_o = 150.0\nY_o = 0.0\nz_X = -1.0\ng_K = 0.3\n'  # without the pump, the cell swells
AXES = '[[axis]]\nname = "g_K"\nmin = 0.1\nmax = 10.0\nn = 7\nscale = "log"\n[[axis]]\nname = "T"\nvalues = [310.0, 300.0, 290.0]\n'

MANY = '[[axis]]\nname = "g_Na"\nmin = 0.1\nmax = 2.0\nn = 101\n'


def scan(kind="sobol", n=3000, more=LEAK + BATH + PUMP + LYSIS, output="", design="seed = 5"):
    text = f'model = "pump_leak"\n[design]\nkind = "{kind}"\n{design}\n' + (f"n = {n}\n" if n else "")
    return text + more + f'[limits]\nmax_failed = 1.0\n[output]\nvariables = ["V", "ell", "sigma_total"]\n{output}\n'


def export(args, run, *options, wanted=0, checks=None, name="out.nc", **more):
    done = harness.run(args.nessmap, "export", name, *options, cwd=run.path, **more)
    if checks:
        checks.check(done.returncode == wanted, f"export {options}: exit {done.returncode}, {done.stderr}")
    return done


def verify(args, folder):
    return harness.run(args.nessmap, "export", "--check", folder)


def fnv(data):
    h = 0x6C62272E07BB014262B821756295C58D
    for byte in data:
        h = (h ^ byte) * ((1 << 88) + 0x13B) & ((1 << 128) - 1)
    return f"{h:032x}"


def uniform(seed, number):
    """SplitMix64, for numbers of an array"""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + (number.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in sorted(pathlib.Path(folder).iterdir())}


def near(a, b):
    """numbers of JSON, of two ways to sum"""
    return (a is None and b is None) or (a is not None and b is not None and abs(a - b) <= 1e-12 * max(abs(a), abs(b), 1e-300))


def is_spread(stated, values):
    """min, max, mean and sd of an array; the mean against the spread, which bounds what it can lose"""
    if len(values) == 0:
        return all(stated[key] is None for key in ("min", "max", "mean", "sd"))
    v = values.astype(np.float64)
    sd = float(v.std(ddof=1)) if len(v) > 1 else None
    size = 1e-12 * float(np.abs(v).max())
    return (
        stated["min"] == v.min()
        and stated["max"] == v.max()
        and abs(stated["mean"] - v.mean()) <= size
        and (near(stated["sd"], sd) or (sd is not None and abs(stated["sd"] - sd) <= size))
    )


def column(file, name):
    """a variable for every point, flat, as the export should hold it"""
    dims = file["outcome"].dimensions
    variable = file[name]
    values = np.asarray(variable[...])
    if len(variable.dimensions) < len(dims):
        shape = [len(file.dimensions[d]) if d in variable.dimensions else 1 for d in dims]
        values = np.broadcast_to(values.reshape(shape), file["outcome"].shape)
    return values.ravel()


def check_folder(checks, what, file, folder, inputs, outputs, seed=0, shares=(0.8, 0.1, 0.1), box=(), together=1, slopes=False):
    """Every array against the file, and all of meta.json against the arrays."""
    meta = json.loads((folder / "meta.json").read_text())
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ARRAYS if (folder / f"{name}.npy").exists()}
    n = file["outcome"].size
    checks.check(("dY_dX" in arrays) == slopes and set(ARRAYS) - set(arrays) <= {"dY_dX"}, f"{what}: arrays {list(arrays)}")
    checks.check(all(a.dtype == np.dtype(DTYPES[name]) and a.flags.c_contiguous for name, a in arrays.items()), f"{what}: types")
    checks.check([c["name"] for c in meta["inputs"]] == list(inputs), f"{what}: inputs {[c['name'] for c in meta['inputs']]}")
    checks.check([c["name"] for c in meta["outputs"]] == list(outputs), f"{what}: outputs")
    checks.check(arrays["X"].shape == (n, len(inputs)) and arrays["Y"].shape == (n, len(outputs)), f"{what}: shapes")
    equal = lambda a, b: np.array_equal(a, b.astype(a.dtype), equal_nan=a.dtype.kind == "f")
    for k, name in enumerate(inputs):
        checks.check(equal(arrays["X"][:, k], column(file, name)), f"{what}: input {name}")
    for i, name in enumerate(outputs):
        checks.check(equal(arrays["Y"][:, i], column(file, name)), f"{what}: output {name}")
        for k, by in enumerate(inputs if slopes else ()):
            checks.check(equal(arrays["dY_dX"][:, i, k], column(file, f"d{name}_d{by}")), f"{what}: d{name}_d{by}")
    outcome, flags = column(file, "outcome"), column(file, "flags")
    checks.check(equal(arrays["outcome"], outcome) and equal(arrays["flags"], flags), f"{what}: outcome, flags")

    x = arrays["X"].astype(np.float64)
    u = uniform(seed, np.arange(n) // together)
    split = np.where(u < shares[0], 0, np.where(u < shares[0] + shares[1], 1, 2))
    held_out = np.full(n, bool(box))
    for name, low, high in box:
        held_out &= (x[:, list(inputs).index(name)] >= low) & (x[:, list(inputs).index(name)] <= high)
    split[held_out] = 3
    checks.check(equal(arrays["split"], split), f"{what}: split")
    said = meta["split"]
    checks.check(said["counts"] == {part: int((split == i).sum()) for i, part in enumerate(PARTS)}, f"{what}: {said['counts']}")
    checks.check(said["seed"] == seed and said["rows_together"] == together and tuple(said["shares"]) == tuple(shares), f"{what}: rule")
    checks.check([(b["name"], b["low"], b["high"]) for b in said["hold_out"]] == list(box), f"{what}: box")

    steady = np.isin(outcome, HAS_VALUES)
    for i, stated in enumerate(meta["outputs"]):
        y = arrays["Y"][:, i]
        valid = steady & np.isfinite(y)
        checks.check(stated["n_valid"] == valid.sum() and is_spread(stated, y[valid]), f"{what}: statistics {stated}")
        checks.check((stated["unit"], stated["text"]) == (file[stated["name"]].units, file[stated["name"]].long_name), f"{what}: names {stated}")
    for k, stated in enumerate(meta["inputs"]):
        checks.check(is_spread(stated, arrays["X"][:, k]), f"{what}: statistics {stated}")
        checks.check((stated["unit"], stated["text"]) == (file[stated["name"]].units, file[stated["name"]].long_name), f"{what}: names {stated}")
        checks.check(("ln_mean" in stated) == (stated["scale"] == "log"), f"{what}: {stated}")
        if stated["scale"] == "log":
            ln = np.log(x[:, k])
            checks.check(abs(stated["ln_mean"] - ln.mean()) < 1e-12 * np.abs(ln).max() and near(stated["ln_sd"], float(ln.std(ddof=1))), f"{what}: {stated}")
        if stated["low"] is not None:
            slack = 1e-6 * abs(stated["high"] - stated["low"])
            checks.check(stated["low"] - slack <= stated["min"] <= stated["max"] <= stated["high"] + slack, f"{what}: range {stated}")
    if slopes:
        valid = np.isfinite(arrays["dY_dX"]).all(axis=(1, 2)).sum()
        checks.check(meta["derivatives"] == {"n_valid": int(valid)}, f"{what}: {meta['derivatives']}, {valid}")
    else:
        checks.check(meta["derivatives"] is None, f"{what}: no derivatives")
    names = file["outcome"].flag_meanings.split()
    checks.check([(o["code"], o["name"]) for o in meta["outcomes"]] == list(enumerate(names)), f"{what}: outcome names")
    checks.check([o["count"] for o in meta["outcomes"]] == [int((outcome == i).sum()) for i in range(len(names))], f"{what}: outcome counts")
    checks.check([o["has_values"] for o in meta["outcomes"]] == [i in HAS_VALUES for i in range(len(names))], f"{what}: has_values")
    masks = [int(m) for m in file["flags"].flag_masks]
    checks.check([(f["mask"], f["name"]) for f in meta["flags"]] == list(zip(masks, file["flags"].flag_meanings.split())), f"{what}: flag names")
    checks.check([f["count"] for f in meta["flags"]] == [int((flags & m != 0).sum()) for m in masks], f"{what}: flag counts")

    checks.check(meta["n"] == n and meta["model"] == file.nessmap_model and (meta["schema"], meta["schema_version"]) == ("nessmap_export", 1), f"{what}: head")
    checks.check(meta["source"]["fingerprint"] == file.nessmap_fingerprint and meta["source"]["file"] == "out.nc", f"{what}: {meta['source']}")
    checks.check(" ".join(f"{k}={v}" for k, v in meta["variants"].items()) == file.nessmap_variants, f"{what}: {meta['variants']}")
    checks.check((meta["design"]["kind"], meta["design"]["seed"]) == (file.nessmap_design, int(file.nessmap_seed)), f"{what}: {meta['design']}")
    checks.check([f["name"] for f in meta["files"]] == [f"{name}.npy" for name in arrays], f"{what}: files")
    for stated in meta["files"]:
        data = (folder / stated["name"]).read_bytes()
        a = arrays[stated["name"][:-4]]
        checks.check((stated["dtype"], stated["shape"], stated["bytes"]) == (DTYPES[stated["name"][:-4]], list(a.shape), len(data)), f"{what}: {stated}")
        checks.check(stated["hash"] == fnv(data), f"{what}: hash of {stated['name']}")
    text = (folder / "meta.json").read_bytes()
    checks.check(meta["hash"] == fnv(text[: text.rindex(b'  "hash": ')]), f"{what}: hash of meta.json")
    checks.check(sorted(p.name for p in folder.iterdir()) == sorted([f"{name}.npy" for name in arrays] + ["meta.json"]), f"{what}: nothing else")
    return meta


def check_layouts(args, checks):
    outputs = ("V", "ell", "sigma_total")
    slopes = 'gradients = ["V", "ell"]'
    random = ("K_o", "g_Na", "p_max")
    # what: scan, inputs, options, and what check_folder should find
    cases = {
        "sobol": (scan(output=slopes), random, ("--outputs", "V,ell", "--hold-out", "K_o=7..9.5", "--hold-out", "g_Na=.1..1", "--split-seed", "11", "--split", ".5,.25,.25"), {"outputs": ("V", "ell"), "slopes": True, "seed": 11, "shares": (0.5, 0.25, 0.25), "box": (("K_o", 7.0, 9.5), ("g_Na", 0.1, 1.0))}),
        "chosen": (scan(output=slopes), ("g_Na", "K_o"), ("--inputs", "g_Na,K_o", "--outputs", "ell"), {"outputs": ("ell",), "slopes": True}),
        "random, double": (scan("random", output='precision = "f64"'), random, ("--split", "1,0,0"), {"shares": (1.0, 0.0, 0.0)}),
        "lhs, compressed": (scan("lhs", output="compression = 3"), random, (), {}),
        "saltelli": (scan("saltelli", 256), random, (), {"together": 5}),
        # what grows has a rate, but no steady state: no value to learn
        "growth": (scan().replace('["V"', '["growth_rate", "V"'), random, ("--outputs", "V,growth_rate"), {"outputs": ("V", "growth_rate")}),
        "morris": (scan("morris", 256), random, (), {"together": 4}),
        "grid": (scan("grid", 0, AXES, design=""), ("T", "g_K"), (), {}),
        "cells, compressed": (scan("sobol", 96, AXES + LEAK, "compression = 1"), ("T", "g_Na", "g_K"), (), {}),
        "many pieces": (scan("grid", 0, AXES.replace("n = 7", "n = 301") + MANY, "compression = 1", ""), ("T", "g_Na", "g_K"), ("--outputs", "V"), {"outputs": ("V",)}),
        "tie": (scan("sobol", 512, LEAK + BATH + '[tie]\nNa_o = "150 - K_o"\n'), ("Na_o", "K_o"), ("--inputs", "Na_o,K_o"), {}),
        "table": (scan("table", 0, "", 'gradients = ["V"]', 'file = "sets.csv"'), ("K_o", "g_Na"), ("--outputs", "V"), {"outputs": ("V",), "slopes": True}),
    }
    metas = {}
    for what, (text, inputs, options, wanted) in cases.items():
        wanted = {"outputs": outputs, **wanted}
        with harness.scratch() as place:
            place = pathlib.Path(place)
            (place / "sets.csv").write_text("g_Na,K_o\n" + "".join(f"{0.01 + 0.1 * i},{2 + i % 9}\n" for i in range(40)))
            (place / "scan.toml").write_text(text)
            done = harness.run(args.nessmap, "run", "scan.toml", "-o", "out.nc", "--quiet", cwd=place)
            (place / "sets.csv").unlink()  # the file holds what is needed
            if not checks.check(done.returncode == 0, f"{what}: {done.stderr}"):
                continue
            done = harness.run(args.nessmap, "export", "out.nc", *options, cwd=place)
            if not checks.check(done.returncode == 0 and "rows" in done.stdout, f"{what}: {done.stderr}"):
                continue
            with netCDF4.Dataset(place / "out.nc") as file:
                file.set_auto_mask(False)
                metas[what] = check_folder(checks, what, file, place / "out.data", inputs, **wanted)
            checked = verify(args, place / "out.data")
            checks.check(checked.returncode == 0, f"{what}: --check says {checked.stderr}")
    counts = [o["count"] for o in metas["sobol"]["outcomes"]]
    checks.check(counts[1] > 100 and counts[4] > 100, f"steady and unsteady rows: {counts}")
    checks.check(all(metas["sobol"]["split"]["counts"][part] > 50 for part in PARTS), "all parts are there")
    rates = metas["growth"]["outputs"][1]
    checks.check(rates["n_valid"] == 0 and rates["mean"] is None, f"no statistics of what grows: {rates}")
    prefix = {what: meta["design"]["prefix_is_smaller_set"] for what, meta in metas.items()}
    checks.check({w for w, is_so in prefix.items() if is_so} == {"sobol", "chosen", "growth", "random, double", "saltelli", "tie"}, f"prefixes: {prefix}")
    scales = {c["name"]: (c["drawn"], c["scale"], c["low"], c["high"]) for c in metas["sobol"]["inputs"]}
    wanted = {"K_o": ("normal", "linear", None, None), "g_Na": ("uniform", "linear", 0.01, 3), "p_max": ("loguniform", "log", 1e-9, 1e-5)}
    checks.check(scales == wanted, f"scales: {scales}")
    scales = {c["name"]: (c["drawn"], c["scale"], c["low"], c["high"]) for c in metas["grid"]["inputs"]}
    checks.check(scales == {"T": ("axis", "linear", 290, 310), "g_K": ("axis", "log", 0.1, 10)}, f"axes: {scales}")


def check_golden(args, checks):
    """Sums of a small export: arrays that no solver touches by their hashes, values by their statistics."""
    golden = {
        "X.npy": "99ac66c9680a0a3727b37eb19b37be34",
        "outcome.npy": "5812eb365031dd933557453d6ce862db",
        "split.npy": "a56e4c5edd450f38aaae8f1940a7e5e7",
    }
    with Folder(args, scan(n=512), checks=checks) as run:
        export(args, run, checks=checks)
        meta = json.loads((run.path / "out.data/meta.json").read_text())
        found = {f["name"]: f["hash"] for f in meta["files"] if f["name"] in golden}
        checks.check(found == golden, f"golden sums: {found}")
        values = {o["name"]: (o["n_valid"], o["mean"], o["sd"]) for o in meta["outputs"]}
        wanted = {
            "V": (344, -0.007636047839423835, 0.014749382761625797),
            "ell": (344, 3.151865598341786e-05, 5.4570727426507336e-05),
            "sigma_total": (344, 5.185768950441363e-06, 6.443244597220033e-06),
        }
        for name, (n, mean, sd) in wanted.items():
            is_near = values[name][0] == n and np.allclose(values[name][1:], (mean, sd), rtol=1e-6, atol=0)
            checks.check(is_near, f"golden statistics of {name}: {values[name]}")


def check_growth(args, checks):
    """A set that grows keeps its rows and their parts; another seed shares them out anew."""
    with Folder(args, scan(n=2000), checks=checks) as small, Folder(args, scan(n=5000), checks=checks) as large:
        export(args, small, "--split-seed", "3", checks=checks)
        export(args, large, "--split-seed", "3", checks=checks)
        export(args, large, "-o", "other", "--split-seed", "4", checks=checks)
        for name in ("X", "Y", "outcome", "split"):
            a, b = np.load(small.path / f"out.data/{name}.npy"), np.load(large.path / f"out.data/{name}.npy")
            checks.check(np.array_equal(a, b[:2000], equal_nan=a.dtype.kind == "f"), f"{name} of the first rows")
        one, other = np.load(large.path / "out.data/split.npy"), np.load(large.path / "other/split.npy")
        checks.check(0.2 < (one != other).mean() < 0.5, f"another seed moves {(one != other).mean():.2f}")
        checks.check(abs((one == 0).mean() - 0.8) < 0.02, f"share of training: {(one == 0).mean():.3f}")


def limit_files(n_bytes):
    """Kills at the byte that would make a file too long."""

    def set_limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, n_bytes))

    return set_limit


def kill_at(args, run, n_bytes):
    command = [str(args.nessmap), "export", "out.nc", "--quiet"]
    return subprocess.run(command, cwd=run.path, preexec_fn=limit_files(n_bytes), capture_output=True, text=True)


def check_kill(args, checks):
    n, columns = 300_000, 89
    text = scan(n=n).replace('["V", "ell", "sigma_total"]', '["*"]')
    with Folder(args, text, checks=checks) as run:
        data, unfinished = run.path / "out.data", run.path / "out.data.tmp"
        watched = subprocess.run(
            [sys.executable, "-I", "-S", "-c", WATCHER, str(args.nessmap), "export", "out.nc", "-o", "whole", "--quiet"],
            cwd=run.path,
            capture_output=True,
            text=True,
        )
        status, peak = map(int, watched.stdout.split())
        whole = bytes_of(run.path / "whole")
        size = sum(map(len, whole.values()))
        checks.check(status == 0 and len(whole["Y.npy"]) == 128 + n * columns * 4, f"the whole export: {size} bytes")
        checks.check(peak < 95_000, f"{peak} KiB of memory for {size // 1000} kB")

        # in the middle of a row, by a signal that nothing catches
        done = kill_at(args, run, 128 + 250_001 * columns * 4 + 7)
        checks.check(done.returncode == -signal.SIGXFSZ and not data.exists(), f"killed: {done}")
        rows = int((unfinished / "progress").read_text().split()[1])
        checks.check(0 < rows < 250_001, f"{rows} rows are noted")
        done = export(args, run, checks=checks)
        checks.check(f"going on after {rows:,} rows" in done.stderr, f"resumed: {done.stderr}")
        checks.check(bytes_of(data) == whole and not unfinished.exists(), "the bytes of an export that was killed")

        # kill -9, again and again, and a file that lost its end meanwhile
        shutil.rmtree(data)
        n_killed = 0
        for delay in (0.0, 0.05, 0.1, 0.2):
            process = harness.start(args.nessmap, "export", "out.nc", "--quiet", cwd=run.path)
            for _ in range(4000):
                if (unfinished / "progress").exists() or process.poll() is not None:
                    break
                time.sleep(0.001)
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            n_killed += process.wait() == -signal.SIGKILL
        checks.check(n_killed >= 1, f"killed {n_killed} times")
        export(args, run, checks=checks)
        checks.check(bytes_of(data) == whole, "the bytes after kill -9")

        shutil.rmtree(data)
        kill_at(args, run, 128 + 250_001 * columns * 4)
        os.truncate(unfinished / "X.npy", 1000)
        export(args, run, checks=checks)
        checks.check(bytes_of(data) == whole, "the bytes after an array lost its end")

        # another question begins anew in the unfinished folder
        shutil.rmtree(data)
        kill_at(args, run, 128 + 250_001 * columns * 4)
        export(args, run, "--outputs", "V", checks=checks)
        export(args, run, "--outputs", "V", "-o", "clean", checks=checks)
        checks.check(bytes_of(data) == bytes_of(run.path / "clean"), "another question begins anew")


def check_damage(args, checks):
    with Folder(args, scan(output='gradients = ["*"]'), checks=checks) as run:
        export(args, run, "--outputs", "V,ell", checks=checks)
        data = run.path / "out.data"
        good = bytes_of(data)
        checks.check(len(good) == 7, f"files {list(good)}")
        for name, content in good.items():
            for at in (3, len(content) // 2, len(content) - 1):
                broken = bytearray(content)
                broken[at] ^= 4
                (data / name).write_bytes(broken)
                done = verify(args, data)
                checks.check(done.returncode in (2, 6) and "data" in done.stderr and (name in done.stderr or at == 3), f"{name}, byte {at}: {done}")
            (data / name).write_bytes(content[:-1])
            done = verify(args, data)
            checks.check(done.returncode == 6 and name in done.stderr, f"{name} is shorter: {done}")
            (data / name).unlink()
            done = verify(args, data)
            checks.check(done.returncode in (2, 6) and name in done.stderr, f"{name} is missing: {done}")
            (data / name).write_bytes(content)
        # a page that lies, with a right hash of its own
        text = good["meta.json"].decode()
        meta = json.loads(text)
        lies = {f'"mean": {meta["outputs"][1]["mean"]!r}': '"mean": 1.0', f'"ln_sd": {meta["inputs"][2]["ln_sd"]!r}': '"ln_sd": 1.0'}
        lies[f'"train": {meta["split"]["counts"]["train"]}'] = '"train": 1'
        lies[f'"count": {meta["outcomes"][1]["count"]}'] = '"count": 1'
        lies[f'"count": {meta["flags"][6]["count"]}'] = '"count": 1'
        lies[f'{{"n_valid": {meta["derivatives"]["n_valid"]}'] = '{"n_valid": 1'
        for truth, lie in lies.items():
            checks.check(truth in text, f"{truth} stands in meta.json")
            body = text[: text.rindex('  "hash": ')].replace(truth, lie, 1)
            (data / "meta.json").write_text(body + f'  "hash": "{fnv(body.encode())}"\n}}\n')
            done = verify(args, data)
            checks.check(done.returncode == 6 and "another answer" in done.stderr and lie in done.stderr, f"{lie}: {done}")
        (data / "meta.json").write_text(text)
        checks.check(verify(args, data).returncode == 0, "all is as it was")


def check_folders(args, checks):
    """What stands under the name is kept, unless it is an export and --fresh says so."""
    with Folder(args, scan(n=200), checks=checks) as run:
        data = run.path / "out.data"
        export(args, run, checks=checks)
        before = bytes_of(data)
        done = export(args, run, checks=checks)
        checks.check("there already" in done.stdout, f"again: {done.stdout}")
        done = export(args, run, "--outputs", "V", wanted=4, checks=checks)
        checks.check("--fresh" in done.stderr and bytes_of(data) == before, f"another question: {done.stderr}")
        export(args, run, "--outputs", "V", "--fresh", checks=checks)
        checks.check(np.load(data / "Y.npy").shape == (200, 1), "--fresh replaces it")
        (run.path / "mine").mkdir()
        (run.path / "mine/X.npy").write_text("precious")
        for options in ((), ("--fresh",)):
            done = export(args, run, "-o", "mine", *options, wanted=2, checks=checks)
            checks.check((run.path / "mine/X.npy").read_text() == "precious", f"foreign folder: {done.stderr}")
        (run.path / "held.tmp").mkdir()
        with open(run.path / "held.tmp/lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            export(args, run, "-o", "held", wanted=5, checks=checks)
        done = export(args, run, "-o", "held/", "--quiet", checks=checks)
        checks.check(done.stdout == "" and done.stderr == "" and (run.path / "held/meta.json").exists(), f"quiet: {done}")


def check_sentences(args, checks):
    with Folder(args, scan(n=200), checks=checks) as run:
        wrong = {
            ("--inputs", "K_oo"): "K_o",
            ("--inputs", "T"): '"T"',
            ("--inputs", "K_o,K_o"): "twice",
            ("--inputs", ""): "--inputs",
            ("--outputs", "el"): '"ell"',
            ("--outputs", "V,"): "--outputs",
            ("--split", "0.8,0.2"): "0.8,0.1,0.1",
            ("--split", "0.8,0.1,0.2"): "1.1",
            ("--split", "1.2,-0.1,-0.1"): "--split",
            ("--split", "nan,0,0"): "--split",
            ("--split-seed", "-1"): "whole number",
            ("--split-seed", "x"): "whole number",
            ("--hold-out", "K_o"): "NAME=LOW..HIGH",
            ("--hold-out", "K_o=5"): "NAME=LOW..HIGH",
            ("--hold-out", "K_o=9..5"): "LOW <= HIGH",
            ("--hold-out", "K_o=1...5x"): "NAME=LOW..HIGH",
            ("--hold-out", "K_u=1..5"): "K_o",
            ("--hold-out", "K_o=1..5", "--hold-out", "K_o=6..7"): "twice",
            ("-o", ""): "-o",
        }
        for options, word in wrong.items():
            done = export(args, run, *options, wanted=2, checks=checks)
            lines = done.stderr.strip().splitlines()
            checks.check(len(lines) == 1 and word in lines[0], f"{options}: {done.stderr}")
        checks.check(not list(run.path.glob("out.data*")), "nothing was made")
        (run.path / "text.nc").write_text("no file of ours")
        harness.run(args.nessmap, "trace", "--model", "pump_leak", "-o", "trace.nc", "--times", "0,1", cwd=run.path)
        (run.path / "reduced.toml").write_text(scan(n=200) + '[[reduce]]\nkind = "summary"\n')
        harness.run(args.nessmap, "run", "reduced.toml", "-o", "reduced.nc", "--quiet", cwd=run.path)
        files = {"text.nc": (2, "NetCDF"), "trace.nc": (2, "time course"), "reduced.nc": (2, "reduced"), "none.nc": (6, "none.nc")}
        for name, (status, word) in files.items():
            done = export(args, run, name=name, wanted=status, checks=checks)
            checks.check(word in done.stderr and len(done.stderr.splitlines()) == 1, f"{name}: {done.stderr}")
        done = verify(args, run.path)
        checks.check(done.returncode == 2 and "meta.json" in done.stderr, f"no folder of an export: {done.stderr}")


def run_checks(args, checks):
    for check in (check_layouts, check_golden, check_growth, check_kill, check_damage, check_folders, check_sentences):
        begin = time.monotonic()
        check(args, checks)
        print(f"  {check.__name__}: {time.monotonic() - begin:.1f} s", flush=True)


def test_export():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
