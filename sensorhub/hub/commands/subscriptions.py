"""Acts about subscriptions: who is told."""

import msgspec

from sensorhub.errors import CommandRefused
from sensorhub.hub.commands.result import Result
from sensorhub.hub.hub import Hub
from sensorhub.store import subscriptions
from sensorhub.store.hot import outbox
from sensorhub.store.hot.changeset import ChangeSet
from sensorhub.store.hot.commands import Command


def subscribe(hub: Hub, change_set: ChangeSet, command: Command, now: int) -> Result:
    """A receiver is told from now on."""
    said = command.arguments
    choice = msgspec.convert(said["choice"], subscriptions.SubscriptionFilter)
    row = subscriptions.webhook(said["id"], said["url"], choice, now, said["secret"])
    change_set.writes.append(lambda c: subscriptions.add(c, row))
    change_set.after_commit.append(hub.reload_subscriptions)
    if subscriptions.get(hub.connection, row.id) is not None:
        raise CommandRefused(f"there is a subscription {row.id!r} already")
    return {"id": row.id}


def unsubscribe(hub: Hub, change_set: ChangeSet, command: Command, now: int) -> Result:
    """A receiver is told no more; what waited for it is dropped."""
    id_ = command.arguments["id"]
    if subscriptions.get(hub.connection, id_) is None:
        raise CommandRefused(f"no such subscription: {id_!r}")
    change_set.writes.append(lambda c: outbox.drop(c, id_, "subscription removed"))
    change_set.writes.append(lambda c: subscriptions.remove(c, id_))
    change_set.after_commit.append(hub.reload_subscriptions)
    return {"id": id_}
