"""The dispatcher's desk in the demo: asks for figures, says what crews did.

Both go through the hub's command line, one call at a time, beside the screen.
"""

import threading
from collections import deque

from firmware_sim.board import Figures
from firmware_sim.clock import rfc3339
from firmware_sim.hub import Hub, HubError

EVERY_S = 1.5


class Desk(threading.Thread):
    """Works until stopped; `latest` are the newest figures."""

    def __init__(self, hub: Hub, cleanings: deque[tuple[str, int]]) -> None:
        super().__init__(name="desk", daemon=True)
        self.latest = Figures()
        self._hub = hub
        self._cleanings = cleanings
        self._done = threading.Event()

    def run(self) -> None:
        """Figures and one cleaning in turn."""
        while not self._done.wait(EVERY_S):
            self.latest = self._hub.figures() or self.latest
            if self._cleanings:
                self._say_cleaned(*self._cleanings.popleft())

    def stop(self) -> None:
        """End after the call that runs now."""
        self._done.set()
        self.join()

    def _say_cleaned(self, asset: str, at: int) -> None:
        words = ("service", asset, "cleaned", "--at", rfc3339(at), "--by", "demo")
        try:
            self._hub.call(*words)
        except HubError:
            return  # the next cleaning counts as well
