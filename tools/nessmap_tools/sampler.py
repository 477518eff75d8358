"""Fresh points in memory: the C API of nessmap (include/nessmap/nessmap.h) by ctypes.

The library computes into NumPy's own memory, on all cores, and holds Python's lock at no time, so that a training loop
in the same process goes on. Nothing is copied on the way back.
"""

from __future__ import annotations

import ctypes
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Sequence

import numpy as np
import numpy.typing as npt

from .errors import Refused

__all__ = ["Points", "Sampler", "SamplerColumn"]

_PARTS = ("inputs", "outputs", "derived", "by")


@dataclass(frozen=True)
class SamplerColumn:
    """What stands in a column: its name, its SI unit, and words on it."""

    name: str
    unit: str
    text: str


@dataclass(frozen=True)
class Points:
    """Solved points, one a row.

    X        [n, inputs]       parameters that vary
    Y        [n, outputs]      NaN where the outcome carries no value
    dY_dX    [n, derived, by]  NaN where there is none; None where the scan has no [output] gradients
    outcome  [n] int8          the codes of nessmap's files: 0 equilibrium, 1 ness, 2 oscillatory, 3 unstable, ...
    flags    [n] uint16        bit masks, as in nessmap's files
    """

    X: npt.NDArray[Any]
    Y: npt.NDArray[Any]
    dY_dX: npt.NDArray[Any] | None
    outcome: npt.NDArray[np.int8]
    flags: npt.NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.outcome)


class _Column(ctypes.Structure):
    _fields_ = [(name, ctypes.c_char_p) for name in ("name", "unit", "text")]


class _Sample(ctypes.Structure):
    _fields_ = [("is_f64", ctypes.c_int)] + [
        (name, ctypes.c_void_p) for name in ("inputs", "outputs", "derivatives", "outcome", "flags")
    ]


def _candidates() -> list[Path]:
    """Where the library may lie: beside the program on PATH, in the build folder of a clone."""
    found: list[Path] = []
    program = shutil.which("nessmap")
    if program:
        folder = Path(program).resolve().parent
        found += [folder, *folder.parent.glob("lib*"), *folder.parent.glob("lib*/*-linux-gnu")]
    found.append(Path(__file__).resolve().parents[2] / "build")
    return [folder / "libnessmap.so" for folder in found]


def _load(library: str | os.PathLike[str] | None) -> ctypes.CDLL:
    chosen = library or os.environ.get("NESSMAP_LIBRARY")
    path = Path(chosen) if chosen else next((p for p in _candidates() if p.is_file()), None)
    try:
        lib = ctypes.CDLL(str(path.resolve()) if path else "libnessmap.so")
    except OSError as error:
        hint = "" if chosen else "; build nessmap, put it on PATH, or name the file by NESSMAP_LIBRARY"
        raise OSError(f"the library of nessmap cannot be loaded ({error}){hint}") from None
    pointer = ctypes.POINTER(ctypes.c_void_p)
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "nm_error": (ctypes.c_char_p, []),
        "nm_scan_open": (ctypes.c_int, [pointer, ctypes.c_char_p, ctypes.POINTER(ctypes.c_char_p), ctypes.c_int]),
        "nm_scan_close": (None, [pointer]),
        "nm_sampler_open": (ctypes.c_int, [pointer, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int]),
        "nm_sampler_close": (None, [pointer]),
        "nm_sampler_columns": (
            ctypes.c_int,
            [ctypes.POINTER(ctypes.POINTER(_Column)), ctypes.c_void_p, ctypes.c_int],
        ),
        "nm_sampler_n_points": (ctypes.c_int64, [ctypes.c_void_p]),
        "nm_sampler_points": (
            ctypes.c_int,
            [ctypes.c_void_p, ctypes.POINTER(_Sample), ctypes.c_int64, ctypes.c_int64],
        ),
        "nm_sampler_sets": (
            ctypes.c_int,
            [ctypes.c_void_p, ctypes.POINTER(_Sample), ctypes.c_void_p, ctypes.c_int64],
        ),
    }
    for name, (result, arguments) in signatures.items():
        try:
            function = getattr(lib, name)
        except AttributeError:
            raise OSError(f"{path}: has no {name}: it is of another version of nessmap") from None
        function.restype, function.argtypes = result, arguments
    return lib


class Sampler:
    """Solves points of a configuration into NumPy arrays.

    config     path of a TOML file; what its [[reduce]] would keep is of no matter
    overrides  as `--set` of the command line: ["design.n=1000000000", "g_Na=0.5"]
    backend    "cpu"; "cuda" or "auto" prepare the device anew for each call, which only large ones are worth
    threads    0: all cores
    lanes      16, 8 or 1 points side by side; 0: the widest of this processor
    dtype      of X, Y and dY_dX: numpy.float32 or numpy.float64
    library    path of libnessmap.so; left out: NESSMAP_LIBRARY, beside the program on PATH, the clone's build folder

    `inputs`, `outputs` say what the columns are; `derived`, `by` what the derivatives are of and by. Calls may run in
    several threads at once. Use it in a `with` block, or call close().

    raises Refused with nessmap's own sentence where the configuration is wrong, OSError where the library is.
    """

    def __init__(
        self,
        config: str | os.PathLike[str],
        overrides: Sequence[str] = (),
        *,
        backend: str = "cpu",
        threads: int = 0,
        lanes: int = 0,
        dtype: npt.DTypeLike = np.float32,
        library: str | os.PathLike[str] | None = None,
    ) -> None:
        self._scan, self._sampler = ctypes.c_void_p(), ctypes.c_void_p()
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
            raise Refused(f"dtype {self.dtype}: numpy.float32 or numpy.float64 is wanted")
        self._lib = _load(library)
        texts = (ctypes.c_char_p * max(1, len(overrides)))(*(text.encode() for text in overrides))
        self._try(self._lib.nm_scan_open(self._scan, os.fsencode(config), texts, len(overrides)))
        self._try(self._lib.nm_sampler_open(self._sampler, self._scan, backend.encode(), threads, lanes))
        self.inputs, self.outputs, self.derived, self.by = (self._columns(part) for part in range(len(_PARTS)))

    def __len__(self) -> int:
        """Number of points of the design."""
        return int(self._lib.nm_sampler_n_points(self._open()))

    def points(self, first: int, n: int) -> Points:
        """The points [first, first + n) of the design: the numbers of the file that `nessmap run` writes.

        raises Refused where the design has no such points."""
        points, sample = self._room(n)
        self._try(self._lib.nm_sampler_points(self._open(), sample, first, n))
        return points

    def solve(self, X: npt.ArrayLike) -> Points:
        """The caller's own sets, [n, inputs] in the order and in the SI units of `inputs`; ties follow them.

        raises Refused where the shape is another one."""
        sets = np.ascontiguousarray(X, dtype=self.dtype)
        if sets.ndim != 2 or sets.shape[1] != len(self.inputs):
            raise Refused(
                f"sets of the shape {sets.shape}: [n, {len(self.inputs)}] is wanted, a column for each of "
                + ", ".join(column.name for column in self.inputs)
            )
        points, sample = self._room(len(sets))
        self._try(self._lib.nm_sampler_sets(self._open(), sample, sets.ctypes.data, len(sets)))
        return points

    def close(self) -> None:
        """Gives the scan back; the arrays of earlier calls stay."""
        if self._sampler:
            self._lib.nm_sampler_close(self._sampler)
        if self._scan:
            self._lib.nm_scan_close(self._scan)

    def __enter__(self) -> Sampler:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_lib"):
            self.close()

    def _open(self) -> ctypes.c_void_p:
        if not self._sampler:
            raise Refused("the sampler is closed")
        return self._sampler

    def _try(self, status: int) -> None:
        if status != 0:
            raise Refused(self._lib.nm_error().decode(errors="replace"))

    def _columns(self, part: int) -> list[SamplerColumn]:
        columns = ctypes.POINTER(_Column)()
        n = self._lib.nm_sampler_columns(columns, self._sampler, part)
        return [
            SamplerColumn(*((text or b"").decode() for text in (c.name, c.unit, c.text))) for c in columns[:n]
        ]

    def _room(self, n: int) -> tuple[Points, _Sample]:
        if n < 0:
            raise Refused(f"{n} points: a number from 0 on is wanted")
        slopes = np.empty((n, len(self.derived), len(self.by)), self.dtype) if self.derived else None
        points = Points(
            X=np.empty((n, len(self.inputs)), self.dtype),
            Y=np.empty((n, len(self.outputs)), self.dtype),
            dY_dX=slopes,
            outcome=np.empty(n, np.int8),
            flags=np.empty(n, np.uint16),
        )
        return points, _Sample(
            self.dtype == np.float64,
            points.X.ctypes.data,
            points.Y.ctypes.data,
            None if slopes is None else slopes.ctypes.data,
            points.outcome.ctypes.data,
            points.flags.ctypes.data,
        )
