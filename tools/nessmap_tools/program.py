"""The program `nessmap`, for what a file does not hold: above all, the whole balance sheet of one of its points."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from .errors import Refused

__all__ = ["BalanceSheet", "ask", "balance_sheet", "find"]


@dataclass(frozen=True)
class BalanceSheet:
    """What `nessmap point --json` says, and the SI units that it is in.

    sheet       its JSON: outcome, parameters, outputs, balance, supplied, dissipated, loops, ...
    flux_unit   of J_ and of `balance`: mol m-2 s-1 of a cell, mol m-3 s-1 of a flask
    power_unit  of `supplied` and `dissipated`: W m-2 or W m-3
    """

    sheet: dict[str, Any]
    flux_unit: str
    power_unit: str


def find() -> Path:
    """The program: NESSMAP_BIN, on PATH, or in the build folder of a clone. Raises Refused where there is none."""
    chosen = os.environ.get("NESSMAP_BIN") or shutil.which("nessmap")
    path = Path(chosen) if chosen else Path(__file__).resolve().parents[2] / "build" / "nessmap"
    if not path.is_file():
        raise Refused(f"the program nessmap is not at {path}; build it, put it on PATH, or name it by NESSMAP_BIN")
    return path


def balance_sheet(path: str | PathLike[str], index: str | int) -> BalanceSheet:
    """One point of a file, solved again. index: its number, or "3,5". Raises Refused with the program's sentence."""
    command = [str(find()), "point", "--from", fspath(path), "--index", str(index)]
    sheet = json.loads(_output([*command, "--json"]))
    # only the tables say whether fluxes are of an area or of a volume
    per = re.search(r"^fluxes in \S+?/m([23])/s;", _output(command), re.MULTILINE)
    dimension = per[1] if per else "3"
    return BalanceSheet(sheet, f"mol m-{dimension} s-1", f"W m-{dimension}")


def ask(path: str | PathLike[str], *arguments: str) -> str:
    """What `nessmap ARGUMENTS` prints in the folder of `path`, which goes by its name alone there.

    Raises Refused with the program's sentence, and where there is no program."""
    return _output([str(find().resolve()), *arguments], Path(path).resolve().parent)


def _output(command: list[str], folder: Path | None = None) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise Refused(said[-1].removeprefix("nessmap: ") if said else f"{command[0]} ended with exit {done.returncode}")
    return done.stdout
