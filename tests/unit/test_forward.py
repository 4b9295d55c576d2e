"""The way from the journal to InfluxDB, without InfluxDB."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensorhub.forward.influx import InfluxRefused, InfluxUnavailable
from sensorhub.forward.lines import count_readings, single_fields
from sensorhub.store import forward_queue, forwarding, reclaim
from tests.support.forwarding import START, Killed, Town
from tests.support.stories import rows_of_csv

HOUR = 3_600_000


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path)


def test_a_line_has_the_registers_names_and_a_field_a_measurement(town: Town) -> None:
    town.say(1, START + 500, fill_level=63.2, temperature=21.5)
    town.forward()
    assert town.influx is not None
    assert town.influx.readings()[0] == (
        "readings,asset=bin1,device=d1,zone=z1"
        f" fill_level=63.2,temperature=21.5,delay_ms=500i {START + 500}"
    )
    assert town.is_exact()["readings_forwarded"] == 2


def test_rejected_values_stay_and_suspect_ones_are_named(town: Town) -> None:
    town.say(1, START, fill_level=63.2, humidity=400)
    town.take([town.uplink(2, START + 10 * HOUR, fill_level=12, temperature=3)])
    town.forward()
    assert town.influx is not None
    first, second = town.influx.readings()
    assert "humidity" not in first
    assert 'suspect="fill_level:clock;temperature:clock"' in second
    assert town.is_exact()["readings_forwarded"] == 3


def test_the_asset_is_the_one_mounted_when_it_was_measured(town: Town) -> None:
    when = START - HOUR
    rows = f"zone,site,asset,kind,device,profile,from\nz1,s1,bin7,bin,d9,native,{when}"
    rows = rows.replace(str(when), "2026-11-18T10:00:00Z")
    town.story.act("fleet_import", rows=rows_of_csv(rows + "\n"))
    town.say(9, START - 24 * HOUR, fill_level=1)
    town.say(9, START, fill_level=2)
    town.forward()
    assert town.influx is not None
    heads = [line.split(" ")[0] for line in town.influx.readings()]
    assert len(set(heads)) in (1, 2)
    assert heads[-1] == "readings,asset=bin7,device=d9,zone=z1"


def test_different_readings_of_one_ms_lie_one_ms_apart(town: Town) -> None:
    for value in (10, 11, 11, 12):
        town.say(1, START, fill_level=value)
    town.say(1, START, temperature=20)
    town.say(1, START + 2, fill_level=50)
    town.forward()
    assert town.influx is not None
    assert town.influx.values() == [
        (START, 10),
        (START + 1, 11),
        (START + 2, 12),
        (START + 3, 50),
    ]
    assert town.influx.values("temperature") == [(START, 20)]
    town.is_exact()


@pytest.mark.parametrize("how", ["nothing", "restart", "kill", "history", "chunks"])
def test_a_clock_that_stands_still_loses_nothing(town: Town, how: str) -> None:
    for value in range(1, 8):
        town.say(1, START, fill_level=value)
        town.forward()
        if how == "restart":
            town.restart()
        elif how == "kill":
            town.kill()
        elif how != "nothing":
            town.make_history(chunks=how == "chunks")
    assert town.influx is not None
    assert town.influx.values() == [(START + i, i + 1) for i in range(7)]


def test_a_late_value_does_not_overwrite_an_early_one(town: Town) -> None:
    for hour in range(5):
        town.say(1, START + hour * HOUR // 100, fill_level=hour)
        town.forward()
    town.kill()
    town.say(1, START + HOUR // 100, fill_level=99)
    town.forward()
    assert town.influx is not None
    values = dict(town.influx.values())
    assert values[START + HOUR // 100] == 1
    assert values[START + HOUR // 100 + 1] == 99


@settings(max_examples=40)
@given(
    said=st.lists(
        st.tuples(
            st.integers(0, 2),
            st.integers(0, 4),
            st.integers(0, 3),
            st.sampled_from(["", "forward", "kill", "restart", "crash", "history"]),
        ),
        max_size=25,
    )
)
def test_whatever_happens_every_reading_has_a_point_of_its_own(
    said: list[tuple[int, int, int, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    town = Town(tmp_path_factory.mktemp("town"))
    wanted = set()
    for device, at, value, then in said:
        town.say(device, START + at, fill_level=value)
        wanted.add((device, START + at, float(value)))
        if then == "crash":
            town.kill_before = lambda: True
            with pytest.raises(Killed):
                town.forward()
            town.kill_before = lambda: False
            town.kill()
        elif then == "history":
            town.make_history()
        elif then:
            {"forward": town.forward, "kill": town.kill, "restart": town.restart}[
                then
            ]()
    town.forward()
    assert town.influx is not None
    found = _read(town)
    assert found == wanted
    town.is_exact()
    town.close()
    town.story.close()


def _read(town: Town) -> set[tuple[int, int, float]]:
    """What the points say was measured: device, when, value."""
    assert town.influx is not None
    points = town.influx.points
    found = set()
    for (head, name, at), value in points.items():
        if name == "fill_level":
            shift = int(points.get((head, "shifted_ms", at), "0i")[:-1])
            found.add(
                (int(head.partition(",device=d")[2][0]), at - shift, float(value))
            )
    return found


def test_a_replayed_letter_takes_no_others_place(town: Town) -> None:
    town.say(8, START, fill_level=1)
    rows = "zone,site,asset,kind,device,profile\nz1,s1,bin8,bin,d8,native\n"
    town.story.act("fleet_import", rows=rows_of_csv(rows))
    town.say(8, START, fill_level=2)
    town.forward()
    letters = town.story.rows("SELECT id FROM dead_letters")
    result = town.story.act("replay", ids=[letters[0][0]])
    assert result["replayed"] == 1
    town.forward()
    assert town.influx is not None
    assert sorted(value for _, value in town.influx.values()) == [1, 2]
    town.is_exact()


def test_what_was_there_before_is_sent_from_the_history(town: Town) -> None:
    for hour in range(30):
        batch = [
            town.uplink(d, START + hour * 60_000, fill_level=d + hour) for d in range(5)
        ]
        town.take(batch, START + hour * 60_000)
    town.make_history(chunks=True)
    connection = town.story.hub.connection
    connection.execute("DELETE FROM journal WHERE id < 20")
    town.say(0, START + HOUR, fill_level=77)
    assert town.forwarder.turn() < 1.0  # it knows what is missing, and sends a part
    connection.execute("UPDATE rule_versions SET at = ?", (START,))
    town.story.clock.time = START + 2 * HOUR
    assert forwarding.lag_s(connection, town.story.clock.now()) == 7200
    town.forward()
    assert town.influx is not None
    assert len(town.influx.values()) == 151
    assert town.is_exact()["readings_forwarded"] == 151


def test_a_journal_too_long_gives_way_and_nothing_is_lost(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sensorhub.store.reclaim.KEPT_UPLINKS", 10)
    town.forward()  # on, with nothing to do
    connection = town.story.hub.connection
    connection.execute("UPDATE meta SET value = '3000' WHERE key = 'forward_on'")
    for minute in range(60):
        at = START + minute * 60_000
        town.take([town.uplink(d, at, fill_level=d + minute) for d in range(5)], at)
    rows = "SELECT count(*) FROM journal"
    assert town.story.rows(rows) == [(60,)]
    town.story.hub.checkpoint_all()
    maker = town.make_history()
    maker._tidied = -1e9
    while maker.tidy():
        pass
    (left,) = town.story.rows(rows)[0]
    assert 5 < left < 40
    town.restart()
    town.forward()
    assert town.influx is not None
    assert len(town.influx.values()) == 300
    assert town.is_exact()["readings_forwarded"] == 300
    assert forwarding.lag_s(town.story.hub.connection, town.story.clock.now()) == 0


def test_the_journal_waits_for_influxdb(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sensorhub.store.reclaim.KEPT_UPLINKS", 2)
    town.forward()
    for minute in range(20):
        town.say(1, START + minute * 60_000, fill_level=minute)
    town.story.hub.checkpoint_all()
    maker = town.make_history()
    maker._tidied = -1e9
    while maker.tidy():
        pass
    assert town.story.rows("SELECT count(*) FROM journal") == [(20,)]
    town.forward()
    town.forwarder.stop()
    maker._tidied = -1e9
    while maker.tidy():
        pass
    (left,) = town.story.rows("SELECT count(*) FROM journal")[0]
    assert left < 20


def test_off_and_on_again_leaves_no_hole(town: Town) -> None:
    town.say(1, START, fill_level=1)
    town.forward()
    town.submit(forwarding.park)
    town.say(1, START + 1_000, fill_level=2)
    town.make_history()
    town.story.hub.connection.execute("DELETE FROM journal")
    town.say(1, START + 2_000, fill_level=3)
    town.kill()
    town.forward()
    assert town.influx is not None
    assert [value for _, value in town.influx.values()] == [1, 2, 3]
    town.is_exact()


def test_transitions_and_services_are_points_too(town: Town) -> None:
    for minute in range(0, 60, 10):
        town.say(1, START + minute * 60_000, fill_level=95)
    town.say(1, START + 4 * HOUR, fill_level=5)
    town.forward()
    assert town.influx is not None
    lines = town.influx.lines
    firing = [line for line in lines if line.startswith("transitions,")]
    served = [line for line in lines if line.startswith("services,")]
    assert firing
    assert firing[0].startswith(
        "transitions,asset=bin1,zone=z1,rule=bin_full,to=firing "
    )
    assert 'severity="urgent"' in firing[0]
    assert len(served) == 1
    assert served[0].startswith("services,asset=bin1,zone=z1,kind=emptied ")
    before = len(lines)
    town.kill()
    town.forward()
    assert len(lines) == before


def test_away_backs_off_and_says_so_late(town: Town) -> None:
    def away(_lines: list[str]) -> None:
        raise InfluxUnavailable("no answer")

    assert town.influx is not None
    town.say(1, START, fill_level=1)
    town.influx.first = away
    pauses = [town.forwarder.turn() for _ in range(10)]
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert pauses[-1] == 60.0
    assert town.forwarder.stuck() is None
    now = town.story.clock.now() + 5_000
    assert forwarding.lag_s(town.story.hub.connection, now) == 5.0
    town.influx.first = lambda _lines: None
    town.forward()
    town.is_exact()


def test_a_refusal_waits_long_and_is_told_at_once(town: Town) -> None:
    def refused(_lines: list[str]) -> None:
        raise InfluxRefused("401: unauthorized access")

    assert town.influx is not None
    town.say(1, START, fill_level=1)
    town.influx.first = refused
    assert town.forwarder.turn() == 60.0
    stuck = town.forwarder.stuck()
    assert stuck is not None
    assert stuck.reason == "401: unauthorized access"
    town.influx.first = lambda _lines: None
    town.forward()
    assert town.forwarder.stuck() is None


def test_retry_after_is_honoured(town: Town) -> None:
    def busy(_lines: list[str]) -> None:
        raise InfluxUnavailable("429: too many", 7.0)

    assert town.influx is not None
    town.say(1, START, fill_level=1)
    town.influx.first = busy
    assert town.forwarder.turn() == 7.0


def test_memory_does_not_grow_with_what_waits(town: Town) -> None:
    for minute in range(200):
        at = START + minute * 60_000
        town.take([town.uplink(d, at, fill_level=d) for d in range(5)], at)
    assert town.influx is not None
    sizes: list[int] = []
    town.influx.first = lambda lines: sizes.append(
        len([x for x in lines if x[0] == "r"])
    )
    from sensorhub.forward import batch_sender

    most, batch_sender.BATCH_READINGS = batch_sender.BATCH_READINGS, 50
    try:
        town.forward()
    finally:
        batch_sender.BATCH_READINGS = most
    assert max(sizes) <= 55
    assert sum(sizes) == 1_000


def test_a_line_taken_apart_has_one_measurement_each() -> None:
    line = 'readings,device=d a=1.0,b=2.0,delay_ms=5i,suspect="a:clock" 17'
    assert single_fields(line) == [
        'readings,device=d a=1.0,delay_ms=5i,suspect="a:clock" 17',
        'readings,device=d b=2.0,delay_ms=5i,suspect="a:clock" 17',
    ]
    assert count_readings(line) == 2
    assert single_fields('services,kind=x by="a b" 1') == ['services,kind=x by="a b" 1']


def test_refused_lines_are_bounded(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward_queue, "MOST_LETTERS", 3)
    letters = [forward_queue.RefusedLine(f"l{i}", 1, "no") for i in range(5)]
    town.submit(lambda c: forward_queue.keep(c, letters, START))
    kept = forward_queue.letters(town.story.hub.connection, 10)
    assert [row.line for row in kept] == ["l4", "l3", "l2"]
    assert town.story.counters()["forward_letters_dropped"] == 2


def test_a_journal_trimmed_while_forwarding_begins_is_counted_once(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    for minute in range(60):
        at = START + minute * 60_000
        town.take([town.uplink(d, at, fill_level=d + minute) for d in range(5)], at)
    town.story.hub.checkpoint_all()
    town.make_history()
    monkeypatch.setattr(reclaim, "KEPT_UPLINKS", 10)
    monkeypatch.setattr(reclaim, "STEP_ROWS", 5)
    connection = town.story.hub.connection
    steps = reclaim.jobs(connection)
    town.submit(next(steps))
    assert town.story.rows("SELECT count(*) FROM journal") == [(55,)]
    stale = next(steps)
    town.submit(lambda c: forwarding.adopt(c, 10**9))
    town.submit(stale)
    assert town.story.rows("SELECT count(*) FROM journal") == [(55,)]
    assert next(steps, None) is None
    town.forward()
    assert town.influx is not None
    assert len(town.influx.values()) == 300
    assert town.is_exact()["readings_forwarded"] == 300
