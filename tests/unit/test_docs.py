"""Docs that come from the code are what the code says now."""

import ast
import importlib
import importlib.util
import re
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

import pytest

from sensorhub.config.settings import Settings, load_settings
from sensorhub.decode.envelopes import unwrapper
from sensorhub.fleet import Register, parse_fleet_text, plan, read_fleet
from sensorhub.fleet.rows import COLUMNS

ROOT = Path(__file__).parents[2]


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs/generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", sorted(generator().PAGES))
def test_a_generated_page_is_up_to_date(name: str) -> None:
    on_disk = (ROOT / "docs" / name).read_text("utf-8")
    assert on_disk == generator().PAGES[name](), "stale: run `make docs`"


def test_the_shipped_settings_are_the_defaults() -> None:
    assert load_settings(ROOT / "config", {}) == Settings()


SECTIONS = re.findall(
    r"^## .*?```toml\n(.*?)```\n(.*?)(?=^## |\\Z)",
    (ROOT / "docs" / "settings.md").read_text("utf-8"),
    re.DOTALL | re.MULTILINE,
)


def test_the_settings_page_has_sections() -> None:
    assert len(SECTIONS) > 10


@pytest.mark.parametrize(
    ("example", "table"), SECTIONS, ids=lambda text: text.split("\n", 1)[0]
)
def test_an_example_of_settings_loads_and_shows_each_key(
    example: str, table: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()  # files that settings name must exist
    here = re.sub(r'_file = "/[^"]*"', f'_file = "{tmp_path / "file"}"', example)
    (tmp_path / "sensorhub.toml").write_text(here, "utf-8")
    assert load_settings(tmp_path, {}) != Settings()
    keys = [key.rpartition(".")[2] for key in re.findall(r"^\| `(.*?)`", table, re.M)]
    assert keys
    assert [key for key in keys if not re.search(rf"\b{key}\b", example)] == []


def test_the_shipped_fleet_registers_nothing() -> None:
    rows = read_fleet(ROOT / "config" / "fleet.toml", ZoneInfo("Asia/Shanghai"))
    assert (rows.rows, rows.faults) == ([], [])


def test_the_register_page_explains_every_column() -> None:
    text = (ROOT / "docs" / "register.md").read_text("utf-8")
    assert [column for column in COLUMNS if f"| `{column}`" not in text] == []


def test_the_examples_of_the_wire_page_are_read_as_it_says(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "wire.md").read_text("utf-8")
    pairs = re.findall(r"```toml\n(.*?)```\n\n```json\n(.*?)```", text, re.DOTALL)
    topics = {
        "home/+/state": "home/bin-7/state",
        "gateway/+/values": "gateway/g1/values",
    }
    found = {}
    for toml, message in pairs:
        (tmp_path / "sensorhub.toml").write_text(toml, "utf-8")
        (setting,) = load_settings(tmp_path, {}).mqtt.topics
        unwrap = unwrapper(setting.kind, setting.layout)
        topic = topics.get(setting.filter, setting.filter)
        (envelope,) = unwrap(topic, message.encode(), 0)
        values = {field.name: field.value for field in envelope.fields}
        found[setting.filter] = (envelope.device, values, envelope.payload)
    frame = bytes.fromhex("01755c04826901050000")
    said = {"distance": 700, "battery": 91, "lid_open": 0}
    assert found == {
        "senml/#": ("10e2073a01080063", said, None),
        "home/+/state": ("bin-7", {"distance": 315, "battery": 91}, None),
        "operator/uplinks": ("24e124713c000001", {}, frame),
        "gateway/+/values": ("g1", {"distance": 315}, None),
    }


@pytest.mark.parametrize("form", ["csv", "toml"])
def test_the_examples_of_the_register_page_can_be_imported(form: str) -> None:
    text = (ROOT / "docs" / "register.md").read_text("utf-8")
    register = Register()
    blocks = [block.partition("```")[0] for block in text.split(f"```{form}\n")[1:]]
    assert blocks
    profiles = {"native", "milesight-em400-tld"}
    rows = parse_fleet_text(blocks[0], f"fleet.{form}", ZoneInfo("Asia/Shanghai"))
    assert plan(rows, register, 0, profiles).refused == ()


GLOSSARY = [
    [cell.strip() for cell in row.strip("|").split("|")]
    for row in (ROOT / "docs" / "glossary.md").read_text("utf-8").splitlines()
    if row.startswith("| ") and not row.startswith("| word")
]
CODE = [name for row in GLOSSARY for name in re.findall(r"`([\w.]+)`", row[2])]
AVOIDED = {name for row in GLOSSARY for name in re.findall(r"`(\w+)`", row[3])}


def test_the_glossary_has_rows() -> None:
    assert len(CODE) > 50
    assert len(AVOIDED) > 15


@pytest.mark.parametrize("name", sorted(set(CODE)))
def test_a_name_of_the_glossary_exists(name: str) -> None:
    module, _, member = name.rpartition(".")
    assert hasattr(importlib.import_module(f"sensorhub.{module}"), member)


def test_no_class_or_function_has_a_name_that_the_glossary_avoids() -> None:
    found = {
        node.name
        for package in ("sensorhub", "firmware_sim")
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef | ast.FunctionDef)
    }
    assert found
    assert found & AVOIDED == set()


def test_the_files_that_the_architecture_page_names_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    names = set(re.findall(r"`([\w/]+/(?:\w+\.py)?)`", text))
    assert len(names) > 20
    packages = [ROOT, ROOT / "sensorhub", ROOT / "firmware_sim"]
    missing = [n for n in names if not any((root / n).exists() for root in packages)]
    assert missing == []


def test_no_table_cell_is_longer_than_120_characters() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    cells = [
        f"{page.name}: {cell.strip()}"
        for page in pages
        for row in page.read_text("utf-8").splitlines()
        if row.startswith("|")
        for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))
        if len(cell.strip()) > 120
    ]
    assert cells == []
