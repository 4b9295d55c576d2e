"""Labels of a simulated trace joined with a hub's ledger, line for line."""

import json
from base64 import b64decode
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from firmware_sim.output.trace import write_trace
from firmware_sim.scenario import load

Row = dict[str, Any]


class End(NamedTuple):
    """How an uplink has to end, or did."""

    outcome: str
    reason: str | None


class Came(NamedTuple):
    """One message of a trace; `retained`: the broker has it before the hub comes."""

    topic: str
    payload: bytes
    retained: bool

    @property
    def key(self) -> tuple[str, str]:
        """What a live ledger knows it by."""
        return self.topic, sha256(self.payload).hexdigest()


STORED = End("stored", None)


@dataclass(frozen=True)
class Town:
    """What was delivered, in order, and how each line must end."""

    folder: Path
    came: list[Came]
    expected: list[End]

    def by_outcome(self) -> Counter[str]:
        """How many lines must end how."""
        return Counter(end.outcome for end in self.expected)


def rows(file: Path) -> list[Row]:
    """The objects of a file of JSON lines."""
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def town(name: str, seed: int, folder: Path, told: Mapping[str, float]) -> Town:
    """A small town's trace with the truth about each of its lines."""
    write_trace(name, load(name, dict(told)), seed, folder)
    came = [
        Came(row["topic"], b64decode(row["payload"]), bool(row.get("retain")))
        for row in rows(folder / "uplinks.jsonl")
    ]
    expected = [STORED] * len(came)
    for label in rows(folder / "labels.jsonl"):
        if label["label"] == "copy":
            expected[label["line"] - 1] = End(label["expect"], label.get("reason"))
    return Town(folder, came, expected)


def differing(town: Town, found: list[End]) -> list[tuple[int, End, End]]:
    """Lines that ended in another way than they must: line, must, did.

    A label need not name the reason of a duplicate.
    """
    assert len(found) == len(town.expected)
    return [
        (line, must, did)
        for line, (must, did) in enumerate(zip(town.expected, found, strict=True), 1)
        if must.outcome != did.outcome or (must.reason or did.reason) != did.reason
    ]


def first_ends(town: Town, ledger: list[Row]) -> tuple[list[End], list[Row]]:
    """How each line ended when it first came; and what the broker gave once more.

    A broker gives again, in order, what was not acknowledged when the hub died, and
    what it retains. That must be flagged as such, and must not count anew.
    """
    ends: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in ledger:
        ends[row["topic"], row["sha256"]].append(row)
    copies = Counter(came.key for came in town.came)
    assert set(ends) == set(copies), "what was sent and what was entered differ"
    again: list[Row] = []
    for key, entered in ends.items():
        for row in reversed(entered):
            if len(entered) - copies[key] <= 0:
                break
            twice = row["dup"] and row["outcome"] != "stored"
            if twice or row["retain"]:
                entered.remove(row)
                again.append(row)
        assert len(entered) == copies[key], (key, entered)
    taken = {key: iter(entered) for key, entered in ends.items()}
    firsts = [next(taken[came.key]) for came in town.came]
    return [End(row["outcome"], row["reason"]) for row in firsts], again
