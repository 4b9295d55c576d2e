"""Writes the truth of each step as labels: fill, gas, services, faults, outages."""

from typing import IO

import numpy as np

from firmware_sim.output.labels import label, numbers
from firmware_sim.rng import F64
from firmware_sim.simulation import Simulation, SimulationStep
from firmware_sim.world.fixtures import FixtureState
from firmware_sim.world.script import ActiveEvent
from firmware_sim.world.step_time import STEP_MS, STEP_S, STEPS_A_DAY

FILL_STEPS = 3  # a value each quarter of an hour
HOUR_STEPS = 12
FULL = 100.0
DAY_MS = STEPS_A_DAY * STEP_MS
AHEAD = 60  # days


class TruthWriter:
    """Gathers columns over a day, writes events at once."""

    def __init__(self, simulation: Simulation, labels: IO[str]) -> None:
        self._simulation = simulation
        self._labels = labels
        n = simulation.fleet.bins
        self._fill: list[F64] = []
        self._gain: list[F64] = []
        self._nh3: list[F64] = []
        self._seen: list[FixtureState] = []
        self._thrown = np.zeros(n)
        self._over: dict[int, int] = {}
        self._open: dict[tuple[str, int], list[int]] = {}

    def take(self, step: SimulationStep) -> None:
        """Write what happened in a step."""
        self._services(step)
        self._overflows(step)
        for row in step.restarted:
            device = self._simulation.fleet.devices[row]
            self._write("restarted", device=device, at=step.now.at - STEP_MS)
        for row, at, command, asked in step.obeyed:
            device = self._simulation.fleet.devices[row]
            told = {"command": command.kind, "value": command.value, "asked": asked}
            self._write("downlink", device=device, at=at, **told)
        for event in step.begun:
            self._event(event)
        for spell in step.spells:
            self._spell(spell.fault, spell.row, spell.on, step.now.at)
        for zone, on in step.showers:
            self._spell("rain", zone, on, step.now.at)
        for outage in step.outages:
            self._spell("gateway_down", outage.gateway, outage.on, step.now.at)
        self._thrown += step.gain
        number = step.now.number + 1
        if number % FILL_STEPS == 0:
            self._fill.append(self._simulation.bins.fill.copy())
            self._gain.append(self._thrown)
            self._thrown = np.zeros(len(self._thrown))
        self._nh3.append(self._simulation.toilets.nh3.copy())
        if number % HOUR_STEPS == 0 and self._simulation.has_fixtures:
            self._seen.append(self._simulation.fixtures.seen)
        if number % STEPS_A_DAY == 0:
            self._day(step.now.at - (STEPS_A_DAY - 1) * STEP_MS)

    def close(self) -> None:
        """End what is still going on: it has no `until`."""
        for row, at in self._over.items():
            asset = self._simulation.fleet.assets[row]
            self._write("overflow", asset=asset, at=at, until=None)
        for (kind, row), begun in self._open.items():
            self._fault(kind, row, begun[0], None)
        self._to_come()

    def _to_come(self) -> None:
        """Batteries that end soon after the trace: a warning in it was right."""
        simulation = self._simulation
        days, ends = simulation.scenario.town.days, simulation.batteries.ends
        for row in np.flatnonzero((ends > days) & (ends <= days + AHEAD)).tolist():
            at = simulation.start + round(float(ends[row]) * DAY_MS)
            self._fault("low_battery", row, at, None)

    def _write(self, kind: str, /, **values: object) -> None:
        self._labels.write(label(kind, **values))

    def _services(self, step: SimulationStep) -> None:
        fleet = self._simulation.fleet
        beside_too = self._simulation.scenario.deposits.beside > 0
        for visit, before, beside in step.visits:
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
            if beside_too and beside:
                litres = round(beside, 1)
                self._write("beside", asset=asset, at=visit.at, litres=litres)
        for cleaning in step.cleanings:
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
        full = self._simulation.bins.fill >= FULL
        for row in [row for row in self._over if not full[row]]:
            asset = self._simulation.fleet.assets[row]
            began = self._over.pop(row)
            self._write("overflow", asset=asset, at=began, until=step.now.at)
        for row in np.flatnonzero(full).tolist():
            self._over.setdefault(row, step.now.at)

    def _spell(self, kind: str, row: int, on: bool, at: int) -> None:
        """One fault can have two causes: it lasts until neither is left."""
        begun = self._open.setdefault((kind, row), [])
        if on:
            begun.append(at)
            return
        first = begun.pop(0)
        if begun:
            begun[0] = first
            return
        del self._open[kind, row]
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
        """What paper and soap there was, and who had come, by the hour."""
        begin = first + (HOUR_STEPS - 1) * STEP_MS
        fleet, seen = self._simulation.fleet, self._seen
        for row in range(fleet.toilets if seen else 0):
            self._write(
                "supplies",
                asset=fleet.assets[fleet.bins + row],
                at=begin,
                step_s=HOUR_STEPS * STEP_S,
                paper=numbers([float(s.paper[row]) for s in seen], 1),
                soap=numbers([float(s.soap[row]) for s in seen], 1),
                men=[int(s.visits[0, row]) for s in seen],
                women=[int(s.visits[1, row]) for s in seen],
            )
        self._seen = []
