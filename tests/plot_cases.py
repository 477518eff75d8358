"""What the tests of pictures share: small files of every layout, written by hand or by the program, and what holds of any picture."""

import pathlib
import warnings

import netCDF4
import numpy as np
from matplotlib.axis import Axis, Tick
from matplotlib.contour import ContourSet
from matplotlib.text import Text

import harness
from nessmap_tools import plot
from nessmap_tools.plot import classes

MEANINGS = " ".join(classes.NAMES)
UNITS = {"V": "V", "Na_i": "mol m-3", "A": "mol m-3", "sigma_total": "W m-2 K-1", "a_max": "1"}
DRIVE = ("dG_ATP", np.linspace(0.0, -60e3, 12), "linear", "J mol-1", "free energy of hydrolysis")
LEAK = ("g_Na", np.geomspace(0.01, 10.0, 9), "log", "S m-2", "Na+ leak conductance")
POTASSIUM = ("K_o", np.array([2.0, 4.0, 8.0]), "list", "mol m-3", "K+ in the bath")


def write_grid(path, axes, outputs, outcome, meanings=MEANINGS, fixed=(), config='model = "pump_leak"'):
    with netCDF4.Dataset(path, "w") as file:
        dims = tuple(axis[0] for axis in axes)
        for name, values, scale, unit, text in axes:
            file.createDimension(name, len(values))
            variable = file.createVariable(name, "f8", (name,))
            variable[:] = values
            variable.units, variable.long_name, variable.nessmap_scale = unit, text, scale
        for name, value in dict(fixed).items():
            file.createVariable(name, "f8")[...] = value
        for name, values in outputs.items():
            variable = file.createVariable(name, "f4", dims, fill_value=np.nan)
            variable.units, variable.long_name = UNITS[name], f"text of {name}"
            variable[:] = values
        variable = file.createVariable("outcome", "i1", dims)
        variable.flag_values = np.arange(len(meanings.split()), dtype="i1")
        variable.flag_meanings = meanings
        variable[:] = outcome
        file.title, file.nessmap_config = "Steady states of a test", config
        file.nessmap_schema, file.nessmap_layout = np.int32(1), "grid"


def cell(axes, names=("V", "Na_i", "sigma_total", "a_max")):
    """Equilibrium on the edge without fuel, no state in a corner, one point that failed, else NESS."""
    shape = tuple(len(axis[1]) for axis in axes)
    drive = np.broadcast_to(np.linspace(0.0, 1.0, len(DRIVE[1])).reshape((-1,) + (1,) * (len(axes) - 1)), shape)
    last = np.broadcast_to(np.linspace(0.0, 1.0, shape[-1]), shape)
    outcome = np.where(drive == 0.0, 0, np.where((drive > 0.6) & (last > 0.7), 4, 1)).astype("i1")
    outcome.reshape(-1)[-5] = 7
    has_values = np.isin(outcome, (0, 1))
    fields = {"V": -0.1 * drive, "Na_i": 150.0 - 100.0 * drive, "sigma_total": 1e-5 * drive**4, "a_max": 20.0 * drive,
              "A": 1.0 - 0.5 * drive}
    return {name: np.where(has_values, fields[name], np.nan) for name in names}, outcome


# --- files of the program ---------------------------------------------------------------------------------------

LEAK_AXIS = '[[axis]]\nname = "g_Na"\nmin = 0.01\nmax = 10.0\nn = {n}\nscale = "log"\n'
FUEL_AXIS = '[[axis]]\nname = "dG_ATP"\nmin = "-60 kJ/mol"\nmax = 0.0\nn = {n}\n'
DRAWN = '[[random]]\nname = "g_K"\ndist = "loguniform"\nmin = 0.03\nmax = 10.0\n' \
        '[[random]]\nname = "p_max"\ndist = "loguniform"\nmin = 1e-8\nmax = 1e-5\n'
DESIGN = '[design]\nkind = "{kind}"\nn = {n}\nseed = 1\n{more}'
CELL = 'model = "pump_leak"\n'
RING = 'model = "driven_cycle"\n'
RING_DRAWN = "".join(f'[[random]]\nname = "{name}"\ndist = "loguniform"\nmin = 0.1\nmax = 10.0\n' for name in ("k1f", "k2f", "F_c"))


def drawn(kind, n, more=""):
    return DESIGN.format(kind=kind, n=n, more=more)


# layout: configuration, and the kinds that its file can be drawn as
FILES = {
    "grid": (CELL + FUEL_AXIS.format(n=9) + LEAK_AXIS.format(n=8), "map lines distributions budget"),
    "draws": (CELL + drawn("random", 6) + FUEL_AXIS.format(n=5) + LEAK_AXIS.format(n=4) + DRAWN,
              "probability map lines distributions budget"),
    "further": (CELL + FUEL_AXIS.format(n=4) + LEAK_AXIS.format(n=3)
                + '[[axis]]\nname = "K_o"\nvalues = [2.0, 4.0, 8.0]\n', "map lines distributions budget"),
    "line": (CELL + LEAK_AXIS.format(n=12) + '[output]\nvariables = ["*"]\n', "lines distributions budget"),
    "one": (CELL + '[[axis]]\nname = "g_Na"\nmin = 0.5\nmax = 0.5\nn = 1\n', "budget"),
    "random": (CELL + drawn("random", 300) + DRAWN, "distributions budget"),
    "lhs": (CELL + drawn("lhs", 64) + DRAWN, "distributions budget"),
    "sequence": (CELL + drawn("sobol", 64) + DRAWN, "distributions budget"),
    "gradients": (CELL + drawn("random", 40) + DRAWN + '[output]\ngradients = ["V"]\n', "distributions budget"),
    "bins": (CELL + drawn("random", 16) + FUEL_AXIS.format(n=6) + LEAK_AXIS.format(n=5) + DRAWN + '[[reduce]]\nkind = "bins"\n'
             "quantiles = [0.05, 0.5, 0.95]\n", "probability map lines distributions"),
    "bins_of_output": (CELL + drawn("random", 400) + DRAWN + '[[reduce]]\nkind = "bins"\naxes = [\n'
                       '{ name = "V", min = "-100 mV", max = 0.0, n = 6 },\n{ name = "g_K", min = 0.03, max = 10.0, n = 5, '
                       'scale = "log" },\n]\n', "distributions map lines"),
    "summary": (CELL + drawn("random", 300) + DRAWN + '[output]\nvariables = ["V", "sigma_total"]\n'
                '[[reduce]]\nkind = "summary"\nquantiles = [0.1, 0.5, 0.9]\n', "distributions"),
    "sobol": (CELL + drawn("saltelli", 64, "replicates = 4\n") + DRAWN + '[output]\nvariables = ["V", "sigma_total"]\n[[reduce]]\n'
              'kind = "sobol"\n', "indices"),
    "sobol_axis": (CELL + drawn("saltelli", 32, "replicates = 4\n") + FUEL_AXIS.format(n=3) + DRAWN
                   + '[output]\nvariables = ["V"]\n[[reduce]]\nkind = "sobol"\n', "indices"),
    "morris": (CELL + drawn("morris", 32, "replicates = 4\n") + DRAWN + '[output]\nvariables = ["V"]\n[[reduce]]\nkind = "morris"\n', "indices"),
    "dgsm": (CELL + drawn("sobol", 256, "replicates = 4\n") + DRAWN + '[output]\nvariables = ["V"]\n[[reduce]]\nkind = "dgsm"\n', "indices"),
    "refined": (CELL + '[design]\nkind = "refine"\nlevels = 2\ntolerance = 1e-4\nprobes = 20\n[[axis]]\nname = "g_K"\nmin = 0.03\nmax = 10.0\n'
                'n = 16\nscale = "log"\n[[axis]]\nname = "p_max"\nmin = 1e-9\nmax = 1e-5\nn = 16\nscale = "log"\n',
                "boundary map lines distributions budget"),
    "segments": (RING + '[design]\nkind = "refine"\nn = 200\nseed = 5\nclass = "J_R1"\nthreshold = 0.0\ntolerance = 1e-4\n' + RING_DRAWN
                 + '[fixed]\nk1r = 3.0\n[output]\nvariables = ["J_R1"]\n', "boundary distributions budget"),
    "flask": (RING + '[[axis]]\nname = "F_c"\nmin = 0.1\nmax = 10.0\nn = 6\nscale = "log"\n[[axis]]\nname = "k1f"\nmin = 0.1\nmax = 10.0\n'
              'n = 5\nscale = "log"\n', "map lines distributions budget"),
}


def make(nessmap, folder, name):
    """One of FILES, or the trace of a cell: its path."""
    path = pathlib.Path(folder) / f"{name}.nc"
    if name == "trace":
        done = harness.run(nessmap, "trace", "--model", "pump_leak", "--set", "g_Na=0.5", "-o", path)
    else:
        config = path.with_suffix(".toml")
        config.write_text(FILES[name][0])
        done = harness.run(nessmap, "run", config, "-o", path, "--quiet", "--threads", 1)
    assert done.returncode == 0, (name, done.stderr)
    return path


# --- what holds of any picture ----------------------------------------------------------------------------------


def texts_of(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text() and text.get_visible()]


def legend_of(figure):
    """Texts and handles of the legends of a figure and of its panels."""
    legends = [*figure.legends, *(ax.get_legend() for ax in figure.axes if ax.get_legend())]
    return {text.get_text(): handle for legend in legends for text, handle in zip(legend.get_texts(), legend.legend_handles)}


def levels_of(ax):
    """Levels of the contour lines of a panel, rising."""
    return sorted({float(level) for c in ax.collections if isinstance(c, ContourSet) and not c.filled for level in c.levels})


def check_picture(picture):
    """Text stays inside and is legible; the alternative text is short; the table has an even shape."""
    figure = picture.figure
    figure.set_dpi(40)
    with warnings.catch_warnings():
        # that the layout found no room is a warning
        warnings.simplefilter("error", UserWarning)
        figure.draw_without_rendering()
    hidden = hidden_ticks(figure)
    for text in figure.findobj(Text):
        if not text.get_text().strip() or not text.get_visible() or id(text) in hidden:
            continue
        assert text.get_fontsize() >= 6.99, (text.get_text(), text.get_fontsize())
        box, room = text.get_window_extent(), figure.bbox
        assert box.x0 >= -1 and box.y0 >= -1 and box.x1 <= room.x1 + 1 and box.y1 <= room.y1 + 1, \
            f"{text.get_text()!r} lies outside: {box} of {room}"
    assert 20 < len(picture.text) < 700 and picture.text.endswith((".", "%")) and "$" not in picture.text, picture.text
    assert "nan" not in picture.text and "inf " not in picture.text, picture.text
    assert 0 < len(picture.table.rows) <= plot.MOST_ROWS
    assert all(len(row) == len(picture.table.header) and all(isinstance(entry, str) for entry in row) for row in picture.table.rows)


def hidden_ticks(figure):
    """Labels of ticks beyond the limits, which are made, but not drawn."""
    labels = {id(text) for tick in figure.findobj(Tick) for text in (tick.label1, tick.label2)}
    drawn = {id(text) for axis in figure.findobj(Axis) for tick in axis._update_ticks() for text in (tick.label1, tick.label2)}
    return labels - drawn
