"""A report of any file that nessmap writes: one page of HTML that needs nothing beside it.

    nessmap-report OUT.nc [-o OUT.html] [--question TEXT]
    python -m nessmap_tools.report OUT.nc

It says what was asked, what was found, shows the pictures with their numbers, the budgets of the most and the least costly
steady state, the failures, and where all of it comes from. No scripts, nothing loaded from elsewhere, below 2 MB; the same
file gives the same page.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from .. import __version__
from ..errors import Refused
from . import costs, failures, findings, page, pictures, provenance
from .question import question
from .source import Source

MOST_BYTES = 2_000_000

__all__ = ["main", "report", "write"]


def report(path: str | os.PathLike[str], asked: str | None = None) -> str:
    """The page of a file as HTML.

    asked: the question in words, the heading of the page; left out, the title of the file

    raises Refused where the file is not one of nessmap, or what it keeps does not fit on a page
    """
    with Source(Path(path)) as source:
        drawn, refusals = pictures.draw_all(source)
        found = costs.find_costs(source)
        budgets = [extreme.drawn for extreme in found.extremes if extreme.drawn] if found else []
        figures = pictures.embed(drawn + budgets)
        sections = [
            page.section("question", "The question", question(source)),
            page.section("findings", "What was found", findings.findings(source)),
            page.section("pictures", "Pictures", pictures.pictures(drawn, figures, refusals)),
        ]
        if source.kind != "trace":
            sections.append(page.section("costs", "What it costs", costs.costs(source, found, figures[len(drawn) :])))
        sections += [
            page.section("failures", "Failures and where they lie", failures.failures(source)),
            page.section("provenance", "Where it comes from", provenance.provenance(source, __version__)),
        ]
        title = asked or str(source.attrs.get("title", "")) or f"Steady states of the model {source.model}"
        foot = f"Made by nessmap-report {__version__} from {source.path.name}."
        text = page.page(title, findings.headline(source), sections, foot)
    if len(text.encode()) >= MOST_BYTES:
        raise Refused(f"{path}: its report would have {len(text.encode())} bytes; less than {MOST_BYTES} is promised")
    return text


def write(path: str | os.PathLike[str], out: str | os.PathLike[str] | None = None, asked: str | None = None) -> Path:
    """Writes the page of a file and returns where; `out` left out: beside the file, with .html for .nc.

    raises Refused as `report` does, and where `out` is the file itself; OSError where it cannot be written
    """
    target = Path(out) if out is not None else Path(path).with_suffix(".html")
    if target.resolve() == Path(path).resolve():
        raise Refused(f"{target}: is the file itself; give the page another name with -o")
    text = report(path, asked)
    unfinished = target.with_name(f"{target.name}.tmp")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(target)
    return target


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="nessmap-report",
        description="Writes a report of a file of nessmap: one HTML page that needs nothing beside it.",
    )
    parser.add_argument("file", help="NetCDF file of nessmap")
    parser.add_argument("-o", "--output", help="page to write (default: beside the file, .html)")
    parser.add_argument("--question", metavar="TEXT", help="heading of the page (default: the title of the file)")
    options = parser.parse_args(arguments)
    try:
        out = write(options.file, options.output, options.question)
    except (Refused, OSError) as error:
        print(f"nessmap-report: {error}", file=sys.stderr)
        return 2
    print(out)
    return 0
