"""The worked surrogate: its scalings and derivatives against differences, and a small one from scan to prediction.

  python tests/test_surrogate_full.py --nessmap build/nessmap
"""

import importlib.util
import os
import pathlib
import re
import subprocess
import sys

import numpy as np

import harness

sys.path.insert(0, str(harness.ROOT / "tools"))

CONFIG = harness.CONFIGS / "pump_leak_surrogate.toml"
SCRIPT = harness.ROOT / "tools" / "surrogate.py"


def make_export(args, folder, checks):
    for command in (
        ("run", CONFIG, "-o", "learn.nc", "--set", "design.n=16384"),
        ("export", "learn.nc", "--hold-out", "g_Na=5..10", "--hold-out", "p_max=1e-6..1e-5"),
    ):
        done = harness.run(args.nessmap, *command, cwd=folder)
        if not checks.check(done.returncode == 0, f"nessmap {command[0]}: {done.stderr}"):
            return False
    return True


def check_derivatives(library, folder, checks):
    """Scaled slopes are the differences of scaled values, solved again; those of a network are its own."""
    import surrogate
    import torch

    from nessmap_tools import Sampler, load

    data = load(folder / "learn.data")
    rows = data.rows("train", has_slopes=True)[:500]
    scales = surrogate.Scales(data, data.batch(rows).y)
    with Sampler(CONFIG, ["solver.audit=0"], dtype=float, library=library) as sampler:
        batch = data.batch(rows)
        near = surrogate.is_near_boundary(sampler, data, batch.x)
        checks.check(0 < near.sum() < len(rows) / 4, f"{near.sum()} of {len(rows)} rows are near the boundary")
        x, step = batch.x[~near].astype(float), 1e-4
        exact = scales.slopes(x, batch.y[~near], batch.slopes[~near]).numpy()
        for k, column in enumerate(data.inputs):
            ends = []
            for sign in (1.0, -1.0):
                moved = x.copy()
                if column.scale == "log":
                    moved[:, k] *= np.exp(sign * step * column.ln_sd)
                else:
                    moved[:, k] += sign * step * column.sd
                ends.append((scales.shaped(sampler.solve(moved).Y) - scales.mean) / scales.sd)
            off = np.abs((ends[0] - ends[1]) / (2.0 * step) - exact[:, :, k])
            limit = 1e-3 * np.maximum(1.0, np.abs(exact[:, :, k]))
            checks.check((off < limit).all(), f"scaled slopes by {column.name}: {(off / limit).max():.2g} of the limit")
    values = scales.values(scales.outputs(batch.y).numpy())
    checks.check(np.allclose(values, batch.y, rtol=1e-5), "scaling of outputs can be undone")

    net = surrogate.network(6, 3, 1).double()
    x = torch.randn(7, 6, dtype=torch.float64)
    y, slopes = surrogate.with_slopes(net, x)
    for k in range(6):
        moved = torch.zeros(6, dtype=torch.float64)
        moved[k] = 1e-6
        difference = (net(x + moved) - net(x - moved)) / 2e-6
        is_close = torch.allclose(slopes[:, :, k], difference, rtol=1e-7, atol=1e-9)
        checks.check(is_close, f"slopes of a network by input {k}")
    checks.check(torch.allclose(y, net(x), atol=1e-12), "outputs beside slopes are those of the network")

    # a curve that falls by 10 for each factor of 4 in rows
    sizes, error = [4, 16, 64], np.array([1.0, 0.1, 0.01])
    checks.check(abs(surrogate.rows_needed(sizes, error, np.sqrt(0.1)) - 8.0) < 1e-9, "rows between two sizes")
    ends = [surrogate.rows_needed(sizes, error, level) for level in (2.0, 1.0, 0.01, 0.001)]
    checks.check(ends == [0.0, 4.0, 64.0, np.inf], f"rows at the ends of a curve: {ends}")


def run_script(folder, library, *arguments):
    env = {**os.environ, "NESSMAP_LIBRARY": str(library)}
    return subprocess.run([sys.executable, SCRIPT, "learn.data", CONFIG, *arguments], cwd=folder, env=env,
                          capture_output=True, text=True)


def check_script(library, folder, checks):
    done = run_script(folder, library, "--quick", "-o", "surrogate.svg", "--save", "networks.pt")
    if not checks.check(done.returncode == 0, f"surrogate.py --quick: {done.stderr}"):
        return
    line = re.search(r"\| test, far from the boundary \| [\d,]+ \| ([\d.]+) % \| ([\d.]+) %" +
                     3 * r" \| ([\d.]+),[^|]*", done.stdout)
    if checks.check(line is not None, f"the table of errors: {done.stdout}"):
        right, majority, *rmse = map(float, line.groups())
        checks.check(right > majority and right > 98.0, f"outcomes: {right} % right, {majority} % by a guess")
        checks.check(max(rmse) < 0.2, f"values: errors {rmse} of their sd")
    curves = re.findall(r"^\| [\d,]+ \| ([\d.]+) \([^|]*\| ([\d.]+) \([^|]*\| [\d.]+ \([^|]*\|$", done.stdout, re.M)
    if checks.check(len(curves) == 3, f"three learning curves of three sizes: {done.stdout}"):
        without, having = np.array(curves, dtype=float).T
        checks.check((having < without).all(), f"slopes help at few rows: {without} without, {having} with")
        checks.check(having[-1] < having[0] and without[-1] < without[0], "more rows, less error")
    svg = (folder / "surrogate.svg").read_text()
    checks.check("training rows" in svg and "<image" not in svg, "the figure is text")

    done = run_script(folder, library, "--use", "networks.pt", "--predict", "g_Na=0.1", "p_max=3e-7")
    said = re.findall(r"^(?:V|ell|sigma_total) +(\S+) \S.* exact: (\S+)", done.stdout, re.M)
    checks.check(done.returncode == 0 and len(said) == 3, f"prediction: {done}")
    for guess, exact in said:
        checks.check(abs(float(guess) / float(exact) - 1.0) < 0.2, f"predicted {guess}, exact {exact}")
    done = run_script(folder, library, "--use", "networks.pt", "--predict", "g_Nax=0.1")
    checks.check(done.returncode == 2 and "no input 'g_Nax'" in done.stderr, f"an unknown input: {done}")


def run_checks(args, checks):
    if importlib.util.find_spec("torch") is None:
        checks.check(False, "torch is missing; tools/test --full installs it")
        return
    library = pathlib.Path(args.nessmap).parent / "libnessmap.so"
    with harness.scratch() as scratch:
        folder = pathlib.Path(scratch)
        if make_export(args, folder, checks):
            check_derivatives(library, folder, checks)
            check_script(library, folder, checks)


def test_surrogate():
    harness.run_in_pytest(__doc__, run_checks)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
