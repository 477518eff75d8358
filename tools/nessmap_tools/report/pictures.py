"""The pictures that a file can be drawn as, small enough for one page, each with its words and its numbers."""

from __future__ import annotations

import io
from typing import NamedTuple

from PIL import Image

from .. import plot
from ..errors import Refused
from .page import Html, bullets, figure, heading, join, paragraph, table
from .source import Source

TITLES = {
    "map": "Map",
    "lines": "Lines",
    "budget": "Budget",
    "indices": "Sensitivity indices",
    "probability": "Probabilities",
    "boundary": "Boundary",
    "course": "Time course",
    "distributions": "Distributions by class",
}
MOST_BYTES = 1_250_000  # of all pictures of a page before base64, which makes four bytes of three
RESOLUTIONS = (160, 130, 110, 90, 75, 60, 45)  # dots an inch, the first that fits is taken
PIXELS_AN_INCH = 100  # of CSS, on a page that is wide enough


class Drawn(NamedTuple):
    """A picture and its kind."""

    kind: str
    picture: plot.Picture

    def png(self, dpi: int) -> bytes:
        """The file, in a palette of at most 256 colours."""
        whole, small = io.BytesIO(), io.BytesIO()
        self.picture.figure.savefig(whole, format="png", dpi=dpi, facecolor="white")
        image = (
            Image.open(whole).convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        )
        image.save(small, format="png", optimize=True)
        return small.getvalue()


def draw(source: Source, kind: str, **options: object) -> Drawn:
    """raises Refused where the file cannot be drawn so"""
    return Drawn(kind, plot.draw(source.path, kind, **options))


def embed(drawn: list[Drawn]) -> list[Html]:
    """All pictures of a page, at the highest of the resolutions at which they fit together."""
    if not drawn:
        return []
    for dpi in RESOLUTIONS:
        files = [one.png(dpi) for one in drawn]
        if sum(map(len, files)) <= MOST_BYTES:
            break
    else:
        raise Refused(f"{len(drawn)} pictures do not fit on a page of 2 MB even at {RESOLUTIONS[-1]} dots an inch")
    found = []
    for one, data in zip(drawn, files):
        numbers = one.picture.table
        width, height = one.picture.figure.get_size_inches() * PIXELS_AN_INCH
        caption = f"{TITLES.get(one.kind, one.kind)}: the numbers of the picture"
        found.append(
            figure(data, (round(width), round(height)), one.picture.text, table(caption, numbers.header, numbers.rows))
        )
    return found


def draw_all(source: Source) -> tuple[list[Drawn], list[str]]:
    """What the file can be drawn as, but for budgets of points, which stand with the costs; and what is refused."""
    drawn, refusals = [], []
    for kind in plot.kinds(source.path):
        if kind != "budget" or source.kind == "trace":
            try:
                drawn.append(draw(source, kind))
            except Refused as refusal:
                refusals.append(f"{TITLES.get(kind, kind)}: not drawn. {refusal}.")
    return drawn, refusals


def pictures(drawn: list[Drawn], figures: list[Html], refusals: list[str]) -> Html:
    if not drawn and not refusals:
        return paragraph("This file has no axes or outputs to draw.")
    parts: list[Html] = []
    for one, picture in zip(drawn, figures):
        parts += [heading(TITLES.get(one.kind, one.kind)), picture]
    return join([*parts, bullets(refusals)])
