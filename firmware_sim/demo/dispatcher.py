"""The demo's dispatcher: reads the hub's counters and reports cleanings to it.

Both use the hub's command line, one call at a time, in a thread beside the screen.
"""

import threading
from collections import deque
from collections.abc import Callable

from firmware_sim.clock import rfc3339
from firmware_sim.demo.event_log import HubCounters
from firmware_sim.demo.hub_process import HubError, HubProcess

INTERVAL_S = 2.0


class Dispatcher(threading.Thread):
    """Runs until stopped.

    `latest`: the newest counters, and the number of uplinks in transit at that time.
    `sent` returns the distinct uplinks the broker had received at a simulated time.
    """

    def __init__(
        self,
        hub: HubProcess,
        sent: Callable[[int], int],
        cleanings: deque[tuple[str, int]],
    ) -> None:
        super().__init__(name="dispatcher", daemon=True)
        self.latest = (HubCounters(), 0)
        self._sent = sent
        self._hub = hub
        self._cleanings = cleanings
        self._done = threading.Event()

    def run(self) -> None:
        """Read counters and report one cleaning, in turn."""
        while not self._done.wait(INTERVAL_S):
            if counters := self._hub.counters():
                # The broker acknowledges an uplink a little after it passed it on.
                transit = self._sent(counters.now) - counters.stored - counters.dead
                self.latest = (counters, max(transit, 0))
            if self._cleanings:
                self._report_cleaning(*self._cleanings.popleft())

    def stop(self) -> None:
        """Stop after the current call."""
        self._done.set()
        self.join()

    def _report_cleaning(self, asset: str, at: int) -> None:
        command = ("service", asset, "cleaned", "--at", rfc3339(at), "--by", "demo")
        try:
            self._hub.call(*command)
        except HubError:
            return  # a missing cleaning does not matter to the demo
