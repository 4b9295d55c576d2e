"""The town's register and rounds as files for a hub to import."""

import csv
import io
from typing import NamedTuple

from firmware_sim.scenario import Scenario
from firmware_sim.town.fleet import Fleet
from firmware_sim.town.roster import WEEKDAYS, CollectionRound, tag

COLUMNS = (
    "zone",
    "zone_name",
    "site",
    "site_name",
    "asset",
    "kind",
    "capacity_l",
    "empty_mm",
    "full_mm",
    "device",
    "profile",
    "interval_s",
    "tags",
)
VOLUMES = "volumes"  # only in towns with more than one shape
ASSETS_A_SITE = 20


def fleet_csv(fleet: Fleet, scenario: Scenario) -> str:
    """Return the register for `sensorhub fleet import`, one row per device."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    extra = (VOLUMES,) if scenario.shapes else ()
    writer.writerow((*COLUMNS, *extra))
    for row in range(fleet.rows):
        number = fleet.asset_row[row] // ASSETS_A_SITE + 1
        zone, site = fleet.zone_id(row), f"site{number:04d}-{fleet.zone[row]}"
        asset = _asset(fleet, scenario, row)
        values: list[object] = [zone, f"Zone {fleet.zone[row] + 1}", site]
        values += [f"Site {site[4:]}", fleet.assets[row], asset.kind]
        values += [asset.capacity_l, asset.empty_mm, asset.full_mm]
        values += [fleet.devices[row], fleet.families[row], asset.interval_s]
        values += [asset.tags, *(fleet.points(row) for _ in extra)]
        writer.writerow(values)
    return text.getvalue()


class _AssetColumns(NamedTuple):
    kind: str
    interval_s: int
    tags: str = ""
    capacity_l: int | None = None
    empty_mm: int | None = None
    full_mm: int | None = None


def _bin(fleet: Fleet, row: int) -> _AssetColumns:
    shapes = fleet.shapes
    full = round(shapes.head_cm[row] * 10)
    empty = full + round(shapes.height_cm[row] * 10)
    return _AssetColumns(
        kind=shapes.kind[row],
        interval_s=round(fleet.period_min[row] * 60),
        tags=tag(int(fleet.visits[row])),
        capacity_l=round(shapes.volume_l[row]),
        empty_mm=empty,
        full_mm=full,
    )


def _asset(fleet: Fleet, scenario: Scenario, row: int) -> _AssetColumns:
    if row < fleet.bins:
        return _bin(fleet, row)
    first = row == fleet.asset_row[row]
    minutes = scenario.gas.report_min if first else scenario.fixtures.report_min
    return _AssetColumns("toilet", round(minutes * 60))


def rounds_toml(fleet: Fleet, rounds: list[CollectionRound]) -> str:
    """Return the rounds as `[[rounds]]` tables in TOML, with local times."""
    parts = []
    kinds = sorted(set(fleet.shapes.kind))
    for each, kind in ((each, kind) for each in rounds for kind in kinds):
        days = ", ".join(f'"{WEEKDAYS[day]}"' for day in each.weekdays)
        parts.append(
            f'[[rounds]]\nzone = "zone{each.zone + 1:02d}"\nkind = "{kind}"\n'
            f'tags = ["{tag(each.visits)}"]\nweekdays = [{days}]\n'
            f'times = ["{each.time}"]\n'
        )
    return "\n".join(parts)
