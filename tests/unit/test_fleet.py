"""The fleet file: what it may say, what it changes, what is refused."""

from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from sensorhub.errors import ConfigError
from sensorhub.fleet import (
    FleetRows,
    Plan,
    parse_fleet_text,
    read_fleet,
)
from sensorhub.fleet.times import format_time, parse_time
from tests.support.fleet_files import (
    HEADER,
    imported,
    mountings,
    planned,
    rows_of,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
BIN = "east,park,bin-1,bin,31.2,121.5,240,1200,150,dev-1,native"


def refused(plan: Plan) -> list[str]:
    return [str(fault) for fault in plan.refused]


def test_a_csv_row_registers_zone_site_asset_device_and_mounting() -> None:
    register = imported(f"{HEADER}\n{BIN}\n")
    asset = register.assets["bin-1"]
    assert (asset.zone, asset.site, asset.kind) == ("east", "park", "bin")
    assert (asset.latitude, asset.capacity_l, asset.full_mm) == (31.2, 240, 150)
    assert register.zones["east"].name == "east"
    assert register.sites["park"].zone == "east"
    assert register.devices["dev-1"].profile == "native"
    assert mountings(register) == [("dev-1", "bin-1", None, None)]


def test_a_second_import_adds_and_changes_nothing() -> None:
    text = f"{HEADER}\n{BIN}\n"
    register = imported(text)
    again = planned(text, register)
    assert (again.added, again.changed, again.refused) == ((), (), ())
    assert again.unchanged == 5


def test_columns_may_stand_in_any_order_with_bom_and_semicolons(
    tmp_path: Path,
) -> None:
    names = HEADER.split(",")[::-1]
    cells = BIN.split(",")[::-1]
    path = tmp_path / "fleet.csv"
    text = "\r\n".join((";".join(names), ";".join(cells), ";;;;"))
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    rows = read_fleet(path, SHANGHAI)
    assert rows.faults == []
    assert rows.rows == rows_of(f"{HEADER}\n{BIN}\n").rows


def test_toml_says_the_same_in_tables_or_inline() -> None:
    tables = """
        [[mountings]]
        device = "dev-1"
        asset = "bin-1"
        [[zones]]
        id = "east"
        crew = "早班"
        [[sites]]
        id = "park"
        zone = "east"
        [[assets]]
        id = "bin-1"
        kind = "bin"
        site = "park"
        tags = ["street", "daily"]
        [[devices]]
        id = "dev-1"
        profile = "native"
    """
    inline = """
        [[assets]]
        id = "bin-1"
        kind = "bin"
        site = "park"
        zone = "east"
        crew = "早班"
        tags = "street daily"
        device = "dev-1"
        profile = "native"
    """
    register = imported(tables, "fleet.toml")
    assert register.assets["bin-1"].tags == "daily street"
    assert register.zones["east"].crew == "早班"
    assert register == imported(inline, "fleet.toml")


@pytest.mark.parametrize(
    ("column", "value", "word"),
    [
        ("kind", "trash", "Input should be 'bin'"),
        ("latitude", "91", "less than or equal to 90"),
        ("latitude", "nan", "finite"),
        ("longitude", "-181", "greater than or equal to -180"),
        ("zone", "alerts", "reserved"),
        ("asset", "bin 1", "an id is"),
        ("site", "_x", "an id is"),
        ("capacity_l", "0", "greater than 0"),
        ("profile", "nativ", "did you mean native?"),
        ("empty_mm", "100", "more than full_mm (150)"),
        ("full_mm", "", "set both or none"),
        ("longitude", "", "set both or none"),
        ("kind", "", "say its kind"),
        ("site", "", "say its site"),
        ("kind", "-", "cannot be cleared"),
    ],
)
def test_a_wrong_cell_is_refused_by_line_and_column(
    column: str, value: str, word: str
) -> None:
    cells = dict(zip(HEADER.split(","), BIN.split(","), strict=True))
    cells[column] = value
    plan = planned(f"{HEADER}\n\n{','.join(cells.values())}\n")
    assert plan.refused, "accepted"
    fault = plan.refused[0]
    assert (fault.file, fault.where) == ("fleet.csv", f"line 3, column {column}")
    assert word in fault.what
    with pytest.raises(ConfigError):
        plan.check()


@pytest.mark.parametrize(
    ("column", "value", "word"),
    [
        ("from", "2026-01-01T08:00:00", "offset"),
        ("from", "2026-02-30", "no such time"),
        ("from", "2026-02-28T24:00:00Z", "no such time"),
        ("until", "yesterday", "not a time"),
        ("out_until", "2026-01-01", "out_from"),
        ("interval_s", "-5", "greater than 0"),
        ("replaces", "dev-0", "needs from"),
        ("asset_name", "a\x00b", "control characters"),
    ],
)
def test_a_wrong_optional_cell_is_refused(column: str, value: str, word: str) -> None:
    plan = planned(f"{HEADER},{column}\n{BIN},{value}\n")
    assert [fault.where for fault in plan.refused] == [f"line 2, column {column}"]
    assert word in plan.refused[0].what


def test_every_fault_of_a_file_is_told_in_the_order_of_its_lines() -> None:
    other = BIN.replace("east", "west").replace("bin-1", "bin-2")
    bad = other.replace("bin-2", "bin-3").replace(",bin,", ",can,")
    plan = planned(f"{HEADER}\n{BIN}\n{other}\n{bad}\n")
    assert [fault.where for fault in plan.refused] == [
        "line 3, column zone",
        "line 3, column device",
        "line 4, column kind",
    ]


def test_a_site_belongs_to_one_zone() -> None:
    register = imported(f"{HEADER}\n{BIN}\n")
    row = BIN.replace("east", "west").replace("bin-1", "b2").replace("dev-1", "d2")
    plan = planned(f"{HEADER}\n{row}\n", register)
    assert refused(plan) == [
        "fleet.csv: line 2, column zone: site park belongs to zone east, not west;"
        " a site belongs to one zone"
    ]


def test_rows_that_contradict_each_other_are_refused() -> None:
    other = BIN.replace(",240,", ",120,").replace("dev-1", "dev-2")
    plan = planned(f"{HEADER}\n{BIN}\n{other}\n")
    assert refused(plan) == [
        "fleet.csv: line 3, column capacity_l: says 120.0 of asset bin-1, but line 2"
        " says 240.0"
    ]


def test_an_unknown_column_is_refused_with_what_was_meant() -> None:
    with pytest.raises(ConfigError, match=r"column lattitude.*did you mean latitude"):
        rows_of("zone,lattitude\neast,3\n")
    rows = parse_fleet_text('[[assets]]\nid="a"\nlat=3\n', "f.toml", UTC)
    assert "[[assets]] line 1, key lat" in str(rows.faults[0])


@pytest.mark.parametrize(
    ("name", "data", "word"),
    [
        ("a.csv", "zone,site\n\xd6\xd0".encode("latin-1"), "not UTF-8"),
        ("a.csv", b"", "no header"),
        ("a.csv", b'zone,site\n"east,park\n', "line 2"),
        ("a.csv", b"zone,zone\n", "more than once"),
        ("a.toml", b"[[zones]\n", "syntax"),
        ("a.xlsx", b"PK", ".csv or .toml"),
    ],
)
def test_an_unreadable_file_says_why(
    tmp_path: Path, name: str, data: bytes, word: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ConfigError, match=word):
        read_fleet(tmp_path / name, SHANGHAI)
    with pytest.raises(ConfigError, match="No such file"):
        read_fleet(tmp_path / "missing.csv", SHANGHAI)


def test_a_row_with_too_many_cells_is_refused() -> None:
    plan = planned(f"{HEADER}\n{BIN},x\n")
    assert "more cells" in refused(plan)[0]


def test_a_dev_eui_is_kept_in_lower_case_hex_but_native_ids_as_they_are() -> None:
    text = f"{HEADER}\n{BIN}\n"
    lora = text.replace("dev-1", "24:E1:24:71:3C:00:00:01").replace("native", "lora")
    assert list(imported(lora).devices) == ["24e124713c000001"]
    assert planned(lora.replace(":", "-"), imported(lora)).added == ()
    native = text.replace("dev-1", "24E124713C000001")
    assert list(imported(native).devices) == ["24E124713C000001"]


def test_rows_survive_json() -> None:
    rows = rows_of(f"{HEADER},from,tags,retired\n{BIN},2026-01-01,a b,yes\n")
    assert FleetRows.from_json(rows.to_json()) == rows
    with pytest.raises(ConfigError):
        rows_of(f"{HEADER}\n{BIN.replace('31.2', 'x')}\n").to_json()


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-03-01", "2026-02-28T16:00:00Z"),
        ("2026/3/1", "2026-02-28T16:00:00Z"),
        ("2026-03-01T08:00:00.250+08:00", "2026-03-01T00:00:00.250Z"),
        ("2026-03-01 08:00Z", "2026-03-01T08:00:00Z"),
    ],
)
def test_times_are_rfc_3339_or_a_date_in_the_towns_zone(text: str, utc: str) -> None:
    assert format_time(parse_time(text, SHANGHAI)) == utc


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("1200:0", "1 points"),
        ("1200:0 700", "700: mm:litres is expected"),
        ("1200:0 700:90 150:80", "150 mm has less volume (80) than 700 mm (90)"),
    ],
)
def test_an_unsound_table_is_refused_by_line_and_column(value: str, word: str) -> None:
    cells = dict(zip(HEADER.split(","), BIN.split(","), strict=True))
    cells["volumes"] = value
    (fault,) = planned(f"{','.join(cells)}\n{','.join(cells.values())}\n").refused
    assert fault.where == "line 2, column volumes"
    assert word in fault.what


def test_a_table_is_text_or_pairs_in_toml_and_is_kept_from_empty_to_full() -> None:
    bin_ = '[[assets]]\nid = "b"\nkind = "bin"\nsite = "s"\nzone = "z"\n'
    pairs = imported(bin_ + "volumes = [[150, 240], [1200, 0]]\n", "fleet.toml")
    text = imported(bin_ + 'volumes = "150:240.0 1200:0"\n', "fleet.toml")
    assert pairs.assets["b"].volumes == text.assets["b"].volumes == "1200:0 150:240"
    wrong = planned(bin_ + "volumes = [[150]]\n", name="fleet.toml")
    assert "list of [mm, litres]" in wrong.refused[0].what
