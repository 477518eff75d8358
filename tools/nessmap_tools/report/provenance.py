"""Where the file comes from, and how to make and verify it again."""

from __future__ import annotations

import platform
import shlex
from typing import Any

import matplotlib
import netCDF4
import numpy
import xarray

from ..plot.words import count
from .page import Html, details, heading, join, paragraph, preformatted, table
from .source import Source
from .words import number

# attributes and what they say
_ORIGIN = {
    "product_version": "version and commit of nessmap",
    "nessmap_backend": "backend",
    "nessmap_model_hash": "hash of the model's text",
    "nessmap_fingerprint": "fingerprint of the question",
    "nessmap_seed": "seed",
    "nessmap_precision": "precision of outputs",
    "nessmap_rtol": "tolerance of following",
    "nessmap_schema": "schema of the file",
    "Conventions": "conventions",
}
_SHOWN_ELSEWHERE = ("nessmap_config",)


def _machine(run: dict[str, Any]) -> str:
    devices = [f"GPU {d.get('number')} {d.get('name')}" for d in run.get("devices", [])]
    words = [str(run.get("backend", ""))] + devices
    words += [
        f"{run[key]} {key.removesuffix('s') if run[key] == 1 else key}"
        for key in ("ranks", "threads", "lanes")
        if key in run
    ]
    return ", ".join(word for word in words if word)


def _runs(source: Source) -> Html:
    if not source.runs:
        return paragraph(
            "No run log of this question lies beside the file, so where and when it was computed is not known: the file itself"
            " keeps no date, so that equal questions give equal bytes."
        )
    rows = []
    for run in source.runs[-20:]:
        seconds, rate = run.get("seconds_total"), run.get("sets_per_second")
        rows.append(
            [
                str(run.get("begun", "")),
                str(run.get("ended", "")),
                str(run.get("status", "")),
                str(run.get("host", "")),
                _machine(run),
                count(int(run.get("points_computed", 0))),
                f"{number(float(seconds), 3)} s" if seconds is not None else "",
                number(float(rate), 3) if rate is not None else "",
            ]
        )
    header = ["begun", "ended", "status", "host", "on", "points computed", "time in all", "sets per second"]
    return table("Runs that made the file, from the run log beside it; dates are UTC.", header, rows)


def _again(source: Source) -> Html:
    name = source.path.name
    quoted = shlex.quote(name)
    config = source.config
    if source.kind == "trace":
        return paragraph(
            "A time course is made again by the line of `nessmap trace` that made it; `nessmap verify` is for scans."
        )
    lines = [
        f"python3 -c 'import sys, netCDF4; print(netCDF4.Dataset(sys.argv[1]).nessmap_config)' {quoted} > again.toml",
        "nessmap run again.toml -o again.nc     # the same question",
        f"nessmap verify {quoted}     # solves points again, checks laws",
    ]
    needs = []
    if str(config.get("model", "")).endswith(".c"):
        needs.append(f"the model file {config['model']}")
    if "file" in config.get("design", {}):
        needs.append(f"the table {config['design']['file']}")
    said = f" It needs {' and '.join(needs)} beside the configuration." if needs else ""
    if source.counts.get("not_run"):
        said += " The file is unfinished; the first run gives all of it."
    return join(
        [
            preformatted("\n".join(lines), "commands"),
            paragraph(f"One build of nessmap gives the same bytes again.{said}"),
        ]
    )


def _text(value: Any) -> str:
    return ", ".join(map(str, value.tolist())) if isinstance(value, numpy.ndarray) else str(value)


def provenance(source: Source, version: str) -> Html:
    """version: of nessmap_tools"""
    origin = [[text, _text(source.attrs[key])] for key, text in _ORIGIN.items() if key in source.attrs]
    rows = [[key, _text(value)] for key, value in source.attrs.items() if key not in _SHOWN_ELSEWHERE]
    made_by = {
        "nessmap_tools": version,
        "Python": platform.python_version(),
        "NumPy": numpy.__version__,
        "xarray": xarray.__version__,
        "netCDF4": netCDF4.__version__,
        "Matplotlib": matplotlib.__version__,
    }
    return join(
        [
            table(
                f"What made {source.path.name}, a file of {count(source.path.stat().st_size)} bytes.",
                ["what", "value"],
                origin,
            ),
            _runs(source),
            heading("To make it again, and to verify it"),
            _again(source),
            details("All attributes of the file", table("Attributes of the file.", ["attribute", "value"], rows)),
            details(
                "Software that made this report",
                table("Versions of software.", ["software", "version"], made_by.items()),
            ),
        ]
    )
