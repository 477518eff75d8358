"""nessmap-plot: one picture of a file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ..errors import Refused
from . import KINDS, draw

SUFFIXES = (".png", ".svg", ".pdf")


def parser() -> argparse.ArgumentParser:
    kinds = "\n".join(f"  {name:14}{text}" for name, (text, _) in KINDS.items())
    found = argparse.ArgumentParser(
        prog="nessmap-plot",
        description="Draws a NetCDF file of nessmap.",
        epilog=f"kinds of picture:\n{kinds}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found.add_argument(
        "file", metavar="FILE", help="what nessmap wrote: a grid, samples, bins, indices, a boundary, ..."
    )
    found.add_argument("kind", metavar="KIND", nargs="?", help="kind of picture (default: the best for the file)")
    found.add_argument("-o", "--output", metavar="OUT", help="picture to write: .png, .svg or .pdf (default: FILE.png)")
    found.add_argument("--x", metavar="NAME", help="axis from left to right (default: the first axis of the file)")
    found.add_argument("--y", metavar="NAME", help="axis from bottom to top (default: the second)")
    found.add_argument(
        "--sel",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="hold an axis at the nearest value, in the unit of the file (default: its middle)",
    )
    found.add_argument("--show", metavar="NAME", nargs="+", default=[], help="outputs to draw")
    found.add_argument("--overlay", choices=["lysis"], help="closed-form boundary drawn over the map")
    found.add_argument("--index", metavar="N", help="point whose budget is drawn: 17, or 3,5 (default: the costliest)")
    found.add_argument("--title", help="heading of the picture (default: the title of the file)")
    found.add_argument("--dpi", type=int, default=150, help="dots per inch of a .png (default: 150)")
    found.add_argument("--text", action="store_true", help="print what the picture shows, and its numbers")
    return found


def save(figure: Any, out: Path, dpi: int) -> None:
    """The same file for the same picture: no date in it, no names by chance."""
    import matplotlib

    metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(out.suffix.lower())
    with matplotlib.rc_context({"svg.hashsalt": "nessmap"}):
        figure.savefig(out, dpi=dpi, metadata=metadata)


def main(arguments: list[str] | None = None) -> int:
    """The command line; 0, or 2 after one sentence on stderr."""
    options = parser().parse_args(arguments)
    out = Path(options.output) if options.output else Path(options.file).with_suffix(".png")
    try:
        if out.suffix.lower() not in SUFFIXES:
            raise Refused(f"-o {out}: a picture ends in {', '.join(SUFFIXES)}")
        if not 20 <= options.dpi <= 2400:
            raise Refused(f"--dpi {options.dpi}: 20 to 2400 dots per inch are drawn")
        drawn = draw(
            options.file,
            options.kind,
            x=options.x,
            y=options.y,
            sel=options.sel,
            show=options.show,
            overlay=options.overlay,
            index=options.index,
            title=options.title,
        )
        save(drawn.figure, out, options.dpi)
    except (Refused, OSError) as error:
        print(f"nessmap-plot: {error}", file=sys.stderr)
        return 2
    print(out)
    if options.text:
        print(drawn.text)
        for row in (drawn.table.header, *drawn.table.rows):
            print("\t".join(row))
    return 0
