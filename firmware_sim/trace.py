"""A trace: uplinks, labels, register and rounds of a scenario, as files."""

import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from firmware_sim.clock import rfc3339
from firmware_sim.labels import label, numbers
from firmware_sim.link.again import WHY
from firmware_sim.link.channel import Delivery, Lost
from firmware_sim.link.noise import DAY_MS, Foreign
from firmware_sim.messages import Messages
from firmware_sim.scenario import Scenario
from firmware_sim.simulation import Simulation, Step
from firmware_sim.town.files import fleet_csv, rounds_toml
from firmware_sim.town.rota import tag
from firmware_sim.truth import Truth
from firmware_sim.world.moment import STEP_MS, STEPS_A_DAY

STORED = {"expect": "stored"}
EVENT = {"expect": "event"}
DOUBLE = {"expect": "duplicate", "reason": "same_seq"}
RETAINED = {"expect": "duplicate", "reason": "retained"}
BROKEN = {"expect": "dead", "reason": "bad_payload"}
TORN = {"expect": "dead", "reason": "bad_envelope"}  # of a network server
UNKNOWN = {"expect": "dead", "reason": "unknown_device"}
DUP = ',"dup":true'
LAST = 1_000  # more than copies can be


@dataclass(frozen=True, slots=True)
class Made:
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


class Uplinks:
    """Writes uplinks in order of their arrival, and labels of the odd ones."""

    def __init__(self, simulation: Simulation, out: IO[str], labels: IO[str]) -> None:
        fleet = simulation.fleet
        self._start = simulation.start
        self._devices = fleet.devices
        self._messages = Messages(fleet, simulation.period_ms)
        self._topics = self._messages.topics
        self._out = out
        self._labels = labels
        self._waiting: dict[int, list[Delivery | Foreign]] = {}
        self.lines = 0
        for item in simulation.leftovers():
            self._foreign(item)

    def take(self, step: Step) -> None:
        """Keep what a step carried until its time; write what has arrived by now."""
        for item in (*step.carried, *step.foreign):
            if isinstance(item, Lost):
                self._lost(item)
                continue
            arrives = max((item.at - self._start) // STEP_MS, step.now.number)
            self._waiting.setdefault(arrives, []).append(item)
        self._write(self._waiting.pop(step.now.number, []))

    def close(self) -> None:
        """What is still on its way comes after the end: lost to this trace."""
        items = [item for items in self._waiting.values() for item in items]
        waiting = [item for item in items if isinstance(item, Delivery)]
        for item in sorted(waiting, key=lambda d: (d.at, d.frame.row)):
            if not item.copy and item.why != WHY and not item.frame.kind:
                self._lost(Lost(item.frame, "end"))

    def _lost(self, item: Lost) -> None:
        frame, device = item.frame, self._devices[item.frame.row]
        line = label("lost", device=device, seq=frame.seq, at=frame.at, why=item.why)
        self._labels.write(line)

    def _write(self, arrived: list[Delivery | Foreign]) -> None:
        arrived.sort(key=_order)
        for item in arrived:
            if isinstance(item, Foreign):
                self._foreign(item)
                continue
            at, frame, copy, why = item
            body = self._messages.payload(frame, copy)
            again = why == WHY
            self._line(at, self._messages.topic(frame), body, DUP if again else "")
            if why:
                ends = DOUBLE if copy or again else EVENT if frame.kind else STORED
                self._odd(self._devices[frame.row], frame.seq, ends, why)

    def _line(self, at: int, place: str, body: bytes, more: str = "") -> None:
        self.lines += 1
        text = base64.b64encode(body).decode()
        self._out.write(
            f'{{"received_at":"{rfc3339(at)}","topic":"{place}","payload":"{text}"'
            f"{more}}}\n"
        )

    def _foreign(self, item: Foreign) -> None:
        """An uplink that is none of the town's."""
        place, device = self._topics[item.row], self._devices[item.row]
        if item.source is None:
            at = item.at - round(item.missing * DAY_MS)
            body = self._messages.leftover(item.row, at)
            self._line(item.at, place, body, ',"retain":true')
            self._odd(device, 0, RETAINED, item.why)
            return
        frame = item.source.frame
        if item.why == "stranger":
            other, place, body = self._messages.stranger(frame)
            self._line(item.at, place, body)
            self._odd(other, frame.seq, UNKNOWN, item.why)
            return
        self._line(item.at, place, self._messages.cut(frame, item.missing))
        self._odd(device, frame.seq, TORN if frame.port else BROKEN, item.why)

    def _odd(self, device: str, seq: int, ends: Mapping[str, str], why: str) -> None:
        self._labels.write(
            label("copy", line=self.lines, device=device, seq=seq, **ends, why=why)
        )


def _order(item: Delivery | Foreign) -> tuple[int, int, int]:
    """By time; what is like another comes right after it."""
    if isinstance(item, Foreign):
        return item.at, item.row, LAST
    return item.at, item.frame.row, item.copy


def write_trace(
    name: str,
    scenario: Scenario,
    seed: int,
    out: Path,
    tick: Callable[[int], None] = lambda day: None,
) -> Made:
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
        uplinks, truth = Uplinks(simulation, file, labels), Truth(simulation, labels)
        for step in simulation.steps(days):
            truth.take(step)
            uplinks.take(step)
            if (step.now.number + 1) % STEPS_A_DAY == 0:
                tick((step.now.number + 1) // STEPS_A_DAY)
        truth.close()
        uplinks.close()
    seconds = round(time.monotonic() - began, 3)
    return Made(name, seed, fleet.rows, days, uplinks.lines, seconds)


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
    for row, asset in enumerate(fleet.assets):
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
                devices=[fleet.devices[row]],
                **more,
            )
        )
