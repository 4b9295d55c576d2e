"""Read fleet files (CSV or TOML) into checked rows, with faults by line."""

import csv
import difflib
import io
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import tzinfo
from pathlib import Path
from typing import Any

from sensorhub.errors import ConfigError, Fault
from sensorhub.fleet.bulk import in_bulk
from sensorhub.fleet.rows import COLUMNS, FleetRows, take_row

# in a TOML table, id and name mean the columns of the table's own entity
TABLES = {
    "zones": {"id": "zone", "name": "zone_name"},
    "sites": {"id": "site", "name": "site_name"},
    "assets": {"id": "asset", "name": "asset_name"},
    "devices": {"id": "device"},
    "mountings": {},
}
_DELIMITERS = ",;\t"


def read_fleet(path: Path, timezone: tzinfo) -> FleetRows:
    """Read the rows of a .csv or .toml file; bare dates mean 00:00 in `timezone`.

    Faults of rows are part of the result; `plan` adds its own. Raises ConfigError if
    the file as a whole cannot be read.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError([Fault(str(path), "file", f"{error.strerror}")]) from error
    except UnicodeDecodeError as error:
        what = "not UTF-8; in a spreadsheet choose 'CSV UTF-8' when saving"
        raise ConfigError([Fault(str(path), f"byte {error.start}", what)]) from error
    return parse_fleet_text(text, str(path), timezone)


@in_bulk
def parse_fleet_text(text: str, name: str, timezone: tzinfo) -> FleetRows:
    """Like `read_fleet`, from text; the extension of `name` selects CSV or TOML."""
    rows = FleetRows(name, [])
    if name.lower().endswith(".toml"):
        _take_toml(rows, text, timezone)
    elif name.lower().endswith(".csv"):
        _take_csv(rows, text, timezone)
    else:
        raise ConfigError([Fault(name, "file", "has to end with .csv or .toml")])
    return rows


def _take_csv(rows: FleetRows, text: str, timezone: tzinfo) -> None:
    first = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        header = _header(rows, next(reader, []))
        while True:
            line = reader.line_num + 1
            cells = next(reader, None)
            if cells is None:
                return
            values = {
                column: cell
                for column, value in zip(header, cells, strict=False)
                if (cell := value.strip())
            }
            where = f"line {line}"
            if any(cell.strip() for cell in cells[len(header) :]) or "" in values:
                what = f"more cells than the header's {len(header)} columns"
                rows.faults.append(Fault(rows.file, where, what))
            elif values:
                take_row(rows, where, values, timezone)
    except csv.Error as error:
        raise ConfigError([Fault(rows.file, f"line {line}", str(error))]) from error


def _header(rows: FleetRows, cells: list[str]) -> list[str]:
    header = [re.sub(r"\s+", "_", cell.strip().lower()) for cell in cells]
    while header and not header[-1]:
        header.pop()
    faults = []
    for column in dict.fromkeys(header):
        where = f"line 1, column {column}"
        if column not in COLUMNS:
            faults.append(Fault(rows.file, where, _unknown(column, COLUMNS)))
        elif header.count(column) > 1:
            faults.append(Fault(rows.file, where, "stands there more than once"))
    if not header:
        what = "no header; the first line names the columns, e.g. zone,site,asset,kind"
        faults.append(Fault(rows.file, "line 1", what))
    if faults:
        raise ConfigError(faults)
    return header


def _unknown(word: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
    return f"unknown; {hint}"


def _take_toml(rows: FleetRows, text: str, timezone: tzinfo) -> None:
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([Fault(rows.file, "syntax", str(error))]) from error
    for table, entries in tables.items():
        if table not in TABLES:
            fault = Fault(rows.file, f"table {table}", _unknown(table, TABLES))
            rows.faults.append(fault)
        elif not isinstance(entries, list) or not all(
            isinstance(entry, dict) for entry in entries
        ):
            what = f"write [[{table}]] above each entry"
            rows.faults.append(Fault(rows.file, f"table {table}", what))
        else:
            lines = _lines(text, table)
            for number, entry in enumerate(entries, 1):
                line = next(lines, None)
                at = f"line {line}" if line else f"number {number}"
                _take_entry(rows, f"[[{table}]] {at}", table, entry, timezone)


def _lines(text: str, table: str) -> Iterator[int]:
    """The line numbers of the table headings."""
    heading = re.compile(rf"\s*\[\[\s*{table}\s*\]\]")
    for number, line in enumerate(text.split("\n"), 1):
        if heading.match(line):
            yield number


def _take_entry(
    rows: FleetRows, where: str, table: str, entry: dict[str, Any], timezone: tzinfo
) -> None:
    own = TABLES[table]
    values: dict[str, Any] = {}
    for key, value in entry.items():
        column = own.get(key, key)
        if column not in COLUMNS:
            what = _unknown(key, {**own, **COLUMNS})
            rows.faults.append(Fault(rows.file, f"{where}, key {key}", what))
        elif column in values:
            what = f"{column} is said twice"
            rows.faults.append(Fault(rows.file, f"{where}, key {key}", what))
        else:
            values[column] = value.strip() if isinstance(value, str) else value
    needed = own.get("id", "device")
    if needed not in values:
        what = f"{'id' if own else 'device'} is missing"
        rows.faults.append(Fault(rows.file, where, what))
    else:
        take_row(rows, where, values, timezone)
