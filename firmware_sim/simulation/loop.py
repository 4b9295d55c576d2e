"""The simulation loop: world, sensors, firmware and radio path, in this order.

One step is five minutes of all assets at once. The same loop writes a trace and feeds
a live broker.
"""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

import numpy as np

from firmware_sim.firmware.auxiliary import ToiletConditions
from firmware_sim.firmware.battery import Batteries
from firmware_sim.firmware.command_queue import (
    CommandQueue,
    PendingCommand,
    command_of_event,
)
from firmware_sim.firmware.devices import Devices
from firmware_sim.firmware.frame import DeviceFrame
from firmware_sim.firmware.installed_versions import InstalledVersions
from firmware_sim.firmware.level_sensor import LevelConditions
from firmware_sim.firmware.restarts import DeviceClocks
from firmware_sim.firmware.sessions import NetworkSessions
from firmware_sim.firmware.toilet_sensor import ToiletValues
from firmware_sim.link.channel import LostFrame
from firmware_sim.link.noise import ForeignMessage
from firmware_sim.link.radio_path import RadioPath
from firmware_sim.rng import F64, I64
from firmware_sim.scenario import Scenario
from firmware_sim.sensors.echo import EchoSensors
from firmware_sim.sensors.fault_change import FaultChange
from firmware_sim.sensors.gas import GasCells
from firmware_sim.simulation.step import SimulationStep
from firmware_sim.town.fleet import make_fleet
from firmware_sim.town.roster import rounds
from firmware_sim.world.events import ActiveEvent, EventChanges, Mask
from firmware_sim.world.model import WorldModel
from firmware_sim.world.step_time import (
    STEP_H,
    STEP_MS,
    STEPS_A_DAY,
    StepTime,
    step_time,
)

SPILT, BURNT = 0.9, 0.7  # share of the fill
EVENT_FAULTS = {"silent": "offline", "iced": "obstructed"}  # labels by kind of event


class Simulation:
    """A town made from a scenario and a seed; `steps` advances it."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.fleet = make_fleet(scenario, seed)
        fleet, n = self.fleet, scenario.town.toilets
        self.start = round(scenario.town.start.timestamp() * 1000)
        self.zone = ZoneInfo(scenario.town.timezone)
        self.rounds = rounds(fleet.zone[: fleet.bins], fleet.visits, scenario.emptying)
        self.world = WorldModel(scenario, fleet, self.rounds, seed)
        self.batteries = Batteries(scenario.battery, fleet.rows, seed)
        self._echo = EchoSensors(scenario, fleet.shapes, seed)
        self._cells = GasCells(scenario.gas, n, fleet.bins, seed)
        self._installed = InstalledVersions(scenario.firmware.versions, fleet, seed)
        self._devices = Devices(scenario, fleet, seed, self._installed)
        self._clocks = DeviceClocks(scenario.firmware, fleet.rows, seed)
        self._sessions = NetworkSessions(fleet, seed)
        self.period_ms = self._devices.periods_ms(scenario)
        self._path = RadioPath(scenario, fleet, seed, self.period_ms)
        self._commands = CommandQueue(fleet, self._devices, self.period_ms)

    def steps(self, days: int) -> Iterator[SimulationStep]:
        """Yield every step of `days` days."""
        for number in range(days * STEPS_A_DAY):
            now = step_time(self.start + (number + 1) * STEP_MS, number, self.zone)
            yield self._step(now)

    def queue_command(self, row: int, command: PendingCommand) -> None:
        """Queue a command for a device."""
        self._commands.add(row, command)

    def close(self) -> list[LostFrame]:
        """Return the records that devices still store at the end."""
        return self._path.close()

    def leftovers(self) -> list[ForeignMessage]:
        """Return the retained messages for a hub that subscribes at the start."""
        return self._path.leftovers(self.start)

    def _step(self, now: StepTime) -> SimulationStep:
        """1 world, 2 faults, 3 events and restarts, 4 frames and radio path."""
        world, bins = self.world.step(now), self.fleet.bins
        step = SimulationStep(now, world)
        step.fault_changes = [*self._echo.advance(STEP_H), *self._cells.advance(STEP_H)]
        step.fault_changes += [
            FaultChange(row + bins, on, "leak") for row, on in world.leaks
        ]
        step.fault_changes += self.batteries.step(now.number)
        step.gateway_changes = self._path.channel.step()
        dropped = self._apply_events(step, world.events)
        self._restart(step, world.events)
        self._step_flaws(step)
        self._send(step, dropped)
        return step

    def _send(self, step: SimulationStep, dropped: list[int]) -> None:
        """Let devices report, and send their frames over the radio path.

        `dropped`: rows that lost their session without a restart.
        """
        now = step.now
        running = self.batteries.alive & ~self.world.effects.silent
        reachable = running & ~self._path.channel.gateway_down()
        ended, versions = [*step.restarted, *dropped], self._installed.names
        events = [*self._sessions.step(now, ended, reachable, versions)]
        can_send, next_seq = running & self._sessions.up, self._devices.next_seq
        frames = [*self._level_frames(now, can_send)]
        frames += self._toilet_frames(now, can_send)
        frames += self._auxiliary_frames(now, can_send)
        frames += self._sessions.join_reports(events, next_seq)
        frames += self._path.stored_frames(now.at - STEP_MS, can_send, next_seq)
        frames, events = self._clocks.stamp(frames), self._clocks.stamp(events)
        if self._installed.has_flaws:
            frames = [self._installed.stamp(frame) for frame in frames]
        step.executed, responses = self._commands.execute(frames, versions)
        events += [frame for frame in responses if not frame.port]
        frames += [frame for frame in responses if frame.port]
        step.transmitted, step.foreign_messages = self._path.transmit(frames, events)

    def _restart(self, step: SimulationStep, events: EventChanges) -> None:
        """Restart devices.

        By chance, after a new battery, a new version or a command, or when they hung.
        """
        forced = np.zeros(self.fleet.rows, np.bool_)
        forced[self.batteries.changed] = True
        forced[list(self._commands.reboots)] = True
        self._commands.reboots.clear()
        for event in events.ended:
            forced[event.rows] |= event.what == "silent"
        for event, begins in events.all():
            if event.what == "update":
                installed = self._installed
                change = installed.install if begins else installed.uninstall
                forced[change(event.rows, event.version)] = True
        running = self.batteries.alive & ~self.world.effects.silent
        rows = self._clocks.step(step.now, running, forced & running)
        step.restarted = rows.tolist()
        if not len(rows):
            return
        gas = self.scenario.gas
        self._devices.restart(rows, self.world.toilets.entered)
        _, warm, _ = self._devices.split(rows)
        _, cold, _ = self._devices.split(self.batteries.changed)
        step.fault_changes += self._cells.restart(warm, gas.restart_min / 60)
        step.fault_changes += self._cells.restart(cold, gas.power_up_hours)

    def _step_flaws(self, step: SimulationStep) -> None:
        """Advance the flaws of firmware; a restart ends those that occur by chance."""
        first = self.fleet.bins
        changes, sticking = self._installed.step(step.restarted)
        rows = np.array([row for row in step.restarted if row < first], np.int64)
        step.fault_changes += changes
        step.fault_changes += self._echo.release(rows)
        step.fault_changes += self._echo.hold(sticking, np.inf)

    def _apply_events(self, step: SimulationStep, events: EventChanges) -> list[int]:
        """Apply what events do besides their effects on columns.

        Return the rows whose sessions are lost.
        """
        dropped: list[int] = []
        self._echo.iced = self.world.effects.iced[: self.fleet.bins]
        for event in events.begun:
            dropped += self._begin_event(step, event)
        for event in events.ended:
            if event.what == "fire":
                self.world.bins.remove(event.rows, BURNT)
        for event, begins in events.all():
            if fault := EVENT_FAULTS.get(event.what):
                rows = event.rows.tolist()
                step.fault_changes += [FaultChange(row, begins, fault) for row in rows]
        return dropped

    def _begin_event(self, step: SimulationStep, event: ActiveEvent) -> list[int]:
        """Apply the begin of an event; return the rows whose sessions are lost."""
        if event.what == "gateway_dead":
            gateways = np.unique(self.fleet.gateway[event.rows])
            changes = self._path.channel.start_outage(gateways, event.hours)
            step.gateway_changes += changes
        elif event.what == "stuck":
            step.fault_changes += self._echo.hold(event.rows, event.hours)
        elif event.what == "tipped":
            self.world.bins.remove(event.rows, SPILT)
        elif (command := command_of_event(event)) is not None:
            for row in event.rows.tolist():
                self.queue_command(row, command)
        elif event.what == "sessions_lost":
            return self._drop_sessions(event.rows)
        return []

    def _drop_sessions(self, rows: I64) -> list[int]:
        """End sessions: LoRaWAN counters begin at 0 again, native ones go on."""
        joining = rows[~self.fleet.keeps_counter()[rows]]
        self._clocks.count_joins(joining)
        self._devices.reset_counter(joining)
        return list(rows.tolist())

    def _level_frames(self, now: StepTime, can_send: Mask) -> Iterator[DeviceFrame]:
        n = self.fleet.bins
        surface, celsius = self.world.bins.surface, self.world.celsius[:n]

        def measure(rows: I64) -> F64:
            return self._echo.measure(rows, surface[rows], celsius[rows])

        tilt, no_echo = self.world.effects.tilt[:n], self._echo.no_echo
        conditions = LevelConditions(celsius, tilt, can_send[:n], no_echo)
        level = self._devices.level
        yield from level.step(now, measure, conditions, self.batteries)

    def _toilet_frames(self, now: StepTime, can_send: Mask) -> Iterator[DeviceFrame]:
        toilets = self.world.toilets
        if not len(toilets.nh3):
            return
        hours = now.number * STEP_H
        values = ToiletValues(
            nh3=self._cells.measure(toilets.nh3, hours, now.at - toilets.cleaned_at),
            h2s=self._cells.blank(toilets.h2s),
            celsius=self.world.toilet_celsius(),
            humidity=self.world.toilet_humidity(),
            entered=toilets.entered,
            left=toilets.entered,
        )
        firmware, senders = self._devices.toilet, can_send[self.world.toilet_rows]
        yield from firmware.step(now, values, self.batteries, senders)

    def _auxiliary_frames(self, now: StepTime, can_send: Mask) -> Iterator[DeviceFrame]:
        conditions = ToiletConditions(
            people=self.world.toilets.entered,
            fixtures=self.world.fixtures.state,
            celsius=self.world.toilet_celsius(),
            humidity=self.world.toilet_humidity(),
        )
        senders = can_send[self.world.toilet_rows.stop :]
        firmware = self._devices.auxiliary
        yield from firmware.step(now, conditions, self.batteries, senders)
