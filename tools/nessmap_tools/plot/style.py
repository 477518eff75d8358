"""What all pictures share: letters, lines, colours of series, headings."""

from __future__ import annotations

import re
from typing import Any, Sequence

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from . import classes
from .words import percent, plain_or_power

INK = "#222222"
NO_VALUE = "#E4E4E4"
FAINT = "#A8A8A8"
SMALLEST = 7.0  # pt of the smallest letters

RC = {
    "font.size": 8.5,
    "axes.titlesize": 9.0,
    "axes.labelsize": 8.5,
    "legend.fontsize": 8.0,
    "figure.titlesize": 10.0,
    "axes.linewidth": 0.7,
    "hatch.linewidth": 0.6,
    "text.color": INK,
}

# Okabe and Ito's colours with hatches and line styles: series are told apart in grey, too
SERIES = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999"]
HATCHES = [None, "//", "..", "\\\\", "xx", "--", "||", "++"]
DASHES = ["-", "--", "-.", ":"]


def styled() -> Any:
    """The context in which all is drawn."""
    return matplotlib.rc_context(RC)


def series(i: int) -> tuple[str, str | None, str]:
    """Colour, hatch and line style of the i-th series."""
    turn = i // len(SERIES)
    return SERIES[i % len(SERIES)], HATCHES[(i + turn) % len(HATCHES)], DASHES[(i + turn) % len(DASHES)]


def new_figure(width: float, height: float) -> Figure:
    """A figure of its own, in inches, that no pyplot keeps."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.06, hspace=0.04, wspace=0.03)
    return figure


def finish(figure: Figure) -> None:
    """Letters of ticks, which are made when they are drawn, where this style is no longer in force."""
    for ax in figure.axes:
        ax.tick_params(which="both", labelsize=8.0)


def folded(text: str, width: int = 50) -> str:
    """Text on as many lines as it needs; a symbol, whose mark-up has no width, and its unit are never broken."""
    lines: list[str] = []
    room = 0
    for space, word in re.findall(r"(\s*)((?:\$[^$]*\$(?: \([^()]*\))?|\([^()]*\)|[^\s$()])+)", text):
        length = len(re.sub(r"\\[a-zA-Z]+|[\\{}$_^]", "", space + word))
        if lines and length <= room:
            lines[-1] += space + word
        else:
            lines.append(word)
            room = width
        room -= length
    return "\n".join(lines)


def head(figure: Figure, title: str, subtitle: str = "") -> None:
    """Title and subtitle, broken so that they stay inside."""
    width = int(figure.get_figwidth() * 12)
    figure.suptitle("\n".join(folded(line, width) for line in (title, subtitle) if line))


def ticks(axis: Axis, scale: str, n: int = 6) -> None:
    """Few ticks, powers of ten as such."""
    if scale == "log":
        axis.set_major_locator(LogLocator(numticks=n + 2))
        axis.set_minor_formatter(NullFormatter())
        axis.set_major_formatter(FuncFormatter(plain_or_power))
    else:
        axis.set_major_locator(MaxNLocator(n))


def log_ticks_within(axis: Axis, low: float, high: float) -> None:
    """Ticks of a logarithmic axis, also where it holds less than two powers of ten."""
    ticks(axis, "log")
    if high < 100 * low:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=8))


def class_patch(name: str, text: str) -> Patch:
    colour, hatch, _ = classes.CLASSES[name]
    return Patch(facecolor=colour, hatch=hatch, edgecolor=INK, linewidth=0.6, label=text)


def class_legend(
    figure: Figure, codes: Any, called: dict[str, str], extra: Sequence[Any] = (), where: str = "lower"
) -> None:
    """Classes that occur with their shares, below or above all panels."""
    handles: list[Any] = [
        class_patch(name, f"{called[name]} {percent(n / codes.size)}") for name, n in classes.present(codes)
    ]
    legend(figure, [*handles, *extra], where)


def legend(figure: Figure, handles: Sequence[Any], where: str = "lower") -> None:
    longest = max(len(handle.get_label()) for handle in handles)
    columns = max(1, min(len(handles), int(figure.get_figwidth() / (0.55 + 0.072 * longest))))
    figure.legend(
        handles=list(handles),
        loc=f"outside {where} center",
        ncols=columns,
        frameon=False,
        handlelength=1.8,
        columnspacing=1.2,
    )


def open_sides(ax: Axes) -> None:
    ax.spines[["top", "right"]].set_visible(False)
