"""Numbers and verdicts as people read them."""

from __future__ import annotations

import math

from ..plot.classes import CLASSES
from ..plot.words import plural
from ..units import SUPERSCRIPTS, to_readable

# outcomes and flags of include/nessmap/status.h
OUTCOMES = {
    "equilibrium": "equilibrium: every pathway is balanced",
    "ness": "non-equilibrium steady state (NESS)",
    "oscillatory": "sustained oscillation; values are time averages",
    "unstable": "steady state found, but it is unstable",
    "no_steady_state_growth": "no steady state: grows without end",
    "no_steady_state_depletion": "no steady state: a species runs out",
    "left_domain": "failed: the input or the trajectory leaves the model's domain",
    "not_converged": "failed: the solver gave up",
    "not_run": "not computed yet",
}
FAILED = ("left_domain", "not_converged")
STEADY = ("equilibrium", "ness")
FLAGS = {
    "multistable": "more than one stable state was found",
    "marginal": "the Jacobian is singular: the state depends on the initial state",
    "at_boundary": "a concentration is zero at the steady state",
    "second_law_violated": "a driven pathway dissipates less than nothing, which the second law forbids",
    "over_pumped": "more driving makes the growth worse",
    "linear_regime": "all forces are below 0.1 RT",
    "audited": "also solved by following the time course",
    "audit_disagrees": "following the time course gave another answer, which is kept",
}


def points(n: int) -> str:
    return plural(n, "point")


def share(part: int, whole: int) -> str:
    """A share in per cent with the digits that `nessmap run` prints."""
    percent = 100.0 * part / whole if whole > 0 else 0.0
    if part <= 0 or whole <= 0:
        return "0 %"
    if part >= whole:
        return "100 %"
    if percent > 99.0:
        # what is missing keeps two digits
        return f"{percent:.{min(max(math.ceil(-math.log10(100.0 - percent)) + 1, 1), 12)}f} %"
    if percent < 1e-4:
        return f"{number(percent)} %"
    return f"{percent:.{1 if percent >= 10.0 else max(2 - math.floor(math.log10(percent)), 0)}f} %"


def rough_share(value: float) -> str:
    """A share of which whole numbers say enough."""
    if value >= 1.0 or value <= 0.0:
        return "all" if value > 0.0 else "none"
    percent = 100.0 * value
    if percent < 0.05 or percent >= 99.95:
        return "<0.1 %" if percent < 50.0 else ">99.9 %"
    return f"{percent:.1f} %" if percent < 9.95 or percent > 99.0 else f"{percent:.0f} %"


def number(value: float, digits: int = 4) -> str:
    """1.816e-06 -> 1.816 × 10⁻⁶, which does not break over lines"""
    if not math.isfinite(value):
        return "none" if math.isnan(value) else "∞" if value > 0 else "−∞"
    mantissa, mark, power = f"{value:.{digits}g}".partition("e")
    text = mantissa.replace("-", "−")
    if not mark:
        # whole numbers beyond the digits of %g do not come here
        return text
    return f"{text}\u00a0×\u00a010{str(int(power)).translate(SUPERSCRIPTS)}"


def quantity(value: float, unit: str, digits: int = 4) -> str:
    """A value in the unit of the file, said in that which people read: (-0.0786, "V") -> "−78.6 mV"."""
    factor, _, label = to_readable(unit or "1")
    return f"{number(value * factor, digits)} {label}".rstrip()


def outcome(word: str, growth: str = "") -> str:
    """growth: what the model calls its growth, such as lysis"""
    text = OUTCOMES.get(word, word.replace("_", " "))
    return text.replace("grows", f"{growth}, grows") if growth and word == "no_steady_state_growth" else text


def short(word: str, growth: str = "") -> str:
    """An outcome in the few words of the pictures, for tables."""
    if word == "no_steady_state_growth" and growth:
        return f"no steady state: {growth}"
    return CLASSES[word].words if word in CLASSES else word.replace("_", " ")


def flag(word: str) -> str:
    return FLAGS.get(word, word.replace("_", " "))
