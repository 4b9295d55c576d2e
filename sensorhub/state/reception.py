"""When each device was last heard, through which gateway, and the monitored time.

Monitored time is the time (ms) in which the hub could have heard: it was connected and
its backlog drained. Device columns are indexed by register number.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from sensorhub.columns import Columns
from sensorhub.model import NEVER
from sensorhub.registry.registry import Registry


class Reception:
    """Reception of devices as columns. `monitored_ms` is the monitored time so far."""

    def __init__(self, registry: Registry) -> None:
        size = registry.devices
        self.interval_ms = registry.interval_ms
        self.last_received = np.full(size, NEVER, np.int64)
        self.monitored_at = np.full(size, NEVER, np.int64)  # when it was last heard
        self.gateway = np.zeros(size, np.int32)  # that heard it last; a place's number
        self.monitored_ms = 0

    def record(self, columns: Columns, moving: NDArray[np.bool_]) -> None:
        """Record that the devices of the uplinks in `moving` were heard."""
        if moving.any():
            device, received = columns.device[moving], columns.received_at[moving]
            self.last_received[device] = received
            # within a batch the hub could hear all along
            elapsed = received - columns.received_at[0]
            self.monitored_at[device] = self.monitored_ms + elapsed

    def set_gateways(self, gateways: Iterable[tuple[int, int]]) -> None:
        """Set the gateways that hear devices from now on: (device, place)."""
        for device, place in gateways:
            self.gateway[device] = place

    def restart_silence(self, devices: NDArray[np.int32] | list[int]) -> None:
        """Count the silence of devices from now: what was before was not theirs."""
        self.monitored_at[devices] = self.monitored_ms
