"""Alerts about a gateway or a zone that sends no data as a whole.

While one is open its devices raise no alerts of their own. When it resolves their time
without data counts from zero.
"""

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from sensorhub.alerting.deadlines import shortest_limit
from sensorhub.alerting.recorder import AlertRecorder, SourceLevel
from sensorhub.alerting.selection import selected_assets
from sensorhub.alerts.group_no_data import GroupNoData, GroupShare
from sensorhub.alerts.open_alerts import BY_RULE
from sensorhub.alerts.transitions import Cause
from sensorhub.columns import Columns, Notes, pack
from sensorhub.model import NEVER
from sensorhub.registry.registry import FOR_EVER
from sensorhub.state.state import State
from sensorhub.store.hot.changeset import ChangeSet, JournalEntry

LISTED = 1_000  # members in an alert; its numbers count them all


class GroupOutages:
    """The rules of kind group, those about gateways first.

    The devices of a gateway that is out do not count for their zone.
    """

    def __init__(self, state: State, recorder: AlertRecorder) -> None:
        self._state = state
        self._recorder = recorder
        registry = state.registry
        rules = [
            GroupNoData(rule, registry.interval_ms, selected_assets(registry, rule))
            for rule in state.rules.rules
            if rule.kind == "group"
        ]
        self._rules = sorted(rules, key=lambda one: one.rule.settings.by)

    def rule_ids(self) -> set[str]:
        """The ids of the group rules."""
        return {one.rule.id for one in self._rules}

    def evaluate(self, change_set: ChangeSet, now: int, monitored_before: int) -> None:
        """Raise and resolve the alerts of group rules at `now` (ms).

        `monitored_before`: the monitored time (ms) at the evaluation before. The cause
        keeps it for a restart: devices over their limit by then have alerts of their
        own.
        """
        state, recorder = self._state, self._recorder
        quiet = state.reception.monitored_ms - state.reception.monitored_at
        back: list[int] = []
        for one in self._rules:
            rule = one.rule
            open_ = self._out(rule.id)
            group = self._counted(one, now)
            for share in one.shares(group, quiet, open_):
                subject = state.subjects[share.group]
                before = recorder.worst(rule.id, subject)
                level = one.level(share, before)
                if level == before or (level > before and not rule.in_schedule(now)):
                    continue
                cause = _cause(share, now)
                if level:
                    cause = self._raised(cause, share, monitored_before)
                shown = SourceLevel(rule, subject, BY_RULE, level)
                recorder.set_level(change_set, shown, now, cause)
                if not level:
                    back.append(share.group)
        if back:
            self._restart_no_data(change_set, back, now)

    def _out(self, rule: str) -> set[int]:
        """Numbers of the gateways or zones with an open alert of a rule."""
        outages = self._recorder.outages()
        return {alert.subject.no for alert in outages if alert.rule == rule}

    def _counted(self, one: GroupNoData, now: int) -> NDArray[np.int32]:
        """By device the gateway or zone that a rule counts it to; 0 for none."""
        state, registry = self._state, self._state.registry
        asset = registry.asset_of
        counts = (
            (asset >= 0) & (state.reception.monitored_at != NEVER) & one.selected[asset]
        )
        counts &= ~(
            (registry.out_from[asset] <= now) & (now < registry.out_until[asset])
        )
        if one.rule.settings.by == "gateway":
            return np.where(counts, state.reception.gateway, 0)
        subjects = [alert.subject for alert in self._recorder.outages()]
        out = [subject.no for subject in subjects if subject.kind == "gateway"]
        if out:
            counts &= ~np.isin(state.reception.gateway, np.array(out, np.int32))
        return np.where(counts, state.zone, 0)

    def _raised(self, cause: Cause, share: GroupShare, monitored_before: int) -> Cause:
        registry = self._state.registry
        assets = {registry.asset_ids[a] for a in registry.asset_of[share.silent]}
        return replace(
            cause,
            reason="group",
            members=sorted(assets)[:LISTED],
            covered=monitored_before,
        )

    def _restart_no_data(
        self, change_set: ChangeSet, groups: list[int], now: int
    ) -> None:
        """Count the time without data from now on where a gateway or zone is back."""
        state = self._state
        here = np.isin(state.reception.gateway, groups) | np.isin(state.zone, groups)
        here &= state.reception.monitored_at != NEVER
        devices = np.flatnonzero(here).tolist()
        state.reception.restart_silence(devices)
        notes = Notes(state.reception.monitored_ms, [], excused=devices)
        change_set.journal = JournalEntry(now, 0, pack(Columns.empty(), notes))

    # -- what comes next --

    def next_due(self, now: int) -> int:
        """Return when (ms) a rule may raise or worsen an alert, without uplinks."""
        return min((self._next(one, now) for one in self._rules), default=FOR_EVER)

    def _next(self, one: GroupNoData, now: int) -> int:
        state = self._state
        open_ = self._out(one.rule.id)
        group = self._counted(one, now)
        quiet = state.reception.monitored_ms - state.reception.monitored_at
        wait = one.raises_in(group, quiet, open_)
        if open_:
            wait = min(wait, one.grows_in(group, quiet, open_))
        return FOR_EVER if wait >= FOR_EVER else one.rule.opens_at(now + wait + 1)

    def shortest_limit(self) -> int:
        """Return the shortest limit of a mounted device, ms."""
        mounted = self._state.registry.asset_of >= 0
        return shortest_limit([one.limit[mounted] for one in self._rules])


def _cause(share: GroupShare, now: int) -> Cause:
    """The cause of a change by uplinks: devices send data again."""
    return Cause(
        reason="uplinks",
        deadline_at=now,
        value=round(share.percent, 1),
        silent=len(share.silent),
        of=share.of,
    )
