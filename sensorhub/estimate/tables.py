"""Columns by device, and rows of them as bytes for a checkpoint."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Spec = Mapping[str, tuple[DTypeLike, float]]


class DeviceTable:
    """Named columns of one length; `spec`: dtype and initial value."""

    def __init__(self, spec: Spec, size: int) -> None:
        self._columns = {
            name: np.full(size, first, dtype) for name, (dtype, first) in spec.items()
        }

    def __getitem__(self, name: str) -> NDArray[Any]:
        """A column, to read and to write."""
        return self._columns[name]

    def dump(self, first: int, last: int) -> dict[str, bytes]:
        """The rows `first` to below `last`."""
        return {name: c[first:last].tobytes() for name, c in self._columns.items()}

    def load(self, first: int, data: Mapping[str, bytes]) -> None:
        """Load rows that were dumped; columns that are missing there stay unchanged.

        Raises ValueError on damaged bytes.
        """
        for name, body in data.items():
            if name in self._columns:
                column = self._columns[name]
                rows = np.frombuffer(body, column.dtype)
                column[first : first + len(rows)] = rows
