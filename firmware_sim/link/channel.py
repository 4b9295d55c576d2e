"""A two-state radio channel a device, and gateways that go dark.

Gilbert-Elliott: each device is in a good or a bad state and stays there for an
exponential time. Doubles by the law of Azure's telemetry simulator: once with p, twice
with p squared. A late copy comes before 16 other uplinks of its device, since no hub
remembers more.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmware_sim.firmware.frame import DeviceFrame
from firmware_sim.rng import F64, I64, RandomStream
from firmware_sim.scenario.settings import LinkSettings
from firmware_sim.world.step_time import STEP_H, StepTime

HOUR_MS = 3_600_000
MONTH_H = 730.0
NETWORK_MS = (150, 1500)  # from the sensor to the broker
DOUBLE_MS = (1_000, 20_000)
LATEST = 12  # periods of its device


class DeliveredFrame(NamedTuple):
    """A copy of a frame; `at` is when the broker has it. `why` is empty if plain."""

    at: int
    frame: DeviceFrame
    copy: int  # 0 is the first one
    why: str


class LostFrame(NamedTuple):
    """A frame that never arrived."""

    frame: DeviceFrame
    why: str  # radio, gateway, end


class GatewayChange(NamedTuple):
    """A gateway went dark (or came back, `on` False)."""

    gateway: int
    on: bool


class RadioChannel:
    """The links of all devices of a town."""

    def __init__(self, settings: LinkSettings, gateway: I64, seed: int) -> None:
        self._settings = settings
        self._gateway = gateway
        self._stream = RandomStream(seed, "link")
        self._weather = RandomStream(seed, "channel")
        n = len(gateway)
        self._bad = self._weather.happens(settings.bad_share, n)
        self._dark_h: F64 = np.zeros(int(gateway.max(initial=-1)) + 1)

    def step(self, now: StepTime) -> list[GatewayChange]:
        """Turn channels and gateways one step forward."""
        settings, n = self._settings, len(self._bad)
        leave = STEP_H / settings.bad_hours
        share = settings.bad_share
        enter = leave * share / (1 - share) if share < 1 else 1.0
        u = self._weather.uniform(n)
        self._bad = np.where(self._bad, u >= leave, u < enter)
        return self._gateways()

    def _gateways(self) -> list[GatewayChange]:
        settings, dark = self._settings, self._dark_h > 0
        self._dark_h = np.maximum(self._dark_h - STEP_H, 0)
        back = np.flatnonzero(dark & (self._dark_h == 0))
        chance = settings.outages_per_month * STEP_H / MONTH_H
        gone = ~dark & self._weather.happens(chance, len(dark))
        down = np.flatnonzero(gone)
        self._dark_h[down] = self._weather.between(*settings.outage_hours, len(down))
        return [
            *(GatewayChange(number, on=False) for number in back.tolist()),
            *(GatewayChange(number, on=True) for number in down.tolist()),
        ]

    def dark(self) -> NDArray[np.bool_]:
        """Which devices' gateways are dark."""
        mine: NDArray[np.bool_] = (self._dark_h > 0)[self._gateway]
        return mine

    def put_out(self, gateways: I64, hours: float) -> list[GatewayChange]:
        """Gateways go dark for so long, those that are not yet."""
        fresh = gateways[self._dark_h[gateways] == 0]
        self._dark_h[fresh] = hours
        return [GatewayChange(number, on=True) for number in fresh.tolist()]

    def carry(
        self, frames: Iterable[DeviceFrame], period_ms: list[int]
    ) -> Iterator[DeliveredFrame | LostFrame]:
        """What becomes of frames; `period_ms`: report period by device."""
        frames = list(frames)
        n = len(frames)
        if not n:
            return
        settings = self._settings
        rows = np.array([frame.row for frame in frames])
        loss = np.where(self._bad[rows], settings.loss_bad, settings.loss_good)
        dark = self._dark_h[self._gateway[rows]] > 0
        lost = self._stream.happens(loss, n)
        delay = self._stream.between(*NETWORK_MS, n).astype(np.int64)
        odd, how, again = (self._stream.uniform(n).tolist() for _ in range(3))
        wait = delay.tolist()
        for i, frame in enumerate(frames):
            if dark[i] or lost[i]:
                yield LostFrame(frame, "gateway" if dark[i] else "radio")
                continue
            at, why = frame.at + wait[i], ""
            if odd[i] < settings.late:
                most = min(settings.late_hours * HOUR_MS, LATEST * period_ms[frame.row])
                at, why = at + int(how[i] * most), "late"
            elif odd[i] < settings.late + settings.swapped:
                at, why = at + int((1 + how[i] / 2) * period_ms[frame.row]), "swapped"
            yield DeliveredFrame(at, frame, 0, why)
            copy, chance = 1, settings.doubled
            while again[i] < chance:
                at += int(DOUBLE_MS[0] + how[i] * (DOUBLE_MS[1] - DOUBLE_MS[0]))
                yield DeliveredFrame(at, frame, copy, "doubled")
                copy, chance = copy + 1, chance * settings.doubled
