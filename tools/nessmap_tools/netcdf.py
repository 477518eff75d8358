"""NetCDF files of nessmap as tidy xarray data sets."""

import re
import tomllib
from os import PathLike, fspath
from typing import Any

import numpy as np
import xarray

from .errors import Refused
from .units import to_readable

SCHEMA = 1  # of nessmap_schema, the latest that is understood

# variables of reduced files that stand once for each outcome or flag: prefix and word
_COUNTS = re.compile(r"((?:outside_|total_)?(?:flag_)?count)_(\w+)")


def open(path: str | PathLike[str], readable: bool = False) -> xarray.Dataset:
    """Opens any file that nessmap writes: grid, samples, bins, summary, indices, refinement, time course.

    - `outcome` and all else with flag_values is in words ("ness"): an object array of 8 bytes a point whose elements
      share the few strings. Each bit of `flags` is a boolean variable (`is_multistable`); of `vertex_flags` it is
      `vertex_is_multistable`.
    - Of reduced files, `count_<outcome>` of all outcomes is the variable `count` along a last dimension `outcome` with
      the words as coordinate; the same for `outside_count` and `total_count`, and for `flag_count` along `flag`.
    - Parameters are coordinates: along their axis, auxiliary along `sample`, scalar where they are fixed.
    - Values and units are those of the file, in attrs["units"]. readable=True: those that people read (mV, kJ mol-1,
      um, mmol L-1 in the place of mol m-3, ...), of coordinates, too. Attributes of the file stay in SI.

    Values are read when they are asked for; outcomes, flags and counts at once. Integers keep their type (`failed_index`
    is -1 where there are fewer). Close the data set, or use it in `with`.

    Raises Refused where `path` is no file of nessmap, or one of a later version.
    """
    raw = open_raw(path)
    try:
        for name, factor, plain in _conversions(raw) if readable else ():
            raw[name].attrs["units"] = plain
            if factor != 1.0:
                raw[name].attrs["scale_factor"] = factor
        for variable in raw.variables.values():
            if np.issubdtype(variable.dtype, np.integer):
                variable.attrs.pop("_FillValue", None)
        tidy = xarray.decode_cf(raw, decode_times=False, decode_timedelta=False)
        names = [
            str(name) for name, v in tidy.data_vars.items() if v.attrs.get("coverage_content_type") == "coordinate"
        ]
        bounds = [v.attrs["bounds"] for v in raw.variables.values() if v.attrs.get("bounds") in raw]
        tidy = _with_counts(_with_words(tidy.set_coords(names + bounds)))
    except BaseException:
        raw.close()
        raise
    tidy.set_close(raw.close)
    return tidy


def config(source: xarray.Dataset | str | PathLike[str]) -> dict[str, Any]:
    """The whole configuration of a file of nessmap, which it keeps as TOML; the keys are those of the README.

    source: what `open` gave, or a path. Raises Refused where it is no file of nessmap or holds no configuration.
    """
    if isinstance(source, xarray.Dataset):
        attributes, what = source.attrs, "the data set"
    else:
        with open_raw(source) as raw:
            attributes, what = raw.attrs, fspath(source)
    if "nessmap_config" not in attributes:
        raise Refused(f"{what}: has no attribute nessmap_config, so its configuration is not known")
    return tomllib.loads(str(attributes["nessmap_config"]))


def open_raw(path: str | PathLike[str]) -> xarray.Dataset:
    """The file as it is, nothing decoded."""
    try:
        raw = xarray.open_dataset(path, engine="netcdf4", decode_cf=False)
    except FileNotFoundError:
        raise Refused(f"{fspath(path)}: no such file") from None
    except (OSError, ValueError, RuntimeError) as error:
        raise Refused(f"{fspath(path)}: not a NetCDF file that can be read ({error})") from None
    schema = raw.attrs.get("nessmap_schema")
    if schema is not None and schema <= SCHEMA:
        return raw
    raw.close()
    if schema is None:
        raise Refused(f"{fspath(path)}: has no attribute nessmap_schema, so it is not a file of nessmap")
    raise Refused(f"{fspath(path)}: is of schema {schema}, and this version of nessmap_tools knows {SCHEMA} and before")


def _conversions(raw: xarray.Dataset) -> list[tuple[str, float, str]]:
    """Name, factor and unit for people of all variables that have a unit; the bounds of an axis are in its unit."""
    found = []
    for key, variable in raw.variables.items():
        if "units" in variable.attrs:
            factor, plain, _ = to_readable(str(variable.attrs["units"]))
            found.append((str(key), factor, plain))
            if variable.attrs.get("bounds") in raw:
                found.append((variable.attrs["bounds"], factor, plain))
    return found


def _with_words(cells: xarray.Dataset) -> xarray.Dataset:
    """Codes with flag_values in words, bits with flag_masks as variables of their own."""
    decoded: dict[str, Any] = {}
    gone = []
    for key, variable in cells.data_vars.items():
        attributes, name = dict(variable.attrs), str(key)
        words = str(attributes.pop("flag_meanings", "")).split()
        if "flag_values" in attributes:
            codes = np.atleast_1d(attributes.pop("flag_values")).tolist()
            decoded[name] = (variable.dims, _words(name, variable.values, dict(zip(codes, words))), attributes)
        elif "flag_masks" in attributes:
            bits = variable.values
            gone.append(name)
            for mask, word in zip(np.atleast_1d(attributes.pop("flag_masks")).tolist(), words):
                attributes["long_name"] = f"flag: {word.replace('_', ' ')}"
                decoded[f"{name.removesuffix('flags')}is_{word}"] = (
                    variable.dims,
                    (bits & mask) != 0,
                    dict(attributes),
                )
    return cells.drop_vars(gone).assign(decoded)


def _words(name: str, codes: np.ndarray, word_of: dict[int, str]) -> np.ndarray:
    """Words of int8 codes: an object array whose elements are the few strings of `word_of`."""
    table = np.full(256, None, dtype=object)
    is_unknown = np.zeros(256, dtype=bool)
    places = codes.astype(np.uint8)
    is_unknown[places] = True
    for code, word in word_of.items():
        table[code % 256] = word
        is_unknown[code % 256] = False
    if is_unknown.any():
        code = int(np.flatnonzero(is_unknown)[0].astype(np.uint8).view(np.int8))
        raise Refused(f"{name}: holds the code {code}, which its flag_values do not name")
    words: np.ndarray = table[places]
    return words


def _with_counts(cells: xarray.Dataset) -> xarray.Dataset:
    """count_<outcome> of all outcomes as one variable along `outcome`; the same for flags."""
    if "nessmap_reduce" not in cells.attrs:
        return cells
    families: dict[str, dict[str, str]] = {}
    for name in cells.data_vars:
        if match := _COUNTS.fullmatch(str(name)):
            families.setdefault(match[1], {})[match[2]] = str(name)
    gathered = {}
    for family, names in families.items():
        along = "flag" if "flag" in family else "outcome"
        first = cells[next(iter(names.values()))]
        values = np.stack([cells[name].values for name in names.values()], axis=-1)
        attributes = {**first.attrs, "long_name": str(first.attrs.get("long_name", "number of points")).split(":")[0]}
        words = np.array(list(names), dtype=object)
        gathered[family] = xarray.DataArray(values, {along: words}, (*first.dims, along), attrs=attributes)
    return cells.drop_vars([name for names in families.values() for name in names.values()]).assign(gathered)
