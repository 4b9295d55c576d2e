"""Why the notifications of an alert are held, and inhibition between rules.

Muting holds notifications; it never changes alerts or transitions.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum

from sensorhub.rules.schema import Inhibit


class MuteReason(StrEnum):
    """Why notifications are held; the words of `muted_by` in events."""

    SILENCE = "silence"  # with the id of the silence
    INHIBITED = "inhibited"  # with the id of the rule whose alert explains this one
    OUT_OF_SERVICE = "out_of_service"
    FLAPPING = "flapping"
    REPLACED = "replaced"  # with the id of the rule that goes on for a removed one
    RESTART = "restart"  # held before the restart, not evaluated since

    def by(self, name: object) -> str:
        """Return the reason with what it is due to."""
        return f"{self}:{name}"


def inhibiting_rule(
    inhibits: Iterable[Inhibit],
    rule: str,
    fires_on_asset: Callable[[str], bool],
    fires_in_zone: Callable[[str], bool],
) -> str | None:
    """Return the rule whose open alert inhibits an alert of `rule`, if any."""
    for item in inhibits:
        if rule in item.targets and item.source != rule:
            fires = fires_on_asset if item.same == "asset" else fires_in_zone
            if fires(item.source):
                return item.source
    return None
