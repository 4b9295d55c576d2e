"""Alerts, their transitions, services and silences in the database."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from sensorhub.alerts.open_alerts import Alert
from sensorhub.alerts.silences import Silence
from sensorhub.alerts.transitions import CHANGED, FIRING, RESOLVED, Cause, Transition
from sensorhub.columns import Service
from sensorhub.model import Category, Severity
from sensorhub.registry.subjects import Subject
from sensorhub.store import Connection
from sensorhub.store.hot import subject_rows

_COLUMNS = (
    "id, rule, category, asset, zone, severity, state, started_at, resolved_at,"
    " acknowledged_by, acknowledged_at, assigned_to, notes, cause, told"
)
_DANGER_AT = (
    "(SELECT max(at) FROM transitions"
    f" WHERE alert = alerts.id AND severity = {int(Severity.DANGER)})"
)
_ALL = f"{_COLUMNS}, {_DANGER_AT}"
_ORDER = {FIRING: 0, CHANGED: 1, RESOLVED: 2}
_encode = msgspec.json.Encoder().encode
_decode_cause = msgspec.json.Decoder(Cause).decode


class TransitionRow(NamedTuple):
    """A transition as kept."""

    id: str
    alert: str
    at: int
    from_: str | None
    to: str
    severity: int
    cause: Cause

    def transition(self) -> Transition:
        """Convert to the type of the alert logic."""
        severity = Severity(self.severity)
        return Transition(
            self.id, self.alert, self.at, self.from_, self.to, severity, self.cause
        )


def _text(value: object) -> str:
    return _encode(value).decode()


def save(connection: Connection, alerts: Iterable[Alert]) -> None:
    """Insert or update alerts in the caller's transaction."""
    connection.executemany(
        f"INSERT INTO alerts ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
        " ON CONFLICT (id) DO UPDATE SET severity = excluded.severity,"
        " state = excluded.state, resolved_at = excluded.resolved_at,"
        " acknowledged_by = excluded.acknowledged_by,"
        " acknowledged_at = excluded.acknowledged_at,"
        " assigned_to = excluded.assigned_to, notes = excluded.notes,"
        " cause = excluded.cause, told = excluded.told",
        [
            (
                alert.id,
                alert.rule,
                str(alert.category),
                subject_rows.encode(alert.subject),
                alert.zone,
                int(alert.severity),
                alert.state,
                alert.started_at,
                alert.resolved_at,
                alert.acknowledged_by,
                alert.acknowledged_at,
                alert.assigned_to,
                _text(alert.notes),
                _text(alert.cause),
                alert.notified,
            )
            for alert in alerts
        ],
    )


def add_transitions(connection: Connection, transitions: Iterable[Transition]) -> None:
    """Write transitions; the same decision twice is one row."""
    connection.executemany(
        "INSERT OR IGNORE INTO transitions (id, alert, at, from_, to_, severity, cause)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (t.id, t.alert, t.at, t.from_, t.to, int(t.severity), _text(t.cause))
            for t in transitions
        ],
    )


def add_services(
    connection: Connection, services: Iterable[tuple[Service, str]]
) -> None:
    """Write service events, each with who (sensor, or a person's name) reported it."""
    connection.executemany(
        "INSERT INTO services (asset, kind, at, by_, cause) VALUES (?, ?, ?, ?, ?)",
        [(s.asset, s.kind, s.at, by, _cause(s)) for s, by in services],
    )


def _cause(service: Service) -> str:
    """What readings show of a service: its time bracket and the amount removed."""
    if service.end is None:
        return "{}"
    found = {"from_at": service.begin, "until_at": service.end}
    return _text({**found, "amount": service.amount})


def last_services(connection: Connection) -> dict[int, int]:
    """Each serviced asset's newest service (ms) by asset number."""
    return dict(
        connection.execute("SELECT asset, max(at) FROM services GROUP BY asset")
    )


def last_emptied(connection: Connection) -> dict[int, tuple[int, str]]:
    """Each asset's newest emptying by its number: when (ms), and its cause as JSON."""
    rows = connection.execute(
        "SELECT asset, max(at), cause FROM services WHERE kind = 'emptied'"
        " GROUP BY asset"  # bare columns come from the row of the maximum
    )
    return {asset: (at, cause) for asset, at, cause in rows}


def _alerts(connection: Connection, rows: Iterable[Sequence[Any]]) -> list[Alert]:
    subjects = subject_rows.subjects(connection)
    return [_alert(row, subjects[row[3]]) for row in rows]


def _alert(row: Sequence[Any], subject: Subject) -> Alert:
    return Alert(
        id=row[0],
        rule=row[1],
        category=Category(row[2]),
        subject=subject,
        zone=row[4],
        severity=Severity(row[5]),
        state=row[6],
        started_at=row[7],
        resolved_at=row[8],
        acknowledged_by=row[9],
        acknowledged_at=row[10],
        assigned_to=row[11],
        notes=json.loads(row[12]),
        cause=_decode_cause(row[13]),
        notified=row[14],
        danger_at=row[15],
    )


def load_open(connection: Connection) -> list[Alert]:
    """Load all firing alerts."""
    rows = connection.execute(
        f"SELECT {_ALL} FROM alerts WHERE state = '{FIRING}' ORDER BY started_at, id"
    )
    return _alerts(connection, rows)


def is_open(connection: Connection, rule: str) -> bool:
    """Whether any alert of a rule is firing."""
    row = connection.execute(
        "SELECT 1 FROM alerts WHERE state = 'firing' AND rule = ?", (rule,)
    ).fetchone()
    return row is not None


def count_open(connection: Connection) -> int:
    """The number of firing alerts."""
    query = f"SELECT count(*) FROM alerts WHERE state = '{FIRING}'"
    return int(connection.execute(query).fetchone()[0])


def worst_by_asset(connection: Connection) -> dict[int, int]:
    """The highest severity of firing alerts, by subject number."""
    query = (
        f"SELECT asset, max(severity) FROM alerts WHERE state = '{FIRING}'"
        " GROUP BY asset"
    )
    return dict(connection.execute(query))


def load_untold(connection: Connection, since: int) -> list[Alert]:
    """Load alerts resolved after `since` whose subscribers were not notified of it."""
    rows = connection.execute(
        f"SELECT {_ALL} FROM alerts WHERE state = '{RESOLVED}'"
        " AND resolved_at > ? AND told NOT IN ('', 'resolved')",
        (since,),
    )
    return _alerts(connection, rows)


def listing(connection: Connection, *, all_: bool) -> list[Alert]:
    """Open alerts, or all that ever were, oldest first."""
    where = "" if all_ else f" WHERE state = '{FIRING}'"
    rows = connection.execute(
        f"SELECT {_ALL} FROM alerts{where} ORDER BY started_at, id"
    )
    return _alerts(connection, rows)


def transitions_of(
    connection: Connection, alerts: Iterable[str] | None = None
) -> dict[str, list[TransitionRow]]:
    """Transitions by alert id, oldest first; of all alerts where None is given."""
    found: dict[str, list[TransitionRow]] = {}
    query = "SELECT id, alert, at, from_, to_, severity, cause FROM transitions"
    if alerts is None:
        listed = connection.execute(query).fetchall()
    else:
        listed = []
        for alert in alerts:
            listed += connection.execute(
                query + " WHERE alert = ?", (alert,)
            ).fetchall()
    kept = [TransitionRow(*row)._replace(cause=_decode_cause(row[6])) for row in listed]
    for row in sorted(kept, key=_when):
        found.setdefault(row.alert, []).append(row)
    return found


def _when(row: TransitionRow) -> tuple[int, int, int]:
    """Sort key within an alert: several may be decided in one millisecond."""
    measured = row.cause.measured_at or row.cause.deadline_at or 0
    return row.at, _ORDER[row.to], measured


def silences(connection: Connection, now: int) -> list[Silence]:
    """Silences that have not ended at `now`."""
    rows = connection.execute(
        "SELECT id, zone, asset, rule, from_at, until_at FROM silences"
        " WHERE ended_at IS NULL AND until_at > ?",
        (now,),
    )
    return [Silence(*row) for row in rows]


class NewSilence(NamedTuple):
    """A silence to write; None matches everything, times in ms."""

    zone: str | None
    asset: str | None
    rule: str | None
    from_at: int
    until_at: int
    by: str
    comment: str


def add_silence(connection: Connection, silence: NewSilence) -> None:
    """Write a silence."""
    connection.execute(
        "INSERT INTO silences (zone, asset, rule, from_at, until_at, by_, comment)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        silence,
    )


def end_silence(connection: Connection, id_: int, now: int) -> None:
    """End a silence before its time."""
    connection.execute("UPDATE silences SET ended_at = ? WHERE id = ?", (now, id_))


def silence_rows(connection: Connection, now: int) -> list[dict[str, Any]]:
    """Silences that have not ended, for display."""
    rows = connection.execute(
        "SELECT id, zone, asset, rule, from_at, until_at, by_, comment FROM silences"
        " WHERE ended_at IS NULL AND until_at > ? ORDER BY id",
        (now,),
    )
    names = ("id", "zone", "asset", "rule", "from", "until", "by", "comment")
    return [dict(zip(names, row, strict=True)) for row in rows]
