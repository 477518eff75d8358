"""Opens every layout of file, says what it can be drawn as, and chooses the part to draw. SI units throughout."""

from __future__ import annotations

import warnings
from os import PathLike, fspath
from typing import Any, Iterable, Mapping, NamedTuple, Sequence

import numpy as np
import numpy.typing as npt
import xarray

from .. import netcdf
from ..errors import Refused
from . import classes
from .words import number, plural, prose, quantity, symbol, unit_of, values_of

SHARE = "steady_share"  # of the draws in a cell: made of outcomes or counts
SHARE_ATTRIBUTES = {"units": "%", "long_name": "draws with a steady state"}
CODE = "code"  # outcome as a number of classes.CODES
LAYOUTS = {
    "grid": "a grid",
    "sample": "a list of samples",
    "bins": "a map of bins",
    "summary": "a summary of a whole scan",
    "indices": "a file of sensitivity indices",
    "refined": "a refined boundary",
    "segments": "a boundary on segments",
    "trace": "a time course",
}
# numbers about the solution rather than of it: never chosen unasked
NUMERICAL = ("resid", "delta", "iterations", "n_states", "growth_rate", "a_max", "closure", SHARE, CODE)


class Part(NamedTuple):
    """What is drawn of a file: one or two axes, and what is said about the others."""

    cells: xarray.Dataset
    x: str
    y: str | None
    notes: list[str]


def open_cells(path: str | PathLike[str]) -> xarray.Dataset:
    """A file of nessmap in SI units, with CODE beside `outcome`; raises Refused."""
    cells = netcdf.open(path)
    if "outcome" in cells.data_vars:
        cells[CODE] = (cells["outcome"].dims, classes.codes_of(cells["outcome"].values))
    if layout_of(cells) is None:
        cells.close()
        raise Refused(f"{fspath(path)}: has no variable `outcome`, so there is nothing of nessmap to draw")
    return cells


def layout_of(cells: xarray.Dataset) -> str | None:
    """A key of LAYOUTS."""
    reduce, layout = cells.attrs.get("nessmap_reduce"), cells.attrs.get("nessmap_layout")
    if reduce == "bins":
        return "bins"
    if reduce == "summary":
        return "summary"
    if reduce is not None and "input" in cells.dims:
        return "indices"
    if layout == "trace":
        return "trace"
    if "boundary_pair" in cells:
        return "segments"
    if "boundary_half_width" in cells:
        return "refined"
    if "outcome" in cells:
        return "sample" if "sample" in cells["outcome"].dims else "grid"
    return None


def kinds_of(cells: xarray.Dataset) -> list[str]:
    """The kinds of picture that a file can be drawn as without options, the best first."""
    layout = layout_of(cells)
    if layout in ("summary", "indices"):
        return ["distributions" if layout == "summary" else "indices"]
    if layout == "trace":
        return ["course", *(["budget"] if stored(cells, "Tsigma_") else [])]
    if layout == "segments":
        return ["boundary", "distributions", "budget"]
    if layout == "sample":
        return ["distributions", "budget"]
    n_long = sum(cells.sizes[axis] > 1 for axis in axes_of(cells))
    found = ["map"] if n_long >= 2 else []
    if layout == "refined":
        found = ["boundary", *found]
    elif n_long > 0 and has_share(cells):
        found = ["probability", *found]
    elif layout == "bins" and n_long > 0:
        found = ["distributions", *found]
    found += ["lines"] if n_long > 0 else []
    if "distributions" not in found and (layout == "bins" or n_points(cells) > 1):
        found.append("distributions")
    return found + ([] if layout == "bins" else ["budget"])


def has_share(cells: xarray.Dataset) -> bool:
    """True where each cell has several draws whose outcomes are known."""
    if layout_of(cells) == "bins":
        # a bin along an output holds only points that have the output
        return all(is_parameter(cells, axis) for axis in axes_of(cells))
    return "outcome" in cells and "draw" in cells["outcome"].dims


def is_parameter(cells: xarray.Dataset, name: str) -> bool:
    """True for what is put in, false for an output that bins are along."""
    drawn = str(cells.attrs.get("nessmap_reduced_parameters", "")).split()
    return "n_outside" not in cells or name in drawn


def axes_of(cells: xarray.Dataset) -> list[str]:
    """Axes of the scan, slowest first."""
    over = cells["n"] if layout_of(cells) == "bins" else cells.get("outcome")
    if over is None or layout_of(cells) in ("sample", "segments", "trace", "summary"):
        return []
    return [str(dim) for dim in over.dims if dim != "draw"]


def n_points(cells: xarray.Dataset) -> int:
    return int(cells["outcome"].size) if "outcome" in cells.data_vars else 0


def stored(cells: xarray.Dataset, prefix: str) -> list[str]:
    """Outputs of a family that the file holds: dissipations of all pathways, say."""
    return [str(n) for n in cells.data_vars if str(n).startswith(prefix) and not str(n).endswith("_total")]


def as_points(cells: xarray.Dataset) -> xarray.Dataset:
    """A file of bins in the form of one of points: the most frequent outcome, and the share with a steady state."""
    counts = cells["count"].reindex(outcome=classes.NAMES, fill_value=0).transpose(..., "outcome")
    dims, known = cells["n"].dims, counts.values
    codes = np.where(cells["n"].values > 0, known.argmax(-1), classes.CODES["not_run"]).astype(np.int8)
    n_run = (known.sum(-1) - known[..., classes.CODES["not_run"]]).astype(float)
    valid = str(cells.attrs.get("valid_outcomes", " ".join(classes.VALUED))).split()
    n_steady = known[..., [classes.CODES[name] for name in valid]].sum(-1)
    share = percents(n_steady, n_run)
    return cells.drop_dims(["outcome", "flag"], errors="ignore").assign(
        {CODE: (dims, codes), SHARE: (dims, share, SHARE_ATTRIBUTES)}
    )


def percents(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """NaN of nothing."""
    return np.divide(100.0 * part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


def without_draws(cells: xarray.Dataset) -> xarray.Dataset:
    """Several draws in a cell as the most frequent outcome, the share with a steady state, and medians."""
    codes = cells[CODE].transpose(..., "draw")
    counts = np.stack([(codes.values == code).sum(-1) for code in classes.CODES.values()])
    dims, n_run = codes.dims[:-1], counts.sum(0) - counts[classes.CODES["not_run"]]
    n_steady = counts[[classes.CODES[name] for name in classes.VALUED]].sum(0)
    share = percents(n_steady, n_run)
    names = [str(n) for n, v in cells.data_vars.items() if "draw" in v.dims and np.issubdtype(v.dtype, np.floating)]
    outputs = cells[names]
    with warnings.catch_warnings():
        # empty cells have no quantile, which is no fault
        warnings.simplefilter("ignore", RuntimeWarning)
        rank = outputs.quantile([0.05, 0.5, 0.95], "draw", skipna=True, keep_attrs=True) if names else outputs
    found = {CODE: (dims, counts.argmax(0).astype(np.int8)), SHARE: (dims, share, SHARE_ATTRIBUTES)}
    for name in names:
        for suffix, level in (("_q05", 0), ("", 1), ("_q95", 2)):
            found[name + suffix] = rank[name].isel(quantile=level, drop=True)
    return cells.drop_dims("draw").assign(found)


def selected(cells: xarray.Dataset, axes: Sequence[str], texts: Iterable[str]) -> dict[str, float]:
    """NAME=VALUE, in the units of the file, for axes of the file."""
    wanted = {}
    for text in texts:
        name, _, value = text.partition("=")
        if name not in axes:
            raise Refused(f"--sel {text}: the axes of this file are {', '.join(axes) or 'none'}")
        try:
            wanted[name] = float(value)
        except ValueError:
            raise Refused(f"--sel {text}: {value!r} is not a number") from None
    return wanted


def held(cells: xarray.Dataset, axes: Sequence[str], wanted: Mapping[str, float]) -> tuple[xarray.Dataset, list[str]]:
    """The file at one value of each of `axes`, the nearest to the wanted one or the middle, and what is said of it."""
    notes = []
    for axis in axes:
        if axis in wanted:
            # by hand, as the values of an axis need neither rise nor be different
            cells = cells.isel({axis: int(np.abs(cells[axis].values - wanted[axis]).argmin())})
        else:
            cells = cells.isel({axis: cells.sizes[axis] // 2})
        notes.append(f"{symbol(axis)} = {quantity(float(values_of(cells[axis])), unit_of(cells[axis]).label)}")
    return cells, notes


def choose(cells: xarray.Dataset, x: str | None, y: str | None, texts: Iterable[str], n_wanted: int = 2) -> Part:
    """The part of a file with axes to draw: at most `n_wanted` axes, the others held."""
    axes = axes_of(cells)
    wanted = selected(cells, axes, texts)
    for name in (x, y):
        if name is not None and name not in axes:
            raise Refused(f"no axis {name}: the axes of this file are {', '.join(axes)}")
    if x is not None and x == y:
        raise Refused(f"--x {x} --y {y}: two different axes are needed")
    for name in (x, y):
        if name in wanted:
            raise Refused(f"--sel {name}: is an axis of the picture, too; leave one out")
    free = [axis for axis in axes if axis not in wanted and axis not in (x, y) and cells.sizes[axis] > 1]
    if x is None and free:
        x = free.pop(0)
    if y is None and free and n_wanted == 2:
        y = free.pop(0)
    if x is None:
        x, y = y, None
    if x is None:
        raise Refused("nothing is left to draw: every axis is held at one value")
    if y is None and n_wanted == 2 and cells.sizes[x] == 1:
        raise Refused(f"{x} has one value: there is nothing to draw along")
    attributes = cells.attrs
    part, notes = held(cells, [axis for axis in axes if axis not in (x, y)], wanted)
    if layout_of(cells) == "bins":
        n_draws = int(cells["draw"]) if "draw" in cells.coords else 0
        notes.append("most frequent outcome of " + (plural(n_draws, "draw") if n_draws else "a bin's points"))
        part = as_points(part) if has_share(cells) else as_points(part).drop_vars(SHARE)
    elif "draw" in part[CODE].dims:
        notes.append(f"most frequent outcome and median of {plural(part.sizes['draw'], 'draw')}")
        part = without_draws(part)
    part.attrs = attributes
    return Part(part, x, y, notes)


def codes_over(cells: xarray.Dataset, dims: Sequence[str]) -> npt.NDArray[np.int8]:
    codes: npt.NDArray[np.int8] = cells[CODE].transpose(*dims).values
    return codes


def outputs_over(cells: xarray.Dataset, dims: Sequence[str]) -> list[str]:
    """Outputs that can be drawn over some dimensions."""
    return [
        str(name)
        for name, v in cells.data_vars.items()
        if set(v.dims) == set(dims) and np.issubdtype(v.dtype, np.floating) and name != CODE
    ]


def asked_outputs(names: Sequence[str], asked: Sequence[str]) -> list[str]:
    for name in asked:
        if name not in names:
            raise Refused(f"--show {name}: the outputs of this file are {', '.join(names) or 'none'}")
    return list(asked)


def shown_outputs(cells: xarray.Dataset, dims: Sequence[str], asked: Sequence[str]) -> list[str]:
    """Two outputs to draw beside the classes: those asked for, else what the cell is like and what that costs."""
    names = outputs_over(cells, dims)
    if asked:
        return asked_outputs(names, asked)
    if layout_of(cells) == "bins":
        if SHARE not in names:
            return ["n"]
        means = sorted((name for name in names if name.endswith("_mean")), key=lambda name: name != "V_mean")
        return [SHARE] + means[:1]
    rest = states_first(cells, [name for name in names if not is_minor(cells[name])])
    second = [n for n in ("sigma_total", "Tsigma_total", "tau_slow") if n in rest] + rest
    left = rest[0] if rest else None
    right = next((n for n in second if n != left), None)
    return [name for name in (left, right) if name]


def is_minor(variable: xarray.DataArray) -> bool:
    """True for numbers about the solution, derivatives and bands: not drawn unasked."""
    name = str(variable.name)
    is_slope = str(variable.attrs.get("long_name", "")).startswith("derivative of")
    return name in NUMERICAL or is_slope or name.endswith(("_q05", "_q95"))


def states_first(cells: xarray.Dataset, names: Sequence[str]) -> list[str]:
    """The potential, what else is a state of the model, net fluxes, and all else."""

    def rank(name: str) -> int:
        text, unit = str(cells[name].attrs.get("long_name", "")), cells[name].attrs.get("units")
        if name in ("V", "Q"):
            return 0
        if unit == "mol m-3" or text.startswith(("concentration: ", "electric potential")):
            return 1
        return 2 if name.startswith("J_") else 3

    return sorted(names, key=rank)


def coordinate(cells: xarray.Dataset, name: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], str]:
    """Values in units for people, edges of the cells between them, and the scale of an axis."""
    values = values_of(cells[name])
    scale = cells[name].attrs.get("nessmap_scale")
    is_log = bool(np.all(values > 0)) and (scale == "log" or scale == "list" and values.max() > 30 * values.min())
    bounds = cells[name].attrs.get("bounds")
    if bounds in cells.variables:
        rims = cells[bounds].values.astype(float) * unit_of(cells[name]).factor
        return values, np.append(rims[:, 0], rims[-1, 1]), "log" if is_log else "linear"
    at = np.log(values) if is_log else values
    if len(at) == 1:
        half = 0.5 if is_log else 0.5 * (abs(at[0]) or 1.0)
        edges = np.array([at[0] - half, at[0] + half])
    else:
        middle = 0.5 * (at[1:] + at[:-1])
        edges = np.concatenate([[2 * at[0] - middle[0]], middle, [2 * at[-1] - middle[-1]]])
    return values, np.exp(edges) if is_log else edges, "log" if is_log else "linear"


def is_wide(values: npt.NDArray[np.float64]) -> bool:
    """True where a logarithmic scale tells more: positive and over more than two decades."""
    positive = values[np.isfinite(values) & (values > 0)]
    if positive.size == 0 or np.nanmin(values) < -1e-9 * positive.max():
        return False
    low, high = np.percentile(positive, [2, 98])
    return bool(high > 100 * low)


def variant_of(cells: xarray.Dataset) -> tuple[dict[str, str], str]:
    """Variants of the model as the file's configuration says them, and the model."""
    config = netcdf.config(cells) if "nessmap_config" in cells.attrs else {}
    return config.get("variant", {}), str(config.get("model", cells.attrs.get("nessmap_model", "")))


def heading(cells: xarray.Dataset, notes: Sequence[str]) -> tuple[str, str]:
    """Title and subtitle."""
    variants, model = variant_of(cells)
    title = str(cells.attrs.get("title", "")) or model
    words = [model] if model and model not in title else []
    words += [f"{name} {choice}" for name, choice in variants.items()] + list(notes)
    return prose(title), ", ".join(words)


def class_words(cells: xarray.Dataset) -> dict[str, str]:
    """What each class is called in the pictures of a file."""
    words = {name: entry.words for name, entry in classes.CLASSES.items()}
    if growth := cells.attrs.get("nessmap_growth_name"):
        words["no_steady_state_growth"] = f"no steady state: {growth}"
    if "n_outside" in cells:
        words["not_run"] = "no point"
    return words


def log_limits(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Ends of a logarithmic scale: round-off about zero is left below it."""
    positive = values[np.isfinite(values) & (values > 0)]
    high = float(positive.max())
    return max(float(np.percentile(positive, 3)), 1e-9 * high), high


def settled(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Round-off about zero as zero."""
    largest = np.nanmax(np.abs(values), initial=0.0)
    return np.where(np.abs(values) < 1e-12 * largest, 0.0, values)


def spread(values: npt.NDArray[np.float64]) -> list[str]:
    """Lowest, median and highest as texts."""
    finite = settled(values[np.isfinite(values)])
    if finite.size == 0:
        return ["–", "–", "–"]
    return [number(float(v)) for v in (finite.min(), np.median(finite), finite.max())]
