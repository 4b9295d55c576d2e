"""Times, what is derived from values, services, several sensors, out of service."""

import json
from pathlib import Path
from typing import Any

import pytest

from sensorhub.fleet import one_row
from sensorhub.model import Quality, Reason
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

F = {"fill_level": 10}


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path, UP)


# -- clocks --


def test_received_at_grows_by_a_millisecond_per_device_and_uplink(town: Town) -> None:
    town.take([native(d, F, seq=i) for i in range(3) for d in ("d1", "d2")])
    town.take([native("d1", F, seq=9)])
    town.clock.time -= 1000  # a hub started after its clock was set back
    town.take([native("d1", F, seq=10)])
    times = [r.received_at - NOW for r in town.readings("bin-1")]
    assert times == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("ts", "at", "quality"),
    [
        (NOW - HOUR, NOW - HOUR, Quality.OK),
        (NOW + 300_000, NOW + 300_000, Quality.OK),
        (NOW + 300_001, NOW, Quality.SUSPECT),
        (NOW - 30 * DAY, NOW - 30 * DAY, Quality.OK),
        (NOW - 30 * DAY - 1, NOW, Quality.SUSPECT),
        (None, NOW, Quality.OK),
    ],
)
def test_a_wrong_clock_is_replaced_and_the_reading_is_suspect(
    town: Town, ts: int | None, at: int, quality: Quality
) -> None:
    town.take([native("d1", F, ts=ts, seq=1)])
    (found,) = town.readings("bin-1")
    assert (found.measured_at, found.quality) == (at, quality)
    assert found.reason == (Reason.CLOCK if quality else Reason.NONE)
    assert town.ends() == (1, 0, 0)


def test_only_the_newest_record_takes_a_replacement(town: Town) -> None:
    old, soon = NOW - 31 * DAY, NOW + HOUR
    records = [{"ts": t, "m": {"fill_level": 1}} for t in (old, NOW - 5, soon)]
    town.take([uplink(json.dumps(records).encode())])
    found = {r.measured_at: (r.quality, r.reason) for r in town.readings("bin-1")}
    assert found == {
        old: (Quality.REJECTED, Reason.CLOCK),
        NOW - 5: (Quality.OK, Reason.NONE),
        NOW: (Quality.SUSPECT, Reason.CLOCK),
    }


def test_an_older_reading_is_stored_and_not_evaluated(town: Town) -> None:
    town.take([native("d1", {"fill_level": 10}, ts=NOW, seq=1)])
    for seq, ts in enumerate((NOW, NOW - 1, NOW - DAY), start=2):
        town.take([native("d1", {"fill_level": 95}, ts=ts, seq=seq)])
    assert town.ends() == (4, 0, 0)
    assert len(town.readings("bin-1")) == 4
    assert town.open() == {}
    town.take([native("d1", {"fill_level": 95}, ts=NOW + 1, seq=9)])
    assert town.open() == {("full", "bin-1"): "urgent"}


# -- what is derived --


@pytest.mark.parametrize(
    ("distance", "fill"), [(1200, 0), (200, 100), (700, 50), (333, 86.7), (150, 105)]
)
def test_distance_becomes_fill_level_by_the_assets_geometry(
    town: Town, distance: float, fill: float
) -> None:
    town.up("d1", distance=distance)
    assert [r.value for r in town.readings("bin-1", "fill_level")] == [fill]


def test_a_fill_level_beyond_the_range_is_rejected_and_kept(town: Town) -> None:
    town.up("d1", distance=5000)
    (found,) = town.readings("bin-1", "fill_level")
    assert (found.quality, found.reason) == (Quality.REJECTED, Reason.GEOMETRY)
    assert town.ends() == (1, 0, 0)
    assert town.count("value_geometry") == 1


def test_without_geometry_or_with_a_level_of_its_own_nothing_is_derived(
    town: Town,
) -> None:
    town.up("d2", distance=700)
    town.up("d1", distance=700, fill_level=33)
    assert town.readings("bin-2", "fill_level") == []
    assert [r.value for r in town.readings("bin-1", "fill_level")] == [33]


def test_a_reading_belongs_to_the_asset_of_its_measured_at(tmp_path: Path) -> None:
    swap = "2026-11-18T08:00:00Z"
    fleet = (
        f"{HEADER}\neast,park,old,bin,d1,native,1000,0,,,{swap}\n"
        f"east,park,new,bin,d1,native,500,0,,{swap},\n"
    )
    town = Town(tmp_path, UP, fleet)
    town.take([native("d1", {"distance": 100}, ts=NOW - 5 * HOUR, seq=1)])
    town.take([native("d1", {"distance": 50}, ts=NOW, seq=2)])
    assert [r.value for r in town.readings("old", "fill_level")] == [90]
    assert [r.value for r in town.readings("new", "fill_level")] == [90]
    assert town.open() == {("full", "new"): "urgent"}


def test_a_suspect_distance_makes_a_suspect_level(town: Town) -> None:
    town.take([native("d1", {"distance": 700}, ts=NOW + DAY, seq=1)])
    (found,) = town.readings("bin-1", "fill_level")
    assert (found.quality, found.reason) == (Quality.SUSPECT, Reason.CLOCK)


# -- services --


def services(town: Town) -> list[tuple[Any, ...]]:
    rows = town.hub.connection.execute(
        "SELECT a.id, s.kind, s.at - ?, s.by_ FROM services s"
        " JOIN assets a ON a.no = s.asset ORDER BY s.id",
        (NOW,),
    )
    return [tuple(row) for row in rows]


@pytest.mark.parametrize(
    ("levels", "after"),
    [
        ((90, 5), 1),
        ((60, 4, 4), 1),
        ((60, 40), None),
        ((99, 0), None),  # it may be a lost echo
        ((99, 0, 1, 2), 1),
        ((99, 0, 98), None),
        ((80, 81, 30, 31, 30, 31), 2),  # emptied by half
        ((80, 30, 31, 30, 31), None),  # the first reading alone is not believed whole
        ((80, 74, 70), None),
    ],
)
def test_an_emptying_is_seen_once_it_is_likelier_than_an_odd_echo(
    town: Town, levels: tuple[float, ...], after: int | None
) -> None:
    """`after`: the emptying follows so many readings, one an hour."""
    for level in levels:
        town.up("d1", HOUR, fill_level=level)
    found = [("bin-1", "first_uplink", HOUR, "hub")]
    if after is not None:  # in the middle of the hour in which it was
        found.append(("bin-1", "emptied", after * HOUR + HOUR // 2, "sensor"))
    assert services(town) == found


def test_an_emptying_says_in_which_bracket_it_was_and_what_it_took(town: Town) -> None:
    for level in (90, 5):
        town.up("d1", HOUR, fill_level=level)
    query = "SELECT cause FROM services WHERE kind = 'emptied'"
    said = json.loads(town.hub.connection.execute(query).fetchone()[0])
    assert (said["from_at"] - NOW, said["until_at"] - NOW) == (HOUR, 2 * HOUR)
    assert said["amount"] == pytest.approx(85, abs=4)


def test_readings_that_come_late_show_no_emptying(town: Town) -> None:
    town.take([native("d1", {"fill_level": 5}, ts=NOW, seq=1)])
    town.take([native("d1", {"fill_level": 90}, ts=NOW - HOUR, seq=2)])
    town.take([native("d1", {"fill_level": 6}, ts=NOW + 1, seq=3)])
    assert [row[1] for row in services(town)] == ["first_uplink"]


def test_the_first_uplink_starts_the_clocks_once(town: Town) -> None:
    town.up("d1", fill_level=5)
    town.up("d1", HOUR, fill_level=5)
    town.kill()
    town.up("d1", HOUR, fill_level=5)
    assert services(town) == [("bin-1", "first_uplink", 0, "hub")]


# -- shapes --

PIT = "2500:0 2000:400 1200:1900 300:4200"
PITS = f"""zone,site,asset,kind,device,profile,empty_mm,full_mm,volumes
east,park,pit,waste_pit,p1,native,,,{PIT}
east,park,pit,waste_pit,p2,native,,,
east,park,pit,waste_pit,gas,native,,,
east,park,bin,bin,b1,native,1200,200,
"""


def test_distance_becomes_fill_level_by_the_assets_table(tmp_path: Path) -> None:
    town = Town(tmp_path, UP, PITS)
    town.take(
        [
            native("p1", {"distance": 1200}, seq=1, ts=NOW),
            native("b1", {"distance": 700}, seq=1, ts=NOW),
            native("p2", {"distance": 300}, seq=1, ts=NOW),
        ]
    )
    found = {(r.device, r.value) for r in town.readings("pit", "fill_level")}
    assert found == {("p1", 45.2), ("p2", 100)}
    assert [r.value for r in town.readings("bin", "fill_level")] == [50]
    town.up("p1", HOUR, distance=20_000)
    assert town.readings("pit", "fill_level")[-1].reason is Reason.GEOMETRY


def test_a_new_shape_counts_from_then_on(tmp_path: Path) -> None:
    town = Town(tmp_path, UP, PITS)
    town.up("b1", distance=700)
    row = {"asset": "bin", "volumes": "1200:0 700:200 200:250"}
    assert "error" not in town.act("fleet_import", rows=one_row(row).to_json())
    town.up("b1", MINUTE, distance=700)
    town.act("fleet_import", rows=one_row({"asset": "bin", "volumes": "-"}).to_json())
    town.up("b1", MINUTE, distance=700)
    town.kill()
    assert [r.value for r in town.readings("bin", "fill_level")] == [50, 80, 50]


def test_two_levels_and_a_gas_on_one_asset_the_worst_known_decides(
    tmp_path: Path,
) -> None:
    town = Town(tmp_path, UP + GAS, PITS)
    town.up("p1", distance=300)
    town.up("p2", MINUTE, distance=2500)
    town.up("gas", MINUTE, h2s=12)
    assert town.open() == {("full", "pit"): "urgent", ("gas", "pit"): "danger"}
    town.up("p2", MINUTE, distance=2400)
    town.up("gas", MINUTE, nh3=1)  # says nothing of h2s
    assert town.open() == {("full", "pit"): "urgent", ("gas", "pit"): "danger"}
    town.wait(3 * DAY, HOUR)  # p1 and the gas sensor are silent: unknown never clears
    town.kill()
    assert town.open() == {("full", "pit"): "urgent", ("gas", "pit"): "danger"}
    town.up("gas", h2s=0.1)
    town.up("p1", MINUTE, distance=2500)
    assert town.open() == {}


GAS = """
[[rules]]
id = "gas"
kind = "threshold"
category = "safety"
measurement = "h2s"
levels = [{severity = "danger", raise = 10, clear = 5}]
text = {zh-CN = "气", en = "gas"}
"""


@pytest.mark.parametrize(
    ("other", "quiet", "seen"),
    [
        ((95, 95), HOUR, 0),
        ((95, 10), HOUR, 1),
        ((95, 95), 4 * HOUR, 1),  # long unheard: not known
        ((10, 10), HOUR, 1),
    ],
)
def test_a_collection_is_seen_when_every_known_sensor_says_so(
    tmp_path: Path, other: tuple[float, float], quiet: int, seen: int
) -> None:
    town = Town(tmp_path, UP, TWO)
    town.up("d9", fill_level=other[0])
    town.up("d1", quiet, fill_level=80)
    town.up("d1", HOUR, fill_level=5)
    town.up("d9", HOUR, fill_level=other[1])
    assert [row[1] for row in services(town)].count("emptied") == seen
    town.kill()
    assert [row[1] for row in services(town)].count("emptied") == seen


# -- several sensors, out of service --

TWO = FLEET + "east,park,bin-1,bin,d9,native,,,,,\n"


def test_with_two_sensors_the_worst_known_decides(tmp_path: Path) -> None:
    town = Town(tmp_path, UP, TWO)
    for device, fill in (("d1", 85), ("d9", 95), ("d1", 10), ("d9", 75), ("d9", 60)):
        town.up(device, MINUTE, fill_level=fill)
    assert town.story("full", "bin-1") == [
        "firing warning",
        "severity_changed urgent",
        "severity_changed warning",
        "resolved warning",
    ]


def test_an_unknown_sensor_never_clears(tmp_path: Path) -> None:
    town = Town(tmp_path, UP, TWO)
    town.up("d1", fill_level=85)
    town.up("d9", MINUTE, temperature=20)
    town.wait(3 * DAY, HOUR)
    assert town.open() == {("full", "bin-1"): "warning"}


OUT = """
[[rules]]
id = "fire"
kind = "threshold"
category = "safety"
measurement = "temperature"
levels = [{severity = "danger", raise = 65, clear = 50}]
text = {zh-CN = "火", en = "fire"}
"""


def test_out_of_service_only_gas_and_fire_rules_run(tmp_path: Path) -> None:
    town = Town(tmp_path, UP + OUT)
    town.up("d2", fill_level=85)
    row = {"asset": "bin-1", "out_from": "2026-11-18", "out_until": "2026-11-20"}
    row2 = row | {"asset": "bin-2"}
    for one in (row, row2):
        result = town.act("fleet_import", rows=one_row(one).to_json())
        assert "error" not in result
    town.up("d1", MINUTE, fill_level=95, temperature=70)
    town.up("d2", MINUTE, fill_level=10)
    assert town.open() == {("fire", "bin-1"): "danger", ("full", "bin-2"): "warning"}
    town.clock.time = NOW + 3 * DAY
    town.up("d1", fill_level=95)
    town.up("d2", fill_level=10)
    assert town.open() == {("fire", "bin-1"): "danger", ("full", "bin-1"): "urgent"}
