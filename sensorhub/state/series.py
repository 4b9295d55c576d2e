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
        self.numbers = np.full((registry.devices, CODES), NO_SERIES, np.int32)
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
        self.numbers[device, code] = numbers
        return numbers

    def numbers_of(
        self, device: NDArray[np.int32], code: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        """The series of readings; NO_SERIES where a series is new."""
        numbers: NDArray[np.int32] = self.numbers[device, code]
        return numbers

    def number(self, device: int, code: int) -> int:
        """The series of one measurement of a device, or NO_SERIES."""
        return self.numbers.item(device, code)

    def of_device(self, device: int) -> list[int]:
        """The series of a device, in the order of measurement numbers."""
        return [n for n in self.numbers[device].tolist() if n != NO_SERIES]

    def asset_of(self, series: int) -> int:
        """Number of the asset that the series' device is mounted on; -1: none."""
        return int(self._registry.asset_of.item(self.device.item(series)))
