"""A restart changes nothing: killed runs against an unkilled one, field by field."""

import os
import random
from pathlib import Path
from typing import Any

import pytest

from tests.support.happenings import FLEET, RULES, START, Act, World, do
from tests.support.stories import Story, facts

SEEDS = int(os.environ.get("RESTART_SEEDS", "4"))
ACTS = 200
HOW = ["whole"] * 8 + ["before commit", "before acknowledgement"]


def differences(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """What differs, as short as it can be said."""
    found: dict[str, Any] = {}
    for name in one.keys() | other.keys():
        a, b = one.get(name), other.get(name)
        if a == b:
            continue
        if isinstance(a, dict) and isinstance(b, dict):
            keys = [k for k in a.keys() | b.keys() if a.get(k) != b.get(k)]
            found[name] = {k: (a.get(k), b.get(k)) for k in keys[:5]}
        elif isinstance(a, list) and isinstance(b, list):
            only = [x for x in a if x not in b][:5], [x for x in b if x not in a][:5]
            found[name] = only
        else:
            found[name] = (a, b)
    return found


def settled(found: dict[str, Any]) -> dict[str, Any]:
    """Without what only the next tick brings in line: who is silent now."""
    levels = {key: v for key, v in found["levels"].items() if key[0] != "silent_device"}
    return {n: v for n, v in found.items() if n != "flagged"} | {"levels": levels}


def killed_run(folder: Path, seed: int, acts: list[Act]) -> Story:
    """The acts with kills between and within them; each is looked at at once."""
    chance = random.Random(-1 - seed)
    story = Story(folder, START, RULES, FLEET)
    for number, act in enumerate(acts):
        do(story, act, chance.choice(HOW))
        if chance.random() < 0.1:
            before = facts(story.hub)
            (story.stop if chance.random() < 0.2 else story.kill)()
            seen = differences(settled(before), settled(facts(story.hub)))
            assert not seen, f"act {number} {act[0]}: {seen}"
    return story


@pytest.mark.parametrize(
    "seed",
    [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, SEEDS))],
)
def test_a_killed_hub_ends_like_one_that_was_never_killed(
    tmp_path: Path, seed: int
) -> None:
    acts = list(World(seed).acts(ACTS))
    calm = Story(tmp_path / "calm", START, RULES, FLEET)
    for act in acts:
        do(calm, act)
    killed = killed_run(tmp_path / "killed", seed, acts)
    last = ("tick", (killed.clock.time + 1, True))
    do(calm, last)
    do(killed, last)
    assert not differences(facts(calm.hub), facts(killed.hub))
    assert not differences(calm.records(), killed.records())
    for story in (calm, killed):
        sums = story.counters()
        parts = ("uplinks_stored", "uplinks_duplicate", "uplinks_dead")
        assert sums["uplinks_received"] == sum(sums[name] for name in parts)
        assert sums["uplinks_stored"] > 100
        assert sums["transitions"] > 10
        story.hub.close()
