"""A fault that begins or ends."""

from typing import NamedTuple


class FaultChange(NamedTuple):
    """A device has a fault from now on, or has it no more (`on` False)."""

    row: int  # of the device
    on: bool
    fault: str  # stuck, drift, low_battery, offline
