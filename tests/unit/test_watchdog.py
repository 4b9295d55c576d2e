"""Time passed: silence, overdue, the hub's own outage, clock and faults."""

from pathlib import Path

import pytest

from tests.support.stories import rows_of_csv
from tests.support.town import (
    DAY,
    FLEET,
    HEADER,
    HOUR,
    MINUTE,
    NOW,
    UP,
    Town,
    native,
    uplink,
)

SILENT = """
[[rules]]
id = "silent"
kind = "no_data"
category = "device"
levels = [{severity = "device", raise = 0}]
intervals = 2
at_least = "1h"
text = {zh-CN = "无", en = "silent {value} {unit}"}
"""
OVERDUE = """
[[rules]]
id = "overdue"
kind = "overdue"
category = "collect"
levels = [{severity = "warning", raise = 24}, {severity = "urgent", raise = 48}]
text = {zh-CN = "晚", en = "overdue {value}"}
"""
ONE = f"{HEADER},interval_s\neast,park,bin-1,bin,d1,native,,,,,,1800\n"


def one(folder: Path, rules: str, *, since: str = "") -> Town:
    return Town(folder, rules, ONE.replace(",,,,,,1800", f",,,,{since},,1800"))


@pytest.mark.parametrize(
    ("interval", "quiet"), [(600, HOUR), (1800, HOUR), (3600, 2 * HOUR)]
)
def test_a_device_is_silent_after_its_intervals_and_at_least_so_long(
    tmp_path: Path, interval: int, quiet: int
) -> None:
    town = Town(tmp_path, SILENT, ONE.replace("1800", str(interval)))
    town.tick()
    town.up("d1", fill_level=5)
    town.tick(quiet)
    assert town.open() == {}
    town.tick(1)
    assert town.open() == {("silent", "bin-1"): "device"}
    (view,) = town.alerts()
    cause = view["transitions"][0]["cause"]
    assert cause["last_uplink_at"] == "2026-11-18T11:06:40.000Z"
    assert cause["value"] == pytest.approx(quiet / HOUR, abs=0.01)


def test_a_device_that_never_spoke_is_silent_too(tmp_path: Path) -> None:
    town = one(tmp_path, SILENT)
    town.wait(HOUR)
    assert town.open() == {}
    town.tick(1)
    assert town.open() == {("silent", "bin-1"): "device"}


def test_time_in_which_the_hub_could_not_hear_makes_nobody_silent(
    tmp_path: Path,
) -> None:
    town = one(tmp_path, SILENT)
    town.tick()
    town.up("d1", fill_level=5)
    town.tick(50 * MINUTE)
    town.tick(250, hearing=False)
    town.tick(2 * DAY, hearing=False)
    assert set(town.open()) == {("hub_outage", "hub")}
    town.tick(10 * MINUTE)
    assert town.open() == {}
    town.tick(MINUTE)
    assert town.open() == {("silent", "bin-1"): "device"}


def test_two_hours_away_are_one_system_alert_and_no_silent_device(
    tmp_path: Path,
) -> None:
    town = one(tmp_path, SILENT)
    town.tick()
    town.up("d1", fill_level=5)
    town.tick(MINUTE)
    town.kill()
    town.clock.time += 2 * HOUR
    town.kill()
    town.tick(1000)
    assert ("silent", "bin-1") not in town.open()
    assert town.story("hub_outage", "hub")[0] == "firing urgent"
    town.tick(1000)
    assert town.open() == {}


def test_a_short_break_is_no_outage(tmp_path: Path) -> None:
    town = one(tmp_path, SILENT)
    town.tick()
    town.tick(250, hearing=False)
    town.tick(4 * MINUTE, hearing=False)
    town.tick(250)
    assert town.alerts() == []


@pytest.mark.parametrize(
    "rules", [SILENT, SILENT.replace("text", 'schedule = {from = "00:00"}\ntext')]
)
def test_dead_uplinks_are_a_sign_of_life_and_doubles_are_not(
    tmp_path: Path, rules: str
) -> None:
    town = one(tmp_path, rules)
    town.tick()
    town.take([native("d1", {"fill_level": 1}, seq=1)])
    town.tick(50 * MINUTE)
    town.take([native("d1", {"smell": 1}, seq=2)])
    town.tick(50 * MINUTE)
    assert town.open() == {}
    town.take([native("d1", {"fill_level": 1}, seq=1)])
    town.tick(11 * MINUTE)
    assert town.open() == {("silent", "bin-1"): "device"}


def test_an_interval_that_the_register_changed_holds_after_a_kill(
    tmp_path: Path,
) -> None:
    town = Town(tmp_path, SILENT, ONE)
    town.up("d1", fill_level=5)
    town.hub.checkpoint_all()  # holds the interval of then
    town.act("fleet_import", rows=rows_of_csv(ONE.replace("1800", "7200")))
    for _ in range(2):
        assert town.hub.session.registry.interval_ms[1] == 2 * HOUR
        town.kill()
    town.tick(3 * HOUR)
    assert town.open() == {}


def test_a_device_that_told_another_interval_is_waited_for_longer(
    tmp_path: Path,
) -> None:
    town = Town(tmp_path, SILENT, FLEET.split("\n")[0] + "\n" + FLEET.split("\n")[1])
    birth = b'{"state":"online","interval_s":7200}'
    town.take([uplink(birth, "sensorhub/v1/east/d1/status")])
    town.up("d1", fill_level=5)
    town.tick(4 * HOUR)
    town.kill()
    town.tick()
    assert ("silent", "bin-1") not in town.open()
    town.tick(MINUTE)
    assert ("silent", "bin-1") in town.open()


def test_out_of_service_nobody_is_silent_or_overdue(tmp_path: Path) -> None:
    text = ONE.replace("interval_s", "interval_s,out_from,out_until").replace(
        "1800", "1800,2026-11-01,2026-11-30"
    )
    town = Town(tmp_path, SILENT + OVERDUE, text)
    town.up("d1", fill_level=5)
    town.wait(3 * DAY, HOUR)
    assert town.alerts() == []
    town.clock.time += 12 * DAY
    town.tick()
    assert {rule for rule, _ in town.open()} == {"overdue", "silent"}


@pytest.mark.parametrize(
    ("since", "start"),
    [("", 0), ("2026-11-18T05:06:40Z", -6 * HOUR), ("2026-11-01", None)],
)
def test_the_overdue_clock_starts_at_mounting_or_at_the_first_uplink(
    tmp_path: Path, since: str, start: int | None
) -> None:
    town = one(tmp_path, OVERDUE, since=since)
    if start is None:
        town.tick()
        assert town.open() == {("overdue", "bin-1"): "urgent"}
        return
    town.wait(2 * HOUR, HOUR)
    town.clock.time = NOW
    town.up("d1", fill_level=5)
    town.tick(DAY + start)
    assert town.open() == {}
    town.tick(1)
    assert town.open() == {("overdue", "bin-1"): "warning"}


def test_without_any_uplink_or_mounting_time_nothing_is_overdue(tmp_path: Path) -> None:
    town = one(tmp_path, OVERDUE)
    town.wait(4 * DAY, HOUR)
    assert town.alerts() == []


def test_overdue_rises_and_a_service_ends_it(tmp_path: Path) -> None:
    town = one(tmp_path, OVERDUE)
    town.up("d1", fill_level=5)
    town.wait(49 * HOUR, HOUR)
    town.act("service", asset="bin-1", kind="emptied")
    town.wait(24 * HOUR, HOUR)
    assert town.story("overdue", "bin-1") == [
        "firing warning",
        "severity_changed urgent",
        "resolved urgent",
    ]
    town.kill()
    town.tick(1)
    assert town.open() == {("overdue", "bin-1"): "warning"}


def test_a_service_long_ago_ends_only_what_it_reaches(tmp_path: Path) -> None:
    town = one(tmp_path, OVERDUE)
    town.up("d1", fill_level=5)
    town.wait(50 * HOUR, HOUR)
    at = town.clock.time
    town.act("service", asset="bin-1", kind="emptied", at=at - 30 * HOUR)
    town.tick(1)
    assert town.open() == {("overdue", "bin-1"): "warning"}
    town.act("service", asset="bin-1", kind="emptied", at=at - 40 * HOUR)
    town.tick(1)
    assert town.story("overdue", "bin-1")[2:] == ["severity_changed warning"]


def test_a_swapped_device_does_not_start_the_overdue_clock_anew(tmp_path: Path) -> None:
    fleet = (
        f"{HEADER}\neast,park,bin-1,bin,d1,native,,,,,2026-11-18T12:00:00Z\n"
        "east,park,bin-1,bin,d2,native,,,,2026-11-18T12:00:00Z,\n"
    )
    town = Town(tmp_path, OVERDUE, fleet)
    town.up("d1", fill_level=5)
    town.wait(DAY, HOUR)
    assert town.open() == {}
    town.tick(1)
    assert town.open() == {("overdue", "bin-1"): "warning"}


def test_a_timer_raises_only_in_its_schedule(tmp_path: Path) -> None:
    text = 'schedule = {from = "08:00", until = "18:00"}\ntext'
    town = one(tmp_path, OVERDUE.replace("text", text))
    town.up("d1", fill_level=5)  # at 19:06 in Shanghai
    town.wait(36 * HOUR, HOUR)
    assert town.open() == {}
    town.tick(HOUR)
    assert town.open() == {("overdue", "bin-1"): "warning"}


def test_without_a_device_an_asset_is_not_overdue(tmp_path: Path) -> None:
    town = Town(tmp_path, OVERDUE, ONE.replace(",,1800", ",2026-11-18T12:00:00Z,1800"))
    town.up("d1", fill_level=5)
    town.wait(5 * DAY, HOUR)
    assert town.alerts() == []


# -- the hub's own --

MANY = HEADER + "".join(f"\nz,s,b{i},bin,n{i},native,,,,," for i in range(40)) + "\n"


def fleet_says(town: Town, ahead: int, fine: int, by: int = HOUR) -> None:
    town.seq += 1
    now = town.clock.time
    town.take(
        native(f"n{i}", {"fill_level": 5}, ts=now + (by if i < ahead else 0), seq=i)
        for i in range(ahead + fine)
    )


@pytest.mark.parametrize(
    ("ahead", "fine", "by", "suspected"),
    [
        (11, 9, HOUR, True),
        (10, 10, HOUR, False),
        (19, 0, HOUR, False),
        (20, 0, HOUR, True),
        (20, 0, 300_000, False),
        (20, 0, 300_001, True),
        (21, 19, HOUR, True),
    ],
)
def test_over_half_of_twenty_devices_ahead_make_the_hubs_clock_suspect(
    tmp_path: Path, ahead: int, fine: int, by: int, suspected: bool
) -> None:
    town = Town(tmp_path, UP, MANY)
    fleet_says(town, ahead, fine, by)
    town.tick(1)
    expected = {("hub_clock", "hub"): "urgent"} if suspected else {}
    assert town.open() == expected


def test_they_must_be_heard_within_five_minutes(tmp_path: Path) -> None:
    town = Town(tmp_path, UP, MANY)
    fleet_says(town, 15, 0)
    town.clock.time += 6 * MINUTE
    town.take(
        native(f"n{i}", {"fill_level": 5}, ts=town.clock.time + HOUR, seq=1)
        for i in range(15, 30)
    )
    town.tick()
    assert town.open() == {}


def test_the_suspicion_ends_when_most_agree_and_not_when_few_speak(
    tmp_path: Path,
) -> None:
    town = Town(tmp_path, UP, MANY)
    fleet_says(town, 30, 0)
    town.tick(1)
    town.tick(HOUR)
    assert town.open() == {("hub_clock", "hub"): "urgent"}
    town.kill()
    town.tick(1)
    assert ("hub_clock", "hub") in town.open()
    fleet_says(town, 0, 30)
    town.tick(1)
    assert town.story("hub_clock", "hub")[-1] == "resolved urgent"


def test_an_own_fault_ends_after_a_day_without_another(tmp_path: Path) -> None:
    town = one(tmp_path, UP)
    poison = native("d1", {"fill_level": 1})
    for _ in range(2):
        processed = town.pipeline.dead_letter(poison, town.clock.time, "boom")
        town.hub.commit(processed.changes)
        town.wait(20 * HOUR, HOUR)
        assert ("internal_error", "hub") in town.open()
    town.wait(3 * HOUR, HOUR)
    assert ("internal_error", "hub") in town.open()
    town.wait(HOUR, HOUR)
    assert town.open() == {}
    assert town.story("internal_error", "hub") == ["firing urgent", "resolved urgent"]
