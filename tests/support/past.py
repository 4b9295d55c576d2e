"""Past uplinks as files, and the same past told to a hub moment by moment."""

import base64
import json
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sensorhub.alerts.event import rfc3339
from sensorhub.model import DUP, RETAIN, Message
from tests.support.town import HOUR, MINUTE, NOW, SECOND, native

Came = tuple[int, Message]
RULES = """
[[rules]]
id = "full"
kind = "threshold"
category = "collect"
measurement = "fill_level"
levels = [
  { severity = "warning", raise = 80, clear = 70 },
  { severity = "urgent", raise = 90, clear = 80 },
]
hold = "10m"
max_gap = "6h"
text = { zh-CN = "满", en = "full" }

[[rules]]
id = "late"
kind = "overdue"
category = "collect"
select = { tags = ["daily"] }
levels = [
  { severity = "warning", raise = 4 },
  { severity = "urgent", raise = 9 },
]
text = { zh-CN = "迟", en = "late" }

[[rules]]
id = "silent"
kind = "no_data"
category = "device"
levels = [{ severity = "device", raise = 0 }]
intervals = 3
at_least = "40m"
schedule = { from = "06:00", until = "22:00" }
text = { zh-CN = "无", en = "silent" }
"""
FLEET = "zone,site,asset,kind,tags,device,profile,interval_s,from,until\n" + "".join(
    f"z,s,bin{n % 36},bin,{'' if n % 36 % 3 else 'daily'},d{n},native,"
    f"{180 * (1 + n % 3)},,\n"
    for n in range(42)  # some bins have two sensors
)


def line(at: int, message: Message) -> dict[str, Any]:
    """A line of uplinks.jsonl."""
    said: dict[str, Any] = {
        "received_at": rfc3339(at),
        "topic": message.topic.decode(),
        "payload": base64.b64encode(message.payload).decode(),
    }
    for name, bit in (("retain", RETAIN), ("dup", DUP)):
        if message.flags & bit:
            said[name] = True
    return said


def write(path: Path, past: Iterable[Came]) -> Path:
    """The past as JSON lines."""
    text = "".join(json.dumps(line(*came)) + "\n" for came in past)
    path.write_text(text, "utf-8")
    return path


def past(seed: int, hours: int = 9, devices: int = 42) -> list[Came]:
    """Uplinks of bins that fill, are emptied, fall silent; some clocks are wrong."""
    return sorted(_all(random.Random(seed), hours, devices), key=lambda came: came[0])


def _all(chance: random.Random, hours: int, devices: int) -> Iterator[Came]:
    jump = NOW + chance.randrange(1, 6) * HOUR  # the hub's clock falls behind
    for n in range(devices):
        every = 180 * SECOND * (1 + n % 3)
        at = NOW + chance.randrange(every)
        fill, seq, ahead = chance.uniform(0, 60), 0, chance.random() < 0.1
        while at < NOW + hours * HOUR:
            at += every + chance.randrange(-20, 20) * SECOND
            if chance.random() < 0.02:
                at += chance.randrange(4 * HOUR)
            fill = 2.0 if fill > 96 or chance.random() < 0.01 else fill + 1.5
            seq += 1
            fast = ahead or jump <= at < jump + 2 * HOUR
            ts = at + (20 * MINUTE if fast else -chance.randrange(2_000))
            message = native(f"d{n}", {"fill_level": fill}, zone="z", seq=seq, ts=ts)
            yield at, message
            if chance.random() < 0.05:
                yield at + chance.randrange(3 * SECOND), message
            if chance.random() < 0.02:
                body = {"state": "online", "interval_s": every / 1000 / 2}
                topic = f"sensorhub/v1/z/d{n}/status".encode()
                yield at, Message(topic, json.dumps(body).encode(), 0)
