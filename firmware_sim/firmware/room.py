"""Firmware of the native toilet sensor: gas, climate and people, every few minutes."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from firmware_sim.chance import F64, I64, Stream
from firmware_sim.firmware.frame import Frame
from firmware_sim.scenario.settings import Gas
from firmware_sim.world.moment import STEP_MS, STEP_S, Moment

CLIMATE = '{{"nh3":{:.2f},"h2s":{:.3f},"temperature":{:.1f},"humidity":{:.0f},'
PEOPLE = '"count_in":{},"count_out":{},"battery":{}}}'


class Sensed(NamedTuple):
    """What the sensors of all toilets say."""

    nh3: F64  # ppm
    h2s: F64  # ppm
    celsius: F64
    humidity: F64  # %
    entered: I64
    left: I64


class RoomFirmware:
    """All toilet sensors; `first`: the row of the first one among all devices."""

    def __init__(self, settings: Gas, n: int, first: int, seed: int) -> None:
        stream = Stream(seed, "room firmware")
        self._first = first
        self._every = max(round(settings.report_min * 60 / STEP_S), 1)
        self._phase = (stream.uniform(n) * self._every).astype(np.int64)
        self._offset = (stream.uniform(n) * STEP_MS).astype(np.int64)
        self._seq: I64 = (stream.uniform(n) * 5000).astype(np.int64)

    def step(self, now: Moment, sensed: Sensed) -> Iterator[Frame]:
        """The frames of a step."""
        rows = np.flatnonzero((now.number + self._phase) % self._every == 0)
        self._seq[rows] += 1
        at = (now.at - STEP_MS + self._offset[rows]).tolist()
        seq = (self._seq[rows] & 0xFFFF).tolist()
        columns = [column[rows].tolist() for column in sensed]
        for row, when, number, nh3, h2s, warm, wet, came, went in zip(
            rows.tolist(), at, seq, *columns, strict=True
        ):
            values = CLIMATE.format(nh3, h2s, warm, wet)
            values += PEOPLE.format(came, went, 90)
            yield Frame(when, self._first + row, number, values)
