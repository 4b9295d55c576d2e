"""Commands about alerts: acknowledge, assign, silence; and services."""

from typing import Any

from sensorhub.alerts.open_alerts import Alert
from sensorhub.alerts.system_rules import HUB_ID
from sensorhub.columns import Columns, Notes, Service, pack
from sensorhub.errors import CommandRefused
from sensorhub.hub.commands.result import Result
from sensorhub.hub.hub import Hub
from sensorhub.store.hot import alerts
from sensorhub.store.hot.changeset import ChangeSet, JournalEntry
from sensorhub.store.hot.commands import Command

FUTURE_MS = 60_000
SERVICES = ("emptied", "cleaned")


def acknowledge(hub: Hub, change_set: ChangeSet, command: Command, now: int) -> Result:
    """Acknowledge an alert; it stays open until sensor data resolve it."""
    alert = _alert(hub, command.arguments["alert"])
    alert.acknowledged_by, alert.acknowledged_at = command.by, now
    _note(alert, command, now, "acknowledged")
    change_set.alerts[alert.id] = alert
    return {"alert": alert.id, "acknowledged_by": command.by}


def assign(hub: Hub, change_set: ChangeSet, command: Command, now: int) -> Result:
    """Assign an alert to a crew or a person."""
    alert = _alert(hub, command.arguments["alert"])
    alert.assigned_to = command.arguments["to"]
    _note(alert, command, now, f"assigned to {alert.assigned_to}")
    change_set.alerts[alert.id] = alert
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
    said = command.arguments.get("note") or ""
    entry = {"at": now, "by": command.by, "text": f"{text}: {said}" if said else text}
    alert.notes = [*alert.notes, entry][-100:]


def silence(hub: Hub, change_set: ChangeSet, command: Command, now: int) -> Result:
    """Hold the notifications of a zone, an asset or a rule for a time."""
    said = command.arguments
    until = int(said["until"])
    if until <= now:
        raise CommandRefused("a silence must end in the future")
    if not any(said.get(key) for key in ("zone", "asset", "rule")):
        raise CommandRefused("a silence names at least a zone, an asset or a rule")
    since = int(said.get("from") or now)
    if until <= since:
        raise CommandRefused("a silence must end after it begins")
    _check_named(hub, said)
    new = alerts.NewSilence(
        zone=said.get("zone"),
        asset=said.get("asset"),
        rule=said.get("rule"),
        from_at=since,
        until_at=until,
        by=command.by,
        comment=said.get("comment") or "",
    )
    change_set.writes.append(lambda c: alerts.add_silence(c, new))
    change_set.after_commit.append(hub.reload_silences)
    return {"until": until}


def _check_named(hub: Hub, said: dict[str, Any]) -> None:
    """Refuse names that do not exist: such a silence would match nothing."""
    session = hub.session
    registry, places = session.registry, session.state.places
    known = {
        "zone": {HUB_ID, *(traits.zone for traits in registry.traits if traits)},
        "asset": {HUB_ID, *registry.asset_no, *places.ids()},
        "rule": session.lifecycle.rule_kinds().keys(),
    }
    for key, names in known.items():
        if said.get(key) and said[key] not in names:
            raise CommandRefused(f"no such {key}: {said[key]!r}")


def unsilence(hub: Hub, change_set: ChangeSet, command: Command, now: int) -> Result:
    """End a silence before its time."""
    id_ = int(command.arguments["silence"])
    if id_ not in hub.session.lifecycle.silence_ids():
        raise CommandRefused(f"no silence {id_}; `sensorhub silence list` lists them")
    change_set.writes.append(lambda c: alerts.end_silence(c, id_, now))
    change_set.after_commit.append(hub.reload_silences)
    return {"silence": id_}


def service(hub: Hub, change_set: ChangeSet, command: Command, now: int) -> Result:
    """Record that an asset was emptied or cleaned."""
    said = command.arguments
    asset = hub.session.registry.asset_no.get(said["asset"])
    if asset is None:
        raise CommandRefused(
            f"no such asset: {said['asset']!r}; see `sensorhub fleet list`"
        )
    if said["kind"] not in SERVICES:
        raise CommandRefused(f"a service is emptied or cleaned, not {said['kind']!r}")
    at = int(said.get("at") or now)
    if at > now + FUTURE_MS:
        raise CommandRefused("a service cannot have been done in the future")
    done = Service(asset, said["kind"], at)
    if hub.session.lifecycle.record_service(change_set, done, command.by, now):
        monitored_ms = hub.session.state.reception.monitored_ms
        body = pack(Columns.empty(), Notes(monitored_ms, [done]))
        change_set.journal = JournalEntry(now, 0, body)
    return {"asset": said["asset"], "kind": said["kind"], "at": at}
