"""Docs that come from the code are what the code says now."""

import importlib.util
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

import pytest

from sensorhub.config import Settings, load_settings
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


def test_the_shipped_fleet_registers_nothing() -> None:
    rows = read_fleet(ROOT / "config" / "fleet.toml", ZoneInfo("Asia/Shanghai"))
    assert (rows.rows, rows.faults) == ([], [])


def test_the_register_page_explains_every_column() -> None:
    text = (ROOT / "docs" / "register.md").read_text("utf-8")
    assert [column for column in COLUMNS if f"| `{column}`" not in text] == []


@pytest.mark.parametrize("form", ["csv", "toml"])
def test_the_examples_of_the_register_page_can_be_imported(form: str) -> None:
    text = (ROOT / "docs" / "register.md").read_text("utf-8")
    register = Register()
    blocks = [block.partition("```")[0] for block in text.split(f"```{form}\n")[1:]]
    assert blocks
    profiles = {"native", "milesight-em400-tld"}
    rows = parse_fleet_text(blocks[0], f"fleet.{form}", ZoneInfo("Asia/Shanghai"))
    assert plan(rows, register, 0, profiles).refused == ()
