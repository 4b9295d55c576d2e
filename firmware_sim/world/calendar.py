"""Seasons and holidays: the factor of deposits and visits by day."""

from firmware_sim.scenario.settings import CalendarSettings
from firmware_sim.world.step_time import StepTime


class SeasonalDemand:
    """The demand of a day relative to the usual one."""

    def __init__(self, settings: CalendarSettings) -> None:
        self._settings = settings
        self._holidays = frozenset(day.isoformat() for day in settings.holidays)

    def factor(self, now: StepTime) -> float:
        """Return the factor of deposits and visits at `now`."""
        factor: float = self._settings.monthly[now.month - 1]
        if now.date in self._holidays:
            factor *= self._settings.holiday_factor
        return factor
