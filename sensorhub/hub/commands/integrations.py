"""Commands about integrations: codecs, InfluxDB."""

from sensorhub.errors import CommandRefused
from sensorhub.hub.commands.context import CommandContext
from sensorhub.hub.commands.result import Result
from sensorhub.store import forward_queue


def codec_on(context: CommandContext) -> Result:
    """A codec that met its limits is switched on again."""
    name = context.command.arguments["codec"]
    if not context.hub.configuration.codecs.switch_on(name):
        off = ", ".join(context.hub.configuration.codecs.off()) or "none is"
        raise CommandRefused(f"codec {name!r} is not switched off; {off}")
    return {"codec": name}


def influx_retry(context: CommandContext) -> Result:
    """What InfluxDB refused is tried once more."""
    if not context.hub.configuration.settings.influx.on:
        raise CommandRefused("influx.url is not set: nothing is forwarded")
    context.change_set.writes.append(forward_queue.try_again)
    return {"lines": forward_queue.count_letters(context.hub.connection)}
