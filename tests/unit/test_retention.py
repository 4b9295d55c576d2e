"""Retention: each kind of data goes when it is old, and nothing else does."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from sensorhub.config.keeping import RetentionSettings
from sensorhub.model import Outcome
from sensorhub.store import downsampled, history_maker, retention, rollup_maker
from sensorhub.store.history import EVER, DeviceSpan, TimeRange, read
from sensorhub.store.hot.counters import kept_from
from sensorhub.store.migration import prepare
from sensorhub.store.rollup_blocks import BLOCK_MS, begin_of
from sensorhub.store.rollups import Bucket
from tests.support.archive import EVER_KEPT, START, Hub, columns_of

DAY = 86_400_000
KEEP = RetentionSettings(readings_d=70, hours_d=140, days_d=280)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(history_maker, "TIDY_S", 0.0)
    monkeypatch.setattr(history_maker, "REST", 0.0)
    monkeypatch.setattr(history_maker, "ROLL_S", 0.0)
    monkeypatch.setattr(retention, "STEP_CHUNKS", 3)
    prepare(tmp_path)
    hub = Hub(tmp_path, keep=KEEP)
    yield hub
    hub.close()


def live(hub: Hub, days: int) -> None:
    """Two devices tell something once a day; history is made meanwhile."""
    for _ in range(days):
        hub.clock.time += DAY
        told = [(device, Outcome.STORED, [(1, 50.0, 0, 0)]) for device in range(2)]
        hub.append(columns_of(told, hub.clock.time))
        hub.maker.make_segment()
    settle(hub)


def settle(hub: Hub) -> None:
    while hub.maker.step():
        pass
    while hub.maker.tidy():
        pass


def oldest(hub: Hub) -> int:
    pages = read(hub.read, spans=[DeviceSpan(0)], since=-EVER, until=EVER)
    return int(next(pages).measured_at[0])


def ignore(devices: Iterable[str]) -> None:
    """Nobody counts their dead letters here."""


def buckets(hub: Hub, bucket: Bucket) -> list[int]:
    whole = TimeRange(0, START * 2)
    found = downsampled.read(
        hub.read, spans=[DeviceSpan(0)], period=whole, bucket=bucket
    )
    at: list[int] = found.at.tolist()
    return at


def test_readings_go_first_then_hours_then_days(hub: Hub) -> None:
    live(hub, 400)
    now = hub.clock.time
    hours, days = buckets(hub, Bucket.HOUR), buckets(hub, Bucket.DAY)
    for at, limit in ((oldest(hub), 70), (hours[0], 140), (days[0], 280)):
        assert now - limit * DAY - BLOCK_MS - DAY < at <= now - limit * DAY + DAY
    assert len(days) == (now - days[0]) // DAY + 1
    assert len(hours) == (now - hours[0]) // DAY + 1


def test_what_may_be_gone_is_said(hub: Hub) -> None:
    live(hub, 30)
    first = oldest(hub)
    assert kept_from(hub.read) <= first
    live(hub, 100)
    assert kept_from(hub.read) > first
    assert oldest(hub) >= kept_from(hub.read)


def test_readings_stay_while_somebody_needs_them(hub: Hub) -> None:
    hub.keep = EVER_KEPT
    hub.restart()
    live(hub, 200)
    first = oldest(hub)
    everything = retention.jobs(hub.read, KEEP, hub.clock.time, ignore, first)
    for job in everything:
        hub.submit(job)
    assert oldest(hub) == first


def test_readings_without_rollups_stay(hub: Hub) -> None:
    hub.keep = EVER_KEPT
    hub.restart()
    live(hub, 200)
    first = oldest(hub)
    hub.write.execute("DELETE FROM rollups_day")
    for job in retention.jobs(hub.read, KEEP, hub.clock.time, ignore):
        hub.submit(job)
    assert oldest(hub) == first
    for job in rollup_maker.jobs(hub.read, hub.clock.time, "UTC"):
        hub.submit(job)
    for job in retention.jobs(hub.read, KEEP, hub.clock.time, ignore):
        hub.submit(job)
    assert oldest(hub) > first


def test_acts_letters_deliveries_alerts_and_services_go_when_they_are_old(
    hub: Hub,
) -> None:
    now = START + 10_000 * DAY
    for n, age in enumerate((5000, 4000, 1), 1):
        at = now - age * DAY
        hub.write.executescript(
            f"INSERT INTO commands VALUES ({n}, {at}, 'ann', 'note', '{{}}', {at}, '');"
            f"INSERT INTO silences (from_at, until_at, by_, comment)"
            f" VALUES ({at}, {at}, 'ann', '');"
            f"INSERT INTO damaged VALUES ({-n}, {at}, 0, 0, x'');"
            f"INSERT INTO dead_letters VALUES"
            f" ({n}, {at}, 't', x'', 0, 'd{n}', 'r', '', NULL);"
            f"INSERT INTO outbox (id, subscription, alert, transition_, created_at,"
            f" body, attempts, next_at, state, error)"
            f" VALUES ('o{n}', 's', 'a', 't', {at}, x'', 1, 0, 'sent', '');"
            f"INSERT INTO alerts (id, rule, category, asset, zone, severity, state,"
            f" started_at, resolved_at, notes, cause, told)"
            f" VALUES ('a{n}', 'r', 'device', 1, 'z', 2, 'resolved', {at}, {at},"
            f" '[]', '{{}}', '');"
            f"INSERT INTO transitions VALUES"
            f" ('t{n}', 'a{n}', {at}, NULL, 'firing', 2, '{{}}');"
            f"INSERT INTO services VALUES ({n}, 1, 'emptied', {at}, 'sensor', '{{}}');"
            f"INSERT INTO services VALUES"
            f" ({n + 10}, {n + 1}, 'emptied', {at}, 'sensor', '{{}}');"
        )
    gone: list[str] = []
    for job in retention.jobs(hub.read, RetentionSettings(), now, gone.extend):
        hub.submit(job)
    left = {
        table: hub.read.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        for table in (
            *("commands", "silences", "damaged", "dead_letters", "outbox"),
            *("alerts", "transitions", "services"),
        )
    }
    assert left == dict.fromkeys(left, 1) | {"services": 4}  # the newest of each asset
    assert gone == ["d1", "d2"]


def test_an_act_that_waits_and_an_open_alert_stay(hub: Hub) -> None:
    hub.write.executescript(
        "INSERT INTO commands VALUES (1, 0, 'ann', 'note', '{}', NULL, NULL);"
        "INSERT INTO alerts (id, rule, category, asset, zone, severity, state,"
        " started_at, notes, cause, told)"
        " VALUES ('a', 'r', 'device', 1, 'z', 2, 'firing', 0, '[]', '{}', '');"
    )
    for job in retention.jobs(hub.read, RetentionSettings(), START, ignore):
        hub.submit(job)
    for table in ("commands", "alerts"):
        assert hub.read.execute(f"SELECT count(*) FROM {table}").fetchone() == (1,)


def test_rollups_must_outlive_readings() -> None:
    with pytest.raises(ValidationError, match="rollups outlive"):
        RetentionSettings(readings_d=400, hours_d=300)


def test_a_block_begins_on_a_monday() -> None:
    assert begin_of(0) == 4 * DAY
