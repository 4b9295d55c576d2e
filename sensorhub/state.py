"""What every uplink moves, as columns: windows, last values, rule tracks.

The pipeline moves this state with live batches and the fold moves it with journal
rows, through the very same methods, so that a restart changes nothing.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sensorhub.alerts.rules import LEAST_GAP_MS, Rule
from sensorhub.columns import NO_DEVICE, Columns, Service
from sensorhub.estimate.service import BELOW, emptyings, is_emptying
from sensorhub.judging import TEMPERATURE, Judging, Moved
from sensorhub.model import BY_NAME, Outcome, Quality, Severity
from sensorhub.places import NOWHERE, Places
from sensorhub.registry import Registry
from sensorhub.series import NO_SERIES
from sensorhub.signs import Signs
from sensorhub.windows import NEVER, Windows

FILL = BY_NAME["fill_level"].no


class State(Windows, Judging):
    """The hub's memory: windows, series, and what samples move."""

    def __init__(
        self,
        registry: Registry,
        rules: tuple[Rule, ...],
        places: Places | None = None,
    ) -> None:
        Windows.__init__(self, registry)
        Judging.__init__(self, registry, rules)
        self.places = places or Places()
        self.zone = self._zones()
        self.signs = Signs(registry.devices)

    def _zones(self) -> NDArray[np.int32]:
        """By device the place that is its zone; 0 where it is not mounted."""
        registry = self.registry
        by_asset = np.zeros(registry.assets, np.int32)
        for number, traits in enumerate(registry.traits):
            if traits is not None:
                by_asset[number] = self.places.number("zone", traits.zone)
        asset = registry.asset_of
        return np.where(asset < 0, NOWHERE, by_asset[asset]).astype(np.int32)

    # -- samples --

    def move(
        self,
        columns: Columns,
        services: list[Service] | None,
        decide: Callable[[int, list[Moved]], None],
        serve: Callable[[int, Service], None],
        mask: NDArray[np.bool_] | None = None,
    ) -> int:
        """Take a batch's readings: last values, services, rule tracks.

        Answers how many came late: as old as the newest of their series, or
        older. They are kept, but decide nothing.

        `decide(reading, moved)` hears of moved levels, in the order received;
        `serve(reading, service)` of services that were seen. A fold gives the
        row's own `services`, which are then taken instead of seen anew, and a
        `mask` over devices that are not yet past this row.
        """
        owner = columns.owner()
        stored = (columns.outcome == Outcome.STORED) & (columns.device != NO_DEVICE)
        if mask is not None:
            stored &= mask[columns.device]
        use = stored[owner] & (columns.quality != Quality.REJECTED)
        picked = np.flatnonzero(use)
        if not len(picked):
            return 0
        device = columns.device[owner[picked]]
        code = columns.code[picked]
        value = columns.value[picked]
        at = columns.measured_at[picked]
        series = self.numbers_of(device, code)
        given = None if services is None else {(s.asset, s.at) for s in services}
        slow, late = self._pass_quiet(
            series, (device, code, value, at), {when for _, when in given or ()}
        )
        gas = self.is_gas[code]
        order = np.flatnonzero(slow)
        if gas.any():  # an uplink's temperature first: its gases are judged at it
            order = order[
                np.lexsort((code[order] != TEMPERATURE, owner[picked[order]]))
            ]
        for i in order.tolist():
            late += not self._sample(
                int(series[i]),
                float(value[i]),
                int(at[i]),
                int(picked[i]),
                (given, decide, serve),
            )
        return late

    def _pass_quiet(
        self,
        series: NDArray[np.int32],
        columns: tuple[
            NDArray[np.int32],
            NDArray[np.uint8],
            NDArray[np.float64],
            NDArray[np.int64],
        ],
        given: set[int],
    ) -> tuple[NDArray[np.bool_], int]:
        """Take all readings of the series of which no reading can move anything.

        `columns`: device, code, value, measured_at. Answers which readings are to
        be looked at one by one, and how many of the others came late.
        """
        order = np.argsort(series, kind="stable")
        s = series[order]
        device, code = columns[0][order], columns[1][order]
        value, at = columns[2][order], columns[3][order]
        starts = np.flatnonzero(np.r_[True, s[1:] != s[:-1]])
        sizes = np.diff(np.r_[starts, len(s)])
        own = s[starts]
        last, before = np.r_[NEVER, at[:-1]], np.r_[np.nan, value[:-1]]
        last[starts], before[starts] = self.last_at[own], self.last_value[own]
        newer = at > last
        loud = newer & ~((self.low[s] <= value) & (value < self.high[s]))
        drops = newer & (code == FILL) & emptyings(before, value)
        if drops.any():  # whether it is one is for all sensors of the asset to say
            asset = self.registry.asset_of[device]
            loud |= (code == FILL) & np.isin(asset, asset[drops])
        gas = self.is_gas[code]
        if gas.any():  # in order: a gas is judged at the temperature of its moment
            loud |= (code == TEMPERATURE) & np.isin(device, device[gas])
        if given:
            loud |= newer & np.isin(at, list(given))
        loud |= (gas | ~newer) & np.repeat(sizes > 1, sizes)
        quiet = ~np.logical_or.reduceat(loud, starts)
        fresh = quiet & newer[starts]
        ends = (starts + sizes - 1)[fresh]
        self.last_at[own[fresh]] = at[ends]
        self.last_value[own[fresh]] = value[ends]
        self.samples[own[fresh]] += sizes[fresh]
        slow = np.empty(len(s), np.bool_)
        slow[order] = np.repeat(~quiet, sizes)
        return slow, int((quiet & ~newer[starts]).sum())

    def _sample(
        self,
        series: int,
        value: float,
        at: int,
        reading: int,
        hooks: tuple[
            set[tuple[int, int]] | None,
            Callable[[int, list[Moved]], None],
            Callable[[int, Service], None],
        ],
    ) -> bool:
        """One reading that may move something; False where it came late."""
        last = self.last_at.item(series)
        if at <= last:
            return False
        given, decide, serve = hooks
        before = self.last_value.item(series)
        self.last_at[series], self.last_value[series] = at, value
        self.samples[series] += 1
        device = self.s_device.item(series)
        registry = self.registry
        asset = self.asset_of(series)
        since = registry.mounted_from.item(device)
        until = registry.mounted_until.item(device)
        if asset < 0 or not since <= at < until:
            return True
        if last < since:
            last, before = NEVER, np.nan
        if self.s_code.item(series) == FILL:
            seen = (asset, at) in given if given is not None else None
            if seen is None:
                seen = is_emptying(before, value) and not self._still_full(series, at)
            if seen:
                serve(reading, Service(asset, "emptied", at))
        moved = self._run_rules(series, value, at, (last, before))
        if moved:
            decide(reading, moved)
        return True

    def _still_full(self, series: int, at: int) -> bool:
        """Whether another sensor on the asset knows of content at `at` (ms)."""
        registry = self.registry
        for device in np.flatnonzero(registry.asset_of == self.asset_of(series)):
            other = self.series_of.item(device, FILL)
            if other in (NO_SERIES, series):
                continue
            last = self.last_at.item(other)
            known = max(3 * registry.interval_ms.item(device), LEAST_GAP_MS)
            here = last >= registry.mounted_from.item(device)
            if here and at - last <= known and self.last_value.item(other) >= BELOW:
                return True
        return False

    # -- services --

    def serviced(
        self, service: Service, mask: NDArray[np.bool_] | None = None
    ) -> list[Moved]:
        """A service was done: counts start anew; what that moved."""
        moved = []
        mounted = self.registry.asset_of == service.asset
        if mask is not None:
            mounted &= mask
        if service.kind == "cleaned":
            self.signs.cleaned(np.flatnonzero(mounted).tolist(), service.at)
        for device in np.flatnonzero(mounted).tolist():
            for series in self.series_of[device].tolist():
                if series < 0:
                    continue
                self.since[series] = 0.0
                for rule in self.rules_of(series):
                    track = self.tracks.get((rule.id, series))
                    if rule.kind != "count_since" or track is None:
                        continue
                    was = track.level(rule)
                    track.reset()
                    if was:
                        moved.append(Moved(rule, series, Severity.NONE, 0.0, track))
                    self._keep(rule, series, track)
                self.rest(series)
        return moved
