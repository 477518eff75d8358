"""The question: the model, what is scanned, drawn, tied and fixed, and the whole configuration."""

from __future__ import annotations

import re
from typing import Any

from ..plot.words import count, listing
from .page import Html, bullets, details, join, paragraph, preformatted, table
from .source import Source
from .words import number, quantity

_DISTRIBUTIONS = {
    "uniform": "uniform",
    "loguniform": "log-uniform",
    "normal": "normal",
    "lognormal": "log-normal",
    "triangular": "triangular",
}
_DESIGNS = {
    "grid": "a grid",
    "random": "independent draws",
    "lhs": "a Latin hypercube",
    "sobol": "Sobol's sequence",
    "saltelli": "Saltelli's groups for Sobol indices",
    "morris": "radial groups for Morris's elementary effects",
    "table": "a table of sets",
    "refine": "halving down to the boundary",
}
_REDUCES = {
    "full": "every point",
    "bins": "statistics of each cell, no points",
    "summary": "statistics of the whole, no points",
    "sobol": "Sobol indices, no points",
    "morris": "Morris's measures, no points",
    "dgsm": "derivative-based measures, no points",
}
_EXACT = 12  # digits of a parameter


def _said(source: Source, name: str, value: Any) -> str:
    """A value of the configuration: texts have their unit, bare numbers are in the unit of the model."""
    if isinstance(value, str):
        return re.sub(r"^-(?=[\d.])", "−", value)
    unit = source.unit(name)
    return number(float(value), _EXACT) if unit is None else quantity(float(value), unit, _EXACT)


def _range(source: Source, name: str, entry: dict[str, Any]) -> str:
    """From the smallest to the largest value; a unit that both have is said once."""
    low, high = (_said(source, name, entry[end]) for end in ("min", "max"))
    bare, _, unit = low.partition(" ")
    return f"{bare if unit and unit == high.partition(' ')[2] and '×' not in low else low} to {high}"


def _axis(source: Source, axis: dict[str, Any]) -> tuple[str, str]:
    """Values and role."""
    name = str(axis["name"])
    if "values" in axis:
        values = [_said(source, name, value) for value in axis["values"]]
        shown = values if len(values) <= 8 else [*values[:4], "…", values[-1]]
        return ", ".join(shown), f"axis of {count(len(values))} values"
    scale = "logarithmic" if axis.get("scale") == "log" else "linear"
    return _range(source, name, axis), f"axis of {count(int(axis['n']))} values, {scale}"


def _drawn(source: Source, random: dict[str, Any]) -> tuple[str, str]:
    """Values and role."""
    name, dist = str(random["name"]), str(random["dist"])
    parts = []
    if "min" in random and "max" in random:
        parts.append(_range(source, name, random))
    parts += [f"{key} {_said(source, name, random[key])}" for key in ("mean", "mode") if key in random]
    if "sd" in random:
        parts.append(f"standard deviation {_said(source, name, random['sd'])}")
    return ", ".join(parts), f"drawn, {_DISTRIBUTIONS.get(dist, dist)}"


def _of_one_point(source: Source) -> Html:
    """Of a time course, which keeps its parameters as numbers whatever the scan that its point is of."""
    named = [*source.scanned, *source.config.get("tie", {}), *source.config.get("fixed", {})]
    rows = [
        [name, quantity(float(source.raw[name].values), source.unit(name) or "", _EXACT), source.text(name)]
        for name in named
        if name in source.raw
    ]
    return table("Parameters of this point.", ["parameter", "value", "what it is"], rows) if rows else Html()


def _parameters(source: Source) -> Html:
    if source.kind == "trace":
        return _of_one_point(source)
    config, rows = source.config, []
    for axis in config.get("axis", []):
        rows.append([axis["name"], *_axis(source, axis), source.text(axis["name"])])
    for random in config.get("random", []):
        rows.append([random["name"], *_drawn(source, random), source.text(random["name"])])
    if config.get("design", {}).get("kind") == "table":
        rows += [[name, "", "column of the table", source.text(name)] for name in source.scanned]
    for name, tie in config.get("tie", {}).items():
        rows.append([name, str(tie), "tied", source.text(name)])
    for name, value in config.get("fixed", {}).items():
        rows.append([name, _said(source, name, value), "fixed", source.text(name)])
    caption = "Parameters of the question. A bare number is in the unit of the model; ties are in its units."
    return table(caption, ["parameter", "values", "role", "what it is"], rows) if rows else Html()


def _defaults(source: Source) -> Html:
    """Scalar parameters of the file that the configuration does not name."""
    config = source.config
    named = {*source.scanned, *config.get("tie", {}), *config.get("fixed", {})}
    rows = []
    for key, variable in source.raw.variables.items():
        name = str(key)
        if (
            name in named
            or variable.dims
            or variable.attrs.get("coverage_content_type") != "coordinate"
            or name in ("draw", "point")
        ):
            continue
        unit = str(variable.attrs.get("units", "1"))
        rows.append([name, quantity(float(variable.values), unit, _EXACT), source.text(name)])
    caption = (
        "Parameters of one value that the configuration does not name; some belong to variants that are not in use."
    )
    return (
        details("Parameters at the defaults of the model", table(caption, ["parameter", "value", "what it is"], rows))
        if rows
        else Html()
    )


def _design(source: Source) -> list[str]:
    tolerance = f"tolerance of following {number(float(source.attrs.get('nessmap_rtol', 0)))}"
    if source.kind == "trace":
        return [f"Solver: the time course is followed; {tolerance}."]
    config = source.config
    design, solver = config.get("design", {}), config.get("solver", {})
    kind = str(design.get("kind", source.attrs.get("nessmap_design", "")))
    words = [_DESIGNS.get(kind, kind)]
    words += [
        f"{key} {design[key]}" for key in ("n", "replicates", "levels", "probes", "tolerance", "file") if key in design
    ]
    if kind not in ("grid", "table"):
        words.append(f"seed {design.get('seed', source.attrs.get('nessmap_seed'))}")
    lines = [f"Design: {', '.join(words)}."]
    if kind == "refine":
        separates = str(design.get("class", "outcome"))
        lines[0] = (
            lines[0][:-1]
            + f"; classes by {separates}"
            + (f" with the threshold {design['threshold']}." if "threshold" in design else ".")
        )
    else:
        reduce = str(source.attrs.get("nessmap_reduce", "full"))
        inside = str(source.attrs.get("nessmap_reduced_parameters", "")).split()
        lines.append(
            f"Kept: {_REDUCES.get(reduce, reduce)}" + (f"; within a cell vary {listing(inside)}." if inside else ".")
        )
    mode = (
        "every time course is followed"
        if solver.get("mode") == "follow"
        else "Newton's method, else following the time course"
    )
    lines.append(f"Solver: {mode}; {tolerance}.")
    return lines


def question(source: Source) -> Html:
    variants = [text.partition("=")[::2] for text in str(source.attrs.get("nessmap_variants", "")).split()]
    model = f"Model: {source.model}"
    if variants:
        model += ", with " + listing([f"{name} {choice}" for name, choice in variants])
    text = str(source.attrs.get("nessmap_config", ""))
    whole = Html()
    if text:
        lines = re.sub(r"\n{3,}", "\n\n", text)
        whole = details("The whole configuration, as the file keeps it", preformatted(lines, "configuration"))
    else:
        whole = paragraph("The file keeps no configuration: it was made from options on the command line.")
    return join(
        [
            paragraph(source.attrs.get("summary", "")),
            bullets([model + ".", *_design(source)] if text else [model + "."]),
            _parameters(source),
            _defaults(source),
            whole,
        ]
    )
