"""Alerts about the hub itself: disk, damaged history, codecs, InfluxDB."""

from collections import Counter
from dataclasses import dataclass, field

import structlog

from sensorhub.codecs.protocol import CodecRunner
from sensorhub.forward.forwarder import Forwarder
from sensorhub.hub.hub import Hub
from sensorhub.store import Connection
from sensorhub.store.disk_space import DiskSpace
from sensorhub.store.hot import counters
from sensorhub.store.hot.changeset import ChangeSet

log = structlog.get_logger()


@dataclass(slots=True, kw_only=True)
class SelfMonitor:
    """Raises and ends the hub's system alerts at each tick."""

    hub: Hub
    disk: DiskSpace
    codecs: CodecRunner
    forwarder: Forwarder | None = None
    _damaged_parts: int = field(default=0, init=False)

    def count_damage(self, connection: Connection, number: int, uplinks: int) -> None:
        """Count a part of the history that was quarantined; the next tick alerts.

        Called in the transaction of it; `number` as `HistoryMaker` has it.
        """
        log.error("damaged history was set aside", row=number, uplinks=uplinks)
        self.hub.on_commit(self._add_damaged_part)
        if number > 0:
            damage = Counter(journal_rows_damaged=1, uplinks_damaged=uplinks)
        else:  # a slice or a chunk of the history
            damage = Counter(history_parts_damaged=1)
        counters.add(connection, damage)

    def _add_damaged_part(self) -> None:
        self._damaged_parts += 1

    def update_alerts(self, change_set: ChangeSet, now: int) -> None:
        """Enter the alerts that begin or end at `now` (ms)."""
        system = self.hub.session.lifecycle.system
        full, free = self.disk.full(), round(self.disk.free_mb)
        system.set(change_set, "disk_low", full, now, free)
        if self._damaged_parts:
            parts, self._damaged_parts = self._damaged_parts, 0
            system.set(change_set, "journal_damaged", True, now, parts)
        off = self.codecs.off()
        names = ", ".join(f"codecs/{name}" for name in off)
        system.set(change_set, "codec_off", bool(off), now, len(off), about=names)
        stuck = self.forwarder.stuck() if self.forwarder else None
        hours, reason = stuck or (0.0, "")
        fires = stuck is not None
        system.set(change_set, "influx_stuck", fires, now, hours, about=reason)
