"""Files of tables: CSV, JSON lines, Parquet; a table at a time."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, closing
from enum import StrEnum
from typing import IO, Any, Protocol

import msgspec
import numpy as np

from sensorhub.errors import StoreError
from sensorhub.export.tables import TIMES, Columns

NUMBERS = frozenset({"value", "first", "min", "max", "mean", "last", "counted"})


class Format(StrEnum):
    """What a file looks like inside."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


class TableWriter(Protocol):
    """Takes tables until it is closed."""

    def write(self, columns: Columns) -> None:
        """Write some rows."""
        ...

    def close(self) -> None:
        """End the file."""
        ...


def _texts(times: Sequence[int]) -> list[str]:
    """RFC 3339, UTC, with ms."""
    made = np.datetime_as_string(np.array(times, "datetime64[ms]"), unit="ms")
    return [f"{text}Z" for text in made.tolist()]


def _shown(columns: Columns) -> list[Iterable[Any]]:
    return [_texts(v) if n in TIMES else v for n, v in columns.items()]


class CsvWriter:
    """Comma-separated, UTF-8, with a head line."""

    def __init__(self, file: IO[bytes], names: Sequence[str]) -> None:
        self._text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
        self._csv = csv.writer(self._text)
        self._csv.writerow(names)

    def write(self, columns: Columns) -> None:
        """Write some rows; nothing stands for what is not known."""
        self._csv.writerows(zip(*_shown(columns), strict=True))

    def close(self) -> None:
        """End; the file is its opener's."""
        self._text.detach()


class JsonlWriter:
    """One JSON object a line."""

    def __init__(self, file: IO[bytes], names: Sequence[str]) -> None:
        self._file, self._names = file, names
        self._encoder = msgspec.json.Encoder()

    def write(self, columns: Columns) -> None:
        """Write some rows."""
        rows = zip(*_shown(columns), strict=True)
        lines = (dict(zip(self._names, row, strict=True)) for row in rows)
        self._file.write(self._encoder.encode_lines(lines))

    def close(self) -> None:
        """Nothing stands at the end."""


class ParquetWriter:
    """Parquet with zstd; times are timestamps of ms in UTC."""

    def __init__(self, file: IO[bytes], names: Sequence[str]) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError as error:
            raise StoreError(
                "Parquet needs pyarrow: pip install 'sensorhub[parquet]'"
            ) from error
        self._arrow = pyarrow
        types = {name: pyarrow.string() for name in names}
        types |= {
            name: pyarrow.timestamp("ms", "UTC") for name in names if name in TIMES
        }
        types |= {name: pyarrow.float64() for name in names if name in NUMBERS}
        types |= {"count": pyarrow.int64()} if "count" in names else {}
        self._schema = pyarrow.schema(list(types.items()))
        self._writer = pyarrow.parquet.ParquetWriter(
            file, self._schema, compression="zstd"
        )

    def write(self, columns: Columns) -> None:
        """Write some rows as a row group."""
        table = self._arrow.table(columns, schema=self._schema)
        self._writer.write_table(table)

    def close(self) -> None:
        """Write the footer."""
        self._writer.close()


WRITERS: dict[Format, Callable[[IO[bytes], Sequence[str]], TableWriter]] = {
    Format.CSV: CsvWriter,
    Format.JSONL: JsonlWriter,
    Format.PARQUET: ParquetWriter,
}


def writer(
    form: Format, file: IO[bytes], names: Sequence[str]
) -> AbstractContextManager[TableWriter]:
    """A writer of a format. Raises StoreError where what it needs is missing."""
    return closing(WRITERS[form](file, names))
