"""The register in a real database: written, loaded, numbered for ever."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sensorhub.errors import ConfigError
from sensorhub.fleet import Plan
from sensorhub.store import database, migration, register
from tests.support.fleet_files import HEADER, NOW, PROFILES, mountings, rows_of

BIN = "east,park,bin-1,bin,31.2,121.5,240,1200,150,dev-1,native"
TWO = f"{HEADER},tags\n{BIN},daily street\n" + BIN.replace("-1", "-2") + ",\n"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    migration.prepare(tmp_path)
    opened = database.connect(tmp_path)
    yield opened
    opened.close()


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def take(connection: sqlite3.Connection, text: str) -> Plan:
    with transaction(connection):
        return register.import_rows(connection, rows_of(text), NOW, PROFILES)


def test_what_was_imported_is_loaded_again(connection: sqlite3.Connection) -> None:
    plan = take(connection, TWO)
    loaded = register.load(connection)
    assert tuple(loaded.assets.values()) == plan.assets
    assert tuple(loaded.mountings.values()) == plan.mountings
    assert loaded.zones["east"] == plan.zones[0]
    assert loaded.last == (2, 2, 2)


def test_the_second_import_writes_nothing(connection: sqlite3.Connection) -> None:
    take(connection, TWO)
    before = register.version(connection), connection.total_changes
    plan = take(connection, TWO)
    assert (plan.added, plan.changed) == ((), ())
    assert (register.version(connection), connection.total_changes) == before


def test_numbers_stay_and_new_ones_follow(connection: sqlite3.Connection) -> None:
    take(connection, TWO)
    take(connection, f"{HEADER}\n{BIN.replace('-1', '-3')}\n")
    take(connection, "asset,capacity_l\nbin-1,99\n")
    loaded = register.load(connection)
    assert [(a.no, a.id) for a in loaded.assets.values()] == [
        (1, "bin-1"),
        (2, "bin-2"),
        (3, "bin-3"),
    ]
    assert loaded.assets["bin-1"].capacity_l == 99
    assert loaded.last == (3, 3, 3)
    assert register.version(connection) == 3


def test_one_bad_row_keeps_the_whole_file_out(connection: sqlite3.Connection) -> None:
    bad = BIN.replace("-1", "-3").replace(",bin,", ",can,")
    with pytest.raises(ConfigError, match="line 4, column kind"):
        take(connection, f"{TWO}{bad},\n")
    assert register.load(connection).zones == {}


def test_only_what_the_rows_touch_is_loaded(connection: sqlite3.Connection) -> None:
    take(connection, TWO + BIN.replace("-1", "-3") + ",\n")
    part = register.load_named(connection, rows_of("asset,tags\nbin-2,x\n"))
    assert list(part.assets) == ["bin-2"]
    assert list(part.devices) == ["dev-2"]
    assert part.last == (3, 3, 3)


def test_a_device_elsewhere_is_seen_though_its_asset_is_not_named(
    connection: sqlite3.Connection,
) -> None:
    take(connection, TWO)
    with pytest.raises(ConfigError, match="dev-1 is mounted on bin-1 since ever"):
        take(connection, "asset,device\nbin-2,dev-1\n")


def test_a_swapped_asset_keeps_its_number_and_both_mountings(
    connection: sqlite3.Connection,
) -> None:
    take(connection, TWO)
    take(
        connection,
        "asset,device,profile,from,replaces\nbin-1,dev-9,native,2026-06-01,dev-1\n",
    )
    loaded = register.load(connection)
    assert loaded.assets["bin-1"].no == 1
    assert [row[:2] for row in mountings(loaded) if row[1] == "bin-1"] == [
        ("dev-1", "bin-1"),
        ("dev-9", "bin-1"),
    ]


def test_a_new_device_is_adopted_onto_an_asset(connection: sqlite3.Connection) -> None:
    take(connection, TWO)
    said = {"device": "new", "asset": "bin-1", "profile": "native", "from": 5}
    with transaction(connection):
        register.adopt(connection, said, NOW, PROFILES)
    assert ("new", "bin-1", 5, None) in mountings(register.load(connection))
    with pytest.raises(ConfigError, match="column asset"):
        register.adopt(connection, said | {"asset": "a b"}, NOW, PROFILES)


def test_the_registry_gets_the_interval_that_a_birth_told(
    connection: sqlite3.Connection,
) -> None:
    take(connection, TWO)
    connection.execute("INSERT INTO availability VALUES (2, 'online', '1', 600, 0)")
    assets, devices, rows = register.registry_rows(connection)
    assert [asset.tags for asset in assets] == ["daily street", ""]
    assert [device.told_interval_s for device in devices] == [None, 600]
    assert [tuple(row) for row in rows] == [(1, 1, None, None), (2, 2, None, None)]
