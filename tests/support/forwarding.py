"""A story whose hub forwards: pieces of work are done when the test says so."""

import json
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sensorhub.config.influx import InfluxSettings
from sensorhub.forward.forwarder import Forwarder
from sensorhub.forward.influx import WriteResult
from sensorhub.model import Message
from sensorhub.store import forwarding
from sensorhub.store.history_maker import HistoryMaker
from sensorhub.store.jobs import HubAccess
from tests.support.hubs import FULL
from tests.support.opened import close_later
from tests.support.stories import Story

START = 1_795_000_000_000
FLEET = "zone,site,asset,kind,device,profile\n" + "".join(
    f"z1,s1,bin{n},bin,d{n},native\n" for n in range(5)
)
SETTINGS = '[influx]\nurl = "http://127.0.0.1:1"\ntoken = "t"\norg = "o"\n'


class Killed(BaseException):
    """The hub dies here."""


class Sent:
    """Stands for InfluxDB: keeps a value by series, field and time."""

    def __init__(self) -> None:
        self.points: dict[tuple[str, str, int], str] = {}
        self.lines: list[str] = []
        self.first: Callable[[list[str]], None] = lambda _lines: None

    def send(self, lines: list[str]) -> WriteResult:
        self.first(lines)
        self.lines += lines
        for line in lines:
            head, rest = line.split(" ", 1)
            fields, at = rest.rsplit(" ", 1)
            if head.startswith("readings,"):
                for part in fields.split(","):
                    name, value = part.split("=", 1)
                    self.points[head, name, int(at)] = value
        return WriteResult()

    def close(self) -> None:
        pass

    def readings(self) -> list[str]:
        """The lines of readings."""
        return [line for line in self.lines if line.startswith("readings,")]

    def values(self, name: str = "fill_level") -> list[tuple[int, float]]:
        """Times and values of a field, in order of time."""
        found = [
            (at, float(v)) for (_, field, at), v in self.points.items() if field == name
        ]
        return sorted(found)


class Town:
    """A hub in the test with a forwarder that goes step by step."""

    def __init__(
        self, folder: Path, settings: InfluxSettings | None = None, rules: str = FULL
    ) -> None:
        self.story = Story(folder, START, rules, FLEET, SETTINGS)
        self.settings = settings or self.story.settings.influx
        self.influx: Sent | None = None if settings else Sent()
        self.kill_before: Callable[[], bool] = lambda: False
        self.seq = 0
        self.begin()
        close_later(self)

    def begin(self) -> None:
        self.forwarder = Forwarder(
            self.story.place.data,
            self.settings,
            hub=HubAccess(self.story.clock.now, self.submit),
            registry=lambda: self.story.hub.session.registry,
            chance=lambda: 1.0,
        )
        if self.influx is not None:
            self.forwarder._writer = self.influx  # type: ignore[assignment]

    def submit(self, job: Callable[[sqlite3.Connection], object]) -> None:
        if self.kill_before():
            raise Killed
        connection = self.story.hub.connection
        connection.execute("BEGIN IMMEDIATE")
        job(connection)
        connection.execute("COMMIT")

    def close(self) -> None:
        """Give the forwarder's database back; the story gives back its own."""
        self.forwarder._read.close()

    def kill(self) -> None:
        """Nothing more is written; all begins anew from what is on disk."""
        self.close()
        self.story.kill()
        self.begin()

    def restart(self) -> None:
        self.forwarder.stop()
        self.story.stop()
        self.begin()

    def say(self, device: int, at: int | None = None, **values: float) -> None:
        """An uplink of a device comes, measured `at`."""
        self.take([self.uplink(device, at, **values)], at)

    def uplink(self, device: int, at: int | None = None, **values: float) -> Message:
        self.seq += 1
        said: dict[str, Any] = {"seq": self.seq, "m": values}
        if at is not None:
            said["ts"] = at
        topic = f"sensorhub/v1/z1/d{device}/up".encode()
        return Message(topic, json.dumps(said).encode(), 2)

    def take(self, messages: Iterable[Message], now: int | None = None) -> None:
        """A batch comes; not before `now`."""
        self.story.clock.time = max(self.story.clock.time + 1_000, now or 0)
        self.story.take(list(messages))

    def forward(self, most: int = 1_000) -> None:
        """Do all there is to do; fails where InfluxDB takes nothing."""
        for _ in range(most):
            pause = self.forwarder.turn()
            assert not self.forwarder._reason, self.forwarder._reason
            if pause == self.settings.every_s:
                return
        raise AssertionError("it never ends")

    def make_history(self, *, chunks: bool = False) -> HistoryMaker:
        """Segments (and chunks) of all there is."""
        maker = HistoryMaker(
            self.story.place.data,
            self.story.settings.history,
            hub=HubAccess(self.story.clock.now, self.submit),
        )
        close_later(maker._read)
        maker._backlog.ask()
        maker._chunk_all = chunks
        while maker.step():
            pass
        return maker

    def is_exact(self) -> dict[str, int]:
        """forwarded + refused + expired = stored; answers the counters."""
        found = self.story.counters()
        names = (forwarding.FORWARDED, forwarding.REFUSED, forwarding.EXPIRED)
        assert sum(found[name] for name in names) == found["readings_stored"], found
        return found
