"""A pytest plugin: the fixture `simulated_town`, to test any MQTT consumer.

What it needs is imported when it is used, so that other test runs pay nothing.
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
    """One message as the broker would have it, at `received_at` (RFC 3339)."""

    received_at: str
    topic: str
    payload: bytes
    retain: bool


@dataclass(frozen=True, slots=True)
class SimulatedTown:
    """A town's uplinks in order, the truth about it, and its register."""

    folder: Path  # with uplinks.jsonl, labels.jsonl, fleet.csv, rounds.toml
    uplinks: tuple[TownUplink, ...]
    labels: tuple[dict[str, Any], ...]

    def labelled(self, kind: str) -> list[dict[str, Any]]:
        """The labels of one kind: emptied, overflow, fault, copy, lost …"""
        return [label for label in self.labels if label["label"] == kind]

    def publish(
        self,
        host: str = "127.0.0.1",
        port: int = 1883,
        login: tuple[str, str] | None = None,
    ) -> None:
        """Send all uplinks to a broker at QoS 1, as fast as it takes them.

        Raises OSError where it does not take them.
        """
        from firmware_sim.live.clients import ClientIdentity, ClientPool
        from firmware_sim.mqtt import BrokerAddress

        clients = ClientPool(BrokerAddress(host, port, *(login or (None, None))))
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
    """A small town in `folder`; `sizes` are keys of the scenario's [town]: bins …"""
    from firmware_sim.output.trace import write_trace
    from firmware_sim.scenario import load

    told = {"bins": 20, "toilets": 2, "days": 1} | sizes
    changed = {f"town.{key}": value for key, value in told.items()}
    write_trace(scenario, load(scenario, changed), seed, folder)
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
    """Makes towns: `simulated_town("harsh", seed=3, bins=50, toilets=0, days=2)`."""

    def make(scenario: str = "default", **told: Any) -> SimulatedTown:
        return make_town(tmp_path_factory.mktemp("town"), scenario, **told)

    return make


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]
