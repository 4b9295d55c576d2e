"""Seasons and holidays: how much more or less the town throws away and goes out."""

from firmware_sim.scenario.settings import CalendarSettings
from firmware_sim.world.step_time import StepTime


class SeasonalDemand:
    """The factor of a day, for deposits and visits."""

    def __init__(self, settings: CalendarSettings) -> None:
        self._settings = settings
        self._holidays = frozenset(day.isoformat() for day in settings.holidays)

    def factor(self, now: StepTime) -> float:
        """Times the usual."""
        found: float = self._settings.monthly[now.month - 1]
        if now.date in self._holidays:
            found *= self._settings.holiday_factor
        return found
