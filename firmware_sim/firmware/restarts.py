"""Devices that start again, by themselves or woken, and what their own clocks say.

A crystal is off by some 20 ppm, an RC oscillator by 1 %. A time of the network comes
now and then; after a restart some begin at 1970 until then.
"""

import numpy as np
from numpy.typing import NDArray

from firmware_sim.firmware.frame import DeviceFrame
from firmware_sim.rng import F64, I64, RandomStream
from firmware_sim.scenario.settings import FirmwareSettings
from firmware_sim.world.step_time import STEP_H, STEP_MS, StepTime

DAY_MS = 86_400_000
Mask = NDArray[np.bool_]


class DeviceClocks:
    """All devices' clocks; `step` answers who restarted."""

    def __init__(self, settings: FirmwareSettings, rows: int, seed: int) -> None:
        self._settings = settings
        self._stream = RandomStream(seed, "restarts")
        spread = settings.clock_ppm / 1e6
        self._rate: F64 = self._stream.between(-spread, spread, rows)
        self._synced: F64 = self._stream.between(-settings.sync_days, 0, rows) * DAY_MS
        self._lost: Mask = np.zeros(rows, np.bool_)
        self._began: I64 = np.zeros(rows, np.int64)
        self._joins: I64 = np.zeros(rows, np.int64)
        self._start: int | None = None
        self.on = settings.clock_ppm > 0 or settings.epoch_share > 0

    def step(self, now: StepTime, running: Mask, woken: Mask) -> I64:
        """Turn all clocks one step forward; the rows of those that restarted.

        Only what is `running` restarts by itself; `woken` devices do in any case.
        """
        settings, n = self._settings, len(self._rate)
        if self._start is None:
            self._start = now.at - STEP_MS
            self._synced += self._start
        heard = now.at - self._synced >= settings.sync_days * DAY_MS
        self._synced[heard], self._lost[heard] = now.at, False
        again = self._stream.happens(settings.reboot_per_day * STEP_H / 24, n)
        rows = np.flatnonzero(again & running | woken)
        self._lost[rows] |= self._stream.happens(settings.epoch_share, len(rows))
        self._began[rows] = now.at - STEP_MS
        self._joins[rows] += 1
        self.on |= len(rows) > 0
        return rows

    def join_anew(self, rows: I64) -> None:
        """Some sessions are lost without a restart."""
        self._joins[rows] += 1
        self.on |= len(rows) > 0

    def stamp(self, frames: list[DeviceFrame]) -> list[DeviceFrame]:
        """Frames with their devices' own times and sessions."""
        if not self.on or not frames:
            return frames
        rows = np.array([frame.row for frame in frames])
        at = np.array([frame.at for frame in frames])
        wrong = np.rint(self._rate[rows] * (at - self._synced[rows]))
        wrong = np.where(self._lost[rows], -self._began[rows], wrong).astype(np.int64)
        own = zip(frames, wrong.tolist(), self._joins[rows].tolist(), strict=True)
        return [
            frame._replace(wrong_ms=off, joins=joins) if off or joins else frame
            for frame, off, joins in own
        ]
