"""Time, order and doubles: what holds for any uplinks in any order."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sensorhub.model import DUP, RETAIN, Message
from tests.support.town import DAY, FIRE, HOUR, MINUTE, NOW, UP, Town, native, uplink

COUNT = """
[[rules]]
id = "visits"
kind = "count_since"
category = "clean"
measurement = "count_in"
levels = [{severity = "warning", raise = 60}]
text = {zh-CN = "人", en = "visits"}

[[rules]]
id = "quick"
kind = "rate"
category = "collect"
measurement = "fill_level"
levels = [{severity = "warning", raise = 100, clear = 10}]
text = {zh-CN = "快", en = "quick"}

[[rules]]
id = "held"
kind = "threshold"
category = "collect"
measurement = "fill_level"
levels = [{severity = "warning", raise = 60, clear = 50}]
hold = "20m"
clear_hold = "20m"
k = 2
n = 3
max_gap = "1h"
text = {zh-CN = "久", en = "held"}

[[rules]]
id = "forecast"
kind = "forecast"
category = "collect"
levels = [
  {severity = "warning", chance = "due", raise = 60, clear = 30},
  {severity = "urgent", chance = "soon", raise = 40, clear = 20},
  {severity = "danger", chance = "overfull", raise = 40, clear = 20},
]
text = {zh-CN = "将满", en = "forecast"}
"""
RULES = UP + FIRE + COUNT
ASSETS = ("bin-1", "bin-2", "wc-1")

VALUES = st.fixed_dictionaries(
    {},
    optional={
        "fill_level": st.sampled_from([5, 29, 55, 60, 75, 80, 90, 95, 101, 400]),
        "temperature": st.sampled_from([20, 40, 55, 70, float("inf")]),
        "count_in": st.integers(0, 130),
        "smell": st.just(1),
    },
)
TIMES = st.none() | st.sampled_from(
    [*(m * MINUTE for m in range(-120, 5, 7)), -31 * DAY, DAY, HOUR]
)
NATIVE = st.builds(
    lambda device, values, ts, seq, flags: native(
        device,
        values,
        flags=flags,
        **({} if ts is None else {"ts": NOW + ts}),
        **({} if seq is None else {"seq": seq}),
    ),
    st.sampled_from(["d1", "d1", "d2", "w1", "nobody"]),
    VALUES,
    TIMES,
    st.none() | st.integers(0, 30),
    st.sampled_from([2, 2, 2, 2, 2 | DUP, RETAIN]),
)
MANY = st.builds(
    lambda records: uplink(json.dumps(records).encode()),
    st.lists(
        st.fixed_dictionaries(
            {"m": VALUES},
            optional={"ts": st.integers(NOW - HOUR, NOW), "seq": st.just(3)},
        ),
        max_size=4,
    ),
)
POISON = st.builds(
    uplink,
    st.binary(max_size=12),
    st.sampled_from(["sensorhub/v1/east/d1/up", "a/b", "v3/x/devices/d1/up"]),
)
UPLINKS = st.lists(st.one_of(NATIVE, NATIVE, NATIVE, MANY, POISON), max_size=30)
FEW = settings(
    max_examples=25,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def run(batches: Iterable[list[Message]]) -> dict[str, Any]:
    """What a town makes of batches that come at one moment."""
    with TemporaryDirectory() as folder:
        town = Town(Path(folder), RULES)
        for batch in batches:
            town.take(batch)
        stored, duplicate, dead = town.ends()
        found = {
            "ends": (stored, duplicate, dead),
            "readings": {
                a: sorted(town.readings(a)) for a in ("bin-1", "bin-2", "wc-1")
            },
            "transitions": [
                (v["rule"], v["asset"], t["id"], t["to"], t["severity"])
                for v in town.alerts()
                for t in v["transitions"]
            ],
            "counters": {
                row[0]: row[1]
                for row in town.hub.connection.execute("SELECT * FROM counters")
            },
            "letters": Counter(
                town.hub.connection.execute("SELECT reason, payload FROM dead_letters")
            ),
            "services": town.hub.connection.execute(
                "SELECT asset, kind, at, by_ FROM services ORDER BY asset, id"
            ).fetchall(),
        }
        town.hub.close()
        return found


@FEW
@given(UPLINKS, st.data())
def test_the_size_of_batches_changes_nothing(
    messages: list[Message], data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(messages)))))
    parts = [
        messages[a:b] for a, b in zip([0, *cuts], [*cuts, len(messages)], strict=True)
    ]
    whole, split = run([messages]), run(parts)
    assert whole == split
    assert whole == run([message] for message in messages)


@FEW
@given(UPLINKS, st.data())
def test_a_doubled_uplink_never_adds_anything(
    messages: list[Message], data: st.DataObject
) -> None:
    doubled = list(messages)
    for _ in range(data.draw(st.integers(1, 5)) if messages else 0):
        picked = data.draw(st.integers(0, len(messages) - 1))
        first = doubled.index(messages[picked])
        later = data.draw(st.integers(first + 1, len(doubled)))
        doubled.insert(later, messages[picked])
    one, two = run([messages]), run([doubled])
    for name in ("readings", "transitions", "letters", "services"):
        assert one[name] == two[name], name
    assert one["ends"][0] == two["ends"][0]
    assert one["ends"][2] == two["ends"][2]
    assert sum(two["ends"]) - sum(one["ends"]) == len(doubled) - len(messages)


@FEW
@given(UPLINKS)
def test_distinct_sent_is_stored_and_dead(messages: list[Message]) -> None:
    plain = [m for m in messages if not m.flags & RETAIN]
    clear = [m for m in plain if b'"seq"' in m.payload or b'"ts"' in m.payload]
    distinct = {(m.topic, m.payload) for m in clear}
    stored, _, dead = run([clear])["ends"]
    assert stored + dead == len(distinct)


@FEW
@given(st.permutations([(m, f) for m, f in enumerate((5, 60, 75, 85, 95, 40, 20))]))
def test_readings_in_any_order_are_all_kept_and_only_newer_ones_decide(
    order: list[tuple[int, int]],
) -> None:
    messages = [
        native("d1", {"fill_level": fill}, ts=NOW - HOUR + minute * MINUTE, seq=minute)
        for minute, fill in order
    ]
    found = run([messages])
    assert len(found["readings"]["bin-1"]) == 7
    newest, states, firing = -1, [], False
    for minute, fill in order:
        if minute > newest:
            newest = minute
            firing = fill >= 80 or (firing and fill >= 70)
            states.append(firing)
    rises = sum(
        now and not was for was, now in zip([False, *states], states, strict=False)
    )
    steps = [t for t in found["transitions"] if t[0] == "full" and t[3] == "firing"]
    assert len(steps) == rises
