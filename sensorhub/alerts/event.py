"""The versioned event that MQTT, webhooks, the stream and `alerts --json` carry."""

from datetime import UTC, datetime
from functools import lru_cache

import msgspec
from msgspec import UNSET, UnsetType

from sensorhub.alerts.rules import Rule
from sensorhub.alerts.transitions import Cause, Transition
from sensorhub.model import BY_NO, Severity

VERSION = 1


@lru_cache(4_096)
def rfc3339(at: int | None) -> str | None:
    """Epoch ms as RFC 3339 in UTC with Z."""
    if at is None:
        return None
    text = datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"


class CauseView(msgspec.Struct, kw_only=True):
    """Why an alert changed; what does not apply is left out."""

    reason: str | UnsetType = UNSET
    by: str | UnsetType = UNSET
    device: str | UnsetType = UNSET
    measurement: str | UnsetType = UNSET
    last_uplink_at: str | UnsetType | None = UNSET
    deadline_at: str | UnsetType = UNSET
    measured_at: str | UnsetType = UNSET
    value: int | float | UnsetType = UNSET
    silent: int | UnsetType = UNSET
    of: int | UnsetType = UNSET
    members: list[str] | UnsetType = UNSET
    covered: int | UnsetType = UNSET
    standard: str | UnsetType = UNSET
    clause: str | UnsetType = UNSET
    unit: str | UnsetType = UNSET
    judged: str | UnsetType = UNSET
    fill: int | float | UnsetType = UNSET
    celsius: int | float | UnsetType = UNSET
    mean_min: int | float | UnsetType = UNSET
    topic: str | UnsetType = UNSET


class TransitionView(msgspec.Struct, rename={"from_": "from"}):
    """A change of the alert; `from` is null for the first."""

    id: str
    at: str
    from_: str | None
    to: str
    severity: str
    cause: CauseView


class Event(msgspec.Struct):
    """An alert as of one transition of it."""

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
    muted_by: str | None
    transition: TransitionView
    text: dict[str, str]
    members: list[str] = []


def transition_view(transition: Transition) -> TransitionView:
    """Return a transition as it is sent."""
    return TransitionView(
        id=transition.id,
        at=rfc3339(transition.at) or "",
        from_=transition.from_,
        to=transition.to,
        severity=transition.severity.word,
        cause=cause_view(transition.cause),
    )


def cause_view(cause: Cause) -> CauseView:
    """Return a cause with its times as text."""
    given = msgspec.to_builtins(cause)
    shown = {k: rfc3339(x) if k.endswith("_at") else x for k, x in given.items()}
    return msgspec.convert(shown, CauseView)


def _number(value: object, decimals: int) -> str:
    if not isinstance(value, int | float):
        return "–"
    return (
        f"{value:.{decimals}f}".rstrip("0").rstrip(".") if decimals else f"{value:.0f}"
    )


def _unit(rule: Rule) -> str:
    """The unit of a rule's value: hours where it counts time, % of a group."""
    if rule.kind == "group":
        return "%"
    entry = BY_NO.get(rule.code)
    if entry is None:
        return "h"
    if rule.clauses.unit:
        return rule.clauses.unit
    return f"{entry.unit}/h" if rule.kind == "rate" else entry.unit


def alert_texts(
    rule: Rule, asset: str, zone: str, severity: Severity, cause: Cause
) -> dict[str, str]:
    """Fill asset, value, unit and limit into the texts of a rule."""
    entry = BY_NO.get(rule.code)
    limit = next((x.raise_ for x in rule.limits if x.severity == severity), None)
    if limit is None:
        limit = rule.limits[0].raise_
    decimals = min(entry.decimals, 1) if entry else 1
    if entry and entry.unit == "ppm":
        decimals = 2
    fields = {
        "asset": asset,
        "zone": zone,
        "value": _number(cause.value, decimals),
        "unit": _unit(rule),
        "limit": _number(limit, decimals),
        "fill": _number(cause.fill, 0),
        "standard": rule.clauses.cited(severity),
    }
    text = rule.settings.text
    return {"zh-CN": text.zh.format_map(fields), "en": text.en.format_map(fields)}


def resolved_texts(text: dict[str, str]) -> dict[str, str]:
    """Mark the texts of an alert as resolved."""
    return {"zh-CN": f"已解除：{text['zh-CN']}", "en": f"Resolved: {text['en']}"}
