"""What a device's own readings tell beside their values: odour, cleanings.

Moved by live batches and by the fold through the same `look`; rows of state are made
for devices that need one.
"""

from array import array
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from sensorhub.columns import Columns
from sensorhub.estimate import odour
from sensorhub.model import BY_NAME, Outcome, Quality, Reason

NH3 = BY_NAME["nh3"].no
ODOUR_RISE = BY_NAME["odour_rise"].no
Derived = tuple[int, int, float]  # source reading, measurement number, value
Mask = NDArray[np.bool_] | None


class Signs:
    """Rows of state by device number."""

    def __init__(self) -> None:
        self.noses: dict[int, array[float]] = {}
        self.cleanings: list[tuple[int, int]] = []  # reading, when it began (ms)

    def look(self, columns: Columns, mask: Mask = None) -> list[Derived]:
        """Take a batch's readings; answers what follows from them.

        Marks readings as suspect. `mask` says which devices are to move (the fold).
        """
        self.cleanings = []
        owner = columns.owner()
        use = (columns.outcome == Outcome.STORED) & (columns.device >= 0)
        if mask is not None:
            use &= mask[columns.device]
        known = use[owner] & (columns.quality != Quality.REJECTED)
        return self._smell(columns, owner, known)

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
            if said.cleaned_at is not None:
                self.cleanings.append((reading, said.cleaned_at))
            if said.warming:
                _suspect(columns, reading, Reason.WARMING_UP)
            elif said.leap:
                _suspect(columns, reading, Reason.JUMP)
        return rises

    def cleaned(self, devices: Iterable[int], at: int) -> None:
        """The room of these devices was cleaned at `at` (ms)."""
        for device in devices:
            nose = self.noses.get(device)
            if nose is not None:
                odour.mask(nose, at)

    # -- checkpoints --

    def dump(self, first: int, last: int) -> list[tuple[int, bytes]]:
        """The rows of devices `first` to below `last`."""
        return [
            (device, nose.tobytes())
            for device, nose in sorted(self.noses.items())
            if first <= device < last
        ]

    def load(self, rows: Iterable[tuple[int, bytes]]) -> None:
        """Take rows that were dumped. Raises ValueError on damaged bytes."""
        for device, body in rows:
            nose = array("d", body)
            if len(nose) != odour.SIZE:
                raise ValueError(f"{len(nose)} numbers of a gas cell")
            self.noses[device] = nose


def _suspect(columns: Columns, reading: int, why: Reason) -> None:
    if columns.quality[reading] == Quality.OK:
        columns.quality[reading], columns.why[reading] = Quality.SUSPECT, why
