"""The fold: journal rows after a checkpoint change the state as their batches did."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from sensorhub.columns import Columns, Notes, Service, unpack, unpack_notes
from sensorhub.state.fill_learning import BLOCK, LearntUsage
from sensorhub.state.rule_evaluation import LevelChange
from sensorhub.state.sensor_health import SensorObservations
from sensorhub.state.state import State
from sensorhub.store.hot.journal import JournalRow


def fold(
    state: State,
    rows: Iterable[JournalRow],
    cursors: dict[int, int],
    damaged: Callable[[JournalRow], None],
) -> int:
    """Change the state by journal rows after each block's cursor; writes nothing.

    `cursors` has the journal row that each block stands for. A row that cannot
    be read is given to `damaged` and passed. Answers the last row's number.
    """
    cursor_of = np.zeros(state.registry.devices, np.int64)
    for block, cursor in cursors.items():
        cursor_of[block * BLOCK : (block + 1) * BLOCK] = cursor
    last = 0
    for row in rows:
        last = row.id
        try:
            if not row.sound:
                raise ValueError("checksum")
            columns, notes = unpack(row.body), unpack_notes(row.body)
        except ValueError:
            damaged(row)
            continue
        state.apply(columns, notes, FoldHooks(state, notes, cursor_of < row.id))
    return last


class FoldHooks:
    """Repeats what the notes of a journal row say was decided."""

    def __init__(self, state: State, notes: Notes, mask: NDArray[np.bool_]) -> None:
        self._state, self._notes, self._mask = state, notes, mask
        self._services = {(s.asset, s.at): s for s in notes.services}

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Devices whose block does not stand for this row yet."""
        return self._mask

    def derive(self, columns: Columns, _observed: SensorObservations) -> Columns:
        """The columns as they are: the row holds all that was derived."""
        return columns

    def gateways(self, _columns: Columns) -> list[tuple[int, int]]:
        """The gateways that took devices over."""
        return [(d, place) for d, place in self._notes.gateways if self._mask[d]]

    def receive(self, _columns: Columns) -> None:
        """Nothing: no alert is decided about."""

    def learn(self, received_at: int) -> None:
        """Go by the weeks that were learnt then."""
        learnt_usage = LearntUsage(self._notes.usage, self._notes.persistence)
        self._state.levels.learning.fold(learnt_usage, received_at, self._mask)

    def confirms(self, emptying: Service, _series: int, _at: int) -> bool:
        """Whether the row says so."""
        return (emptying.asset, emptying.at) in self._services

    def serve(self, service: Service, _received_at: int) -> None:
        """Change the state as the service did."""
        self._services.pop((service.asset, service.at), None)
        self._state.serviced(service, self._mask)

    def decide(self, _moved: list[LevelChange], _received_at: int, _at: int) -> None:
        """Decide nothing: the database says which alerts are open."""

    def finish(self, _columns: Columns, _observed: SensorObservations) -> None:
        """Change the state by the services that no reading showed."""
        for service in self._services.values():
            self._state.serviced(service, self._mask)
