"""Symbols, units and numbers as people write them."""

from __future__ import annotations

import re
from typing import Sequence

import numpy as np
import numpy.typing as npt
import xarray

from ..units import SUPERSCRIPTS, Readable, as_it_is, to_readable

SYMBOLS = {
    "dG": r"\Delta G",
    "sigma": r"\sigma",
    "Tsigma": r"T\sigma",
    "tau": r"\tau",
    "dmu": r"\Delta\mu",
    "ell": r"\ell",
    "kappa": r"\kappa",
}
MINUS = "−"


def unit_of(variable: xarray.DataArray) -> Readable:
    """Factor and text of what people read in the place of a variable's SI unit, which stays where that is too small."""
    unit = str(variable.attrs.get("units", "1"))
    readable = to_readable(unit)
    if readable.factor > 1.0 and variable.dtype.kind == "f":
        # a cell is micrometres wide, a bathtub is not
        largest = np.max(np.abs(variable.values), where=np.isfinite(variable.values), initial=0.0)
        if largest * readable.factor >= 1e5:
            return as_it_is(unit)
    return readable


def values_of(variable: xarray.DataArray) -> npt.NDArray[np.float64]:
    """Values in units for people."""
    values: npt.NDArray[np.float64] = variable.values.astype(float) * unit_of(variable).factor
    return values


def symbol(name: str) -> str:
    """A name as mathematics: dG_ATP -> ΔG with the index ATP."""
    base, _, index = name.partition("_")
    head = SYMBOLS.get(base, base if len(base) == 1 and base not in "KH" else rf"\mathrm{{{base}}}")
    index = index.replace("_", r"\,")
    return f"${head}_{{\\mathrm{{{index}}}}}$" if index else f"${head}$"


def symbol_of(variable: xarray.DataArray) -> str:
    """The symbol of a variable, also of a derivative."""
    text = str(variable.attrs.get("long_name", ""))
    if by := re.match(r"derivative of (\S+) by (\S+)", text):
        return rf"$\partial${symbol(by[1])}$/\partial${symbol(by[2])}"
    return symbol(str(variable.name))


def prose(text: str) -> str:
    """Ions with their charge as people write it, words without what only a program needs."""
    text = text.replace("net flux, from -> to (outward)", "net flux, outward")
    return re.sub(r"\b(Na|K|Cl|H)([+-])(?=\W|$)", lambda m: m.group(1) + {"+": "⁺", "-": "⁻"}[m.group(2)], text)


def label(variable: xarray.DataArray, is_short: bool = False) -> str:
    """Axis label: what it is, symbol, unit."""
    unit = unit_of(variable).label
    if unit == "%" or variable.name in ("n", "time") and variable.dtype.kind in "if" and unit in ("", "s"):
        return f"{variable.attrs['long_name']}" + (f" ({unit})" if unit else "")
    words = [] if is_short else [prose(str(variable.attrs.get("long_name", "")))]
    words.append(symbol_of(variable) + (f" ({unit})" if unit else ""))
    return "  ".join(word for word in words if word)


def spoken(variable: xarray.DataArray) -> str:
    """What a sentence calls an output: its name, or words where its name is ours."""
    text = str(variable.attrs.get("long_name", ""))
    return (
        f"share of {text}" if unit_of(variable).label == "%" else text if variable.name == "n" else str(variable.name)
    )


def plain(variable: xarray.DataArray) -> str:
    """Name and unit without mathematics, for tables: V (mV)."""
    unit = unit_of(variable).label
    if unit == "%":
        return f"{variable.attrs['long_name']} (%)"
    return f"{variable.name} ({unit})" if unit else str(variable.name)


def number(value: float, digits: int = 4) -> str:
    """Four digits: 0.1235, 123,500, 1.235×10⁻⁷."""
    if not np.isfinite(value):
        return "–"
    if 1e4 <= abs(value) < 1e6:
        return f"{float(f'{value:.{digits}g}'):,.0f}".replace("-", MINUS)
    mantissa, _, exponent = f"{value:.{digits}g}".partition("e")
    power = f"×10{str(int(exponent)).translate(SUPERSCRIPTS)}" if exponent else ""
    return f"{mantissa}{power}".replace("-", MINUS)


def quantity(value: float, unit: str) -> str:
    return f"{number(value)} {unit}".strip()


def count(n: int) -> str:
    return f"{n:,}"


def percent(share: float) -> str:
    if share <= 0.0 or share >= 1.0:
        return f"{100 * share:.0f} %"
    return "<0.1 %" if share < 0.001 else ">99.9 %" if share > 0.999 else f"{100 * share:.1f} %"


def span(variable: xarray.DataArray) -> str:
    """From where to where an axis runs: dG_ATP (−60 to 0 kJ mol⁻¹)."""
    values = values_of(variable)
    return f"{variable.name} ({number(values.min())} to {quantity(values.max(), unit_of(variable).label)})"


def listing(parts: Sequence[str]) -> str:
    """a, b and c"""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def plain_or_power(value: float, _: int | None = None) -> str:
    """The tick of a logarithmic axis."""
    if value <= 0.0:
        return "0" if value == 0.0 else ""
    if 0.001 <= value < 10000:
        return f"{value:g}"
    exponent = np.log10(value)
    if abs(exponent - round(exponent)) > 1e-6:
        return rf"${value / 10 ** np.floor(exponent):.3g}\times10^{{{int(np.floor(exponent))}}}$"
    return rf"$10^{{{int(round(exponent))}}}$"


def plural(n: int, noun: str) -> str:
    return f"{count(n)} {noun}s" if n != 1 else f"1 {noun}"
