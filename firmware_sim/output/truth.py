"""Writes the ground truth as labels: fill, gas, services, faults, outages."""

from typing import IO

import numpy as np

from firmware_sim.output.labels import label, numbers
from firmware_sim.rng import F64
from firmware_sim.simulation import Simulation, SimulationStep
from firmware_sim.world.events import ActiveEvent
from firmware_sim.world.fixtures import FixtureState
from firmware_sim.world.step_time import STEP_MS, STEP_S, STEPS_A_DAY

FILL_STEPS = 3  # a value each quarter of an hour
STEPS_AN_HOUR = 12
FULL = 100.0
DAY_MS = STEPS_A_DAY * STEP_MS
BATTERY_DAYS = 60  # a battery that ends so soon after the trace is labelled


class TruthWriter:
    """Collects columns over a day, and writes events at once."""

    def __init__(self, simulation: Simulation, labels: IO[str]) -> None:
        self._simulation = simulation
        self._labels = labels
        n = simulation.fleet.bins
        self._fill: list[F64] = []
        self._gain: list[F64] = []
        self._nh3: list[F64] = []
        self._fixtures: list[FixtureState] = []
        self._deposited = np.zeros(n)
        self._overflowing: dict[int, int] = {}
        self._open_faults: dict[tuple[str, int], list[int]] = {}

    def write_step(self, step: SimulationStep) -> None:
        """Write the labels of a step."""
        self._services(step)
        self._overflows(step)
        for row in step.restarted:
            device = self._simulation.fleet.devices[row]
            self._write("restarted", device=device, at=step.now.at - STEP_MS)
        for row, at, command, id_ in step.executed:
            device = self._simulation.fleet.devices[row]
            action = {"command": command.kind, "value": command.value, "asked": id_}
            self._write("downlink", device=device, at=at, **action)
        for event in step.world.events.begun:
            self._event(event)
        for change in step.fault_changes:
            self._fault_change(change.fault, change.row, change.on, step.now.at)
        for zone, on in step.world.rain_changes:
            self._fault_change("rain", zone, on, step.now.at)
        for gateway, on in step.gateway_changes:
            self._fault_change("gateway_down", gateway, on, step.now.at)
        world = self._simulation.world
        self._deposited += step.world.gain
        number = step.now.number + 1
        if number % FILL_STEPS == 0:
            self._fill.append(world.bins.fill.copy())
            self._gain.append(self._deposited)
            self._deposited = np.zeros(len(self._deposited))
        self._nh3.append(world.toilets.nh3.copy())
        if number % STEPS_AN_HOUR == 0 and world.has_fixtures:
            self._fixtures.append(world.fixtures.state)
        if number % STEPS_A_DAY == 0:
            self._day(step.now.at - (STEPS_A_DAY - 1) * STEP_MS)

    def close(self) -> None:
        """Write what has not ended, with `until` null."""
        for row, at in self._overflowing.items():
            asset = self._simulation.fleet.assets[row]
            self._write("overflow", asset=asset, at=at, until=None)
        for (kind, row), begun in self._open_faults.items():
            self._fault(kind, row, begun[0], None)
        self._write_ending_batteries()

    def _write_ending_batteries(self) -> None:
        """Label batteries that end soon after the trace: a warning is correct."""
        simulation = self._simulation
        days, ends = simulation.scenario.town.days, simulation.batteries.ends
        for row in np.flatnonzero(
            (ends > days) & (ends <= days + BATTERY_DAYS)
        ).tolist():
            at = simulation.start + round(float(ends[row]) * DAY_MS)
            self._fault("low_battery", row, at, None)

    def _write(self, kind: str, /, **values: object) -> None:
        self._labels.write(label(kind, **values))

    def _services(self, step: SimulationStep) -> None:
        fleet = self._simulation.fleet
        has_beside = self._simulation.scenario.deposits.beside > 0
        for visit, before, beside_l in step.world.visits:
            asset = fleet.assets[visit.row]
            if visit.cause == "missed":
                self._write("round_missed", asset=asset, at=visit.at)
                continue
            self._write(
                "emptied",
                asset=asset,
                at=visit.at,
                before=round(before, 2),
                after=round(visit.left, 2),
                cause=visit.cause,
            )
            if has_beside and beside_l:
                litres = round(beside_l, 1)
                self._write("beside", asset=asset, at=visit.at, litres=litres)
        for cleaning in step.world.cleanings:
            self._write(
                "cleaned",
                asset=fleet.assets[fleet.bins + cleaning.row],
                at=cleaning.at,
                removed=cleaning.removed,
                skipped=cleaning.skipped,
            )

    def _event(self, event: ActiveEvent) -> None:
        assets = self._simulation.fleet.assets
        self._write(
            "event",
            what=event.what,
            amount=event.amount,
            at=event.at,
            until=event.until,
            assets=list(dict.fromkeys(assets[row] for row in event.rows.tolist())),
        )

    def _overflows(self, step: SimulationStep) -> None:
        full = self._simulation.world.bins.fill >= FULL
        for row in [row for row in self._overflowing if not full[row]]:
            asset = self._simulation.fleet.assets[row]
            began = self._overflowing.pop(row)
            self._write("overflow", asset=asset, at=began, until=step.now.at)
        for row in np.flatnonzero(full).tolist():
            self._overflowing.setdefault(row, step.now.at)

    def _fault_change(self, kind: str, row: int, on: bool, at: int) -> None:
        """Begin or end a fault; one with two causes lasts until both have ended."""
        begun = self._open_faults.setdefault((kind, row), [])
        if on:
            begun.append(at)
            return
        first = begun.pop(0)
        if begun:
            begun[0] = first
            return
        del self._open_faults[kind, row]
        self._fault(kind, row, first, at)

    def _fault(self, kind: str, row: int, at: int, until: int | None) -> None:
        fleet = self._simulation.fleet
        if kind == "gateway_down":
            self._write(kind, gateway=fleet.gateway_id(row), at=at, until=until)
            return
        if kind == "rain":
            self._write(kind, zone=f"zone{row + 1:02d}", at=at, until=until)
            return
        device, asset = fleet.devices[row], fleet.assets[row]
        if kind == "leak":
            self._write(kind, asset=asset, at=at, until=until)
            return
        self._write("fault", fault=kind, device=device, asset=asset, at=at, until=until)

    def _day(self, first: int) -> None:
        fleet, quarter = self._simulation.fleet, FILL_STEPS * STEP_S
        begin = first + (FILL_STEPS - 1) * STEP_MS
        fill, gain = np.array(self._fill).T, np.array(self._gain).T
        for row in range(fleet.bins):
            self._write(
                "fill",
                asset=fleet.assets[row],
                at=begin,
                step_s=quarter,
                fill=numbers(fill[row].tolist(), 2),
                gain=numbers(gain[row].tolist(), 2),
            )
        nh3 = np.array(self._nh3).T
        for row in range(fleet.toilets):
            self._write(
                "gas",
                asset=fleet.assets[fleet.bins + row],
                at=first,
                step_s=STEP_S,
                nh3=numbers(nh3[row].tolist(), 3),
            )
        self._fill, self._gain, self._nh3 = [], [], []
        self._supplies(first)

    def _supplies(self, first: int) -> None:
        """Write hourly supplies of paper and soap, and visitors."""
        begin = first + (STEPS_AN_HOUR - 1) * STEP_MS
        fleet, states = self._simulation.fleet, self._fixtures
        for row in range(fleet.toilets if states else 0):
            self._write(
                "supplies",
                asset=fleet.assets[fleet.bins + row],
                at=begin,
                step_s=STEPS_AN_HOUR * STEP_S,
                paper=numbers([float(s.paper[row]) for s in states], 1),
                soap=numbers([float(s.soap[row]) for s in states], 1),
                men=[int(s.visits[0, row]) for s in states],
                women=[int(s.visits[1, row]) for s in states],
            )
        self._fixtures = []
