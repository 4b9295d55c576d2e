"""Acts about dead letters: replayed, thrown away."""

from functools import partial

from sensorhub.hub.commands.result import Result
from sensorhub.hub.hub import Hub
from sensorhub.model import Message
from sensorhub.store import Connection
from sensorhub.store.hot import dead_letters
from sensorhub.store.hot.changeset import ChangeSet
from sensorhub.store.hot.commands import Command


def replay(hub: Hub, change_set: ChangeSet, command: Command, now: int) -> Result:
    """Dead letters come again."""
    letters = [
        letter
        for letter in dead_letters.by_ids(hub.connection, command.arguments["ids"])
        if letter.replayed_at is None
    ]
    done = replay_letters(hub, letters, now)
    return {"replayed": done, "still_dead": len(letters) - done}


def replay_letters(hub: Hub, letters: list[dead_letters.DeadLetter], now: int) -> int:
    """Fill history with what letters hold now; raise and notify nothing."""
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


def purge(hub: Hub, change_set: ChangeSet, command: Command, now: int) -> Result:
    """Dead letters are thrown away."""
    said = command.arguments
    device = said.get("device")
    count = dead_letters.count(hub.connection, device)

    def delete(connection: Connection) -> None:
        devices = dead_letters.purge(connection, device)
        hub.on_commit(lambda: hub.dead_letters.forget(devices))

    change_set.writes.append(delete)
    return {"purged": count}
