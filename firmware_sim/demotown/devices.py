"""Firmware of the demo's sensors: measure an asset with an error, and send.

Sensor errors: 5 mm noise, 0.05 % false near echoes, blind zones of 40 mm (time of
flight) and 280 mm (LDDS75); gas cells with a zero error of sd 0.2 ppm and noise of
0.03 ppm. Batteries last years; every twentieth is nearly empty.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Protocol

from firmware_sim.clock import DAY, HOUR
from firmware_sim.demotown import fleet
from firmware_sim.demotown.fleet import DemoAsset, DemoMounting
from firmware_sim.demotown.link import DemoLink
from firmware_sim.demotown.world import TrueState
from firmware_sim.families import wire

APPLICATION = "6f0c7f5e-3d1b-4c8a-9a57-0f6b2f7b1e21"
GATEWAYS = ("24e124fffef00101", "24e124fffef00102", "24e124fffef00103")
FIRMWARE = "1.4.2"


@dataclass(frozen=True, slots=True)
class DemoUplink:
    """One message at simulated `at` (epoch ms); `copy`: a duplicate of the link."""

    at: int
    device: str
    topic: str
    payload: bytes
    copy: bool = False


class WatchedAsset(Protocol):
    """The asset of a device; `cleaned_at`: time of the last cleaning, epoch ms."""

    cleaned_at: int | None

    def state_at(self, at: int) -> TrueState:
        """Return the state at `at` (epoch ms); `at` must not decrease."""
        ...


@dataclass(slots=True)
class SensorValues:
    """Measured values of a sensor: the true state with errors, and its battery."""

    state: TrueState
    distance: float  # mm
    fill: float  # %
    battery: float  # %
    period: tuple[int, int] = (0, 0)
    warm: bool = True
    fine: bool = False


def _em400(s: SensorValues) -> bytes:
    tilted = s.state.tilt > 20
    return wire.em400_tld(s.battery, s.state.temperature, s.distance, tilted=tilted)


def _em310(s: SensorValues) -> bytes:
    return wire.em310_udl(s.battery, s.distance, tilted=s.state.tilt > 20)


def _gs301(s: SensorValues) -> bytes:
    state = s.state
    nh3, h2s = (state.nh3, state.h2s) if s.warm else (None, None)
    temperature, humidity = state.temperature, state.humidity
    return wire.gs301(s.battery, temperature, humidity, nh3, h2s, fine=s.fine)


def _em300(s: SensorValues) -> bytes:
    state = s.state
    temperature, humidity = state.temperature, state.humidity
    return wire.em300_sld(s.battery, temperature, humidity, leak=state.leak)


def _vs350(s: SensorValues) -> bytes:
    return wire.vs350(s.battery, (s.state.count_in, s.state.count_out), s.period)


def _ldds75(s: SensorValues) -> bytes:
    volt = 2.7 + 0.9 * (s.battery / 100) ** 0.3  # Li-SOCl2: flat, then a knee
    return wire.ldds75(volt * 1000, max(s.distance, 280.0))


ENCODERS: Mapping[str, tuple[int, Callable[[SensorValues], bytes]]] = {
    fleet.EM400: (wire.MILESIGHT_PORT, _em400),
    fleet.EM310: (wire.MILESIGHT_PORT, _em310),
    fleet.GS301: (wire.MILESIGHT_PORT, _gs301),
    fleet.EM300: (wire.MILESIGHT_PORT, _em300),
    fleet.VS350: (wire.MILESIGHT_PORT, _vs350),
    fleet.LDDS75: (wire.DRAGINO_PORT, _ldds75),
}


def _native(kind: str, s: SensorValues) -> dict[str, float]:
    state = s.state
    values = {"temperature": round(state.temperature, 1), "battery": round(s.battery)}
    if kind in ("toilet", "mobile_toilet"):
        values |= {"nh3": round(state.nh3, 2), "h2s": round(state.h2s, 3)}
        values |= {"humidity": round(state.humidity, 1), "leak": int(state.leak)}
        values |= {"count_in": state.count_in, "count_out": state.count_out}
    if kind != "toilet":
        values["fill_level"] = round(s.fill, 1)
    if kind in ("bin", "container"):
        values |= {"tilt": state.tilt, "tilted": int(state.tilt > 20)}
    return values


class DemoDevice:
    """One sensor: the time of its next uplink, and what it sends."""

    def __init__(
        self,
        rng: Random,
        asset: DemoAsset,
        mounting: DemoMounting,
        world: WatchedAsset,
        at: int,
    ) -> None:
        self._rng = rng
        self._asset = asset
        self._mounting = mounting
        self._world = world
        self._start = at
        self._seq = rng.choice((0, rng.randrange(5_000)))
        self._zero = rng.gauss(0, 0.2)
        self._epoch = rng.random() < 0.5
        self._fine = rng.random() < 0.5
        self._warm_at = at + (4 * HOUR if rng.random() < 0.3 else 0)
        nearly_empty = rng.random() < 1 / 20
        self._battery = rng.uniform(15.5, 18) if nearly_empty else rng.uniform(45, 100)
        self._drain = 12.0 if nearly_empty else 0.06  # % a day
        self._last_totals: tuple[int, int] | None = None
        self._link = DemoLink(rng, at)
        self._stored: list[tuple[int, int, dict[str, float]]] = []
        self.next_at = at + int(rng.random() * mounting.interval_s * 1000)

    def next_uplinks(self) -> list[DemoUplink]:
        """Return the uplinks of `next_at`, none if lost, and advance `next_at`."""
        at = self.next_at
        jitter = self._rng.uniform(0.95, 1.05)
        self.next_at = at + int(self._mounting.interval_s * 1000 * jitter)
        values = self._measure(at)
        seq, self._seq = self._seq, (self._seq + 1) & 0xFFFF
        passed = self._link.passes(at)
        if self._mounting.profile == fleet.NATIVE:
            uplinks = self._send_native(at, seq, values, passed=passed)
        else:
            uplinks = self._send_lorawan(at, seq, values) if passed else []
        return uplinks

    def _measure(self, at: int) -> SensorValues:
        rng, asset = self._rng, self._asset
        state = self._world.state_at(at)
        span = asset.empty_mm - asset.full_mm
        distance = asset.empty_mm - state.fill / 100 * span + rng.gauss(0, 5)
        near = rng.random() < 0.0005
        distance = max(asset.full_mm if near else distance, 40.0)
        state.nh3 = max(state.nh3 + self._zero + rng.gauss(0, 0.03), 0.0)
        state.h2s = max(state.h2s + rng.gauss(0, 0.002), 0.0)
        state.temperature += rng.gauss(0, 0.2)
        totals = (state.count_in, state.count_out)
        last, self._last_totals = self._last_totals or totals, totals
        return SensorValues(
            state,
            distance,
            fill=max(state.fill + rng.gauss(0, 0.6), 0.0),
            battery=self._charge(at),
            period=(totals[0] - last[0], totals[1] - last[1]),
            warm=at >= self._warm_at,
            fine=self._fine,
        )

    def _charge(self, at: int) -> float:
        left = self._battery - self._drain * (at - self._start) / DAY
        if left < 9:  # the battery is changed
            self._battery, self._start, self._drain = 100.0, at, 0.06
            return 100.0
        return left

    def _send_native(
        self, at: int, seq: int, values: SensorValues, *, passed: bool
    ) -> list[DemoUplink]:
        """Send a record and the stored ones; store it if it is lost."""
        self._stored = self._stored[-9:]
        self._stored.append((at, seq, _native(self._asset.kind, values)))
        if not passed:
            return []
        payload = wire.native(self._stored, epoch=self._epoch)
        self._stored = []
        return self._with_duplicate(at, payload, payload)

    def _send_lorawan(
        self, at: int, seq: int, values: SensorValues
    ) -> list[DemoUplink]:
        """Send a frame; a duplicate arrives from another gateway with another id."""
        port, encode = ENCODERS[self._mounting.profile]
        data = encode(values)
        first, second = (
            wire.chirpstack(
                wire.LorawanUplink(
                    self._mounting.device,
                    self._asset.id,
                    self._mounting.profile,
                    seq,
                    port,
                    data,
                    self._link.gateways(GATEWAYS),
                    self._link.uuid(),
                ),
                at,
                APPLICATION,
            )
            for _ in range(2)
        )
        return self._with_duplicate(at, first, second)

    def _with_duplicate(
        self, at: int, payload: bytes, duplicate: bytes
    ) -> list[DemoUplink]:
        topic = uplink_topic(self._asset, self._mounting)
        uplinks = [DemoUplink(at, self._mounting.device, topic, payload)]
        delay = self._link.duplicate_delay()
        if delay:
            device = self._mounting.device
            uplinks.append(DemoUplink(at + delay, device, topic, duplicate, copy=True))
        return uplinks


def uplink_topic(asset: DemoAsset, mounting: DemoMounting) -> str:
    """Return the topic of a device's uplinks."""
    if mounting.profile == fleet.NATIVE:
        return f"sensorhub/v1/{asset.zone.id}/{mounting.device}/up"
    return f"application/{APPLICATION}/device/{mounting.device}/event/up"


def status(asset: DemoAsset, mounting: DemoMounting) -> tuple[str, bytes]:
    """Return topic and payload of a native device's retained birth message."""
    topic = f"sensorhub/v1/{asset.zone.id}/{mounting.device}/status"
    return topic, wire.birth(mounting.interval_s, FIRMWARE)
