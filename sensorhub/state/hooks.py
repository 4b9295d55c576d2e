"""Where a live batch and the fold of a journal row differ."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sensorhub.columns import Columns, Service
from sensorhub.state.rule_evaluation import LevelChange
from sensorhub.state.sensor_health import SensorObservations


class ApplyHooks(Protocol):
    """What `State.apply` asks and reports on its way.

    A live batch decides, and notes its decisions for the journal; the fold repeats
    what the notes of a journal row say.
    """

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        """By device whether it is to change; None: all are."""

    def derive(self, columns: Columns, observed: SensorObservations, /) -> Columns:
        """The columns with derived readings and marked suspects."""

    def gateways(self, columns: Columns, /) -> list[tuple[int, int]]:
        """Devices that another gateway hears from now on: (device, place)."""

    def receive(self, columns: Columns, /) -> None:
        """Devices were heard."""

    def learn(self, received_at: int, /) -> None:
        """Learning goes on to `received_at` (ms), maybe another day."""

    def confirms(self, emptying: Service, series: int, at: int, /) -> bool:
        """Whether an emptying that a reading (series, ms) shows is one."""

    def serve(self, service: Service, received_at: int, /) -> None:
        """A service is known by a reading received at `received_at` (ms)."""

    def decide(
        self, moved: list[LevelChange], received_at: int, measured_at: int, /
    ) -> None:
        """Levels moved by a reading, in the order received."""

    def finish(self, columns: Columns, observed: SensorObservations, /) -> None:
        """Enter the services that are known beside levels: cleanings."""
