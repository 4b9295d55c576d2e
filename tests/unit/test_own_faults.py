"""What breaks the hub's own code ends alone: an uplink, another thread's job."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sensorhub.hub.batch_processor import BatchProcessor
from sensorhub.hub.write_queue import WriteQueue
from sensorhub.model import Message
from sensorhub.state.reading_processor import ReadingProcessor
from sensorhub.store.hot.changeset import ChangeSet
from tests.support.happenings import FLEET, RULES, START, native
from tests.support.stories import Story

BOOM = 13.0


class Run:
    """What a hub's loop does with uplinks and jobs, without its edges."""

    def __init__(self, story: Story) -> None:
        self.jobs = WriteQueue()
        self._story = story
        self.batches = BatchProcessor(story.hub, self.commit)

    def commit(self, change_set: ChangeSet) -> None:
        self.jobs.commit(self._story.hub, change_set)

    def messages(self, messages: list[Message]) -> None:
        self.batches.process(messages, self._story.clock.now())


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    story = Story(tmp_path, START, RULES, FLEET)
    yield story
    story.hub.close()


def uplinks(count: int) -> list[Message]:
    values = range(20, 20 + count)
    return [native("z1", "b1", {"seq": n, "m": {"temperature": n % 9}}) for n in values]


def test_an_uplink_that_breaks_the_hub_is_dead_and_told(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ReadingProcessor.process

    def fragile(processor: ReadingProcessor, columns: Any, *more: Any) -> int:
        assert BOOM not in columns.value.tolist(), "boom"
        return whole(processor, columns, *more)

    monkeypatch.setattr(ReadingProcessor, "process", fragile)
    bad = native("z1", "b2", {"seq": 1, "m": {"temperature": BOOM}})
    batch = [*uplinks(9), bad, *uplinks(30)[9:]]
    run = Run(story)
    run.messages(batch)
    run.messages(batch)  # as after a kill before the acknowledgement
    sums = story.counters()
    assert sums["uplinks_stored"] == 30
    assert sums["uplinks_dead"] == sums["uplink_internal_error"] == 1
    assert sums["uplinks_duplicate"] == 31
    assert sums["uplinks_received"] == 62
    assert "internal_error" in {alert["rule"] for alert in story.alerts()}
    letters = story.rows("SELECT topic, payload, reason FROM dead_letters")
    assert letters == [(bad.topic.decode(), bad.payload, "internal_error")]


def test_a_job_that_breaks_takes_nothing_with_it(story: Story) -> None:
    run = Run(story)
    done: list[str] = []

    def bad(_: Any) -> None:
        raise TypeError("boom")

    run.jobs.submit(lambda _c: done.append("first"))
    run.jobs.submit(bad)
    run.jobs.submit(lambda _c: done.append("last"))
    run.messages(uplinks(3))
    assert done[-2:] == ["first", "last"]
    assert not run.jobs
    assert story.counters()["uplinks_stored"] == 3
    run.jobs.submit(bad)
    run.commit(ChangeSet())
    assert not run.jobs


def test_dead_letter_bounds_hold_after_a_transaction_was_undone(story: Story) -> None:
    poison = [native("z1", "nobody", {"seq": n, "m": {"nh3": 1}}) for n in range(5)]
    change_set = story.hub.session.pipeline.process(poison, START).changes
    change_set.writes.append(lambda c: c.execute("SELECT no_such_thing"))
    with pytest.raises(Exception, match="no_such_thing"):
        story.hub.commit(change_set)
    assert story.hub.dead_letters._sum == 0
    assert not story.counters()["uplinks_dead"]


def test_a_checkpoint_that_is_wrong_but_can_be_read_is_not_taken(story: Story) -> None:
    story.take(uplinks(10))
    story.stop()
    connection, reception = story.hub.connection, story.hub.session.state.reception
    before = reception.last_received.tolist()
    ((body,),) = connection.execute("SELECT body FROM checkpoints").fetchall()
    right, wrong = (reception.last_received + n for n in (0, 1))
    assert body.count(right.tobytes()) == 1
    damaged = body.replace(right.tobytes(), wrong.tobytes())
    connection.execute("UPDATE checkpoints SET body = ?", (damaged,))
    story.kill()
    assert story.hub.session.state.reception.last_received.tolist() == before


def test_a_damaged_checkpoint_makes_the_start_fold_more(story: Story) -> None:
    story.take(uplinks(10))
    story.stop()
    story.take(uplinks(20)[10:])
    before = story.hub.session.state.reception.last_received.tolist()
    story.hub.connection.execute("UPDATE checkpoints SET body = x'00'")
    story.kill()
    assert story.hub.session.state.reception.last_received.tolist() == before
    story.take(uplinks(20))
    assert story.counters()["uplinks_stored"] == 20
