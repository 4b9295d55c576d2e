"""Commands about subscriptions: who is notified."""

import msgspec

from sensorhub.errors import CommandRefused
from sensorhub.hub.commands.context import CommandContext
from sensorhub.hub.commands.result import Result
from sensorhub.store import subscriptions
from sensorhub.store.hot import outbox


def subscribe(context: CommandContext) -> Result:
    """Notify a receiver from now on."""
    arguments = context.command.arguments
    choice = msgspec.convert(arguments["choice"], subscriptions.SubscriptionFilter)
    row = subscriptions.webhook(
        arguments["id"], arguments["url"], choice, context.now, arguments["secret"]
    )
    context.change_set.writes.append(lambda c: subscriptions.add(c, row))
    context.change_set.after_commit.append(context.hub.reload_subscriptions)
    if subscriptions.get(context.hub.connection, row.id) is not None:
        raise CommandRefused(f"there is a subscription {row.id!r} already")
    return {"id": row.id}


def unsubscribe(context: CommandContext) -> Result:
    """Stop notifying a receiver; its waiting notifications are dropped."""
    id_ = context.command.arguments["id"]
    if subscriptions.get(context.hub.connection, id_) is None:
        raise CommandRefused(f"no such subscription: {id_!r}")
    context.change_set.writes.append(
        lambda c: outbox.drop(c, id_, "subscription removed")
    )
    context.change_set.writes.append(lambda c: subscriptions.remove(c, id_))
    context.change_set.after_commit.append(context.hub.reload_subscriptions)
    return {"id": id_}
