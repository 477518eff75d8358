"""Units of the files, and those that people read."""

import re
from typing import NamedTuple


class Readable(NamedTuple):
    """A value times `factor` is in the unit `plain` (ASCII, for UDUNITS), which a label writes as `label`."""

    factor: float
    plain: str
    label: str


# unit of the file -> what people read
READABLE = {
    "V": Readable(1e3, "mV", "mV"),
    "J mol-1": Readable(1e-3, "kJ mol-1", "kJ mol⁻¹"),
    "mol m-3": Readable(1.0, "mmol L-1", "mM"),
    "m": Readable(1e6, "um", "µm"),
    "mol m-2 s-1": Readable(1e6, "umol m-2 s-1", "µmol m⁻² s⁻¹"),
    "W m-2": Readable(1e3, "mW m-2", "mW m⁻²"),
    "W m-2 K-1": Readable(1e6, "uW m-2 K-1", "µW m⁻² K⁻¹"),
    "W m-3": Readable(1.0, "W m-3", "W m⁻³"),
    "1": Readable(1.0, "1", ""),
}
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def to_readable(unit: str) -> Readable:
    """What people read in the place of a unit of nessmap, also of squares and quotients.

    "V" -> 1e3, "mV";  "(V)2" -> 1e6, "(mV)2";  "V/(J mol-1)" -> 1e6, "mV/(kJ mol-1)"
    """
    if unit in READABLE:
        return READABLE[unit]
    if square := re.fullmatch(r"\((.+)\)2", unit):
        base = to_readable(square[1])
        return Readable(base.factor**2, f"({base.plain})2", f"({base.label})²")
    if quotient := re.fullmatch(r"([^()/]+)/\(([^()]+)\)", unit):
        above, below = to_readable(quotient[1]), to_readable(quotient[2])
        label = f"{above.label or 1}/({below.label})" if below.label else above.label
        return Readable(above.factor / below.factor, f"{above.plain}/({below.plain})", label)
    return as_it_is(unit)


def as_it_is(unit: str) -> Readable:
    """A unit of nessmap itself, with a label: "mol m-3" -> 1, "mol m⁻³"."""
    label = re.sub(r"(?<=[A-Za-z])(-?\d+)", lambda m: m.group(1).translate(SUPERSCRIPTS), unit)
    return Readable(1.0, unit, label)
