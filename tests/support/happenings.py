"""What happens to a small town: uplinks, time, operators; the same for a seed."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sensorhub.alerts.event import rfc3339
from sensorhub.model import RETAIN, Message
from tests.support.stories import HOUR, Story, again, rows_of_csv

START = 1_795_000_000_000  # 2026-11-18
MINUTE = 60_000
RULES = (
    (Path(__file__).parents[2] / "config" / "rules.toml").read_text("utf-8")
    + """
[[rules]]
id = "quick_fill"
kind = "rate"
category = "collect"
measurement = "fill_level"
levels = [{ severity = "warning", raise = 100, clear = 50 }]
text = { zh-CN = "{asset}", en = "{asset}" }

[[rules]]
id = "warm"
kind = "threshold"
category = "clean"
measurement = "temperature"
levels = [
  { severity = "warning", raise = 30, clear = 28 },
  { severity = "urgent", raise = 40, clear = 35 },
]
clear_hold = "5m"
text = { zh-CN = "{asset}", en = "{asset}" }

[[rules]]
id = "foul"
kind = "threshold"
category = "clean"
measurement = "nh3"
select = { kinds = ["toilet"] }
levels = [{ severity = "warning", standard = "gb-t-17217-1998/class-3/nh3", clear = 2 }]
over = "30m"
text = { zh-CN = "{asset}", en = "{asset} {value} {standard}" }

[[rules]]
id = "humid"
kind = "threshold"
category = "clean"
measurement = "humidity"
levels = [{ severity = "warning", raise = 60 }]
text = { zh-CN = "{asset}", en = "{asset}" }
"""
)
COLUMNS = (
    "zone,site,asset,kind,empty_mm,full_mm,device,profile,tags,interval_s,from,until"
)
BINS = [
    f"z1,s1,bin{n},bin,1200,200,b{n},native,daily,{1800 if n < 4 else ''},,"
    for n in range(8)
]
TOILETS = [f"z2,s2,wc{n},toilet,,,w{n},native,,,," for n in range(6)]
CHANGE = rfc3339(START + 9 * HOUR)
MOVED = [  # mountings that begin and end while the story runs
    f"z1,s1,moved1,bin,1200,200,m,native,daily,,{rfc3339(START)},{CHANGE}",
    f"z1,s1,moved2,bin,1200,200,m,native,daily,,{CHANGE},",
]
FLEET = "\n".join(
    [COLUMNS, *BINS, *TOILETS, "z2,s2,wc0,toilet,,,w0b,native,,,,", *MOVED, ""]
)
SPEAKERS = ["b0", "b1", "b2", "b3", "b4", "w0", "w0b", "w1", "w2", "m"]

Act = tuple[str, Any]


def native(zone: str, device: str, body: Any, kind: str = "up") -> Message:
    """A message of the native wire contract, QoS 1."""
    topic = f"sensorhub/v1/{zone}/{device}/{kind}"
    return Message(topic.encode(), json.dumps(body).encode(), 2)


class World:
    """Makes up what happens."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now = START
        self.seq: dict[str, int] = {}
        self.fill: dict[str, float] = {}
        self.count: dict[str, int] = {}
        self.sent: list[Message] = []

    def acts(self, count: int) -> Iterator[Act]:
        chance = self.random
        for _ in range(count):
            kind = chance.random()
            if kind < 0.45:
                yield "batch", [self.message() for _ in range(chance.randint(1, 12))]
            elif kind < 0.93:
                self.now += chance.choice((20_000, 5 * MINUTE, 11 * MINUTE))
                if chance.random() < 0.04:
                    self.now += 3 * HOUR
                yield "tick", (self.now, chance.random() < 0.85)
            else:
                yield self.operator()

    def operator(self) -> Act:
        asset = self.random.choice(["bin1", "bin2", "wc1", "wc2", "moved1"])
        ago = self.random.choice((0, 2 * HOUR))
        kind = self.random.choice(["service"] * 2 + ["silence", "rules", "register"])
        if kind == "service":
            said = {"asset": asset, "kind": "cleaned", "at": self.now - ago}
            return "act", ("service", said)
        if kind == "silence":
            until = self.now + HOUR
            return "act", ("silence", {"asset": asset, "until": until})
        if kind == "rules":
            return "rules", f"{RULES}\n# {self.random.random()}"
        interval = self.random.choice((600, 7200))
        row = f"z1,s1,bin3,bin,1200,200,b3,native,daily,{interval},,"
        return "register", f"{COLUMNS}\n{row}\n"

    def message(self) -> Message:
        pick = self.random.random()
        if self.sent and pick < 0.08:
            return self.random.choice(self.sent[-60:])
        if pick < 0.12:
            return self.random.choice(self.odd())
        device = self.random.choice(SPEAKERS)
        zone = "z1" if device[0] in "bm" else "z2"
        if pick < 0.16:
            birth = {"state": "online", "firmware": "2", "interval_s": 900}
            said = self.random.choice([birth, {"state": "offline"}])
            return native(zone, device, said, "status")
        body: dict[str, Any] = {"m": self.values(device)}
        if self.random.random() < 0.9:
            self.seq[device] = self.seq.get(device, 0) + 1
            body["seq"] = self.seq[device]
        if self.random.random() < 0.8:
            body["ts"] = self.now - self.random.choice((0, 0, 0, 1000, 20 * MINUTE))
        if self.random.random() < 0.03:
            body["ts"] = self.now + self.random.choice((2 * HOUR, -960 * HOUR))
        if self.random.random() < 0.5:
            body["via"] = self.random.choice(("gw-1", "gw-1", "gw-2"))
        message = native(zone, device, body)
        if body.keys() & {"ts", "seq"}:  # what carries no mark is new after a minute
            self.sent.append(message)
        return message

    def values(self, device: str) -> dict[str, float]:
        chance = self.random
        if device[0] == "w":
            self.count[device] = self.count.get(device, 65_300) + chance.randint(0, 60)
            if chance.random() < 0.02:
                self.count[device] = 3
            return {
                "nh3": round(max(0.0, chance.gauss(3, 3)), 2),
                "count_in": self.count[device] % 65_536,
                "humidity": chance.choice((55, 65)),
                "leak": int(chance.random() < 0.1),
                "temperature": float(chance.choice((0, 25, 35))),
            }
        fill = self.fill.get(device, 20.0) + chance.uniform(0, 14)
        if fill > 105 or chance.random() < 0.05:
            fill = chance.uniform(0, 10)
        self.fill[device] = fill
        values = {
            "temperature": round(chance.gauss(30, 12), 1),
            "battery": chance.choice((10, 20, 30, 90)),
            "tilted": int(chance.random() < 0.4),
        }
        if device == "b4":
            return values | {"distance": round(1200 - 10 * fill)}
        return values | {"fill_level": round(fill, 1)}

    def odd(self) -> list[Message]:
        late = {"ts": self.now - 30 * MINUTE, "m": {"fill_level": 99}}
        once = self.random.random()
        here = {"ts": self.now, "m": {"fill_level": 2}}
        topic = b"sensorhub/v1/z1/b0/up"
        return [
            native("z1", "nobody", {"seq": 1, "m": {"fill_level": 1}}),
            native("z1", "b5", {"m": {"fill_level": 900 + once}}),
            native("z1", "b6", {"m": {"temperature": 200 + once, "battery": 50}}),
            native("z2", "b7", [late, here]),
            Message(topic, b"\xff\xfe{%f" % once, 2),
            Message(b"nowhere", b"%f" % once, 2),
            Message(topic, b'{"m":{"fill_level":50}}', 2 | RETAIN),
        ]


def do(story: Story, act: Act, how: str = "whole") -> None:
    """One act; `how` says when the hub dies within it, if at all."""
    kind, what = act
    if kind == "tick":
        story.clock.time, story.heard = what
    elif kind == "act":
        story.act(what[0], **what[1])
    elif kind == "rules":
        story.act("rules_file", text=what)
    elif kind == "register":
        story.act("fleet_import", rows=rows_of_csv(what))
    elif how == "whole":
        story.take(what)
    else:
        story.take(what, commit=how == "before acknowledgement")
        story.kill()
        story.take(again(what))
    story.tick()
