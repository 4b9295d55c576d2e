"""The fold: journal rows after a checkpoint change the state as their batches did."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from sensorhub.columns import Columns, Notes, Service, unpack, unpack_notes
from sensorhub.state.fill_learning import BLOCK, Taught
from sensorhub.state.rule_evaluation import Moved
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
        _apply(state, columns, notes, cursor_of < row.id)
    return last


class FoldHooks:
    """Repeats what the notes of a journal row say was decided."""

    def __init__(self, state: State, notes: Notes, mask: NDArray[np.bool_]) -> None:
        self._state, self._mask = state, mask
        self._services = {(s.asset, s.at): s for s in notes.services}

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Devices whose block does not stand for this row yet."""
        return self._mask

    def confirms(self, emptying: Service, series: int, at: int) -> bool:
        """Whether the row says so."""
        return (emptying.asset, emptying.at) in self._services

    def serve(self, service: Service, received_at: int) -> None:
        """Change the state as the service did."""
        self._services.pop((service.asset, service.at), None)
        self._state.serviced(service, self._mask)

    def decide(self, moved: list[Moved], received_at: int, measured_at: int) -> None:
        """Decide nothing: the database says which alerts are open."""

    def finish(self) -> None:
        """Change the state by the services that no reading showed."""
        for service in self._services.values():
            self._state.serviced(service, self._mask)


def _apply(
    state: State, columns: Columns, notes: Notes, mask: NDArray[np.bool_]
) -> None:
    reception = state.reception
    reception.monitored_ms = notes.covered
    for device, interval_ms in notes.intervals:
        if mask[device]:
            reception.interval_ms[device] = interval_ms
    state.remember(columns, mask)
    reception.set_gateways((d, place) for d, place in notes.via if mask[d])
    reception.restart_silence([device for device in notes.excused if mask[device]])
    if columns.uplinks:
        taught = Taught(notes.usage, notes.naive)
        state.levels.teaching.fold(taught, int(columns.received_at[0]), mask)
    state.health.observe(columns, mask)
    hooks = FoldHooks(state, notes, mask)
    state.readings.process(columns, hooks)
    hooks.finish()
