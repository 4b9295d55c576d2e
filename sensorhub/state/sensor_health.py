"""What a device's own readings tell beside their values: odour, health, battery.

Moved by live batches and by the fold through the same `look`; marks readings that are
to be trusted less.
"""

from array import array
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensorhub.columns import Columns
from sensorhub.estimate import battery, echo, odour
from sensorhub.estimate.tables import Table
from sensorhub.model import BY_NAME, FILL, Outcome, Quality, Reason
from sensorhub.state.dedup_window import ranks

DISTANCE = BY_NAME["distance"].no
NH3, LID = BY_NAME["nh3"].no, BY_NAME["lid_open"].no
PERCENT, VOLT = BY_NAME["battery"].no, BY_NAME["battery_voltage"].no
ODOUR_RISE, BATTERY_DAYS = BY_NAME["odour_rise"].no, BY_NAME["battery_days"].no
STUCK_HOURS, SUSPECT = BY_NAME["stuck_hours"].no, BY_NAME["suspect_share"].no
ZERO_DRIFT = BY_NAME["zero_drift"].no
ECHOES = (DISTANCE, FILL, NH3)  # whose habits are judged: the first that an uplink has
TOLD_STEP = 2.5  # %: a share is told again when it has moved so far
Derived = tuple[int, int, float]  # source reading, measurement number, value
Mask = NDArray[np.bool_] | None


class SensorHealthRows(msgspec.Struct, array_like=True, frozen=True):
    """What a checkpoint keeps of a block's devices."""

    noses: list[tuple[int, bytes]] = []
    tables: dict[str, dict[str, bytes]] = {}


class SensorHealth:
    """State by device number."""

    def __init__(self, devices: int) -> None:
        self.noses: dict[int, array[float]] = {}
        self.cleanings: list[tuple[int, int]] = []  # uplink, when it began (ms)
        self._folding = False
        self._echoes = echo.new_echoes(devices)
        self._tables = {
            "echoes": self._echoes,
            "percent": battery.new_batteries(devices),
            "volt": battery.new_batteries(devices),
            "told": Table(TOLD, devices),
        }

    def look(self, columns: Columns, mask: Mask = None) -> list[Derived]:
        """Take a batch's readings; answers what follows from them.

        Marks readings as suspect. `mask` says which devices are to move (the fold).
        """
        self.cleanings = []
        self._folding = mask is not None
        owner = columns.owner()
        use = (columns.outcome == Outcome.STORED) & (columns.device >= 0)
        if mask is not None:
            use &= mask[columns.device]
        known = use[owner] & (columns.quality != Quality.REJECTED)
        found = self._batteries(columns, owner, known)
        found += self._smell(columns, owner, known)
        found += self._judge(columns, owner, known)
        self._lids(columns, owner, known)
        return found

    # -- odour --

    def _smell(
        self, columns: Columns, owner: NDArray[np.intp], known: NDArray[np.bool_]
    ) -> list[Derived]:
        rises = []
        for reading in np.flatnonzero(known & (columns.code == NH3)).tolist():
            device = int(columns.device[owner[reading]])
            nose = self.noses.get(device)
            if nose is None:
                nose = self.noses[device] = odour.new_nose()
            at, value = int(columns.measured_at[reading]), float(columns.value[reading])
            said = odour.sniff(nose, at, value)
            if said.rise is not None:
                rises.append((reading, ODOUR_RISE, round(said.rise, 3)))
            if said.drift is not None:
                rises.append((reading, ZERO_DRIFT, round(said.drift, 3)))
            if said.cleaned_at is not None:
                self.cleanings.append((int(owner[reading]), said.cleaned_at))
            if said.warming:
                self._suspect(columns, reading, Reason.WARMING_UP)
            elif said.leap:
                self._suspect(columns, reading, Reason.JUMP)
            elif odour.wandered(nose):
                self._suspect(columns, reading, Reason.DRIFT)
        return rises

    def cleaned(self, devices: Iterable[int], at: int) -> None:
        """The room of these devices was cleaned at `at` (ms)."""
        for device in devices:
            nose = self.noses.get(device)
            if nose is not None:
                odour.mask(nose, at)

    # -- health --

    def _judge(
        self, columns: Columns, owner: NDArray[np.intp], known: NDArray[np.bool_]
    ) -> list[Derived]:
        """Judge levels and gases by the habits of their sensors."""
        found: list[Derived] = []
        echoes, told = self._echoes, self._tables["told"]
        for reading, device in self._layers(columns, owner, _first(columns, known)):
            at, code = columns.measured_at[reading], columns.code[reading]
            fresh = echoes["code"][device] == 0
            echoes["code"][device[fresh]] = code[fresh]
            mine = (echoes["code"][device] == code) & (at > echoes["at"][device])
            reading, device, code = reading[mine], device[mine], code[mine]
            near = columns.value[reading] * np.where(code == DISTANCE, -1.0, 1.0)
            said = echo.look(echoes, device, at[mine], near, code != NH3)
            for place in np.flatnonzero(said.why).tolist():
                self._suspect(
                    columns, int(reading[place]), Reason(int(said.why[place]))
                )
            stuck = (said.stuck_h > 0) | (told["stuck"][device] > 0)
            told["stuck"][device] = said.stuck_h
            moved = np.abs(said.bad - told["bad"][device]) >= TOLD_STEP
            told["bad"][device[moved]] = said.bad[moved]
            found += _derived(reading, stuck, STUCK_HOURS, said.stuck_h)
            found += _derived(reading, moved, SUSPECT, said.bad)
        return found

    def _lids(
        self, columns: Columns, owner: NDArray[np.intp], known: NDArray[np.bool_]
    ) -> None:
        """Levels that are measured while the lid is open tell little."""
        told = self._tables["told"]
        lids = np.flatnonzero(known & (columns.code == LID))
        told["lid"][columns.device[owner[lids]]] = columns.value[lids] > 0
        if not told["lid"].any():
            return
        levels = known & ((columns.code == DISTANCE) | (columns.code == FILL))
        for reading in np.flatnonzero(levels).tolist():
            if told["lid"][columns.device[owner[reading]]]:
                self._suspect(columns, reading, Reason.LID_OPEN)

    def _suspect(self, columns: Columns, reading: int, why: Reason) -> None:
        """Trust a reading less; what the fold reads is marked already."""
        if not self._folding and columns.quality[reading] == Quality.OK:
            columns.quality[reading], columns.why[reading] = Quality.SUSPECT, why

    # -- batteries --

    def _batteries(
        self, columns: Columns, owner: NDArray[np.intp], known: NDArray[np.bool_]
    ) -> list[Derived]:
        """Days left by percent and by voltage; the fewer count."""
        least: dict[int, tuple[int, float]] = {}
        for name, code in (("percent", PERCENT), ("volt", VOLT)):
            chosen = np.flatnonzero(known & (columns.code == code))
            for reading, device in self._layers(columns, owner, chosen):
                left = battery.look(
                    self._tables[name],
                    device,
                    columns.measured_at[reading],
                    columns.value[reading],
                    code == VOLT,
                )
                for place in np.flatnonzero(~np.isnan(left)).tolist():
                    uplink, days = int(owner[reading[place]]), float(left[place])
                    before = least.get(uplink)
                    if before is None or days < before[1]:
                        least[uplink] = int(reading[place]), days
        return [(r, BATTERY_DAYS, round(days, 1)) for r, days in least.values()]

    @staticmethod
    def _layers(
        columns: Columns, owner: NDArray[np.intp], chosen: NDArray[np.intp]
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.int32]]]:
        """Readings in parts in which each device has at most one, in their order."""
        device = columns.device[owner[chosen]]
        rank = ranks(device) if len(chosen) else np.empty(0, np.int64)
        for layer in range(int(rank.max(initial=-1)) + 1):
            here = rank == layer
            yield chosen[here], device[here]

    # -- checkpoints --

    def dump(self, first: int, last: int) -> SensorHealthRows:
        """The rows of devices `first` to below `last`."""
        noses = [
            (device, nose.tobytes())
            for device, nose in sorted(self.noses.items())
            if first <= device < last
        ]
        tables = {name: t.dump(first, last) for name, t in self._tables.items()}
        return SensorHealthRows(noses, tables)

    def load(self, first: int, rows: SensorHealthRows) -> None:
        """Take rows that were dumped. Raises ValueError on damaged bytes."""
        for device, body in rows.noses:
            nose = array("d", body)
            if len(nose) != odour.SIZE:
                raise ValueError(f"{len(nose)} numbers of a gas cell")
            self.noses[device] = nose
        for name, data in rows.tables.items():
            if name in self._tables:
                self._tables[name].load(first, data)


TOLD: Any = {
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
    owner = columns.owner()[ours]
    order = np.lexsort((rank[columns.code[ours]], owner))
    first = np.r_[True, owner[order][1:] != owner[order][:-1]]
    return ours[order][first]


def _derived(
    reading: NDArray[np.intp], which: NDArray[np.bool_], code: int, value: NDArray[Any]
) -> list[Derived]:
    return [
        (int(reading[place]), code, round(float(value[place]), 2))
        for place in np.flatnonzero(which).tolist()
    ]
