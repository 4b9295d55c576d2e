"""Where a live batch and the fold of a journal row differ."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sensorhub.columns import Service
from sensorhub.state.rule_evaluation import Moved


class ApplyHooks(Protocol):
    """What a change of the state is asked and told while it goes on.

    A live batch decides; the fold repeats what the journal says was decided.
    """

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        """By device whether it is to change; None: all are."""

    def confirms(self, emptying: Service, series: int, at: int) -> bool:
        """Whether an emptying that a reading (series, ms) shows is one."""

    def serve(self, service: Service, received_at: int) -> None:
        """A service is known by a reading received at `received_at` (ms)."""

    def decide(self, moved: list[Moved], received_at: int, measured_at: int) -> None:
        """Levels moved by a reading, in the order received."""
