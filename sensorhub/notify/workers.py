"""A few threads for deliveries, some of them always kept for quick receivers."""

import queue
import threading
from collections.abc import Callable
from typing import Protocol

import structlog

log = structlog.get_logger()


class WorkerPool(Protocol):
    """What runs deliveries."""

    size: int

    def start(self, work: Callable[[], None], *, slow: bool) -> bool:
        """Run `work` elsewhere; False where there is no thread free for it."""
        ...


class Workers:
    """`size` daemon threads; slow receivers get at most half of them."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[tuple[Callable[[], None], bool]]
        self._queue = queue.SimpleQueue()
        self._busy = 0
        self._slow = 0
        for number in range(size):
            name = f"notify-{number}"
            threading.Thread(target=self._serve, name=name, daemon=True).start()

    def start(self, work: Callable[[], None], *, slow: bool) -> bool:
        """Run `work` on a free thread; False where there is none for it."""
        with self._lock:
            if self._busy >= self.size:
                return False
            if slow and self._slow >= max(1, self.size // 2):
                return False
            self._busy += 1
            self._slow += slow
        self._queue.put((work, slow))
        return True

    def stop(self) -> None:
        """Let idle threads end, and busy ones after their delivery."""
        for _ in range(self.size):
            self._queue.put((_end, False))

    def _serve(self) -> None:
        while True:
            work, slow = self._queue.get()
            if work is _end:
                return
            try:
                work()
            except Exception:
                log.exception("delivery_crashed")
            finally:
                with self._lock:
                    self._busy -= 1
                    self._slow -= slow


def _end() -> None:
    """The work that ends a thread."""
