"""A two-state radio channel per device, and gateway outages.

Gilbert-Elliott model: each device is in a good or a bad state and stays there for an
exponentially distributed time. Duplicates follow Azure's telemetry simulator: one with
probability p, two with p squared. A late copy arrives before 16 later uplinks of its
device, because no hub remembers more.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmware_sim.firmware.frame import DeviceFrame
from firmware_sim.rng import F64, I64, RandomStream
from firmware_sim.scenario.settings import LinkSettings
from firmware_sim.world.step_time import STEP_H

HOUR_MS = 3_600_000
MONTH_H = 730.0
NETWORK_MS = (150, 1500)  # delay from the sensor to the broker
DUPLICATE_MS = (1_000, 20_000)
MAX_LATE_PERIODS = 12  # report periods of the device


class DeliveredFrame(NamedTuple):
    """One copy of a frame that reached the broker.

    `at`: arrival in epoch ms. `reason`: why the copy is irregular; empty if regular.
    """

    at: int
    frame: DeviceFrame
    copy: int  # 0 is the first one
    reason: str


class LostFrame(NamedTuple):
    """A frame that never reached the broker."""

    frame: DeviceFrame
    reason: str  # radio, gateway, end


class GatewayChange(NamedTuple):
    """An outage of a gateway began (`on`) or ended."""

    gateway: int
    on: bool


class RadioChannel:
    """The radio links of all devices of a town."""

    def __init__(self, settings: LinkSettings, gateway: I64, seed: int) -> None:
        self._settings = settings
        self._gateway = gateway
        self._stream = RandomStream(seed, "link")
        self._state_stream = RandomStream(seed, "channel")
        n = len(gateway)
        self._bad = self._state_stream.happens(settings.bad_share, n)
        self._outage_h: F64 = np.zeros(int(gateway.max(initial=-1)) + 1)  # time left

    def step(self) -> list[GatewayChange]:
        """Advance channel states and gateway outages by one step."""
        settings, n = self._settings, len(self._bad)
        leave = STEP_H / settings.bad_hours
        share = settings.bad_share
        enter = leave * share / (1 - share) if share < 1 else 1.0
        u = self._state_stream.uniform(n)
        self._bad = np.where(self._bad, u >= leave, u < enter)
        return self._step_gateways()

    def _step_gateways(self) -> list[GatewayChange]:
        settings, was_down = self._settings, self._outage_h > 0
        self._outage_h = np.maximum(self._outage_h - STEP_H, 0)
        ended = np.flatnonzero(was_down & (self._outage_h == 0))
        chance = settings.outages_per_month * STEP_H / MONTH_H
        fails = ~was_down & self._state_stream.happens(chance, len(was_down))
        begun = np.flatnonzero(fails)
        hours = self._state_stream.between(*settings.outage_hours, len(begun))
        self._outage_h[begun] = hours
        return [
            *(GatewayChange(number, on=False) for number in ended.tolist()),
            *(GatewayChange(number, on=True) for number in begun.tolist()),
        ]

    def gateway_down(self) -> NDArray[np.bool_]:
        """Whether the gateway of each device is down."""
        down: NDArray[np.bool_] = (self._outage_h > 0)[self._gateway]
        return down

    def start_outage(self, gateways: I64, hours: float) -> list[GatewayChange]:
        """Take gateways down for `hours`; those already down are not changed."""
        begun = gateways[self._outage_h[gateways] == 0]
        self._outage_h[begun] = hours
        return [GatewayChange(number, on=True) for number in begun.tolist()]

    def transmit(
        self, frames: Iterable[DeviceFrame], period_ms: list[int]
    ) -> Iterator[DeliveredFrame | LostFrame]:
        """Yield the copies and losses of frames; `period_ms`: report period by device.

        The first copy of a frame comes before its duplicates.
        """
        frames = list(frames)
        n = len(frames)
        if not n:
            return
        settings = self._settings
        rows = np.array([frame.row for frame in frames])
        loss = np.where(self._bad[rows], settings.loss_bad, settings.loss_good)
        down = self._outage_h[self._gateway[rows]] > 0
        lost = self._stream.happens(loss, n)
        delay = self._stream.between(*NETWORK_MS, n).astype(np.int64)
        irregular, extent, duplicate = (
            self._stream.uniform(n).tolist() for _ in range(3)
        )
        delays = delay.tolist()
        for i, frame in enumerate(frames):
            if down[i] or lost[i]:
                yield LostFrame(frame, "gateway" if down[i] else "radio")
                continue
            at, reason, period = frame.at + delays[i], "", period_ms[frame.row]
            if irregular[i] < settings.late:
                most = min(settings.late_hours * HOUR_MS, MAX_LATE_PERIODS * period)
                at, reason = at + int(extent[i] * most), "late"
            elif irregular[i] < settings.late + settings.swapped:
                at, reason = at + int((1 + extent[i] / 2) * period), "swapped"
            yield DeliveredFrame(at, frame, 0, reason)
            copy, chance = 1, settings.doubled
            shortest, longest = DUPLICATE_MS
            while duplicate[i] < chance:
                at += int(shortest + extent[i] * (longest - shortest))
                yield DeliveredFrame(at, frame, copy, "doubled")
                copy, chance = copy + 1, chance * settings.doubled
