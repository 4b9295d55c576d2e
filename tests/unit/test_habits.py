"""Habits of the tests: an assertion that stands only in a loop may never be reached."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
LOOPS = (ast.For, ast.AsyncFor, ast.While)
# that give something where what they are given does
KEEPING = {"enumerate", "sorted", "reversed", "zip", "pairwise", "list"}


def is_never_empty(node: ast.expr) -> bool:
    """Whether what a loop goes over is written there, and not empty."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return bool(node.elts)
    if isinstance(node, ast.Constant):
        return bool(node.value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id == "range":
            given = [eval(ast.unparse(a), {}) for a in node.args if is_fixed(a)]
            return len(given) == len(node.args) and len(range(*given)) > 0
        return node.func.id in KEEPING and all(map(is_never_empty, node.args))
    return False


def is_fixed(node: ast.expr) -> bool:
    """Whether it is a number as it stands."""
    return not any(isinstance(x, ast.Name | ast.Call) for x in ast.walk(node))


def asserts(node: ast.AST) -> bool:
    """Whether it is an assertion, or a block that has to raise."""
    if isinstance(node, ast.With):
        return any("raises" in ast.unparse(item) for item in node.items)
    return isinstance(node, ast.Assert)


def reached(node: ast.AST) -> bool:
    """Whether an assertion below is surely reached."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, LOOPS):
            sure = isinstance(child, ast.For) and is_never_empty(child.iter)
            if sure and reached(child):
                return True
        elif asserts(child) or reached(child):
            return True
    return False


def unreached(source: str) -> list[str]:
    """The tests whose assertions all stand in loops that may be over nothing."""
    return [
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
        and node.name.startswith("test_")
        and any(map(asserts, ast.walk(node)))
        and not reached(node)
    ]


@pytest.mark.parametrize(
    ("body", "fails"),
    [
        ("for x in found: assert x", True),
        ("for x in (): assert x", True),
        ("for x in range(n): assert x", True),
        ("for x in range(2): assert x", False),
        ("for x in (1, 2): assert x", False),
        ("for x in enumerate([1]): assert x", False),
        ("for x in found:\n  for y in (1, 2): assert y", True),
        ("while x: assert x", True),
        ("assert found\n for x in found: assert x", False),
        ("f()", False),
    ],
)
def test_assertions_in_loops_alone_are_seen(body: str, fails: bool) -> None:
    assert unreached(f"def test_x():\n {body}") == ["test_x"] * fails


def test_each_test_says_first_that_there_is_something_to_loop_over() -> None:
    files = sorted(TESTS.rglob("test_*.py"))
    assert len(files) > 100
    found = {
        f"{file.relative_to(TESTS)}::{name}"
        for file in files
        for name in unreached(file.read_text("utf-8"))
    }
    assert found == set()
