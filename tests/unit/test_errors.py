"""The error tree as drawn is the error tree as written."""

import ast
import re
from pathlib import Path

from sensorhub import errors

PACKAGE = Path(errors.__file__).parent
LINE = re.compile(r"^(?P<branch>[│ ]*[├└]── )?(?P<name>\w+)(  |$)")


def drawn() -> dict[str, str]:
    """Each drawn error with the one above it; the roots have none."""
    above: dict[int, str] = {}
    found = {}
    for line in (errors.__doc__ or "").splitlines()[2:]:
        if match := LINE.match(line):
            depth = len(match["branch"] or "") // 4
            above[depth] = match["name"]
            found[match["name"]] = above[depth - 1] if depth else ""
    return found


def written() -> dict[str, str]:
    """Each exception class of the package with its first base."""
    classes: dict[str, str] = {}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and node.bases:
                classes[node.name] = ast.unparse(node.bases[0])
    found = {"SensorhubError": "", "ValueError": ""}
    while more := {n: b for n, b in classes.items() if b in found and n not in found}:
        found |= more
    return found


def test_every_error_stands_in_the_tree() -> None:
    assert len(drawn()) > 10
    assert drawn() == written()


def test_no_error_has_another_root() -> None:
    roots = {"Exception", "RuntimeError", "OSError", "KeyError", "BaseException"}
    others = [
        node.name
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
        and node.name != "SensorhubError"
        and roots & {ast.unparse(base) for base in node.bases}
    ]
    assert others == []
