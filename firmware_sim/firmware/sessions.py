"""Network sessions: a LoRaWAN device joins, a native device publishes its birth.

LoRaWAN devices join at the start; all devices need a new session after a restart. A
device without a session sends no data, and gets none while its gateway is down.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from firmware_sim.families import milesight
from firmware_sim.firmware.frame import DeviceFrame
from firmware_sim.rng import I64, RandomStream
from firmware_sim.town.fleet import Fleet
from firmware_sim.world.step_time import STEP_MS, StepTime

JOIN, BIRTH, JOIN_REPORT = "join", "birth", "hello"
JOIN_REPORT_MS = 5_000  # after the join
FIRMWARE = (1, 2)
Mask = NDArray[np.bool_]


class NetworkSessions:
    """Which devices have a session; `up` is set one step after the join."""

    def __init__(self, fleet: Fleet, seed: int) -> None:
        self._native = fleet.keeps_counter()
        self._gateway_ids, self._families = fleet.gateway_ids(), fleet.families
        self._stream = RandomStream(seed, "sessions")
        self.up: Mask = self._native.copy()
        self._joining: I64 = np.zeros(0, np.int64)

    def step(
        self, now: StepTime, ended: list[int], reachable: Mask, versions: list[str]
    ) -> Iterator[DeviceFrame]:
        """Yield joins and births.

        `ended`: rows whose session ended. `reachable`: running, with a gateway.
        """
        self.up[self._joining] = True
        self.up[ended] = False
        self._joining = rows = np.flatnonzero(~self.up & reachable)
        times = now.at - STEP_MS + self._stream.between(0, STEP_MS, len(rows))
        for row, at in zip(rows.tolist(), times.tolist(), strict=True):
            kind, gateway = BIRTH if self._native[row] else JOIN, self._gateway_ids[row]
            yield DeviceFrame(int(at), row, 0, versions[row], gateway, kind=kind)

    def join_reports(
        self, events: list[DeviceFrame], next_seq: Callable[[int], int]
    ) -> Iterator[DeviceFrame]:
        """Yield the device information that Milesight devices send after a join."""
        for frame in events:
            if frame.kind == JOIN and self._families[frame.row].startswith("milesight"):
                seq, serial = next_seq(frame.row), frame.row.to_bytes(8, "big")
                report = frame._replace(
                    at=frame.at + JOIN_REPORT_MS, seq=seq, values=""
                )
                data = milesight.joined(serial, FIRMWARE)
                yield report._replace(port=milesight.PORT, data=data, kind=JOIN_REPORT)
