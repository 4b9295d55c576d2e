"""What an alert can be about besides assets: gateways and zones, with numbers.

Numbers come from the database and are never reused; where an asset's number is
expected a place stands as its number below zero.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

Kind = Literal["gateway", "zone"]
NOWHERE = 0


class Subject(NamedTuple):
    """A gateway or a zone as the database holds it."""

    no: int
    kind: Kind
    id: str


class Subjects:
    """Places by number and by name; `new` are those not written down yet."""

    def __init__(self, rows: Iterable[Subject] = ()) -> None:
        self._known = {row.no: row for row in rows}
        self._numbers = {(p.kind, p.id): p.no for p in self._known.values()}
        self._next = max(self._known, default=NOWHERE) + 1
        self.new: list[Subject] = []

    def number(self, kind: Kind, id_: str) -> int:
        """The number of a place; a new one is given where it has none."""
        number = self._numbers.get((kind, id_))
        if number is None:
            number = self._next
            self._next += 1
            place = Subject(number, kind, id_)
            self._known[number] = place
            self._numbers[kind, id_] = number
            self.new.append(place)
        return number

    def known(self, kind: Kind, id_: str) -> int:
        """The number of a place that has one, else NOWHERE."""
        return self._numbers.get((kind, id_), NOWHERE)

    def __getitem__(self, number: int) -> Subject:
        """The place of a number."""
        return self._known[number]

    def ids(self) -> set[str]:
        """The ids of all places."""
        return {place.id for place in self._known.values()}
