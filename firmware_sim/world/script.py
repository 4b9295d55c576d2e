"""What a scenario's script does to a town: which assets, from when, until when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from firmware_sim.rng import F64, I64, RandomStream
from firmware_sim.scenario.script import ScenarioEvent
from firmware_sim.town.fleet import Fleet
from firmware_sim.world.step_time import StepTime

HOUR_MS = 3_600_000
BIN_ONLY = ("stuck", "iced", "fire", "tipped", "threshold")
WARMER = 1.07  # times the smell a °C: twice for ten
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ActiveEvent:
    """An event of the script with its moments (epoch ms) and its assets' rows."""

    what: str
    amount: float
    hours: float
    at: int
    until: int
    rows: I64
    version: str = ""


class EventEffects:
    """What the script does now, a column of all assets each."""

    def __init__(self, rows: int) -> None:
        self.crowd: F64 = np.ones(rows)  # times deposits and visits
        self.heat: F64 = np.zeros(rows)  # °C on top
        self.fire: F64 = np.zeros(rows)  # °C inside; 0: none
        self.tilt: F64 = np.zeros(rows)  # °
        self.iced: F64 = np.zeros(rows)  # share of echoes
        self.smell: F64 = np.ones(rows)  # times sources
        self.strike: Mask = np.zeros(rows, np.bool_)
        self.silent: Mask = np.zeros(rows, np.bool_)

    def add(self, each: ActiveEvent) -> None:
        """One more event goes on."""
        rows, amount = each.rows, each.amount
        if each.what == "crowd":
            self.crowd[rows] *= amount
        elif each.what == "heat":
            self.heat[rows] += amount
            self.smell[rows] *= round(WARMER**amount, 6)
        elif each.what == "blocked":
            self.smell[rows] *= amount
        elif each.what in ("strike", "silent"):
            getattr(self, each.what)[rows] = True
        elif each.what in ("fire", "iced"):
            getattr(self, each.what)[rows] = amount
        elif each.what == "tipped":
            self.tilt[rows] = amount


class EventSchedule:
    """Turns events on and off; `now` holds what they do together."""

    def __init__(
        self, events: Sequence[ScenarioEvent], fleet: Fleet, begin: datetime, seed: int
    ) -> None:
        self._rows = fleet.rows
        self.now = EventEffects(fleet.rows)
        self._going: list[ActiveEvent] = []
        self._coming = [
            _happening(
                event, begin, _chosen(event, fleet, RandomStream(seed, "script", n))
            )
            for n, event in enumerate(events)
        ]

    def step(self, now: StepTime) -> tuple[list[ActiveEvent], list[ActiveEvent]]:
        """Which events began, and which ended, up to `now`."""
        begun = [each for each in self._coming if each.at <= now.at]
        ended = [each for each in self._going if each.until <= now.at]
        if begun or ended:
            self._coming = [each for each in self._coming if each.at > now.at]
            going = [each for each in self._going if each.until > now.at]
            self._going = [*going, *begun]
            self.now = EventEffects(self._rows)
            for each in self._going:
                self.now.add(each)
        return begun, ended


def _happening(event: ScenarioEvent, begin: datetime, rows: I64) -> ActiveEvent:
    """`begin` is the local start of the town."""
    midnight = datetime.combine(begin.date(), datetime.min.time(), begin.tzinfo)
    moment = midnight + timedelta(days=event.day - 1, hours=event.hour)
    at = round(moment.timestamp() * 1000)
    until = at + round(event.hours * HOUR_MS)
    span = (event.hours, at, until)
    return ActiveEvent(event.what, event.size, *span, rows, event.version)


def _chosen(event: ScenarioEvent, fleet: Fleet, stream: RandomStream) -> I64:
    """The rows that an event is about; one at least, where there is one."""
    mine = np.ones(fleet.rows, np.bool_)
    if event.zones:
        mine &= np.isin(fleet.zone + 1, event.zones)
    if event.assets:
        mine &= np.isin(fleet.assets, event.assets)
    if event.kind == "bin" or event.what in BIN_ONLY:
        mine[fleet.bins :] = False
    if event.kind == "toilet" or event.what == "blocked":
        mine[: fleet.bins] = False
    drawn = mine & stream.happens(event.share, fleet.rows)
    rows = np.flatnonzero(drawn)
    return rows if len(rows) else np.flatnonzero(mine)[:1]


def local_start(start: datetime, zone: str) -> datetime:
    """When the town begins, on its own clocks."""
    return start.astimezone(ZoneInfo(zone))
