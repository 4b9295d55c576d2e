"""Write the hub's estimates as JSON lines: hourly fills, and emptyings."""

from typing import TextIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensorhub.alerts.event import rfc3339
from sensorhub.estimate.follow import LevelFindings
from sensorhub.estimate.usage import HOUR_MS
from sensorhub.hub.hub import Hub
from sensorhub.model import NEVER

encode = msgspec.json.Encoder().encode


class EstimateWriter:
    """Writes estimates of `hub` to a file, at most one per asset and hour."""

    def __init__(self, file: TextIO, hub: Hub) -> None:
        self._file, self._hub = file, hub
        self._told = np.full(hub.session.registry.devices, NEVER, np.int64)
        hub.session.state.levels.watch = self.seen

    def seen(
        self, row: NDArray[np.intp], at: NDArray[np.int64], found: LevelFindings
    ) -> None:
        """Take a layer of level readings: one for each device in `row`."""
        emptied = found.emptied
        for i in np.flatnonzero(emptied.which).tolist():
            begin, end = int(emptied.begin[i]), int(emptied.end[i])
            service = self._hub.session.state.levels.service(int(row[i]), emptied, i)
            self._write(
                service="emptied",
                asset=self._asset(int(row[i])),
                at=rfc3339(service.at),
                **{"from": rfc3339(begin), "until": rfc3339(end)},
                amount=service.amount,
                decided_at=rfc3339(int(at[i])),
            )
        hour = at // HOUR_MS
        due = np.flatnonzero(hour > self._told[row])
        if len(due):
            self._told[row[due]] = hour[due]
            self._estimate(row[due], at[due], np.array(found.chances)[:, due])

    def _estimate(
        self, row: NDArray[np.intp], at: NDArray[np.int64], chances: NDArray[np.float64]
    ) -> None:
        ahead = self._hub.session.state.levels.outlook(row)
        for i, device in enumerate(row.tolist()):
            low, middle, high = (_rounded(hours[i], 2) for hours in ahead.hours)
            self._write(
                estimate="fill",
                asset=self._asset(device),
                at=rfc3339(int(at[i])),
                fill=_rounded(ahead.fill[i], 2),
                sd=_rounded(ahead.sd[i], 2),
                p_due=_rounded(chances[0, i], 4),
                p_before_round=_rounded(chances[1, i], 4),
                p_overfull=_rounded(chances[2, i], 4),
                p_soon=_rounded(chances[3, i], 4),
                p_full_24h=_rounded(ahead.full_24h[i], 4),
                hours_to_full=middle,
                h10=low,
                h90=high,
                basis="naive" if ahead.persistence[i] else "own",
            )

    def _asset(self, device: int) -> str:
        registry = self._hub.session.registry
        return registry.asset_ids[int(registry.asset_of[device])]

    def _write(self, **line: object) -> None:
        self._file.write(encode(line).decode() + "\n")


def _rounded(value: float, decimals: int) -> float | None:
    return None if np.isnan(value) else round(float(value), decimals)
