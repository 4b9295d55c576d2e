"""The one versioned object that MQTT, webhook and `alerts --json` carry."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from sensorhub.alerts.rules import Rule
from sensorhub.model import BY_NO, Severity, Transition

VERSION = 1


@lru_cache(4_096)
def rfc3339(at: int | None) -> str | None:
    """Epoch ms as RFC 3339 in UTC with Z."""
    if at is None:
        return None
    text = datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"


class TransitionView(msgspec.Struct, rename={"from_": "from"}):
    """A change of the alert; `from` is null for the first."""

    id: str
    at: str
    from_: str | None
    to: str
    severity: str
    cause: dict[str, Any]


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


def view(transition: Transition) -> TransitionView:
    """A transition as the edges see it."""
    return TransitionView(
        id=transition.id,
        at=rfc3339(transition.at) or "",
        from_=transition.from_,
        to=transition.to,
        severity=transition.severity.word,
        cause={
            key: rfc3339(value) if key.endswith("_at") else value
            for key, value in transition.cause.items()
        },
    )


def _number(value: object, decimals: int) -> str:
    if not isinstance(value, int | float):
        return "–"
    return (
        f"{value:.{decimals}f}".rstrip("0").rstrip(".") if decimals else f"{value:.0f}"
    )


def _unit(rule: Rule) -> str:
    """Unit of what a rule shows: hours where it counts time, % of a group."""
    if rule.kind == "group":
        return "%"
    entry = BY_NO.get(rule.code)
    if entry is None:
        return "h"
    if rule.clauses.unit:
        return rule.clauses.unit
    return f"{entry.unit}/h" if rule.kind == "rate" else entry.unit


def texts(
    rule: Rule, asset: str, zone: str, severity: Severity, cause: dict[str, Any]
) -> dict[str, str]:
    """The rule's texts with asset, value, unit and limit filled in."""
    entry = BY_NO.get(rule.code)
    limit = next((x.raise_ for x in rule.limits if x.severity == severity), None)
    if limit is None:
        limit = rule.limits[0].raise_
    decimals = min(entry.decimals, 1) if entry else 1
    if entry and entry.unit == "ppm":
        decimals = 2
    places = {
        "asset": asset,
        "zone": zone,
        "value": _number(cause.get("value"), decimals),
        "unit": _unit(rule),
        "limit": _number(limit, decimals),
        "fill": _number(cause.get("fill"), 0),
        "standard": rule.clauses.cited(severity),
    }
    text = rule.settings.text
    return {"zh-CN": text.zh.format_map(places), "en": text.en.format_map(places)}


def resolved(text: dict[str, str]) -> dict[str, str]:
    """The texts of an alert that is over: what it said, marked as over."""
    return {"zh-CN": f"已解除：{text['zh-CN']}", "en": f"Resolved: {text['en']}"}
