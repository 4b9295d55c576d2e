"""Operators' commands: acknowledge, silence, service, register, replay.

Other processes append commands to the `commands` table; the hub applies them before its
next batch and writes a result. Each kind is one function and one line in HANDLERS.
"""

from collections.abc import Callable

import msgspec
import structlog

from sensorhub.errors import CommandRefused, ConfigError, StoreError
from sensorhub.hub.commands import (
    alerts,
    dead_letters,
    downlinks,
    integrations,
    register,
    rules,
    subscriptions,
)
from sensorhub.hub.commands.context import CommandContext
from sensorhub.hub.commands.result import Result
from sensorhub.hub.hub import Hub
from sensorhub.store.hot import commands
from sensorhub.store.hot.changeset import ChangeSet

log = structlog.get_logger()


class CommandDispatcher:
    """Applies operators' commands to the hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def apply_waiting(self) -> bool:
        """Apply all waiting commands; returns whether there were any."""
        waiting = commands.waiting(self._hub.connection)
        for command in waiting:
            self.apply(command)
        return bool(waiting)

    def apply(self, command: commands.Command) -> Result:
        """Apply one command; its result is committed with its changes.

        Every command is finished, even if it fails: it would be applied again at
        each start.
        """
        now = self._hub.now()
        change_set = ChangeSet()
        try:
            handler = HANDLERS.get(command.kind)
            if handler is None:
                raise CommandRefused(f"no such command: {command.kind}")
            result = handler(CommandContext(self._hub, change_set, command, now))
            return self._finish(command, change_set, now, result)
        except StoreError:
            raise
        except ConfigError as error:
            faults = [str(fault) for fault in error.faults]
            result = {"error": str(error), "faults": faults}
        except (CommandRefused, ValueError, msgspec.ValidationError) as error:
            result = {"error": str(error)}
        except KeyError as error:
            result = {"error": f"{command.kind} needs {error}"}
        except Exception as error:
            log.exception("a command broke", kind=command.kind, id=command.id)
            self._hub.load()
            result = {"error": f"internal error: {error!r}; the hub's log says more"}
        return self._finish(command, ChangeSet(), now, result)

    def _finish(
        self, command: commands.Command, change_set: ChangeSet, now: int, result: Result
    ) -> Result:
        change_set.writes.append(lambda c: commands.finish(c, command.id, now, result))
        self._hub.commit(change_set)
        return result


HANDLERS: dict[str, Callable[[CommandContext], Result]] = {
    "acknowledge": alerts.acknowledge,
    "assign": alerts.assign,
    "silence": alerts.silence,
    "unsilence": alerts.unsilence,
    "service": alerts.service,
    "fleet_import": register.fleet_import,
    "adopt": register.adopt,
    "rules_file": rules.take_file,
    "rules_apply": rules.apply,
    "rules_rollback": rules.roll_back,
    "subscribe": subscriptions.subscribe,
    "unsubscribe": subscriptions.unsubscribe,
    "codec_on": integrations.codec_on,
    "downlink": downlinks.ask,
    "replay": dead_letters.replay,
    "purge": dead_letters.purge,
    "influx_retry": integrations.influx_retry,
}
