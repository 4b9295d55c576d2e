"""Flap guard: an alert that goes to and fro holds back its notifications.

The share of state changes among the last 21 states, newer ones weighing more,
from 0.8 to 1.2 (the scheme of Nagios): flapping from 0.5, over below 0.25.
"""

STATES = 21
ENTER = 0.5
LEAVE = 0.25


def share(changes: list[int], samples: int) -> float:
    """Weighted share of changes, given the sample numbers at which they were."""
    slots = STATES - 1
    total = 0.0
    for sample in changes:
        age = samples - sample
        if 0 <= age < slots:
            total += 1.2 - 0.4 * age / (slots - 1)
    return total / slots


def is_flapping(changes: list[int], samples: int, was: bool) -> bool:
    """Whether it flaps now, given whether it did before."""
    return share(changes, samples) >= (LEAVE if was else ENTER)


def recent(changes: list[int], samples: int) -> list[int]:
    """The changes that still count."""
    return [sample for sample in changes if samples - sample < STATES - 1]
