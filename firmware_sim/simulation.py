"""The loop: the world moves, sensors look, firmware reports, the link carries.

One step is five minutes of all assets at once. The same loop makes a trace and feeds a
live broker.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import numpy as np

from firmware_sim.firmware.auxiliary import ToiletConditions
from firmware_sim.firmware.battery import Batteries
from firmware_sim.firmware.devices import Devices
from firmware_sim.firmware.frame import DeviceFrame
from firmware_sim.firmware.installed import InstalledVersions
from firmware_sim.firmware.level import LevelConditions
from firmware_sim.firmware.orders import (
    CommandQueue,
    ExecutedCommand,
    PendingCommand,
    of_script,
)
from firmware_sim.firmware.restarts import DeviceClocks
from firmware_sim.firmware.room import ToiletValues
from firmware_sim.firmware.sessions import NetworkSessions
from firmware_sim.link.channel import DeliveredFrame, GatewayChange, LostFrame
from firmware_sim.link.noise import ForeignMessage
from firmware_sim.link.radio_path import RadioPath
from firmware_sim.rng import F64, I64
from firmware_sim.scenario import Scenario
from firmware_sim.sensors.echo import EchoSensors
from firmware_sim.sensors.fault_interval import FaultChange
from firmware_sim.sensors.gas import GasCells
from firmware_sim.town.fleet import make_fleet
from firmware_sim.town.roster import rounds
from firmware_sim.world.bins import Bins
from firmware_sim.world.calendar import SeasonalDemand
from firmware_sim.world.crews import CrewSchedule, CrewVisit
from firmware_sim.world.fixtures import ToiletFixtures
from firmware_sim.world.rain import RainChange, RainModel
from firmware_sim.world.script import ActiveEvent, EventSchedule, Mask, local_start
from firmware_sim.world.step_time import (
    STEP_H,
    STEP_MS,
    STEPS_A_DAY,
    StepTime,
    step_time,
)
from firmware_sim.world.toilets import Cleaning, Toilets
from firmware_sim.world.weather import Weather

SPILT, BURNT = 0.9, 0.7  # share of the fill
FAULTS = {"silent": "offline", "iced": "obstructed"}  # how the script's are labelled


def indoors(celsius: F64) -> F64:
    """The air of toilets, by that outside."""
    return celsius * 0.5 + 10


Found = tuple[CrewVisit, float, float]  # with % and litres beside before


@dataclass(slots=True)
class SimulationStep:
    """All that happened up to `now`."""

    now: StepTime
    gain: F64  # % thrown in, by bin
    visits: list[Found] = field(default_factory=list)
    cleanings: list[Cleaning] = field(default_factory=list)
    showers: list[RainChange] = field(default_factory=list)
    spells: list[FaultChange] = field(default_factory=list)
    outages: list[GatewayChange] = field(default_factory=list)
    begun: list[ActiveEvent] = field(default_factory=list)
    restarted: list[int] = field(default_factory=list)  # rows
    obeyed: list[ExecutedCommand] = field(default_factory=list)
    carried: list[DeliveredFrame | LostFrame] = field(default_factory=list)
    foreign: list[ForeignMessage] = field(default_factory=list)


class Simulation:
    """A town from its scenario and seed; `steps` turns it forward."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.fleet = make_fleet(scenario, seed)
        fleet, n = self.fleet, scenario.town.toilets
        self.start = round(scenario.town.start.timestamp() * 1000)
        self.zone = ZoneInfo(scenario.town.timezone)
        self.rounds = rounds(fleet.zone[: fleet.bins], fleet.visits, scenario.emptying)
        self.bins = Bins(scenario, fleet, seed)
        self.toilets = Toilets(scenario.toilet, n, seed)
        self.fixtures = ToiletFixtures(scenario.fixtures, n, seed)
        self._year = SeasonalDemand(scenario.calendar)
        self._rain = RainModel(scenario.rain, scenario.town.zones, seed)
        self._weather = Weather(scenario.town.zones, seed)
        self._crews = CrewSchedule(fleet, self.rounds, scenario.emptying, seed)
        self._echo = EchoSensors(scenario, fleet.shapes, seed)
        self._cells = GasCells(scenario.gas, n, fleet.bins, seed)
        begin = local_start(scenario.town.start, scenario.town.timezone)
        self._script = EventSchedule(scenario.events, fleet, begin, seed)
        self.batteries = Batteries(scenario.battery, fleet.rows, seed)
        self._installed = InstalledVersions(scenario.firmware.versions, fleet, seed)
        self._devices = Devices(scenario, fleet, seed, self._installed)
        self._restarts = DeviceClocks(scenario.firmware, fleet.rows, seed)
        self._sessions = NetworkSessions(fleet, seed)
        self.period_ms = self._devices.periods_ms(scenario)
        self._way = RadioPath(scenario, fleet, seed, self.period_ms)
        self._orders = CommandQueue(fleet, self._devices, self.period_ms)
        self._rooms = slice(fleet.bins, fleet.bins + fleet.toilets)
        self.has_fixtures = fleet.rows > self._rooms.stop

    def steps(self, days: int) -> Iterator[SimulationStep]:
        """Every step of so many days."""
        for number in range(days * STEPS_A_DAY):
            now = step_time(self.start + (number + 1) * STEP_MS, number, self.zone)
            yield self._step(now)

    def _step(self, now: StepTime) -> SimulationStep:
        happened = self._script.step(now)
        does, n = self._script.now, self.fleet.bins
        celsius = self._weather.step(now)[self.fleet.zone] + does.heat
        celsius = np.where(does.fire > 0, does.fire, celsius)
        visits = [self._visit(visit) for visit in self._come(now)]
        showers, zone = self._rain.step(), self.fleet.zone
        crowd = does.crowd * self._year.factor(now) * self._rain.factor(zone)
        step = SimulationStep(now, self.bins.step(now, crowd[:n]), visits)
        step.showers = showers
        mine = self._rooms
        rooms = (crowd[mine], does.smell[mine], does.strike[mine])
        step.cleanings = self.toilets.step(now, *rooms)
        step.spells = [*self._echo.age(STEP_H), *self._cells.age(STEP_H)]
        step.spells += self._use_fixtures(step)
        step.spells += self.batteries.step(now.number)
        step.outages = self._way.channel.step(now)
        dropped = self._happen(step, *happened)
        self._restart(step, *happened)
        self._age_flaws(step)
        running = self.batteries.alive & ~does.silent
        reached = running & ~self._way.channel.dark()
        again = [*step.restarted, *dropped]
        versions = self._installed.name
        news = [*self._sessions.step(now, again, reached, versions)]
        speaks = running & self._sessions.up
        frames = [*self._bin_frames(now, celsius, speaks)]
        frames += self._room_frames(now, celsius, speaks)
        frames += self._beside_frames(now, celsius, speaks)
        frames += self._sessions.hello(news, self._devices.next_seq)
        frames += self._way.stored(now.at - STEP_MS, speaks, self._devices.next_seq)
        frames, news = self._restarts.stamp(frames), self._restarts.stamp(news)
        if self._installed.any:
            frames = [self._installed.stamp(frame) for frame in frames]
        step.obeyed, said = self._orders.obey(frames, versions)
        news += [frame for frame in said if not frame.port]
        frames += [frame for frame in said if frame.port]
        step.carried, step.foreign = self._way.carry(frames, news)
        return step

    def _use_fixtures(self, step: SimulationStep) -> list[FaultChange]:
        """Leaks, where there are sensors beside the first ones."""
        if not self.has_fixtures:
            return []
        leaks = self.fixtures.step(self.toilets.inside, step.cleanings)
        return [FaultChange(row + self.fleet.bins, on, "leak") for row, on in leaks]

    def order(self, row: int, order: PendingCommand) -> None:
        """Let an order wait for a device."""
        self._orders.give(row, order)

    def close(self) -> list[LostFrame]:
        """What devices still keep at the end."""
        return self._way.close()

    def leftovers(self) -> list[ForeignMessage]:
        """What the broker gives a hub that subscribes at the start."""
        return self._way.leftovers(self.start)

    def _restart(
        self, step: SimulationStep, begun: list[ActiveEvent], ended: list[ActiveEvent]
    ) -> None:
        """Some devices restart: by themselves, by a new battery or version, woken."""
        woken = np.zeros(self.fleet.rows, np.bool_)
        woken[self.batteries.changed] = True
        woken[list(self._orders.restarts)] = True
        self._orders.restarts.clear()
        for each in ended:
            woken[each.rows] |= each.what == "silent"
        for happened, on in ((begun, True), (ended, False)):
            for each in happened:
                if each.what == "update":
                    made = self._installed
                    change = made.install if on else made.take_back
                    woken[change(each.rows, each.version)] = True
        running = self.batteries.alive & ~self._script.now.silent
        rows = self._restarts.step(step.now, running, woken & running)
        step.restarted = rows.tolist()
        if not len(rows):
            return
        gas = self.scenario.gas
        self._devices.restart(rows, self.toilets.entered)
        _, rooms, _ = self._devices.split(rows)
        _, cold, _ = self._devices.split(self.batteries.changed)
        step.spells += self._cells.restart(rooms, gas.restart_min / 60)
        step.spells += self._cells.restart(cold, gas.power_up_hours)

    def _age_flaws(self, step: SimulationStep) -> None:
        """Flaws of firmware begin, and end with a restart."""
        first = self.fleet.bins
        spells, sticks = self._installed.step(step.restarted)
        rows = np.array([row for row in step.restarted if row < first], np.int64)
        step.spells += spells
        step.spells += self._echo.release(rows)
        step.spells += self._echo.hold(sticks, np.inf)

    def _happen(
        self, step: SimulationStep, begun: list[ActiveEvent], ended: list[ActiveEvent]
    ) -> list[int]:
        """What the script begins and ends, beyond its effects on columns.

        Answers whose sessions are lost.
        """
        step.begun = begun
        dropped: list[int] = []
        self._echo.iced = self._script.now.iced[: self.fleet.bins]
        for each in begun:
            if each.what == "gateway_dead":
                dark = np.unique(self.fleet.gateway[each.rows])
                step.outages += self._way.channel.put_out(dark, each.hours)
            elif each.what == "stuck":
                step.spells += self._echo.hold(each.rows, each.hours)
            elif each.what == "tipped":
                self.bins.lose(each.rows, SPILT)
            elif (order := of_script(each)) is not None:
                for row in each.rows.tolist():
                    self.order(row, order)
            elif each.what == "sessions_lost":
                dropped += self._drop(each.rows)
        for each in ended:
            if each.what == "fire":
                self.bins.lose(each.rows, BURNT)
        for happened, on in ((begun, True), (ended, False)):
            for each in happened:
                if fault := FAULTS.get(each.what):
                    step.spells += [
                        FaultChange(row, on, fault) for row in each.rows.tolist()
                    ]
        return dropped

    def _drop(self, rows: I64) -> list[int]:
        """Sessions are lost: LoRaWAN devices count anew, native ones go on."""
        joining = rows[~self.fleet.counting()[rows]]
        self._restarts.join_anew(joining)
        self._devices.count_anew(joining)
        return list(rows.tolist())

    def _come(self, now: StepTime) -> Iterator[CrewVisit]:
        """The crews' visits; on strike they miss their rounds."""
        for visit in self._crews.step(now):
            if not self._script.now.strike[visit.row]:
                yield visit
            elif visit.cause != "unscheduled":
                yield visit._replace(cause="missed")

    def _visit(self, visit: CrewVisit) -> Found:
        """A crew comes by; answers what it found, too."""
        before = float(self.bins.fill[visit.row])
        beside = float(self.bins.beside_l[visit.row])
        if visit.cause != "missed":
            left = min(visit.left, before)
            self.bins.empty(np.array([visit.row]), np.array([left]))
            visit = visit._replace(left=left)
        return visit, before, beside

    def _bin_frames(
        self, now: StepTime, celsius: F64, speaks: Mask
    ) -> Iterator[DeviceFrame]:
        surface, warm = self.bins.surface, celsius[: self.fleet.bins]

        def measure(rows: I64) -> F64:
            return self._echo.measure(rows, surface[rows], warm[rows])

        n = self.fleet.bins
        tilt = self._script.now.tilt[:n]
        around = LevelConditions(warm, tilt, speaks[:n], self._echo.no_echo)
        yield from self._devices.level.step(now, measure, around, self.batteries)

    def _room_frames(
        self, now: StepTime, celsius: F64, speaks: Mask
    ) -> Iterator[DeviceFrame]:
        rooms = self.toilets
        if not len(rooms.nh3):
            return
        hours = now.number * STEP_H
        nh3 = self._cells.measure(rooms.nh3, hours, now.at - rooms.cleaned_at)
        warm = indoors(celsius[self._rooms])
        wet = self._rain.humidity(self.fleet.zone[self._rooms])
        people = (rooms.entered, rooms.entered)
        sensed = ToiletValues(nh3, self._cells.blank(rooms.h2s), warm, wet, *people)
        speaks = speaks[self._rooms]
        yield from self._devices.room.step(now, sensed, self.batteries, speaks)

    def _beside_frames(
        self, now: StepTime, celsius: F64, speaks: Mask
    ) -> Iterator[DeviceFrame]:
        warm = indoors(celsius[self._rooms])
        wet = self._rain.humidity(self.fleet.zone[self._rooms])
        felt = ToiletConditions(self.toilets.entered, self.fixtures.seen, warm, wet)
        speaks = speaks[self._rooms.stop :]
        yield from self._devices.beside.step(now, felt, self.batteries, speaks)
