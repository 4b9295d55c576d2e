"""Commands about alerts: acknowledge, assign, silence; and services."""

from typing import Any

from sensorhub.alerts.open_alerts import Alert
from sensorhub.alerts.system_rules import HUB_ID
from sensorhub.columns import Columns, Notes, Service, pack
from sensorhub.errors import CommandRefused
from sensorhub.hub.commands.context import CommandContext
from sensorhub.hub.commands.result import Result
from sensorhub.hub.hub import Hub
from sensorhub.store.hot import alerts
from sensorhub.store.hot.changeset import JournalEntry
from sensorhub.store.hot.commands import Command

FUTURE_MS = 60_000
SERVICES = ("emptied", "cleaned")


def acknowledge(context: CommandContext) -> Result:
    """Acknowledge an alert; it stays open until sensor data resolve it."""
    alert = _alert(context.hub, context.command.arguments["alert"])
    alert.acknowledged_by, alert.acknowledged_at = context.command.by, context.now
    _note(alert, context.command, context.now, "acknowledged")
    context.change_set.alerts[alert.id] = alert
    return {"alert": alert.id, "acknowledged_by": context.command.by}


def assign(context: CommandContext) -> Result:
    """Assign an alert to a crew or a person."""
    alert = _alert(context.hub, context.command.arguments["alert"])
    alert.assigned_to = context.command.arguments["to"]
    _note(alert, context.command, context.now, f"assigned to {alert.assigned_to}")
    context.change_set.alerts[alert.id] = alert
    return {"alert": alert.id, "assigned_to": alert.assigned_to}


def _alert(hub: Hub, id_: str) -> Alert:
    found = [
        alert
        for alert in hub.session.lifecycle.open_alerts()
        if alert.id == id_ or (len(id_) >= 4 and alert.id.startswith(id_))
    ]
    if len(found) > 1:
        raise CommandRefused(
            f"{len(found)} open alerts begin with {id_!r}: say more of it"
        )
    if not found:
        raise CommandRefused(f"no open alert {id_!r}; `sensorhub alerts` lists them")
    return found[0]


def _note(alert: Alert, command: Command, now: int, text: str) -> None:
    note = command.arguments.get("note") or ""
    entry = {"at": now, "by": command.by, "text": f"{text}: {note}" if note else text}
    alert.notes = [*alert.notes, entry][-100:]


def silence(context: CommandContext) -> Result:
    """Hold the notifications of a zone, an asset or a rule for a time."""
    arguments = context.command.arguments
    until = int(arguments["until"])
    if until <= context.now:
        raise CommandRefused("a silence must end in the future")
    if not any(arguments.get(key) for key in ("zone", "asset", "rule")):
        raise CommandRefused("a silence names at least a zone, an asset or a rule")
    since = int(arguments.get("from") or context.now)
    if until <= since:
        raise CommandRefused("a silence must end after it begins")
    _check_named(context.hub, arguments)
    new = alerts.NewSilence(
        zone=arguments.get("zone"),
        asset=arguments.get("asset"),
        rule=arguments.get("rule"),
        from_at=since,
        until_at=until,
        by=context.command.by,
        comment=arguments.get("comment") or "",
    )
    context.change_set.writes.append(lambda c: alerts.add_silence(c, new))
    context.change_set.after_commit.append(context.hub.reload_silences)
    return {"until": until}


def _check_named(hub: Hub, arguments: dict[str, Any]) -> None:
    """Refuse names that do not exist: such a silence would match nothing."""
    session = hub.session
    registry, subjects = session.registry, session.state.subjects
    known = {
        "zone": {HUB_ID, *(traits.zone for traits in registry.traits if traits)},
        "asset": {HUB_ID, *registry.asset_no, *subjects.ids()},
        "rule": session.lifecycle.rule_kinds().keys(),
    }
    for key, names in known.items():
        if arguments.get(key) and arguments[key] not in names:
            raise CommandRefused(f"no such {key}: {arguments[key]!r}")


def unsilence(context: CommandContext) -> Result:
    """End a silence before its time."""
    id_ = int(context.command.arguments["silence"])
    if id_ not in context.hub.session.lifecycle.silence_ids():
        raise CommandRefused(f"no silence {id_}; `sensorhub silence list` lists them")
    context.change_set.writes.append(lambda c: alerts.end_silence(c, id_, context.now))
    context.change_set.after_commit.append(context.hub.reload_silences)
    return {"silence": id_}


def service(context: CommandContext) -> Result:
    """Record that an asset was emptied or cleaned."""
    arguments = context.command.arguments
    asset = context.hub.session.registry.asset_no.get(arguments["asset"])
    if asset is None:
        raise CommandRefused(
            f"no such asset: {arguments['asset']!r}; see `sensorhub fleet list`"
        )
    if arguments["kind"] not in SERVICES:
        raise CommandRefused(
            f"a service is emptied or cleaned, not {arguments['kind']!r}"
        )
    at = int(arguments.get("at") or context.now)
    if at > context.now + FUTURE_MS:
        raise CommandRefused("a service cannot have been done in the future")
    done = Service(asset, arguments["kind"], at)
    if context.hub.session.lifecycle.record_service(
        context.change_set, done, context.command.by, context.now
    ):
        monitored_ms = context.hub.session.state.reception.monitored_ms
        body = pack(Columns.empty(), Notes(monitored_ms, [done]))
        context.change_set.journal = JournalEntry(context.now, 0, body)
    return {"asset": arguments["asset"], "kind": arguments["kind"], "at": at}
