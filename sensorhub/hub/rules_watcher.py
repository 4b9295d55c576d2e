"""rules.toml, watched: a changed sound file is the next version of the rules.

An unsound one is refused: the old rules go on, and log, status and an alert say so.
"""

import json
from functools import partial
from pathlib import Path

import structlog

from sensorhub.errors import ConfigError
from sensorhub.hub.commands.dispatcher import CommandDispatcher
from sensorhub.hub.commands.rules import FILE
from sensorhub.hub.hub import Hub
from sensorhub.rules.schema import parse_rules, read_rules_file
from sensorhub.store import Connection, rule_versions
from sensorhub.store.hot import counters
from sensorhub.store.hot.changeset import ChangeSet
from sensorhub.store.hot.commands import Command

log = structlog.get_logger()
LOOK_S = 1.0
REFUSED = "rules_refused"  # key in `meta`, and the alert's id
Mark = tuple[int, int, int]


class RulesWatcher:
    """Looks at rules.toml of a settings folder for a hub."""

    def __init__(self, config: Path, hub: Hub, commands: CommandDispatcher) -> None:
        self._path = config / "rules.toml"
        self._hub = hub
        self._commands = commands
        self._next_look = 0.0
        self._taken: Mark | None = None
        self._seen: Mark | None = None

    def watch(self, real_s: float) -> None:
        """Take a file that changed and then stood still from one look to the next.

        `real_s`: monotonic time; looks once a second.
        """
        if real_s < self._next_look:
            return
        self._next_look = real_s + LOOK_S
        mark = self._mark()
        still, self._seen = mark == self._seen, mark
        if still and mark is not None and mark != self._taken:
            self.read()

    def _mark(self) -> Mark | None:
        """What changes when the file does; None where there is none."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def read(self) -> None:
        """Read it now; a file that is not there says nothing."""
        self._taken = self._seen = self._mark()
        if self._taken is None:
            return
        try:
            text = read_rules_file(self._path)
            parse_rules(text, str(self._path), self._hub.configuration.standards)
        except ConfigError as error:
            self._refuse([str(fault) for fault in error.faults])
            return
        known = rule_versions.checksum_by(self._hub.connection, FILE)
        if rule_versions.checksum(text) != known:
            command = Command(0, 0, FILE, "rules_file", {"text": text})
            result = self._commands.apply(command)
            if "error" in result:
                self._refuse([result["error"]])
                return
            log.info("rules.toml was taken", version=result["version"])
        self._sound()

    def _refuse(self, faults: list[str]) -> None:
        log.error("rules.toml is unsound, the old rules go on", faults=faults)
        now = self._hub.now()
        change_set = ChangeSet()
        text = json.dumps(faults, ensure_ascii=False)
        change_set.writes.append(partial(counters.set_meta, key=REFUSED, value=text))
        system = self._hub.session.lifecycle.system
        system.set(change_set, REFUSED, True, now, len(faults))
        self._hub.commit(change_set)

    def _sound(self) -> None:
        if counters.get_meta(self._hub.connection, REFUSED) is None:
            return
        change_set = ChangeSet()
        change_set.writes.append(_forget)
        system = self._hub.session.lifecycle.system
        system.set(change_set, REFUSED, False, self._hub.now())
        self._hub.commit(change_set)


def _forget(connection: Connection) -> None:
    counters.drop_meta(connection, REFUSED)
