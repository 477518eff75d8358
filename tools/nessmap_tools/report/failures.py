"""Points to look at: those that failed, that break the second law, that the audit found otherwise."""

from __future__ import annotations

import json

import numpy as np

from .. import program
from ..errors import Refused
from .page import Html, code, heading, join, paragraph, table
from .source import Source
from .words import FAILED, outcome, points, quantity, share, short

MOST_ROWS = 20
MOST_PARAMETERS = 8  # side by side in a table


def _line(source: Source, index: int) -> Html:
    return code(f"nessmap point --from {source.path.name} --index {index}")


def _parameters(source: Source) -> list[str]:
    return source.scanned[:MOST_PARAMETERS]


def _of_points(source: Source, caption: str, indices: list[int]) -> Html:
    kept, names = source.points, _parameters(source)
    assert kept is not None
    rows = [
        [
            str(index),
            short(kept.outcome(index), source.growth),
            *(quantity(kept.value(name, index), source.unit(name) or "") for name in names),
            _line(source, index),
        ]
        for index in indices
    ]
    return table(caption, ["point", "outcome", *names, "to look closer"], rows)


def _solved_again(source: Source, indices: list[int]) -> Html:
    """Of a file without points: parameters come from the program, where it is there."""
    rows, refusal = [], ""
    for index in indices:
        cells = ["", ""]
        if not refusal:
            try:
                said = json.loads(
                    program.ask(source.path, "point", "--from", source.path.name, "--index", str(index), "--json")
                )
                given = said["parameters"]
                shown = [
                    f"{name} = {quantity(given[name], source.unit(name) or '')}"
                    for name in source.scanned
                    if name in given
                ]
                cells = [short(str(said["outcome"]), source.growth), ", ".join(shown[:MOST_PARAMETERS])]
            except Refused as error:
                refusal = str(error)
        rows.append([str(index), *cells, _line(source, index)])
    unknown = [name for name in source.scanned if source.unit(name) is None]
    caption = "The first points that failed; parameters are solved from their index" + (
        ", in units of the model." if unknown else "."
    )
    return join(
        [
            table(caption, ["point", "outcome", "parameters", "to look closer"], rows),
            paragraph(f"Their parameters are not here: {refusal}.") if refusal else "",
        ]
    )


def _cells(source: Source, names: list[str], what: str) -> Html:
    """The cells of bins with most of what is counted by `names`."""
    counts = sum(source.raw[name] for name in names if name in source.raw)
    if source.kind != "cells" or not hasattr(counts, "dims") or not counts.dims or not counts.values.any():
        return Html()
    flat = counts.values.ravel()
    rows = []
    for i in np.argsort(-flat, kind="stable")[:MOST_ROWS]:
        if flat[i] == 0:
            break
        at = np.unravel_index(int(i), counts.shape)
        places = [
            quantity(float(source.raw[dim].values[k]), source.unit(str(dim)) or "") for dim, k in zip(counts.dims, at)
        ]
        rows.append([str(int(i)), *places, str(int(flat[i]))])
    return table(f"Cells with most {what}.", ["cell", *map(str, counts.dims), "points"], rows)


def _failed(source: Source) -> Html:
    n = source.n_failed
    if n == 0:
        return paragraph("None.")
    each = [
        f"{points(source.counts[word])}: {outcome(word).removeprefix('failed: ')}"
        for word in FAILED
        if source.counts.get(word)
    ]
    parts: list[object] = [
        paragraph(f"{points(n)} failed, {share(n, source.n_points)} of all. " + "; ".join(each) + ".")
    ]
    if source.points is not None:
        kept = np.flatnonzero(source.points.is_of(*FAILED))
        if len(kept):
            first = [int(i) for i in kept[:MOST_ROWS]]
            parts.append(
                _of_points(source, f"The first {len(first)} of {points(len(kept))} of the file that failed.", first)
            )
        else:
            parts.append(
                paragraph("They lie among the sets that were solved on the way, which the file does not keep.")
            )
    elif "failed_index" in source.raw:
        listed = source.raw["failed_index"].values
        parts.append(_solved_again(source, [int(i) for i in listed[listed >= 0][:MOST_ROWS]]))
        parts.append(_cells(source, [f"count_{word}" for word in FAILED], "failures"))
    return join(parts)


def _flagged(source: Source, word: str, what: str) -> Html:
    n = source.flag_counts.get(word, 0)
    if n == 0:
        return paragraph("None.")
    parts: list[object] = [paragraph(f"{points(n)}: {what}.")]
    if source.points is not None:
        kept = [int(i) for i in np.flatnonzero(source.points.is_flagged(word))[:MOST_ROWS]]
        if kept:
            parts.append(_of_points(source, f"The first {len(kept)} points with the flag {word}.", kept))
    else:
        parts.append(_cells(source, [f"flag_count_{word}"], f"points with the flag {word}"))
    return join(parts)


def failures(source: Source) -> Html:
    if source.kind == "trace":
        return paragraph("A time course is one point; how it ends stands above.")
    return join(
        [
            heading("Points that failed"),
            _failed(source),
            heading("Points that break the second law"),
            _flagged(source, "second_law_violated", "a driven pathway dissipates less than nothing"),
            heading("Points on which the audit disagrees"),
            _flagged(source, "audit_disagrees", "followed, they end elsewhere, and that state is kept"),
        ]
    )
