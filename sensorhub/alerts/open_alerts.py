"""The open alerts, and the one place that decides about a transition.

One open alert per rule and subject; its severity is the worst that any of its sources
(series, devices, the rule itself) shows.
"""

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Self

from xxhash import xxh3_64_hexdigest

from sensorhub.alerts.transitions import (
    CHANGED,
    FIRING,
    RESOLVED,
    Cause,
    Transition,
    transition_id,
)
from sensorhub.model import Category, Severity
from sensorhub.registry.subjects import Subject


@dataclass(slots=True)
class Alert:
    """An alert: while it is open, and as it is stored once resolved."""

    id: str
    rule: str
    category: Category
    subject: Subject
    zone: str
    severity: Severity
    started_at: int
    state: str = FIRING
    resolved_at: int | None = None
    acknowledged_by: str | None = None
    acknowledged_at: int | None = None
    assigned_to: str | None = None
    notes: list[dict[str, Any]] = field(default_factory=list)
    cause: Cause = field(default_factory=Cause)
    notified: str = ""  # the status that subscribers were notified of last
    danger_at: int | None = None  # when it last rose to danger: silences end then

    @property
    def status(self) -> str:
        """What subscribers should know: the severity, or resolved."""
        return RESOLVED if self.state == RESOLVED else self.severity.word


@dataclass(frozen=True, slots=True)
class AlertChange:
    """A transition, and the alert after it."""

    alert: Alert
    transition: Transition


class AlertSource(NamedTuple):
    """What shows a severity: a series, a device that sends no data, or the rule.

    The rule itself is the source where it evaluates the subject as a whole: a service
    that is overdue, an outage of a group, an alert about the hub.
    """

    kind: Literal["series", "device", "rule"]
    no: int = 0

    @classmethod
    def series(cls, number: int) -> Self:
        """Return the source of a rule on one series."""
        return cls("series", number)

    @classmethod
    def device(cls, number: int) -> Self:
        """Return the source of a rule on the uplinks of a device."""
        return cls("device", number)


BY_RULE = AlertSource("rule")
AlertKey = tuple[str, Subject]  # of an open alert: the id of its rule, its subject


class OpenAlerts:
    """Open alerts by rule and subject, and the level of each of their sources."""

    def __init__(self) -> None:
        self.by_key: dict[AlertKey, Alert] = {}
        self.levels: dict[AlertKey, dict[AlertSource, Severity]] = {}

    def load(self, alerts: list[Alert]) -> None:
        """Replace all by the open alerts of the database, which decides."""
        self.by_key = {(alert.rule, alert.subject): alert for alert in alerts}

    def set_level(
        self, rule: str, subject: Subject, source: AlertSource, level: Severity
    ) -> None:
        """Set the level of a source, without a transition."""
        key = (rule, subject)
        if level:
            self.levels.setdefault(key, {})[source] = level
        elif (sources := self.levels.get(key)) is not None:
            sources.pop(source, None)
            if not sources:
                del self.levels[key]

    def worst_level(self, rule: str, subject: Subject) -> Severity:
        """Return the worst level of any source of the subject."""
        sources = self.levels.get((rule, subject))
        return max(sources.values()) if sources else Severity.NONE

    def update(
        self,
        key: AlertKey,
        at: int,
        cause: Cause,
        *,
        category: Category,
        zone: str,
    ) -> AlertChange | None:
        """Open, change or resolve the alert of `key` by the levels of its sources.

        Return None where nothing changes. `cause`: what changed a level.
        """
        rule, subject = key
        level = self.worst_level(rule, subject)
        alert = self.by_key.get(key)
        if alert is None:
            if not level:
                return None
            id_ = transition_id(rule, subject.id, FIRING, level, cause)
            alert = Alert(
                xxh3_64_hexdigest(id_.encode()),
                rule,
                category,
                subject,
                zone,
                level,
                at,
            )
            alert.cause = cause
            alert.danger_at = at if level is Severity.DANGER else None
            self.by_key[key] = alert
            return AlertChange(
                alert, Transition(id_, alert.id, at, None, FIRING, level, cause)
            )
        if level == alert.severity:
            return None
        if not level:
            return self.resolve(alert, at, cause)
        id_ = transition_id(rule, subject.id, CHANGED, level, cause)
        if level > alert.severity and level is Severity.DANGER:
            alert.acknowledged_by = alert.acknowledged_at = None
            alert.danger_at = at
        alert.severity, alert.cause = level, cause
        return AlertChange(
            alert, Transition(id_, alert.id, at, FIRING, CHANGED, level, cause)
        )

    def resolve(self, alert: Alert, at: int, cause: Cause) -> AlertChange:
        """Resolve an open alert."""
        id_ = transition_id(
            alert.rule, alert.subject.id, RESOLVED, alert.severity, cause
        )
        alert.state, alert.resolved_at = RESOLVED, at
        del self.by_key[alert.rule, alert.subject]
        self.levels.pop((alert.rule, alert.subject), None)
        return AlertChange(
            alert,
            Transition(id_, alert.id, at, FIRING, RESOLVED, alert.severity, cause),
        )
