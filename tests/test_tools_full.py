"""nessmap_tools as a stranger has it: installed by pip into a virtual environment of its own and used from an empty folder
without the source tree; and with PyTorch, with and without workers.

  python tests/test_tools_full.py --nessmap build/nessmap
"""

import importlib.util
import os
import pathlib
import subprocess
import sys
import venv

import numpy as np

import harness
import test_tools
from test_tools import nessmap_tools

# what a stranger does in an empty folder
STRANGER = """
import pathlib, sys, importlib.metadata
import numpy as np, nessmap_tools
assert pathlib.Path(nessmap_tools.__file__).is_relative_to(sys.prefix), nessmap_tools.__file__
with nessmap_tools.open("learn.nc", readable=True) as cells:
    assert cells.V.attrs["units"] == "mV" and set(np.unique(cells.outcome)) >= {"ness"}, cells
assert nessmap_tools.config("learn.nc")["model"] == "pump_leak"
data = nessmap_tools.load("learn.data")
assert sum(len(batch.rows) for batch in data.batches(size=64)) == len(data.rows("train")) > 100
try:
    nessmap_tools.Rows
except ImportError as error:
    print(error)
print(nessmap_tools.__version__, importlib.metadata.version("nessmap-tools"))
"""

LEARN = (
    test_tools.design("sobol", 5000)
    + test_tools.DRAWS
    + '[output]\nvariables = ["V", "ell"]\ngradients = ["V", "ell"]\n'
)


def tree_of(folder):
    """Files of the source tree and their times, but those that Python writes when it imports."""
    paths = (path for path in sorted(folder.rglob("*")) if "__pycache__" not in path.parts)
    return [(str(path), path.stat().st_mtime_ns) for path in paths if path.is_file()]


def check_install(checks, scratch):
    before = tree_of(test_tools.TOOLS)
    for name, options in {"installed": (), "editable": ("-e",)}.items():
        place = scratch / name
        venv.create(place, with_pip=True)
        python = place / "bin" / "python"
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *options, test_tools.TOOLS]
        done = subprocess.run(install, cwd=scratch, capture_output=True, text=True)
        if not checks.check(done.returncode == 0, f"pip install {options}: {done.stderr}"):
            continue
        checks.check(tree_of(test_tools.TOOLS) == before, f"pip install {options} left something in tools/")
        code = STRANGER if not options else STRANGER.replace("sys.prefix", repr(str(test_tools.TOOLS)))
        empty = scratch / f"empty_{name}"
        empty.mkdir()
        for needed in ("learn.nc", "learn.data"):
            (empty / needed).symlink_to(scratch / needed)
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        done = subprocess.run(
            [python, "-W", "error", "-c", code], cwd=empty, env=environment, capture_output=True, text=True
        )
        version = nessmap_tools.__version__
        lines = done.stdout.splitlines()
        is_right = done.returncode == 0 and len(lines) == 2 and lines[1] == f"{version} {version}"
        checks.check(is_right and "pip install torch" in lines[0], f"{name}: {done}")


def check_torch(checks, scratch):
    if importlib.util.find_spec("torch") is None:
        harness.not_run("the PyTorch data set (no torch here; tools/test --full installs it)")
        return
    import torch
    from torch.utils.data import BatchSampler, DataLoader, RandomSampler

    data = nessmap_tools.load(scratch / "learn.data")
    rows = data.rows("train", has_slopes=True)
    wanted = data.batch(rows)
    fields = {"x": wanted.x, "y": wanted.y, "slopes": wanted.slopes, "outcome": wanted.outcome, "flags": wanted.flags}
    torch_rows = nessmap_tools.Rows(data, rows)
    checks.check(len(torch_rows) == len(rows) > 1000, f"{len(torch_rows)} rows")

    # whatever asks: a number, a list, an array, a tensor
    one = torch_rows[7]
    for name, array in fields.items():
        checks.check(
            one[name].shape == array.shape[1:] and one[name].numpy().tolist() == array[7].tolist(), f"{name} of one"
        )
    checks.check(int(one["row"]) == rows[7] and int(torch_rows[-1]["row"]) == rows[-1], "number of a row")
    types = {name: tensor.dtype for name, tensor in one.items()}
    whole = {"outcome": torch.int64, "flags": torch.int32, "row": torch.int64}
    checks.check(types == {**dict.fromkeys(("x", "y", "slopes"), torch.float32), **whole}, f"types {types}")
    for several in ([5, 2, 5], np.array([5, 2, 5]), torch.tensor([5, 2, 5])):
        found = torch_rows[several]
        same = all(np.array_equal(found[name].numpy(), array[[5, 2, 5]]) for name, array in fields.items())
        checks.check(same and found["row"].tolist() == rows[[5, 2, 5]].tolist(), f"rows by {type(several)}")
    chosen = nessmap_tools.Rows(data, fields=["y", "x"])[[0, 1]]
    checks.check(list(chosen) == ["y", "x"] and len(chosen["y"]) == 2, f"fields {list(chosen)}")
    test_tools.refused(checks, "field", "slopes", nessmap_tools.Rows, data, fields=["z"])
    for numbers in ([len(data)], [-1]):
        test_tools.refused(checks, "rows", "numbers", nessmap_tools.Rows, data, numbers, kind=IndexError)
    test_tools.refused(checks, "beyond", "", torch_rows.__getitem__, len(rows), kind=IndexError)

    # whoever loads: each row once, with its own values
    sampler = BatchSampler(RandomSampler(torch_rows), 512, drop_last=False)
    for n_workers, context in ((0, None), (2, "fork"), (2, "spawn")):
        options = {"num_workers": n_workers, "multiprocessing_context": context}
        loaders = {"batches": DataLoader(torch_rows, sampler=sampler, batch_size=None, **options)}
        if context != "spawn":
            loaders["plain"] = DataLoader(torch_rows, batch_size=512, shuffle=True, **options)
        for name, loader in loaders.items():
            what = f"{name}, {n_workers} workers ({context})"
            batches = list(loader)
            sizes = [len(batch["row"]) for batch in batches]
            checks.check(sizes[:-1] == [512] * (len(rows) // 512), f"{what}: {sizes}")
            found = np.concatenate([batch["row"].numpy() for batch in batches])
            order = np.argsort(found)
            checks.check(
                np.array_equal(found[order], rows) and not np.array_equal(found, rows), f"{what}: each row once"
            )
            for field, array in fields.items():
                values = np.concatenate([batch[field].numpy() for batch in batches])[order]
                checks.check(np.array_equal(values, array), f"{what}: {field}")

    script = [sys.executable, test_tools.TOOLS / "bench_loader.py", scratch / "learn.data", scratch / "learn.nc"]
    done = subprocess.run(
        [*script, "--rounds", "1", "--seconds", "0.1", "--size", "100"], capture_output=True, text=True
    )
    checks.check(done.returncode == 0 and "DataLoader, 2 workers" in done.stdout, f"bench_loader: {done}")


def run_checks(args, checks):
    with harness.scratch() as name:
        scratch = pathlib.Path(name)
        test_tools.export(args, checks, scratch, "learn", LEARN)
        check_install(checks, scratch)
        check_torch(checks, scratch)


def test_tools_full():
    harness.run_in_pytest(__doc__, run_checks, full=True)


if __name__ == "__main__":
    harness.main(__doc__, run_checks)
