"""Online, offline, unknown: from uplinks, last wills and expected intervals."""

from pathlib import Path

import pytest

from sensorhub.views.devices import devices_view
from tests.support.town import HOUR, MINUTE, UP, Town, profiles, uplink

WILL, BIRTH = b'{"state":"offline"}', b'{"state":"online","firmware":"1.2"}'


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path, UP)


def shown(town: Town, device: str = "d1") -> tuple[str | None, str | None]:
    views = devices_view(town.hub.connection, profiles(), town.clock.time)
    (view,) = [view for view in views if view["device"] == device]
    return view["availability"], view["last_uplink_at"]


def status(town: Town, body: bytes) -> None:
    town.take([uplink(body, "sensorhub/v1/east/d1/status")])


def test_who_was_never_heard_is_unknown_whatever_is_retained(town: Town) -> None:
    status(town, BIRTH)
    assert shown(town) == ("unknown", None)


def test_who_spoke_lately_is_online_also_while_no_hub_runs(town: Town) -> None:
    town.up("d1", fill_level=5)
    expected = ("online", "2026-11-18T11:06:40.000Z")
    assert shown(town) == expected
    town.hub.checkpoint_all()
    assert shown(town) == expected
    town.up("d2", MINUTE, fill_level=5)
    assert shown(town) == expected
    assert shown(town, "d3") == ("unknown", None)


def test_three_missed_intervals_are_offline_if_the_hub_could_hear(town: Town) -> None:
    town.up("d1", fill_level=5)
    limit = max(2 * HOUR, 3 * int(town.hub.session.registry.interval_ms[1]))
    town.tick()
    town.tick(limit)
    assert shown(town)[0] == "online"
    town.tick(MINUTE)
    assert shown(town)[0] == "offline"
    town.up("d1", fill_level=5)
    assert shown(town)[0] == "online"


def test_while_the_hub_is_away_nobody_goes_offline(town: Town) -> None:
    town.tick()
    town.up("d1", fill_level=5)
    town.clock.time += 48 * HOUR
    assert shown(town)[0] == "unknown"


def test_a_last_will_is_offline_until_the_next_uplink(town: Town) -> None:
    town.up("d1", fill_level=5)
    town.clock.time += MINUTE
    status(town, WILL)
    assert shown(town)[0] == "offline"
    town.up("d1", MINUTE, fill_level=5)
    assert shown(town)[0] == "online"


def test_an_asset_without_a_device_is_listed_too(tmp_path: Path) -> None:
    fleet = "zone,site,asset,kind\neast,park,bare,bin\n"
    town = Town(tmp_path, UP, fleet)
    (view,) = devices_view(town.hub.connection, profiles(), town.clock.time)
    assert (view["asset"], view["device"], view["availability"]) == ("bare", None, None)
