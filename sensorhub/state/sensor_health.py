"""Sensor diagnostics from a device's readings: odour baseline, echo quality, battery.

Live batches and the fold change it through the same `observe`.
"""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensorhub.columns import Columns
from sensorhub.estimate import battery, echo, odour
from sensorhub.estimate.tables import DeviceTable
from sensorhub.model import BY_NAME, FILL, Outcome, Quality, Reason
from sensorhub.state.dedup_window import ranks

DISTANCE = BY_NAME["distance"].no
NH3, LID = BY_NAME["nh3"].no, BY_NAME["lid_open"].no
PERCENT, VOLT = BY_NAME["battery"].no, BY_NAME["battery_voltage"].no
ODOUR_RISE, BATTERY_DAYS = BY_NAME["odour_rise"].no, BY_NAME["battery_days"].no
STUCK_HOURS, SUSPECT = BY_NAME["stuck_hours"].no, BY_NAME["suspect_share"].no
ZERO_DRIFT = BY_NAME["zero_drift"].no
ECHOES = (DISTANCE, FILL, NH3)  # whose habits are judged: the first that an uplink has
REPORT_STEP = 2.5  # %: a share is reported again after a change of this size
Derived = tuple[int, int, float]  # source reading, measurement number, value
Mask = NDArray[np.bool_] | None


class SensorHealthRows(msgspec.Struct, array_like=True, frozen=True):
    """What a checkpoint keeps of a block's devices."""

    cells: list[tuple[int, bytes]] = []
    tables: dict[str, dict[str, bytes]] = {}


@dataclass(slots=True)
class SensorObservations:
    """What a batch's readings show about their sensors and the air around them."""

    derived: list[Derived] = field(default_factory=list)
    suspects: list[tuple[int, Reason]] = field(default_factory=list)  # readings
    cleanings: list[tuple[int, int]] = field(default_factory=list)  # uplink, since (ms)

    def mark(self, columns: Columns) -> None:
        """Mark the suspect readings; of several reasons the first counts."""
        for reading, reason in self.suspects:
            if columns.quality[reading] == Quality.OK:
                columns.quality[reading], columns.quality_reason[reading] = (
                    Quality.SUSPECT,
                    reason,
                )


class SensorHealth:
    """State by device number."""

    def __init__(self, devices: int) -> None:
        self.cells: dict[int, array[float]] = {}
        self._echoes = echo.new_echoes(devices)
        self._tables = {
            "echoes": self._echoes,
            "percent": battery.new_batteries(devices),
            "volt": battery.new_batteries(devices),
            "told": DeviceTable(REPORTED, devices),
        }

    def observe(self, columns: Columns, mask: Mask = None) -> SensorObservations:
        """Change the state by a batch's readings; what they show.

        `mask` says which devices are to change (the fold).
        """
        uplink_of = columns.reading_uplink()
        use = (columns.outcome == Outcome.STORED) & (columns.device >= 0)
        if mask is not None:
            use &= mask[columns.device]
        known = use[uplink_of] & (columns.quality != Quality.REJECTED)
        found = SensorObservations(self._batteries(columns, uplink_of, known))
        self._smell(columns, uplink_of, known, found)
        self._judge(columns, uplink_of, known, found)
        found.suspects += self._open_lids(columns, uplink_of, known)
        return found

    # -- odour --

    def _smell(
        self,
        columns: Columns,
        uplink_of: NDArray[np.intp],
        known: NDArray[np.bool_],
        found: SensorObservations,
    ) -> None:
        """Add to `found` what gas cells show: rises, drift, cleanings."""
        for reading in np.flatnonzero(known & (columns.code == NH3)).tolist():
            device = int(columns.device[uplink_of[reading]])
            cell = self.cells.get(device)
            if cell is None:
                cell = self.cells[device] = odour.new_gas_cell()
            at, value = int(columns.measured_at[reading]), float(columns.value[reading])
            observed = odour.observe_gas(cell, at, value)
            if observed.rise is not None:
                found.derived.append((reading, ODOUR_RISE, round(observed.rise, 3)))
            if observed.drift is not None:
                found.derived.append((reading, ZERO_DRIFT, round(observed.drift, 3)))
            if observed.cleaned_at is not None:
                found.cleanings.append((int(uplink_of[reading]), observed.cleaned_at))
            if observed.warming:
                found.suspects.append((reading, Reason.WARMING_UP))
            elif observed.jump:
                found.suspects.append((reading, Reason.JUMP))
            elif odour.zero_drifts(cell):
                found.suspects.append((reading, Reason.DRIFT))

    def cleaned(self, devices: Iterable[int], at: int) -> None:
        """The room of these devices was cleaned at `at` (ms)."""
        for device in devices:
            cell = self.cells.get(device)
            if cell is not None:
                odour.mask(cell, at)

    # -- health --

    def _judge(
        self,
        columns: Columns,
        uplink_of: NDArray[np.intp],
        known: NDArray[np.bool_],
        found: SensorObservations,
    ) -> None:
        """Add to `found` how levels and gases fit the habits of their sensors."""
        echoes, reported = self._echoes, self._tables["told"]
        for reading, device in self._layers(columns, uplink_of, _first(columns, known)):
            at, code = columns.measured_at[reading], columns.code[reading]
            fresh = echoes["code"][device] == 0
            echoes["code"][device[fresh]] = code[fresh]
            mine = (echoes["code"][device] == code) & (at > echoes["at"][device])
            reading, device, code = reading[mine], device[mine], code[mine]
            near = columns.value[reading] * np.where(code == DISTANCE, -1.0, 1.0)
            verdicts = echo.look(echoes, device, at[mine], near, code != NH3)
            for place in np.flatnonzero(verdicts.quality_reason).tolist():
                reason = Reason(int(verdicts.quality_reason[place]))
                found.suspects.append((int(reading[place]), reason))
            stuck = (verdicts.stuck_h > 0) | (reported["stuck"][device] > 0)
            reported["stuck"][device] = verdicts.stuck_h
            moved = np.abs(verdicts.bad - reported["bad"][device]) >= REPORT_STEP
            reported["bad"][device[moved]] = verdicts.bad[moved]
            found.derived += _derived(reading, stuck, STUCK_HOURS, verdicts.stuck_h)
            found.derived += _derived(reading, moved, SUSPECT, verdicts.bad)

    def _open_lids(
        self, columns: Columns, uplink_of: NDArray[np.intp], known: NDArray[np.bool_]
    ) -> list[tuple[int, Reason]]:
        """Levels that are measured while the lid is open: suspect readings."""
        reported = self._tables["told"]
        lids = np.flatnonzero(known & (columns.code == LID))
        reported["lid"][columns.device[uplink_of[lids]]] = columns.value[lids] > 0
        if not reported["lid"].any():
            return []
        levels = known & ((columns.code == DISTANCE) | (columns.code == FILL))
        levels[levels] = reported["lid"][columns.device[uplink_of[levels]]]
        return [(i, Reason.LID_OPEN) for i in np.flatnonzero(levels).tolist()]

    # -- batteries --

    def _batteries(
        self, columns: Columns, uplink_of: NDArray[np.intp], known: NDArray[np.bool_]
    ) -> list[Derived]:
        """Days left by percent and by voltage; the fewer count."""
        least: dict[int, tuple[int, float]] = {}
        for name, code in (("percent", PERCENT), ("volt", VOLT)):
            chosen = np.flatnonzero(known & (columns.code == code))
            for reading, device in self._layers(columns, uplink_of, chosen):
                left = battery.look(
                    self._tables[name],
                    device,
                    columns.measured_at[reading],
                    columns.value[reading],
                    code == VOLT,
                )
                for place in np.flatnonzero(~np.isnan(left)).tolist():
                    uplink, days = int(uplink_of[reading[place]]), float(left[place])
                    before = least.get(uplink)
                    if before is None or days < before[1]:
                        least[uplink] = int(reading[place]), days
        return [(r, BATTERY_DAYS, round(days, 1)) for r, days in least.values()]

    @staticmethod
    def _layers(
        columns: Columns, uplink_of: NDArray[np.intp], chosen: NDArray[np.intp]
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.int32]]]:
        """Readings in parts in which each device has at most one, in their order."""
        device = columns.device[uplink_of[chosen]]
        rank = ranks(device) if len(chosen) else np.empty(0, np.int64)
        for layer in range(int(rank.max(initial=-1)) + 1):
            here = rank == layer
            yield chosen[here], device[here]

    # -- checkpoints --

    def dump(self, first: int, last: int) -> SensorHealthRows:
        """The rows of devices `first` to below `last`."""
        cells = [
            (device, cell.tobytes())
            for device, cell in sorted(self.cells.items())
            if first <= device < last
        ]
        tables = {name: t.dump(first, last) for name, t in self._tables.items()}
        return SensorHealthRows(cells, tables)

    def load(self, first: int, rows: SensorHealthRows) -> None:
        """Take rows that were dumped. Raises ValueError on damaged bytes."""
        for device, body in rows.cells:
            cell = array("d", body)
            if len(cell) != odour.SIZE:
                raise ValueError(f"{len(cell)} numbers of a gas cell")
            self.cells[device] = cell
        for name, data in rows.tables.items():
            if name in self._tables:
                self._tables[name].load(first, data)


REPORTED: Any = {
    "stuck": (np.float32, 0),
    "bad": (np.float32, 0),
    "lid": (np.bool_, 0),
}


def _first(columns: Columns, known: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Of each uplink the reading whose sensor's habits are judged."""
    rank = np.full(256, len(ECHOES), np.int8)
    rank[list(ECHOES)] = range(len(ECHOES))
    ours = np.flatnonzero(known & (rank[columns.code] < len(ECHOES)))
    if not len(ours):
        return ours
    uplink_of = columns.reading_uplink()[ours]
    order = np.lexsort((rank[columns.code[ours]], uplink_of))
    first = np.r_[True, uplink_of[order][1:] != uplink_of[order][:-1]]
    return ours[order][first]


def _derived(
    reading: NDArray[np.intp], which: NDArray[np.bool_], code: int, value: NDArray[Any]
) -> list[Derived]:
    return [
        (int(reading[place]), code, round(float(value[place]), 2))
        for place in np.flatnonzero(which).tolist()
    ]
