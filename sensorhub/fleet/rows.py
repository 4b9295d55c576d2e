"""One row of a fleet file: its columns, their checks, its faults."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, tzinfo
from functools import lru_cache
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, ValidationError

from sensorhub.config.schema import Strict, explain
from sensorhub.errors import ConfigError, Fault
from sensorhub.fleet.bulk import in_bulk
from sensorhub.fleet.times import parse_time
from sensorhub.model import BY_NAME, RESERVED_ZONES, AssetKind, is_id
from sensorhub.registry.geometry import parse_table, table_text

CLEAR = "-"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
is_eui = re.compile(r"(?:[0-9A-Fa-f]{2}[-:]?){7}[0-9A-Fa-f]{2}").fullmatch
_TAG_BREAK = re.compile(r"[\s;,；，、]+")
_RANGE = BY_NAME["distance"]


def _id(text: str) -> str:
    if not is_id(text):
        raise ValueError("an id is 1 to 64 of A-Z a-z 0-9 _ -, not beginning with _ -")
    return text


def _device(text: str) -> str:
    return text if is_eui(text) else _id(text)


def _zone(text: str) -> str:
    if text in RESERVED_ZONES:
        words = ", ".join(sorted(RESERVED_ZONES))
        raise ValueError(f"reserved for the hub's own topics: {words}")
    return text


def _text(value: object) -> object:
    return " ".join(value.split()) if isinstance(value, str) else value


def _plain(text: str) -> str:
    if text == CLEAR or _CONTROL.search(text):
        raise ValueError(f"neither control characters nor a lone {CLEAR} can be text")
    return text


def _tags(value: object) -> object:
    if isinstance(value, list) and all(isinstance(tag, str) for tag in value):
        value = " ".join(value)
    if not isinstance(value, str):
        raise ValueError("tags are words with spaces between, or a list of words")
    return " ".join(sorted(set(_TAG_BREAK.split(value)) - {"", CLEAR}))


def _volumes(value: object) -> object:
    """A table of distance and volume, as text or as a list of pairs."""
    if isinstance(value, str):
        table = parse_table(value)
    elif isinstance(value, list) and all(map(_is_point, value)):
        table = parse_table(" ".join(f"{mm}:{litres}" for mm, litres in value))
    else:
        raise ValueError('a table is text, "1200:0 700:90", or a list of [mm, litres]')
    return table_text(table)


def _is_point(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(type(number) in (int, float) for number in value)
    )


Id = Annotated[str, AfterValidator(_id)]
DeviceId = Annotated[str, AfterValidator(_device)]
Text = Annotated[
    str, BeforeValidator(_text), AfterValidator(_plain), Field(max_length=200)
]
Distance = Annotated[float, Field(ge=_RANGE.low, le=_RANGE.high, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class FleetColumns(Strict):
    """Every column of a fleet file. All are optional; times are epoch ms.

    A new column: here, in OWNER (and TIMES, if it is one) and in `nouns.py`; its SQL in
    `store/register.py` in the same order; a migration, and its number as REVISION in
    `store/database.py`, then `make schema`; the table of docs/register.md. The other
    files of this package are generic. If the running hub needs it, also `AssetRow` in
    `registry/registry.py` and `registry_rows` in `store/register.py`.
    """

    model_config = ConfigDict(use_enum_values=True)

    zone: Annotated[Id, AfterValidator(_zone)] = ""
    zone_name: Text = ""
    crew: Text = ""
    contractor: Text = ""
    contact: Text = ""
    site: Id = ""
    site_name: Text = ""
    asset: Id = ""
    asset_name: Text = ""
    kind: AssetKind | None = None
    latitude: float | None = Field(None, ge=-90, le=90, allow_inf_nan=False)
    longitude: float | None = Field(None, ge=-180, le=180, allow_inf_nan=False)
    capacity_l: Positive | None = None
    empty_mm: Distance | None = None
    full_mm: Distance | None = None
    volumes: Annotated[str, BeforeValidator(_volumes)] = ""
    tags: Annotated[str, BeforeValidator(_tags), AfterValidator(_plain)] = ""
    out_from: int | None = None
    out_until: int | None = None
    out_reason: Text = ""
    retired: int | Literal["now"] | None = None
    device: DeviceId = ""
    profile: Text = ""
    interval_s: Positive | None = None
    from_: int | None = Field(None, alias="from")
    until: int | None = None
    replaces: DeviceId = ""


COLUMNS: dict[str, Any] = {
    info.alias or name: info.default for name, info in FleetColumns.model_fields.items()
}
TIMES = frozenset({"out_from", "out_until", "retired", "from", "until"})
MOUNTING = frozenset({"from", "until", "replaces"})
FIXED = frozenset(
    {"zone", "site", "asset", "kind", "device", "profile", "replaces"}
)  # identifying columns: cannot be cleared
OWNER = {
    **dict.fromkeys(("zone_name", "crew", "contractor", "contact"), "zone"),
    "site_name": "site",
    **dict.fromkeys(("asset_name", "kind", "latitude", "longitude"), "asset"),
    **dict.fromkeys(("capacity_l", "empty_mm", "full_mm", "tags"), "asset"),
    "volumes": "asset",
    **dict.fromkeys(("out_from", "out_until", "out_reason", "retired"), "asset"),
    **dict.fromkeys(("profile", "interval_s", "from", "until", "replaces"), "device"),
}


class Row(NamedTuple):
    """The values of one row by column, and its position: "line 7"."""

    where: str
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FleetRows:
    """A whole file: its valid rows, and the faults of the others."""

    file: str
    rows: list[Row]
    faults: list[Fault] = field(default_factory=list)

    def to_json(self) -> str:
        """Encode for the commands table. Raises ConfigError if a row has faults."""
        if self.faults:
            raise ConfigError(self.faults)
        return msgspec.json.encode((self.file, self.rows)).decode()

    @classmethod
    @in_bulk
    def from_json(cls, text: str) -> "FleetRows":
        """Decode the rows that `to_json` wrote."""
        file, rows = msgspec.json.decode(text, type=tuple[str, list[Row]])
        return cls(file, rows)


def one_row(
    values: Mapping[str, Any], where: str = "command", timezone: tzinfo = UTC
) -> FleetRows:
    """A single row that does not come from a file; times as text or epoch ms."""
    rows = FleetRows(where, [])
    take_row(rows, "row 1", values, timezone)
    return rows


def take_row(
    rows: FleetRows, where: str, cells: Mapping[str, Any], timezone: tzinfo
) -> None:
    """Check the non-blank cells of a row; add the row or its faults."""
    faults: list[Fault] = []

    def fault(column: str, what: str) -> None:
        faults.append(Fault(rows.file, f"{where}, column {column}", what))

    for column, what in _columns_without_entity(tuple(cells)):
        fault(column, what)
    given, cleared = _prepare(cells, timezone, fault)
    try:
        values = FleetColumns.model_validate(given).model_dump(
            exclude_unset=True, by_alias=True
        )
    except ValidationError as error:
        for item in explain(error, rows.file):
            fault(item.where.partition(".")[0], item.what)
    if faults:
        rows.faults.extend(faults)
    else:
        values.update((column, COLUMNS[column]) for column in cleared)
        rows.rows.append(Row(where, values))


@lru_cache(maxsize=1024)
def _columns_without_entity(columns: tuple[str, ...]) -> list[tuple[str, str]]:
    """Columns about an entity that the row does not name, with the reason."""
    faults = []
    for column in columns:
        owner = OWNER.get(column)
        if owner and owner not in columns:
            what = f"says something of the {owner}, but {owner} is empty"
            faults.append((column, what))
        elif column in MOUNTING and "asset" not in columns:
            faults.append((column, "is about a mounting, but asset is empty"))
    return faults


def _prepare(
    cells: Mapping[str, Any], timezone: tzinfo, fault: Callable[[str, str], None]
) -> tuple[dict[str, Any], list[str]]:
    """Cells with times as ms, and the columns to clear."""
    given = dict(cells)
    word = str(given.get("retired", "")).lower()
    if word in {"yes", "true", "no", "false"}:
        given["retired"] = "now" if word in {"yes", "true"} else CLEAR
    cleared = [column for column, value in given.items() if value == CLEAR]
    for column in cleared:
        del given[column]
        if column in FIXED:
            fault(column, f"cannot be cleared with {CLEAR}")
    for column in given.keys() & TIMES:
        try:
            given[column] = _moment(given[column], timezone)
        except ValueError as error:
            del given[column]
            fault(column, str(error))
    return given, cleared


def _moment(value: object, timezone: tzinfo) -> object:
    if isinstance(value, str) and value != "now":
        return parse_time(value, timezone)
    if isinstance(value, date):
        return parse_time(value.isoformat(), timezone)
    return value
