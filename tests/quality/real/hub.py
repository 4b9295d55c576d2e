"""What the hub says of real curves while it goes through them.

The hub's own backtest runs. The filter's state after each reading is kept, and asked
for what estimates.jsonl does not have: the level a day ahead, and the hours to 80 %.
"""

from collections import defaultdict
from collections.abc import Sequence
from copy import deepcopy
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from firmware_sim.clock import parse_time
from sensorhub.backtest.run import BacktestTask, backtest
from sensorhub.backtest.virtual import LoadedConfig
from sensorhub.estimate import record
from sensorhub.estimate.follow import LevelFindings
from sensorhub.estimate.forecast import HORIZON_H, FillDistribution, full_in
from sensorhub.estimate.law import Law
from sensorhub.estimate.usage import TimeZone, UsageProfiles, local_hours
from sensorhub.fleet import read_fleet
from sensorhub.hub.hub import Hub
from tests.quality.real.curves import F64, I64, Curve, Places
from tests.quality.real.feed import HERE, write

NAIVE = HERE.parent / "rules" / "naive.toml"
RULE = "bin_full"
MARK = 80.0  # %
FARTHEST_H = 168.0
GRID_H = np.arange(0.0, FARTHEST_H + 0.5, 0.5)
DAY = int(np.flatnonzero(GRID_H == 24)[0])
STATE = ("f", "ff", "gained", "days", "day_rate")


class Said(NamedTuple):
    """Of one container, a row a reading: moment (ms), level now and a day later (%),
    hours to 80 % and to full (a week at most); emptyings, a row each: from, until,
    decided at (ms); and when each rule raised (ms)."""

    at: I64
    now: F64
    later: F64
    to_mark: F64
    to_full: F64
    emptied: I64
    alerts: dict[str, list[int]]


class Watch:
    """Keeps what a hub's filters know after each reading, to be asked afterwards."""

    def __init__(self, hub: Hub, zone: TimeZone) -> None:
        self._registry, self._levels, self._zone = (
            hub.session.registry,
            hub.session.state.levels,
            zone,
        )
        self._kept: list[tuple[UsageProfiles, Places, I64, F64]] = []
        self._usage, self._shape = self._as_now()
        self._emptied: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
        self._levels.watch = self.seen

    def seen(self, row: Places, at: I64, found: LevelFindings) -> None:
        """A layer of level readings was taken: one of each device in `row`."""
        if self._levels.models.usage.shape is not self._shape:  # it learnt another week
            self._usage, self._shape = self._as_now()
        state = [self._levels.table[name][row] for name in STATE]
        self._kept.append((self._usage, row.copy(), at.copy(), np.stack(state)))
        for i in np.flatnonzero(found.emptied.which).tolist():
            asset = self._asset(int(row[i]))
            begin, end = int(found.emptied.begin[i]), int(found.emptied.end[i])
            self._emptied[asset].append((begin, end, int(at[i])))

    def _as_now(self) -> tuple[UsageProfiles, F64]:
        """The week that the hub goes by, kept as it is, and how to know it again."""
        usage = self._levels.models.usage
        return deepcopy(usage), usage.shape

    def _asset(self, device: int) -> str:
        return self._registry.asset_ids[int(self._registry.asset_of[device])]

    def said(self) -> dict[str, Said]:
        """All that was said, by asset."""
        rows: dict[str, list[F64]] = defaultdict(list)
        for usage, kept in groupby(self._kept, itemgetter(0)):
            _, row, at, state = zip(*kept, strict=True)
            devices, moments = np.concatenate(row), np.concatenate(at)
            said = self._outlook(usage, devices, moments, np.concatenate(state, axis=1))
            for device in np.unique(devices).tolist():
                rows[self._asset(device)].append(said[:, devices == device])
        found = {}
        for asset, parts in rows.items():
            columns = np.concatenate(parts, axis=1)
            emptied = np.array(self._emptied[asset], np.int64).reshape(-1, 3)
            at, now, later, to_mark, to_full = columns
            found[asset] = Said(
                at.astype(np.int64),
                *(now, later, to_mark, to_full),
                emptied=emptied,
                alerts=defaultdict(list),
            )
        return found

    def _outlook(self, usage: UsageProfiles, row: Places, at: I64, state: F64) -> F64:
        """Rows as in `Said` of the moments that went by one learnt week."""
        t = dict(zip(STATE, state, strict=True))
        law = Law(*self._levels.models.laws[:, self._levels.models.law_of[row]])
        people = law.population.astype(np.intp)
        local = local_hours(at, self._zone.offsets(at))
        now, settling = usage.warped(people, local), usage.settling[people]
        flat = record.uses_persistence(t, usage, people)
        growth = record.growth(t, flat)

        def days_in(hours: F64 | float) -> F64:
            days = usage.warped(people, local + hours) - now
            return np.where(flat, hours / HORIZON_H, days)

        kept = np.exp(-settling * GRID_H[:, None])
        days = np.stack([days_in(hours) for hours in GRID_H])
        level = t["f"] * kept + growth.rate * days * np.sqrt(kept)
        over = level >= MARK
        to_mark = np.where(over.any(0), GRID_H[np.argmax(over, axis=0)], FARTHEST_H)
        fill = FillDistribution(t["f"], t["ff"])
        hours = full_in(0.5, law, settling, fill, growth, days_in)
        to_full = np.nan_to_num(hours, nan=FARTHEST_H)
        return np.stack((at.astype(float), t["f"], level[DAY], to_mark, to_full))


def rules(shipped: str) -> str:
    """The shipped bin_full beside the naive rule, and nothing that watches for
    silence: containers whose record ended would be silent for ever."""
    _, *tables = shipped.split("[[rules]]")
    own = [table for table in tables if f'id = "{RULE}"' in table]
    return NAIVE.read_text() + "".join(f"\n[[rules]]{table}" for table in own)


def estimates(curves: Sequence[Curve]) -> dict[str, Said]:
    """What the hub says of each container, by its id; it sees no reading before its
    time."""
    watches: list[Watch] = []
    with TemporaryDirectory(prefix="real-") as name:
        folder = Path(name)
        write(curves, folder)
        kit = LoadedConfig.of(folder / "config")
        zone = TimeZone(kit.settings.timezone)
        fleet = read_fleet(folder / "fleet.csv", ZoneInfo(kit.settings.timezone))
        (found,) = backtest(
            BacktestTask(folder / "uplinks.jsonl", fleet, kit),
            [rules((folder / "config" / "rules.toml").read_text())],
            watch=lambda hub: watches.append(Watch(hub, zone)),
        )
    said = watches[0].said()
    for row in found.transitions:
        if row["to"] == "firing":
            said[row["asset"]].alerts[row["rule"]].append(parse_time(row["at"]))
    return said
