"""Reads what nessmap writes.

    open(path)        any NetCDF file of nessmap -> a tidy xarray.Dataset: outcomes in words, parameters as coordinates
    config(path)      the configuration that a file keeps -> dict
    load(folder)      what `nessmap export` writes -> Export: arrays mapped from disk, columns, rows, batches
    Rows(export)      the same for PyTorch; needs torch
    Sampler(config)   fresh points in memory, without files: the library of nessmap by ctypes
    plot.draw(path)   a picture of any file, its text and its table: `from nessmap_tools import plot`; needs Matplotlib

What is not a file or folder of nessmap raises `Refused` with one sentence.
"""

from importlib import import_module
from typing import Any

from .errors import Refused
from .export import Batch, Column, Export, load
from .netcdf import config, open
from .sampler import Points, Sampler, SamplerColumn

__version__ = "0.1.0"
__all__ = ["Batch", "Column", "Export", "Points", "Refused", "Sampler", "SamplerColumn", "config", "load", "open"]

# what needs more than NumPy and xarray: imported when asked for, and so not of "import *"
_LAZY = {"Rows": "torch_dataset"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(f".{_LAZY[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
