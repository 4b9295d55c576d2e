"""How values get into SQL: by name or in order, which every Python binds."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NUMBERED = re.compile(r"\?\d")


def numbered(source: str) -> list[int]:
    """Lines of strings with numbered parameters of SQL in them."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and NUMBERED.search(node.value)
    ]


@pytest.mark.parametrize(
    "text",
    [
        'f"SELECT 1 FROM {table} WHERE at < ?1"',
        'Kind("commands", "applied_at < ?1")',
        '("INSERT INTO t"\n" VALUES (?1, ?1)")',
    ],
)
def test_numbered_parameters_are_seen(text: str) -> None:
    assert numbered(text) == [1]
    assert numbered(text.replace("?1", ":at")) == []
    assert numbered(text.replace("?1", "?")) == []


@pytest.mark.parametrize("folder", ["sensorhub", "firmware_sim", "tests/support"])
def test_no_statement_numbers_its_parameters(folder: str) -> None:
    """Some releases of Python 3.12 warn where they are bound to a sequence."""
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line in numbered(path.read_text("utf-8"))
    ]
    assert found == []


STATEMENT = re.compile(
    r"\s*(SELECT|INSERT|UPDATE|DELETE|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|PRAGMA|CREATE"
    r"|DROP|ALTER|VACUUM|ATTACH|WITH)\b"
)
INFLUXQL = {"sensorhub/forward/influx_reader.py"}  # a language of its own


def statements(source: str) -> list[int]:
    """Lines with SQL text, or with a call that runs some."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and STATEMENT.match(node.value)
        )
        or (
            isinstance(node, ast.Attribute)
            and node.attr in ("execute", "executemany", "executescript")
        )
    ]


@pytest.mark.parametrize(
    "text",
    [
        'query = "SELECT no FROM assets"',
        'query = f"DELETE FROM {table}"',
        "connection.execute(query)",
        "run = connection.executemany",
        "connection.execute('BEGIN')",
    ],
)
def test_sql_is_seen(text: str) -> None:
    assert set(statements(text)) == {1}


@pytest.mark.parametrize("text", ['"Select a device"', "task.executor()", '"BEGINS"'])
def test_what_is_no_sql_is_left_alone(text: str) -> None:
    assert statements(text) == []


def test_sql_stands_only_in_the_store() -> None:
    found = [
        f"{name}:{line}"
        for path in sorted((ROOT / "sensorhub").rglob("*.py"))
        if not (name := path.relative_to(ROOT).as_posix()).startswith(
            "sensorhub/store/"
        )
        and name not in INFLUXQL
        for line in statements(path.read_text("utf-8"))
    ]
    assert found == []


SQLITE_ONLY = re.compile(
    r"INSERT OR |REPLACE INTO|PRAGMA|VACUUM|sqlite_|data_version|\browid\b|INDEXED BY"
    r"|WITHOUT ROWID|AUTOINCREMENT|group_concat|json_each|BEGIN IMMEDIATE|GLOB"
    r"|\b(max|min)\([^()]*,"
)


def dialect(source: str) -> list[int]:
    """Lines with SQL that only SQLite knows."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and SQLITE_ONLY.search(node.value)
        )
        or (isinstance(node, ast.Attribute) and node.attr == "lastrowid")
    ]


@pytest.mark.parametrize(
    "text",
    [
        '"INSERT OR REPLACE INTO t VALUES (1)"',
        'f"PRAGMA {name}"',
        '"SELECT max(1, coalesce(id, 0)) FROM t"',
        "cursor.lastrowid",
    ],
)
def test_what_only_sqlite_knows_is_seen(text: str) -> None:
    assert dialect(text) == [1]


def test_only_the_hot_tables_and_database_py_know_sqlite() -> None:
    store = ROOT / "sensorhub" / "store"
    found = [
        f"{name}:{line}"
        for path in sorted(store.rglob("*.py"))
        if not (name := path.relative_to(store).as_posix()).startswith(
            ("hot/", "migrations/")
        )
        and name != "database.py"
        for line in dialect(path.read_text("utf-8"))
    ]
    assert found == []
