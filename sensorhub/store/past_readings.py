"""Readings wherever they are: what history keeps no more comes from elsewhere."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from sensorhub.store import Connection, history
from sensorhub.store.history import DeviceSpan
from sensorhub.store.hot.counters import kept_from
from sensorhub.store.readings import Readings


class ReadingsQuery(NamedTuple):
    """Readings of `codes` (None: all) from `since` until before `until` (ms).

    `names` has the ids of the spans' devices by number.
    """

    spans: Sequence[DeviceSpan]
    since: int
    until: int
    codes: Collection[int] | None
    names: Mapping[int, str]


ReadOlder = Callable[[ReadingsQuery], Iterator[Readings]]


def read(
    connection: Connection, asked: ReadingsQuery, older: ReadOlder | None = None
) -> Iterator[Readings]:
    """Pages by measured_at, none empty; `older` knows what history let go."""
    since, until = asked.since, asked.until
    if older is not None and since < (cut := min(kept_from(connection), until)):
        yield from older(asked._replace(until=cut))
        since = cut
    if since < until:
        yield from history.read(
            connection, spans=asked.spans, since=since, until=until, codes=asked.codes
        )
