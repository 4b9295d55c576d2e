"""How long to wait before the next connection."""

import random
from dataclasses import dataclass, field

STABLE_S = 10.0  # a connection that held so long ends the growth


@dataclass
class Backoff:
    """Doubling pauses between `first_s` and `cap_s`, with jitter of a half."""

    first_s: float = 1.0
    cap_s: float = 60.0
    _next: float = field(default=0.0, init=False)
    _chance: random.Random = field(default_factory=random.SystemRandom, init=False)

    def after(self, lasted_s: float) -> float:
        """Seconds to wait after an attempt or connection that lasted so long."""
        grown = self.first_s if lasted_s >= STABLE_S else self._next * 2
        self._next = min(max(grown, self.first_s), self.cap_s)
        return self._next * self._chance.uniform(0.5, 1.0)
