"""When a look at the clock decides something next."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sensorhub.backtest.due import due
from tests.support.past import FLEET, RULES
from tests.support.town import HOUR, MINUTE, NOW, Town, rule

WEEK = 7 * 24 * HOUR
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
CLOCK = st.integers(0, 47).map(lambda half: f"{half // 2:02d}:{30 * (half % 2):02d}")


@given(
    at=st.integers(NOW, NOW + WEEK),
    days=st.sets(st.sampled_from(DAYS), min_size=1),
    begin=CLOCK,
    end=CLOCK,
)
def test_a_rule_opens_at_the_first_moment_of_its_schedule(
    at: int, days: set[str], begin: str, end: str
) -> None:
    schedule = {"weekdays": sorted(days), "from": begin, "until": end}
    found = rule(schedule=schedule)
    opens = found.opens_at(at)
    assert opens >= at
    assert found.in_schedule(opens)
    halves = range(at, opens, 30 * MINUTE)
    assert not any(found.in_schedule(half) for half in halves)


def test_a_rule_without_schedule_is_always_open() -> None:
    assert rule().opens_at(NOW) == NOW


def town_of(tmp_path: Path) -> Town:
    town = Town(tmp_path, RULES, FLEET)
    town.tick()
    return town


def next_look(town: Town, *, hearing: bool = True) -> int:
    return due(town.hub, town.watchdog, town.clock.time, hearing) - NOW


def test_the_next_look_is_at_the_first_deadline(tmp_path: Path) -> None:
    town = town_of(tmp_path)
    assert next_look(town) == 40 * MINUTE + 1  # nobody spoke: at_least of the rule
    assert town.hub.session.lifecycle.shortest_limit() == 40 * MINUTE
    for n in range(42):
        town.tick(MINUTE // 2)
        town.up(f"d{n}", fill_level=50)
    # the first one heard is the first to be silent too long
    assert next_look(town) == 40 * MINUTE + MINUTE // 2 + 1


def test_a_deaf_hub_blames_nobody_and_has_an_outage_after_five_minutes(
    tmp_path: Path,
) -> None:
    town = town_of(tmp_path)
    town.tick(MINUTE, hearing=False)
    assert next_look(town, hearing=False) == 5 * MINUTE
    town.tick(4 * MINUTE, hearing=False)
    assert town.open() == {("hub_outage", "hub"): "urgent"}
    assert next_look(town, hearing=False) > HOUR


def test_an_overdue_service_is_looked_at_when_it_is_due(tmp_path: Path) -> None:
    town = town_of(tmp_path)
    town.up("d0", fill_level=50)
    for _ in range(15):
        for n in range(42):
            town.up(f"d{n}", fill_level=50)
        town.tick(15 * MINUTE)
    # before anybody is silent: all were heard a quarter of an hour ago
    assert next_look(town) == 4 * HOUR + 1
