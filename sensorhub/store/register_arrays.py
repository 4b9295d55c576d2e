"""Tables of the register as columns: one text a column, where rows would take long."""

import numpy as np
from numpy.typing import NDArray

from sensorhub.store import Connection
from sensorhub.store.database import column_texts

Numbers = NDArray[np.int64]


def assets(connection: Connection) -> tuple[Numbers, list[str], list[str]]:
    """Number, id and zone of every asset; neither has a comma in it."""
    no, ids, zones = column_texts(connection, "assets", ("no", "id", "zone"))
    return _numbers(no), _words(ids), _words(zones)


def mountings(connection: Connection, since_ever: int) -> Numbers:
    """Rows of device, asset, from and until (ms), by asset, then device.

    Where no time is given, from is `since_ever` and until its opposite.
    """
    columns = column_texts(connection, "mountings", ("no", "device", "asset"))
    no, device, asset = (_numbers(column) for column in columns)
    found = np.empty((len(no), 4), np.int64)
    found[:, 0], found[:, 1] = device, asset
    found[:, 2], found[:, 3] = since_ever, -since_ever
    place = np.empty(int(no.max(initial=0)) + 1, np.int64)
    place[no] = np.arange(len(no))
    for number, since, until in connection.execute(
        "SELECT no, coalesce(from_at, ?), coalesce(until_at, ?) FROM mountings"
        " WHERE from_at IS NOT NULL OR until_at IS NOT NULL",
        (since_ever, -since_ever),
    ):
        found[place[number], 2:] = since, until
    order: Numbers = np.lexsort((device, asset))
    return found[order]


def _words(text: str | None) -> list[str]:
    return text.split(",") if text else []


def _numbers(text: str | None) -> Numbers:
    return np.fromstring(text, np.int64, sep=",") if text else np.empty(0, np.int64)
