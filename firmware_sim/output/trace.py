"""A trace: uplinks, labels, register and rounds of a scenario, as files."""

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from firmware_sim.clock import rfc3339
from firmware_sim.link.channel import DeliveredFrame, LostFrame
from firmware_sim.link.noise import ForeignMessage
from firmware_sim.output.arrivals import Arrival, ArrivalBuilder, first, order
from firmware_sim.output.labels import label, numbers
from firmware_sim.output.truth import TruthWriter
from firmware_sim.scenario import Scenario
from firmware_sim.simulation import Simulation, SimulationStep
from firmware_sim.town.files import fleet_csv, rounds_toml
from firmware_sim.town.roster import tag
from firmware_sim.world.step_time import STEP_MS, STEPS_A_DAY


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """What a trace holds, and how long it took."""

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
    """Writes uplinks in order of their arrival, and labels of the odd ones."""

    def __init__(self, simulation: Simulation, out: IO[str], labels: IO[str]) -> None:
        self._simulation = simulation
        self._arrivals = ArrivalBuilder(simulation)
        self._out = out
        self._labels = labels
        self._waiting: dict[int, list[DeliveredFrame | ForeignMessage]] = {}
        self.lines = 0
        self._write([*simulation.leftovers()])

    def take(self, step: SimulationStep) -> None:
        """Keep what a step carried until its time; write what has arrived by now."""
        for item in (*step.carried, *step.foreign):
            if isinstance(item, LostFrame):
                self._arrivals.lost(item, self._labels)
                continue
            arrives = (item.at - self._simulation.start) // STEP_MS
            arrives = max(arrives, step.now.number)
            self._waiting.setdefault(arrives, []).append(item)
        self._write(self._waiting.pop(step.now.number, []))

    def close(self) -> None:
        """What is still on its way comes after the end: lost to this trace."""
        items = [item for items in self._waiting.values() for item in items]
        waiting = [item for item in items if isinstance(item, DeliveredFrame)]
        lost = [
            LostFrame(x.frame, "end") for x in sorted(waiting, key=order) if first(x)
        ]
        for item in (*lost, *self._simulation.close()):
            self._arrivals.lost(item, self._labels)

    def _write(self, arrived: list[DeliveredFrame | ForeignMessage]) -> None:
        arrived.sort(key=order)
        for item in arrived:
            arrival = self._arrivals.of(item)
            self.lines += 1
            self._out.write(_line(item.at, arrival))
            if arrival.why or arrival.stored:
                self._labels.writelines(arrival.labels(self.lines))


def _line(at: int, arrival: Arrival) -> str:
    text = base64.b64encode(arrival.body).decode()
    flags = ',"retain":true' if arrival.retain else ""
    flags += ',"dup":true' if arrival.dup else ""
    return (
        f'{{"received_at":"{rfc3339(at)}","topic":"{arrival.topic}",'
        f'"payload":"{text}"{flags}}}\n'
    )


def write_trace(
    name: str,
    scenario: Scenario,
    seed: int,
    out: Path,
    tick: Callable[[int], None] = lambda day: None,
) -> TraceSummary:
    """Write a scenario's trace into the folder `out`; `tick(day)` hears of progress."""
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
        _introduce(name, simulation, seed, labels)
        uplinks, truth = (
            UplinkWriter(simulation, file, labels),
            TruthWriter(simulation, labels),
        )
        for step in simulation.steps(days):
            truth.take(step)
            uplinks.take(step)
            if (step.now.number + 1) % STEPS_A_DAY == 0:
                tick((step.now.number + 1) // STEPS_A_DAY)
        truth.close()
        uplinks.close()
    seconds = round(time.monotonic() - began, 3)
    return TraceSummary(name, seed, fleet.rows, days, uplinks.lines, seconds)


def _introduce(name: str, simulation: Simulation, seed: int, labels: IO[str]) -> None:
    """The first labels: the town and its assets."""
    fleet, scenario = simulation.fleet, simulation.scenario
    labels.write(
        label(
            "town",
            scenario=name,
            seed=seed,
            days=scenario.town.days,
            start=simulation.start,
            timezone=scenario.town.timezone,
            profile={"bin": numbers(simulation.bins.profile.tolist(), 4)},
            event_share=scenario.deposits.event_share,
        )
    )
    for row, asset in enumerate(fleet.assets[: fleet.bins + fleet.toilets]):
        is_bin = row < fleet.bins
        more = {}
        if is_bin:
            more = {
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
                **more,
            )
        )
