"""Acts about what the hub works with: codecs, InfluxDB."""

from sensorhub.errors import CommandRefused
from sensorhub.hub.commands.result import Result
from sensorhub.hub.hub import Hub
from sensorhub.store import forward_queue
from sensorhub.store.hot.changeset import ChangeSet
from sensorhub.store.hot.commands import Command


def codec_on(hub: Hub, change_set: ChangeSet, command: Command, now: int) -> Result:
    """A codec that met its limits is switched on again."""
    name = command.arguments["codec"]
    if not hub.configuration.codecs.switch_on(name):
        off = ", ".join(hub.configuration.codecs.off()) or "none is"
        raise CommandRefused(f"codec {name!r} is not switched off; {off}")
    return {"codec": name}


def influx_retry(hub: Hub, change_set: ChangeSet, command: Command, now: int) -> Result:
    """What InfluxDB refused is tried once more."""
    if not hub.configuration.settings.influx.on:
        raise CommandRefused("influx.url is not set: nothing is forwarded")
    change_set.writes.append(forward_queue.try_again)
    return {"lines": forward_queue.count_letters(hub.connection)}
