"""`firmware-sim run SCENARIO`: publish a scenario's town in real time."""

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

MAX_DAYS = 3660
ACCEPTED_S = 60.0


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to run: scenario, changed keys, time, speed and clients."""

    scenario: str
    overrides: dict[str, Any]
    seed: int
    begin: int  # epoch ms
    speed: float
    hours: float | None
    client_per_device: bool
    out: Path | None


def run_scenario(request: RunRequest, address: BrokerAddress, stop: Event) -> bool:
    """Run until the hours are over or `stop`; return whether all was acknowledged.

    Raises ScenarioError, TooManyClientsError and OSError.
    """
    begin = request.begin // STEP_MS * STEP_MS
    start = datetime.fromtimestamp(begin / 1000, UTC).isoformat()
    overrides = request.overrides | {"town.start": start, "town.days": MAX_DAYS}
    simulation = Simulation(load(request.scenario, overrides), request.seed)
    clients_of = identities(simulation, client_per_device=request.client_per_device)
    allow_files(len(clients_of))
    with ExitStack() as stack:
        labels = None
        if request.out is not None:
            write_files(simulation, request.out)
            file = (request.out / "labels.jsonl").open("w", encoding="utf-8")
            labels = stack.enter_context(file)
        clients = ClientPool(address)
        for key, identity in clients_of.items():
            clients.add(key, identity)
            clients.turn(0)
        clients.wait_until_connected(ACCEPTED_S)
        sizes = f"{simulation.fleet.rows} devices, {len(clients_of)} clients"
        typer.echo(f"{sizes}; Ctrl-C stops", err=True)
        clock = SimClock(begin, request.speed)
        stream = MessageStream(simulation, labels)
        messages = stream.messages()
        if request.hours is not None:
            until = begin + round(request.hours * HOUR)
            messages = takewhile(lambda message: message.at < until, messages)
        count = publish(messages, clients, stream.receive_downlink, clock, stop)
        complete = clients.drain(10)
        clients.close()
    typer.echo(f"sent {count} uplinks")
    return complete


__all__ = ["RunRequest", "TooManyClientsError", "run_scenario"]
