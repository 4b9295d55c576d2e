"""Traces: uplinks, labels, register and rounds of a scenario as files."""

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from firmware_sim.clock import rfc3339
from firmware_sim.link.channel import DeliveredFrame, LostFrame
from firmware_sim.link.noise import ForeignMessage
from firmware_sim.output.arrivals import (
    Arrival,
    ArrivalBuilder,
    arrival_order,
    is_first_data,
)
from firmware_sim.output.labels import label, numbers
from firmware_sim.output.truth import TruthWriter
from firmware_sim.scenario import Scenario
from firmware_sim.simulation import Simulation, SimulationStep
from firmware_sim.town.files import fleet_csv, rounds_toml
from firmware_sim.town.roster import tag
from firmware_sim.world.step_time import STEP_MS, STEPS_A_DAY


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """The size of a trace, and how long it took to write."""

    scenario: str
    seed: int
    devices: int
    days: int
    uplinks: int
    seconds: float

    @property
    def device_days_per_s(self) -> float:
        """Simulated device-days a second."""
        return self.devices * self.days / self.seconds


class UplinkWriter:
    """Writes uplinks in order of arrival, and labels of irregular ones."""

    def __init__(self, simulation: Simulation, out: IO[str], labels: IO[str]) -> None:
        self._simulation = simulation
        self._arrivals = ArrivalBuilder(simulation)
        self._out = out
        self._labels = labels
        self._waiting: dict[int, list[DeliveredFrame | ForeignMessage]] = {}
        self.lines = 0
        self._write([*simulation.leftovers()])

    def write_step(self, step: SimulationStep) -> None:
        """Queue the deliveries of a step; write those that have arrived."""
        for item in (*step.transmitted, *step.foreign_messages):
            if isinstance(item, LostFrame):
                self._arrivals.write_lost(item, self._labels)
                continue
            number = (item.at - self._simulation.start) // STEP_MS
            number = max(number, step.now.number)
            self._waiting.setdefault(number, []).append(item)
        self._write(self._waiting.pop(step.now.number, []))

    def close(self) -> None:
        """Label as lost what would arrive after the end of the trace."""
        items = [item for items in self._waiting.values() for item in items]
        waiting = [item for item in items if isinstance(item, DeliveredFrame)]
        waiting.sort(key=arrival_order)
        lost = [LostFrame(x.frame, "end") for x in waiting if is_first_data(x)]
        for item in (*lost, *self._simulation.close()):
            self._arrivals.write_lost(item, self._labels)

    def _write(self, arrived: list[DeliveredFrame | ForeignMessage]) -> None:
        arrived.sort(key=arrival_order)
        for item in arrived:
            arrival = self._arrivals.build(item)
            self.lines += 1
            self._out.write(_line(item.at, arrival))
            if arrival.reason or arrival.stored:
                self._labels.writelines(arrival.labels(self.lines))


def _line(at: int, arrival: Arrival) -> str:
    text = base64.b64encode(arrival.body).decode()
    flags = ',"retain":true' if arrival.retain else ""
    flags += ',"dup":true' if arrival.dup else ""
    return (
        f'{{"received_at":"{rfc3339(at)}","topic":"{arrival.topic}",'
        f'"payload":"{text}"{flags}}}\n'
    )


def _no_progress(_day: int) -> None:
    pass


def write_trace(
    name: str,
    scenario: Scenario,
    seed: int,
    out: Path,
    on_day: Callable[[int], None] = _no_progress,
) -> TraceSummary:
    """Write a scenario's trace into the folder `out`.

    `on_day` is called after each simulated day with its number, from 1.
    """
    began = time.monotonic()
    simulation = Simulation(scenario, seed)
    days, fleet = scenario.town.days, simulation.fleet
    out.mkdir(parents=True, exist_ok=True)
    (out / "fleet.csv").write_text(fleet_csv(fleet, scenario), "utf-8")
    (out / "rounds.toml").write_text(rounds_toml(fleet, simulation.rounds), "utf-8")
    with (
        (out / "uplinks.jsonl").open("w", encoding="utf-8") as file,
        (out / "labels.jsonl").open("w", encoding="utf-8") as labels,
    ):
        _write_assets(name, simulation, seed, labels)
        uplinks, truth = (
            UplinkWriter(simulation, file, labels),
            TruthWriter(simulation, labels),
        )
        for step in simulation.steps(days):
            truth.write_step(step)
            uplinks.write_step(step)
            if (step.now.number + 1) % STEPS_A_DAY == 0:
                on_day((step.now.number + 1) // STEPS_A_DAY)
        truth.close()
        uplinks.close()
    seconds = round(time.monotonic() - began, 3)
    return TraceSummary(name, seed, fleet.rows, days, uplinks.lines, seconds)


def _write_assets(
    name: str, simulation: Simulation, seed: int, labels: IO[str]
) -> None:
    """Write the first labels: the town and its assets."""
    fleet, scenario = simulation.fleet, simulation.scenario
    labels.write(
        label(
            "town",
            scenario=name,
            seed=seed,
            days=scenario.town.days,
            start=simulation.start,
            timezone=scenario.town.timezone,
            profile={"bin": numbers(simulation.world.bins.profile.tolist(), 4)},
            event_share=scenario.deposits.event_share,
        )
    )
    for row, asset in enumerate(fleet.assets[: fleet.bins + fleet.toilets]):
        is_bin = row < fleet.bins
        rates = {}
        if is_bin:
            rates = {
                "rate": float(fleet.rate[row]),
                "settling": float(fleet.settling[row]),
                "tags": [tag(int(fleet.visits[row]))],
            }
        labels.write(
            label(
                "asset",
                asset=asset,
                kind="bin" if is_bin else "toilet",
                zone=fleet.zone_id(row),
                gateway=fleet.gateway_id(int(fleet.gateway[row])),
                devices=[fleet.devices[i] for i in fleet.devices_of(row)],
                **rates,
            )
        )
