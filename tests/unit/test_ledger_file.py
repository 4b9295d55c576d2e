"""The ledger of a live hub: one line a message, exact over a kill."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from sensorhub.hub.batch_processor import BatchProcessor
from sensorhub.hub.outcome_log import OutcomeLog
from sensorhub.model import RETAIN, Message
from sensorhub.store.hot.changeset import ChangeSet
from tests.support.hubs import fleet_csv
from tests.support.stories import Story

NOW = 1_772_000_000_000
UP, STATUS = b"sensorhub/v1/z1/d0/up", b"sensorhub/v1/z1/d0/status"


def uplink(seq: int, flags: int = 2) -> Message:
    body = f'{{"ts":{NOW - 1000},"seq":{seq},"m":{{"fill_level":{seq}}}}}'
    return Message(UP, body.encode(), flags)


def rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def batches(story: Story, file: Path, *, dies: bool = False) -> BatchProcessor:
    """`dies`: before the commit is through, the lines being written already."""

    def commit(ledger: ChangeSet) -> None:
        if not dies:
            story.hub.commit(ledger)
            return
        story.hub.connection.execute("BEGIN")
        for write in ledger.writes:
            write(story.hub.connection)
        story.hub.connection.rollback()

    log = OutcomeLog(file, story.hub.connection)
    return BatchProcessor(story.hub, commit, append=log.append)


def begin(folder: Path) -> Story:
    return Story(folder / "hub", NOW, "", fleet_csv(1))


def test_every_message_has_a_line_with_its_end(tmp_path: Path) -> None:
    story, file = begin(tmp_path), tmp_path / "ledger.jsonl"
    birth = Message(STATUS, b'{"state":"online"}', 2)
    broken, left = Message(UP, b"{", 2), uplink(9, 2 | RETAIN)
    taken = batches(story, file)
    taken.process([uplink(1), birth, broken, left], NOW)
    taken.process([uplink(1)], NOW)
    ends = [(r["line"], r["outcome"], r["reason"]) for r in rows(file)]
    assert ends == [
        (1, "stored", None),
        (2, "event", None),
        (3, "dead", "bad_payload"),
        (4, "duplicate", "retained"),
        (5, "duplicate", "same_seq"),
    ]
    first = rows(file)[0]
    assert first["topic"] == UP.decode()
    assert first["sha256"] == sha256(uplink(1).payload).hexdigest()
    assert [r["retain"] for r in rows(file)] == [False, False, False, True, False]


def test_lines_of_a_batch_that_was_never_committed_are_written_over(
    tmp_path: Path,
) -> None:
    story, file = begin(tmp_path), tmp_path / "ledger.jsonl"
    batches(story, file).process([uplink(1)], NOW)
    batches(story, file, dies=True).process([uplink(2), uplink(3)], NOW)
    assert len(rows(file)) == 3
    story.kill()
    batches(story, file).process([uplink(2)], NOW)
    ends = [(r["line"], r["outcome"]) for r in rows(file)]
    assert ends == [(1, "stored"), (2, "stored")]


def test_a_file_that_was_moved_away_begins_anew(tmp_path: Path) -> None:
    story, file = begin(tmp_path), tmp_path / "ledger.jsonl"
    taken = batches(story, file)
    taken.process([uplink(1)], NOW)
    file.unlink()
    taken.process([uplink(2)], NOW)
    assert [r["line"] for r in rows(file)] == [2]


def test_a_ledger_that_cannot_be_written_costs_no_uplink(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    story = begin(tmp_path)
    batches(story, tmp_path / "none" / "ledger.jsonl").process([uplink(1)], NOW)
    assert story.hub.counters["uplinks_stored"] == 1
    assert "lost lines" in capsys.readouterr().out
