"""Silences and inhibition: who is held back, by what."""

import pytest

from sensorhub.alerts.muting import inhibiting_rule
from sensorhub.alerts.silences import Silence, SilenceTarget, active_silence
from sensorhub.rules.schema import Inhibit

TARGET = SilenceTarget("full", "bin-1", "east")


@pytest.mark.parametrize(
    ("zone", "asset", "rule", "covered"),
    [
        ("east", None, None, True),
        ("west", None, None, False),
        (None, "bin-1", None, True),
        (None, "bin-2", None, False),
        (None, None, "full", True),
        (None, None, "fire", False),
        ("east", "bin-1", "full", True),
        ("east", "bin-1", "fire", False),
        ("west", "bin-1", "full", False),
    ],
)
def test_a_silence_covers_what_all_its_parts_match(
    zone: str | None, asset: str | None, rule: str | None, covered: bool
) -> None:
    silence = Silence(1, zone, asset, rule, 10, 20)
    assert (active_silence([silence], TARGET, 15) is not None) is covered


@pytest.mark.parametrize(("now", "covered"), [(9, 0), (10, 1), (19, 1), (20, 0)])
def test_a_silence_begins_with_from_and_ends_before_until(
    now: int, covered: int
) -> None:
    silence = Silence(1, "east", None, None, 10, 20)
    assert (active_silence([silence], TARGET, now) is not None) == bool(covered)


def test_a_rise_to_danger_ends_the_silences_begun_before_it() -> None:
    old, new = (Silence(n, "east", None, None, n, 99) for n in (10, 30))
    assert active_silence([old, new], TARGET, 50, None) == old
    assert active_silence([old, new], TARGET, 50, 10) == new
    assert active_silence([old, new], TARGET, 50, 20) == new
    assert active_silence([old, new], TARGET, 50, 30) is None


INHIBITS = [
    Inhibit(source="over", targets=("full", "over")),
    Inhibit(source="storm", targets=("full",), same="zone"),
]


@pytest.mark.parametrize(
    ("on_asset", "in_zone", "rule", "source"),
    [
        ({"over"}, {"over"}, "full", "over"),
        (set(), {"over"}, "full", None),  # it fires elsewhere in the zone
        (set(), {"storm"}, "full", "storm"),
        (set(), set(), "full", None),
        ({"over"}, {"over"}, "over", None),  # nothing inhibits itself
        ({"over"}, {"storm"}, "other", None),
        ({"over"}, {"storm"}, "full", "over"),  # the first of the file
    ],
)
def test_a_firing_rule_inhibits_its_targets_on_the_asset_or_in_the_zone(
    on_asset: set[str], in_zone: set[str], rule: str, source: str | None
) -> None:
    found = inhibiting_rule(INHIBITS, rule, on_asset.__contains__, in_zone.__contains__)
    assert found == source
