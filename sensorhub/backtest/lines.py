"""Read past uplinks from files: JSON lines or CSV of readings, also gzipped.

Lines must be in order of received_at. Faults are reported with their line.
"""

import csv
import gzip
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Annotated, BinaryIO, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensorhub.alerts.event import rfc3339
from sensorhub.errors import ConfigError, Fault
from sensorhub.model import BY_NAME, DUP, RETAIN, MeasurementKind, Message

BLOCK = 4_000_000  # bytes
ROWS = 20_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEEDED = ("asset", "measurement", "measured_at", "value")
Topic = Callable[[str, int], str | None]


class UplinkPart(NamedTuple):
    """Messages in the order received: their times (ms) and line numbers.

    `first` is each message's first line, `lines` its number of lines.
    """

    times: NDArray[np.int64]
    messages: list[Message]
    first: list[int]
    lines: list[int]


class UplinkLine(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One line of JSON; msgspec decodes base64."""

    received_at: Annotated[datetime, msgspec.Meta(tz=True)]
    topic: Annotated[str, msgspec.Meta(min_length=1)]
    payload: bytes
    retain: bool = False
    dup: bool = False
    qos: Annotated[int, msgspec.Meta(ge=0, le=2)] = 1


_decoder = msgspec.json.Decoder(UplinkLine)


def refused(name: str, line: int, what: str) -> ConfigError:
    """The error for a line that cannot be read."""
    return ConfigError([Fault(name, f"line {line}", what)])


class InOrder:
    """Checks the order of received_at, part by part."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._last = -(2**62)

    def check(self, times: NDArray[np.int64], first: list[int]) -> None:
        """Raises ConfigError with the first line that is out of order."""
        back = np.flatnonzero(np.diff(times, prepend=self._last) < 0)
        if len(back):
            at = int(back[0])
            before = int(times[at - 1]) if at else self._last
            what = f"{rfc3339(int(times[at]))} is earlier than {rfc3339(before)} before"
            raise refused(self._name, first[at], f"{what} it: sort by received_at")
        self._last = int(times[-1]) if len(times) else self._last


def opened(path: Path, raw: BinaryIO) -> BinaryIO:
    """The uncompressed bytes of an open file."""
    if path.name.endswith(".gz"):
        return gzip.GzipFile(fileobj=raw)  # type: ignore[return-value]
    return raw


def read(
    path: Path, raw: BinaryIO, topic: Topic, *, least: bool = False
) -> Generator[UplinkPart]:
    """Read a file in parts; `least`: small ones. `topic(asset, at)` is for CSV.

    Raises ConfigError with the line that cannot be read.
    """
    name = path.name.removesuffix(".gz")
    order = InOrder(str(path))
    is_csv = name.lower().endswith(".csv")
    try:
        with opened(path, raw) as file:
            parts = (
                _csv(str(path), file, topic, 1 if least else ROWS)
                if is_csv
                else _json(str(path), file, 4_096 if least else BLOCK)
            )
            for part in parts:
                order.check(part.times, part.first)
                yield part
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError([Fault(str(path), "file", str(error))]) from error


def _any_topic(asset: str, _at: int) -> str:
    return asset


def begins_at(path: Path) -> int | None:
    """The time (ms) of a file's first line; None: the file is empty."""
    with path.open("rb") as raw:
        parts = read(path, raw, _any_topic, least=True)
        with closing(parts):
            for part in parts:
                if len(part.times):
                    return int(part.times[0])
    return None


# -- JSON lines --


def _json(name: str, file: BinaryIO, size: int) -> Iterator[UplinkPart]:
    number, rest = 1, b""
    while block := file.read(size):
        block = rest + block
        end = block.rfind(b"\n") + 1
        block, rest = block[:end], block[end:]
        lines = block.count(b"\n")
        yield _part(*_decode(name, block, lines, number))
        number += lines
    if rest.strip():
        yield _part(*_decode(name, rest, 1, number))


def _decode(
    name: str, block: bytes, count: int, number: int
) -> tuple[list[UplinkLine], list[int]]:
    try:
        found = _decoder.decode_lines(block)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        found = []
    if len(found) == count:
        return found, list(range(number, number + count))
    return _decode_each(name, block, number)


def _decode_each(
    name: str, block: bytes, number: int
) -> tuple[list[UplinkLine], list[int]]:
    """The slow path: skips blank lines and reports the first invalid one."""
    found, places = [], []
    for at, line in enumerate(block.split(b"\n"), number):
        if line.strip():
            try:
                found.append(_decoder.decode(line))
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise refused(name, at, str(error)) from error
            places.append(at)
    return found, places


def _part(found: list[UplinkLine], places: list[int]) -> UplinkPart:
    times = np.array([round(x.received_at.timestamp() * 1000) for x in found], np.int64)
    messages = [
        Message(
            x.topic.encode(), x.payload, RETAIN * x.retain | x.qos << 1 | DUP * x.dup
        )
        for x in found
    ]
    return UplinkPart(times, messages, places, [1] * len(found))


# -- CSV --


class CsvReading(NamedTuple):
    """One row of CSV."""

    asset: str
    at: int
    measurement: str
    value: float


def _csv(name: str, file: BinaryIO, topic: Topic, size: int) -> Iterator[UplinkPart]:
    """Consecutive rows with the same asset and time form one uplink."""
    part = UplinkPart(np.empty(0, np.int64), [], [], [])
    times: list[int] = []
    for cells, first, lines in _together(name, file):
        asset, at = cells[0].asset, cells[0].at
        where = topic(asset, at)
        if where is None:
            what = f"no device is mounted on {asset!r} at {rfc3339(at)}"
            raise refused(name, first, f"{what}: see the register of --fleet")
        values = {cell.measurement: cell.value for cell in cells}
        body = msgspec.json.encode({"ts": at, "m": values})
        times.append(at)
        part.messages.append(Message(where.encode(), body, 2))
        part.first.append(first)
        part.lines.append(lines)
        if len(times) >= size:
            yield part._replace(times=np.array(times, np.int64))
            part, times = UplinkPart(part.times, [], [], []), []
    yield part._replace(times=np.array(times, np.int64))


def _together(name: str, file: BinaryIO) -> Iterator[tuple[list[CsvReading], int, int]]:
    """The rows of one uplink, the line of the first, and the number of lines."""
    cells: list[CsvReading] = []
    first = 0
    for number, cell in _cells(name, file):
        known = {c.measurement for c in cells}
        alike = cells and cells[0][:2] == cell[:2] and number == first + len(cells)
        if cells and not (alike and cell.measurement not in known):
            yield cells, first, len(cells)
            cells = []
        first = first if cells else number
        cells.append(cell)
    if cells:
        yield cells, first, len(cells)


def _cells(name: str, file: BinaryIO) -> Iterator[tuple[int, CsvReading]]:
    reader = csv.reader(_text(file))
    header = [column.strip().lower() for column in next(reader, [])]
    missing = [column for column in NEEDED if column not in header]
    if missing:
        what = f"no column {', '.join(missing)}; the header names {', '.join(NEEDED)}"
        raise refused(name, 1, what)
    places = [header.index(column) for column in NEEDED]
    for row in reader:
        if not any(row):
            continue
        try:
            asset, measurement, at, value = (row[place].strip() for place in places)
            cell = _cell(asset, measurement, at, value)
        except IndexError:
            raise refused(name, reader.line_num, "too few cells") from None
        except ValueError as error:
            raise refused(name, reader.line_num, str(error)) from error
        if cell is not None:
            yield reader.line_num, cell


def _text(file: BinaryIO) -> Iterator[str]:
    """Text lines, without a byte order mark."""
    for number, line in enumerate(file):
        yield line.decode("utf-8" if number else "utf-8-sig")


def _cell(asset: str, measurement: str, at: str, value: str) -> CsvReading | None:
    """A row's reading; None for an estimate, which the hub computes itself."""
    entry = BY_NAME.get(measurement)
    if entry is None:
        raise ValueError(f"no such measurement: {measurement!r}")
    number = float(value)
    if not isfinite(number):
        raise ValueError(f"value {value!r} is no number")
    when = datetime.fromisoformat(at)
    if when.tzinfo is None:
        raise ValueError(f"measured_at {at!r} has no time zone, like Z or +08:00")
    if entry.kind is MeasurementKind.ESTIMATE:
        return None
    return CsvReading(asset, round(when.timestamp() * 1000), measurement, number)
