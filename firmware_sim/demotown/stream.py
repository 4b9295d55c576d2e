"""All uplinks of the town in order of simulated time, endless and seeded. Pure."""

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

ROUNDS = (6 * 60, 14 * 60 + 30)  # minutes after local midnight; the quiet: the last
CLEANINGS = (6 * 60, 14 * 60)
FILL_PER_DAY = 65.0  # % of the capacity, for busy = 1
VISITS_PER_DAY = 200.0


class UplinkSource(Protocol):
    """Something that sends uplinks at times of its own."""

    @property
    def next_at(self) -> int:
        """Simulated time of the next uplink, epoch ms."""
        ...

    def next_uplinks(self) -> list[DemoUplink]:
        """The uplinks of `next_at`; moves `next_at` on."""
        ...


def world(asset: DemoAsset, rng: Random, at: int) -> WatchedAsset:
    """The asset's physics, by its kind."""
    if asset.kind == "toilet":
        fresh_air = 8.0 if asset.busy < 2 else 3.0
        traits = ToiletTraits(VISITS_PER_DAY * asset.busy, 40, fresh_air, CLEANINGS)
        return DemoToilet(rng, traits, at)
    if asset.kind == "mobile_toilet":
        visits = VISITS_PER_DAY * asset.busy
        return DemoToilet(rng, ToiletTraits(visits, 12, 14, CLEANINGS, tank=True), at)
    late = rng.randrange(90)  # minutes until the vehicle comes by
    often = ROUNDS if "daily" in asset.tags else ROUNDS[-1:]
    rounds = tuple(minute + late for minute in often)
    per_day = FILL_PER_DAY * asset.busy
    return DemoBin(rng, BinTraits(asset.capacity_l, per_day, rounds), at)


class DemoTown:
    """Every device of the town from `at` on, each asset with a seed of its own.

    `cleanings`: (asset, epoch ms) of the cleanings that crews did, oldest first;
    no sensor sees them, somebody has to say them. Whoever reads them takes them out.
    """

    def __init__(self, assets: tuple[DemoAsset, ...], seed: int, at: int) -> None:
        self.cleanings: deque[tuple[str, int]] = deque(maxlen=1_000)
        self._devices: list[UplinkSource] = []
        self._worlds: list[tuple[str, WatchedAsset]] = []
        for asset in assets:
            if asset.replay:
                self._devices.append(CurveReplay(asset, at, curves()[asset.replay]))
                continue
            thing = world(asset, Random(f"{seed}/{asset.id}"), at)
            self._worlds.append((asset.id, thing))
            for mounting in asset.mountings:
                rng = Random(f"{seed}/{mounting.device}")
                self._devices.append(DemoDevice(rng, asset, mounting, thing, at))

    def uplinks(self) -> Iterator[DemoUplink]:
        """Endless uplinks in order of time."""
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
        for asset, thing in self._worlds:
            if thing.cleaned_at is not None:
                self.cleanings.append((asset, thing.cleaned_at))
                thing.cleaned_at = None


def uplinks(assets: tuple[DemoAsset, ...], seed: int, at: int) -> Iterator[DemoUplink]:
    """Uplinks from `at` on, in order of time; one seed, one sequence."""
    return DemoTown(assets, seed, at).uplinks()
