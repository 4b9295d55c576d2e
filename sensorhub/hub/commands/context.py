"""What a command's function works with."""

from typing import NamedTuple

from sensorhub.hub.hub import Hub
from sensorhub.store.hot.changeset import ChangeSet
from sensorhub.store.hot.commands import Command


class CommandContext(NamedTuple):
    """A command that is applied to a hub at `now` (ms); `change_set` is committed."""

    hub: Hub
    change_set: ChangeSet
    command: Command
    now: int
