"""Flap detection: notifications of an alert that changes too often are held.

The share of changes among the last 21 states of a rule on a series, newer ones with
more weight, from 0.8 to 1.2 (as in Nagios): flapping begins at 0.5 and ends below 0.25.
"""

STATES = 21
ENTER = 0.5
LEAVE = 0.25


def change_share(changes: list[int], samples: int) -> float:
    """Return the weighted share of changes, given their sample numbers."""
    slots = STATES - 1
    total = 0.0
    for sample in changes:
        age = samples - sample
        if 0 <= age < slots:
            total += 1.2 - 0.4 * age / (slots - 1)
    return total / slots


def is_flapping(changes: list[int], samples: int, was: bool) -> bool:
    """Whether it flaps now, given whether it did before."""
    return change_share(changes, samples) >= (LEAVE if was else ENTER)


def recent_changes(changes: list[int], samples: int) -> list[int]:
    """Return the changes that still count."""
    return [sample for sample in changes if samples - sample < STATES - 1]
