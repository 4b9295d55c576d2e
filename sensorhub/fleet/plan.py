"""Plan the import of a fleet file: compute the changes, change nothing."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sensorhub.errors import ConfigError, Fault
from sensorhub.fleet.bulk import in_bulk
from sensorhub.fleet.entities import Entities
from sensorhub.fleet.mounts import Mounts
from sensorhub.fleet.nouns import Asset, Device, Mounting, Register, Site, Zone
from sensorhub.fleet.rows import FleetRows
from sensorhub.fleet.times import format_time

_TIMES = {"from_at", "until_at", "out_from", "out_until", "retired"}


_NEW: dict[str, tuple[Any, Any]] = {}


class EntityChange(NamedTuple):
    """One entity that is added or changed: field -> (before, after)."""

    noun: str
    id: str
    fields: Mapping[str, tuple[Any, Any]]

    def __str__(self) -> str:
        """The change in words, times as RFC 3339."""
        words = [
            f"{name} {_word(name, before)} -> {_word(name, after)}"
            for name, (before, after) in self.fields.items()
        ]
        return f"{self.noun} {self.id}" + (f": {', '.join(words)}" if words else "")


def _word(name: str, value: Any) -> str:
    if value is None or value == "":
        return "-"
    return format_time(value) if name in _TIMES else str(value)


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes of an import. If `refused` is not empty, nothing may be applied.

    `notes` are worth mentioning but not faults. The tuples at the end are to be
    written.
    """

    added: tuple[EntityChange, ...]
    changed: tuple[EntityChange, ...]
    unchanged: int
    refused: tuple[Fault, ...]
    notes: tuple[Fault, ...]
    zones: tuple[Zone, ...]
    sites: tuple[Site, ...]
    assets: tuple[Asset, ...]
    devices: tuple[Device, ...]
    mountings: tuple[Mounting, ...]

    def check(self) -> None:
        """Raise ConfigError with everything that was refused."""
        if self.refused:
            raise ConfigError(self.refused)


def _differences(before: Any, after: Any) -> dict[str, tuple[Any, Any]]:
    triples = zip(after._fields, before, after, strict=True)
    return {name: (was, now) for name, was, now in triples if was != now}


@in_bulk
def plan(
    rows: FleetRows, current: Register, now: int, profiles: Collection[str]
) -> Plan:
    """Compare `rows` with the `current` register at `now` (ms)."""
    entities = Entities(rows, current, now, profiles)
    entities.settle()
    mounts = Mounts(entities, current, now)
    mounts.settle()
    changes: dict[str, list[Any]] = {}
    added: list[EntityChange] = []
    changed: list[EntityChange] = []
    same = 0
    for noun, id_, before, after in _compared(entities, mounts, current):
        if before == after:
            same += 1
            continue
        if before is None:
            added.append(EntityChange(noun, id_, _NEW))
        else:
            changed.append(EntityChange(noun, id_, _differences(before, after)))
        changes.setdefault(noun, []).append(after)
    return Plan(
        added=tuple(added),
        changed=tuple(changed),
        unchanged=same,
        refused=_sorted([*rows.faults, *entities.faults]),
        notes=tuple(mounts.notes),
        zones=tuple(changes.get("zone", ())),
        sites=tuple(changes.get("site", ())),
        assets=tuple(changes.get("asset", ())),
        devices=tuple(changes.get("device", ())),
        mountings=tuple(changes.get("mounting", ())),
    )


def _sorted(faults: list[Fault]) -> tuple[Fault, ...]:
    """Faults in the order of the file's lines, one for each cell."""
    places: dict[str, Fault] = {}
    for fault in faults:
        places.setdefault(fault.where, fault)
    return tuple(sorted(places.values(), key=_line))


def _line(fault: Fault) -> int:
    number = re.search(r"\d+", fault.where)
    return int(number[0]) if number else 0


def _compared(
    entities: Entities, mounts: Mounts, current: Register
) -> Iterator[tuple[str, str, Any, Any]]:
    """Kind, id, before and after of everything that the file names or moves."""
    tables: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = [
        ("zone", current.zones, entities.zones),
        ("site", current.sites, entities.sites),
        ("asset", current.assets, entities.assets),
        ("device", current.devices, entities.devices),
    ]
    for noun, before, after in tables:
        for id_ in entities.got[noun]:
            if id_ in after:
                yield noun, id_, before.get(id_), after[id_]
    for no in mounts.touched:
        mounting = mounts.mountings[no]
        yield "mounting", mounts.words(mounting), current.mountings.get(no), mounting
