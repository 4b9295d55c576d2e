"""What every uplink changes, as columns: windows, last values, rule tracks.

Live batches and, after a restart, journal rows change it by the same `State.apply`, so
that a restart changes nothing.
"""

from collections import defaultdict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorhub.alerts.rules import Rule
from sensorhub.columns import NO_DEVICE, Columns, Notes, Service
from sensorhub.model import Outcome, Severity
from sensorhub.registry.registry import Registry
from sensorhub.registry.subjects import NOWHERE, Subjects
from sensorhub.state.dedup_window import DedupWindow
from sensorhub.state.fill_estimates import FillEstimates
from sensorhub.state.fill_models import FillModels
from sensorhub.state.hooks import ApplyHooks
from sensorhub.state.reading_processor import ReadingProcessor
from sensorhub.state.reception import Reception
from sensorhub.state.rule_evaluation import LevelChange, RuleEvaluator
from sensorhub.state.sensor_health import SensorHealth
from sensorhub.state.series import Series

# kinds of rules whose alerts a service ends
ENDS: dict[str, tuple[str, ...]] = defaultdict(
    lambda: ("count_since",), emptied=("count_since", "forecast")
)


class AppliedBatch(NamedTuple):
    """A batch after `State.apply`: with its derived readings; how many came late."""

    columns: Columns
    late: int


class State:
    """The hub's memory in parts: what every uplink moves."""

    def __init__(
        self,
        registry: Registry,
        rules: tuple[Rule, ...],
        subjects: Subjects | None = None,
        filling: FillModels | None = None,
    ) -> None:
        self.registry = registry
        self.subjects = subjects or Subjects()
        self.zone = self._zones()
        self.reception = Reception(registry)
        self.dedup = DedupWindow(registry.devices)
        self.series = Series(registry)
        self.rules = RuleEvaluator(registry, self.series, rules)
        self.health = SensorHealth(registry.devices)
        self.levels = FillEstimates(registry, filling or FillModels())
        self.readings = ReadingProcessor(registry, self.series, self.rules, self.levels)

    def _zones(self) -> NDArray[np.int32]:
        """By device the subject that is its zone; 0 where it is not mounted."""
        registry = self.registry
        by_asset = np.zeros(registry.assets, np.int32)
        for number, traits in enumerate(registry.traits):
            if traits is not None:
                by_asset[number] = self.subjects.number("zone", traits.zone)
        asset = registry.asset_of
        return np.where(asset < 0, NOWHERE, by_asset[asset]).astype(np.int32)

    # -- batches --

    def apply(self, columns: Columns, notes: Notes, hooks: ApplyHooks) -> AppliedBatch:
        """Change all parts by a batch or by a journal row, always in the same order.

        Live batches and the fold differ in their `hooks` only.
        """
        reception, mask = self.reception, hooks.mask
        reception.monitored_ms = notes.monitored_ms
        for device, interval_ms in notes.intervals:
            if mask is None or mask[device]:
                reception.interval_ms[device] = interval_ms
        observed = self.health.observe(columns, mask)
        columns = hooks.derive(columns, observed)
        self._receive(columns, mask)
        reception.set_gateways(hooks.gateways(columns))
        hooks.receive(columns)
        excused = notes.excused
        if mask is not None:
            excused = [device for device in excused if mask[device]]
        reception.restart_silence(excused)
        if columns.uplinks:
            hooks.learn(int(columns.received_at[0]))
        late = self.readings.process(columns, hooks)
        hooks.finish(columns, observed)
        return AppliedBatch(columns, late)

    def _receive(self, columns: Columns, mask: NDArray[np.bool_] | None) -> None:
        """Enter a batch's uplinks into the duplicate windows and the reception.

        The window over all topics takes every uplink, of masked devices, too.
        """
        new = (columns.outcome != Outcome.DUPLICATE) & (columns.outcome < Outcome.EVENT)
        moving = new & (columns.device != NO_DEVICE)
        if mask is not None:
            moving &= mask[columns.device]
        self.dedup.remember(columns, new, moving)
        self.reception.record(columns, moving)

    # -- services --

    def serviced(
        self, service: Service, mask: NDArray[np.bool_] | None = None
    ) -> list[LevelChange]:
        """A service was done: counts start anew; what that moved."""
        moved, rules = [], self.rules
        mounted = self.registry.asset_of == service.asset
        if mask is not None:
            mounted &= mask
        if service.kind == "cleaned":
            self.health.cleaned(np.flatnonzero(mounted).tolist(), service.at)
        if service.kind == "emptied":
            self.levels.emptied(np.flatnonzero(mounted).tolist(), service.at)
        for device in np.flatnonzero(mounted).tolist():
            for series in self.series.of_device(device):
                self.series.since[series] = 0.0
                for rule in rules.selector.rules_of(series):
                    track = rules.tracks.get((rule.id, series))
                    if rule.kind not in ENDS[service.kind] or track is None:
                        continue
                    was = track.level(rule)
                    track.reset()
                    if was:
                        moved.append(
                            LevelChange(rule, series, Severity.NONE, 0.0, track)
                        )
                    rules.keep(rule, series, track)
                rules.ranges.update(series)
        return moved
