"""The shape of the packages: few modules at the top, and one class for one name."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("sensorhub", "firmware_sim")
NO_MODULES = {"__init__", "__main__"}


@pytest.mark.parametrize(("package", "most"), [("sensorhub", 4), ("firmware_sim", 6)])
def test_few_modules_lie_at_the_top(package: str, most: int) -> None:
    names = {file.stem for file in (ROOT / package).glob("*.py")} - NO_MODULES
    assert len(names) <= most, sorted(names)


def test_no_class_name_is_used_twice() -> None:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.ClassDef):
                    found[node.name].append(str(file.relative_to(ROOT)))
    assert len(found) > 300
    assert {name: files for name, files in found.items() if len(files) > 1} == {}
