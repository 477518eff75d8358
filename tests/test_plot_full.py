"""Pictures of every kind on every layout, larger files and unfinished ones; see test_plot.py for what they show."""

import os
import signal
import sys
import time

import netCDF4
import numpy as np
import pytest

import harness

sys.path.insert(0, str(harness.ROOT / "tools"))

from nessmap_tools import plot
from nessmap_tools.plot import cli, words
from plot_cases import FILES, CELL, FUEL_AXIS, LEAK_AXIS, check_picture, legend_of
from test_plot import NESSMAP, file, program  # noqa: F401

ALL = [(name, kind) for name, (_, kinds) in FILES.items() for kind in kinds.split()] + [("trace", "course"), ("trace", "budget")]


@pytest.mark.parametrize("name,kind", ALL)
def test_every_kind_of_every_layout(file, name, kind):  # noqa: F811
    picture = plot.draw(file(name), kind)
    check_picture(picture)
    model = "driven_cycle" if name in ("segments", "flask") else "pump_leak"
    assert any(model in text.get_text() for text in picture.figure.texts) or picture.figure.get_suptitle()


@pytest.mark.parametrize("name", ["grid", "draws", "further", "bins", "refined"])
def test_lines_along_every_axis(file, name):  # noqa: F811
    with netCDF4.Dataset(file(name)) as cells:
        axes = [axis for axis in ("dG_ATP", "g_Na", "g_K", "p_max", "K_o") if axis in cells.dimensions]
        units = {axis: cells[axis].long_name.split()[0] for axis in axes}
    for axis in axes:
        picture = plot.draw(file(name), "lines", x=axis)
        check_picture(picture)
        assert words.prose(units[axis] + " ")[:2] in picture.figure.axes[-1].get_xlabel()


@pytest.mark.parametrize("model", ["barrier", "bathtub", "carrier", "driven_cycle", "na_bath", "nernst", "network", "neuron",
                                   "parallel_paths", "post_albers", "pump_leak", "schlogl"])
def test_every_model(tmp_path, model):
    """The course of each model, and the budget along it."""
    path = tmp_path / "trace.nc"
    done = harness.run(NESSMAP, "trace", "--model", model, "-o", path, "--times", "log:1e-6:1e3:30")
    assert done.returncode == 0, done.stderr
    for kind in plot.kinds(path):
        check_picture(plot.draw(path, kind))


def test_unfinished_run(tmp_path):
    """What is not there yet is white on the map, and said."""
    config = tmp_path / "big.toml"
    config.write_text(CELL + FUEL_AXIS.format(n=3000) + LEAK_AXIS.format(n=400) + '[solver]\nmode = "follow"\n')
    run = harness.start(NESSMAP, "run", config, "-o", tmp_path / "big.nc", "--threads", "1")
    parts = tmp_path / "big.nc.parts"
    for _ in range(600):
        if harness.journal_bytes(parts) > 100_000:
            break
        time.sleep(0.05)
    run.send_signal(signal.SIGTERM)
    assert run.wait(timeout=60) == 75
    done = harness.run(NESSMAP, "assemble", parts, "--partial")
    assert done.returncode == 0, done.stderr
    made = [path for path in tmp_path.glob("*.nc")]
    picture = plot.draw(made[0], "map")
    check_picture(picture)
    with netCDF4.Dataset(made[0]) as cells:
        share = np.mean(cells["outcome"][:] == 8)
    assert 0.0 < share < 1.0 and any(text.startswith("not run") for text in legend_of(picture.figure)), share


def test_same_picture_same_bytes(file, tmp_path):  # noqa: F811
    for name in ("a.svg", "b.svg"):
        assert cli.main([str(file("morris")), "-o", str(tmp_path / name)]) == 0
    first = (tmp_path / "a.svg").read_bytes()
    assert first == (tmp_path / "b.svg").read_bytes() and b"<svg" in first


def test_quick_enough(tmp_path):
    """A map of a million points in a few seconds."""
    config = tmp_path / "million.toml"
    config.write_text(CELL + FUEL_AXIS.format(n=1024) + LEAK_AXIS.format(n=1024))
    assert harness.run(NESSMAP, "run", config, "-o", tmp_path / "million.nc", "--quiet").returncode == 0
    began = time.process_time()
    assert cli.main([str(tmp_path / "million.nc")]) == 0
    assert time.process_time() - began < 30.0 and os.path.getsize(tmp_path / "million.png") < 1_000_000
