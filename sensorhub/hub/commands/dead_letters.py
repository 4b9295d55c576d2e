"""Commands about dead letters: replay, purge."""

from functools import partial

from sensorhub.hub.commands.context import CommandContext
from sensorhub.hub.commands.result import Result
from sensorhub.hub.hub import Hub
from sensorhub.model import Message
from sensorhub.store import Connection
from sensorhub.store.hot import dead_letters


def replay(context: CommandContext) -> Result:
    """Process dead letters again."""
    letters = [
        letter
        for letter in dead_letters.by_ids(
            context.hub.connection, context.command.arguments["ids"]
        )
        if letter.replayed_at is None
    ]
    done = replay_letters(context.hub, letters, context.now)
    return {"replayed": done, "still_dead": len(letters) - done}


def replay_letters(hub: Hub, letters: list[dead_letters.DeadLetter], now: int) -> int:
    """Fill history with the readings of letters; raises and notifies nothing."""
    pipeline = hub.session.pipeline
    done = 0
    for letter in letters:
        message = Message(letter.topic.encode(), letter.payload, 0)
        part = pipeline.replay(message, letter.received_at, letter.device)
        if part is not None:
            ids = [letter.id]
            part.writes.append(partial(dead_letters.mark_replayed, ids=ids, now=now))
            hub.commit(part)
            done += 1
    return done


def purge(context: CommandContext) -> Result:
    """Delete dead letters."""
    arguments = context.command.arguments
    device = arguments.get("device")
    count = dead_letters.count(context.hub.connection, device)

    def delete(connection: Connection) -> None:
        devices = dead_letters.purge(connection, device)
        context.hub.on_commit(lambda: context.hub.dead_letters.forget(devices))

    context.change_set.writes.append(delete)
    return {"purged": count}
