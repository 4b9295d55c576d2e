"""Compare the alerts of two sets of rules: added, removed, changed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sensorhub.alerts.transitions import RESOLVED

Row = Mapping[str, Any]
Key = tuple[str, str]


@dataclass(slots=True)
class AlertSpan:
    """One alert: its transitions from firing to resolved."""

    rule: str
    category: str
    asset: str
    steps: list[tuple[str, str, str]] = field(default_factory=list)  # at, to, severity

    @property
    def started(self) -> str:
        """When it fired."""
        return self.steps[0][0]

    @property
    def ended(self) -> str | None:
        """When it was resolved; None: still open at the end."""
        at, to, _ = self.steps[-1]
        return at if to == RESOLVED else None

    def meets(self, other: "AlertSpan") -> bool:
        """Whether both were open at the same time."""
        return (self.ended is None or other.started <= self.ended) and (
            other.ended is None or self.started <= other.ended
        )

    def view(self) -> dict[str, Any]:
        """The view for `--json`; the severity is its worst."""
        order = ("device", "warning", "urgent", "danger")
        return {
            "rule": self.rule,
            "category": self.category,
            "asset": self.asset,
            "severity": max((s for _, _, s in self.steps), key=order.index),
            "started_at": self.started,
            "ended_at": self.ended,
        }


@dataclass(slots=True)
class Difference:
    """The differences between the alerts of two sets of rules."""

    goes: list[AlertSpan] = field(default_factory=list)
    comes: list[AlertSpan] = field(default_factory=list)
    changes: list[tuple[AlertSpan, AlertSpan]] = field(default_factory=list)
    same: int = 0

    def view(self) -> dict[str, Any]:
        """The view for `--json`."""
        return {
            "comes": [span.view() for span in self.comes],
            "goes": [span.view() for span in self.goes],
            "changes": [
                {"before": before.view(), "after": after.view()}
                for before, after in self.changes
            ],
            "same": self.same,
        }


def alert_spans(transitions: Iterable[Row]) -> list[AlertSpan]:
    """Group transitions into alerts, in the order of firing."""
    found: dict[str, AlertSpan] = {}
    for row in transitions:
        alert = found.get(row["alert"])
        if alert is None:
            alert = AlertSpan(row["rule"], row["category"], row["asset"])
            found[row["alert"]] = alert
        alert.steps.append((row["at"], row["to"], row["severity"]))
    return list(found.values())


def difference(before: Iterable[Row], after: Iterable[Row]) -> Difference:
    """Match the alerts of one rule on one asset that overlap in time."""
    waiting: dict[Key, list[AlertSpan]] = defaultdict(list)
    for alert in alert_spans(before):
        waiting[alert.rule, alert.asset].append(alert)
    found = Difference()
    for new in alert_spans(after):
        others = waiting[new.rule, new.asset]
        old = next((alert for alert in others if alert.meets(new)), None)
        if old is None:
            found.comes.append(new)
            continue
        others.remove(old)
        if old.steps == new.steps:
            found.same += 1
        else:
            found.changes.append((old, new))
    found.goes = sorted(
        (alert for alerts in waiting.values() for alert in alerts),
        key=lambda alert: (alert.started, alert.rule, alert.asset),
    )
    return found
