"""The changes of `make mutants` fit the tree: each text once, each test there."""

import ast
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests.mutants.changes import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
WHERE = "it moved or changed: bring the entry in tests/mutants/changes.py up to date"


@cache
def functions(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_a_change_fits_the_tree(mutant: Mutant) -> None:
    assert (ROOT / mutant.file).is_file(), WHERE
    text = (ROOT / mutant.file).read_text("utf-8")
    assert text.count(mutant.old) == 1, WHERE
    assert mutant.new != mutant.old
    assert mutant.tests
    for node_id in mutant.node_ids:
        file, _, name = node_id.partition("::")
        assert (ROOT / file).is_file(), WHERE
        assert name.partition("[")[0] in functions(file), WHERE


def test_no_change_is_there_twice() -> None:
    assert max(Counter(mutant.name for mutant in MUTANTS).values()) == 1
    assert len(MUTANTS) >= 30
