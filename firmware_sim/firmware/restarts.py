"""Restarts of devices, and the error of their clocks.

A crystal is off by about 20 ppm, an RC oscillator by 1 %. The network sets the clock
now and then; after a restart some clocks begin at 1970 until it does.
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
    """Clocks, restarts and join counters of all devices."""

    def __init__(self, settings: FirmwareSettings, rows: int, seed: int) -> None:
        self._settings = settings
        self._stream = RandomStream(seed, "restarts")
        spread = settings.clock_ppm / 1e6
        self._rate: F64 = self._stream.between(-spread, spread, rows)
        self._synced: F64 = self._stream.between(-settings.sync_days, 0, rows) * DAY_MS
        self._from_epoch: Mask = np.zeros(rows, np.bool_)  # the clock began at 1970
        self._restarted_at: I64 = np.zeros(rows, np.int64)
        self._joins: I64 = np.zeros(rows, np.int64)
        self._start: int | None = None
        self.on = settings.clock_ppm > 0 or settings.epoch_share > 0

    def step(self, now: StepTime, running: Mask, forced: Mask) -> I64:
        """Advance all clocks by one step and return the rows that restarted.

        Only `running` devices restart by chance; `forced` devices restart for certain.
        """
        settings, n = self._settings, len(self._rate)
        if self._start is None:
            self._start = now.at - STEP_MS
            self._synced += self._start
        synced = now.at - self._synced >= settings.sync_days * DAY_MS
        self._synced[synced], self._from_epoch[synced] = now.at, False
        by_chance = self._stream.happens(settings.reboot_per_day * STEP_H / 24, n)
        rows = np.flatnonzero(by_chance & running | forced)
        self._from_epoch[rows] |= self._stream.happens(settings.epoch_share, len(rows))
        self._restarted_at[rows] = now.at - STEP_MS
        self._joins[rows] += 1
        self.on |= len(rows) > 0
        return rows

    def count_joins(self, rows: I64) -> None:
        """Count one more join of devices that lost their session without a restart."""
        self._joins[rows] += 1
        self.on |= len(rows) > 0

    def stamp(self, frames: list[DeviceFrame]) -> list[DeviceFrame]:
        """Return frames with the clock errors and join counts of their devices."""
        if not self.on or not frames:
            return frames
        rows = np.array([frame.row for frame in frames])
        at = np.array([frame.at for frame in frames])
        drift = np.rint(self._rate[rows] * (at - self._synced[rows]))
        error = np.where(self._from_epoch[rows], -self._restarted_at[rows], drift)
        errors, joins = error.astype(np.int64).tolist(), self._joins[rows].tolist()
        return [
            frame._replace(clock_error_ms=error_ms, joins=count)
            if error_ms or count
            else frame
            for frame, error_ms, count in zip(frames, errors, joins, strict=True)
        ]
