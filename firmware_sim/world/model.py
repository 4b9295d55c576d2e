"""The physical world of a town: weather, events, crews, bins and toilets."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from firmware_sim.rng import F64
from firmware_sim.scenario import Scenario
from firmware_sim.town.fleet import Fleet
from firmware_sim.town.roster import CollectionRound
from firmware_sim.world.bins import Bins
from firmware_sim.world.calendar import SeasonalDemand
from firmware_sim.world.crews import CrewSchedule, CrewVisit
from firmware_sim.world.events import EventChanges, EventSchedule, local_start
from firmware_sim.world.fixtures import LeakChange, ToiletFixtures
from firmware_sim.world.rain import RainChange, RainModel
from firmware_sim.world.step_time import StepTime
from firmware_sim.world.toilets import Cleaning, Toilets
from firmware_sim.world.weather import Weather, indoor_celsius


class ServedVisit(NamedTuple):
    """A visit of a crew, and what it found at the bin."""

    visit: CrewVisit
    fill: float  # % before
    beside_l: float  # litres beside the bin before


class WorldStep(NamedTuple):
    """What happened in the world during a step."""

    events: EventChanges
    gain: F64  # % deposited, by bin
    visits: list[ServedVisit]
    cleanings: list[Cleaning]
    rain_changes: list[RainChange]
    leaks: list[LeakChange]


class WorldModel:
    """All assets and their surroundings; `celsius`: outdoor air by device row."""

    def __init__(
        self,
        scenario: Scenario,
        fleet: Fleet,
        rounds: list[CollectionRound],
        seed: int,
    ) -> None:
        self._fleet = fleet
        n, zones = scenario.town.toilets, scenario.town.zones
        self.bins = Bins(scenario, fleet, seed)
        self.toilets = Toilets(scenario.toilet, n, seed)
        self.fixtures = ToiletFixtures(scenario.fixtures, n, seed)
        self.toilet_rows = slice(fleet.bins, fleet.bins + fleet.toilets)
        self.has_fixtures = fleet.rows > self.toilet_rows.stop
        self.celsius: F64 = np.zeros(fleet.rows)
        begin = local_start(scenario.town.start, scenario.town.timezone)
        self._events = EventSchedule(scenario.events, fleet, begin, seed)
        self.effects = self._events.effects
        self._demand = SeasonalDemand(scenario.calendar)
        self._rain = RainModel(scenario.rain, zones, seed)
        self._weather = Weather(zones, seed)
        self._crews = CrewSchedule(fleet, rounds, scenario.emptying, seed)

    def step(self, now: StepTime) -> WorldStep:
        """Advance the world by one step, to `now`."""
        events = self._events.step(now)
        self.effects = effects = self._events.effects
        zone, n, rows = self._fleet.zone, self._fleet.bins, self.toilet_rows
        celsius = self._weather.step(now)[zone] + effects.heat
        self.celsius = np.where(effects.fire > 0, effects.fire, celsius)
        visits = [self._serve(visit) for visit in self._crew_visits(now)]
        rain_changes = self._rain.step()
        crowd = effects.crowd * self._demand.factor(now) * self._rain.factor(zone)
        gain = self.bins.step(now, crowd[:n])
        cleanings = self.toilets.step(
            now, crowd[rows], effects.smell[rows], effects.strike[rows]
        )
        leaks: list[LeakChange] = []
        if self.has_fixtures:
            leaks = self.fixtures.step(self.toilets.inside, cleanings)
        return WorldStep(events, gain, visits, cleanings, rain_changes, leaks)

    def toilet_celsius(self) -> F64:
        """Return the air temperature in toilets, °C."""
        return indoor_celsius(self.celsius[self.toilet_rows])

    def toilet_humidity(self) -> F64:
        """Return the humidity in toilets, %."""
        return self._rain.humidity(self._fleet.zone[self.toilet_rows])

    def _crew_visits(self, now: StepTime) -> Iterator[CrewVisit]:
        """Yield the visits of crews; during a strike their rounds are missed."""
        for visit in self._crews.step(now):
            if not self.effects.strike[visit.row]:
                yield visit
            elif visit.cause != "unscheduled":
                yield visit._replace(cause="missed")

    def _serve(self, visit: CrewVisit) -> ServedVisit:
        """Empty the bin of a visit unless it was missed."""
        before = float(self.bins.fill[visit.row])
        beside_l = float(self.bins.beside_l[visit.row])
        if visit.cause != "missed":
            left = min(visit.left, before)
            self.bins.empty(np.array([visit.row]), np.array([left]))
            visit = visit._replace(left=left)
        return ServedVisit(visit, before, beside_l)
