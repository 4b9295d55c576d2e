"""A pytest plugin: the fixture `simulated_town`, to test any MQTT consumer.

It imports the simulator only when it is used, so that other test runs start fast.
"""

import json
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

PUBLISHED_S = 60.0


class TownUplink(NamedTuple):
    """One message that the broker receives at `received_at` (RFC 3339)."""

    received_at: str
    topic: str
    payload: bytes
    retain: bool


@dataclass(frozen=True, slots=True)
class SimulatedTown:
    """A town's uplinks in order, its ground-truth labels, and its register."""

    folder: Path  # with uplinks.jsonl, labels.jsonl, fleet.csv, rounds.toml
    uplinks: tuple[TownUplink, ...]
    labels: tuple[dict[str, Any], ...]

    def labelled(self, kind: str) -> list[dict[str, Any]]:
        """Return the labels of one kind: emptied, overflow, fault, copy, lost …"""
        return [label for label in self.labels if label["label"] == kind]

    def publish(
        self,
        host: str = "127.0.0.1",
        port: int = 1883,
        login: tuple[str, str] | None = None,
    ) -> None:
        """Send all uplinks to a broker at QoS 1, as fast as it accepts them.

        `login`: user and password. Raises OSError if it does not accept all of them.
        """
        from firmware_sim.live.clients import ClientIdentity, ClientPool
        from firmware_sim.mqtt import BrokerAddress

        username, password = login or (None, None)
        clients = ClientPool(BrokerAddress(host, port, username, password))
        clients.add(0, ClientIdentity(f"simulated-town-{id(self):x}", "", b""))
        clients.wait_until_connected(PUBLISHED_S)
        for uplink in self.uplinks:
            clients.publish(0, uplink.topic, uplink.payload, retain=uplink.retain)
            while clients.pending > 1_000:
                clients.turn(0.01)
        complete = clients.drain(PUBLISHED_S)
        clients.close()
        if not complete:
            raise OSError("not all uplinks were acknowledged")


def make_town(
    folder: Path, scenario: str = "default", *, seed: int = 1, **sizes: Any
) -> SimulatedTown:
    """Write a small town to `folder`; `sizes`: keys of the scenario's [town]: bins …"""
    from firmware_sim.output.trace import write_trace
    from firmware_sim.scenario import load

    town = {"bins": 20, "toilets": 2, "days": 1} | sizes
    overrides = {f"town.{key}": value for key, value in town.items()}
    write_trace(scenario, load(scenario, overrides), seed, folder)
    uplinks = tuple(
        TownUplink(
            line["received_at"],
            line["topic"],
            b64decode(line["payload"]),
            line.get("retain", False),
        )
        for line in _lines(folder / "uplinks.jsonl")
    )
    return SimulatedTown(folder, uplinks, tuple(_lines(folder / "labels.jsonl")))


@pytest.fixture
def simulated_town(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., SimulatedTown]:
    """Make towns: `simulated_town("harsh", seed=3, bins=50, toilets=0, days=2)`."""

    def make(scenario: str = "default", **options: Any) -> SimulatedTown:
        return make_town(tmp_path_factory.mktemp("town"), scenario, **options)

    return make


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]
