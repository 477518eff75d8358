"""The file that a report is of: what it keeps, its counts, its points, and what lies beside it."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Iterator, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray

from .. import program
from ..errors import Refused
from ..netcdf import config as read_config
from ..netcdf import open_raw
from ..plot.words import prose
from ..sampler import Sampler
from .words import FAILED

# what a file keeps: single points, cells of points, one cell, indices, a refined boundary, boundary points, a course
KINDS = ("points", "cells", "summary", "indices", "refined", "segments", "trace")


class Tally(NamedTuple):
    """How many points of each outcome lie at each value of a parameter, the values in rising order."""

    name: str
    is_log: bool
    values: npt.NDArray[Any]
    counts: dict[str, npt.NDArray[Any]]


class Source:
    """Values are read when they are asked for, one variable at a time, in SI units. Use it in a `with` block.

    raises Refused where the file is not one of nessmap, or keeps nothing that a report could say
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.raw = open_raw(path)
        self.attrs: dict[str, Any] = {str(key): value for key, value in self.raw.attrs.items()}
        self.kind = self._find_kind()
        if self.kind not in KINDS:
            self.close()
            raise Refused(f"{path}: holds neither outcomes nor a time course, so there is nothing to report")
        self.config: dict[str, Any] = read_config(self.raw) if "nessmap_config" in self.attrs else {}
        self.model = str(self.attrs.get("nessmap_model", "unknown"))
        self.growth = str(self.attrs.get("nessmap_growth_name", ""))

    def close(self) -> None:
        self.raw.close()

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def _find_kind(self) -> str:
        layout, reduce = self.attrs.get("nessmap_layout"), self.attrs.get("nessmap_reduce")
        if layout == "refined":
            return "refined" if "outcome" in self.raw else "segments"
        if reduce:
            return "cells" if reduce == "bins" else str(layout)
        return "points" if "outcome" in self.raw else str(layout)

    # --- parameters and outputs ---

    @cached_property
    def scanned(self) -> list[str]:
        """Names of the parameters that the design varies, its axes first."""
        named = [str(entry["name"]) for key in ("axis", "random") for entry in self.config.get(key, [])]
        return named or [
            str(name)
            for name, variable in self.raw.variables.items()
            if variable.attrs.get("coverage_content_type") == "coordinate"
            and variable.dims in (("sample",), ("vertex",))
        ]

    @cached_property
    def _inputs(self) -> dict[str, tuple[str, str]]:
        """Unit and text of drawn parameters of files that keep none, by the library of nessmap; empty without it."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / "question.toml"
            path.write_text(str(self.attrs.get("nessmap_config", "")))
            try:
                beside = program.find().resolve().with_name("libnessmap.so")
                with Sampler(path, library=beside if beside.is_file() else None) as sampler:
                    return {column.name: (column.unit, column.text) for column in sampler.inputs}
            except (Refused, OSError):
                return {}

    def _told(self, name: str, attribute: str, place: int) -> str | None:
        for candidate in (name, f"vertex_{name}"):
            if candidate in self.raw:
                return str(self.raw[candidate].attrs.get(attribute, ""))
        return self._inputs[name][place] if name in self._inputs else None

    def unit(self, name: str) -> str | None:
        """Of a variable or a drawn parameter; None where it is not known."""
        return self._told(name, "units", 0)

    def text(self, name: str) -> str:
        """What a variable or a drawn parameter is, in the words of the model."""
        return prose(self._told(name, "long_name", 1) or "")

    def outputs(self) -> list[str]:
        """Results of points along the dimensions of the outcome, without vertex_; derivatives come last."""
        if self.points is None:
            return []
        names = [
            str(name).removeprefix(self.points.prefix)
            for name, variable in self.raw.variables.items()
            if str(name).startswith(self.points.prefix)
            and variable.attrs.get("coverage_content_type") == "modelResult"
            and variable.dims == self.points.dims
        ]
        return sorted(names, key=lambda name: self.text(name).startswith("derivative of"))

    # --- counts ---

    @cached_property
    def outcomes(self) -> list[str]:
        """The words of the outcomes, in the order of their codes."""
        for variable in self.raw.variables.values():
            if variable.attrs.get("long_name") == "what became of the point" and "flag_meanings" in variable.attrs:
                return str(variable.attrs["flag_meanings"]).split()
        return [str(name).removeprefix("count_") for name in self.raw.variables if str(name).startswith("count_")]

    @cached_property
    def counts(self) -> dict[str, int]:
        """Points of each outcome: what the program counted while it made the file. Empty for a time course."""
        numbers = np.atleast_1d(self.attrs.get("nessmap_outcome_counts", [])).tolist()
        return dict(zip(self.outcomes, map(int, numbers)))

    @property
    def n_points(self) -> int:
        return sum(self.counts.values())

    @property
    def n_failed(self) -> int:
        return sum(self.counts.get(word, 0) for word in FAILED)

    @cached_property
    def flag_counts(self) -> dict[str, int]:
        """Points of each flag, of those that the file keeps or has counted."""
        found: dict[str, int] = {}
        for key, variable in self.raw.variables.items():
            name = str(key)
            if "flag_masks" in variable.attrs:
                bits = variable.values
                masks = np.atleast_1d(variable.attrs["flag_masks"])
                for mask, word in zip(masks.tolist(), str(variable.attrs["flag_meanings"]).split()):
                    found[word] = found.get(word, 0) + int(np.count_nonzero(bits & mask))
            elif name.startswith(("flag_count_", "total_flag_count_")):
                word = name.removeprefix("total_").removeprefix("flag_count_")
                found[word] = found.get(word, 0) + int(variable.values.sum())
        return found

    @cached_property
    def points(self) -> Points | None:
        """The points that can be solved again by their index; None where the file keeps none."""
        if self.kind == "points":
            return Points(self, "")
        return Points(self, "vertex_") if self.kind in ("refined", "segments") else None

    def tallies(self) -> Iterator[Tally]:
        """Where the outcomes lie: over each scanned parameter of points, of cells, of the picture of a refinement."""
        if self.kind == "cells":
            cells = {word: self.raw[f"count_{word}"] for word in self.outcomes}
            for name in self.scanned:
                if name in self.raw.sizes:
                    sums = {
                        word: cell.sum([dim for dim in cell.dims if dim != name]).values for word, cell in cells.items()
                    }
                    yield self._rising(name, self.raw[name].values, sums)
        elif self.kind in ("points", "refined", "segments"):
            prefix = "vertex_" if self.kind == "segments" else ""
            codes = self.raw[f"{prefix}outcome"]
            for name in self.scanned:
                if f"{prefix}{name}" in self.raw:
                    yield self._tally(name, self.raw[f"{prefix}{name}"], codes)

    def _tally(self, name: str, parameter: xarray.DataArray, codes: xarray.DataArray) -> Tally:
        if len(parameter.dims) < len(codes.dims) and len(parameter.dims) == 1:
            others = tuple(i for i, dim in enumerate(codes.dims) if dim != parameter.dims[0])
            sums = {word: (codes.values == i).sum(axis=others) for i, word in enumerate(self.outcomes)}
            return self._rising(name, parameter.values, sums)
        values = parameter.broadcast_like(codes).transpose(*codes.dims).values.ravel()
        order = np.argsort(values, kind="stable")
        values, sorted_codes = values[order], codes.values.ravel()[order]
        first = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
        sums = {
            word: np.add.reduceat((sorted_codes == i).astype(np.int64), first) for i, word in enumerate(self.outcomes)
        }
        return Tally(name, self.is_log(name), values[first], sums)

    def _rising(self, name: str, values: npt.NDArray[Any], counts: dict[str, npt.NDArray[Any]]) -> Tally:
        order = np.argsort(values)
        return Tally(name, self.is_log(name), values[order], {word: sums[order] for word, sums in counts.items()})

    def is_log(self, name: str) -> bool:
        """True where the design spreads the parameter evenly in its logarithm."""
        entries = (entry for key in ("axis", "random") for entry in self.config.get(key, []) if entry["name"] == name)
        return any(entry.get("scale") == "log" or entry.get("dist") in ("loguniform", "lognormal") for entry in entries)

    # --- beside it ---

    @cached_property
    def runs(self) -> list[dict[str, Any]]:
        """Lines of the run log beside the file that are of the same question; none where there is no log."""
        whole = self.path.name.replace(".partial.nc", ".nc")
        log = self.path.with_name(f"{whole}.runlog.jsonl")
        found = []
        for line in log.read_text(errors="replace").splitlines() if log.is_file() else []:
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # a line that was torn off says nothing
            if isinstance(entry, dict) and entry.get("fingerprint") == self.attrs.get("nessmap_fingerprint"):
                found.append(entry)
        return found


class Points:
    """Points by the flat index that `nessmap point --from FILE --index N` understands."""

    def __init__(self, source: Source, prefix: str) -> None:
        self.raw, self.prefix = source.raw, prefix
        outcome = self.raw[f"{prefix}outcome"]
        self.dims, self._shape = outcome.dims, outcome.shape
        self._outcomes = source.outcomes
        self.codes = outcome.values.ravel()

    def is_of(self, *words: str) -> npt.NDArray[np.bool_]:
        """True where the outcome is one of the words."""
        return np.isin(self.codes, [self._outcomes.index(word) for word in words if word in self._outcomes])

    def is_flagged(self, word: str) -> npt.NDArray[np.bool_]:
        flags = self.raw[f"{self.prefix}flags"]
        meanings = str(flags.attrs["flag_meanings"]).split()
        mask = np.atleast_1d(flags.attrs["flag_masks"])[meanings.index(word)] if word in meanings else 0
        return (flags.values.ravel() & mask) != 0

    def outcome(self, index: int) -> str:
        return self._outcomes[int(self.codes[index])]

    def values(self, name: str) -> npt.NDArray[Any]:
        """An output of all points."""
        return self.raw[self.prefix + name].values.ravel()

    def value(self, name: str, index: int) -> float:
        """A parameter or an output of one point."""
        variable = self.raw[self.prefix + name if self.prefix + name in self.raw else name]
        at = dict(zip(self.dims, np.unravel_index(index, self._shape)))
        return float(variable.isel({dim: int(at[dim]) for dim in variable.dims}).values)
