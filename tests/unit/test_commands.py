"""An operator acted: every kind of act, and every way to be refused."""

from pathlib import Path
from typing import Any

import pytest

from sensorhub.fleet import one_row
from sensorhub.hub.commands.dispatcher import HANDLERS
from sensorhub.store.hot import commands
from tests.support.town import (
    DAY,
    FLEET,
    HOUR,
    MINUTE,
    NOW,
    SHIPPED,
    UP,
    Town,
    native,
    uplink,
)

SECRET = "whsec_" + "A" * 32
SUBSCRIBE: dict[str, Any] = {
    "id": "a",
    "url": "https://x.example/",
    "choice": {},
    "secret": SECRET,
}


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path, UP)


def fired(town: Town) -> str:
    town.up("d1", fill_level=85)
    id_: str = town.alerts(all_=False)[0]["id"]
    return id_


REFUSALS: list[tuple[str, dict[str, Any], str]] = [
    ("dance", {}, "no such command"),
    ("acknowledge", {"alert": "0000"}, "no open alert '0000'"),
    ("acknowledge", {"alert": ""}, "no open alert"),
    ("acknowledge", {}, "acknowledge needs 'alert'"),
    ("acknowledge", {"alert": None}, "internal error"),
    ("assign", {"alert": "0000", "to": "li"}, "no open alert"),
    ("silence", {"zone": "east", "until": NOW}, "must end in the future"),
    ("silence", {"until": NOW + 1}, "at least a zone, an asset or a rule"),
    ("silence", {"zone": "east"}, "silence needs 'until'"),
    ("silence", {"zone": "east", "until": "soon"}, "invalid literal"),
    ("silence", {"zone": "moon", "until": NOW + 1}, "no such zone: 'moon'"),
    ("silence", {"asset": "bin-99", "until": NOW + 1}, "no such asset"),
    ("silence", {"rule": "flood", "until": NOW + 1}, "no such rule"),
    (
        "silence",
        {"zone": "east", "from": NOW + 9, "until": NOW + 9},
        "must end after it begins",
    ),
    ("unsilence", {"silence": 7}, "no silence 7"),
    ("service", {"asset": "bin-99", "kind": "emptied"}, "no such asset"),
    ("service", {"asset": "bin-1", "kind": "painted"}, "emptied or cleaned"),
    (
        "service",
        {"asset": "bin-1", "kind": "emptied", "at": NOW + 2 * MINUTE},
        "in the future",
    ),
    ("fleet_import", {}, "fleet_import needs 'rows'"),
    (
        "fleet_import",
        {"rows": one_row({"asset": "bin-1", "zone": "west"}).to_json()},
        "zone",
    ),
    ("adopt", {"device": "d1", "asset": "nowhere", "profile": "native"}, "nowhere"),
    ("rules_file", {"text": "[[rules]]\nid = 5"}, "rules.toml"),
    ("rules_file", {"text": "["}, "syntax"),
    ("rules_apply", {"text": "["}, "syntax"),
    ("rules_rollback", {"version": 99}, "no version 99"),
    ("subscribe", {"id": "a"}, "subscribe needs 'choice'"),
    ("subscribe", SUBSCRIBE | {"id": "a b"}, "is no id"),
    ("subscribe", SUBSCRIBE | {"url": "ftp://x"}, "is no address"),
    ("subscribe", SUBSCRIBE | {"secret": "x"}, "secret"),
    ("subscribe", SUBSCRIBE | {"choice": {"zones": 3}}, "zones"),
    ("unsubscribe", {"id": "nobody"}, "no such subscription"),
    ("downlink", {"device": "nobody", "kind": "reboot"}, "no such device"),
    ("downlink", {"device": "d1", "kind": "dance"}, "a downlink is one of interval"),
    ("downlink", {"device": "d1", "kind": "interval", "interval_s": 0}, "1 s to"),
    ("downlink", {"device": "d1", "kind": "interval"}, "downlink needs 'interval_s'"),
    (
        "downlink",
        {"device": "d1", "kind": "thresholds", "thresholds": {"smell": 3}},
        "no such measurement: 'smell'",
    ),
    ("downlink", {"device": "d1", "kind": "data", "data": {}}, "data is for the codec"),
    ("codec_on", {"codec": "eye.js"}, "'eye.js' is not switched off"),
    ("replay", {}, "replay needs 'ids'"),
    ("influx_retry", {}, "influx.url is not set"),
]


@pytest.mark.parametrize(("kind", "arguments", "what"), REFUSALS)
def test_an_act_that_cannot_be_done_is_refused_in_words_and_changes_nothing(
    town: Town, kind: str, arguments: dict[str, Any], what: str
) -> None:
    fired(town)
    before = town.alerts(), town.hub.session.rules_version
    result = town.act(kind, **arguments)
    assert what in result["error"]
    assert (town.alerts(), town.hub.session.rules_version) == before
    town.kill()
    assert town.commands.apply_waiting() is False
    assert town.open() == {("full", "bin-1"): "warning"}


def test_every_kind_of_act_is_refused_somewhere_or_cannot_be() -> None:
    assert HANDLERS.keys() - {kind for kind, _, _ in REFUSALS} == {"purge"}


def test_an_act_that_breaks_while_it_is_written_is_finished_too(town: Town) -> None:
    fired(town)
    broken: dict[str, Any] = {
        "zone": "east",
        "until": NOW + HOUR,
        "comment": {"not": "text"},
    }
    assert "internal error" in town.act("silence", **broken)["error"]
    town.kill()
    assert town.commands.apply_waiting() is False
    town.up("d2", fill_level=85)
    assert len(town.open()) == 2


def test_acknowledging_says_who_and_when_and_leaves_the_alert_open(town: Town) -> None:
    id_ = fired(town)
    result = town.act("acknowledge", alert=id_[:6], note="on my way", by="li")
    assert result == {"alert": id_, "acknowledged_by": "li"}
    town.kill()
    (view,) = town.alerts(all_=False)
    assert (view["state"], view["acknowledged_by"]) == ("firing", "li")
    note = {"at": "2026-11-18T11:06:40.000Z", "by": "li"}
    assert view["notes"] == [note | {"text": "acknowledged: on my way"}]


def test_a_beginning_that_fits_two_alerts_is_refused(town: Town) -> None:
    fired(town)
    town.up("d2", fill_level=85)
    one, other = town.hub.session.lifecycle.open_alerts()
    one.id, other.id = "abcd1", "abcd2"
    assert "2 open alerts begin" in town.act("acknowledge", alert="abcd")["error"]


def test_a_resolved_alert_cannot_be_acknowledged(town: Town) -> None:
    id_ = fired(town)
    town.up("d1", MINUTE, fill_level=5)
    assert "no open alert" in town.act("acknowledge", alert=id_)["error"]


def test_assigning_says_to_whom(town: Town) -> None:
    id_ = fired(town)
    assert town.act("assign", alert=id_, to="crew 3")["assigned_to"] == "crew 3"
    (view,) = town.alerts()
    assert view["assigned_to"] == "crew 3"
    assert view["notes"][0]["text"] == "assigned to crew 3"


def test_a_silence_can_begin_later(town: Town) -> None:
    town.subscribe()
    later: dict[str, Any] = {"from": NOW + HOUR, "until": NOW + 2 * HOUR}
    town.act("silence", zone="east", **later)
    assert town.told(town.up("d1", MINUTE, fill_level=85)) == ["full firing warning"]
    assert town.told(town.up("d1", HOUR, fill_level=95)) == []


@pytest.mark.parametrize("kind", ["emptied", "cleaned"])
def test_a_service_is_written_down_with_who_said_it(town: Town, kind: str) -> None:
    result = town.act("service", asset="bin-1", kind=kind, at=NOW - HOUR, by="li")
    assert result == {"asset": "bin-1", "kind": kind, "at": NOW - HOUR}
    row = town.hub.connection.execute("SELECT asset, kind, at, by_ FROM services")
    assert row.fetchall() == [(1, kind, NOW - HOUR, "li")]


def test_a_register_change_is_told_in_numbers_and_is_live_at_once(town: Town) -> None:
    town.up("d1", fill_level=85)
    row = {"asset": "bin-1", "device": "d7", "profile": "native"}
    result = town.act("fleet_import", rows=one_row(row).to_json())
    assert (result["added"], result["changed"]) == (2, 0)
    town.up("d7", MINUTE, fill_level=95)
    assert town.ends() == (2, 0, 0)
    assert town.open() == {("full", "bin-1"): "urgent"}


def test_adopting_a_device_replays_what_was_kept_and_raises_nothing(town: Town) -> None:
    for seq in range(3):
        town.take([native("new", {"fill_level": 90 + seq}, seq=seq, ts=NOW + seq)])
    result = town.act("adopt", device="new", asset="bin-2", profile="native")
    assert (result["kept"], result["replayed"]) == (3, 3)
    assert [r.value for r in town.readings("bin-2")] == [90, 91, 92]
    assert town.alerts() == []
    assert town.ends() == (0, 0, 3)
    assert town.count("uplinks_replayed") == 3
    town.take([native("new", {"fill_level": 90}, seq=0, ts=NOW)])  # sent again
    assert [r.value for r in town.readings("bin-2")] == [90, 91, 92]
    town.take([native("new", {"fill_level": 95}, seq=9, ts=NOW + 9)])
    assert town.open() == {("full", "bin-2"): "urgent"}


def test_replaying_counts_what_is_still_dead_and_replays_nothing_twice(
    town: Town,
) -> None:
    town.take([native("d8", {"fill_level": 1}, seq=1), uplink(b"\xff")])
    ids = [r[0] for r in town.hub.connection.execute("SELECT id FROM dead_letters")]
    assert town.act("replay", ids=ids) == {"replayed": 0, "still_dead": 2}
    row = {"asset": "bin-1", "device": "d8", "profile": "native"}
    town.act("fleet_import", rows=one_row(row).to_json())
    assert town.act("replay", ids=[*ids, 999]) == {"replayed": 1, "still_dead": 1}
    assert town.act("replay", ids=ids) == {"replayed": 0, "still_dead": 1}
    assert town.count("uplinks_replayed") == 1


def test_a_replayed_dead_letter_sent_again_is_a_duplicate(town: Town) -> None:
    sent = native("d8", {"fill_level": 1}, seq=1)
    town.take([sent])
    row = {"asset": "bin-1", "device": "d8", "profile": "native"}
    town.act("fleet_import", rows=one_row(row).to_json())
    assert town.act("replay", ids=[1]) == {"replayed": 1, "still_dead": 0}
    town.take([sent])
    assert town.ends() == (0, 1, 1)
    town.kill()
    town.take([sent])
    assert town.ends() == (0, 2, 1)


def test_purging_forgets_a_devices_letters_or_all(town: Town) -> None:
    town.take([native(d, {"fill_level": 1}, seq=1) for d in ("x", "y", "z")])
    left = "SELECT device FROM dead_letters"
    town.act("purge", device="y")
    assert town.hub.connection.execute(left).fetchall() == [("x",), ("z",)]
    town.act("purge")
    assert town.hub.connection.execute(left).fetchall() == []
    assert town.count("uplinks_dead") == 3


def test_new_rules_are_a_new_version_and_are_live_at_once(town: Town) -> None:
    before = town.hub.session.rules_version
    assert town.act("rules_file", text=SHIPPED) == {"version": before + 1}
    town.up("d1", fill_level=100)
    town.up("d1", HOUR, fill_level=100)
    assert ("bin_full", "bin-1") in town.open()
    author = "SELECT author FROM rule_versions ORDER BY version"
    assert town.hub.connection.execute(author).fetchall() == [("file",)] * 2


def test_a_subscriber_is_told_what_it_chose_until_it_leaves(town: Town) -> None:
    town.subscribe(zones=["west"])
    assert town.told(town.up("d1", fill_level=85)) == []
    assert town.told(town.up("d3", fill_level=85)) == ["full firing warning"]
    assert "already" in town.act("subscribe", **SUBSCRIBE | {"id": "hook"})["error"]
    assert town.act("unsubscribe", id="hook") == {"id": "hook"}
    assert town.told(town.up("d3", MINUTE, fill_level=95)) == []


def test_acts_are_applied_in_the_order_they_were_made(town: Town) -> None:
    id_ = fired(town)
    for name in ("wang", "li"):
        commands.append(
            town.hub.connection,
            at=NOW,
            by=name,
            kind="acknowledge",
            arguments={"alert": id_},
        )
    town.kill()  # acts that wait are applied by the next hub
    assert town.commands.apply_waiting()
    assert town.alerts()[0]["acknowledged_by"] == "li"


def test_a_service_of_the_past_is_folded_like_any_other(tmp_path: Path) -> None:
    town = Town(tmp_path, SHIPPED, FLEET)
    for count in (0, 350):
        town.up("w1", HOUR, count_in=count)
    town.act("service", asset="wc-1", kind="cleaned")
    town.kill()
    town.up("w1", HOUR, count_in=600)
    town.kill()
    assert town.open() == {}
    town.up("w1", HOUR, count_in=650)
    assert town.open() == {("toilet_visits", "wc-1"): "warning"}
    assert town.clock.time < NOW + DAY


def test_a_secret_is_not_kept_with_the_act(town: Town) -> None:
    town.act("subscribe", **SUBSCRIBE)
    rows = town.hub.connection.execute("SELECT arguments FROM commands").fetchall()
    assert SECRET not in str(rows)
    folder = Path(town.hub.connection.execute("PRAGMA database_list").fetchone()[2])
    assert folder.stat().st_mode & 0o077 == 0
