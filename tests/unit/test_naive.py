"""Forecasts against the last day's own rate: who is worse gives way, and says so."""

from pathlib import Path

import numpy as np
import pytest

from sensorhub.config.settings import Settings
from sensorhub.estimate.record import (
    CASES,
    DayReadings,
    ForecastErrors,
    ForecastRecord,
    measure_errors,
)
from sensorhub.estimate.usage import HOUR_MS
from sensorhub.views.forecasts import ForecastView, forecasts_view
from sensorhub.views.status import status_view
from tests.support.bins import Bin, town
from tests.support.town import HOUR, SHIPPED, Town, native, profiles

BINS = 24
FLEET = "zone,site,asset,kind,device,profile\n" + "".join(
    f"east,park,bin-{i},bin,d{i},native\n" for i in range(BINS)
)
EVERY_H = 3


def errors(
    cases: int, ours: float, naive: float, spread: float = 0.5
) -> ForecastRecord:
    """A record of one kind; errors with a spread of their own."""
    found, rng = ForecastRecord(1, 1), np.random.default_rng(4)
    row = np.zeros(cases, np.intp)
    off = rng.normal(0, spread, (2, cases))
    found.add(row, row, ForecastErrors(row, ours + off[0], naive + off[1]))
    return found


@pytest.mark.parametrize(
    ("kept", "before", "naive"),
    [
        (errors(60, 4.0, 2.0), False, True),
        (errors(60, 2.0, 4.0), False, False),
        (errors(int(CASES) - 1, 4.0, 2.0), False, False),  # too few
        (errors(500, 2.1, 2.0, 0.1), False, False),  # hardly worse
        (errors(60, 4.0, 2.0, 9.0), False, False),  # that may be chance
        (errors(500, 2.1, 2.0, 0.1), True, True),  # and gives back only when better
        (errors(500, 1.9, 2.0, 0.1), True, False),
        (ForecastRecord(1, 1), True, False),
    ],
)
def test_only_who_is_clearly_worse_gives_way(
    kept: ForecastRecord, before: bool, naive: bool
) -> None:
    assert kept.persistence(np.array([before])).tolist() == [naive]


def test_what_is_old_counts_less() -> None:
    kept = errors(60, 4.0, 2.0)
    for _ in range(10):
        kept.fade(np.ones(1, np.bool_))
    assert not kept.persistence(np.zeros(1, np.bool_)).any()  # too few by now


def a_day(**columns: float) -> tuple[ForecastErrors | None, float]:
    """A flat day from 10 to 30 %, 24 % a day by its rate, 12 % as on the day before."""
    one = Bin(town()).read(10)
    hours = columns.pop("hours", 24.0)
    anew = np.array([columns.pop("anew", 0.0) > 0])
    told = {"mark": 10.0, "mark_rate": 24.0, "day_rate": 12.0, "f": 30.0} | columns
    for name, value in told.items():
        one.table[name][0] = value
    row = np.zeros(1, np.intp)
    one.table["mark_at"][0] = one.now
    at = np.array([one.now + int(hours * HOUR_MS)])
    readings = DayReadings(row, row, at, np.zeros(1, np.int64))
    took = np.ones(1, np.bool_)
    judged = measure_errors(one.table, one.town.usage, readings, anew=anew, took=took)
    return judged, float(one.table["day_rate"][0])


def test_a_day_is_judged_by_what_came_of_it() -> None:
    judged, last = a_day()
    assert judged is not None
    assert (judged.ours[0], judged.persistence[0]) == pytest.approx((4.0, 8.0))
    assert last == pytest.approx(20.0)


@pytest.mark.parametrize(
    "columns",
    [
        {"hours": 12.0},  # not over yet
        {"hours": 40.0},  # who knows what was in between
        {"anew": 1.0},  # it was emptied
        {"f": 100.0},  # a level beyond full is not followed
        {"day_rate": np.nan},  # nobody knows the last day yet
    ],
)
def test_some_days_say_nothing(columns: dict[str, float]) -> None:
    judged, _ = a_day(**columns)
    assert judged is None or not len(judged.row)


def uneven(town: Town, days: int, a_day: tuple[float, float], noise: float) -> None:
    """Bins that every four days fill at one of two rates, by day and night alike.

    `noise`: how uneven the days are beside, as a share.
    """
    rng = np.random.default_rng(5)
    level = np.full(BINS, 2.0)
    rate = level
    for hour in range(0, days * 24, EVERY_H):
        if hour % 96 == 0:
            rate = rng.choice(a_day, BINS)
        if hour % 24 == 0:
            today = rate * np.maximum(rng.normal(1, noise, BINS), 0)
        level = np.where(level > 88, 2.0, level + today * EVERY_H / 24)
        town.clock.time += EVERY_H * HOUR
        town.seq += 1
        town.take(
            native(f"d{i}", {"fill_level": round(float(x), 1)}, seq=town.seq)
            for i, x in enumerate(level)
        )


def kinds(town: Town) -> list[str]:
    """Whose forecasts fell back, as `status` shows it."""
    hub = town.hub
    status = status_view(hub.connection, town.folder, Settings(), town.clock.time)
    assert (
        status["forecasts_naive"] == hub.session.state.levels.learning.persistence_kinds
    )
    return list(status["forecasts_naive"])


def test_a_kind_falls_back_openly_and_comes_back(tmp_path: Path) -> None:
    town = Town(tmp_path, SHIPPED, FLEET)

    def said() -> list[ForecastView]:
        now = town.clock.time
        return forecasts_view(town.hub.connection, Settings(), profiles(), now)

    uneven(town, 20, (4.0, 30.0), 0.0)
    assert kinds(town) == ["bin"]
    before = said()
    assert [one["basis"] for one in before].count("naive") > BINS / 2
    town.kill()
    assert (kinds(town), said()) == (["bin"], before)
    uneven(town, 45, (15.0, 15.0), 1.0)
    assert kinds(town) == []
    assert "naive" not in [one["basis"] for one in said()]
