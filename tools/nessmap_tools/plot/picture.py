"""What a drawing gives: the picture, what it says in words, and its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_ROWS = 40


@dataclass(frozen=True)
class Table:
    """The numbers of a picture in units for people: at most MOST_ROWS rows, each as long as the header."""

    header: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Picture:
    """figure: of Matplotlib, without pyplot; text: one to three sentences with its numbers; table: the numbers."""

    figure: Figure
    text: str
    table: Table


def thinned(rows: list[list[str]]) -> list[list[str]]:
    """Rows spread evenly over a long list, with its first and its last."""
    if len(rows) <= MOST_ROWS:
        return rows
    return [rows[round(i * (len(rows) - 1) / (MOST_ROWS - 1))] for i in range(MOST_ROWS)]
