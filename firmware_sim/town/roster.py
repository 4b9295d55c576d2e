"""The schedule of rounds: bins of a zone, grouped by emptyings per week."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmware_sim.rng import F64
from firmware_sim.scenario.settings import EmptyingSettings

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class CollectionRound:
    """A round of one zone: weekdays (0 is Monday) at a local hour."""

    zone: int
    visits: int  # serves the bins with so many rounds a week
    weekdays: tuple[int, ...]
    hour: float

    @property
    def time(self) -> str:
        """Local time as hh:mm."""
        minute = round(self.hour * 60)
        return f"{minute // 60:02d}:{minute % 60:02d}"


def visits_a_week(rate: F64, plan_fill: float) -> NDArray[np.int64]:
    """Return rounds a week (1 to 14) so that a bin is about `plan_fill` % full."""
    need = np.round(7 * rate / plan_fill)
    return np.clip(need, 1, 14).astype(np.int64)


def tag(visits: int) -> str:
    """Return the tag of bins with so many rounds a week."""
    return f"round-{visits}"


def rounds(
    zone: NDArray[np.int64], visits: NDArray[np.int64], settings: EmptyingSettings
) -> list[CollectionRound]:
    """Return all rounds of the town; the weeks of zones begin on different days."""
    found = []
    pairs = sorted(set(zip(zone.tolist(), visits.tolist(), strict=True)))
    for number, often in pairs:
        first = _days(min(often, 7), number)
        found.append(CollectionRound(number, often, first, settings.round_at))
        if often > 7:
            second = _days(often - 7, number)
            found.append(CollectionRound(number, often, second, settings.second_at))
    return found


def _days(count: int, shift: int) -> tuple[int, ...]:
    """Return `count` weekdays spread over the week."""
    return tuple(sorted((i * 7 // count + shift) % 7 for i in range(count)))
