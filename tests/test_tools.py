"""The Python package nessmap_tools: files of every kind against their raw NetCDF, exports against their raw arrays.

python tests/test_tools.py --nessmap build/nessmap
"""

import json
import pathlib
import pickle
import re
import shutil
import subprocess
import sys
import time
import tomllib
import warnings

import netCDF4
import numpy as np

import harness

TOOLS = harness.ROOT / "tools"
sys.path.insert(0, str(TOOLS))
import nessmap_tools
from nessmap_tools import Refused

DRAWS = """
[[random]]
name = "g_Na"
dist = "loguniform"
min = 0.01
max = 10.0
[[random]]
name = "dG_ATP"
dist = "uniform"
min = "-65 kJ/mol"
max = "-20 kJ/mol"
[[random]]
name = "p_max"
dist = "loguniform"
min = 1e-8
max = 1e-5
[fixed]
g_K = 0.2
"""
AXES = """
[[axis]]
name = "g_Na"
min = 0.1
max = 10.0
n = 5
scale = "log"
[[axis]]
name = "dG_ATP"
min = -60e3
max = 0.0
n = 4
"""
BINS = '[[reduce]]\nkind = "bins"\naxes = [{ name = "V", min = "-100 mV", max = 0.0, n = 4 }]\n'
REFINE = """
[design]
kind = "refine"
levels = 2
probes = 500
[[axis]]
name = "g_K"
min = 0.1
max = 100.0
n = 4
scale = "log"
[[axis]]
name = "p_max"
min = 1e-9
max = 1e-3
n = 4
scale = "log"
"""


def design(kind, n, more=""):
    return f'[design]\nkind = "{kind}"\nn = {n}\nseed = 3\n{more}'


# how each layout is made, and variables that its data set must have, with their dimensions
LAYOUTS = {
    "grid": (AXES, {"outcome": ("g_Na", "dG_ATP"), "V": ("g_Na", "dG_ATP"), "is_multistable": ("g_Na", "dG_ATP")}),
    "compressed": (AXES + "[output]\ncompression = 4\n", {"outcome": ("g_Na", "dG_ATP"), "T": ()}),
    "draws": (
        design("random", 6) + AXES[: AXES.rindex("[[axis]]")] + DRAWS[DRAWS.rindex("[[random]]") :],
        {"outcome": ("g_Na", "draw"), "p_max": ("g_Na", "draw"), "T": ()},
    ),
    "sample": (
        design("random", 200) + DRAWS + '[output]\ngradients = ["V"]\n',
        {"outcome": ("sample",), "g_Na": ("sample",), "T": (), "dV_dg_Na": ("sample",), "is_audited": ("sample",)},
    ),
    "double": (design("sobol", 64) + DRAWS + '[output]\nprecision = "f64"\n', {"V": ("sample",)}),
    "bins": (
        design("random", 20) + AXES + DRAWS[DRAWS.rindex("[[random]]") :] + '[[reduce]]\nkind = "bins"\n',
        {"count": ("g_Na", "dG_ATP", "outcome"), "flag_count": ("g_Na", "dG_ATP", "flag"), "failed_index": ("failed",)},
    ),
    "bins along outputs": (
        design("random", 100) + DRAWS + BINS,
        {
            "count": ("V", "outcome"),
            "outside_count": ("outcome",),
            "total_count": ("outcome",),
            "V_bounds": ("V", "bound"),
        },
    ),
    "summary": (
        design("random", 100) + DRAWS + '[[reduce]]\nkind = "summary"\nquantiles = [0.5]\n',
        {"count": ("outcome",), "V_q50": ()},
    ),
    "sobol": (
        design("saltelli", 16, "replicates = 2\n") + DRAWS + '[[reduce]]\nkind = "sobol"\n',
        {"ST_V": ("input",), "count": ("outcome",), "variance_V": ()},
    ),
    "morris": (
        design("morris", 16, "replicates = 2\n") + DRAWS + '[[reduce]]\nkind = "morris"\n',
        {"mu_star_V": ("input",), "flag_count": ("flag",)},
    ),
    "given": (design("sobol", 1024, "replicates = 2\n") + DRAWS + '[[reduce]]\nkind = "sobol"\n', {"S1_V": ("input",)}),
    "dgsm": (design("sobol", 64, "replicates = 2\n") + DRAWS + '[[reduce]]\nkind = "dgsm"\n', {"nu_V": ("input",)}),
    "refined": (
        REFINE,
        {
            "outcome": ("g_K", "p_max"),
            "vertex_outcome": ("vertex",),
            "probe_is_over_pumped": ("probe",),
            "boundary_outcome_from": ("boundary",),
            "cell_class": ("cell",),
            "vertex_g_K": ("vertex",),
            "T": (),
        },
    ),
    "segments": (
        '[design]\nkind = "refine"\nn = 20\n' + DRAWS,
        {"vertex_outcome": ("vertex",), "boundary_outcome_to": ("boundary",), "boundary_pair": ("boundary",)},
    ),
    "trace": (None, {"V": ("time",), "T": ()}),
}
COORDINATES = {"T", "g_Na", "p_max", "vertex_g_K", "V_bounds"}  # of those above, where they are not along an input

# unit of the file -> factor, unit; written down here once more
PEOPLE = {
    "V": (1e3, "mV"),
    "J mol-1": (1e-3, "kJ mol-1"),
    "m": (1e6, "um"),
    "mol m-3": (1, "mmol L-1"),
    "mol m-2 s-1": (1e6, "umol m-2 s-1"),
    "W m-2": (1e3, "mW m-2"),
    "W m-2 K-1": (1e6, "uW m-2 K-1"),
    "V/(S m-2)": (1e3, "mV/(S m-2)"),
    "V/(J mol-1)": (1e6, "mV/(kJ mol-1)"),
    "V/(mol m-2 s-1)": (1e-3, "mV/(umol m-2 s-1)"),
}
PEOPLE |= {f"({unit})2": (factor**2, f"({text})2") for unit, (factor, text) in PEOPLE.items() if "/" not in unit}


def refused(checks, what, word, function, *arguments, kind=Refused, **options):
    """`function` ends with one sentence that has `word` in it."""
    try:
        function(*arguments, **options)
    except kind as error:
        text = str(error)
        checks.check(word in text and "\n" not in text, f"{what}: {text}")
    else:
        checks.check(False, f"{what}: is not refused")


# --- files ------------------------------------------------------------------------------------------------------


def make(args, checks, folder, name, text):
    path = folder / f"{name}.nc"
    if text is None:
        done = harness.run(args.nessmap, "trace", "--model", "pump_leak", "-o", path, "--times", "lin:0:100:11")
    else:
        keys, _, tables = text.partition("[")
        (folder / f"{name}.toml").write_text(f'# {name}?\nmodel = "pump_leak"\n{keys}[{tables}')
        done = harness.run(args.nessmap, "run", folder / f"{name}.toml", "-o", path, "--quiet")
    checks.check(done.returncode == 0, f"{name}: {done.stderr}")
    return path


def same(one, other):
    one, other = np.asarray(one), np.asarray(other)
    return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


def check_dataset(checks, what, raw, cells):
    """Every variable of the file stands in the data set once, and nothing else."""
    left = set(cells.variables)
    for name, variable in raw.variables.items():
        values = variable[...]
        attributes = variable.ncattrs()
        words = variable.flag_meanings.split() if "flag_meanings" in attributes else []
        counted = re.fullmatch(r"((?:outside_|total_)?(flag_)?count)_(\w+)", name)
        if "flag_values" in attributes:
            meaning = dict(zip(np.atleast_1d(variable.flag_values).tolist(), words))
            found = cells[name].values
            wanted = np.array([meaning[code] for code in values.ravel().tolist()], dtype=object).reshape(values.shape)
            checks.check(same(found, wanted), f"{what}: words of {name}")
            checks.check(
                len({id(word) for word in found.ravel()}) <= len(words), f"{what}: strings of {name} are shared"
            )
            checks.check("flag_values" not in cells[name].attrs, f"{what}: codes of {name} among its attributes")
            left.discard(name)
        elif "flag_masks" in attributes:
            for mask, word in zip(np.atleast_1d(variable.flag_masks).tolist(), words, strict=True):
                flag = name.replace("flags", f"is_{word}")
                checks.check(same(cells[flag].values, values & mask == mask), f"{what}: {flag}")
                checks.check(cells[flag].dims == variable.dimensions, f"{what}: dimensions of {flag}")
                left.discard(flag)
        elif counted:
            family, along = cells[counted[1]], "flag" if counted[2] else "outcome"
            checks.check(same(family.sel({along: counted[3]}).values, values), f"{what}: {name}")
            checks.check(family.dims == (*variable.dimensions, along), f"{what}: {family.dims}")
            left -= {counted[1], along}
        else:
            found = cells[name].values
            is_same = same(found, values) if values.dtype.kind != "O" else found.tolist() == values.tolist()
            checks.check(is_same, f"{what}: values of {name}")
            units = getattr(variable, "units", None)
            checks.check(cells[name].attrs.get("units") == units, f"{what}: units of {name}")
            left.discard(name)
    checks.check(not left, f"{what}: besides what the file holds there are {left}")


def check_readable(checks, what, raw, cells):
    for name, variable in raw.variables.items():
        if name not in cells or "flag_values" in variable.ncattrs():
            continue
        axis = name.removesuffix("_bounds")
        unit = getattr(raw[axis], "units", None)
        factor, wanted = PEOPLE.get(unit, (1, unit))
        found, values = cells[name], variable[...]
        if found.dtype.kind not in "fi":
            continue
        checks.check(found.attrs.get("units") == wanted, f"{what}: {name} in {found.attrs}")
        near = np.allclose(found.values, factor * values.astype(float), rtol=3e-7, atol=0, equal_nan=True)
        checks.check(near and found.dtype == values.dtype, f"{what}: {name} in {wanted}: {found.dtype}")


def check_open(args, checks, folder):
    units = set()
    for name, (text, wanted) in LAYOUTS.items():
        path = make(args, checks, folder, name.replace(" ", "_"), text)
        with netCDF4.Dataset(path) as raw, warnings.catch_warnings():
            warnings.simplefilter("error")
            raw.set_auto_maskandscale(False)
            units.update(getattr(variable, "units", None) for variable in raw.variables.values())
            for is_readable in (False, True):
                with nessmap_tools.open(path, is_readable) as cells:
                    for key, dims in wanted.items():
                        checks.check(cells[key].dims == dims, f"{name}: {key} has {cells[key].dims}")
                    lost = [key for key in wanted if key in COORDINATES and key not in cells.coords]
                    checks.check(not lost, f"{name}: {lost} are no coordinates")
                    read = [k for k, v in cells.variables.items() if v._in_memory and k not in cells.indexes]
                    early = [
                        k for k in read if not re.search("outcome|count|is_|cell_class|boundary_direction", str(k))
                    ]
                    checks.check(not early, f"{name}: read before anybody asked: {early}")
                    (check_readable if is_readable else check_dataset)(checks, name, raw, cells)
                    kept = tomllib.loads(raw.nessmap_config)
                    checks.check(nessmap_tools.config(cells) == kept, f"{name}: its configuration")
            checks.check(nessmap_tools.config(str(path)) == kept and kept["model"] == "pump_leak", f"{name}: {kept}")
    missed = set(PEOPLE) - units - {"(J mol-1)2"}
    checks.check(not missed, f"units that no file has: {missed}")

    # one cell, by what people say
    with nessmap_tools.open(folder / "grid.nc", readable=True) as cells:
        cell = cells.sel(dG_ATP=-60.0, g_Na=0.1, method="nearest")
        checks.check(cell.outcome.item() == "ness" and -100 < cell.V < -40, f"a cell: {cell.outcome.item()}, {cell.V}")
        checks.check(
            int((cells.outcome == "ness").sum()) == cells.attrs["nessmap_outcome_counts"][1], "all that are ness"
        )
        cells.load().to_netcdf(folder / "again.nc")
    with nessmap_tools.open(folder / "again.nc") as again:
        checks.check(np.allclose(again.V, cells.V, rtol=1e-6, atol=0, equal_nan=True), "written and opened again")
    with nessmap_tools.open(folder / "bins.nc") as cells:
        checks.check(bool((cells["count"].sum("outcome") == cells["n"]).all()), "counts of all outcomes are all points")


def check_not_files(checks, folder):
    (folder / "text.nc").write_text("no file of ours")
    (folder / "empty.nc").write_text("")
    for name, attributes in {"foreign": {}, "later": {"nessmap_schema": 2}, "bare": {"nessmap_schema": 1}}.items():
        with netCDF4.Dataset(folder / f"{name}.nc", "w") as file:
            file.setncatts(attributes)
            file.createDimension("sample", 2)
            outcome = file.createVariable("outcome", "i1", ("sample",))
            outcome.setncatts({"flag_values": np.array([0, 1], "i1"), "flag_meanings": "equilibrium ness"})
            outcome[:] = [1, 7]
    cases = {
        "none": "no such file",
        "text": "NetCDF",
        "empty": "NetCDF",
        "foreign": "nessmap_schema",
        "later": "schema 2",
    }
    for name, word in cases.items():
        refused(checks, name, word, nessmap_tools.open, folder / f"{name}.nc")
        refused(checks, name, f"{name}.nc", nessmap_tools.config, folder / f"{name}.nc")
    refused(checks, "a folder", "NetCDF", nessmap_tools.open, folder)
    refused(checks, "an unknown code", "code 7", nessmap_tools.open, folder / "bare.nc")
    refused(checks, "no configuration", "nessmap_config", nessmap_tools.config, folder / "bare.nc")


# --- exports ----------------------------------------------------------------------------------------------------


def export(args, checks, folder, name, text, *options):
    path = make(args, checks, folder, name, text)
    done = harness.run(args.nessmap, "export", path, *options, cwd=folder)
    checks.check(done.returncode == 0, f"{name}: {done.stderr}")
    return folder / f"{name}.data"


def check_load(checks, folder):
    meta = json.loads((folder / "meta.json").read_text())
    raw = {name: np.load(folder / f"{name}.npy") for name in ("X", "Y", "dY_dX", "outcome", "flags", "split")}
    for in_memory in (False, True):
        data = nessmap_tools.load(folder, in_memory=in_memory)
        for name, array in raw.items():
            found = getattr(data, name)
            checks.check(same(found, array) and not found.flags.writeable, f"{name}: {found.dtype} {found.shape}")
            base = found
            while base is not None and not isinstance(base, np.memmap):
                base = base.base
            checks.check((base is None) == in_memory, f"{name}: in memory {in_memory}")
        again = pickle.loads(pickle.dumps(data))
        checks.check(len(pickle.dumps(data)) < 1000 and again.in_memory == in_memory, "pickled as a folder")
        checks.check(same(again.Y, raw["Y"]) and again.meta == meta, "the same after pickling")
        short = pickle.loads(pickle.dumps(data.prefix(100)))
        checks.check(len(short) == 100 and same(short.dY_dX, raw["dY_dX"][:100]), "a prefix after pickling")
    data = nessmap_tools.load(str(folder))
    checks.check(data.meta == meta and len(data) == meta["n"] and "g_Na" in repr(data), f"{data!r}")
    for columns, entries in ((data.inputs, meta["inputs"]), (data.outputs, meta["outputs"])):
        for column, entry in zip(columns, entries, strict=True):
            held = {key: getattr(column, key) for key in entry}
            checks.check(held == entry, f"a column: {held}")
    checks.check([c.ln_mean is not None for c in data.inputs] == [c.scale == "log" for c in data.inputs], "ln_mean")
    checks.check(data.outcome_code("ness") == 1, "code of ness")
    refused(checks, "outcome", "equilibrium", data.outcome_code, "alive")
    return data, raw


def check_rows(checks, data, raw):
    valued = (raw["outcome"] <= 3) & np.isfinite(raw["Y"]).all(axis=1)
    sloped = valued & np.isfinite(raw["dY_dX"]).all(axis=(1, 2))
    checks.check(0 < sloped.sum() < valued.sum() < len(valued), f"kinds of rows: {sloped.sum()}, {valued.sum()}")
    everything = np.ones(len(valued), dtype=bool)
    for code, part in enumerate(("train", "validation", "test", "extrapolation", None)):
        in_part = raw["split"] == code if part else everything
        checks.check(in_part.sum() > 20, f"{part}: {in_part.sum()} rows")
        for has_values, has_slopes, mask in ((True, False, valued), (False, False, everything), (True, True, sloped)):
            found = data.rows(part, has_values, has_slopes)
            checks.check(same(found, np.flatnonzero(in_part & mask)), f"rows of {part}, {has_values}, {has_slopes}")
    refused(checks, "part", "validation", data.rows, "training")
    # looked through in pieces
    whole, nessmap_tools.export._PIECE = nessmap_tools.export._PIECE, 97
    checks.check(same(data.rows("test"), np.flatnonzero((raw["split"] == 2) & valued)), "rows in pieces")
    nessmap_tools.export._PIECE = whole


def check_scaling(checks, data, raw):
    rows = data.rows(None)
    z, w = data.scaled_inputs(raw["X"]), data.scaled_outputs(raw["Y"])
    is_log = [c.scale == "log" for c in data.inputs]
    checks.check(any(is_log) and not all(is_log), f"scales: {is_log}")
    x = np.where(is_log, np.log(np.abs(raw["X"].astype(float))), raw["X"])
    wanted = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    checks.check(z.dtype == np.float32 and np.allclose(z, wanted, rtol=0, atol=2e-6), "z-scores of inputs")
    y = raw["Y"].astype(float)
    wanted = (y - y[rows].mean(axis=0)) / y[rows].std(axis=0, ddof=1)
    checks.check(np.allclose(w, wanted, rtol=0, atol=2e-5, equal_nan=True), "z-scores of outputs")
    checks.check(np.allclose(data.unscaled_inputs(z), raw["X"], rtol=3e-6, atol=0), "inputs and back")
    checks.check(
        np.allclose(data.unscaled_outputs(w), raw["Y"], rtol=1e-5, atol=1e-9, equal_nan=True), "outputs and back"
    )
    checks.check(same(data.scaled_inputs(raw["X"][5]), z[5]), "one row")
    checks.check(same(data.scaled_inputs(raw["X"][:6].reshape(2, 3, -1)).reshape(6, -1), z[:6]), "more dimensions")
    refused(checks, "shape", "last dimension", data.scaled_inputs, raw["X"][:, :1])

    # derivatives of a function that is known, by differences of scaled values
    slope = np.array([[c.sd / d.sd for d in data.inputs] for c in data.outputs])
    at, step = z[:20].astype(float), 1e-2

    def outputs(point):
        return data.scaled_outputs(data.unscaled_inputs(point).astype(float) @ slope.T).astype(float)

    for i in range(len(data.inputs)):
        by = step * np.eye(len(data.inputs))[i]
        differences = (outputs(at + by) - outputs(at - by)) / (2 * step)
        exact = data.scaled_slopes(raw["X"][:20], np.broadcast_to(slope, (20, *slope.shape)))[..., i]
        near = np.allclose(exact, differences, rtol=1e-3, atol=1e-3)
        checks.check(near and np.abs(exact).max() > 0.1, f"slopes by {data.inputs[i].name}")


def check_batches(checks, data, raw):
    rows = data.rows("train")
    epochs = {}
    for key, options in {"0": {}, "again": {}, "epoch": {"epoch": 1}, "seed": {"seed": 1}}.items():
        batches = list(data.batches(rows, 100, **options))
        epochs[key] = np.concatenate([batch.rows for batch in batches])
        sizes = [len(batch.rows) for batch in batches]
        checks.check(sizes[:-1] == [100] * (len(rows) // 100) and sizes[-1] == len(rows) % 100, f"{key}: {sizes}")
        for batch in batches:
            checks.check(bool((np.diff(batch.rows) > 0).all()), f"{key}: rows of a batch rise")
            arrays = {"X": batch.x, "Y": batch.y, "dY_dX": batch.slopes, "outcome": batch.outcome, "flags": batch.flags}
            for name, array in arrays.items():
                is_own = array.flags.c_contiguous and array.flags.writeable
                checks.check(is_own and same(array, raw[name][batch.rows]), f"{key}: {name} of a batch")
        checks.check(same(np.sort(epochs[key]), rows), f"{key}: each row once")
        checks.check(np.ptp(batches[0].rows) > 0.7 * np.ptp(rows), f"{key}: a batch is of neighbours")
    checks.check(same(epochs["0"], epochs["again"]), "the same seed and epoch give the same batches")
    for key in ("epoch", "seed"):
        checks.check(not same(epochs["0"], epochs[key]), f"another {key} gives other batches")
    checks.check(not same(epochs["epoch"], epochs["seed"]), "epoch 1 is not seed 1")
    order = [900, 3, 5, 5, 0]
    batches = list(data.batches(order, 3, shuffle=False))
    checks.check([batch.rows.tolist() for batch in batches] == [[900, 3, 5], [5, 0]], "rows as they are given")
    checks.check(same(np.concatenate([batch.y for batch in batches]), raw["Y"][order]), "values in the order given")
    checks.check(
        same(next(data.batches(size=10**6, shuffle=False)).rows, rows), "the rows that training has by default"
    )
    checks.check(list(data.batches([], 10)) == [], "no rows, no batches")
    checks.check(same(data.batch([7, 2]).x, raw["X"][[7, 2]]), "a batch of these rows")
    refused(checks, "size", "at least 1", data.batches, rows, 0)
    for numbers in ([-1], [len(data)]):
        refused(checks, f"rows {numbers}", "rows", data.batches, numbers, kind=IndexError)
        refused(checks, f"rows {numbers}", "rows", data.batch, numbers, kind=IndexError)


def check_prefix(args, checks, folder, data, raw):
    short = data.prefix(300)
    checks.check(len(short) == 300 and same(short.X, raw["X"][:300]) and short.inputs == data.inputs, "a prefix")
    checks.check(same(short.rows("train"), data.rows("train")[data.rows("train") < 300]), "rows of a prefix")
    checks.check(same(short.scaled_inputs(raw["X"][:9]), data.scaled_inputs(raw["X"][:9])), "a prefix is scaled alike")
    refused(checks, "rows of a prefix", "300", short.batches, [300], kind=IndexError)
    for n in (0, -5, len(data) + 1):
        refused(checks, f"prefix of {n}", str(n), data.prefix, n)
    grid = nessmap_tools.load(export(args, checks, folder, "on_grid", AXES, "--outputs", "V"))
    refused(checks, "prefix of a grid", "grid", grid.prefix, 5)
    checks.check(grid.dY_dX is None and next(grid.batches(shuffle=False)).slopes is None, "no derivatives")
    checks.check("without" in repr(grid), f"{grid!r}")
    refused(checks, "derivatives of a grid", "gradients", grid.rows, has_slopes=True)
    groups = nessmap_tools.load(export(args, checks, folder, "groups", design("saltelli", 8) + DRAWS, "--outputs", "V"))
    together = groups.meta["design"]["rows_together"]
    checks.check(together > 1 and len(groups.prefix(2 * together)) == 2 * together, "whole groups")
    refused(checks, "half a group", f"multiple of {together}", groups.prefix, together + 1)
    refused(checks, "no growth rates", "growth_rate: no row", lambda: nothing(args, checks, folder))


def nothing(args, checks, folder):
    """An output without any value has nothing to be scaled by."""
    text = design("sobol", 64) + DRAWS + '[output]\nvariables = ["V", "growth_rate"]\n'
    data = nessmap_tools.load(export(args, checks, folder, "growth", text))
    checks.check(len(data.rows(None)) == 0 and len(data.rows(None, has_values=False)) == 64, "rows without values")
    data.scaled_outputs(data.Y)


def check_wrong_folders(checks, folder, scratch):
    refused(checks, "no folder", "no such folder", nessmap_tools.load, scratch / "nowhere")
    refused(checks, "another folder", "meta.json", nessmap_tools.load, scratch)
    refused(checks, "a file", "no such folder", nessmap_tools.load, folder / "meta.json")
    text = (folder / "meta.json").read_text()
    n_bytes = (folder / "X.npy").stat().st_size
    array = np.load(folder / "X.npy")
    garbage = b"\x93NUMPX" + bytes(n_bytes - 6)

    def page(**changes):
        meta = json.loads(text) | changes
        return lambda place: (place / "meta.json").write_text(json.dumps(meta))

    def lie(old, new):
        assert old in text
        return lambda place: (place / "meta.json").write_text(text.replace(old, new, 1))

    cases = {
        "no page": (lambda place: (place / "meta.json").unlink(), "no meta.json"),
        "half a page": (lambda place: (place / "meta.json").write_text(text[: len(text) // 2]), "cannot be read"),
        "a list": (lambda place: (place / "meta.json").write_text("[]"), "nessmap_export"),
        "another schema": (page(schema="other"), "nessmap_export"),
        "a later schema": (page(schema_version=2), "schema version 2"),
        "no inputs": (page(inputs=None), "is not a page"),
        "fewer inputs": (page(inputs=json.loads(text)["inputs"][1:]), "lists <f4 (1000, 3) as X.npy"),
        "fewer rows": (page(n=999), "where <f4 (999, 3) belongs"),
        "no list of files": (page(files=[]), "no such file as X.npy"),
        "another type": (lie('"dtype": "<f4"', '"dtype": "<f8"'), "lists <f8"),
        "no array": (lambda place: (place / "X.npy").unlink(), "X.npy: is missing"),
        "no derivatives": (lambda place: (place / "dY_dX.npy").unlink(), "dY_dX.npy: is missing"),
        "half an array": (
            lambda place: (place / "X.npy").write_bytes(b"half"),
            f"4 bytes, and meta.json says {n_bytes}",
        ),
        "no array of NumPy": (lambda place: (place / "X.npy").write_bytes(garbage), "X.npy: is not an array"),
        "by columns": (lambda place: np.save(place / "X.npy", np.asfortranarray(array)), "X.npy: holds"),
        "on its side": (lambda place: np.save(place / "X.npy", array.T.copy()), "X.npy: holds <f4 (3, 1000)"),
        "of integers": (lambda place: np.save(place / "X.npy", array.view("<i4")), "X.npy: holds <i4"),
    }
    for name, (spoil, word) in cases.items():
        place = scratch / "spoilt"
        shutil.copytree(folder, place)
        spoil(place)
        for in_memory in (False, True):
            refused(checks, name, word, nessmap_tools.load, place, in_memory=in_memory)
        shutil.rmtree(place)


# --- the package ------------------------------------------------------------------------------------------------


def check_package(checks):
    header = (harness.ROOT / "src" / "version.h").read_text()
    version = re.search(r'#define NM_VERSION "(.+)"', header)[1]
    checks.check(
        nessmap_tools.__version__ == version, f"version {nessmap_tools.__version__}, and src/version.h {version}"
    )
    checks.check((TOOLS / "nessmap_tools" / "py.typed").is_file(), "its types are for others, too")
    lacking = [name for name in nessmap_tools.__all__ if not getattr(nessmap_tools, name).__doc__]
    checks.check(not lacking, f"without a docstring: {lacking}")
    refused(checks, "attribute", "Column_", lambda: nessmap_tools.Column_, kind=AttributeError)

    # where torch is missing, it is missed when it is asked for
    code = "import sys; sys.modules['torch'] = None; import nessmap_tools; print('here'); nessmap_tools.Rows"
    done = subprocess.run([sys.executable, "-c", code], cwd=TOOLS, capture_output=True, text=True)
    last = done.stderr.strip().splitlines()[-1]
    checks.check(done.stdout == "here\n" and "ImportError" in last and "pip install torch" in last, f"no torch: {done}")


def check_benchmark(checks, data, folder):
    script = [sys.executable, TOOLS / "bench_loader.py"]
    options = ["--rounds", "1", "--seconds", "0", "--size", "50", "--no-torch"]
    done = subprocess.run([*script, data, folder / "learn.nc", *options], capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    checks.check(done.returncode == 0 and len(lines) == 8, f"bench_loader: {done}")
    done = subprocess.run([*script, data, folder / "sample.nc", *options], capture_output=True, text=True)
    checks.check(done.returncode == 2 and "sample.nc" in done.stderr, f"bench_loader of another file: {done}")


def run_checks(args, checks):
    def timed(check, *arguments):
        began = time.monotonic()
        result = check(*arguments)
        print(f"  {check.__name__}: {time.monotonic() - began:.1f} s", flush=True)
        return result

    with harness.scratch() as name:
        scratch = pathlib.Path(name)
        timed(check_open, args, checks, scratch)
        timed(check_not_files, checks, scratch)
        text = design("sobol", 1000) + DRAWS + '[output]\nvariables = ["V", "ell"]\ngradients = ["V", "ell"]\n'
        folder = export(args, checks, scratch, "learn", text, "--hold-out", "g_Na=0.3..1")
        spoil_slope(folder)
        data, raw = timed(check_load, checks, folder)
        timed(check_rows, checks, data, raw)
        timed(check_scaling, checks, data, raw)
        timed(check_batches, checks, data, raw)
        timed(check_prefix, args, checks, scratch, data, raw)
        timed(check_wrong_folders, checks, folder, scratch)
        timed(check_package, checks)
        timed(check_benchmark, checks, export(args, checks, scratch, "learn", text, "--fresh"), scratch)


def spoil_slope(folder):
    """One row with values loses a derivative, as at a singular Jacobian."""
    slopes = np.load(folder / "dY_dX.npy", mmap_mode="r+")
    slopes[np.flatnonzero(np.isfinite(slopes).all(axis=(1, 2)))[0], 0, 1] = np.nan


def test_tools():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
