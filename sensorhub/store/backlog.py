"""Journal rows that wait for history, and whether a segment is due."""

import time

from sensorhub.config.settings import HistorySettings
from sensorhub.store import Connection, segments

MOST_ROWS = 200  # that a read may find in the journal
IDLE_S = 2.0  # without new uplinks: make a segment of what there is,
IDLE_APART_S = 5.0  # but not more often than so


class Backlog:
    """Counts journal rows and uplinks beyond the cursor; reads only new rows."""

    def __init__(self, read: Connection, settings: HistorySettings, now: int) -> None:
        self._read = read
        self._settings = settings
        self._asked = False
        self._wanted = 0
        self.renew(now)

    def renew(self, now: int) -> None:
        """Recount from the cursor after a segment was made or failed."""
        self.cursor = segments.cursor(self._read)
        self._rows, self.uplinks, self._last = segments.waiting(self._read, self.cursor)
        self._made_at = now
        self._made = self._fresh = time.monotonic()

    def ask(self) -> None:
        """Request segments up to the journal's current newest row."""
        self._asked = True

    def answered(self) -> bool:
        """Whether the request is fulfilled."""
        return not self._asked and self.cursor >= self._wanted

    def due(self, now: int) -> bool:
        """Count new rows; returns whether a segment is due at `now` (hub time, ms)."""
        asked, self._asked = self._asked, False
        rows, uplinks, last = segments.waiting(self._read, self._last)
        if rows:
            self._rows += rows
            self.uplinks += uplinks
            self._last = last
            self._fresh = time.monotonic()
        if asked:
            self._wanted = self._last
        if not self._rows:
            return False
        return (
            self.cursor < self._wanted
            or self._rows >= MOST_ROWS
            or self.uplinks >= self._settings.segment_uplinks
            or now - self._made_at >= self._settings.segment_s * 1000
            or self._idle()
        )

    def _idle(self) -> bool:
        moment = time.monotonic()
        return moment - self._fresh > IDLE_S and moment - self._made > IDLE_APART_S
