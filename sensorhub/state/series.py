"""Series: one measurement of one device, its last value and its no-change range.

Series columns grow as series are first seen.
"""

import numpy as np
from numpy.typing import NDArray

from sensorhub.alerts.rule_track import ANY_VALUE
from sensorhub.model import CODES, NEVER
from sensorhub.registry.registry import Registry

NO_SERIES = -1


class Series:
    """Series as columns, by number.

    `low` and `high` are the no-change range: a value in `low <= v < high` moves no
    rule on the series. `since` counts people since the last service.
    """

    COLUMNS = (
        "device",
        "code",
        "last_at",
        "last_value",
        "low",
        "high",
        "samples",
        "since",
    )

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        # by device a column for each code in use, ascending; the first for all others
        self._numbers = np.full((registry.devices, 1), NO_SERIES, np.int32)
        self._flat, self._width = self._numbers.ravel(), np.int64(1)
        self._column_of = np.zeros(CODES, np.intp)  # by code
        self.count = 0
        self._allocate(1024)

    def _allocate(self, size: int) -> None:
        self.device = np.zeros(size, np.int32)
        self.code = np.zeros(size, np.uint8)
        self.last_at = np.full(size, NEVER, np.int64)
        self.last_value = np.full(size, np.nan)
        self.low = np.full(size, ANY_VALUE[0])
        self.high = np.full(size, ANY_VALUE[1])
        self.samples = np.zeros(size, np.int64)
        self.since = np.zeros(size)

    def _grow(self, need: int) -> None:
        have = len(self.device)
        if need <= have:
            return
        old = {name: getattr(self, name) for name in self.COLUMNS}
        self._allocate(max(need, have + have // 2))
        for name, column in old.items():
            getattr(self, name)[: self.count] = column[: self.count]

    def add(
        self, device: NDArray[np.int32], code: NDArray[np.uint8]
    ) -> NDArray[np.int64]:
        """Add new series, each once; their numbers. Their no-change ranges are open."""
        first = self.count
        self._grow(first + len(device))
        self.count += len(device)
        numbers = np.arange(first, self.count)
        self.device[numbers], self.code[numbers] = device, code
        if (self._column_of[code] == 0).any():
            self._widen(code)
        self._numbers[device, self._column_of[code]] = numbers
        return numbers

    def _widen(self, code: NDArray[np.uint8]) -> None:
        """Make columns for codes that are not in use yet."""
        before = np.flatnonzero(self._column_of)
        codes = np.union1d(before, code)
        self._column_of[codes] = np.arange(1, len(codes) + 1)
        size = len(self._numbers), len(codes) + 1
        numbers = np.full(size, NO_SERIES, np.int32)
        numbers[:, self._column_of[before]] = self._numbers[:, 1:]
        self._numbers, self._flat = numbers, numbers.ravel()
        self._width = np.int64(numbers.shape[1])

    def numbers_of(
        self, device: NDArray[np.int32], code: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        """The series of readings; NO_SERIES where a series is new."""
        # flat: `take` needs a third of the time of two indices
        place = device * self._width + self._column_of.take(code)
        numbers: NDArray[np.int32] = self._flat.take(place)
        return numbers

    def number(self, device: int, code: int) -> int:
        """The series of one measurement of a device, or NO_SERIES."""
        return self._numbers.item(device, self._column_of.item(code))

    def of_device(self, device: int) -> list[int]:
        """The series of a device, in the order of measurement numbers."""
        return [n for n in self._numbers[device].tolist() if n != NO_SERIES]

    def asset_of(self, series: int) -> int:
        """Number of the asset that the series' device is mounted on; -1: none."""
        return int(self._registry.asset_of.item(self.device.item(series)))
