"""All uplinks of the demo's town in order of simulated time, endless and seeded."""

import heapq
from collections import deque
from collections.abc import Iterator
from random import Random
from typing import Protocol

from firmware_sim.demotown.devices import DemoDevice, DemoUplink, WatchedAsset
from firmware_sim.demotown.fleet import DemoAsset
from firmware_sim.demotown.replay import CurveReplay, curves
from firmware_sim.demotown.toilet import DemoToilet, ToiletTraits
from firmware_sim.demotown.world import BinTraits, DemoBin

ROUNDS = (
    6 * 60,
    14 * 60 + 30,
)  # minutes after local midnight; quiet bins: only the last
CLEANINGS = (6 * 60, 14 * 60)
FILL_PER_DAY = 65.0  # % of the capacity, for busy = 1
VISITS_PER_DAY = 200.0


class UplinkStream(Protocol):
    """A source of uplinks at irregular times."""

    @property
    def next_at(self) -> int:
        """Simulated time of the next uplink, epoch ms."""
        ...

    def next_uplinks(self) -> list[DemoUplink]:
        """Return the uplinks of `next_at`, and advance `next_at`."""
        ...


def make_model(asset: DemoAsset, rng: Random, at: int) -> WatchedAsset:
    """Return the physical model of an asset, by its kind."""
    if asset.kind == "toilet":
        air_changes = 8.0 if asset.busy < 2 else 3.0
        traits = ToiletTraits(VISITS_PER_DAY * asset.busy, 40, air_changes, CLEANINGS)
        return DemoToilet(rng, traits, at)
    if asset.kind == "mobile_toilet":
        visits = VISITS_PER_DAY * asset.busy
        return DemoToilet(rng, ToiletTraits(visits, 12, 14, CLEANINGS, tank=True), at)
    delay = rng.randrange(90)  # minutes until the vehicle arrives
    planned = ROUNDS if "daily" in asset.tags else ROUNDS[-1:]
    rounds = tuple(minute + delay for minute in planned)
    per_day = FILL_PER_DAY * asset.busy
    return DemoBin(rng, BinTraits(asset.capacity_l, per_day, rounds), at)


class DemoTown:
    """All devices of the town from `at` on; each asset has a seed of its own.

    `cleanings`: (asset, epoch ms) of cleanings, oldest first. No sensor measures them,
    so a dispatcher reports them; the reader removes what it has read.
    """

    def __init__(self, assets: tuple[DemoAsset, ...], seed: int, at: int) -> None:
        self.cleanings: deque[tuple[str, int]] = deque(maxlen=1_000)
        self._devices: list[UplinkStream] = []
        self._models: list[tuple[str, WatchedAsset]] = []
        for asset in assets:
            if asset.replay:
                self._devices.append(CurveReplay(asset, at, curves()[asset.replay]))
                continue
            model = make_model(asset, Random(f"{seed}/{asset.id}"), at)
            self._models.append((asset.id, model))
            for mounting in asset.mountings:
                rng = Random(f"{seed}/{mounting.device}")
                self._devices.append(DemoDevice(rng, asset, mounting, model, at))

    def uplinks(self) -> Iterator[DemoUplink]:
        """Yield uplinks in order of time, without end."""
        devices = self._devices
        heap: list[tuple[int, int, DemoUplink | None]]
        heap = [(device.next_at, n, None) for n, device in enumerate(devices)]
        heapq.heapify(heap)
        number = len(devices)
        while heap:
            _, n, waiting = heapq.heappop(heap)
            if waiting is not None:
                yield waiting
                continue
            device = devices[n]
            for uplink in device.next_uplinks():
                number += 1
                heapq.heappush(heap, (uplink.at, number, uplink))
            heapq.heappush(heap, (device.next_at, n, None))
            self._note_cleanings()

    def _note_cleanings(self) -> None:
        for asset, model in self._models:
            if model.cleaned_at is not None:
                self.cleanings.append((asset, model.cleaned_at))
                model.cleaned_at = None


def uplinks(assets: tuple[DemoAsset, ...], seed: int, at: int) -> Iterator[DemoUplink]:
    """Yield uplinks from `at` on in order of time; one seed gives one sequence."""
    return DemoTown(assets, seed, at).uplinks()
