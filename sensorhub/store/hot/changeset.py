"""The change set: all that one transaction writes, and what follows its commit."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from sensorhub.alerts.open_alerts import Alert
from sensorhub.alerts.transitions import Transition
from sensorhub.columns import Service
from sensorhub.store import Connection
from sensorhub.store.hot import alerts, counters, journal, outbox
from sensorhub.store.hot.dead_letters import DeadLetter, DeadLetterStore
from sensorhub.store.hot.outbox import OutboxRow

AvailabilityRow = tuple[int, str, str, float | None, int]
# runs in the transaction, and again where that was rolled back: database only
Write = Callable[[Connection], object]
Action = Callable[[], object]  # changes memory, once the transaction is committed


@dataclass(slots=True)
class JournalEntry:
    """The journal row of a batch."""

    received_at: int
    uplinks: int
    body: bytes


@dataclass(slots=True)
class ChangeSet:
    """Everything that one cause of change writes, in one transaction.

    `writes` run in the transaction, after all else. `after_commit` runs once the
    transaction is committed, and not at all where it is not.
    """

    journal: JournalEntry | None = None
    versions: str = ""
    alerts: dict[str, Alert] = field(default_factory=dict)
    transitions: list[Transition] = field(default_factory=list)
    outbox: list[OutboxRow] = field(default_factory=list)
    services: list[tuple[Service, str]] = field(default_factory=list)
    availability: list[AvailabilityRow] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    moved: Counter[str] = field(default_factory=Counter)
    writes: list[Write] = field(default_factory=list)
    after_commit: list[Action] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)  # retained states to clear

    def empty(self) -> bool:
        """Nothing to write."""
        return not (
            self.journal
            or self.alerts
            or self.transitions
            or self.outbox
            or self.services
            or self.letters
            or self.availability
            or self.moved
            or self.writes
            or self.after_commit
        )

    def write(self, connection: Connection, dead_letters: DeadLetterStore) -> int:
        """Write all in the caller's transaction; the journal row's number or 0."""
        row = 0
        if self.journal is not None:
            row = journal.append(
                connection,
                received_at=self.journal.received_at,
                uplinks=self.journal.uplinks,
                body=self.journal.body,
                versions=self.versions,
            )
        if self.alerts:
            alerts.save(connection, self.alerts.values())
        if self.transitions:
            alerts.add_transitions(connection, self.transitions)
        if self.outbox:
            self.outbox = outbox.insert(connection, self.outbox)
        if self.services:
            alerts.add_services(connection, self.services)
        if self.availability:
            connection.executemany(
                "INSERT INTO availability (device, state, firmware, interval_s, at)"
                " VALUES (?, ?, ?, ?, ?) ON CONFLICT (device) DO UPDATE SET"
                " state = excluded.state, at = excluded.at, firmware ="
                " coalesce(nullif(excluded.firmware, ''), firmware), interval_s ="
                " coalesce(excluded.interval_s, interval_s)",
                self.availability,
            )
        moved = self.moved
        if self.letters:
            dropped = dead_letters.keep(connection, self.letters)
            moved = moved + Counter(dead_letters_dropped=dropped)
        counters.add(connection, moved)
        for write in self.writes:
            write(connection)
        return row
