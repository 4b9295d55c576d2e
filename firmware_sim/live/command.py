"""`firmware-sim run SCENARIO`: a scenario's town, live."""

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from threading import Event
from typing import Any

import typer

from firmware_sim.clock import HOUR, SimClock
from firmware_sim.live.clients import ClientPool, TooManyClientsError, allow_files
from firmware_sim.live.town import MessageStream, identities, publish, write_files
from firmware_sim.mqtt import BrokerAddress
from firmware_sim.scenario import load
from firmware_sim.simulation import Simulation
from firmware_sim.world.step_time import STEP_MS

FOR_EVER_DAYS = 3660
ACCEPTED_S = 60.0


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to run: scenario, its changed keys, when, how fast, from whom."""

    scenario: str
    changed: dict[str, Any]
    seed: int
    begin: int  # epoch ms
    speed: float
    hours: float | None
    own: bool
    out: Path | None


def run_scenario(wish: RunRequest, address: BrokerAddress, stop: Event) -> bool:
    """Run until the hours are over or `stop`; whether all was acknowledged.

    Raises ScenarioError, TooManyClientsError and OSError.
    """
    begin = wish.begin // STEP_MS * STEP_MS
    start = datetime.fromtimestamp(begin / 1000, UTC).isoformat()
    changed = wish.changed | {"town.start": start, "town.days": FOR_EVER_DAYS}
    simulation = Simulation(load(wish.scenario, changed), wish.seed)
    people = identities(simulation, own=wish.own)
    allow_files(len(people))
    with ExitStack() as stack:
        labels = None
        if wish.out is not None:
            write_files(simulation, wish.out)
            file = (wish.out / "labels.jsonl").open("w", encoding="utf-8")
            labels = stack.enter_context(file)
        clients = ClientPool(address)
        for key, identity in people.items():
            clients.add(key, identity)
            clients.turn(0)
        clients.wait_until_connected(ACCEPTED_S)
        told = f"{simulation.fleet.rows} devices, {len(people)} clients"
        typer.echo(f"{told}; Ctrl-C stops", err=True)
        clock = SimClock(begin, wish.speed)
        stream = MessageStream(simulation, labels)
        messages = stream.messages()
        if wish.hours is not None:
            until = begin + round(wish.hours * HOUR)
            messages = takewhile(lambda message: message.at < until, messages)
        count = publish(messages, clients, (set(people), stream.hear), clock, stop)
        complete = clients.drain(10)
        clients.close()
    typer.echo(f"sent {count} uplinks")
    return complete


__all__ = ["RunRequest", "TooManyClientsError", "run_scenario"]
