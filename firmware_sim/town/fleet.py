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
    """Devices as rows: one per bin, then one per toilet, then auxiliary sensors."""

    bins: int
    toilets: int
    asset_row: NDArray[np.int64]  # by row: of the first device on the same asset
    assets: tuple[str, ...]  # by row
    devices: tuple[str, ...]
    zone: NDArray[np.int64]  # by row
    gateway: NDArray[np.int64]  # by row
    rate: F64  # by bin: % of the volume a mean day, gross
    visits: NDArray[np.int64]  # by bin: rounds a week
    settling: F64  # by bin: share of the fill an hour
    period_min: F64  # by bin: report period
    families: tuple[str, ...]  # by row: also the hub's profile
    shapes: BinShapes  # by bin

    @property
    def rows(self) -> int:
        """Number of devices."""
        return len(self.assets)

    def devices_of(self, row: int) -> list[int]:
        """Return the rows of all devices on the asset of row `row`."""
        last = self.bins + self.toilets
        auxiliary = np.flatnonzero(self.asset_row[last:] == row) + last
        return [row, *auxiliary.tolist()]

    def is_native(self, row: int) -> bool:
        """Return whether a device sends native JSON."""
        return self.families[row] == NATIVE

    def points(self, row: int) -> str:
        """Return the volume points of an asset for a register; empty if it has none."""
        return self.shapes.points(row) if row < self.bins else ""

    def keeps_counter(self) -> NDArray[np.bool_]:
        """Return which devices keep their counter at the start: native ones.

        LoRaWAN devices join and begin at 0.
        """
        return np.array([self.is_native(row) for row in range(self.rows)], np.bool_)

    def zone_id(self, row: int) -> str:
        """Return the id of the zone of an asset."""
        return f"zone{self.zone[row] + 1:02d}"

    def gateway_ids(self) -> list[str]:
        """Return the gateway id of each device."""
        return [self.gateway_id(number) for number in self.gateway.tolist()]

    def gateway_id(self, number: int) -> str:
        """Return the EUI of a gateway."""
        return f"24e124fffef0{number:04x}"


def _families(scenario: Scenario, seed: int) -> tuple[str, ...]:
    """Draw the family of each first device by the shares of the scenario."""
    stream, found = RandomStream(seed, "families"), list[str]()
    town, shares = scenario.town, scenario.families
    for n, share in ((town.bins, shares.bin), (town.toilets, shares.toilet)):
        names = list(share)
        bounds = np.cumsum(list(share.values())) / sum(share.values())
        drawn = np.searchsorted(bounds[:-1], stream.uniform(n), "right")
        found += [names[i] for i in drawn.tolist()]
    return tuple(found)


def _auxiliary(scenario: Scenario, seed: int) -> tuple[NDArray[np.int64], list[str]]:
    """Draw the auxiliary devices: the row of their toilet, and their family."""
    stream, town = RandomStream(seed, "beside"), scenario.town
    rows, families = [np.zeros(0, np.int64)], list[str]()
    for family, share in scenario.families.beside.items():
        toilets = np.flatnonzero(stream.happens(share, town.toilets))
        rows.append(toilets + town.bins)
        families += [family] * len(toilets)
    return np.concatenate(rows), families


def _device(row: int, bins: int, family: str) -> str:
    """Return a native device name, or a DevEUI of the family's vendor."""
    if family != NATIVE:
        oui = (MODELS.get(family) or AUXILIARY[family]).oui
        return f"{oui}{row * 7919 + 1:010x}"
    return f"level-{row + 1:05d}" if row < bins else f"room-{row - bins + 1:04d}"


def make_fleet(scenario: Scenario, seed: int) -> Fleet:
    """Draw the town's assets and devices; one scenario and seed give one fleet."""
    town, bins = scenario.town, scenario.town.bins
    auxiliary, auxiliary_families = _auxiliary(scenario, seed)
    asset_row = np.concatenate([np.arange(bins + town.toilets), auxiliary])
    rows = len(asset_row)
    stream = RandomStream(seed, "fleet")
    rate = scenario.bin.rate_median * stream.lognormal(scenario.bin.rate_sigma, bins)
    rate = np.clip(rate, scenario.bin.rate_min, scenario.bin.rate_max)
    rate = np.round(rate, 2)
    zone = asset_row % town.zones
    families = (*_families(scenario, seed), *auxiliary_families)
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
    """Draw the report period of each bin in whole measurements, minutes."""
    interval = scenario.report.measure_min
    period = stream.between(*scenario.report.period_min, bins)
    return np.maximum(np.round(period / interval), 1) * interval
