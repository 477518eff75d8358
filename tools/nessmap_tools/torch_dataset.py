"""Exports for PyTorch; imported when nessmap_tools.Rows is asked for."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .errors import Refused
from .export import Export

try:
    import torch
    from torch.utils.data import Dataset
except ImportError as error:
    raise ImportError("nessmap_tools.Rows needs PyTorch, which is not here: pip install torch") from error

FIELDS = ("x", "y", "slopes", "outcome", "flags", "row")


class Rows(Dataset[dict[str, torch.Tensor]]):
    """Rows of an export as a map-style data set: an item is a dictionary of tensors.

        x        float32 [inputs]            units of export.inputs
        y        float32 [outputs]           NaN where the row has no value
        slopes   float32 [outputs, inputs]   where the export has derivatives
        outcome  int64 []                    code, as cross_entropy takes it
        flags    int32 []                    bits of meta["flags"]
        row      int64 []                    its number in the export

    An item may also be asked for by a list, array or tensor of n numbers, and then every tensor has n in front. That is
    how loading is fast:

        DataLoader(rows, sampler=BatchSampler(RandomSampler(rows), 4096, drop_last=False), batch_size=None)

    Workers get the folder, not the data, and map it.
    """

    def __init__(self, export: Export, rows: ArrayLike | None = None, fields: Sequence[str] | None = None) -> None:
        """rows: numbers of the export (default: export.rows("train")); fields: which tensors (default: all).

        Raises Refused for fields that there are not, IndexError for rows that there are not.
        """
        self.export = export
        self.rows = export.rows("train") if rows is None else np.array(rows, dtype=np.int64)
        if self.rows.ndim != 1 or np.any((self.rows < 0) | (self.rows >= len(export))):
            raise IndexError(f"rows must be a list of numbers from 0 to {len(export) - 1}")
        have = [name for name in FIELDS if name != "slopes" or export.dY_dX is not None]
        self.fields = have if fields is None else list(fields)
        for name in self.fields:
            if name not in have:
                raise Refused(f"no field {name!r}: there are {', '.join(have)}")

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int | ArrayLike | torch.Tensor) -> dict[str, torch.Tensor]:
        places = np.asarray(index, dtype=np.int64)
        numbers = self.rows[places]
        items = self._tensors(np.atleast_1d(numbers))
        return items if places.ndim else {name: tensor[0] for name, tensor in items.items()}

    def _tensors(self, numbers: np.ndarray) -> dict[str, torch.Tensor]:
        export = self.export

        def take(array: Any) -> torch.Tensor:
            return torch.from_numpy(array.take(numbers, axis=0))

        made = {
            "x": lambda: take(export.X),
            "y": lambda: take(export.Y),
            "slopes": lambda: take(export.dY_dX),
            "outcome": lambda: take(export.outcome).long(),
            "flags": lambda: torch.from_numpy(export.flags.take(numbers).astype(np.int32)),
            "row": lambda: torch.from_numpy(numbers),
        }
        return {name: made[name]() for name in self.fields}
