"""The town's register and rounds, as files that a hub imports."""

import csv
import io

from firmware_sim.scenario import Scenario
from firmware_sim.town.fleet import Fleet
from firmware_sim.town.roster import WEEKDAYS, CollectionRound, tag

COLUMNS = (
    *("zone", "zone_name", "site", "site_name", "asset", "kind"),
    *("capacity_l", "empty_mm", "full_mm"),
    *("device", "profile", "interval_s", "tags"),
)
VOLUMES = "volumes"  # only in towns with more than the usual shape
SITE = 20  # assets a site


def fleet_csv(fleet: Fleet, scenario: Scenario) -> str:
    """The register for `sensorhub fleet import`, one row a device."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    bent = (VOLUMES,) if scenario.shapes else ()
    writer.writerow((*COLUMNS, *bent))
    for row in range(fleet.rows):
        number = fleet.asset_row[row] // SITE + 1
        zone, site = fleet.zone_id(row), f"site{number:04d}-{fleet.zone[row]}"
        kind, shape, interval_s, tags = _what(fleet, scenario, row)
        writer.writerow(
            (
                *(zone, f"Zone {fleet.zone[row] + 1}", site, f"Site {site[4:]}"),
                *(fleet.assets[row], kind, *shape),
                *(fleet.devices[row], fleet.families[row], interval_s, tags),
                *(fleet.points(row) for _ in bent),
            )
        )
    return text.getvalue()


Row = tuple[str, tuple[object, ...], int, str]


def _bin(fleet: Fleet, row: int) -> Row:
    shapes = fleet.shapes
    full = round(shapes.head_cm[row] * 10)
    empty = full + round(shapes.height_cm[row] * 10)
    shape = (round(shapes.volume_l[row]), empty, full)
    interval = round(fleet.period_min[row] * 60)
    return shapes.kind[row], shape, interval, tag(int(fleet.visits[row]))


def _what(fleet: Fleet, scenario: Scenario, row: int) -> Row:
    if row < fleet.bins:
        return _bin(fleet, row)
    first = row == fleet.asset_row[row]
    every = scenario.gas.report_min if first else scenario.fixtures.report_min
    return "toilet", ("", "", ""), round(every * 60), ""


def rounds_toml(fleet: Fleet, rounds: list[CollectionRound]) -> str:
    """The rounds as `[[rounds]]` tables, local times."""
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
