"""Transitions of alerts: what is recorded of a change, why it was, and its id."""

from dataclasses import dataclass

import msgspec
from msgspec import UNSET, UnsetType
from xxhash import xxh3_128_hexdigest

from sensorhub.model import Severity

FIRING = "firing"
CHANGED = "severity_changed"
RESOLVED = "resolved"


class Cause(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why an alert changed; what does not apply is left out. Times in ms.

    - a reading: `device`, `measurement`, `measured_at`, `value`; of a forecast `fill`,
      of a standard's limit its `clause`
    - anything else has a `reason`: time (`deadline_at`), an uplink (`device`), a
      service (`by`), an outage of a group (`silent` devices `of` how many, `members`),
      a fault of the hub (`topic` names the culprit)

    The order of the fields is the order in the JSON that is stored and sent.
    """

    reason: str | None = None
    by: str | None = None
    device: str | None = None
    measurement: str | None = None
    last_uplink_at: int | UnsetType | None = UNSET  # None: no uplink ever
    deadline_at: int | None = None
    measured_at: int | None = None
    value: int | float | None = None
    silent: int | None = None
    of: int | None = None
    members: list[str] | None = None  # ids of assets
    covered: int | None = None  # monitored time at the evaluation before, ms
    standard: str | None = None
    clause: str | None = None
    unit: str | None = None
    judged: str | None = None
    fill: int | float | None = None
    celsius: int | float | None = None
    mean_min: int | float | None = None
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class Transition:
    """A recorded change of one alert. `from_` is None for the first."""

    id: str
    alert: str
    at: int
    from_: str | None
    to: str
    severity: Severity
    cause: Cause


def transition_id(
    rule: str, subject: str, to: str, severity: Severity, cause: Cause
) -> str:
    """Return the id of a decision: of rule, subject, what it moves to, and the cause.

    The same decision taken twice has the same id, and is the same row. Its time comes
    first: what happens together lies together in the database.
    """
    decided = (
        cause.reason,
        cause.device,
        cause.measurement,
        cause.measured_at,
        cause.deadline_at,
    )
    named = [str(part) for part in decided if part is not None]
    text = "\x1f".join((rule, subject, to, severity.word, *named))
    at = cause.deadline_at if cause.measured_at is None else cause.measured_at
    return f"{max(at or 0, 0):011x}{xxh3_128_hexdigest(text.encode())[:21]}"
