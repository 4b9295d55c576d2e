"""Devices that come up: a LoRaWAN one joins, a native one publishes its birth.

LoRaWAN ones do so at the start, all after a restart. Who is not up has no session and
says nothing; while the gateway is dark nobody comes up.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from firmware_sim.families import milesight
from firmware_sim.firmware.frame import DeviceFrame
from firmware_sim.rng import I64, RandomStream
from firmware_sim.town.fleet import Fleet
from firmware_sim.world.step_time import STEP_MS, StepTime

JOIN, BIRTH, HELLO = "join", "birth", "hello"
HELLO_MS = 5_000  # after the join
FIRMWARE = (1, 2)
Mask = NDArray[np.bool_]


class NetworkSessions:
    """Who is up, by device; `up` holds from the step after the join on."""

    def __init__(self, fleet: Fleet, seed: int) -> None:
        self._native = fleet.counting()
        self._vias, self._families = fleet.vias(), fleet.families
        self._stream = RandomStream(seed, "sessions")
        self.up: Mask = self._native.copy()
        self._coming: I64 = np.zeros(0, np.int64)

    def step(
        self, now: StepTime, restarted: list[int], reached: Mask, versions: list[str]
    ) -> Iterator[DeviceFrame]:
        """What those say that come up now; `reached`: alive and under a gateway."""
        self.up[self._coming] = True
        self.up[restarted] = False
        self._coming = rows = np.flatnonzero(~self.up & reached)
        when = now.at - STEP_MS + self._stream.between(0, STEP_MS, len(rows))
        for row, at in zip(rows.tolist(), when.tolist(), strict=True):
            kind = BIRTH if self._native[row] else JOIN
            yield DeviceFrame(
                int(at), row, 0, versions[row], self._vias[row], kind=kind
            )

    def hello(
        self, news: list[DeviceFrame], next_seq: Callable[[int], int]
    ) -> Iterator[DeviceFrame]:
        """What Milesight devices say once they have joined: who they are."""
        for frame in news:
            if frame.kind == JOIN and self._families[frame.row].startswith("milesight"):
                seq, serial = next_seq(frame.row), frame.row.to_bytes(8, "big")
                said = frame._replace(at=frame.at + HELLO_MS, seq=seq, values="")
                data = milesight.joined(serial, FIRMWARE)
                yield said._replace(port=milesight.PORT, data=data, kind=HELLO)
