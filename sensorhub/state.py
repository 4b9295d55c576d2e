"""What every uplink moves, as columns: windows, last values, rule tracks.

Device columns are indexed by register number. A series is one measurement of
one device; series columns grow as series are first seen. The pipeline moves
this state with live batches and the fold moves it with journal rows, through
the very same methods, so that a restart changes nothing.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorhub.alerts import flap
from sensorhub.alerts.rules import HOUR_MS, QUIET, Rule, Track, quiet_band
from sensorhub.columns import NO_DEVICE, Columns, Service
from sensorhub.estimate.odour import Baseline
from sensorhub.estimate.service import emptyings, is_emptying
from sensorhub.model import (
    BY_NAME,
    CATALOGUE,
    CODES,
    Category,
    MeasurementKind,
    Outcome,
    Quality,
    Severity,
)
from sensorhub.registry import Registry, Traits

RING = 16
RECENT = 65_536
BARE_MS = 60_000
NEVER = -(2**62)
NO_SERIES = -1
FILL = BY_NAME["fill_level"].no
NH3 = BY_NAME["nh3"].no
COUNTERS = frozenset(e.no for e in CATALOGUE if e.kind is MeasurementKind.COUNTER)


class Moved(NamedTuple):
    """A rule's level moved on one series."""

    rule: Rule
    series: int
    level: Severity
    value: float
    track: Track


class Recent:
    """Keys of the last 65,536 uplinks of all topics, and when bare ones came.

    A double counts like any uplink and keeps its key young, so that what the
    broker sends again and again stays known.
    """

    def __init__(self) -> None:
        self.keys: dict[int, int] = {}  # key: the batch that had it last
        self._batches: deque[list[int]] = deque()
        self._number = 0  # of the newest batch
        self._held = 0
        self.bare: dict[int, int] = {}
        self._bare_limit = 4 * RECENT

    def add(self, keys: list[int]) -> None:
        """Take a batch's keys; the oldest batches give way."""
        self._number += 1
        self.keys.update(dict.fromkeys(keys, self._number))
        self._batches.append(keys)
        self._held += len(keys)
        while self._held - len(self._batches[0]) >= RECENT:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        oldest = self._number - len(self._batches) + 1
        keys = self._batches.popleft()
        self._held -= len(keys)
        known = self.keys
        for key in keys:
            if known.get(key) == oldest:
                del known[key]

    def add_bare(self, pairs: Iterable[tuple[int, int]], now: int) -> None:
        """Note (key, received_at) of uplinks that carry neither ts nor seq."""
        self.bare.update(pairs)
        if len(self.bare) > self._bare_limit:
            self.bare = {k: at for k, at in self.bare.items() if now - at < BARE_MS}
            self._bare_limit = max(4 * RECENT, 2 * len(self.bare))


class State:
    """The hub's memory. `decide` hears of every level that moves."""

    def __init__(self, registry: Registry, rules: tuple[Rule, ...]) -> None:
        self.registry = registry
        self.rules = rules
        size = registry.devices
        self.interval_ms = registry.interval_ms
        self.last_received = np.full(size, NEVER, np.int64)
        self.covered_at = np.full(size, NEVER, np.int64)
        self.ring = np.zeros((size, RING), np.uint64)
        self.ring_seq = np.full((size, RING), NEVER, np.int64)
        self.ring_at = np.zeros(size, np.int64)
        self.series_of = np.full((size, CODES), -1, np.int32)
        self.series = 0
        self._allocate(1024)
        self.tracks: dict[tuple[str, int], Track] = {}
        self.baselines: dict[int, Baseline] = {}
        self.recent = Recent()
        self.covered = 0
        self.flapping: set[tuple[str, int]] = set()
        self._by_asset = any(rule.settings.select.assets for rule in rules)
        self._bands: dict[tuple[Traits, int], tuple[float, float]] = {}
        self._rules_cache: dict[tuple[Traits, str, int], tuple[Rule, ...]] = {}

    def _allocate(self, size: int) -> None:
        self.s_device = np.zeros(size, np.int32)
        self.s_code = np.zeros(size, np.uint8)
        self.last_at = np.full(size, NEVER, np.int64)
        self.last_value = np.full(size, np.nan)
        self.low = np.full(size, QUIET[0])
        self.high = np.full(size, QUIET[1])
        self.samples = np.zeros(size, np.int64)
        self.since = np.zeros(size)

    SERIES_COLUMNS = (
        "s_device",
        "s_code",
        "last_at",
        "last_value",
        "low",
        "high",
        "samples",
        "since",
    )
    DEVICE_COLUMNS = (
        "interval_ms",
        "last_received",
        "covered_at",
        "ring",
        "ring_seq",
        "ring_at",
    )

    def _grow(self, need: int) -> None:
        have = len(self.s_device)
        if need <= have:
            return
        old = {name: getattr(self, name) for name in self.SERIES_COLUMNS}
        self._allocate(max(need, have + have // 2))
        for name, column in old.items():
            getattr(self, name)[: self.series] = column[: self.series]

    def add_series(self, device: int, code: int) -> int:
        """A new series; its number."""
        self._grow(self.series + 1)
        number = self.series
        self.series += 1
        self.s_device[number], self.s_code[number] = device, code
        self.series_of[device, code] = number
        self.low[number], self.high[number] = self._band_at_rest(number)
        return number

    def add_all_series(self, device: NDArray[np.int32], code: NDArray[np.uint8]) -> int:
        """Many new series at once, each once; the first one's number."""
        first = self.series
        self._grow(first + len(device))
        self.series += len(device)
        numbers = np.arange(first, self.series)
        self.s_device[numbers], self.s_code[numbers] = device, code
        self.series_of[device, code] = numbers
        self._set_at_rest(numbers)
        return first

    def _set_at_rest(self, series: NDArray[np.int64]) -> None:
        """Quiet bands of series without tracks: alike assets have the same ones."""
        registry = self.registry
        asset = registry.asset_of[self.s_device[series]]
        alike = asset if self._by_asset else registry.alike[asset]
        key = np.where(asset < 0, -1, alike).astype(np.int64) * CODES
        key += self.s_code[series]
        _, first, which = np.unique(key, return_index=True, return_inverse=True)
        bands = [self._band_at_rest(number) for number in series[first].tolist()]
        if bands:
            self.low[series], self.high[series] = np.array(bands)[which].T

    def refresh(self) -> None:
        """Rules or register may have changed: drop what has no ground, set bands."""
        self._rules_cache.clear()
        self._bands.clear()
        self._drop_groundless()
        self._set_at_rest(np.arange(self.series))
        for _, series in self.tracks:
            self.rest(series)

    def _drop_groundless(self) -> None:
        """Tracks of rules that look away, and what was before a new mounting."""
        fresh = self._mounted_since(slice(None, self.series))
        self.since[: self.series][fresh] = 0.0
        for rule, series in list(self.tracks):
            looked_at = any(r.id == rule for r in self.rules_of(series))
            if fresh[series] or not looked_at:
                del self.tracks[rule, series]

    def _mounted_since(self, series: slice) -> NDArray[np.bool_]:
        """Which series have no sample of their device's present mounting."""
        since = self.registry.mounted_from[self.s_device[series]]
        mask: NDArray[np.bool_] = self.last_at[series] < since
        return mask

    def _band_at_rest(self, series: int) -> tuple[float, float]:
        asset = self.asset_of(series)
        traits = self.registry.traits[asset] if asset >= 0 else None
        if traits is None:
            return QUIET
        key = (traits, int(self.s_code[series]))
        band = self._bands.get(key)
        if band is None or self._by_asset:
            band = self._bands[key] = self._band(NO_SERIES, self.rules_of(series))
        return band

    # -- rules of a series --

    def asset_of(self, series: int) -> int:
        """Number of the asset that the series' device is mounted on; -1: none."""
        return int(self.registry.asset_of[self.s_device[series]])

    def rules_of(self, series: int) -> tuple[Rule, ...]:
        """The sample-driven rules that look at a series."""
        asset = self.asset_of(series)
        traits = self.registry.traits[asset] if asset >= 0 else None
        if traits is None:
            return ()
        id_ = self.registry.asset_ids[asset]
        return self.rules_for(traits, id_, int(self.s_code[series]))

    def rules_for(self, traits: Traits, asset: str, code: int) -> tuple[Rule, ...]:
        """Rules on measurement `code` of an asset with these traits."""
        key = (traits, asset if self._by_asset else "", code)
        if key not in self._rules_cache:
            self._rules_cache[key] = tuple(
                rule
                for rule in self.rules
                if rule.code == code and selects(rule, traits, asset)
            )
        return self._rules_cache[key]

    def rest(self, series: int) -> None:
        """Set the quiet band from the rules and their tracks."""
        self.low[series], self.high[series] = self._band(series, self.rules_of(series))

    def _band(self, series: int, rules: tuple[Rule, ...]) -> tuple[float, float]:
        low, high = QUIET
        for rule in rules:
            band = quiet_band(rule, self.tracks.get((rule.id, series)))
            low, high = max(low, band[0]), min(high, band[1])
        return low, high

    def forget(self, rule: str, series: int) -> None:
        """Let a rule begin anew on a series."""
        del self.tracks[rule, series]
        self.rest(series)

    def raise_track(self, rule: Rule, device: int, level: Severity) -> int:
        """Make a track that shows `level`, as the database says; its series."""
        series = int(self.series_of[device, rule.code])
        if series < 0:
            series = self.add_series(device, rule.code)
        track = self.tracks.setdefault((rule.id, series), Track(len(rule.limits)))
        for limit, comparator in zip(rule.limits, track.comparators, strict=True):
            comparator.active = limit.severity <= level
        self.rest(series)
        return series

    def selects(self, rule: str, traits: Traits | None, asset: str) -> bool:
        """Whether rule `rule` is about an asset with these traits."""
        return traits is not None and any(
            r.id == rule and selects(r, traits, asset) for r in self.rules
        )

    # -- the duplicate windows --

    def in_rings(
        self, device: NDArray[np.int32], key: NDArray[np.uint64]
    ) -> NDArray[np.bool_]:
        """Which uplinks stand in their own device's window."""
        known = device != NO_DEVICE
        found: NDArray[np.bool_] = (self.ring[device] == key[:, None]).any(1) & known
        return found

    def remember(self, columns: Columns, mask: NDArray[np.bool_] | None = None) -> None:
        """Enter a batch's uplinks into both windows and the device columns.

        `mask` says which devices are to move (the fold); the window over all
        topics takes every uplink.
        """
        self.recent.add(columns.key.tolist())
        new = (columns.outcome != Outcome.DUPLICATE) & (columns.outcome < Outcome.EVENT)
        bare = new & (columns.seq < -1)
        if bare.any():
            at = columns.received_at[bare]
            pairs = zip(columns.key[bare].tolist(), at.tolist(), strict=True)
            self.recent.add_bare(pairs, int(at[-1]))
        mine = new & (columns.device != NO_DEVICE)
        if mask is not None:
            mine &= mask[columns.device]
        if mine.any():
            device = columns.device[mine]
            self._enter(device, columns.key[mine], columns.seq[mine])
            self.last_received[device] = columns.received_at[mine]
            self.covered_at[device] = self.covered

    def _enter(
        self, device: NDArray[np.int32], key: NDArray[np.uint64], seq: NDArray[np.int64]
    ) -> None:
        slot = (self.ring_at[device] + ranks(device)) % RING
        self.ring[device, slot] = key
        self.ring_seq[device, slot] = seq
        np.add.at(self.ring_at, device, 1)

    # -- estimates --

    def smell(
        self, columns: Columns, mask: NDArray[np.bool_] | None = None
    ) -> list[tuple[int, float]]:
        """Feed gas readings to the baselines: (reading, rise in ppm) where known."""
        gas = np.flatnonzero((columns.code == NH3) & (columns.quality < 2))
        if not len(gas):
            return []
        owner = columns.owner()
        rises = []
        for reading in gas.tolist():
            uplink = owner[reading]
            device = int(columns.device[uplink])
            if columns.outcome[uplink] != Outcome.STORED or device < 0:
                continue
            if mask is not None and not mask[device]:
                continue
            baseline = self.baselines.setdefault(device, Baseline())
            at, value = columns.measured_at[reading], columns.value[reading]
            rise = baseline.add(int(at), float(value))
            if rise is not None:
                rises.append((reading, round(rise, 3)))
        return rises

    # -- samples --

    def numbers_of(
        self, device: NDArray[np.int32], code: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        """The series numbers of readings; new series are made."""
        numbers: NDArray[np.int32] = self.series_of[device, code]
        new = numbers < 0
        if new.any():
            pairs = np.unique(device[new].astype(np.int64) * CODES + code[new])
            self.add_all_series(
                (pairs // CODES).astype(np.int32), (pairs % CODES).astype(np.uint8)
            )
            numbers[new] = self.series_of[device[new], code[new]]
        return numbers

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
        slow = self._repeated(series)
        newer = at > self.last_at[series]
        before = self.last_value[series]
        slow |= newer & ~((self.low[series] <= value) & (value < self.high[series]))
        slow |= newer & (code == FILL) & emptyings(before, value)
        given = None if services is None else {(s.asset, s.at) for s in services}
        if given:
            slow |= newer & np.isin(at, [when for _, when in given])
        quick = newer & ~slow
        numbers = series[quick]
        self.last_at[numbers] = at[quick]
        self.last_value[numbers] = value[quick]
        self.samples[numbers] += 1
        late = int((~newer & ~slow).sum())
        for i in np.flatnonzero(slow).tolist():
            late += not self._sample(
                int(series[i]),
                float(value[i]),
                int(at[i]),
                int(picked[i]),
                (given, decide, serve),
            )
        return late

    @staticmethod
    def _repeated(series: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which readings are of a series that stands more than once."""
        order = np.argsort(series, kind="stable")
        ordered = series[order]
        same = ordered[1:] == ordered[:-1]
        repeated = np.zeros(len(series), np.bool_)
        if same.any():
            repeated[order[1:][same]] = True
            repeated[order[:-1][same]] = True
        return repeated

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
        last = int(self.last_at[series])
        if at <= last:
            return False
        given, decide, serve = hooks
        before = float(self.last_value[series])
        self.last_at[series], self.last_value[series] = at, value
        self.samples[series] += 1
        device = int(self.s_device[series])
        registry = self.registry
        asset = self.asset_of(series)
        since, until = registry.mounted_from[device], registry.mounted_until[device]
        if asset < 0 or not since <= at < until:
            return True
        if last < since:
            last, before = NEVER, np.nan
        if int(self.s_code[series]) == FILL:
            seen = (asset, at) in given if given is not None else None
            if is_emptying(before, value) if seen is None else seen:
                serve(reading, Service(asset, "emptied", at))
        moved = self._run_rules(series, value, at, (last, before))
        if moved:
            decide(reading, moved)
        return True

    def _run_rules(
        self, series: int, value: float, at: int, prior: tuple[int, float]
    ) -> list[Moved]:
        last, before = prior
        moved = []
        rules = self.rules_of(series)
        device = int(self.s_device[series])
        if int(self.s_code[series]) in COUNTERS:
            bits = self.registry.counter_bits(device, int(self.s_code[series]))
            self.since[series] += count_step(before, value, bits)
        interval = int(self.registry.interval_ms[device])
        out = self.registry.out_of_service(int(self.registry.asset_of[device]), at)
        for rule in rules:
            track = self.tracks.get((rule.id, series))
            if track is None:
                track = Track(len(rule.limits))
            level = track.level(rule)
            gap = last != NEVER and at - last > rule.max_gap_for(interval)
            shown = self._shown(rule, series, value, (at, last, before))
            blind = rule.kind == "rate" and (last == NEVER or gap)
            if blind or (out and rule.category is not Category.SAFETY):
                track.gap()
            else:
                track.step(rule, shown, at, gap)
            now = track.level(rule)
            if now != level:
                self._changed(rule, series, track)
                moved.append(Moved(rule, series, now, shown, track))
            self._keep(rule, series, track)
        self.low[series], self.high[series] = self._band(series, rules)
        return moved

    def _shown(
        self, rule: Rule, series: int, value: float, times: tuple[int, int, float]
    ) -> float:
        """What a rule looks at: the value, its rate an hour, or a count."""
        at, last, before = times
        if rule.kind == "count_since":
            return float(self.since[series])
        if rule.kind == "rate":
            return (value - before) / ((at - last) / HOUR_MS)
        return value

    def _changed(self, rule: Rule, series: int, track: Track) -> None:
        samples = int(self.samples[series])
        key = (rule.id, series)
        # calm before this sample is calm, whether a tick has seen it or not
        was = key in self.flapping and flap.is_flapping(
            track.changes, samples - 1, True
        )
        track.changes = [*flap.recent(track.changes, samples), samples]
        if flap.is_flapping(track.changes, samples, was):
            self.flapping.add(key)
        else:
            self.flapping.discard(key)

    def _keep(self, rule: Rule, series: int, track: Track) -> None:
        if track.changes and track.changes[-1] < self.samples[series] - flap.STATES:
            track.changes = []
        if track.idle():
            self.tracks.pop((rule.id, series), None)
        else:
            self.tracks[rule.id, series] = track

    def calm(self) -> list[tuple[str, int]]:
        """Flapping tracks that have calmed down; they are flapping no more."""
        calm = []
        for key in sorted(self.flapping):
            track = self.tracks.get(key)
            changes = track.changes if track else []
            if not flap.is_flapping(changes, int(self.samples[key[1]]), True):
                calm.append(key)
        self.flapping.difference_update(calm)
        return calm

    # -- services --

    def serviced(
        self, asset: int, mask: NDArray[np.bool_] | None = None
    ) -> list[Moved]:
        """A service was done: counts start anew; what that moved."""
        moved = []
        mounted = self.registry.asset_of == asset
        if mask is not None:
            mounted &= mask
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


def ranks(device: NDArray[np.int32]) -> NDArray[np.int64]:
    """For each entry how many of the same device stand before it."""
    order = np.argsort(device, kind="stable")
    ordered = device[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]][: len(ordered)])
    rank = np.empty(len(device), np.int64)
    lengths = np.diff(np.r_[starts, len(ordered)])
    rank[order] = np.arange(len(ordered)) - np.repeat(starts, lengths)
    return rank


def selects(rule: Rule, traits: Traits, asset: str) -> bool:
    """Whether a rule is about an asset with these traits."""
    select = rule.settings.select
    return (
        (not select.kinds or traits.kind in select.kinds)
        and (not select.zones or traits.zone in select.zones)
        and (not select.sites or traits.site in select.sites)
        and (not select.assets or asset in select.assets)
        and (not select.tags or not traits.tags.isdisjoint(select.tags))
    )


def count_step(before: float, value: float, bits: int = 0) -> float:
    """How many more a counter shows; across a wrap or a reset, too.

    A counter of `bits` (0: it does not wrap) that fell has wrapped if it was in
    the top quarter and is in the bottom quarter now; else it was reset and
    counted from zero.
    """
    if np.isnan(before):
        return 0.0
    if value >= before:
        return value - before
    size = 1 << bits
    wrapped = 0.75 * size <= before < size and value < 0.25 * size
    return value - before + size if wrapped else value
