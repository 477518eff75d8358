"""What was found, in words: shares, where each class lies, outputs by class, the audit, the flags."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..plot.classes import VALUED
from ..plot.words import count, listing
from ..units import to_readable
from .page import Html, bullets, heading, join, paragraph, table
from .source import Source, Tally
from .words import STEADY, flag, number, outcome, points, quantity, rough_share, share, short

MOST_ROWS = 40  # of a table of outputs
LEAST_YOUDEN = 0.4  # a threshold that separates less than this explains nothing; as in src/summary.c
NOISE = 1e-14  # below this share of an output's largest value, rounding of doubles is all that is left
NOTABLE = ("multistable", "marginal", "at_boundary", "second_law_violated", "over_pumped", "linear_regime")


class Threshold(NamedTuple):
    """On which side of one value of one parameter a class lies: shares of the class and of the rest on that side."""

    name: str
    is_above: bool
    value: float
    inside: float
    outside: float


def best_threshold(tallies: list[Tally], word: str) -> Threshold | None:
    """The one threshold that tells a class from all other computed points best, by Youden's index.

    It lies halfway between two neighbouring values of the file, in the scale of their axis. None where no threshold
    separates more than LEAST_YOUDEN.
    """
    best, found = LEAST_YOUDEN, None
    for tally in tallies:
        own = tally.counts[word].astype(float)
        rest = sum(sums for other, sums in tally.counts.items() if other not in (word, "not_run")).astype(float)
        if own.sum() == 0 or rest.sum() == 0 or len(tally.values) < 2:
            continue
        inside = np.cumsum(own)[:-1] / own.sum()
        outside = np.cumsum(rest)[:-1] / rest.sum()
        at = int(np.argmax(np.abs(inside - outside)))
        if abs(inside[at] - outside[at]) > best:
            best = abs(inside[at] - outside[at])
            is_above = bool(inside[at] < outside[at])
            below, above = float(tally.values[at]), float(tally.values[at + 1])
            between = math.sqrt(below * above) if tally.is_log and below > 0.0 else 0.5 * (below + above)
            shares = (1.0 - inside[at], 1.0 - outside[at]) if is_above else (inside[at], outside[at])
            found = Threshold(tally.name, is_above, between, float(shares[0]), float(shares[1]))
    return found


def where(source: Source, threshold: Threshold | None) -> str:
    if threshold is None:
        return ""
    mostly = "mostly where" if threshold.inside < 1.0 else "where"
    value = quantity(threshold.value, source.unit(threshold.name) or "", 3)
    side = ">" if threshold.is_above else "<"
    inside, outside = rough_share(threshold.inside), rough_share(threshold.outside)
    return f"{mostly} {threshold.name} {side} {value} ({inside} of them; {outside} of the rest)"


def sentences(source: Source) -> list[str]:
    """One sentence for each outcome that occurs, with its count and share."""
    tallies = list(source.tallies())
    lines = []
    for word, n in source.counts.items():
        if n == 0:
            continue
        # most points are steady, and then where they are says less than where they are not
        place = "" if word == "ness" and n > source.n_points / 2 else where(source, best_threshold(tallies, word))
        text = outcome(word, source.growth)
        lines.append(f"{share(n, source.n_points)} ({points(n)}): {text}" + (f"; {place}" if place else "") + ".")
    return lines


def _audit(source: Source) -> str:
    if source.config.get("solver", {}).get("mode") == "follow":
        return "Audit: none is needed, for the time course of every point was followed."
    n, n_other = source.flag_counts.get("audited", 0), source.flag_counts.get("audit_disagrees", 0)
    if n == 0:
        return "Audit: no point was solved both ways."
    if n_other == 0:
        return f"Audit of {points(n)}, solved also by following the time course: all agree."
    return (
        f"Audit of {points(n)}, solved also by following the time course: {count(n_other)} of them"
        f" ({share(n_other, n)}) disagree and keep the followed state."
    )


def _flags(source: Source) -> list[str]:
    lines = [_audit(source)]
    for word in NOTABLE:
        if n := source.flag_counts.get(word, 0):
            lines.append(f"Flag {word}: {points(n)} ({flag(word)}).")
    if len(lines) == 1:
        lines.append("No other flag is raised.")
    return lines


# --- outputs ------------------------------------------------------------------------------------------------------


def _more(n: int) -> str:
    """What a caption says of the rows beyond the most."""
    return f" {count(n - MOST_ROWS)} more stand in the file." if n > MOST_ROWS else ""


def _said(value: float, noise: float) -> str:
    return "≈ 0" if 0.0 < abs(value) < noise else number(value)


def _middle_and_ends(values: np.ndarray, noise: float) -> list[str]:
    values = values[~np.isnan(values)]
    if values.size == 0:
        return ["none", ""]
    middle, low, high = (_said(float(v), noise) for v in (np.median(values), values.min(), values.max()))
    return [middle, "" if low == high else f"{low} to {high}"]


def _of_points(source: Source) -> Html:
    kept = source.points
    assert kept is not None
    valued = [word for word in str(source.attrs.get("valid_outcomes", "")).split() if word in VALUED]
    masks = {word: kept.is_of(word) for word in source.outcomes if word in valued}
    masks = {word: masks[word] for word in sorted(masks, key=lambda word: -masks[word].sum()) if masks[word].any()}
    names = source.outputs()
    if not masks or not names:
        return paragraph("No point of this file carries values of outputs.")
    rows = []
    for name in names[:MOST_ROWS]:
        factor, _, label = to_readable(source.unit(name) or "1")
        values = kept.values(name).astype(float) * factor
        finite = np.abs(values[np.isfinite(values)])
        noise = NOISE * float(finite.max()) if finite.size else 0.0
        row = [name, label]
        for mask in masks.values():
            row += _middle_and_ends(values[mask], noise)
        rows.append([*row, source.text(name)])
    what = {"refined": "vertices, which lie densest at the boundary", "segments": "ends of the segments"}.get(
        source.kind, "points"
    )
    caption = f"Outputs by class, over the {what}. ≈ 0: what rounding leaves, below 10⁻¹⁴ of the largest value."
    header = ["output", "unit"]
    for word in masks:
        header += [f"{short(word)}, median", "smallest to largest"]
    return table(caption + _more(len(names)), [*header, "what it is"], rows)


def _of_cells(source: Source) -> Html:
    names = [str(name).removesuffix("_mean") for name in source.raw.variables if str(name).endswith("_mean")]
    rows = []
    for name in names:
        mean, n = source.raw[f"{name}_mean"].values.ravel(), source.raw[f"{name}_n"].values.ravel()
        has = n > 0
        if not has.any():
            continue
        factor, _, label = to_readable(str(source.raw[f"{name}_mean"].attrs.get("units", "1")))
        whole = float(np.average(mean[has].astype(float), weights=n[has]))
        low, high = np.nanmin(source.raw[f"{name}_min"].values), np.nanmax(source.raw[f"{name}_max"].values)
        ends = [number(float(value) * factor) for value in (whole, low, high)]
        text = source.text(f"{name}_mean").removeprefix("mean: ")
        rows.append([name, label, *ends, count(int(n.sum())), text])
    caption = f"Outputs over all points with a value, of all cells together.{_more(len(rows))}"
    header = ["output", "unit", "mean", "smallest", "largest", "points", "what it is"]
    return table(caption, header, rows[:MOST_ROWS]) if rows else Html()


# the measure of each reducer that ranks its inputs, the best first, and its name
_MEASURES = {
    "ST": "total index",
    "mu_star": "mean size of the effect",
    "ST_bound": "bound of the total index",
    "S1": "first-order index",
}
# what the outcome says, as quantities of indices
_DECIDED = {
    "steady": "Whether there is a steady state",
    "growth": "Whether it grows without end",
    "depletion": "Whether a species runs out",
    "failed": "Whether it could be solved",
}


def _of_indices(source: Source) -> Html:
    raw = source.raw
    inputs = [str(name) for name in raw["input"].values]
    measure = next((m for m in _MEASURES if any(str(name).startswith(f"{m}_") for name in raw.variables)), None)
    names = [str(name).removeprefix("variance_") for name in raw.variables if str(name).startswith("variance_")]
    lines = []
    for name in names if measure else ():
        if f"{measure}_{name}" not in raw:
            continue
        values = raw[f"{measure}_{name}"]
        mean = values.mean([dim for dim in values.dims if dim != "input"]).values
        if not np.isfinite(mean).any():
            continue
        half = raw.get(f"{measure}_conf_{name}")
        order = [i for i in np.argsort(np.where(np.isfinite(mean), -mean, np.inf))[:3] if np.isfinite(mean[i])]
        said = []
        for i in order:
            text = f"{inputs[i]} {number(float(mean[i]), 3)}"
            if half is not None and half.dims == ("input",) and np.isfinite(half.values[i]):
                text += f" ± {number(float(half.values[i]), 2)}"
            said.append(text)
        lines.append(f"{_DECIDED.get(name, name)}: most by {listing(said)} ({_MEASURES[str(measure)]}).")
    cells = (
        "; means over the cells of the axes"
        if any(dim not in ("input", "other_input", "failed") for dim in raw.sizes)
        else ""
    )
    return join([heading(f"Which parameters decide{cells}"), bullets(lines)]) if lines else Html()


def _of_refinement(source: Source) -> list[str]:
    attrs = source.attrs
    n, half = source.raw.sizes.get("boundary", 0), float(attrs["nessmap_refine_half_width"])
    shares = zip(str(attrs["nessmap_refine_classes"]).split(), np.atleast_1d(attrs["nessmap_refine_class_share"]))
    parts = [f"{number(100.0 * float(part))} % {short(word, source.growth)}" for word, part in shares if part > 0]
    level = ""
    if "nessmap_refine_threshold" in attrs:
        name = str(attrs["nessmap_refine_class"])
        level = f", below and above {quantity(float(attrs['nessmap_refine_threshold']), source.unit(name) or '')}"
    what = "area of the map" if source.kind == "refined" else "volume"
    lines = [
        f"The classes are told by {attrs['nessmap_refine_class']}{level}. The boundary is known at {points(n)}, each to {number(half, 2)} of"
        " its axis or better.",
        f"Of the {what}: {listing(parts)}.",
    ]
    if "nessmap_refine_mixed_share" in attrs:
        lines[1] = (
            lines[1][:-1] + f"; {number(100.0 * attrs['nessmap_refine_mixed_share'], 3)} % in cells on a boundary."
        )
    if "nessmap_refine_crossing_share" in attrs:
        crossing = number(100.0 * attrs["nessmap_refine_crossing_share"])
        lines.append(f"{crossing} % of the segments cross it: the chance that two sets differ.")
    missed = number(100.0 * attrs["nessmap_refine_missed_share"], 3)
    lines.append(f"A region of more than {missed} % of the whole would have been hit by a probe (95 % confidence).")
    if "nessmap_refine_equal_grid" in attrs:
        grid = int(attrs["nessmap_refine_equal_grid"])
        lines.append(f"It took {count(source.n_points)} solves; the equal grid of the finest cells has {points(grid)}.")
    return lines


def _of_course(source: Source) -> Html:
    raw = source.raw
    word = str(source.attrs.get("nessmap_outcome", ""))
    times = raw["time"].values
    n = int(source.attrs.get("nessmap_n_times_reached", len(times)))
    rows = []
    for key, variable in raw.data_vars.items():
        if variable.dims == ("time",) and variable.attrs.get("coverage_content_type") == "modelResult" and n > 0:
            factor, _, label = to_readable(str(variable.attrs.get("units", "1")))
            first, last = (number(float(variable.values[i]) * factor) for i in (0, n - 1))
            rows.append([str(key), label, first, last, source.text(str(key))])
    ends = quantity(float(times[0]), "s"), quantity(float(times[max(n - 1, 0)]), "s")
    marks = str(source.attrs.get("nessmap_flags", "")).split()
    return join(
        [
            paragraph(f"The course ends so: {outcome(word, source.growth)}."),
            paragraph(f"It was followed from {ends[0]} to {ends[1]}, at {count(n)} of {count(len(times))} times."),
            bullets(f"Flag {mark}: {flag(mark)}." for mark in marks),
            table(
                f"Outputs at the first and the last time.{_more(len(rows))}",
                ["output", "unit", "first", "last", "what it is"],
                rows[:MOST_ROWS],
            ),
        ]
    )


def headline(source: Source) -> str:
    """The finding in one sentence."""
    if source.kind == "trace":
        return f"A time course of the model {source.model}: {outcome(str(source.attrs.get('nessmap_outcome', '')), source.growth)}."
    n_run = source.n_points - source.counts.get("not_run", 0)
    n_steady = sum(source.counts.get(word, 0) for word in STEADY)
    n_none = sum(n for word, n in source.counts.items() if word.startswith("no_steady_state"))
    what = ", solved on the way to the boundary" if source.kind in ("refined", "segments") else ""
    text = f"Of {points(n_run)} of the model {source.model}{what}, {share(n_steady, n_run)} reach a stable steady state"
    text += f", {share(n_none, n_run)} have none" if n_none else ""
    text += f", {share(source.n_failed, n_run)} failed." if source.n_failed else ", none failed."
    n_left = source.n_points - n_run
    return text + (f" Not computed yet: {points(n_left)}." if n_left else "")


def findings(source: Source) -> Html:
    if source.kind == "trace":
        return _of_course(source)
    parts: list[object] = []
    if source.kind in ("refined", "segments"):
        parts += [bullets(_of_refinement(source)), paragraph("Outcomes of all sets that were solved:")]
    parts += [bullets(sentences(source)), bullets(_flags(source))]
    if source.kind in ("points", "refined", "segments"):
        parts.append(_of_points(source))
    elif source.kind in ("cells", "summary"):
        parts.append(_of_cells(source))
    else:
        parts.append(_of_indices(source))
    n_clamped = int(source.attrs.get("nessmap_n_clamped", 0))
    if n_clamped:
        parts.append(
            paragraph(
                f"{points(n_clamped)} lay so far from what a pilot of the scan found that means, deviations and indices take"
                " them for nearer; counts and extremes are exact."
            )
        )
    parts.append(
        paragraph(
            "Counts of outcomes are those that the program kept in the file. Where a class lies is the one threshold of one"
            " parameter that tells it from the rest best, halfway between two values of the file; of a parameter that is drawn,"
            " `nessmap run` says it to one in 256 of the range.",
            kind="soft",
        )
    )
    return join(parts)
