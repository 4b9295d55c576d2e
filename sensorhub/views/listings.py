"""Alerts, transitions and readings as plain objects."""

from collections.abc import Mapping
from typing import TypedDict

import msgspec

from sensorhub.alerts.event import (
    VERSION,
    alert_texts,
    cause_view,
    resolved_texts,
    rfc3339,
)
from sensorhub.alerts.open_alerts import Alert
from sensorhub.alerts.rules import Rule, compile_rules
from sensorhub.alerts.system_rules import SYSTEM_RULES
from sensorhub.alerts.transitions import RESOLVED
from sensorhub.model import BY_NAME, Reading, Severity
from sensorhub.rules.schema import parse_rules
from sensorhub.standards import Standards
from sensorhub.store import (
    Connection,
    history,
    past_readings,
    register_lookup,
    rule_versions,
)
from sensorhub.store.hot import alerts

TransitionView = TypedDict(
    "TransitionView",
    {
        "id": str,
        "at": str | None,
        "from": str | None,
        "to": str,
        "severity": str,
        "cause": dict[str, object],
    },
)


class AlertTransitionView(TransitionView):
    """A transition with what it is about."""

    alert: str
    rule: str
    category: str
    asset: str


class AlertView(TypedDict):
    """An alert as `alerts --json` prints it."""

    version: int
    id: str
    rule: str
    category: str
    asset: str
    asset_name: str
    zone: str
    severity: str
    state: str
    started_at: str | None
    resolved_at: str | None
    acknowledged_by: str | None
    assigned_to: str | None
    text: dict[str, str]
    members: list[str]
    notes: list[dict[str, object]]
    transitions: list[TransitionView]


class ReadingView(TypedDict):
    """A reading as `readings --json` prints it."""

    measured_at: str | None
    received_at: str | None
    device: str
    measurement: str
    value: float
    unit: str
    quality: str
    reason: str | None


def alerts_view(
    connection: Connection, *, all_: bool, standards: Standards | None = None
) -> list[AlertView]:
    """Alerts with their transitions, oldest first."""
    found = alerts.listing(connection, all_=all_)
    rows = alerts.transitions_of(
        connection, None if all_ else [alert.id for alert in found]
    )
    names = register_lookup.asset_names(connection)
    rules = _rules(connection, standards)
    return [
        {
            "version": VERSION,
            "id": alert.id,
            "rule": alert.rule,
            "category": str(alert.category),
            "asset": alert.subject.id,
            "asset_name": _name(alert, names),
            "zone": alert.zone,
            "severity": alert.severity.word,
            "state": alert.state,
            "started_at": rfc3339(alert.started_at),
            "resolved_at": rfc3339(alert.resolved_at),
            "acknowledged_by": alert.acknowledged_by,
            "assigned_to": alert.assigned_to,
            "text": _text(alert, rules.get(alert.rule), _name(alert, names)),
            "members": alert.cause.members or [],
            "notes": [{**note, "at": rfc3339(note["at"])} for note in alert.notes],
            "transitions": [_transition(row) for row in rows.get(alert.id, [])],
        }
        for alert in found
    ]


def _name(alert: Alert, asset_names: Mapping[int, str]) -> str:
    """What an alert is about, as people call it; of other than assets the id."""
    subject = alert.subject
    return asset_names[subject.no] if subject.is_asset else subject.id


def _transition(row: alerts.TransitionRow) -> TransitionView:
    return {
        "id": row.id,
        "at": rfc3339(row.at),
        "from": row.from_,
        "to": row.to,
        "severity": Severity(row.severity).word,
        "cause": msgspec.to_builtins(cause_view(row.cause)),
    }


def transition_views(connection: Connection) -> list[AlertTransitionView]:
    """Every transition in order of time, with its alert, rule, category and asset."""
    found = {alert.id: alert for alert in alerts.listing(connection, all_=True)}
    rows = alerts.transitions_of(connection)
    named = [
        (row, found[id_], found[id_].subject.id, place)
        for id_, own in rows.items()
        for place, row in enumerate(own)
    ]
    # several may be decided in the same millisecond: then each alert keeps its order
    named.sort(key=lambda x: (x[0].at, x[1].rule, x[2], x[1].started_at, x[1].id, x[3]))
    return [
        {
            **_transition(row),
            "alert": alert.id,
            "rule": alert.rule,
            "category": str(alert.category),
            "asset": asset,
        }
        for row, alert, asset, _ in named
    ]


def _rules(connection: Connection, standards: Standards | None) -> dict[str, Rule]:
    """The newest rules, and those about the hub itself."""
    book = parse_rules(rule_versions.latest(connection)[1], standards=standards)
    return SYSTEM_RULES | {rule.id: rule for rule in compile_rules(book, "UTC")}


def _text(alert: Alert, rule: Rule | None, name: str) -> dict[str, str]:
    """What an alert says, as its events do; little where its rule is gone."""
    if rule is None:
        text = dict.fromkeys(("zh-CN", "en"), f"{name}: {alert.rule}")
    else:
        text = alert_texts(rule, name, alert.zone, alert.severity, alert.cause)
    return resolved_texts(text) if alert.state == RESOLVED else text


def readings_view(
    connection: Connection,
    name: str,
    measurement: str | None,
    span: tuple[int, int],
    older: past_readings.ReadOlder | None = None,
) -> list[Reading] | None:
    """Readings with since <= measured_at < until of an asset, else of a device.

    None where neither is called `name`. `older` knows what history let go.
    """
    spans = spans_of(connection, name)
    if spans is None:
        return None
    ids = register_lookup.device_ids(connection)
    codes = [BY_NAME[measurement].no] if measurement else None
    parts = past_readings.read(
        connection, past_readings.ReadingsQuery(spans, *span, codes, ids), older
    )
    return [reading for part in parts for reading in part.rows(ids)]


def spans_of(connection: Connection, name: str) -> list[history.DeviceSpan] | None:
    """The devices of an asset, when they were mounted; else the device itself."""
    asset = register_lookup.asset_number(connection, name)
    if asset is not None:
        return history.asset_spans(connection, asset)
    device = register_lookup.device_number(connection, name)
    return None if device is None else [history.DeviceSpan(device)]


def reading_view(reading: Reading) -> ReadingView:
    """Name the fields of a reading, times as text."""
    return {
        "measured_at": rfc3339(reading.measured_at),
        "received_at": rfc3339(reading.received_at),
        "device": reading.device,
        "measurement": reading.measurement,
        "value": reading.value,
        "unit": BY_NAME[reading.measurement].unit,
        "quality": reading.quality.name.lower(),
        "reason": reading.reason.word if reading.reason else None,
    }
