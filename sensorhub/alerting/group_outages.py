"""Alerts about a gateway or a zone that is silent as a whole.

While one is open its devices raise no alert of their own; their silence counts anew
when it resolves.
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

    A gateway that is out explains the silence of its devices: they do not count for
    their zone.
    """

    def __init__(self, state: State, recorder: AlertRecorder) -> None:
        self._state = state
        self._recorder = recorder
        registry = state.registry
        groups = [
            GroupNoData(rule, registry.interval_ms, selected_assets(registry, rule))
            for rule in state.rules.rules
            if rule.kind == "group"
        ]
        self._groups = sorted(groups, key=lambda group: group.rule.settings.by)

    def rule_ids(self) -> set[str]:
        """The ids of the group rules."""
        return {group.rule.id for group in self._groups}

    def evaluate(self, change_set: ChangeSet, now: int, monitored_before: int) -> None:
        """Raise and resolve the alerts of group rules at `now` (ms).

        `monitored_before`: the monitored time (ms) at the evaluation before. It is kept
        in the cause for a restart: a device that was over its limit by then has an
        alert of its own.
        """
        state, recorder = self._state, self._recorder
        quiet = state.reception.monitored_ms - state.reception.monitored_at
        back: list[int] = []
        for group in self._groups:
            rule = group.rule
            open_ = self._out(rule.id)
            place = self._counted(group, now)
            for share in group.shares(place, quiet, open_):
                subject = state.places[share.group]
                before = recorder.worst(rule.id, subject)
                level = group.level(share, before)
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
            self._restart_silence(change_set, back, now)

    def _out(self, rule: str) -> set[int]:
        """Numbers of the gateways or zones with an open alert of a rule."""
        outages = self._recorder.outages()
        return {alert.subject.no for alert in outages if alert.rule == rule}

    def _counted(self, group: GroupNoData, now: int) -> NDArray[np.int32]:
        """By device the gateway or zone that a rule counts it to; 0 for none."""
        state, registry = self._state, self._state.registry
        asset = registry.asset_of
        counts = (
            (asset >= 0)
            & (state.reception.monitored_at != NEVER)
            & group.selected[asset]
        )
        counts &= ~(
            (registry.out_from[asset] <= now) & (now < registry.out_until[asset])
        )
        if group.rule.settings.by == "gateway":
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

    def _restart_silence(
        self, change_set: ChangeSet, places: list[int], now: int
    ) -> None:
        """Count the silence of devices whose gateway or zone is back from now on."""
        state = self._state
        here = np.isin(state.reception.gateway, places) | np.isin(state.zone, places)
        here &= state.reception.monitored_at != NEVER
        devices = np.flatnonzero(here).tolist()
        state.reception.restart_silence(devices)
        notes = Notes(state.reception.monitored_ms, [], excused=devices)
        change_set.journal = JournalEntry(now, 0, pack(Columns.empty(), notes))

    # -- what comes next --

    def next_due(self, now: int) -> int:
        """Return when (ms) a rule may raise or worsen an alert, without uplinks."""
        return min((self._next(group, now) for group in self._groups), default=FOR_EVER)

    def _next(self, group: GroupNoData, now: int) -> int:
        state = self._state
        open_ = self._out(group.rule.id)
        place = self._counted(group, now)
        quiet = state.reception.monitored_ms - state.reception.monitored_at
        wait = group.raises_in(place, quiet, open_)
        if open_:
            wait = min(wait, group.grows_in(place, quiet, open_))
        return FOR_EVER if wait >= FOR_EVER else group.rule.opens_at(now + wait + 1)

    def shortest_limit(self) -> int:
        """Return the shortest limit of a mounted device, ms."""
        mounted = self._state.registry.asset_of >= 0
        return shortest_limit([group.limit[mounted] for group in self._groups])


def _cause(share: GroupShare, now: int) -> Cause:
    """The cause of a change that uplinks brought about: nothing is silent any more."""
    return Cause(
        reason="uplinks",
        deadline_at=now,
        value=round(share.percent, 1),
        silent=len(share.silent),
        of=share.of,
    )
