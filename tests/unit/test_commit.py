"""What a commit changes in memory: once, and only where it is committed."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sensorhub.hub.write_queue import WriteQueue
from sensorhub.store.hot.changeset import ChangeSet
from sensorhub.store.hot.commands import Command
from tests.support.happenings import FLEET, RULES, START, native
from tests.support.stories import Story


class FailingWrite:
    """A write that meets a locked database the first `times` times."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self, _connection: sqlite3.Connection) -> None:
        if self.left:
            self.left -= 1
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise error


@pytest.fixture
def story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Story]:
    monkeypatch.setattr("sensorhub.hub.hub.time.sleep", lambda _s: None)
    story = Story(tmp_path, START, RULES, FLEET)
    yield story
    story.hub.close()


def test_a_write_that_is_retried_changes_memory_once(story: Story) -> None:
    done: list[str] = []

    def registers(_connection: sqlite3.Connection) -> None:
        story.hub.on_commit(lambda: done.append("found in the transaction"))

    failing = FailingWrite(3)
    change_set = ChangeSet(
        writes=[registers, failing], after_commit=[lambda: done.append("known before")]
    )
    story.hub.commit(change_set)
    assert not failing.left
    assert done == ["known before", "found in the transaction"]


def test_memory_stays_where_nothing_was_committed(story: Story) -> None:
    done: list[str] = []

    def breaks(_connection: sqlite3.Connection) -> None:
        story.hub.on_commit(lambda: done.append("found in the transaction"))
        raise TypeError("boom")

    change_set = ChangeSet(writes=[breaks], after_commit=[lambda: done.append("known")])
    with pytest.raises(TypeError):
        story.hub.commit(change_set)
    story.hub.commit(ChangeSet(writes=[lambda _c: None]))
    assert not done


def test_memory_changes_after_the_commit_not_before(story: Story) -> None:
    open_: list[bool] = []

    def look() -> None:
        open_.append(story.hub.connection.in_transaction)

    story.hub.commit(ChangeSet(writes=[lambda _c: look()], after_commit=[look]))
    assert open_ == [True, False]


def test_what_breaks_after_a_commit_undoes_nothing(story: Story) -> None:
    queue = WriteQueue()
    done: list[str] = []

    def breaks() -> None:
        raise TypeError("boom")

    queue.submit(lambda _c: done.append("written"))
    after: list[Callable[[], object]] = [breaks, lambda: done.append("after")]
    queue.commit(story.hub, ChangeSet(after_commit=after))
    assert done == ["written", "after"]
    assert not len(queue)


def purge(story: Story, monkeypatch: pytest.MonkeyPatch, times: int) -> dict[str, Any]:
    """Purge all dead letters, the transaction of it failing so many times."""
    whole, failing = ChangeSet.write, FailingWrite(times)

    def write(change_set: ChangeSet, *arguments: Any) -> int:
        row = whole(change_set, *arguments)
        failing(story.hub.connection)
        return row

    monkeypatch.setattr(ChangeSet, "write", write)
    return story.act("purge")


def test_dead_letters_are_counted_right_after_a_retried_purge(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = [native("z1", "nobody", {"seq": n, "m": {"nh3": 1}}) for n in range(5)]
    story.take(letters)
    assert story.hub.dead_letters._sum == 5
    assert purge(story, monkeypatch, 2) == {"purged": 5}
    assert story.hub.dead_letters._sum == 0
    story.take([native("z1", "nobody", {"seq": 9, "m": {"nh3": 1}})])
    assert story.hub.dead_letters._sum == 1


def test_gateways_are_numbered_in_the_transaction_that_uses_them(
    story: Story,
) -> None:
    story.hub.session.state.subjects.number("gateway", "gw-1")
    queue = WriteQueue()

    def breaks(_connection: sqlite3.Connection) -> None:
        raise TypeError("boom")

    queue.submit(breaks)
    queue.commit(story.hub, ChangeSet(writes=[lambda _c: None]))
    assert ("gateway", "gw-1") in story.rows("SELECT kind, id FROM places")
    assert not story.hub.session.state.subjects.new


def test_a_silence_is_read_after_its_commit(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    reload = story.hub.reload_silences

    def reloading() -> None:
        seen.append(story.hub.connection.in_transaction)
        reload()

    monkeypatch.setattr(story.hub, "reload_silences", reloading)
    command = Command(0, START, "op", "silence", {"zone": "z1", "until": START + 10**6})
    story.act(command.kind, **command.arguments)
    assert seen == [False]
    assert len(story.hub.session.lifecycle.silence_ids()) == 1
