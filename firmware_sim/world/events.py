"""Scripted events of a scenario applied to a town: which assets, and when."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from firmware_sim.rng import F64, I64, RandomStream
from firmware_sim.scenario.events import ScenarioEvent
from firmware_sim.town.fleet import Fleet
from firmware_sim.world.step_time import StepTime

HOUR_MS = 3_600_000
BIN_ONLY = ("stuck", "iced", "fire", "tipped", "threshold")
SMELL_PER_K = 1.07  # factor of smell per °C: doubles in ten degrees
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ActiveEvent:
    """An event with its begin and end (epoch ms) and the rows of its assets."""

    what: str
    amount: float
    hours: float
    at: int
    until: int
    rows: I64
    version: str = ""


class EventChanges(NamedTuple):
    """The events that began and ended in a step."""

    begun: list[ActiveEvent]
    ended: list[ActiveEvent]

    def all(self) -> Iterator[tuple[ActiveEvent, bool]]:
        """Yield each event, and whether it begins."""
        yield from ((event, True) for event in self.begun)
        yield from ((event, False) for event in self.ended)


class EventEffects:
    """The joint effects of active events, one column of all devices each."""

    def __init__(self, rows: int) -> None:
        self.crowd: F64 = np.ones(rows)  # factor of deposits and visits
        self.heat: F64 = np.zeros(rows)  # °C added
        self.fire: F64 = np.zeros(rows)  # °C inside; 0: none
        self.tilt: F64 = np.zeros(rows)  # °
        self.iced: F64 = np.zeros(rows)  # share of echoes
        self.smell: F64 = np.ones(rows)  # factor of sources
        self.strike: Mask = np.zeros(rows, np.bool_)
        self.silent: Mask = np.zeros(rows, np.bool_)

    def add(self, event: ActiveEvent) -> None:
        """Add the effect of an event."""
        rows, amount = event.rows, event.amount
        if event.what == "crowd":
            self.crowd[rows] *= amount
        elif event.what == "heat":
            self.heat[rows] += amount
            self.smell[rows] *= round(SMELL_PER_K**amount, 6)
        elif event.what == "blocked":
            self.smell[rows] *= amount
        elif event.what in ("strike", "silent"):
            getattr(self, event.what)[rows] = True
        elif event.what in ("fire", "iced"):
            getattr(self, event.what)[rows] = amount
        elif event.what == "tipped":
            self.tilt[rows] = amount


class EventSchedule:
    """Begins and ends events; `effects`: the effects of those active now."""

    def __init__(
        self, events: Sequence[ScenarioEvent], fleet: Fleet, begin: datetime, seed: int
    ) -> None:
        self._rows = fleet.rows
        self.effects = EventEffects(fleet.rows)
        self._active: list[ActiveEvent] = []
        self._planned = [
            _planned(event, begin, _rows(event, fleet, RandomStream(seed, "script", n)))
            for n, event in enumerate(events)
        ]

    def step(self, now: StepTime) -> EventChanges:
        """Begin and end events up to `now`."""
        begun = [event for event in self._planned if event.at <= now.at]
        ended = [event for event in self._active if event.until <= now.at]
        if begun or ended:
            self._planned = [event for event in self._planned if event.at > now.at]
            remaining = [event for event in self._active if event.until > now.at]
            self._active = [*remaining, *begun]
            self.effects = EventEffects(self._rows)
            for event in self._active:
                self.effects.add(event)
        return EventChanges(begun, ended)


def _planned(event: ScenarioEvent, begin: datetime, rows: I64) -> ActiveEvent:
    """Resolve an event's times; `begin`: local start of the town."""
    midnight = datetime.combine(begin.date(), datetime.min.time(), begin.tzinfo)
    moment = midnight + timedelta(days=event.day - 1, hours=event.hour)
    at = round(moment.timestamp() * 1000)
    return ActiveEvent(
        what=event.what,
        amount=event.size,
        hours=event.hours,
        at=at,
        until=at + round(event.hours * HOUR_MS),
        rows=rows,
        version=event.version,
    )


def _rows(event: ScenarioEvent, fleet: Fleet, stream: RandomStream) -> I64:
    """Return the rows that an event concerns, at least one if any is eligible."""
    eligible = np.ones(fleet.rows, np.bool_)
    if event.zones:
        eligible &= np.isin(fleet.zone + 1, event.zones)
    if event.assets:
        eligible &= np.isin(fleet.assets, event.assets)
    if event.kind == "bin" or event.what in BIN_ONLY:
        eligible[fleet.bins :] = False
    if event.kind == "toilet" or event.what == "blocked":
        eligible[: fleet.bins] = False
    drawn = eligible & stream.happens(event.share, fleet.rows)
    rows = np.flatnonzero(drawn)
    return rows if len(rows) else np.flatnonzero(eligible)[:1]


def local_start(start: datetime, zone: str) -> datetime:
    """Return the start of the town in its local time."""
    return start.astimezone(ZoneInfo(zone))
