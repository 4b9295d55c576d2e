"""Write the pages of docs/ that come from the code: `make docs`.

A page is a function of no arguments in PAGES; tests/unit/test_docs.py fails
where a page on disk is not what its function gives.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
from decoder_tables import decoders_page
from markdown_tables import NOTE, number_text, table
from settings_tables import settings_page

from sensorhub.alerts.event import Event
from sensorhub.model import (
    CATALOGUE,
    AssetKind,
    Category,
    Outcome,
    Quality,
    Reason,
    Severity,
)
from sensorhub.standards import built_in
from sensorhub.standards.table import TRUST
from sensorhub.standards.views import limits_rows, sensors_rows

STANDARDS = """\
Limits that rules refer to by name: `levels = [{ severity = "warning", standard =
"gb-t-17217-1998/class-3/nh3" }]`; [rules](rules.md#limits-of-standards) says how.
`sensorhub standards list`, `show LIMIT` and `judge LIMIT --profile PROFILE` show the
same. Files in `config/standards/` add standards or replace one by its name; files in
`config/sensors/` say what your sensors can tell apart.
"""

FOLDER = Path(__file__).parent

OUTCOMES = {
    Outcome.STORED: "at least one new reading, or soundly decoded without one",
    Outcome.DUPLICATE: "known already, or a retained copy",
    Outcome.DEAD: "nothing usable; kept as a dead letter with a reason",
    Outcome.EVENT: "join, ack, status or error; counted as event, not as uplink",
    Outcome.REPLAY: "a dead letter replayed; has a counter of its own",
}
QUALITIES = {
    Quality.OK: "trusted",
    Quality.SUSPECT: "kept and evaluated, but trusted less; the reason says why",
    Quality.REJECTED: "kept with its reason, never evaluated",
}
REASONS = {
    Reason.UNKNOWN_DEVICE: "dead letter: the device is not in the register",
    Reason.UNKNOWN_TOPIC: "dead letter: the topic names no device",
    Reason.BAD_ENVELOPE: "dead letter: not what the topic filter promises",
    Reason.BAD_PAYLOAD: "dead letter: the decoder cannot read the bytes",
    Reason.NOTHING_USABLE: "dead letter: decoded, but no value could be kept",
    Reason.TOO_LARGE: "dead letter: larger than mqtt.max_payload_bytes",
    Reason.INTERNAL_ERROR: "dead letter: a fault in sensorhub; an alert names it",
    Reason.CODEC_ERROR: "dead letter: the payload codec refused the frame, or broke",
    Reason.CODEC_LIMIT: "dead letter: the codec took too much time or memory",
    Reason.CODEC_OFF: "dead letter: the codec is switched off",
    Reason.SAME_SEQ: "duplicate: same device, seq and content",
    Reason.SAME_BYTES: "duplicate: same bytes within the window",
    Reason.RETAINED: "duplicate: arrived with the retain flag",
    Reason.RANGE: "value: outside the catalogue's range",
    Reason.NOT_A_NUMBER: "value: NaN, infinite or no number",
    Reason.CLOCK: "value: the device's time cannot be right",
    Reason.GEOMETRY: "value: a distance that the asset's geometry cannot place",
    Reason.STUCK: "value: the sensor repeats itself longer than it ever does",
    Reason.JUMP: "value: a leap that the next reading has yet to confirm",
    Reason.BLIND_ZONE: "value: so near that the sensor tells no distances apart",
    Reason.NO_ECHO: "value: the level is suddenly gone; the next reading tells",
    Reason.OBSTRUCTED: "value: something stands before the sensor",
    Reason.LID_OPEN: "value: measured while the lid was open",
    Reason.WARMING_UP: "value: the first day of a gas cell, or after a long silence",
    Reason.SATURATED: "value: the end of the sensor's scale",
    Reason.DRIFT: "value: the zero of the gas cell is wandering",
}
SEVERITIES = {
    Severity.DEVICE: "about the sensor; never mixes with the others",
    Severity.WARNING: "plan it",
    Severity.URGENT: "do it today",
    Severity.DANGER: "to people, now; skips flap guard, grouping and inhibition",
}


def catalogue_page() -> str:
    """Measurements, and the words for how things end."""
    measurements = [
        (
            m.no,
            f"`{m.name}`",
            m.unit,
            f"{number_text(m.low)} to {number_text(m.high)}",
            m.kind,
            m.decimals,
        )
        for m in CATALOGUE
    ]
    reasons = [reason for reason in Reason if reason is not Reason.NONE]
    severities = [word for word in Severity if word is not Severity.NONE]
    return "\n".join(
        (
            f"{NOTE}\n# Catalogue\n",
            "## Measurements\n",
            "A value outside its range is rejected with reason `range`. Numbers stand"
            "\nin the journal and are never reused; they go up to 127.\n",
            table(("no", "name", "unit", "range", "kind", "decimals"), measurements),
            "## Outcomes of an uplink\n",
            "received = stored + duplicate + dead; events and replays are counted"
            " apart.\n",
            table(("outcome", "meaning"), _words(Outcome, OUTCOMES)),
            "## Quality of a reading\n",
            table(("quality", "meaning"), _words(Quality, QUALITIES)),
            "## Reasons\n",
            table(("reason", "meaning"), _words(reasons, REASONS)),
            "## Severities\n",
            table(("severity", "meaning"), _words(severities, SEVERITIES)),
            "## Kinds of assets and categories of alerts\n",
            "Assets: " + ", ".join(f"`{kind}`" for kind in AssetKind) + ".\n",
            "Alerts: " + ", ".join(f"`{category}`" for category in Category) + ".\n",
        )
    )


def _words(members: Iterable[Any], meanings: dict[Any, str]) -> list[tuple[str, str]]:
    return [(f"`{one.name.lower()}`", meanings[one]) for one in members]


def event_schema() -> str:
    """JSON schema of the object that MQTT, webhooks and the stream carry."""
    schema = msgspec.json.schema(Event)
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def standards_page() -> str:
    """Limits of standards, and the sensors that are known."""
    known = built_in()
    limits = ("limit", "source", "value", "unit", "ppm at 25 °C", "mean over")
    sensors = ("profile", "measurement", "step", "zero error", "cannot judge", "source")
    return "\n".join(
        (
            f"{NOTE}\n# Standards\n",
            STANDARDS,
            "## Trust\n",
            table(("mark", "meaning"), TRUST.items()),
            "## Limits\n",
            table((*limits, "for", "judged by", "trust", "note"), limits_rows(known)),
            "## Sensors\n",
            table(sensors, sensors_rows(known)),
        )
    )


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "catalogue.md": catalogue_page,
    "standards.md": standards_page,
    "decoders.md": decoders_page,
    "event.schema.json": event_schema,
}


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), "utf-8")


if __name__ == "__main__":
    main()
