"""A device spoke: outcomes, duplicates, topics; and the sums are right."""

import json
from pathlib import Path
from typing import Any

import pytest

from sensorhub.columns import unpack_notes
from sensorhub.model import DUP, RETAIN, Message, Quality, Reason
from tests.support.town import FLEET, HOUR, MINUTE, NOW, UP, Town, native, uplink

F = {"fill_level": 10}
T = {"temperature": 20}


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path, UP)


def letters(town: Town) -> list[tuple[str, str]]:
    rows = town.hub.connection.execute(
        "SELECT reason, device FROM dead_letters ORDER BY id"
    )
    return [tuple(row) for row in rows]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (native("nobody", F), "unknown_device"),
        (uplink(b"x", "a/b"), "unknown_topic"),
        (uplink(b"x", "sensorhub/v1/east/d1/down"), "unknown_topic"),
        (uplink(b"\xff"), "bad_payload"),
        (uplink(b"{}"), "bad_payload"),
        (uplink(b'{"m": {}}'), "nothing_usable"),
        (uplink(b'{"m": {"smell": 3}}'), "nothing_usable"),
        (uplink(b'{"m": {"fill_level": 500}}'), "nothing_usable"),
        (uplink(b'{"m": {"fill_level": "x"}}'), "nothing_usable"),
        (uplink(b'{"m": {"fill_level": 1}}' + b" " * 70_000), "too_large"),
        (
            uplink(b"{", "application/1/device/ab/event/up"),
            "bad_envelope",
        ),
    ],
)
def test_what_cannot_be_used_is_a_dead_letter_with_its_reason(
    town: Town, message: Message, reason: str
) -> None:
    town.take([message, native("d1", F, seq=1)])
    assert town.ends() == (1, 0, 1)
    assert [row[0] for row in letters(town)] == [reason]
    assert town.count(f"uplink_{reason}") == 1


@pytest.mark.parametrize(
    ("body", "stored", "rejected"),
    [
        ({"m": {"fill_level": 10, "temperature": 500}}, 1, 1),
        ({"m": {"fill_level": 10, "smell": 5}}, 1, 0),
        ({"m": {"fill_level": 10, "temperature": None}}, 1, 0),
        ([{"m": F}, {"m": {"temperature": 20}}], 2, 0),
    ],
)
def test_one_usable_value_stores_the_uplink_and_the_others_are_counted(
    town: Town, body: Any, stored: int, rejected: int
) -> None:
    town.take([uplink(json.dumps(body).encode())])
    assert town.ends() == (1, 0, 0)
    assert town.count("readings_stored") == stored
    assert town.count("readings_rejected") == rejected


def test_a_rejected_value_is_kept_with_its_reason_and_moves_nothing(town: Town) -> None:
    town.take([native("d1", {"fill_level": 500, "temperature": 20}, seq=1)])
    (kept,) = town.readings("bin-1", "fill_level")
    assert (kept.value, kept.quality, kept.reason) == (
        500,
        Quality.REJECTED,
        Reason.RANGE,
    )
    assert town.open() == {}


# -- duplicates --


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({"seq": 1, "ts": NOW}, {"seq": 1, "ts": NOW}, (1, 1, 0)),
        ({"seq": 1}, {"seq": 2}, (2, 0, 0)),
        ({"ts": NOW}, {"ts": NOW}, (1, 1, 0)),
        ({"ts": NOW}, {"ts": NOW - 1}, (2, 0, 0)),
        ({}, {}, (1, 1, 0)),
    ],
)
@pytest.mark.parametrize("together", [True, False])
def test_the_same_seq_and_content_is_a_duplicate(
    town: Town,
    first: dict[str, Any],
    second: dict[str, Any],
    expected: tuple[int, int, int],
    together: bool,
) -> None:
    messages = [native("d1", F, **first), native("d1", F, **second)]
    for batch in [messages] if together else [[m] for m in messages]:
        town.take(batch)
    assert town.ends() == expected


@pytest.mark.parametrize("together", [True, False])
def test_the_same_seq_with_other_content_is_new_and_counted(
    town: Town, together: bool
) -> None:
    messages = [native("d1", {"fill_level": v}, seq=1) for v in (1, 2, 3)]
    for batch in [messages] if together else [[m] for m in messages]:
        town.take(batch)
    assert town.ends() == (3, 0, 0)
    assert town.count("seq_reset") == 2


def test_a_device_that_joins_anew_may_say_the_same_again(tmp_path: Path) -> None:
    """Its counter begins at 0; a copy through another gateway stays a duplicate."""
    eui = "24e124713c000001"
    fleet = FLEET + f"east,park,bin-9,bin,{eui},milesight-em400-tld,,,,,\n"
    town = Town(tmp_path, UP, fleet)

    def frame(address: str, id_: str) -> Message:
        body = {
            "deduplicationId": id_,
            "deviceInfo": {"devEui": eui},
            "devAddr": address,
            "time": "2026-01-01T00:00:00Z",
            "fPort": 85,
            "data": "AXVk",
        }
        topic = f"application/1/device/{eui}/event/up"
        return uplink(json.dumps(body).encode(), topic)

    town.take([frame("01000001", "a"), frame("01000001", "b")])
    town.take([frame("01000002", "c"), frame("01000001", "a")])
    town.take([frame("01000002", "c")])
    assert town.ends() == (2, 3, 0)


def test_the_same_words_of_two_devices_are_two_uplinks(town: Town) -> None:
    town.take([native("d1", F, seq=1), native("d2", F, seq=1)])
    assert town.ends() == (2, 0, 0)
    assert town.count("seq_reset") == 0


def test_a_bare_uplink_is_known_again_for_a_minute(town: Town) -> None:
    for after, expected in ((0, 1), (59_999, 1), (1, 2), (59_999, 2), (2 * MINUTE, 3)):
        town.clock.time += after
        town.take([native("d1", F)])
        assert town.ends()[0] == expected


def test_a_bare_uplink_sent_again_by_the_broker_is_known_longer(town: Town) -> None:
    town.take([native("d1", F)])
    town.clock.time += 10 * MINUTE
    town.take([native("d1", F, flags=2 | DUP)])
    assert town.ends() == (1, 1, 0)
    town.take([native("d1", {"fill_level": 11}, flags=2 | DUP)])
    assert town.ends() == (2, 1, 0)


@pytest.mark.parametrize("payload", [b"\xff", b"{}"])
def test_poison_is_known_again_too(town: Town, payload: bytes) -> None:
    town.take([uplink(payload), uplink(payload)])
    town.take([uplink(payload)])
    assert town.ends() == (0, 2, 1)
    assert len(letters(town)) == 1


def test_an_unknown_devices_double_is_known_by_its_seq(town: Town) -> None:
    town.take([native("new", F, seq=1)])
    town.clock.time += HOUR
    town.take([native("new", F, seq=1), native("new", F, seq=2)])
    assert town.ends() == (0, 1, 2)


def crowd(town: Town, count: int) -> None:
    """So many uplinks of d2, in batches; nothing is estimated from a temperature."""
    for first in range(0, count, 4096):
        numbers = range(first, min(first + 4096, count))
        town.take([native("d2", T, seq=seq) for seq in numbers])


def test_a_devices_own_window_holds_16_when_the_large_one_has_passed(
    town: Town,
) -> None:
    sent = [native("d1", F, seq=seq) for seq in range(17)]
    town.take(sent)
    crowd(town, 70_000)
    assert len(town.hub.session.state.dedup.recent.keys) < 70_000
    town.take(sent)
    assert town.count("uplinks_duplicate") == 16
    town.take([native("d2", T, seq=0)])  # beyond both windows: merged by history
    assert town.count("uplinks_duplicate") == 16


def test_the_window_of_all_topics_holds_65536(town: Town) -> None:
    sent = [native("nobody", F, seq=1)]  # has no window of its own
    town.take(sent)
    crowd(town, 65_535)
    town.take(sent)
    assert town.count("uplinks_duplicate") == 1


def test_the_window_of_all_topics_holds_more_than_16_of_a_device(town: Town) -> None:
    sent = [native("d1", F, seq=i) for i in range(200)]
    town.take(sent)
    town.take(sent)
    assert town.ends() == (200, 200, 0)


@pytest.mark.parametrize(
    "message",
    [
        native("d1", F, seq=1, flags=2 | RETAIN),
        native("nobody", F, flags=RETAIN),
        Message(b"a/b", b"\xff", RETAIN),
    ],
)
def test_a_retained_message_is_a_duplicate_though_never_seen(
    town: Town, message: Message
) -> None:
    town.take([message])
    assert town.ends() == (0, 1, 0)
    assert town.count("uplink_retained") == 1
    town.take([native("d1", F, seq=1)])
    assert town.ends() == (1, 1, 0)


def test_a_retained_message_of_a_network_server_is_a_duplicate_too(
    tmp_path: Path,
) -> None:
    eui = "24e124713c000001"
    fleet = FLEET + f"east,park,bin-9,bin,{eui},milesight-em400-tld,,,,,\n"
    town = Town(tmp_path, UP, fleet)
    body = {"deviceInfo": {"devEui": eui}, "fCnt": 1, "fPort": 85, "data": "AXVk"}
    fresh = uplink(json.dumps(body).encode(), f"application/1/device/{eui}/event/up")
    town.take([fresh._replace(flags=fresh.flags | RETAIN)])
    assert town.ends() == (0, 1, 0)
    assert town.count("uplink_retained") == 1
    town.take([fresh])
    assert town.ends() == (1, 1, 0)


def test_doubles_are_known_again_after_a_kill(town: Town) -> None:
    town.take([native("d1", F, seq=1), native("d1", F), uplink(b"\xff")])
    town.kill()
    town.take([native("d1", F, seq=1), native("d1", F), uplink(b"\xff")])
    assert town.ends() == (2, 3, 1)


# -- topics --


def test_the_register_decides_the_zone_and_a_mismatch_is_counted(town: Town) -> None:
    town.take([native("d1", F, zone="west", seq=1), native("d1", F, seq=2)])
    assert town.ends() == (2, 0, 0)
    assert town.count("zone_mismatches") == 1
    assert len(town.readings("bin-1")) == 2


def test_status_is_an_event_and_no_heartbeat(town: Town) -> None:
    town.up("d1", fill_level=5)
    before = town.hub.session.state.reception.last_received.copy()
    topic = "sensorhub/v1/east/d1/status"
    town.clock.time += HOUR
    for body in (
        b'{"state":"online","interval_s":60}',
        b"junk",
        b'{"state":"offline"}',
    ):
        town.take([uplink(body, topic)])
    assert (town.hub.session.state.reception.last_received == before).all()
    assert town.ends() == (1, 0, 0)
    assert town.count("events_received") == 3
    row = town.hub.connection.execute("SELECT state, interval_s FROM availability")
    assert row.fetchall() == [("offline", 60)]
    assert town.hub.session.registry.interval_ms[1] == 60_000


def test_a_device_that_is_not_mounted_is_stored_and_moves_no_asset(
    tmp_path: Path,
) -> None:
    ended = "east,park,bin-2,bin,d2,native,,,,,2026-01-01"
    fleet = FLEET.replace("east,park,bin-2,bin,d2,native,,,,,", ended)
    town = Town(tmp_path, UP, fleet)
    town.up("d2", fill_level=95)
    town.up("d2", MINUTE, fill_level=2)
    assert town.ends() == (2, 0, 0)
    assert town.alerts() == []
    rows = town.hub.connection.execute("SELECT kind FROM services").fetchall()
    assert rows == []


def test_a_profile_that_is_gone_makes_dead_letters_that_say_so(tmp_path: Path) -> None:
    eui = "24e124713c000001"
    fleet = FLEET + f"east,park,bin-9,bin,{eui},milesight-em400-tld,,,,,\n"
    town = Town(tmp_path, UP, fleet, known={})
    body = {
        "deviceInfo": {"devEui": eui},
        "fCnt": 1,
        "fPort": 85,
        "data": "AXVk",
    }
    topic = f"application/1/device/{eui}/event/up"
    town.take([uplink(json.dumps(body).encode(), topic), native("d1", F, seq=1)])
    assert town.ends() == (1, 0, 1)
    assert letters(town) == [("bad_payload", eui)]


def test_what_comes_late_is_kept_and_counted_and_decides_nothing(town: Town) -> None:
    town.take([native("d1", F, seq=2, ts=NOW)])
    late = native("d1", {"fill_level": 99}, seq=1, ts=NOW - HOUR)
    change_set = town.take([late, native("d2", F, seq=1, ts=NOW)])
    assert town.count("readings_late") == 1
    assert not change_set.transitions
    assert [r.value for r in town.readings("bin-1")] == [99, 10]


def test_a_time_that_was_replaced_is_kept_beside_the_reading(town: Town) -> None:
    change_set = town.take([native("d1", F, seq=1, ts=NOW + 10 * HOUR)])
    assert change_set.journal is not None
    assert unpack_notes(change_set.journal.body).device_times == [(0, NOW + 10 * HOUR)]


def test_a_record_without_a_time_in_an_array_was_measured_when_received(
    town: Town,
) -> None:
    body = f'[{{"ts":{NOW - HOUR},"m":{{"fill_level":1}}}},{{"m":{{"fill_level":3}}}}]'
    town.take([uplink(body.encode())])
    found = [(r.measured_at, r.value) for r in town.readings("bin-1")]
    assert found == [(NOW - HOUR, 1), (NOW, 3)]


def test_readings_of_a_device_on_no_asset_can_still_be_looked_at(town: Town) -> None:
    town.hub.connection.execute("DELETE FROM mountings WHERE device = 1")
    town.hub.rebuild()
    device = town.hub.session.registry.device_ids[1]
    town.take([native(device, F, seq=1, ts=NOW)])
    assert [r.value for r in town.readings(device)] == [10]
