"""An operator acted: acknowledge, silence, service, register, replay.

Other processes append acts to the `commands` table; the hub applies them before
its next batch and leaves a result. Each kind is one function and one line.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import structlog

from sensorhub import downlinks, rule_acts
from sensorhub.alerts.board import Alert
from sensorhub.alerts.system import HUB_ID
from sensorhub.columns import Columns, Notes, Service, pack
from sensorhub.errors import ConfigError, StoreError
from sensorhub.fleet import FleetRows, Plan
from sensorhub.hub import Hub
from sensorhub.ledger import JournalDraft, Ledger
from sensorhub.model import Message
from sensorhub.pipeline import Pipeline
from sensorhub.store import (
    alerts,
    commands,
    dead_letters,
    forward_rows,
    outbox,
    register,
    subscriptions,
)

log = structlog.get_logger()
Result = dict[str, Any]
FUTURE_MS = 60_000
SERVICES = ("emptied", "cleaned")


class Refused(Exception):
    """The act cannot be done; says why in words for the operator."""


class Commands:
    """Applies acts to the hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def apply_waiting(self) -> bool:
        """Apply all acts that wait; True where something was done."""
        waiting = self._hub.waiting_commands()
        for command in waiting:
            self.apply(command)
        return bool(waiting)

    def apply(self, command: commands.Command) -> Result:
        """Apply one act; the result is committed with what it changed.

        Whatever an act holds, it is finished: it would come again at each start.
        """
        now = self._hub.now()
        ledger = Ledger()
        try:
            handler = HANDLERS.get(command.kind)
            if handler is None:
                raise Refused(f"no such command: {command.kind}")
            result = handler(self._hub, ledger, command, now)
            return self._finish(command, ledger, now, result)
        except StoreError:
            raise
        except ConfigError as error:
            faults = [str(fault) for fault in error.faults]
            result = {"error": str(error), "faults": faults}
        except (Refused, ValueError, msgspec.ValidationError) as error:
            result = {"error": str(error)}
        except KeyError as error:
            result = {"error": f"{command.kind} needs {error}"}
        except Exception as error:
            log.exception("a command broke", kind=command.kind, id=command.id)
            self._hub.load()
            result = {"error": f"internal error: {error!r}; the hub's log says more"}
        return self._finish(command, Ledger(), now, result)

    def _finish(
        self, command: commands.Command, ledger: Ledger, now: int, result: Result
    ) -> Result:
        ledger.jobs.append(lambda c: commands.finish(c, command.id, now, result))
        self._hub.commit(ledger)
        return result


def _alert(hub: Hub, id_: str) -> Alert:
    found = [
        alert
        for alert in hub.desk.board.open.values()
        if alert.id == id_ or (len(id_) >= 4 and alert.id.startswith(id_))
    ]
    if len(found) > 1:
        raise Refused(f"{len(found)} open alerts begin with {id_!r}: say more of it")
    if not found:
        raise Refused(f"no open alert {id_!r}; `sensorhub alerts` lists them")
    return found[0]


def _acknowledge(
    hub: Hub, ledger: Ledger, command: commands.Command, now: int
) -> Result:
    alert = _alert(hub, command.arguments["alert"])
    alert.acknowledged_by, alert.acknowledged_at = command.by, now
    _note(alert, command, now, "acknowledged")
    ledger.alerts[alert.id] = alert
    return {"alert": alert.id, "acknowledged_by": command.by}


def _assign(hub: Hub, ledger: Ledger, command: commands.Command, now: int) -> Result:
    alert = _alert(hub, command.arguments["alert"])
    alert.assigned_to = command.arguments["to"]
    _note(alert, command, now, f"assigned to {alert.assigned_to}")
    ledger.alerts[alert.id] = alert
    return {"alert": alert.id, "assigned_to": alert.assigned_to}


def _note(alert: Alert, command: commands.Command, now: int, text: str) -> None:
    said = command.arguments.get("note") or ""
    entry = {"at": now, "by": command.by, "text": f"{text}: {said}" if said else text}
    alert.notes = [*alert.notes, entry][-100:]


def _silence(hub: Hub, ledger: Ledger, command: commands.Command, now: int) -> Result:
    said = command.arguments
    until = int(said["until"])
    if until <= now:
        raise Refused("a silence must end in the future")
    if not any(said.get(key) for key in ("zone", "asset", "rule")):
        raise Refused("a silence names at least a zone, an asset or a rule")
    since = int(said.get("from") or now)
    if until <= since:
        raise Refused("a silence must end after it begins")
    _check_named(hub, said)
    row = (
        said.get("zone"),
        said.get("asset"),
        said.get("rule"),
        since,
        until,
        command.by,
        said.get("comment") or "",
    )
    ledger.jobs.append(lambda c: alerts.add_silence(c, row))
    ledger.jobs.append(lambda _: hub.reload_mutes())
    return {"until": until}


def _check_named(hub: Hub, said: dict[str, Any]) -> None:
    """A silence for what is not there would be believed and hold nothing back."""
    known = {
        "zone": {HUB_ID, *(traits.zone for traits in hub.registry.traits if traits)},
        "asset": {HUB_ID, *hub.registry.asset_no, *hub.state.places.ids()},
        "rule": hub.desk.rules.keys(),
    }
    for key, names in known.items():
        if said.get(key) and said[key] not in names:
            raise Refused(f"no such {key}: {said[key]!r}")


def _unsilence(hub: Hub, ledger: Ledger, command: commands.Command, now: int) -> Result:
    id_ = int(command.arguments["silence"])
    if id_ not in {mute.id for mute in hub.desk.teller.mutes}:
        raise Refused(f"no silence {id_}; `sensorhub silence list` lists them")
    ledger.jobs.append(lambda c: alerts.end_silence(c, id_, now))
    ledger.jobs.append(lambda _: hub.reload_mutes())
    return {"silence": id_}


def _service(hub: Hub, ledger: Ledger, command: commands.Command, now: int) -> Result:
    said = command.arguments
    asset = hub.registry.asset_no.get(said["asset"])
    if asset is None:
        raise Refused(f"no such asset: {said['asset']!r}; see `sensorhub fleet list`")
    if said["kind"] not in SERVICES:
        raise Refused(f"a service is emptied or cleaned, not {said['kind']!r}")
    at = int(said.get("at") or now)
    if at > now + FUTURE_MS:
        raise Refused("a service cannot have been done in the future")
    service = Service(asset, said["kind"], at)
    if hub.desk.serve(ledger, service, command.by, now):
        body = pack(Columns.empty(), Notes(hub.state.covered, [service]))
        ledger.journal = JournalDraft(now, 0, body)
    return {"asset": said["asset"], "kind": said["kind"], "at": at}


def _fleet_import(
    hub: Hub, ledger: Ledger, command: commands.Command, now: int
) -> Result:
    rows = FleetRows.from_json(command.arguments["rows"])
    return _change_register(
        hub, lambda c: register.import_rows(c, rows, now, hub.profiles.keys())
    )


def _adopt(hub: Hub, ledger: Ledger, command: commands.Command, now: int) -> Result:
    said = dict(command.arguments)
    result = _change_register(
        hub, lambda c: register.adopt(c, said, now, hub.profiles.keys())
    )
    letters = dead_letters.of_device(hub.connection, said["device"])
    result["replayed"] = _replay_letters(hub, ledger, letters, now)
    result["kept"] = len(letters)
    return result


def _change_register(hub: Hub, change: Callable[[Any], Plan]) -> Result:
    """Checkpoint, change the register in one transaction, begin anew."""
    hub.checkpoint_all()
    plans: list[Plan] = []
    ledger = Ledger()
    ledger.jobs.append(lambda c: plans.append(change(c)))
    hub.commit(ledger)
    hub.rebuild()
    return describe(plans[-1])


def describe(plan: Plan) -> Result:
    """A plan in words, the first hundred of each kind."""
    return {
        "added": len(plan.added),
        "changed": len(plan.changed),
        "unchanged": plan.unchanged,
        "first_added": [str(change) for change in plan.added[:100]],
        "first_changed": [str(change) for change in plan.changed[:100]],
        "notes": [str(note) for note in plan.notes[:100]],
    }


def _subscribe(hub: Hub, ledger: Ledger, command: commands.Command, now: int) -> Result:
    said = command.arguments
    choice = msgspec.convert(said["choice"], subscriptions.Choice)
    row = subscriptions.webhook(said["id"], said["url"], choice, now, said["secret"])
    ledger.jobs.append(lambda c: subscriptions.add(c, row))
    ledger.jobs.append(lambda _: hub.reload_subscriptions())
    if subscriptions.get(hub.connection, row.id) is not None:
        raise Refused(f"there is a subscription {row.id!r} already")
    return {"id": row.id}


def _unsubscribe(
    hub: Hub, ledger: Ledger, command: commands.Command, now: int
) -> Result:
    id_ = command.arguments["id"]
    if subscriptions.get(hub.connection, id_) is None:
        raise Refused(f"no such subscription: {id_!r}")
    ledger.jobs.append(lambda c: outbox.drop(c, id_, "subscription removed"))

    def remove(connection: Any) -> None:
        subscriptions.remove(connection, id_)

    ledger.jobs.append(remove)
    ledger.jobs.append(lambda _: hub.reload_subscriptions())
    return {"id": id_}


def _codec_on(hub: Hub, ledger: Ledger, command: commands.Command, now: int) -> Result:
    name = command.arguments["codec"]
    if not hub.codecs.switch_on(name):
        off = ", ".join(hub.codecs.off()) or "none is"
        raise Refused(f"codec {name!r} is not switched off; {off}")
    return {"codec": name}


def _replay(hub: Hub, ledger: Ledger, command: commands.Command, now: int) -> Result:
    letters = [
        letter
        for letter in dead_letters.by_ids(hub.connection, command.arguments["ids"])
        if letter.replayed_at is None
    ]
    done = _replay_letters(hub, ledger, letters, now)
    return {"replayed": done, "still_dead": len(letters) - done}


def _replay_letters(
    hub: Hub, ledger: Ledger, letters: list[dead_letters.DeadLetter], now: int
) -> int:
    """Fill history with what letters hold now; raise and notify nothing."""
    pipeline = Pipeline(hub.state, hub.desk, hub.intake)
    done = 0
    for letter in letters:
        message = Message(letter.topic.encode(), letter.payload, 0)
        part = pipeline.replay(message, letter.received_at, letter.device)
        if part is not None:
            ids = [letter.id]
            part.jobs.append(partial(dead_letters.mark_replayed, ids=ids, now=now))
            hub.commit(part)
            done += 1
    return done


def _purge(hub: Hub, ledger: Ledger, command: commands.Command, now: int) -> Result:
    said = command.arguments
    device = said.get("device")
    count = dead_letters.count(hub.connection, device)

    def purge(connection: Any) -> None:
        hub.shelf.forget(dead_letters.purge(connection, device))

    ledger.jobs.append(purge)
    return {"purged": count}


def _influx_retry(
    hub: Hub, ledger: Ledger, command: commands.Command, now: int
) -> Result:
    if not hub.settings.influx.on:
        raise Refused("influx.url is not set: nothing is forwarded")
    ledger.jobs.append(forward_rows.try_again)
    return {"lines": forward_rows.count_letters(hub.connection)}


HANDLERS: dict[str, Callable[[Hub, Ledger, commands.Command, int], Result]] = {
    "acknowledge": _acknowledge,
    "assign": _assign,
    "silence": _silence,
    "unsilence": _unsilence,
    "service": _service,
    "fleet_import": _fleet_import,
    "adopt": _adopt,
    "rules_file": rule_acts.take_file,
    "rules_apply": rule_acts.apply,
    "rules_rollback": rule_acts.roll_back,
    "subscribe": _subscribe,
    "unsubscribe": _unsubscribe,
    "codec_on": _codec_on,
    "downlink": downlinks.ask,
    "replay": _replay,
    "purge": _purge,
    "influx_retry": _influx_retry,
}
