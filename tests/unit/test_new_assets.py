"""Assets of all sizes in their first days: nothing absurd from what is not known."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from sensorhub.estimate import fill, habit
from sensorhub.estimate.follow import LevelReadings, process_levels, record_emptying
from sensorhub.estimate.law import Law
from sensorhub.estimate.usage import HOUR_MS
from tests.support.bins import ENDS, MONDAY, Bin, town

F64 = NDArray[np.float64]
SIZES = {  # litres: mm to the waste when empty and full
    120: ENDS,
    240: (1150.0, 150.0),
    1_100: (1350.0, 150.0),
    3_000: (1700.0, 200.0),
    30_000: (2900.0, 400.0),
}
DAYS = 3
SURE, LOW = 0.95, 40.0  # bin_full; % of true fill


@dataclass
class Town:
    """Assets of one size: deposits, surfaces under the beam, echoes, rounds at 7 h."""

    litres: int
    count: int
    rng: np.random.Generator
    fill: F64 = field(init=False)
    hump: F64 = field(init=False)
    a_day: F64 = field(init=False)

    def __post_init__(self) -> None:
        rng, n = self.rng, self.count
        self.height = SIZES[self.litres][0] - SIZES[self.litres][1]
        self.fill = rng.uniform(0, 60, n)
        self.hump = rng.normal(0, self._percent(50), n)
        self.a_day = np.clip(rng.lognormal(np.log(25), 0.55, n), 6, 110)

    def _percent(self, mm: float) -> float:
        return 100 * mm / self.height

    def hour(self, of_day: int) -> F64:
        """An hour passes; what the sensors read at its end, %."""
        rng, share = self.rng, 100 / self.litres
        busy = 1 - 0.7 * np.cos(2 * np.pi * (of_day - 3) / 24)
        count = rng.poisson(self.a_day / 24 * busy / (1.122 * share))
        bags = rng.binomial(count, 0.02)
        small = rng.gamma(np.maximum(1.5 * (count - bags), 1e-9), 0.6)
        self.fill += share * (small + rng.gamma(np.maximum(9 * bags, 1e-9), 12 / 9))
        kept = 0.9**count
        rough = rng.normal(0, self._percent(50), self.count)
        self.hump = kept * self.hump + np.sqrt(1 - kept**2) * rough
        if of_day == 7:
            done = rng.random(self.count) < 0.5
            self.fill[done] = rng.uniform(0, 4, int(done.sum()))
            self.hump[done] = 0
        return self._read()

    def _read(self) -> F64:
        rng, n = self.rng, self.count
        seen = np.clip(self.fill, 0, 105) + self.hump
        seen += rng.normal(0, self._percent(10), n)
        near = rng.random(n) < 0.01
        seen = np.where(near, seen + rng.random(n) * (110 - seen), seen)
        seen = np.where(rng.random(n) < 0.01, 0, seen)
        step = self._percent(10)
        return np.clip(np.round(seen / step) * step, 0, 105)


@pytest.mark.parametrize("litres", SIZES)
@pytest.mark.parametrize("seed", [1, 2])
def test_in_its_first_three_days_no_asset_is_due_below_forty_percent(
    litres: int, seed: int
) -> None:
    count = 200
    place = Town(litres, count, np.random.default_rng(seed))
    models = town(count, litres=litres, ends=SIZES[litres])
    table, rows = fill.new_fills(count), np.arange(count)
    none, off = np.zeros(count, np.int64), np.zeros(count, np.bool_)
    raised, told_before, fills = 0, off, []
    for hour in range(24 * DAYS):
        levels = place.hour(hour % 24)
        at = np.full(count, MONDAY + hour * HOUR_MS)
        readings = LevelReadings(rows, at, levels, none, off, off)
        told = process_levels(table, models, readings).chances.due >= SURE
        fills += place.fill[told & ~told_before].tolist()
        raised += int((told & ~told_before).sum())
        told_before = told
    assert raised > 0.2 * count  # those that are due are told
    assert min(fills) >= LOW


def known(one: Bin) -> bool:
    """Whether its own rate is known."""
    state = {name: one.table[name] for name in fill.SPEC}
    return not habit.young(state, Law(*one.town.laws[:, :1]))[0]


@pytest.mark.parametrize("litres", SIZES)
def test_a_rate_is_not_known_before_its_rise_exceeds_the_noise(litres: int) -> None:
    one = Bin(town(litres=litres, ends=SIZES[litres]))
    one.read(20, 21, 20, 22, 21, 22, every_h=0.25)
    assert not known(one)
    one.read(*(22 + 2 * n for n in range(16)))
    assert known(one)


@pytest.mark.parametrize("litres", SIZES)
def test_a_first_reading_alone_makes_nothing_due(litres: int) -> None:
    one = Bin(town(litres=litres, ends=SIZES[litres])).read(100)
    assert one.due < SURE
    assert one.read(100).due > SURE
    assert Bin(one.town).read(100, 20, 20, 21).due < 0.1


@pytest.mark.parametrize("litres", SIZES)
@pytest.mark.parametrize("reported", [False, True])
def test_what_an_emptying_left_is_not_booked_as_deposits(
    litres: int, reported: bool
) -> None:
    one = Bin(town(litres=litres, ends=SIZES[litres]))
    one.read(*(10 + n / 2 for n in range(100)))  # 12 % a day
    before = float(one.table["gained"][0])
    if reported:
        record_emptying(one.table, one.town, np.zeros(1, np.intp), one.now + HOUR_MS)
        one.now += HOUR_MS
    one.read(25, 25, 26, 26, every_h=0.25)
    assert reported or one.emptied
    assert one.fill == pytest.approx(26, abs=5)
    assert one.table["gained"][0] - before < 7  # of the 23 % that were left


def test_a_candidate_that_an_older_version_opened_books_nothing() -> None:
    one = Bin().read(*(50 + n for n in range(24)), 0)  # emptied, or a lost echo
    assert not np.isnan(one.table["odds"][0])
    before = float(one.table["open_gained"][0])
    one.table["open_start"][:] = np.nan
    one.read(2)
    assert one.emptied
    assert one.table["gained"][0] == pytest.approx(before)
