"""Group rules: which share of a place is silent, and when the next one will be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorhub.alerts.group_no_data import OLD_FAULT_MS, GroupNoData
from sensorhub.alerts.timers import FAR
from sensorhub.model import Severity
from tests.support.town import HOUR, MINUTE, rule

N = 12
RULE = rule(
    kind="group",
    by="gateway",
    measurement=None,
    category="device",
    levels=[{"severity": "device", "raise": 70, "clear": 30}],
    intervals=1.5,
    at_least="30m",
)
LIMIT = 90 * MINUTE


def group(interval: int = HOUR, devices: int = N) -> GroupNoData:
    intervals = np.full(devices, interval, np.int64)
    return GroupNoData(RULE, intervals, np.ones(devices, np.bool_))


def quiet(*minutes: float) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([m * MINUTE for m in minutes], np.int64)


def places(*numbers: int) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    return np.array(numbers, np.int32)


def test_silence_is_by_interval_and_no_less_than_at_least() -> None:
    assert group().limit.tolist() == [LIMIT] * N
    assert group(5 * MINUTE).limit.tolist() == [30 * MINUTE] * N


@pytest.mark.parametrize(
    ("silent", "speak", "before", "level"),
    [
        (7, 3, Severity.NONE, Severity.DEVICE),
        (6, 3, Severity.NONE, Severity.NONE),
        (4, 0, Severity.NONE, Severity.NONE),  # too few for an outage
        (3, 7, Severity.DEVICE, Severity.DEVICE),
        (3, 8, Severity.DEVICE, Severity.NONE),
        (2, 0, Severity.DEVICE, Severity.NONE),  # the others have gone elsewhere
    ],
)
def test_a_share_raises_and_clears_by_its_limits(
    silent: int, speak: int, before: Severity, level: Severity
) -> None:
    one = group(devices=silent + speak)
    place = places(*[7] * (silent + speak))
    found = one.shares(
        place, quiet(*[91] * silent, *[1] * speak), {7} if before else ()
    )
    levels = [one.level(share, before) for share in found]
    assert levels == ([level] if found else [])
    assert level is Severity.NONE or found[0].silent.tolist() == list(range(silent))


def test_who_was_silent_a_day_before_is_no_part_of_it_unless_it_goes_on() -> None:
    one, place = group(), places(*[1] * N)
    long = (LIMIT + OLD_FAULT_MS) / MINUTE + 1
    now = quiet(*[long] * 6, *[100] * 5, 1)
    (share,) = one.shares(place, now, ())
    assert (share.of, len(share.silent)) == (6, 5)
    (share,) = one.shares(place, now, {1})
    assert (share.of, len(share.silent)) == (12, 11)


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 10 * 60)), min_size=1, max_size=40
    )
)
def test_nothing_is_raised_before_it_is_due_and_then_it_is(
    devices: list[tuple[int, int]],
) -> None:
    one = group(devices=len(devices))
    place = places(*[p for p, _ in devices])
    now = quiet(*[m for _, m in devices])

    def raised(after: int) -> set[int]:
        shares = one.shares(place, now + after, ())
        return {s.group for s in shares if one.level(s, Severity.NONE)}

    open_ = raised(0)
    wait = one.raises_in(place, now, open_)
    if wait < FAR:
        assert raised(wait) <= open_
        assert raised(wait + 1) - open_
    else:
        assert raised(LIMIT + 1) <= open_
