"""What `nessmap export` writes, as NumPy arrays: mapped from disk, checked against their page, in batches.

1. columns and batches   2. an export   3. reading a folder
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import Refused

SCHEMA = "nessmap_export"
SCHEMA_VERSION = 1
PARTS = ("train", "validation", "test", "extrapolation")  # of split.npy, by their codes
_DTYPES = {"X": "<f4", "Y": "<f4", "dY_dX": "<f4", "outcome": "|i1", "flags": "<u2", "split": "|u1"}
_PIECE = 1 << 20  # rows that are looked through at once

# --- 1. columns and batches -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """An input or output: what it is, and statistics of its float32 numbers (None where there are none).

    Statistics of an input are over all rows, of an output over the `n_valid` rows with a finite value and an outcome
    that has values; `sd` is that of a sample (n - 1). All in `unit`, ln_mean and ln_sd of the natural logarithm.
    """

    name: str
    unit: str
    text: str
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    sd: float | None = None
    n_valid: int | None = None  # outputs alone
    drawn: str | None = None  # inputs alone from here: "axis", a distribution, "table", "tie"
    scale: str = "linear"  # or "log"
    low: float | None = None  # of the axis or distribution; None where it has no end
    high: float | None = None
    ln_mean: float | None = None  # where scale is "log"
    ln_sd: float | None = None


class Batch(NamedTuple):
    """Rows of an export; each array is C-contiguous and its own."""

    x: NDArray[np.float32]  # [n, inputs], units of inputs[]
    y: NDArray[np.float32]  # [n, outputs], units of outputs[]; NaN where a row has no value
    slopes: NDArray[np.float32] | None  # [n, outputs, inputs], dy/dx in unit of output / unit of input
    outcome: NDArray[np.int8]  # [n], codes of outcomes
    flags: NDArray[np.uint16]  # [n], bits of meta["flags"]
    rows: NDArray[np.int64]  # [n], their numbers


class _Scaling:
    """z = (x - mean) / sd of columns, of ln x where the scale is log; what does not vary is only shifted."""

    def __init__(self, columns: Sequence[Column], what: str) -> None:
        self.is_log = np.array([c.scale == "log" for c in columns], dtype=bool)
        means = [c.ln_mean if c.scale == "log" else c.mean for c in columns]
        sds = [c.ln_sd if c.scale == "log" else c.sd for c in columns]
        for column, mean in zip(columns, means):
            if mean is None:
                raise Refused(f"{what} {column.name}: no row has a value, so there is nothing to scale by")
        self.mean = np.array(means, dtype=np.float64)
        self.sd = np.array([sd or 1.0 for sd in sds], dtype=np.float64)
        self.what = what

    def _shaped(self, values: ArrayLike) -> NDArray[np.float64]:
        array = np.array(values, dtype=np.float64)
        if array.ndim == 0 or array.shape[-1] != len(self.mean):
            raise Refused(f"{self.what}s: the last dimension must be {len(self.mean)}, but the shape is {array.shape}")
        return array

    def scaled(self, values: ArrayLike) -> NDArray[np.float32]:
        array = self._shaped(values)
        if self.is_log.any():
            array[..., self.is_log] = np.log(array[..., self.is_log])
        return ((array - self.mean) / self.sd).astype(np.float32)

    def unscaled(self, values: ArrayLike) -> NDArray[np.float32]:
        array = self._shaped(values) * self.sd + self.mean
        if self.is_log.any():
            array[..., self.is_log] = np.exp(array[..., self.is_log])
        return array.astype(np.float32)

    def steps(self, values: ArrayLike) -> NDArray[np.float64]:
        """dx/dz at x."""
        return np.where(self.is_log, self._shaped(values), 1.0) * self.sd


# --- 2. an export -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Export:
    """A folder that `nessmap export` wrote; row i is point i of the scan. Made by `load`.

    Arrays map the files and are read-only, or are in memory. Pickled, an Export is its folder: the other side opens
    it again, so workers share the pages of the system's cache.
    """

    folder: Path
    meta: dict[str, Any]  # meta.json, of the whole folder; keys are those of the README
    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...]
    X: NDArray[np.float32]  # [n, inputs]
    Y: NDArray[np.float32]  # [n, outputs], NaN where a row has no value
    dY_dX: NDArray[np.float32] | None  # [n, outputs, inputs], or None where the folder has none
    outcome: NDArray[np.int8]  # [n]
    flags: NDArray[np.uint16]  # [n]
    split: NDArray[np.uint8]  # [n], codes of PARTS
    in_memory: bool = False

    def __len__(self) -> int:
        return len(self.X)

    def __repr__(self) -> str:
        names = [", ".join(column.name for column in columns) for columns in (self.inputs, self.outputs)]
        slopes = "with" if self.dY_dX is not None else "without"
        return f"Export({str(self.folder)!r}: {len(self):,} rows, {names[0]} -> {names[1]}, {slopes} derivatives)"

    def __reduce__(self) -> tuple[Any, ...]:
        return _load_prefix, (self.folder, self.in_memory, len(self))

    def outcome_code(self, name: str) -> int:
        """Code in `outcome` of an outcome by its name: "ness" -> 1. Raises Refused where there is no such outcome."""
        for outcome in self.meta["outcomes"]:
            if outcome["name"] == name:
                return int(outcome["code"])
        names = ", ".join(outcome["name"] for outcome in self.meta["outcomes"])
        raise Refused(f"no outcome {name!r}: there are {names}")

    def rows(self, part: str | None = None, has_values: bool = True, has_slopes: bool = False) -> NDArray[np.int64]:
        """Numbers of rows, rising.

        part: "train", "validation", "test" or "extrapolation"; None: all. has_values: only rows whose outcome has
        values and whose outputs are all finite. has_slopes: only rows whose derivatives are all finite.
        Raises Refused for an unknown part, or where derivatives are asked for and the folder has none.
        """
        if part is not None and part not in PARTS:
            raise Refused(f"no part {part!r}: there are {', '.join(PARTS)}")
        if has_slopes and self.dY_dX is None:
            raise Refused(f"{self.folder}: holds no derivatives; [output] gradients asks for them")
        valued = np.zeros(256, dtype=bool)
        valued[[outcome["code"] for outcome in self.meta["outcomes"] if outcome["has_values"]]] = True
        found = []
        for first in range(0, len(self), _PIECE):
            piece = slice(first, first + _PIECE)
            chosen = np.ones(len(self.split[piece]), dtype=bool)
            if part is not None:
                chosen &= self.split[piece] == PARTS.index(part)
            if has_values:
                chosen &= valued[self.outcome[piece].view(np.uint8)] & np.isfinite(self.Y[piece]).all(axis=1)
            if has_slopes and self.dY_dX is not None:
                chosen &= np.isfinite(self.dY_dX[piece]).all(axis=(1, 2))
            found.append(first + np.flatnonzero(chosen))
        return np.concatenate(found).astype(np.int64)

    def prefix(self, n: int) -> "Export":
        """The first n rows: a smaller set of the same design, whose rows keep their parts.

        Statistics of columns and `meta` stay those of the folder, so that sets of all sizes are scaled alike. Raises
        Refused where the first rows are no smaller set of the design (grids, Latin hypercubes, replicates), or n
        is not 1 to len(self) or tears rows apart that belong together.
        """
        design = self.meta["design"]
        together = design["rows_together"]
        if not design["prefix_is_smaller_set"]:
            raise Refused(f"{self.folder}: the first rows of the design {design['kind']!r} are not a smaller set of it")
        if not 1 <= n <= len(self):
            raise Refused(f"{self.folder}: a prefix of {n} rows of {len(self)}")
        if n % together != 0:
            raise Refused(
                f"{self.folder}: a prefix must be a multiple of {together} rows, which share a base point, not {n}"
            )
        return self._first(n)

    def _first(self, n: int) -> "Export":
        first = slice(n)
        return replace(
            self,
            X=self.X[first],
            Y=self.Y[first],
            dY_dX=None if self.dY_dX is None else self.dY_dX[first],
            outcome=self.outcome[first],
            flags=self.flags[first],
            split=self.split[first],
        )

    def scaled_inputs(self, x: ArrayLike) -> NDArray[np.float32]:
        """Z-scores of inputs [..., inputs] by the statistics of meta.json: of ln x where the scale is log."""
        return _Scaling(self.inputs, "input").scaled(x)

    def unscaled_inputs(self, z: ArrayLike) -> NDArray[np.float32]:
        """Inputs in their units from z-scores [..., inputs]."""
        return _Scaling(self.inputs, "input").unscaled(z)

    def scaled_outputs(self, y: ArrayLike) -> NDArray[np.float32]:
        """Z-scores of outputs [..., outputs] by the statistics of meta.json; NaN stays. Raises Refused where an
        output has no value at all."""
        return _Scaling(self.outputs, "output").scaled(y)

    def unscaled_outputs(self, z: ArrayLike) -> NDArray[np.float32]:
        """Outputs in their units from z-scores [..., outputs]."""
        return _Scaling(self.outputs, "output").unscaled(z)

    def scaled_slopes(self, x: ArrayLike, slopes: ArrayLike) -> NDArray[np.float32]:
        """Derivatives of scaled_outputs by scaled_inputs [..., outputs, inputs], from those of the files at x."""
        of_inputs = _Scaling(self.inputs, "input").steps(x)[..., np.newaxis, :]
        of_outputs = _Scaling(self.outputs, "output").sd[:, np.newaxis]
        return (np.asarray(slopes) * of_inputs / of_outputs).astype(np.float32)

    def batch(self, rows: ArrayLike) -> Batch:
        """The rows of these numbers in the order given. Raises IndexError for numbers outside 0 to len(self) - 1."""
        numbers = np.asarray(rows, dtype=np.int64)
        if numbers.size > 0 and (numbers.min() < 0 or numbers.max() >= len(self)):
            raise IndexError(f"rows {numbers.min()} to {numbers.max()} of an export of {len(self)}")
        return self._gather(numbers)

    def _gather(self, rows: NDArray[np.int64]) -> Batch:
        def take(array: NDArray[Any]) -> NDArray[Any]:
            return array.take(rows, axis=0)

        slopes = None if self.dY_dX is None else take(self.dY_dX)
        return Batch(take(self.X), take(self.Y), slopes, take(self.outcome), take(self.flags), rows)

    def batches(
        self, rows: ArrayLike | None = None, size: int = 4096, seed: int = 0, epoch: int = 0, shuffle: bool = True
    ) -> Iterator[Batch]:
        """One epoch over `rows` (default: rows("train")), each of them once; the last batch may be smaller.

        shuffle: rows are shared out by chance, the same way for the same (seed, epoch); within a batch they rise,
        which reads mapped files in order. Else they come in the order given. Raises Refused for size < 1, IndexError
        for rows that there are not.
        """
        if size < 1:
            raise Refused(f"batches of {size} rows: the size must be at least 1")
        numbers = self.rows("train") if rows is None else np.array(rows, dtype=np.int64)
        if numbers.size > 0 and (numbers.min() < 0 or numbers.max() >= len(self)):
            raise IndexError(f"rows {numbers.min()} to {numbers.max()} of an export of {len(self)}")
        if shuffle:
            np.random.default_rng([seed, epoch]).shuffle(numbers)
        return self._epoch(numbers, size, shuffle)

    def _epoch(self, numbers: NDArray[np.int64], size: int, shuffle: bool) -> Iterator[Batch]:
        for first in range(0, len(numbers), size):
            chosen = numbers[first : first + size]
            yield self._gather(np.sort(chosen) if shuffle else chosen)


# --- 3. reading a folder ----------------------------------------------------------------------------------------


def load(folder: str | PathLike[str], in_memory: bool = False) -> Export:
    """Opens a folder that `nessmap export` wrote.

    in_memory: reads the arrays; else they are mapped, and what is never used is never read. Checked at once: schema,
    and that each file has the type, shape and length that meta.json says; `nessmap export --check` reads all again.
    Raises Refused with one sentence.
    """
    folder = Path(folder)
    meta = _read_meta(folder)
    try:
        inputs = tuple(_column(entry) for entry in meta["inputs"])
        outputs = tuple(_column(entry) for entry in meta["outputs"])
        shapes = _shapes(int(meta["n"]), len(inputs), len(outputs), meta["derivatives"] is not None)
        entries = {entry["name"]: (entry["dtype"], tuple(entry["shape"]), entry["bytes"]) for entry in meta["files"]}
    except (KeyError, TypeError, ValueError) as error:
        raise Refused(
            f"{folder / 'meta.json'}: is not a page of nessmap export ({type(error).__name__}: {error})"
        ) from None
    arrays: dict[str, Any] = {"dY_dX": None}
    for name, shape in shapes.items():
        arrays[name] = _read_array(folder / f"{name}.npy", shape, _DTYPES[name], entries, in_memory)
    return Export(folder.absolute(), meta, inputs, outputs, in_memory=in_memory, **arrays)


def _load_prefix(folder: Path, in_memory: bool, n: int) -> Export:
    whole = load(folder, in_memory)
    return whole if n == len(whole) else whole._first(n)


def _read_meta(folder: Path) -> dict[str, Any]:
    path = folder / "meta.json"
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        what = "has no meta.json, so it is not what `nessmap export` writes" if folder.is_dir() else "no such folder"
        raise Refused(f"{folder}: {what}") from None
    except (OSError, ValueError) as error:
        raise Refused(f"{path}: cannot be read ({error})") from None
    if not isinstance(meta, dict) or meta.get("schema") != SCHEMA:
        raise Refused(f"{path}: its schema is not {SCHEMA!r}, so it is not what `nessmap export` writes")
    if meta.get("schema_version") != SCHEMA_VERSION:
        raise Refused(
            f"{path}: is of schema version {meta.get('schema_version')}, and this version of nessmap_tools knows {SCHEMA_VERSION}"
        )
    return meta


def _column(entry: Mapping[str, Any]) -> Column:
    return Column(**{field.name: entry[field.name] for field in fields(Column) if field.name in entry})


def _shapes(n: int, n_inputs: int, n_outputs: int, has_slopes: bool) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"X": (n, n_inputs), "Y": (n, n_outputs)}
    if has_slopes:
        shapes["dY_dX"] = (n, n_outputs, n_inputs)
    return {**shapes, "outcome": (n,), "flags": (n,), "split": (n,)}


def _read_array(
    path: Path,
    shape: tuple[int, ...],
    dtype: str,
    entries: Mapping[str, tuple[str, tuple[int, ...], int]],
    in_memory: bool,
) -> NDArray[Any]:
    if path.name not in entries or entries[path.name][:2] != (dtype, shape):
        found = "{} {}".format(*entries[path.name]) if path.name in entries else "no such file"
        raise Refused(f"{path.parent / 'meta.json'}: lists {found} as {path.name}, where {dtype} {shape} belongs")
    n_bytes = entries[path.name][2]
    try:
        size = path.stat().st_size
        if size != n_bytes:
            raise Refused(f"{path}: has {size} bytes, and meta.json says {n_bytes}")
        array = np.load(path, mmap_mode=None if in_memory else "r", allow_pickle=False)
    except FileNotFoundError:
        raise Refused(f"{path}: is missing") from None
    except Refused:
        raise
    except (OSError, ValueError) as error:
        raise Refused(f"{path}: is not an array that NumPy reads ({error})") from None
    if array.dtype.str != dtype or array.shape != shape or not array.flags.c_contiguous:
        raise Refused(f"{path}: holds {array.dtype.str} {array.shape}, and meta.json says {dtype} {shape}")
    array.flags.writeable = False
    plain: NDArray[Any] = array.view(np.ndarray)
    return plain
