"""Begin and end of device faults."""

from typing import NamedTuple


class FaultChange(NamedTuple):
    """A fault of a device begins (`on`) or ends."""

    row: int  # of the device
    on: bool
    fault: str  # label, such as stuck, drift, low_battery, offline
