"""kill -9 at random moments under load: nothing lost, nothing twice, all told."""

import random
import threading
import time
from collections import Counter
from collections.abc import Hashable, Iterable
from functools import partial
from pathlib import Path

import pytest

from sensorhub.clock import Clock
from sensorhub.model import Message
from tests.support.brokers import Mosquitto, until
from tests.support.hubs import (
    FIRE,
    FULL,
    KILLS,
    HubProcess,
    fleet_csv,
    report,
    transitions,
)
from tests.support.load import Publisher, Stream
from tests.support.receivers import Receiver, receiver
from tests.support.stories import Story

DEVICES = 40
DAY = 86_400_000


def start_of_stream() -> int:
    return Clock().now() - 20 * DAY


def unkilled(folder: Path, stream: Stream) -> Story:
    """A hub in this process that got the same uplinks and was never killed."""
    now = stream.start + 21 * DAY
    story = Story(folder, now, FIRE + FULL, fleet_csv(DEVICES))
    for at in range(0, len(stream.sent), 500):
        part = stream.sent[at : at + 500]
        story.take([Message(t.encode(), p, 2) for t, p in part])
    return story


def kill_under_load(hub: HubProcess, kills: int, chance: random.Random) -> float:
    """Kill and start again; answers the mean time of a start in seconds."""
    pause = threading.Event()
    taken = 0.0
    for _ in range(kills):
        before = hub.numbers()["uplinks_received"]
        more = chance.randint(100, 1000)
        until(
            partial(lambda n: hub.numbers()["uplinks_received"] >= n, before + more),
            "uplinks come",
        )
        pause.wait(chance.uniform(0, 0.05))
        hub.kill()
        began = time.monotonic()
        hub.start()
        taken += time.monotonic() - began
    return taken / kills


def doubles(found: Iterable[Hashable], expected: Iterable[Hashable]) -> int:
    """How many stand there more often than they should."""
    return (Counter(found) - Counter(expected)).total()


def told(hook: Receiver) -> Counter[str]:
    """How often each notification came, by its id."""
    return Counter(came.headers["webhook-id"] for came in hook.received)


@pytest.mark.slow
@pytest.mark.mosquitto
def test_kills_under_load_lose_nothing_and_double_nothing(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    stream = Stream(DEVICES, start_of_stream())
    with receiver() as hook, Mosquitto(tmp_path) as broker:
        hub = HubProcess(
            tmp_path / "hub",
            broker.port,
            devices=DEVICES,
            notify__private_networks='["127.0.0.0/8"]',
        )
        hub.command("subscriptions", "add", "crew", hook.url, "--rule", "fire")
        with hub:
            with Publisher(broker.port, stream):
                start_s = kill_under_load(hub, KILLS, chance)
            hub.until_ended(stream.distinct)
            sums = hub.sums_are_exact()
            assert sums["uplinks_stored"] + sums["uplinks_dead"] == stream.distinct
            assert sums["uplinks_dead"] == stream.dead
            assert len(stream.expected) == DEVICES
            doubled = 0
            for asset, expected in stream.expected.items():
                kept = hub.kept(asset, "fill_level")
                doubled += doubles(kept, expected)
                assert kept == expected
            first = stream.expected["bin0"]
            assert hub.readings("bin0", "fill_level") == first
            story = unkilled(tmp_path / "unkilled", stream)
            found = hub.transitions()
            doubled += doubles((row[3] for row in found), {row[3] for row in found})
            assert found == transitions(story.alerts())
            story.hub.close()
            fires = {row[3] for row in found if row[0] == "fire"}
            posts = told(hook)
            assert len(fires) > 20
            assert len(posts) == len(fires)
            assert {id_.split("-")[0] for id_ in posts} == fires
    report(
        "kill -9 of the hub at random moments under load",
        f"{KILLS} kills, {stream.distinct:,} distinct uplinks with duplicates and"
        " malformed ones at full speed",
        lost=stream.distinct - sums["uplinks_stored"] - sums["uplinks_dead"],
        doubled=doubled,
        measured=f"{sums['uplinks_received']:,} received;"
        f" {len(found):,} transitions once each;"
        f" {len(fires):,} notifications, {sum(posts.values()):,} deliveries;"
        f" up again after {start_s:.1f} s",
    )
