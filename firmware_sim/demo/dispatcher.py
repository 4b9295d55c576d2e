"""The dispatcher's desk in the demo: asks for figures, says what crews did.

Both go through the hub's command line, one call at a time, beside the screen.
"""

import threading
from collections import deque
from collections.abc import Callable

from firmware_sim.clock import rfc3339
from firmware_sim.demo.event_log import HubCounters
from firmware_sim.demo.hub_process import HubError, HubProcess

EVERY_S = 2.0


class Dispatcher(threading.Thread):
    """Works until stopped.

    `latest`: the newest figures, and how many uplinks were on the way at that moment.
    `sent` tells how many distinct ones the broker had taken at a simulated time.
    """

    def __init__(
        self,
        hub: HubProcess,
        sent: Callable[[int], int],
        cleanings: deque[tuple[str, int]],
    ) -> None:
        super().__init__(name="desk", daemon=True)
        self.latest = (HubCounters(), 0)
        self._sent = sent
        self._hub = hub
        self._cleanings = cleanings
        self._done = threading.Event()

    def run(self) -> None:
        """Figures and one cleaning in turn."""
        while not self._done.wait(EVERY_S):
            if figures := self._hub.figures():
                # The broker's receipts come a little after it has passed uplinks on.
                way = self._sent(figures.now) - figures.stored - figures.dead
                self.latest = (figures, max(way, 0))
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
