"""Silences and inhibition: what holds a notification back, never a transition."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from sensorhub.rules.schema import Inhibit


class Silence(NamedTuple):
    """An operator's matcher for a time; None matches everything."""

    id: int
    zone: str | None
    asset: str | None
    rule: str | None
    from_at: int
    until_at: int


def silenced_by(
    silences: Iterable[Silence],
    place: tuple[str, str, str],
    now: int,
    danger_at: int | None = None,
) -> Silence | None:
    """The first silence that covers an alert at `now` (ms).

    `place` = (rule, asset, zone). A rise to danger (`danger_at`) ended for the
    alert the silences that had begun by then.
    """
    rule, asset, zone = place
    for silence in silences:
        if (
            silence.from_at <= now < silence.until_at
            and (danger_at is None or silence.from_at > danger_at)
            and silence.zone in (None, zone)
            and silence.asset in (None, asset)
            and silence.rule in (None, rule)
        ):
            return silence
    return None


def inhibited_by(
    inhibits: Iterable[Inhibit],
    rule: str,
    fires_on_asset: Callable[[str], bool],
    fires_in_zone: Callable[[str], bool],
) -> str | None:
    """The rule whose firing alert covers an alert of `rule`, if any."""
    for item in inhibits:
        if rule in item.targets and item.source != rule:
            fires = fires_on_asset if item.same == "asset" else fires_in_zone
            if fires(item.source):
                return item.source
    return None
