"""Write the pages of docs/ that are generated from the code (`make docs`).

PAGES maps each file name to a function without arguments that returns its text.
tests/unit/test_docs.py fails if a page on disk differs from that text.
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
This page lists the limits of standards, which rules refer to by name, for example
`levels = [{ severity = "warning", standard = "gb-t-17217-1998/class-3/nh3" }]`
([limits in rules](rules.md#limits-of-standards)). The commands `sensorhub standards
list`, `show LIMIT` and `judge LIMIT --profile PROFILE` show the same data. A file in
`config/standards/` adds a standard or replaces the one of the same name. A file in
`config/sensors/` gives the step and the zero error of your sensors.
"""

FOLDER = Path(__file__).parent

OUTCOMES = {
    Outcome.STORED: "at least one new reading, or decoded correctly without any",
    Outcome.DUPLICATE: "received before, or a retained copy",
    Outcome.DEAD: "contains nothing usable; kept as a dead letter with a reason",
    Outcome.EVENT: "join, ack, status or error; counted as an event, not as an uplink",
    Outcome.REPLAY: "a dead letter that was replayed; counted separately",
}
QUALITIES = {
    Quality.OK: "trusted",
    Quality.SUSPECT: "kept and evaluated, but less reliable; the reason says why",
    Quality.REJECTED: "kept with its reason, not evaluated",
}
REASONS = {
    Reason.UNKNOWN_DEVICE: "dead letter: the device is not in the register",
    Reason.UNKNOWN_TOPIC: "dead letter: the topic contains no device",
    Reason.BAD_ENVELOPE: "dead letter: not the envelope set for the topic filter",
    Reason.BAD_PAYLOAD: "dead letter: the decoder cannot read the bytes",
    Reason.NOTHING_USABLE: "dead letter: decoded, but no value could be kept",
    Reason.TOO_LARGE: "dead letter: larger than mqtt.max_payload_bytes",
    Reason.INTERNAL_ERROR: "dead letter: an error in sensorhub; an alert reports it",
    Reason.CODEC_ERROR: "dead letter: the payload codec reported an error or failed",
    Reason.CODEC_LIMIT: "dead letter: the payload codec used too much time or memory",
    Reason.CODEC_OFF: "dead letter: the payload codec is switched off",
    Reason.SAME_SEQ: "duplicate: same device, seq and content",
    Reason.SAME_BYTES: "duplicate: same bytes within the window",
    Reason.RETAINED: "duplicate: arrived with the retain flag",
    Reason.RANGE: "value: outside the catalogue's range",
    Reason.NOT_A_NUMBER: "value: NaN, infinite or not a number",
    Reason.CLOCK: "value: the time given by the device is not plausible",
    Reason.GEOMETRY: "value: a distance that does not fit the dimensions of the asset",
    Reason.STUCK: "value: the sensor has repeated one value for longer than usual",
    Reason.JUMP: "value: a jump that the next reading has not confirmed yet",
    Reason.BLIND_ZONE: "value: so near that the sensor cannot distinguish distances",
    Reason.NO_ECHO: "value: a sudden fall to the lowest level; the echo may be lost",
    Reason.OBSTRUCTED: "value: an object in front of the sensor",
    Reason.LID_OPEN: "value: measured while the lid was open",
    Reason.WARMING_UP: "value: the first day of a gas cell, or after a long gap",
    Reason.SATURATED: "value: at the end of the sensor's range",
    Reason.DRIFT: "value: the zero of the gas cell drifts",
}
SEVERITIES = {
    Severity.DEVICE: "about the sensor; separate from the other severities",
    Severity.WARNING: "plan the work",
    Severity.URGENT: "do the work today",
    Severity.DANGER: "danger to people now; no flap guard, grouping or inhibition",
}


def catalogue_page() -> str:
    """Measurements, outcomes, qualities, reasons, severities and kinds."""
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
            "A value outside its range is rejected with the reason `range`. The journal"
            "\nstores the numbers, so they are never reused; the limit is 127.\n",
            table(("no", "name", "unit", "range", "kind", "decimals"), measurements),
            "## Outcomes of an uplink\n",
            "received = stored + duplicate + dead; events and replays are counted"
            " separately.\n",
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
    """JSON schema of the event that is sent by MQTT, webhooks and the stream."""
    schema = msgspec.json.schema(Event)
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def standards_page() -> str:
    """Limits of standards, and the sensors with a known step or zero error."""
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
