"""The changes of `make mutants` fit the tree: each text once, each test there."""

import ast
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from tests.mutants.changes import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]


@cache
def functions(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_a_change_fits_the_tree(mutant: Mutant) -> None:
    text = (ROOT / mutant.file).read_text("utf-8")
    assert text.count(mutant.old) == 1
    assert mutant.new != mutant.old
    assert mutant.tests
    for node_id in mutant.node_ids:
        file, _, name = node_id.partition("::")
        assert name.partition("[")[0] in functions(file)


def test_no_change_is_there_twice() -> None:
    assert max(Counter(mutant.name for mutant in MUTANTS).values()) == 1
    assert len(MUTANTS) >= 30
