"""The demo's record of the hub: transitions, open alerts, counters."""

import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from firmware_sim.clock import parse_time

KEEP = 50
SEVERITIES = ("danger", "urgent", "warning", "device")


@dataclass(frozen=True, slots=True)
class TransitionLine:
    """One transition as text."""

    id: str
    at: str
    to: str
    severity: str
    text: str

    @property
    def at_ms(self) -> int:
        """Epoch ms; 0 without a valid time."""
        try:
            return parse_time(self.at)
        except ValueError:
            return 0


@dataclass(frozen=True, slots=True)
class HubCounters:
    """Counters of the hub, from `sensorhub status --json`."""

    received: int = 0
    stored: int = 0
    duplicate: int = 0
    dead: int = 0
    readings: int = 0
    open: int = 0
    now: int = 0  # the hub's time of these counters, epoch ms

    @property
    def consistent(self) -> bool:
        """Whether received = stored + duplicate + dead."""
        return self.received == self.stored + self.duplicate + self.dead

    def complete(self, sent: int) -> bool:
        """Return whether also `sent` (distinct uplinks) = stored + dead."""
        return self.consistent and sent == self.stored + self.dead


def parse_counters(text: str) -> HubCounters | None:
    """Parse the JSON of `sensorhub status`; None if it is something else."""
    try:
        status = json.loads(text)
        return HubCounters(
            received=int(status["uplinks_received"]),
            stored=int(status["uplinks_stored"]),
            duplicate=int(status["uplinks_duplicate"]),
            dead=int(status["uplinks_dead"]),
            readings=int(status["readings_stored"]),
            open=int(status["alerts_open"]),
            now=parse_time(status["now"]),
        )
    except (ValueError, KeyError, TypeError):
        return None


def _line(payload: bytes, language: str) -> TransitionLine | None:
    try:
        alert: dict[str, Any] = json.loads(payload)
        change: dict[str, Any] = alert.get("transition") or {}
        name = alert.get("asset_name") or alert["asset"]
        rule = str(alert["rule"]).replace("_", " ")
        to = str(change.get("to") or alert["state"])
        text = (alert.get("text") or {}).get(language) or f"{name}: {rule}"
        return TransitionLine(
            id=str(alert["id"]),
            at=str(change.get("at") or alert.get("started_at") or ""),
            to=to,
            severity=str(change.get("severity") or alert["severity"]),
            text=str(text),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


@dataclass(slots=True)
class DemoEventLog:
    """Everything that the demo shows of alerts; a repeated message changes nothing."""

    language: str = "en"
    lines: deque[TransitionLine] = field(default_factory=lambda: deque(maxlen=KEEP))
    alerts: dict[str, TransitionLine] = field(default_factory=dict)
    fired: int = 0
    resolved: int = 0
    newest: int = 0  # the hub's time of the newest transition, epoch ms

    def add_transition(self, payload: bytes) -> TransitionLine | None:
        """Add a transition message; return its line if it is new."""
        line = _line(payload, self.language)
        if line is None or line in self.lines:
            return None
        self.lines.append(line)
        self.newest = max(self.newest, line.at_ms)
        self.fired += line.to == "firing"
        self.resolved += line.to == "resolved"
        return line

    def update_alert(self, topic: str, payload: bytes) -> None:
        """Update an alert from its retained message; an empty one means resolved."""
        line = _line(payload, self.language) if payload else None
        if line is None or line.to == "resolved":
            self.alerts.pop(topic, None)
        else:
            self.alerts[topic] = line

    def open_alerts(self) -> list[TransitionLine]:
        """Return open alerts, the most severe first, then the newest."""
        newest = sorted(self.alerts.values(), key=lambda line: line.at, reverse=True)
        return sorted(newest, key=lambda line: _rank(line.severity))


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)
