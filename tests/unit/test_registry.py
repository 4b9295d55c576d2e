"""Who is who at a moment: mountings, swaps, retirement, out of service."""

import pytest

from sensorhub.model import BY_NAME
from sensorhub.registry.registry import (
    FOR_EVER,
    SINCE_EVER,
    AssetRow,
    DeviceRow,
    MountingRow,
    Registry,
)
from tests.support.town import DAY, HOUR, NOW, profiles


def asset(no: int, **keys: object) -> AssetRow:
    row = AssetRow(
        no, f"bin-{no}", "", "bin", "east", "park", None, None, "", None, None, None
    )
    return row._replace(**keys)  # type: ignore[arg-type]


def device(no: int, **keys: object) -> DeviceRow:
    row = DeviceRow(no, f"d{no}", "native", None, None)
    return row._replace(**keys)  # type: ignore[arg-type]


def registry(
    mountings: list[tuple[int, int, int | None, int | None]],
    *,
    assets: list[AssetRow] | None = None,
    devices: list[DeviceRow] | None = None,
) -> Registry:
    return Registry(
        assets or [asset(1), asset(2)],
        devices or [device(1), device(2)],
        [MountingRow(*row) for row in mountings],
        profiles(),
    )


@pytest.mark.parametrize(
    ("mountings", "now", "on"),
    [
        ([], 0, -1),
        ([(1, 1, None, None)], 0, 1),
        ([(1, 1, 100, 200)], 99, -1),
        ([(1, 1, 100, 200)], 100, 1),
        ([(1, 1, 100, 200)], 199, 1),
        ([(1, 1, 100, 200)], 200, -1),
        ([(1, 1, None, 100), (1, 2, 100, None)], 99, 1),
        ([(1, 1, None, 100), (1, 2, 100, None)], 100, 2),
    ],
)
def test_a_mounting_holds_from_its_start_until_before_its_end(
    mountings: list[tuple[int, int, int | None, int | None]], now: int, on: int
) -> None:
    found = registry(mountings)
    found.settle(now)
    assert found.asset_of[1] == on
    assert found.asset_at(1, now) == on
    assert found.mounted[on] == (on > 0) or on < 0


def test_it_knows_when_the_next_mounting_begins_or_ends() -> None:
    found = registry([(1, 1, 100, 200), (2, 2, 150, None)])
    changes = []
    now = 0
    while found.settle(now) and found.next_change < FOR_EVER:
        changes.append(found.next_change)
        now = found.next_change
    assert changes == [100, 150, 200]
    assert not found.settle(now + 1)


def test_an_asset_is_retired_when_its_time_has_come_and_not_before() -> None:
    found = registry([(1, 1, None, 500)], assets=[asset(1, retired=500)])
    found.settle(499)
    assert not found.retired[1]
    assert found.next_change == 500
    found.settle(500)
    assert found.retired[1]
    assert found.asset_of[1] == -1
    assert not found.mounted[1]


@pytest.mark.parametrize(
    ("mountings", "expected"),
    [
        ([], FOR_EVER),
        ([(1, 1, None, None)], SINCE_EVER),
        ([(1, 1, NOW - DAY, None)], NOW - DAY),
        # a swap at once, and one within a day
        ([(2, 1, None, NOW - DAY), (1, 1, NOW - DAY, None)], SINCE_EVER),
        ([(2, 1, 5, NOW - 20 * HOUR), (1, 1, NOW, None)], 5),
        # after a pause the clocks begin anew
        ([(2, 1, 5, NOW - 25 * HOUR), (1, 1, NOW, None)], NOW),
        # two at a time
        ([(2, 1, NOW - 9, None), (1, 1, NOW - 5, None)], NOW - 9),
    ],
)
def test_an_asset_is_watched_since_its_first_device_swaps_do_not_count(
    mountings: list[tuple[int, int, int | None, int | None]], expected: int
) -> None:
    found = registry(mountings)
    found.settle(NOW)
    assert found.watched_from[1] == expected


@pytest.mark.parametrize(
    ("since", "until", "now", "out"),
    [
        (None, None, 5, False),
        (10, None, 9, False),
        (10, None, 10, True),
        (10, 20, 19, True),
        (10, 20, 20, False),
    ],
)
def test_out_of_service_holds_from_until(
    since: int | None, until: int | None, now: int, out: bool
) -> None:
    found = registry([], assets=[asset(1, out_from=since, out_until=until)])
    assert found.out_of_service(1, now) is out


@pytest.mark.parametrize(
    ("keys", "seconds"),
    [
        ({}, 3600),
        ({"told_interval_s": 900.0}, 900),
        ({"interval_s": 600.0}, 600),
        ({"interval_s": 600.0, "told_interval_s": 900.0}, 600),
        ({"profile": "gone"}, 3600),
    ],
)
def test_the_interval_is_the_registers_else_what_was_told_else_the_profiles(
    keys: dict[str, object], seconds: int
) -> None:
    found = registry([], devices=[device(1, **keys)])
    native = profiles()["native"]
    expected = native.interval_s if not keys else seconds
    assert found.interval_ms[1] == expected * 1000


def test_a_told_interval_yields_to_the_registers() -> None:
    found = registry([], devices=[device(1, interval_s=600.0), device(2)])
    assert not found.tell_interval(1, 900_000)
    assert found.tell_interval(2, 900_000)
    assert not found.tell_interval(2, 900_000)
    assert found.interval_ms[1:].tolist() == [600_000, 900_000]


def test_assets_that_are_alike_share_their_traits() -> None:
    rows = [asset(n, tags="daily street") for n in (1, 2)] + [asset(3, kind="toilet")]
    found = registry([], assets=rows)
    assert found.traits[1] is found.traits[2]
    assert found.traits[3] is not found.traits[1]
    traits = found.traits[1]
    assert traits is not None
    assert traits.tags == {"daily", "street"}
    assert [found.zone_of(n) for n in (-1, 0, 1, 99)] == ["", "", "east", ""]


def test_a_counters_width_is_the_profiles() -> None:
    lora = next(p for p in profiles().values() if "vs350" in p.name)
    rows = [device(1, profile=lora.name), device(2), device(3, profile="gone")]
    found = registry([], devices=rows)
    code = BY_NAME["count_in"].no
    assert [found.counter_bits(n, code) for n in (1, 2, 3)] == [16, 0, 0]
