"""Acts about the register: a file imported, a device adopted."""

from collections.abc import Callable

from sensorhub.fleet import FleetRows, Plan
from sensorhub.hub.commands.context import CommandContext
from sensorhub.hub.commands.dead_letters import replay_letters
from sensorhub.hub.commands.result import Result
from sensorhub.hub.hub import Hub
from sensorhub.store import Connection, register
from sensorhub.store.hot import dead_letters
from sensorhub.store.hot.changeset import ChangeSet


def fleet_import(context: CommandContext) -> Result:
    """Rows of a file are entered into the register."""
    rows = FleetRows.from_json(context.command.arguments["rows"])
    profiles = context.hub.configuration.profiles.keys()
    return _change(
        context.hub, lambda c: register.import_rows(c, rows, context.now, profiles)
    )


def adopt(context: CommandContext) -> Result:
    """A device that nobody knew is entered; its dead letters come again."""
    arguments = dict(context.command.arguments)
    profiles = context.hub.configuration.profiles.keys()
    result = _change(
        context.hub, lambda c: register.adopt(c, arguments, context.now, profiles)
    )
    kept = dead_letters.of_device(context.hub.connection, arguments["device"])
    result["replayed"] = replay_letters(context.hub, kept, context.now)
    result["kept"] = len(kept)
    return result


def _change(hub: Hub, change: Callable[[Connection], Plan]) -> Result:
    """Checkpoint, change the register in one transaction, begin anew."""
    hub.checkpoint_all()
    plans: list[Plan] = []
    change_set = ChangeSet()
    change_set.writes.append(lambda c: plans.append(change(c)))
    hub.commit(change_set)
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
