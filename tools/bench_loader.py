#!/usr/bin/env python3
"""Measures what a training loop gets from an export, beside the NetCDF file that it was made of: rows per second.

    bench_loader.py FOLDER FILE.nc [--size 4096] [--rounds 5] [--seconds 1] [--no-torch]

FOLDER is what `nessmap export FILE.nc` wrote, of a sample. Each way delivers the same: inputs, outputs, derivatives where
there are any, outcome and flags of batches of rows. The ways take turns, each for some time (at least one batch) in each
round; the median over the rounds counts. Rows of the file are the same batches as those of the export; blocks of the file
are neighbours, of which only the order is shuffled. A Markdown table is printed.
"""

import argparse
import importlib.util
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import netCDF4
import numpy as np
import xarray

sys.path.insert(0, str(Path(__file__).resolve().parent))
import nessmap_tools
from nessmap_tools import Export, Refused

Batches = Callable[[int], Iterator[tuple[int, np.ndarray]]]  # of an epoch: rows of a batch, its inputs


def columns_of(export: Export) -> list[list[str]]:
    """Variables of the file that hold a row of X, Y and dY_dX, in order."""
    inputs, outputs = [c.name for c in export.inputs], [c.name for c in export.outputs]
    slopes = [f"d{y}_d{x}" for y in outputs for x in inputs] if export.dY_dX is not None else []
    return [inputs, outputs, slopes]


def read(take: Callable[[str], np.ndarray], columns: list[list[str]]) -> list[np.ndarray]:
    """A batch by a function that gives the rows of a variable: row-major arrays, outcome and flags."""
    arrays = [np.stack([take(name) for name in names], axis=1).astype(np.float32) for names in columns if names]
    return arrays + [take("outcome"), take("flags")]


def of_rows(
    take: Callable[[str, object], np.ndarray], columns: list[list[str]], rows: np.ndarray, size: int
) -> Batches:
    """Rows by chance, sorted in each batch."""

    def batches(epoch: int) -> Iterator[tuple[int, np.ndarray]]:
        shuffled = np.random.default_rng([0, epoch]).permutation(rows)
        for first in range(0, len(rows), size):
            chosen = np.sort(shuffled[first : first + size])
            arrays = read(lambda name: take(name, chosen), columns)
            yield len(chosen), arrays[0]

    return batches


def of_blocks(take: Callable[[str, object], np.ndarray], columns: list[list[str]], n: int, size: int) -> Batches:
    """Blocks of neighbouring rows, the blocks by chance: what of them is no training row would have to be left out."""

    def batches(epoch: int) -> Iterator[tuple[int, np.ndarray]]:
        for block in np.random.default_rng([0, epoch]).permutation(n // size):
            piece = slice(int(block) * size, (int(block) + 1) * size)
            arrays = read(lambda name: take(name, piece), columns)
            yield size, arrays[0]

    return batches


def of_export(export: Export, rows: np.ndarray, size: int) -> Batches:
    return lambda epoch: ((len(batch.rows), batch.x) for batch in export.batches(rows, size, epoch=epoch))


def of_torch(export: Export, rows: np.ndarray, size: int, n_workers: int) -> Batches:
    from torch.utils.data import BatchSampler, DataLoader, RandomSampler

    data = nessmap_tools.Rows(export, rows)
    sampler = BatchSampler(RandomSampler(data), size, drop_last=False)
    loader = DataLoader(data, sampler=sampler, batch_size=None, num_workers=n_workers, persistent_workers=n_workers > 0)
    return lambda epoch: ((len(batch["row"]), batch["x"]) for batch in loader)


def endless(batches: Batches) -> Iterator[tuple[int, np.ndarray]]:
    epoch = 0
    while True:
        yield from batches(epoch)
        epoch += 1


def ways_of(export: Export, path: str, size: int, with_torch: bool) -> dict[str, Batches]:
    """All ways, those of the file last."""
    rows, columns = export.rows("train", has_values=False), columns_of(export)
    file = netCDF4.Dataset(path)
    file.set_auto_mask(False)
    cells = xarray.open_dataset(path, decode_times=False, cache=False)
    lacking = [name for names in columns for name in names if name not in file.variables]
    if lacking or file["outcome"].shape != (len(export),):
        raise Refused(f"{path}: is not the sample that {export.folder.name} was made of")

    def take_netcdf(name: str, which: object) -> np.ndarray:
        return file[name][which]

    def take_xarray(name: str, which: object) -> np.ndarray:
        return cells[name].isel(sample=which).values

    ways = {"export, mapped": of_export(export, rows, size)}
    ways["export, in memory"] = of_export(nessmap_tools.load(export.folder, in_memory=True), rows, size)
    if with_torch:
        ways["export, DataLoader"] = of_torch(export, rows, size, 0)
        ways["export, DataLoader, 2 workers"] = of_torch(export, rows, size, 2)
    ways["file, netCDF4, rows"] = of_rows(take_netcdf, columns, rows, size)
    ways["file, xarray, rows"] = of_rows(take_xarray, columns, rows, size)
    ways["file, netCDF4, blocks"] = of_blocks(take_netcdf, columns, len(export), size)
    ways["file, xarray, blocks"] = of_blocks(take_xarray, columns, len(export), size)

    # the same rows, whichever way
    chosen = np.sort(rows[:: max(1, len(rows) // 100)])
    batch = export.batch(chosen)
    wanted = [a for a in (batch.x, batch.y, batch.slopes, batch.outcome, batch.flags) if a is not None]
    for take in (take_netcdf, take_xarray):
        for one, other in zip(read(lambda name: take(name, chosen), columns), wanted, strict=True):
            if not np.array_equal(one, other.reshape(one.shape), equal_nan=one.dtype.kind == "f"):
                raise Refused(f"{path}: holds other values than {export.folder.name}")
    return ways


def measure(ways: dict[str, Batches], n_rounds: int, seconds: float) -> dict[str, list[float]]:
    """Rows per second of each way in each round."""
    streams = {name: endless(batches) for name, batches in ways.items()}
    for stream in streams.values():
        next(stream)
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(n_rounds):
        for name, stream in streams.items():
            began = time.perf_counter()
            n = next(stream)[0]
            while (passed := time.perf_counter() - began) < seconds:
                n += next(stream)[0]
            speeds[name].append(n / passed)
    return speeds


def machine() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    versions = [f"Python {platform.python_version()}", f"NumPy {np.__version__}", f"netCDF4 {netCDF4.__version__}"]
    versions += [f"xarray {xarray.__version__}", f"nessmap_tools {nessmap_tools.__version__}"]
    if "torch" in sys.modules:
        versions.append(f"torch {sys.modules['torch'].__version__}")
    return f"{name}, {len(os.sched_getaffinity(0))} processors; " + ", ".join(versions)


def main() -> int:
    parser = argparse.ArgumentParser(description="Shuffled batches of an export beside those of its NetCDF file.")
    parser.add_argument("folder", help="what `nessmap export` wrote")
    parser.add_argument("file", help="the NetCDF file that it was made of, a sample")
    parser.add_argument("--size", type=int, default=4096, help="rows of a batch")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each way in each round, at least one batch")
    parser.add_argument("--no-torch", action="store_true", help="leave PyTorch out though it is there")
    options = parser.parse_args()
    with_torch = not options.no_torch and importlib.util.find_spec("torch") is not None
    try:
        export = nessmap_tools.load(options.folder)
        ways = ways_of(export, options.file, options.size, with_torch)
    except Refused as refusal:
        print(f"bench_loader: {refusal}", file=sys.stderr)
        return 2
    medians = {name: statistics.median(s) for name, s in measure(ways, options.rounds, options.seconds).items()}
    slow = {
        kind: max(speed for name, speed in medians.items() if name.endswith(f", {kind}")) for kind in ("rows", "blocks")
    }
    n_numbers = sum(map(len, columns_of(export)))
    print(
        f"{len(export):,} rows of {n_numbers} numbers, outcome and flags; batches of {options.size:,}, shuffled; median of"
    )
    print(f"{options.rounds} rounds. {machine()}\n")
    print("| way | rows/s | batches/s | times rows of the file | times blocks of the file |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, speed in medians.items():
        times = " | ".join(f"{speed / slow[kind]:.3g}" for kind in ("rows", "blocks"))
        print(f"| {name} | {speed:,.0f} | {speed / options.size:,.3g} | {times} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
