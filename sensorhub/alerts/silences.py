"""Silences: an operator holds the notifications of matching alerts for a time."""

from collections.abc import Iterable
from typing import NamedTuple


class SilenceTarget(NamedTuple):
    """What a silence is matched against: ids of an alert's rule, asset and zone."""

    rule: str
    asset: str
    zone: str


class Silence(NamedTuple):
    """A matcher of an operator, for a time; None matches everything."""

    id: int
    zone: str | None
    asset: str | None
    rule: str | None
    from_at: int
    until_at: int

    def matches(self, target: SilenceTarget) -> bool:
        """Whether all its parts match."""
        return (
            self.zone in (None, target.zone)
            and self.asset in (None, target.asset)
            and self.rule in (None, target.rule)
        )


def active_silence(
    silences: Iterable[Silence],
    target: SilenceTarget,
    now: int,
    danger_at: int | None = None,
) -> Silence | None:
    """Return the first silence that matches and has begun and not ended at `now` (ms).

    A rise of the alert to danger (`danger_at`) ended, for this alert, the silences that
    had begun by then.
    """
    for silence in silences:
        if (
            silence.from_at <= now < silence.until_at
            and (danger_at is None or silence.from_at > danger_at)
            and silence.matches(target)
        ):
            return silence
    return None
