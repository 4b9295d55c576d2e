"""Assets and devices of a scenario as columns, drawn from its seed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmware_sim.families.auxiliary import AUXILIARY
from firmware_sim.families.catalogue import MODELS, NATIVE
from firmware_sim.rng import F64, RandomStream
from firmware_sim.scenario import Scenario
from firmware_sim.town.roster import visits_a_week
from firmware_sim.town.shapes import BinShapes, make_shapes

GATEWAYS_A_ZONE = 2


@dataclass(frozen=True, slots=True)
class Fleet:
    """Devices as rows: one on each bin, then on each toilet, then those beside."""

    bins: int
    toilets: int
    asset_row: NDArray[np.int64]  # by row: the row of the first device on its asset
    assets: tuple[str, ...]  # by row
    devices: tuple[str, ...]
    zone: NDArray[np.int64]  # by row
    gateway: NDArray[np.int64]  # by row
    rate: F64  # by bin: % of the volume a mean day, gross
    visits: NDArray[np.int64]  # by bin: rounds a week
    settling: F64  # by bin: share of the fill an hour
    period_min: F64  # by bin: of its reports
    families: tuple[str, ...]  # by row: the hub's profiles, too
    shapes: BinShapes  # by bin

    @property
    def rows(self) -> int:
        """How many devices there are."""
        return len(self.assets)

    def devices_of(self, row: int) -> list[int]:
        """The rows of all devices on the asset of row `row`."""
        last = self.bins + self.toilets
        beside = np.flatnonzero(self.asset_row[last:] == row) + last
        return [row, *beside.tolist()]

    def is_native(self, row: int) -> bool:
        """Whether a device speaks native JSON."""
        return self.families[row] == NATIVE

    def points(self, row: int) -> str:
        """The points of an asset's shape for a register; empty where it has none."""
        return self.shapes.points(row) if row < self.bins else ""

    def keeps_counter(self) -> NDArray[np.bool_]:
        """Who goes on counting uplinks at the start: native ones; LoRaWAN ones join."""
        return np.array([self.is_native(row) for row in range(self.rows)], np.bool_)

    def zone_id(self, row: int) -> str:
        """The id of the zone that an asset lies in."""
        return f"zone{self.zone[row] + 1:02d}"

    def gateway_ids(self) -> list[str]:
        """The gateway of each device."""
        return [self.gateway_id(number) for number in self.gateway.tolist()]

    def gateway_id(self, number: int) -> str:
        """The EUI of a gateway."""
        return f"24e124fffef0{number:04x}"


def _families(scenario: Scenario, seed: int) -> tuple[str, ...]:
    """Each device's family, by the shares of the scenario."""
    stream, found = RandomStream(seed, "families"), list[str]()
    town, shares = scenario.town, scenario.families
    for n, told in ((town.bins, shares.bin), (town.toilets, shares.toilet)):
        names = list(told)
        bounds = np.cumsum(list(told.values())) / sum(told.values())
        drawn = np.searchsorted(bounds[:-1], stream.uniform(n), "right")
        found += [names[i] for i in drawn.tolist()]
    return tuple(found)


def _beside(scenario: Scenario, seed: int) -> tuple[NDArray[np.int64], list[str]]:
    """The toilets (rows) that have a device beside the first, and its family."""
    stream, town = RandomStream(seed, "beside"), scenario.town
    rows, families = [np.zeros(0, np.int64)], list[str]()
    for family, share in scenario.families.beside.items():
        mine = np.flatnonzero(stream.happens(share, town.toilets))
        rows.append(mine + town.bins)
        families += [family] * len(mine)
    return np.concatenate(rows), families


def _device(row: int, bins: int, family: str) -> str:
    """A native name, or a DevEUI of the family's vendor."""
    if family != NATIVE:
        oui = (MODELS.get(family) or AUXILIARY[family]).oui
        return f"{oui}{row * 7919 + 1:010x}"
    return f"level-{row + 1:05d}" if row < bins else f"room-{row - bins + 1:04d}"


def make_fleet(scenario: Scenario, seed: int) -> Fleet:
    """The town's assets and devices; the same for the same scenario and seed."""
    town, bins = scenario.town, scenario.town.bins
    beside, others = _beside(scenario, seed)
    asset_row = np.concatenate([np.arange(bins + town.toilets), beside])
    rows = len(asset_row)
    stream = RandomStream(seed, "fleet")
    rate = scenario.bin.rate_median * stream.lognormal(scenario.bin.rate_sigma, bins)
    rate = np.clip(rate, scenario.bin.rate_min, scenario.bin.rate_max)
    rate = np.round(rate, 2)
    zone = asset_row % town.zones
    families = (*_families(scenario, seed), *others)
    half = (stream.uniform(rows) < 0.5).astype(np.int64)
    return Fleet(
        bins=bins,
        toilets=town.toilets,
        asset_row=asset_row,
        assets=tuple(
            f"bin{n + 1:05d}" if n < bins else f"wc{n - bins + 1:04d}"
            for n in asset_row.tolist()
        ),
        devices=tuple(_device(n, bins, family) for n, family in enumerate(families)),
        zone=zone,
        gateway=zone * GATEWAYS_A_ZONE + half,
        rate=rate,
        visits=visits_a_week(rate, scenario.emptying.plan_fill),
        settling=np.round(stream.between(*scenario.deposits.settling, bins), 5),
        period_min=_periods(scenario, stream, bins),
        families=families,
        shapes=make_shapes(scenario, seed),
    )


def _periods(scenario: Scenario, stream: RandomStream, bins: int) -> F64:
    """Each device's report period in whole measurements, minutes."""
    every = scenario.report.measure_min
    period = stream.between(*scenario.report.period_min, bins)
    return np.maximum(np.round(period / every), 1) * every
