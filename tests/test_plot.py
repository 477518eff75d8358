"""Pictures: every kind, on small files, shows what the file says; wrong input gets one sentence.

Also the closed-form lysis boundary against a direct search for the steady state.
"""

import json
import os
import subprocess
import sys

import netCDF4
import numpy as np
import pytest
import xarray

import harness

sys.path.insert(0, str(harness.ROOT / "tools"))

from nessmap_tools import Refused, plot
from nessmap_tools.plot import classes, cli, course, lysis_boundary, maps, source, style, words
from plot_cases import DRIVE, FILES, LEAK, MEANINGS, POTASSIUM, cell, check_picture, legend_of, levels_of, make, texts_of, write_grid

NESSMAP = os.environ.get("NESSMAP_BIN") or str(harness.ROOT / "build" / "nessmap")


@pytest.fixture(scope="module", autouse=True)
def program():
    """The program that budgets are asked of."""
    before = os.environ.get("NESSMAP_BIN")
    os.environ["NESSMAP_BIN"] = NESSMAP
    yield
    if before is None:
        del os.environ["NESSMAP_BIN"]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """file(name): a small file of the program of a layout, made once."""
    folder, made = tmp_path_factory.mktemp("files"), {}

    def path_of(name):
        if name not in made:
            made[name] = make(NESSMAP, folder, name)
        return made[name]

    return path_of


# --- kinds and layouts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*FILES, "trace"])
def test_kinds(file, name):
    assert plot.kinds(file(name)) == (FILES[name][1].split() if name in FILES else ["course", "budget"])


def test_every_kind_is_the_best_of_a_file_or_drawn_here():
    assert {kind for _, kinds in FILES.values() for kind in kinds.split()} | {"course"} == set(plot.KINDS)
    assert set(classes.CLASSES) == set(MEANINGS.split())


def test_classes_are_told_apart_in_grey():
    """Either the hatches differ, or the brightness does."""
    rgb = {name: [int(entry.colour[i: i + 2], 16) / 255 for i in (1, 3, 5)] for name, entry in classes.CLASSES.items()}
    grey = {name: float(np.dot(values, (0.299, 0.587, 0.114))) for name, values in rgb.items()}
    for a in classes.NAMES:
        for b in classes.NAMES[: classes.NAMES.index(a)]:
            assert classes.CLASSES[a].hatch != classes.CLASSES[b].hatch or abs(grey[a] - grey[b]) > 0.15, (a, b)


def test_package_needs_no_matplotlib():
    """Neither to be imported nor to say the kinds; drawing says what is missing."""
    code = "import sys\nsys.modules['matplotlib'] = None\nimport nessmap_tools\nfrom nessmap_tools import plot\n" \
           "try:\n    plot.draw('x.nc')\nexcept nessmap_tools.Refused as error:\n    print(error)\n"
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(harness.ROOT / "tools")},
                          capture_output=True, text=True)
    assert done.returncode == 0 and "need Matplotlib" in done.stdout, done


# --- maps -------------------------------------------------------------------------------------------------------


def test_map(tmp_path):
    outputs, outcome = cell([DRIVE, LEAK])
    write_grid(tmp_path / "a.nc", [DRIVE, LEAK], outputs, outcome)
    picture = plot.draw(tmp_path / "a.nc")
    check_picture(picture)
    everything = "\n".join(texts_of(picture.figure))
    assert "kJ mol⁻¹" in everything and "S m⁻²" in everything and "(mV)" in everything
    assert "µW m⁻² K⁻¹" in everything and "Na⁺ leak conductance" in everything
    assert "Steady states of a test" in everything
    # the classes of the file, each with its share and hatch, in the legend, the text and the table
    legend, table = legend_of(picture.figure), {row[0]: row for row in picture.table.rows}
    counts = {name: int(np.sum(outcome == code)) for name, code in classes.CODES.items() if np.any(outcome == code)}
    for name, n in counts.items():
        entry, share = classes.CLASSES[name], 100.0 * n / outcome.size
        label = next(text for text in legend if text.startswith(entry.words))
        assert f"{share:.1f} %" in label and legend[label].get_hatch() == entry.hatch, (label, share)
        assert table[entry.words][1:3] == [str(n), f"{share:.1f} %"] and f"{entry.words} {share:.1f} %" in picture.text
    assert len(legend) == len(counts)
    # the first axis runs to the right, and contours are at round levels of what is shown
    panel, potential = picture.figure.axes[:2]
    assert (panel.get_xscale(), panel.get_yscale()) == ("linear", "log") and "hydrolysis" in panel.get_xlabel()
    shown = panel.collections[0].get_array()
    assert np.array_equal(np.asarray(shown).reshape(9, 12), outcome.T)
    assert set(levels_of(panel)) - {0.5} == {0.1, 0.3, 1.0, 3.0, 10.0}  # of forces up to 20 RT
    levels = levels_of(potential)
    assert len(levels) >= 3 and -100.0 < levels[0] and levels[-1] < 0.0 and np.allclose(np.diff(levels), levels[1] - levels[0])
    assert table["V (mV)"][3:] == ["−100", "−45.45", "0"] or table["V (mV)"][3] == "−100"


def test_hatches_are_drawn(tmp_path):
    """A class of more than a line is hatched on the map as in the legend."""
    outcome = np.repeat(np.arange(9), 4).reshape(9, 4).T.astype("i1")
    axes = [("a", np.arange(4.0), "linear", "1", "a"), ("b", np.arange(9.0), "linear", "1", "b")]
    write_grid(tmp_path / "a.nc", axes, {"V": np.zeros((4, 9))}, outcome)
    figure = plot.draw(tmp_path / "a.nc").figure
    drawn = {hatch for c in figure.axes[0].collections for hatch in (getattr(c, "hatches", None) or [])}
    assert drawn >= {entry.hatch for entry in classes.CLASSES.values() if entry.hatch}


def test_units_are_converted(tmp_path):
    outputs, outcome = cell([DRIVE, LEAK])
    write_grid(tmp_path / "a.nc", [DRIVE, LEAK], outputs, outcome)
    with source.open_cells(tmp_path / "a.nc") as grid:
        values, edges, scale = source.coordinate(grid, "dG_ATP")
        assert scale == "linear" and values[-1] == pytest.approx(-60.0) and len(edges) == len(values) + 1
        values, edges, scale = source.coordinate(grid, "g_Na")
        assert scale == "log" and np.allclose(edges[1:-1], np.sqrt(values[1:] * values[:-1]))
        figure, codes = maps.draw_map(source.choose(grid, None, None, ()), ["V"])
    assert np.array_equal(codes, outcome.T)
    assert np.nanmin(figure.axes[1].collections[0].get_array()) == pytest.approx(-100.0, rel=1e-6)


def test_numbers():
    wanted = {0.12345: "0.1235", -57.0: "−57", 123456.0: "123,500", 1.5e-7: "1.5×10⁻⁷", 2e8: "2×10⁸", 0.0: "0", float("nan"): "–"}
    assert {value: words.number(value) for value in wanted} == wanted


def test_long_text_is_folded_between_symbols():
    text = style.folded("the costliest point, $\\Delta G_{\\mathrm{ATP}}$ = −60 kJ mol⁻¹, " * 4, 40)
    assert text.count("\n") >= 3 and all(line.count("$") % 2 == 0 for line in text.split("\n"))


def test_unit_stays_where_what_people_read_is_too_small():
    """The level of a bathtub is in metres, the thickness of a cell in micrometres."""
    for largest, unit in ((2e-6, "µm"), (1.0, "m")):
        variable = xarray.DataArray(np.array([np.nan, 0.0, largest]), attrs={"units": "m"})
        assert words.unit_of(variable).label == unit and np.nanmax(words.values_of(variable)) == pytest.approx(largest * words.unit_of(variable).factor)


def test_outcomes_are_read_by_their_words(tmp_path):
    outputs, _ = cell([DRIVE])
    write_grid(tmp_path / "a.nc", [DRIVE], outputs, np.arange(12) % 2, meanings="ness not_converged")
    picture = plot.draw(tmp_path / "a.nc")
    assert set(legend_of(picture.figure)) >= {"NESS 50.0 %", "not converged 50.0 %"}


def test_more_axes_are_held(tmp_path):
    axes = [DRIVE, POTASSIUM, LEAK]
    outputs, outcome = cell(axes)
    write_grid(tmp_path / "a.nc", axes, outputs, outcome)
    with source.open_cells(tmp_path / "a.nc") as grid:
        part = source.choose(grid, "g_Na", "dG_ATP", ())
        assert np.array_equal(source.codes_over(part.cells, ("dG_ATP", "g_Na")), outcome[:, 1, :])
        assert any("= 4 mM" in note for note in part.notes)
        part = source.choose(grid, None, None, ["K_o=7.5"])
        assert (part.x, part.y) == ("dG_ATP", "g_Na") and np.array_equal(source.codes_over(part.cells, ("g_Na", "dG_ATP")), outcome[:, 2, :].T)
        part = source.choose(grid, None, None, ["K_o=2", "g_Na=0.01"])
        assert part.y is None and np.array_equal(source.codes_over(part.cells, ("dG_ATP",)), outcome[:, 0, 0])


def test_model_without_potential(tmp_path):
    outputs, outcome = cell([DRIVE, LEAK], ("A", "sigma_total"))
    write_grid(tmp_path / "a.nc", [DRIVE, LEAK], outputs, outcome)
    titles = [ax.get_title() for ax in plot.draw(tmp_path / "a.nc").figure.axes]
    assert "text of A" in titles and "text of sigma_total" in titles


@pytest.mark.parametrize("only", [0, 4, 8])  # the first, one without values, the last
def test_every_class_alone(tmp_path, only):
    outputs, outcome = cell([DRIVE, LEAK], ("V",))
    empty = {name: np.full_like(values, np.nan) for name, values in outputs.items()}
    write_grid(tmp_path / "a.nc", [DRIVE, LEAK], empty, np.full_like(outcome, only))
    picture = plot.draw(tmp_path / "a.nc")
    assert [*legend_of(picture.figure)] == [f"{classes.CLASSES[classes.NAMES[only]].words} 100 %"]
    assert "no values here" in texts_of(picture.figure)


def test_every_shown_output_has_its_panel(tmp_path):
    names = ["V", "Na_i", "sigma_total", "a_max"]
    write_grid(tmp_path / "a.nc", [DRIVE, LEAK], *cell([DRIVE, LEAK], names))
    figure = plot.draw(tmp_path / "a.nc", show=names).figure
    assert [ax.get_title() for ax in figure.axes[1: 1 + len(names)]] == [f"text of {name}" for name in names]
    assert all(ax.collections for ax in figure.axes[: 1 + len(names)])


def test_round_off_has_no_contours(tmp_path):
    """Values that are zero but for round-off make no contour at zero."""
    outputs, outcome = cell([DRIVE, LEAK], ("V",))
    outputs["V"][0] = 1e-17 * (-1.0) ** np.arange(9)
    write_grid(tmp_path / "a.nc", [DRIVE, LEAK], outputs, np.ones_like(outcome))
    assert 0.0 not in levels_of(plot.draw(tmp_path / "a.nc").figure.axes[1])


# --- lines, shares of draws, bins -------------------------------------------------------------------------------


def test_lines(file):
    picture = plot.draw(file("line"))
    check_picture(picture)
    strip, *panels = picture.figure.axes
    assert panels[-1].get_xscale() == "log" and "Na⁺ leak conductance" in panels[-1].get_xlabel()
    with netCDF4.Dataset(file("line")) as cells:
        potential = next(ax for ax in panels if "(mV)" in ax.get_ylabel()).lines[0]
        assert np.allclose(potential.get_ydata(), 1e3 * cells["V"][:]) and np.allclose(potential.get_xdata(), cells["g_Na"][:])
        assert [float(row[0]) for row in picture.table.rows] == pytest.approx(cells["g_Na"][:].tolist(), rel=1e-3)
    inside = next(ax for ax in panels if ax.get_ylabel().startswith("concentration"))
    assert {line.get_label() for line in inside.lines} >= {"$\\mathrm{Na}_{\\mathrm{i}}$", "$\\mathrm{Cl}_{\\mathrm{i}}$"}
    drawn = [(line.get_color(), line.get_linestyle()) for line in inside.lines if line.get_linestyle() != "None"]
    assert len(set(drawn)) == len(drawn) >= 4


def test_probability(file):
    picture = plot.draw(file("draws"))
    check_picture(picture)
    with netCDF4.Dataset(file("draws")) as cells:
        share = 100.0 * np.isin(cells["outcome"][:], (0, 1, 2, 3)).mean(-1)
    ax = picture.figure.axes[0]
    assert np.allclose(np.asarray(ax.collections[0].get_array()).reshape(share.T.shape), share.T)
    assert levels_of(ax) == [level for level in (5.0, 50.0, 95.0) if share.min() < level < share.max()] and levels_of(ax)
    table = {row[0]: int(row[1]) for row in picture.table.rows}
    assert table["100 %"] == np.sum(share == 100.0) and table["0 %"] == np.sum(share == 0.0) and sum(table.values()) == share.size
    assert f"{share.mean():.1f} %" in picture.text


def write_bins(path, n_draws=10):
    """A file of [[reduce]] kind = "bins": more and more draws grow along the leak; without fuel nothing was run."""
    axes = [DRIVE, LEAK]
    grows = np.broadcast_to(np.arange(9), (12, 9)).copy()
    ness, not_run = n_draws - grows, np.zeros_like(grows)
    not_run[0], grows[0], ness[0] = n_draws, 0, 0
    mean = np.where(ness > 0, -0.01 * ness, np.nan)
    write_grid(path, axes, {"V": mean}, np.zeros_like(grows))
    with netCDF4.Dataset(path, "a") as file:
        file.renameVariable("outcome", "unused")
        file.renameVariable("V", "V_mean")
        file.nessmap_reduce, file.valid_outcomes = "bins", "equilibrium ness oscillatory unstable"
        file.createVariable("draw", "i8")[...] = n_draws
        file["draw"].coverage_content_type = "coordinate"
        counts = {"ness": ness, "no_steady_state_growth": grows, "not_run": not_run}
        for name in MEANINGS.split():
            file.createVariable(f"count_{name}", "i8", ("dG_ATP", "g_Na"))[:] = counts.get(name, 0)
        file.createVariable("n", "i8", ("dG_ATP", "g_Na"))[:] = n_draws
    return grows


def test_bins(tmp_path):
    grows = write_bins(tmp_path / "bins.nc")
    with source.open_cells(tmp_path / "bins.nc") as grid:
        part = source.choose(grid, "g_Na", "dG_ATP", ())
        wanted = np.where(grows > 5, classes.CODES["no_steady_state_growth"], classes.CODES["ness"])
        wanted[0] = classes.CODES["not_run"]
        assert np.array_equal(source.codes_over(part.cells, ("dG_ATP", "g_Na")), wanted)
        share = part.cells[source.SHARE].values
        assert np.isnan(share[0]).all() and np.array_equal(share[1:], 100.0 - 10.0 * grows[1:])
        assert source.shown_outputs(part.cells, ("dG_ATP", "g_Na"), ()) == [source.SHARE, "V_mean"]
    picture = plot.draw(tmp_path / "bins.nc", "map")
    assert "draws with a steady state (%)" in texts_of(picture.figure)
    assert any("of 10 draws" in text for text in texts_of(picture.figure))
    assert levels_of(plot.draw(tmp_path / "bins.nc").figure.axes[0]) == [50.0, 95.0]
    line = plot.draw(tmp_path / "bins.nc", "probability", sel=["dG_ATP=-60e3"]).figure.axes[1].lines[0]
    assert np.array_equal(line.get_ydata(), share[-1])


# --- budgets ----------------------------------------------------------------------------------------------------


def bars_of(ax):
    """Widths of the stacked bars by row."""
    rows = {}
    for bar in ax.patches:
        rows.setdefault(round(bar.get_y() + bar.get_height() / 2), []).append(bar.get_width())
    return rows


def test_budget(file):
    """The costliest steady point by itself; bars are the program's numbers and balance."""
    picture = plot.draw(file("grid"), "budget")
    check_picture(picture)
    with netCDF4.Dataset(file("grid")) as cells:
        sigma = np.where(np.isin(cells["outcome"][:], (0, 1)), cells["sigma_total"][:].filled(np.nan), np.nan)
    index = int(np.nanargmax(sigma))
    assert any(f"the costliest steady point, {index}:" in text for text in texts_of(picture.figure))
    sheet = json.loads(harness.run(NESSMAP, "point", "--from", file("grid"), "--index", index, "--json").stdout)
    (flux, molar), (power, watt) = (
        (bars_of(ax), 1e3**(small in ax.get_xlabel())) for ax, small in zip(picture.figure.axes, ("nmol", "µW"))
    )
    molar, watt = 1e6 * molar, 1e3 * watt
    for row, name in enumerate(("Na_i", "K_i")):
        entry = sheet["balance"][name]
        assert sorted(w for w in flux[row] if w > 0) == pytest.approx(sorted(molar * v for v in entry["in"].values()))
        assert sorted(-w for w in flux[row] if w < 0) == pytest.approx(sorted(molar * v for v in entry["out"].values()))
    assert sum(power[0]) == pytest.approx(watt * sheet["supplied"]["ATP"], rel=1e-6) and sum(power[1]) == pytest.approx(sum(power[0]), rel=1e-6)
    assert len(power[1]) == 3 and max(power[1]) == pytest.approx(watt * max(sheet["dissipated"].values()))
    table = {(row[0], row[1]): float(row[2]) for row in picture.table.rows}
    assert table["dissipated", "leak_Na"] == pytest.approx(watt * sheet["dissipated"]["leak_Na"], rel=1e-3)
    hatches = {text: handle.get_hatch() for text, handle in legend_of(picture.figure).items()}
    assert len(set(hatches.values())) >= 3 and {"leak_Na", "leak_K", "pump", "ATP"} <= set(hatches)


def test_budget_of_a_named_point(file, tmp_path):
    assert "point 2,3 (NESS)" in plot.draw(file("grid"), index="2,3").text
    with pytest.raises(Refused, match="no balance of fluxes"):
        with netCDF4.Dataset(file("grid")) as cells:
            dead = int(np.flatnonzero(cells["outcome"][:].reshape(-1) == 4)[0])
        plot.draw(file("grid"), index=dead)
    with pytest.raises(Refused, match="name one by --index"):
        plot.draw(file("summary"), "budget")
    os.environ["NESSMAP_BIN"] = str(tmp_path / "none")
    try:
        with pytest.raises(Refused, match="the program nessmap is not at"):
            plot.draw(file("grid"), "budget")
    finally:
        os.environ["NESSMAP_BIN"] = NESSMAP


def test_budget_along_an_axis(file):
    picture = plot.draw(file("line"), "budget", x="g_Na")
    check_picture(picture)
    with netCDF4.Dataset(file("line")) as cells:
        total = sum(1e3 * cells[f"Tsigma_{name}"][:] for name in ("leak_Na", "leak_K", "leak_Cl", "pump"))
    ax = picture.figure.axes[0]
    assert np.allclose(ax.lines[0].get_ydata(), total, rtol=1e-6)
    assert picture.table.rows[3][1] == f"{total[3]:.4g}"
    with pytest.raises(Refused, match="holds no dissipation of pathways"):
        plot.draw(file("grid"), "budget", x="g_Na")


# --- indices ----------------------------------------------------------------------------------------------------

INPUTS = ("g_Na", "p_max", "K_o")


def write_indices(path, kind, values, axes=()):
    """A file of indices: values maps a quantity to (measure -> array over axes and inputs)."""
    with netCDF4.Dataset(path, "w") as file:
        dims = []
        for name, points in axes:
            file.createDimension(name, len(points))
            file.createVariable(name, "f8", (name,))[:] = points
            dims.append(name)
        file.createDimension("input", len(INPUTS))
        file.createVariable("input", str, ("input",))[:] = np.array(INPUTS, dtype=object)
        for quantity, measures in values.items():
            for measure, data in measures.items():
                shape = (*dims, "input") if np.ndim(data) > len(dims) else tuple(dims)
                file.createVariable(f"{measure}_{quantity}", "f8", shape)[...] = data
                file[f"{measure}_{quantity}"].units = "V" if quantity == "V" and measure in ("mean", "mu_star", "sigma") else "1"
        file.nessmap_reduce, file.title, file.nessmap_schema = kind, "Indices of a test", np.int32(1)


def sobol_of(first, total, width=0.01, variance=1.0, mean=-0.05):
    return {"S1": first, "S1_conf": np.full(np.shape(first), width), "ST": total, "ST_conf": np.full(np.shape(total), width),
            "variance": variance, "mean": mean}


def test_indices(tmp_path):
    values = {"V": sobol_of([0.6, 0.3, 0.0], [0.7, 0.4, 0.0]), "steady": sobol_of([0.1, 0.2, 0.0], [0.8, 0.9, 0.0], mean=0.993),
              "ell": sobol_of([0.1, 0.2, 0.0], [0.8, 0.9, 30.0], width=400.0), "failed": sobol_of([np.nan] * 3, [np.nan] * 3, variance=0.0)}
    write_indices(tmp_path / "a.nc", "sobol", values)
    picture = plot.draw(tmp_path / "a.nc")
    check_picture(picture)
    texts = texts_of(picture.figure)
    for wanted in ("$V$, mean −50 mV", "whether there is a steady state: 99.3 %", "$p_{\\mathrm{max}}$", "first order"):
        assert wanted in texts, (wanted, texts)
    assert any("not determined" in text for text in texts)
    assert len(picture.figure.axes) == 3  # what does not vary is left out
    assert [bar.get_width() for bar in picture.figure.axes[0].patches] == pytest.approx([0.7, 0.4, 0.0, 0.6, 0.3, 0.0])
    assert picture.table.rows[0] == ["V", "g_Na", "0.7", "0.01", "0.6", "0.01"] and "V by g_Na (0.7)" in picture.text

    effects = {"V": {"mu_star": [0.05, 0.02, 0.0], "mu_star_conf": [0.01] * 3, "sigma": [0.03, 0.02, 0.0], "sigma_conf": [0.01] * 3,
                     "variance": 1.0, "mean": -0.05}}
    write_indices(tmp_path / "b.nc", "morris", effects)
    picture = plot.draw(tmp_path / "b.nc")
    assert "change over the range of the input (mV)" in texts_of(picture.figure) and picture.table.rows[0][2] == "50"

    bounds = {"V": {"ST_bound": [0.7, 3.0, 0.0], "ST_bound_conf": [0.01] * 3, "variance": 1.0, "mean": -0.05}}
    write_indices(tmp_path / "d.nc", "dgsm", bounds)
    texts = texts_of(plot.draw(tmp_path / "d.nc").figure)
    assert "upper bound of the total index" in texts and "share of the variance, at most" in texts and "above 1" in texts

    axis = ("dG_ATP", [-60e3, -30e3])
    values = {"V": sobol_of([[0.6, 0.3, 0.0], [0.1, 0.2, 0.3]], [[0.7, 0.4, 0.0], [0.2, 0.3, 0.4]], variance=[1.0, 1.0], mean=[-0.05, -0.03])}
    write_indices(tmp_path / "c.nc", "sobol", values, [axis])
    assert "$V$, mean −30 mV" in texts_of(plot.draw(tmp_path / "c.nc", sel=["dG_ATP=-31e3"]).figure)


def test_indices_refused(tmp_path):
    write_indices(tmp_path / "a.nc", "sobol", {"V": sobol_of([0.6, 0.3, 0.0], [0.7, 0.4, 0.0])})
    write_indices(tmp_path / "c.nc", "sobol", {"V": sobol_of([np.nan] * 3, [np.nan] * 3, variance=0.0)})
    for name, options, sentence in (("a", {"show": ["X"]}, "--show X: this file has indices of V"), ("a", {"kind": "map"}, "cannot be drawn as map"),
                                    ("a", {"sel": ["K=1"]}, "the axes of this file are none"), ("c", {}, "nothing varies")):
        with pytest.raises(Refused, match=sentence):
            plot.draw(tmp_path / f"{name}.nc", **options)


# --- boundaries, courses, distributions -------------------------------------------------------------------------


def test_boundary(file):
    picture = plot.draw(file("refined"))
    check_picture(picture)
    with netCDF4.Dataset(file("refined")) as cells:
        found = np.sort(cells["boundary_g_K"][:])
        widths, n = cells["boundary_half_width"][:], len(cells["boundary_half_width"][:])
        p = {name: float(cells[name][...]) for name in lysis_boundary.NEEDED if name != "g_K"}
        p |= {"g_K": cells["boundary_g_K"][:], "p_max": cells["boundary_p_max"][:]}
    lines = [line for line in picture.figure.axes[0].lines if line.get_marker() == "." and len(line.get_xdata()) > 1]
    assert np.allclose(np.sort(np.concatenate([line.get_xdata() for line in lines])), found)
    assert f"NESS | no steady state: lysis ({n})" in legend_of(picture.figure)
    assert f"{n} points" in picture.text and words.number(2 * np.median(np.asarray(widths)), 1) in picture.text
    assert np.abs(np.log(p["p_max"] / lysis_boundary.boundary_p_max(p))).max() < 0.1  # what is drawn lies on the closed form


def test_boundary_on_segments(file):
    picture = plot.draw(file("segments"))
    check_picture(picture)
    with netCDF4.Dataset(file("segments")) as cells:
        n = len(cells.dimensions["boundary"])
        pair = np.stack([cells["boundary_k1f"][:], cells["boundary_k2f"][:], cells["boundary_F_c"][:]])
    scatter = picture.figure.axes[3].lines[0]
    assert len(scatter.get_xdata()) == n and any(np.allclose(scatter.get_xdata(), row) for row in pair)
    assert all(ax.get_xscale() == "log" for ax in picture.figure.axes[:3])
    assert f"above | below ({n})" in picture.text or f"below | above ({n})" in picture.text, picture.text


def test_course(file):
    picture = plot.draw(file("trace"))
    check_picture(picture)
    ax = picture.figure.axes[0]
    with netCDF4.Dataset(file("trace")) as cells:
        assert np.allclose(ax.lines[0].get_ydata(), 1e3 * cells["V"][:]) and ax.get_xscale() == "log"
        end = f"{1e3 * cells['V'][-1]:.4g}".replace("-", "−")
    assert f"$V$ {end}" in texts_of(picture.figure) and f"{end} mV" in picture.text
    marks = [line for line in ax.lines if line.get_marker() == "o"]
    assert marks and all(mark.get_markerfacecolor() == classes.CLASSES["ness"].colour for mark in marks)
    # names at the ends of lines lie apart
    for panel in picture.figure.axes:
        boxes = sorted((text.get_window_extent() for text in panel.texts), key=lambda box: box.y0)
        assert all(a.y1 <= b.y0 + 1.0 for a, b in zip(boxes, boxes[1:])), [text.get_text() for text in panel.texts]
    assert course.time_scale(np.linspace(0.0, 100.0, 11)) == "linear"
    assert course.time_scale(np.array([0.0, 0.1, 1.0, 10.0, 100.0])) == "symlog"


@pytest.mark.parametrize("name", ["random", "bins_of_output"])
def test_distributions(file, name):
    picture = plot.draw(file(name), "distributions")
    check_picture(picture)
    with netCDF4.Dataset(file(name)) as cells:
        counts = dict(zip(classes.NAMES, cells.nessmap_outcome_counts))
        n_outside = int(cells["n_outside"][...]) if "n_outside" in cells.variables else 0
    ax = picture.figure.axes[0]
    heights = {}
    for bar in ax.patches:
        tops, _, bottoms = bar.get_data()
        heights[bar.get_hatch()] = heights.get(bar.get_hatch(), 0.0) + np.nansum(tops - bottoms)
    if name == "random":  # the parameter that decides first, with the points of every class
        assert counts["no_steady_state_growth"] > 5
        assert heights[None] == counts["ness"] and heights["//"] == counts["no_steady_state_growth"]
        assert picture.figure.axes[0].get_xscale() == "log"
    else:
        assert heights[None] == sum(counts.values()) - n_outside and f"{n_outside} points lie in no bin" in picture.text


def test_distributions_of_a_summary(file):
    picture = plot.draw(file("summary"))
    check_picture(picture)
    with netCDF4.Dataset(file("summary")) as cells:
        rows = {row[0]: row for row in picture.table.rows}
        for suffix, column in (("mean", 1), ("min", 2), ("q10", 3), ("q50", 4), ("q90", 5), ("max", 6)):
            assert rows["V (mV)"][column] == f"{1e3 * float(cells[f'V_{suffix}'][...]):.4g}".replace("-", "−"), suffix


# --- the command line -------------------------------------------------------------------------------------------


def test_wrong_input_gets_one_sentence(file, tmp_path, capsys, monkeypatch):
    outputs, outcome = cell([DRIVE, LEAK])
    write_grid(tmp_path / "a.nc", [DRIVE, LEAK], outputs, outcome)
    (tmp_path / "text.nc").write_text("no NetCDF")
    monkeypatch.chdir(tmp_path)
    wrong = {
        ("a.nc", "--x", "g_Ka"): "g_Ka",
        ("a.nc", "--x", "g_Na", "--y", "g_Na"): "two different axes",
        ("a.nc", "--sel", "g_Na=much"): "much",
        ("a.nc", "--sel", "K_o=3"): "K_o",
        ("a.nc", "--sel", "dG_ATP=0", "--sel", "g_Na=1"): "nothing is left",
        ("a.nc", "--show", "pH"): "pH",
        ("a.nc", "--overlay", "lysis"): "pump_leak",
        ("a.nc", "pie"): "the kinds are",
        ("a.nc", "course"): "cannot be drawn as course",
        ("a.nc", "lines", "--overlay", "lysis"): "says nothing to a picture of the kind lines",
        ("a.nc", "-o", "a.jpg"): "ends in .png, .svg, .pdf",
        ("a.nc", "--dpi", "0"): "--dpi 0",
        (str(file("random")), "map"): "a list of samples",
        (str(file("summary")), "--x", "g_K"): "a summary",
        ("text.nc",): "text.nc",
        ("missing.nc",): "missing.nc",
    }
    for arguments, word in wrong.items():
        arguments = [*arguments] if "-o" in arguments else [*arguments, "-o", "never.png"]
        assert cli.main(arguments) == 2, arguments
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and said.startswith("nessmap-plot: ") and word in said, (arguments, said)
    assert not (tmp_path / "never.png").exists()


# --- the lysis boundary -----------------------------------------------------------------------------------------

CELL = {"T": 310.15, "Na_o": 147.0, "K_o": 3.0, "Cl_o": 150.0, "Y_o": 0.0, "g_Na": 1.0, "g_K": 0.3, "K_Na": 10.0,
        "K_K": 1.5, "kappa_r": 1.0, "dG_ATP": -57e3, "p_max": 1e-6}


def has_steady_state(p, pump):
    """Looks for a pump rate that the cell and its pump agree on, with room for the impermeant (z_X = -1)."""
    per_rate = lysis_boundary.F**2 / (lysis_boundary.R * p["T"])
    # no rate above this: K+ alone would fill the cell
    most = min(p["p_max"], 10.0 * p["g_K"] / per_rate)
    r = np.concatenate([[0.0], np.geomspace(1e-9 * most, most, 40_000)])
    x_na, x_k = -3.0 * r * per_rate / p["g_Na"], 2.0 * r * per_rate / p["g_K"]
    alpha = p["Na_o"] * np.exp(x_na) + p["K_o"] * np.exp(x_k)
    osmolarity = p["Na_o"] + p["K_o"] + p["Cl_o"] + p["Y_o"]
    theta = osmolarity / (2.0 * alpha)
    room = osmolarity - alpha * theta - p["Cl_o"] / theta
    na_i = p["Na_o"] * np.exp(x_na) * theta
    a = -p["dG_ATP"] / (lysis_boundary.R * p["T"]) + 3.0 * x_na - 2.0 * x_k
    rate = p["p_max"] * (na_i / (na_i + p["K_Na"])) ** 3 * (p["K_o"] / (p["K_o"] + p["K_K"])) ** 2
    if pump == "rev":
        rate = rate * (1.0 - np.exp(-a)) / (1.0 + p["kappa_r"] * np.exp(-a))
    if pump == "const":
        rate = np.full_like(r, p["p_max"])
        return bool(np.interp(p["p_max"], r, room) > 0.0)
    turns = np.nonzero((rate[:-1] >= r[:-1]) & (rate[1:] < r[1:]))[0]
    return len(turns) > 0 and bool(room[turns[0] + 1] > 0.0)


@pytest.mark.parametrize("pump", ["rev", "hill", "const"])
@pytest.mark.parametrize("bath", [{}, {"Cl_o": 145.0, "Y_o": 5.0}])
def test_boundary_agrees_with_a_search(pump, bath):
    n_inside = n_outside = 0
    for g_k in (0.01, 0.03, 0.1, 0.25, 0.5):
        p = {**CELL, **bath, "g_K": g_k}
        boundary = float(lysis_boundary.boundary_p_max(p, pump))
        if boundary == 0.0:
            assert not has_steady_state({**p, "p_max": 1e-7}, pump)
            n_outside += 1
        elif np.isinf(boundary):
            assert has_steady_state({**p, "p_max": 1e-3}, pump)
        else:
            assert has_steady_state({**p, "p_max": 0.99 * boundary}, pump), (g_k, boundary)
            assert not has_steady_state({**p, "p_max": 1.01 * boundary}, pump), (g_k, boundary)
            n_inside += 1
            n_outside += 1
        assert lysis_boundary.is_bounded({**p, "p_max": 0.5 * boundary}, pump) == (boundary > 0.0 or p["Y_o"] > 0.0)
    assert n_inside >= 3 and n_outside >= 3


def test_stalled_pump_has_no_boundary():
    assert np.isinf(lysis_boundary.boundary_p_max({**CELL, "g_K": 5.0}))
    assert lysis_boundary.is_bounded({**CELL, "g_K": 5.0, "p_max": 1.0})


def test_overlay(tmp_path):
    potassium = ("g_K", np.geomspace(0.03, 10.0, 16), "log", "S m-2", "K+ leak conductance")
    pump = ("p_max", np.geomspace(1e-9, 1e-5, 16), "log", "mol m-2 s-1", "pump cycles")
    for axes in ([potassium, pump], [pump, potassium], [DRIVE, potassium]):
        names = [axis[0] for axis in axes]
        shape = tuple(len(axis[1]) for axis in axes)
        table = {**CELL, names[0]: axes[0][1][:, None], names[1]: axes[1][1][None, :]}
        outcome = np.where(lysis_boundary.is_bounded(table), 1, 4).astype("i1")
        write_grid(tmp_path / "a.nc", axes, {"V": np.full(shape, -0.05)}, outcome,
                   fixed={name: value for name, value in CELL.items() if name not in names})
        picture = plot.draw(tmp_path / "a.nc", overlay="lysis")
        assert "lysis boundary, closed form" in legend_of(picture.figure)
        if "p_max" in names:  # the line itself, at its values
            x, y = (next(line for line in picture.figure.axes[0].lines if len(line.get_xdata()) == 2000).get_data())
            p_max, g_k = (x, y) if names[0] == "p_max" else (y, x)
            known = np.isfinite(p_max)
            assert np.allclose(1e-6 * p_max[known], lysis_boundary.boundary_p_max({**CELL, "g_K": g_k[known]}))
