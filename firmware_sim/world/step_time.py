"""The time of a simulation step, in UTC and in the town's local calendar."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

STEP_S = 300
STEP_MS = STEP_S * 1000
STEP_H = STEP_S / 3600
STEPS_A_DAY = 86_400 // STEP_S


@dataclass(frozen=True, slots=True)
class StepTime:
    """The end of a step: epoch ms, and the local calendar."""

    at: int
    number: int  # of the step, from 0
    hour: float  # local, 0 to 24
    weekday: int  # 0 is Monday
    month: int
    date: str = ""  # local, as 2026-03-02

    @property
    def midnight(self) -> bool:
        """Whether this is the first step of a local day."""
        return self.hour < STEP_H


def step_time(at: int, number: int, zone: ZoneInfo) -> StepTime:
    """Return the step time at `at` (epoch ms) in a time zone."""
    local = datetime.fromtimestamp(at / 1000, zone)
    hour = local.hour + local.minute / 60 + local.second / 3600
    today = local.date().isoformat()
    return StepTime(at, number, hour, local.weekday(), local.month, today)
