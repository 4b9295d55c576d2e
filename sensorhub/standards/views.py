"""Views of limits for people and programs."""

from typing import Any

from sensorhub.model import BY_NAME
from sensorhub.standards.clauses import cannot, in_ppm
from sensorhub.standards.table import TRUST, UNIT_WORDS, StandardLimit, Standards

MINUTE_MS = 60_000


def averaging_words(limit: StandardLimit) -> str:
    """The averaging window in words."""
    if limit.averaging is None:
        return "unstated"
    first, last = (length / MINUTE_MS for length in limit.averaging)
    if not last:
        return "at once"
    if first == last and first % 60 == 0:
        return f"{first / 60:g} h"
    return f"{first:g} min" if first == last else f"{first:g} to {last:g} min"


def limit_view(limit: StandardLimit) -> dict[str, Any]:
    """A limit for `standards --json`."""
    value = in_ppm(limit)
    gas = limit.judged_in == "mg/m3" and value is not None
    return {
        "limit": limit.name,
        "title": limit.title,
        "citation": limit.citation,
        "in_force": limit.in_force or None,
        "superseded_by": limit.superseded_by or None,
        "quantity": limit.quantity,
        "value": limit.value,
        "unit": limit.unit,
        "ppm_at_25_c": round(value, 4) if gas and value is not None else None,
        "averaging": averaging_words(limit),
        "kinds": [str(kind) for kind in limit.kinds],
        "class": limit.class_ or None,
        "class_tags": [f"{limit.class_tag}-{one}" for one in limit.classes],
        "judged_by": limit.rule_kind,
        "usable": limit.usable,
        "trust": f"{limit.trust}: {TRUST[limit.trust]}",
        "note": limit.note,
    }


def limits_rows(known: Standards) -> list[tuple[object, ...]]:
    """Rows for docs/standards.md."""
    rows: list[tuple[object, ...]] = []
    for limit in known.limits.values():
        view = limit_view(limit)
        ppm = view["ppm_at_25_c"]
        rows.append(
            (
                f"`{limit.name}`",
                limit.citation + (" (superseded)" if limit.superseded_by else ""),
                "your copy's" if limit.value is None else f"{limit.value:g}",
                UNIT_WORDS.get(limit.unit, limit.unit),
                "" if ppm is None else f"{ppm:.3g}",
                view["averaging"],
                ", ".join(limit.kinds) or "any",
                view["judged_by"] or "no rule",
                limit.trust,
                limit.note,
            )
        )
    return rows


def sensors_rows(known: Standards) -> list[tuple[object, ...]]:
    """Rows for docs/standards.md: each known sensor, and what it cannot judge."""
    rows: list[tuple[object, ...]] = []
    for profile, measurements in sorted(known.sensors.items()):
        for measurement, sensor in measurements.items():
            blind = [
                f"`{limit.name}`"
                for limit in known.limits.values()
                if limit.quantity == measurement and cannot(sensor, limit)
            ]
            figures = (sensor.resolution, sensor.zero_error)
            step, zero = (
                "not known" if one is None else f"{one:g} {BY_NAME[measurement].unit}"
                for one in figures
            )
            rows.append(
                (
                    f"`{profile}`",
                    measurement,
                    *(step, zero),
                    ", ".join(blind) or "none",
                    sensor.source,
                )
            )
    return rows
