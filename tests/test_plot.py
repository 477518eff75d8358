"""The picture tool: any grid file gives a picture with the right classes, labels and units; wrong input one sentence.

Also the closed-form lysis boundary against a direct search for the steady state.
"""

import pathlib
import subprocess
import sys

import netCDF4
import numpy as np
import pytest

TOOLS = pathlib.Path(__file__).resolve().parent.parent / "tools"
sys.path.insert(0, str(TOOLS))

import lysis_boundary
import plot_indices
import plot_map

MEANINGS = "equilibrium ness oscillatory unstable no_steady_state_growth no_steady_state_depletion " \
           "left_domain not_converged not_run"
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
        file.title = "Steady states of a test"
        file.nessmap_config = config


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


def assert_is_picture(path, least=10_000):
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert len(data) > least


@pytest.fixture
def texts(monkeypatch):
    """All texts of the figures that are saved."""
    seen = []
    save = plot_map.plt.Figure.savefig

    def savefig(figure, *args, **options):
        save(figure, *args, **options)
        seen.extend(text.get_text() for text in figure.findobj(plot_map.plt.Text) if text.get_text())

    monkeypatch.setattr(plot_map.plt.Figure, "savefig", savefig)
    return seen


def test_map(tmp_path, texts):
    outputs, outcome = cell([DRIVE, LEAK])
    write_grid(tmp_path / "a.nc", [DRIVE, LEAK], outputs, outcome)
    codes = plot_map.plot(tmp_path / "a.nc", tmp_path / "a.png")
    assert_is_picture(tmp_path / "a.png")
    assert np.array_equal(codes, outcome.T)  # the first axis runs to the right
    everything = "\n".join(texts)
    assert "kJ mol⁻¹" in everything and "S m⁻²" in everything and "(mV)" in everything
    assert "µW m⁻² K⁻¹" in everything and "Na⁺ leak conductance" in everything
    share = 100.0 * np.mean(outcome == 4)
    assert f"no steady state: grows {share:.1f} %" in everything
    assert "Steady states of a test" in everything


def test_units_are_converted(tmp_path):
    outputs, outcome = cell([DRIVE, LEAK])
    write_grid(tmp_path / "a.nc", [DRIVE, LEAK], outputs, outcome)
    with plot_map.open_grid(tmp_path / "a.nc") as grid:
        assert np.nanmin(plot_map.field(grid, "V", ("g_Na", "dG_ATP"))) == pytest.approx(-100.0, rel=1e-6)
        values, edges, scale = plot_map.coordinate(grid, "dG_ATP")
        assert scale == "linear" and values[-1] == pytest.approx(-60.0) and len(edges) == len(values) + 1
        values, edges, scale = plot_map.coordinate(grid, "g_Na")
        assert scale == "log" and np.allclose(edges[1:-1], np.sqrt(values[1:] * values[:-1]))


def test_outcomes_are_read_by_their_words(tmp_path):
    outputs, _ = cell([DRIVE])
    write_grid(tmp_path / "a.nc", [DRIVE], outputs, np.arange(12) % 2, meanings="ness not_converged")
    codes = plot_map.plot(tmp_path / "a.nc", tmp_path / "a.png")
    assert set(codes) == {plot_map.CODES["ness"], plot_map.CODES["not_converged"]}


def test_one_axis_gives_lines(tmp_path, texts):
    outputs, outcome = cell([DRIVE])
    write_grid(tmp_path / "a.nc", [DRIVE], outputs, outcome)
    plot_map.plot(tmp_path / "a.nc", tmp_path / "a.png")
    assert_is_picture(tmp_path / "a.png")
    assert any("(mV)" in text for text in texts)


def test_more_axes_are_held(tmp_path, texts):
    axes = [DRIVE, POTASSIUM, LEAK]
    outputs, outcome = cell(axes)
    write_grid(tmp_path / "a.nc", axes, outputs, outcome)
    codes = plot_map.plot(tmp_path / "a.nc", tmp_path / "a.png", x="g_Na", y="dG_ATP")
    assert np.array_equal(codes, outcome[:, 1, :])
    assert any("= 4 mM" in text for text in texts)
    codes = plot_map.plot(tmp_path / "a.nc", tmp_path / "b.png", selections=["K_o=7.5"])
    assert np.array_equal(codes, outcome[:, 2, :].T)
    codes = plot_map.plot(tmp_path / "a.nc", tmp_path / "c.png", selections=["K_o=2", "g_Na=0.01"])
    assert np.array_equal(codes, outcome[:, 0, 0])


def test_model_without_potential(tmp_path, texts):
    outputs, outcome = cell([DRIVE, LEAK], ("A", "sigma_total"))
    write_grid(tmp_path / "a.nc", [DRIVE, LEAK], outputs, outcome)
    plot_map.plot(tmp_path / "a.nc", tmp_path / "a.png")
    assert_is_picture(tmp_path / "a.png")
    assert "text of A" in texts and "text of sigma_total" in texts


@pytest.mark.parametrize("only", [0, 4, 8])  # the first, one without values, the last
def test_every_class_alone(tmp_path, only):
    outputs, outcome = cell([DRIVE, LEAK], ("V",))
    empty = {name: np.full_like(values, np.nan) for name, values in outputs.items()}
    write_grid(tmp_path / "a.nc", [DRIVE, LEAK], empty, np.full_like(outcome, only))
    plot_map.plot(tmp_path / "a.nc", tmp_path / "a.png")
    assert_is_picture(tmp_path / "a.png")


def test_every_shown_output_has_its_panel(tmp_path):
    names = ["V", "Na_i", "sigma_total", "a_max"]
    write_grid(tmp_path / "a.nc", [DRIVE, LEAK], *cell([DRIVE, LEAK], names))
    with plot_map.open_grid(tmp_path / "a.nc") as grid:
        figure, _ = plot_map.draw_map(grid, "g_Na", "dG_ATP", [], names, None)
    panels = figure.axes[: 1 + len(names)]
    assert all(ax.collections for ax in panels)
    plot_map.plt.close(figure)


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
        counts = {"ness": ness, "no_steady_state_growth": grows, "not_run": not_run}
        for name in MEANINGS.split():
            file.createVariable(f"count_{name}", "i8", ("dG_ATP", "g_Na"))[:] = counts.get(name, 0)
        file.createVariable("n", "i8", ("dG_ATP", "g_Na"))[:] = n_draws
    return grows


def test_bins(tmp_path, texts):
    grows = write_bins(tmp_path / "bins.nc")
    codes = plot_map.plot(tmp_path / "bins.nc", tmp_path / "bins.png", x="g_Na", y="dG_ATP")
    wanted = np.where(grows > 5, plot_map.CODES["no_steady_state_growth"], plot_map.CODES["ness"])
    wanted[0] = plot_map.CODES["not_run"]
    assert np.array_equal(codes, wanted)
    assert_is_picture(tmp_path / "bins.png")
    assert "draws with a steady state (%)" in texts and any("of 10 draws" in text for text in texts)
    with plot_map.open_grid(tmp_path / "bins.nc") as grid:
        share = grid[plot_map.SHARE].values
        assert np.isnan(share[0]).all() and np.array_equal(share[1:], 100.0 - 10.0 * grows[1:])
        assert plot_map.shown_outputs(grid, ("dG_ATP", "g_Na"), None) == [plot_map.SHARE, "V_mean"]
    plot_map.plot(tmp_path / "bins.nc", tmp_path / "line.png", selections=["g_Na=0.1"])
    assert_is_picture(tmp_path / "line.png")


def test_wrong_input_gets_one_sentence(tmp_path):
    outputs, outcome = cell([DRIVE, LEAK])
    write_grid(tmp_path / "a.nc", [DRIVE, LEAK], outputs, outcome)
    sample = ("sample", np.arange(12.0), "linear", "1", "sample")
    write_grid(tmp_path / "samples.nc", [sample], *cell([sample]))
    (tmp_path / "text.nc").write_text("no NetCDF")
    write_bins(tmp_path / "summary.nc")
    with netCDF4.Dataset(tmp_path / "summary.nc", "a") as file:
        file.nessmap_reduce = "summary"
    wrong = {
        ("a.nc", "--x", "g_Ka"): "g_Ka",
        ("a.nc", "--sel", "g_Na=much"): "much",
        ("a.nc", "--sel", "K_o=3"): "K_o",
        ("a.nc", "--show", "pH"): "pH",
        ("a.nc", "--overlay", "lysis"): "pump_leak",
        ("samples.nc",): "samples",
        ("summary.nc",): "summary",
        ("text.nc",): "text.nc",
        ("missing.nc",): "missing.nc",
    }
    # in one process, as Matplotlib is long in coming; then one by the program itself
    calls = "".join(f"sys.argv[1:] = {[*arguments, '-o', 'never.png']!r}\nassert plot_map.main() == 2\n" for arguments in wrong)
    done = subprocess.run([sys.executable, "-c", f"import sys\nsys.path[0] = {str(TOOLS)!r}\nimport plot_map\n{calls}"], cwd=tmp_path,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = done.stderr.splitlines()
    assert len(said) == len(wrong) and all(word in line for word, line in zip(wrong.values(), said)), said
    done = subprocess.run([sys.executable, str(TOOLS / "plot_map.py"), "missing.nc", "-o", "never.png"], cwd=tmp_path,
                          capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "missing.nc" in done.stderr, done
    assert not (tmp_path / "never.png").exists()


# --- the lysis boundary -----------------------------------------------------------------------------------------

CELL = {"T": 310.15, "Na_o": 147.0, "K_o": 3.0, "Cl_o": 150.0, "Y_o": 0.0, "g_Na": 1.0, "g_K": 0.3, "K_Na": 10.0,
        "K_K": 1.5, "kappa_r": 1.0, "dG_ATP": -57e3, "p_max": 1e-6}


def has_steady_state(p, pump):
    """Looks for a pump rate that the cell and its pump agree on, with room for the impermeant (z_X = -1)."""
    per_rate = lysis_boundary.F**2 / (lysis_boundary.R * p["T"])
    # no rate above this: K+ alone would fill the cell
    most = min(p["p_max"], 10.0 * p["g_K"] / per_rate)
    r = np.concatenate([[0.0], np.geomspace(1e-9 * most, most, 400_000)])
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


def test_overlay(tmp_path, texts):
    potassium = ("g_K", np.geomspace(0.03, 10.0, 16), "log", "S m-2", "K+ leak conductance")
    pump = ("p_max", np.geomspace(1e-9, 1e-5, 16), "log", "mol m-2 s-1", "pump cycles")
    for axes in ([potassium, pump], [pump, potassium], [DRIVE, potassium]):
        names = [axis[0] for axis in axes]
        shape = tuple(len(axis[1]) for axis in axes)
        table = {**CELL, names[0]: axes[0][1][:, None], names[1]: axes[1][1][None, :]}
        outcome = np.where(lysis_boundary.is_bounded(table), 1, 4).astype("i1")
        write_grid(tmp_path / "a.nc", axes, {"V": np.full(shape, -0.05)}, outcome,
                   fixed={name: value for name, value in CELL.items() if name not in names})
        plot_map.plot(tmp_path / "a.nc", tmp_path / "a.png", overlay="lysis")
        assert_is_picture(tmp_path / "a.png")
    assert "lysis boundary, closed form" in texts


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
        file.nessmap_reduce, file.title = kind, "Indices of a test"


def sobol_of(first, total, width=0.01, variance=1.0, mean=-0.05):
    return {"S1": first, "S1_conf": np.full(np.shape(first), width), "ST": total, "ST_conf": np.full(np.shape(total), width),
            "variance": variance, "mean": mean}


def test_indices(tmp_path, texts):
    values = {"V": sobol_of([0.6, 0.3, 0.0], [0.7, 0.4, 0.0]), "steady": sobol_of([0.1, 0.2, 0.0], [0.8, 0.9, 0.0], mean=0.993),
              "ell": sobol_of([0.1, 0.2, 0.0], [0.8, 0.9, 30.0], width=400.0), "failed": sobol_of([np.nan] * 3, [np.nan] * 3, variance=0.0)}
    write_indices(tmp_path / "a.nc", "sobol", values)
    assert plot_indices.plot(tmp_path / "a.nc", tmp_path / "a.png") == ["V", "steady", "ell"]  # what does not vary is left out
    assert_is_picture(tmp_path / "a.png")
    for wanted in ("$V$, mean −50 mV", "whether there is a steady state: 99.3 %", "$p_{\\mathrm{max}}$", "first order"):
        assert wanted in texts, (wanted, texts)
    assert any("not determined" in text for text in texts)

    effects = {"V": {"mu_star": [0.05, 0.02, 0.0], "mu_star_conf": [0.01] * 3, "sigma": [0.03, 0.02, 0.0], "sigma_conf": [0.01] * 3,
                     "variance": 1.0, "mean": -0.05}}
    write_indices(tmp_path / "b.nc", "morris", effects)
    assert plot_indices.plot(tmp_path / "b.nc", tmp_path / "b.png") == ["V"]
    assert "change over the range of the input (mV)" in texts

    bounds = {"V": {"ST_bound": [0.7, 3.0, 0.0], "ST_bound_conf": [0.01] * 3, "variance": 1.0, "mean": -0.05}}
    write_indices(tmp_path / "d.nc", "dgsm", bounds)
    assert plot_indices.plot(tmp_path / "d.nc", tmp_path / "d.png") == ["V"]
    assert "upper bound of the total index" in texts and "share of the variance, at most" in texts

    axis = ("dG_ATP", [-60e3, -30e3])
    values = {"V": sobol_of([[0.6, 0.3, 0.0], [0.1, 0.2, 0.3]], [[0.7, 0.4, 0.0], [0.2, 0.3, 0.4]], variance=[1.0, 1.0], mean=[-0.05, -0.03])}
    write_indices(tmp_path / "c.nc", "sobol", values, [axis])
    plot_indices.plot(tmp_path / "c.nc", tmp_path / "c.png", places=["dG_ATP=-31e3"])
    assert "$V$, mean −30 mV" in texts


def test_indices_refused(tmp_path):
    write_indices(tmp_path / "a.nc", "sobol", {"V": sobol_of([0.6, 0.3, 0.0], [0.7, 0.4, 0.0])})
    write_indices(tmp_path / "b.nc", "summary", {})
    write_indices(tmp_path / "c.nc", "sobol", {"V": sobol_of([np.nan] * 3, [np.nan] * 3, variance=0.0)})
    for name, options, sentence in (("a", {"show": ["X"]}, "--show X: this file has indices of V"), ("b", {}, "holds no indices"),
                                    ("a", {"places": ["K=1"]}, "the axes of this file are none"), ("c", {}, "nothing varies")):
        with pytest.raises(plot_map.Refused, match=sentence):
            plot_indices.plot(tmp_path / f"{name}.nc", tmp_path / "x.png", **options)
    with pytest.raises(plot_map.Refused, match="plot_indices"):
        plot_map.open_grid(tmp_path / "a.nc")
