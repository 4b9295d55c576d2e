"""What an alert is about: an asset, a gateway, a zone, or the hub itself.

Gateways and zones share one numbering. Their numbers come from the database and are
never reused.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

GroupKind = Literal["gateway", "zone"]
SubjectKind = Literal["asset", "gateway", "zone", "hub"]
NOWHERE = 0


class Subject(NamedTuple):
    """What an alert is about; `no` is its number among its kind."""

    no: int
    kind: SubjectKind
    id: str

    @property
    def is_asset(self) -> bool:
        """Whether it is one asset."""
        return self.kind == "asset"

    @property
    def is_group(self) -> bool:
        """Whether it stands for a group of devices: a gateway or a zone."""
        return self.kind in ("gateway", "zone")


HUB = Subject(0, "hub", "hub")


class Subjects:
    """Gateways and zones by number and by name; `new` are those not stored yet."""

    def __init__(self, rows: Iterable[Subject] = ()) -> None:
        self._known = {row.no: row for row in rows}
        self._numbers = {(row.kind, row.id): row.no for row in self._known.values()}
        self._next = max(self._known, default=NOWHERE) + 1
        self.new: list[Subject] = []

    def number(self, kind: GroupKind, id_: str) -> int:
        """Return the number of a gateway or a zone; give it one where it has none."""
        number = self._numbers.get((kind, id_))
        if number is None:
            number = self._next
            self._next += 1
            subject = Subject(number, kind, id_)
            self._known[number] = subject
            self._numbers[kind, id_] = number
            self.new.append(subject)
        return number

    def known(self, kind: GroupKind, id_: str) -> int:
        """Return the number of a gateway or a zone that has one, else NOWHERE."""
        return self._numbers.get((kind, id_), NOWHERE)

    def __getitem__(self, number: int) -> Subject:
        """The gateway or the zone of a number."""
        return self._known[number]

    def ids(self) -> set[str]:
        """Return the ids of all gateways and zones."""
        return {subject.id for subject in self._known.values()}
