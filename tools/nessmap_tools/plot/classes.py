"""Outcomes as classes of a picture: number, colour, hatch, words."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class OutcomeClass(NamedTuple):
    colour: str
    hatch: str | None
    words: str


# Okabe and Ito's colours: distinct for colour-blind readers. Hatches tell the classes apart in grey; those without one
# are light, black and white.
CLASSES = {
    "equilibrium": OutcomeClass("#009E73", "||", "equilibrium"),
    "ness": OutcomeClass("#8FCBEF", None, "NESS"),
    "oscillatory": OutcomeClass("#CC79A7", "..", "oscillatory"),
    "unstable": OutcomeClass("#F0E442", "xx", "unstable"),
    "no_steady_state_growth": OutcomeClass("#D55E00", "//", "no steady state: grows"),
    "no_steady_state_depletion": OutcomeClass("#E69F00", "\\\\", "no steady state: depletes"),
    "left_domain": OutcomeClass("#999999", "--", "left the domain"),
    "not_converged": OutcomeClass("#000000", None, "not converged"),
    "not_run": OutcomeClass("#FFFFFF", None, "not run"),
}
NAMES = list(CLASSES)
CODES = {name: code for code, name in enumerate(CLASSES)}
VALUED = ("equilibrium", "ness", "oscillatory", "unstable")  # outcomes that carry values
COLOURS = [entry.colour for entry in CLASSES.values()]


def codes_of(outcome: npt.ArrayLike) -> npt.NDArray[np.int8]:
    """Codes of outcomes in words; a word that is no class counts as not run."""
    words = np.asarray(outcome, dtype=object)
    codes = np.full(words.shape, CODES["not_run"], dtype=np.int8)
    for name, code in CODES.items():
        codes[words == name] = code
    return codes


def has_values(codes: npt.NDArray[np.int8]) -> npt.NDArray[np.bool_]:
    return np.isin(codes, [CODES[name] for name in VALUED])


def present(codes: npt.NDArray[np.int8]) -> list[tuple[str, int]]:
    """Classes that occur, with their number of points, the most frequent first."""
    counts = np.bincount(codes.reshape(-1), minlength=len(NAMES))
    order = sorted(range(len(NAMES)), key=lambda code: -counts[code])
    return [(NAMES[code], int(counts[code])) for code in order if counts[code] > 0]
