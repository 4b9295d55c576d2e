"""Differences between two texts of rules, key by key."""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class KeyChange(NamedTuple):
    """A key of a rule that differs; None: not given."""

    rule: str
    key: str
    before: Any
    after: Any


class RuleChanges(NamedTuple):
    """Ids of added and removed rules, changed keys, and whether inhibitions differ."""

    added: list[str]
    removed: list[str]
    changed: list[KeyChange]
    inhibit: bool

    @property
    def none(self) -> bool:
        """Whether there are no differences."""
        return not (self.added or self.removed or self.changed or self.inhibit)

    def words(self) -> str:
        """A summary for a list of versions."""
        changed = dict.fromkeys(change.rule for change in self.changed)
        parts = [
            *(f"+{rule}" for rule in self.added),
            *(f"-{rule}" for rule in self.removed),
            *(f"~{rule}" for rule in changed),
            *(["~inhibit"] if self.inhibit else []),
        ]
        return " ".join(parts)


def tables(text: str) -> dict[str, dict[str, Any]]:
    """The rules of a valid text by id, as written."""
    return {rule["id"]: rule for rule in tomllib.loads(text).get("rules", [])}


def changes(before: str, after: str) -> RuleChanges:
    """The differences of the second text from the first; both are valid."""
    old, new = tables(before), tables(after)
    found = [
        change
        for rule in old.keys() & new.keys()
        for change in _keys(rule, old[rule], new[rule])
    ]
    return RuleChanges(
        [rule for rule in new if rule not in old],
        [rule for rule in old if rule not in new],
        sorted(found, key=lambda change: (change.rule, change.key)),
        _inhibits(before) != _inhibits(after),
    )


def _keys(
    rule: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[KeyChange]:
    for key in {**old, **new}:
        if old.get(key) != new.get(key):
            yield KeyChange(rule, key, old.get(key), new.get(key))


def _inhibits(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads(text).get("inhibit", [])
    return found
