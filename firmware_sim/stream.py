"""All uplinks of the town in order of simulated time, endless and seeded. Pure."""

import heapq
from collections.abc import Iterator
from random import Random
from typing import Protocol

from firmware_sim.devices import Device, Uplink, Watched
from firmware_sim.fleet import Asset
from firmware_sim.replay import Replay, curves
from firmware_sim.toilet import Toilet, ToiletTraits
from firmware_sim.world import Bin, BinTraits

ROUNDS = (6 * 60, 14 * 60 + 30)  # minutes after local midnight
CLEANINGS = (6 * 60, 14 * 60)
FILL_PER_DAY = 75.0  # % of the capacity, for busy = 1
VISITS_PER_DAY = 200.0


class Speaker(Protocol):
    """Something that sends uplinks at times of its own."""

    @property
    def next_at(self) -> int:
        """Simulated time of the next uplink, epoch ms."""
        ...

    def speak(self) -> list[Uplink]:
        """The uplinks of `next_at`; moves `next_at` on."""
        ...


def world(asset: Asset, rng: Random, at: int) -> Watched:
    """The asset's physics, by its kind."""
    if asset.kind == "toilet":
        fresh_air = 8.0 if asset.busy < 2 else 3.0
        traits = ToiletTraits(VISITS_PER_DAY * asset.busy, 40, fresh_air, CLEANINGS)
        return Toilet(rng, traits, at)
    if asset.kind == "mobile_toilet":
        visits = VISITS_PER_DAY * asset.busy
        return Toilet(rng, ToiletTraits(visits, 12, 14, CLEANINGS, tank=True), at)
    late = rng.randrange(90)  # minutes until the vehicle comes by
    rounds = tuple(minute + late for minute in ROUNDS)
    per_day = FILL_PER_DAY * asset.busy
    return Bin(rng, BinTraits(asset.capacity_l, per_day, rounds), at)


def speakers(assets: tuple[Asset, ...], seed: int, at: int) -> list[Speaker]:
    """Every device of the town, each asset with a seed of its own."""
    found: list[Speaker] = []
    for asset in assets:
        if asset.replay:
            found.append(Replay(asset, at, curves()[asset.replay]))
            continue
        thing = world(asset, Random(f"{seed}/{asset.id}"), at)
        for mounting in asset.mountings:
            rng = Random(f"{seed}/{mounting.device}")
            found.append(Device(rng, asset, mounting, thing, at))
    return found


def uplinks(assets: tuple[Asset, ...], seed: int, at: int) -> Iterator[Uplink]:
    """Uplinks from `at` on, in order of time; one seed, one sequence."""
    devices = speakers(assets, seed, at)
    heap: list[tuple[int, int, Uplink | None]]
    heap = [(device.next_at, n, None) for n, device in enumerate(devices)]
    heapq.heapify(heap)
    number = len(devices)
    while heap:
        _, n, waiting = heapq.heappop(heap)
        if waiting is not None:
            yield waiting
            continue
        device = devices[n]
        for uplink in device.speak():
            number += 1
            heapq.heappush(heap, (uplink.at, number, uplink))
        heapq.heappush(heap, (device.next_at, n, None))
