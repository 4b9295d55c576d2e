import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from sensorhub.errors import DeliveryError
from sensorhub.notify.mqtt import OutgoingMessage
from sensorhub.notify.notification import Notification
from sensorhub.notify.relay import HubCallbacks, Relay, Transports
from sensorhub.notify.schedule import DELAYS_S, retry_at
from sensorhub.store import database, migration, subscriptions
from sensorhub.store.hot import outbox
from sensorhub.store.hot.outbox import OutboxRow
from sensorhub.store.subscriptions import SubscriptionFilter

SECRET = "whsec_" + "QUJD" * 8


class HandPool:
    """Deliveries run when the test says so."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.work: deque[Callable[[], None]] = deque()

    def start(
        self,
        work: Callable[[], None],
        *,
        slow: bool,  # noqa: ARG002 - the protocol's name
    ) -> bool:
        if len(self.work) >= self.size:
            return False
        self.work.append(work)
        return True


class Broker:
    """Takes posts; acknowledges or loses them when the test says so."""

    def __init__(self) -> None:
        self.room = 10**9
        self.messages: list[tuple[str, bytes, bool]] = []
        self.waiting: deque[OutgoingMessage] = deque()

    def publish(self, posts: Sequence[OutgoingMessage]) -> int:
        taken = posts[: self.room]
        self.messages.extend(post[:3] for post in taken)
        self.waiting.extend(taken)
        return len(taken)

    def acknowledge(self) -> None:
        while self.waiting:
            self.waiting.popleft().on_done()

    def lose(self) -> None:
        while self.waiting:
            self.waiting.popleft().on_lost()

    def events(self) -> list[str]:
        bodies = [body for topic, body, _ in self.messages if "/events/" in topic]
        return [msgspec.json.decode(body)["id"] for body in bodies]


class House:
    """A relay with everything around it in the test's hand."""

    def __init__(self, folder: Path, pool_size: int = 4) -> None:
        self.folder = folder
        self.writer = database.connect(folder)
        self.now = 1_000_000.0
        self.pool = HandPool(pool_size)
        self.broker = Broker()
        self.jobs: list[Callable[[sqlite3.Connection], None]] = []
        self.answers: dict[str, DeliveryError] = {}
        self.sent: list[Notification] = []
        self.counted: dict[str, int] = {}
        self.relay = Relay(
            lambda: database.connect(folder, read_only=True),
            self.jobs.append,
            transports=Transports(self.broker.publish, self.deliver, self.pool),
            real_now=lambda: self.now,
            callbacks=HubCallbacks(lambda name, by: self.counted.update({name: by})),
            chance=lambda: 0.0,
        )

    def deliver(self, notification: Notification) -> None:
        self.sent.append(notification)
        if error := self.answers.get(notification.subscription):
            raise error

    def subscribe(self, name: str) -> None:
        made = subscriptions.webhook(name, "http://h/", SubscriptionFilter(), 0, SECRET)
        subscriptions.add(self.writer, made)

    def write(self, *rows: OutboxRow, offer: bool = True) -> None:
        numbered = outbox.insert(self.writer, rows)
        if offer:
            self.relay.offer(numbered)

    def commit(self) -> None:
        jobs, self.jobs[:] = list(self.jobs), []
        self.writer.execute("BEGIN")
        for job in jobs:
            job(self.writer)
        self.writer.execute("COMMIT")

    def turn(self, rounds: int = 1) -> float:
        """Step, let the pool work, settle, as often as said."""
        for _ in range(rounds):
            wait_s = self.relay.step()
            while self.pool.work:
                self.pool.work.popleft()()
            self.relay.step()
            self.commit()
            wait_s = self.relay.step()
        return wait_s

    def states(self) -> list[tuple[str, str, int]]:
        found = self.writer.execute("SELECT id, state, attempts FROM outbox")
        return sorted(found.fetchall())

    def close(self) -> None:
        self.relay._close()
        self.writer.close()


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("empty")
    migration.prepare(folder)
    connection = database.connect(folder)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return (folder / database.FILE).read_bytes()


@pytest.fixture
def house(tmp_path: Path, empty: bytes) -> Iterator[House]:
    (tmp_path / database.FILE).write_bytes(empty)
    made = House(tmp_path)
    yield made
    made.close()


def row(id_: str, subscription: str = "hook", alert: str = "a1") -> OutboxRow:
    return OutboxRow(id_, subscription, alert, f"t-{id_}", 0, b"{}")


def event(id_: str, asset: str = "bin-1", to: str = "firing") -> OutboxRow:
    body = {
        "id": id_,
        "zone": "east",
        "asset": asset,
        "rule": "bin_full",
        "transition": {"to": to},
    }
    return OutboxRow(id_, "mqtt", id_, f"t-{id_}", 0, msgspec.json.encode(body))


def ids(house: House) -> list[str]:
    return [notification.id for notification in house.sent]


def test_a_delivered_row_is_sent_once_and_kept_without_its_body(house: House) -> None:
    house.subscribe("hook")
    house.write(row("m1"))
    house.turn(3)
    assert ids(house) == ["m1"]
    assert house.states() == [("m1", "sent", 1)]
    assert house.writer.execute("SELECT body FROM outbox").fetchone() == (b"",)


def test_the_second_row_of_an_alert_waits_for_the_first(house: House) -> None:
    house.subscribe("hook")
    house.write(row("m1"), row("m2"), row("x1", alert="a2"))
    house.relay.step()
    assert len(house.pool.work) == 2
    house.turn()
    assert ids(house) == ["m1", "x1"]
    house.turn()
    assert ids(house) == ["m1", "x1", "m2"]


def test_resolved_never_overtakes_a_firing_that_is_retried(house: House) -> None:
    house.subscribe("hook")
    house.answers["hook"] = DeliveryError("status 500")
    house.write(row("firing"))
    house.turn(2)
    house.write(row("resolved"))
    house.turn(3)
    assert ids(house) == ["firing"]
    del house.answers["hook"]
    house.now += 5
    house.turn(2)
    assert ids(house) == ["firing", "firing", "resolved"]


def test_retries_keep_the_id_and_follow_the_schedule_to_the_end(house: House) -> None:
    house.subscribe("hook")
    house.answers["hook"] = DeliveryError("status 500")
    house.write(row("m1"))
    times: list[float] = []
    for delay in (0.0, *DELAYS_S):
        house.now += delay - 0.5 if delay else 0
        house.turn(2)
        assert len(house.sent) == len(times) + (delay == 0), "came before its time"
        house.now += 0.5 if delay else 0
        house.turn(2)
        times.append(house.now)
    assert [n.attempt for n in house.sent] == list(range(1, len(DELAYS_S) + 2))
    assert set(ids(house)) == {"m1"}
    assert house.states() == [("m1", "failed", 8)]
    assert house.counted == {"notifications_failed": 1}


def test_retry_after_rests_the_whole_subscription(house: House) -> None:
    house.subscribe("hook")
    house.answers["hook"] = DeliveryError("status 429", retry_after_s=600)
    house.write(row("m1"))
    house.turn(2)
    del house.answers["hook"]
    house.write(row("n1", alert="a2"))
    house.now += 599
    house.turn(2)
    assert ids(house) == ["m1"]
    house.now += 1
    house.turn(2)
    assert sorted(ids(house)) == ["m1", "m1", "n1"]


def test_a_receiver_that_is_gone_is_disabled_and_its_rows_dropped(house: House) -> None:
    house.subscribe("hook")
    house.answers["hook"] = DeliveryError("gone", permanent=True)
    house.write(row("m1"), row("m2"))
    house.turn(3)
    house.write(row("m3", alert="a3"))
    house.turn(3)
    assert ids(house) == ["m1"]
    assert [state for _, state, _ in house.states()] == ["failed", "dropped", "dropped"]
    found = subscriptions.get(house.writer, "hook")
    assert found is not None
    assert found.disabled == "gone"


def test_rows_of_a_removed_subscription_are_dropped(house: House) -> None:
    house.write(row("m1", subscription="nobody"))
    house.turn(2)
    assert house.sent == []
    assert house.states() == [("m1", "dropped", 0)]


def test_one_subscription_cannot_take_all_workers(house: House) -> None:
    house.subscribe("hook")
    house.subscribe("other")
    many = [row(f"m{n}", alert=f"a{n}") for n in range(9)]
    house.write(*many, row("o1", subscription="other"))
    house.relay.step()
    assert len(house.pool.work) == 3
    house.turn()
    assert "o1" in ids(house)
    house.turn(5)
    assert len(house.sent) == 10


def test_what_a_crash_left_is_sent_again_under_its_id(
    house: House, tmp_path: Path
) -> None:
    house.subscribe("hook")
    house.write(row("m1"), row("m2"), event("e1"))
    house.relay.step()
    while house.pool.work:
        house.pool.work.popleft()()
    house.relay.step()
    house.jobs.clear()  # killed before the results were written
    after = House(tmp_path)
    after.turn(2)
    after.broker.acknowledge()
    after.turn(2)
    assert ids(house) == ["m1"]
    assert ids(after) == ["m1", "m2"]
    assert after.broker.events() == ["e1"]
    assert [state for _, state, _ in after.states()] == ["sent", "sent"]
    after.close()


def test_a_result_that_was_rolled_back_is_written_again(house: House) -> None:
    house.subscribe("hook")
    house.write(row("m1"), row("m2"))
    house.relay.step()
    house.pool.work.popleft()()
    house.relay.step()
    house.writer.execute("BEGIN")
    house.jobs.pop()(house.writer)
    house.writer.execute("ROLLBACK")
    house.turn(2)
    assert ids(house) == ["m1"]
    house.now += 31
    house.turn(3)
    assert ids(house) == ["m1", "m2"]


def test_an_event_goes_out_as_transition_and_as_state(house: House) -> None:
    house.write(event("e1"))
    house.relay.step()
    (first, body, keep), (second, state, retain) = house.broker.messages
    assert first == "sensorhub/v1/events/east/bin-1/bin_full"
    assert second == "sensorhub/v1/alerts/east/bin-1/bin_full"
    assert (keep, retain, body) == (False, True, state)
    house.broker.waiting.popleft().on_done()
    house.turn()
    assert outbox.count_pending(house.writer) == 1
    house.broker.acknowledge()
    house.turn()
    assert house.states() == []


def test_the_state_of_a_resolved_alert_is_cleared(house: House) -> None:
    house.write(event("e1", to="resolved"))
    house.relay.step()
    assert [(b == b"", r) for _, b, r in house.broker.messages] == [
        (False, False),
        (True, True),
    ]


def test_what_is_acknowledged_at_a_stop_is_not_sent_again(house: House) -> None:
    house.write(event("e1"))
    house.relay.step()
    house.broker.acknowledge()
    house.relay.start()
    house.relay.stop()
    house.commit()
    assert house.states() == []


def test_a_fault_of_the_connection_loses_no_row(house: House) -> None:
    house.subscribe("hook")
    house.relay.step()
    house.write(row("m1"))
    assert house.relay._connection is not None
    house.relay._connection.close()
    with pytest.raises(sqlite3.ProgrammingError):
        house.relay.step()
    house.relay._recover()
    house.turn()
    assert ids(house) == ["m1"]


def test_one_topic_has_one_message_in_flight(house: House) -> None:
    house.write(event("e1"), event("e2", to="resolved"), event("f1", asset="bin-2"))
    house.relay.step()
    assert house.broker.events() == ["e1", "f1"]
    house.broker.acknowledge()
    house.relay.step()
    assert house.broker.events() == ["e1", "f1", "e2"]


def test_what_the_connection_does_not_take_goes_out_later_in_order(
    house: House,
) -> None:
    house.broker.room = 0
    house.write(event("e1"), event("e2"), event("f1", asset="bin-2"))
    assert house.turn() > 0
    assert house.broker.messages == []
    house.broker.room = 1
    for _ in range(9):
        house.turn()
        house.broker.acknowledge()
    house.turn()
    assert sorted(house.broker.events()) == ["e1", "e2", "f1"]
    assert house.broker.events().index("e1") < house.broker.events().index("e2")
    assert house.states() == []


def test_what_a_lost_connection_took_is_published_again_first(house: House) -> None:
    house.write(event("e1"), event("f1", asset="bin-2"))
    house.turn()
    house.broker.waiting.popleft().on_done()  # the transition e1, not its state
    house.broker.lose()
    house.broker.messages.clear()
    house.write(event("e2", to="resolved"), event("g1", asset="bin-3"))
    house.turn()
    topics = [topic.split("/", 2)[2] for topic, _, _ in house.broker.messages]
    assert topics == [
        "alerts/east/bin-1/bin_full",
        "events/east/bin-2/bin_full",
        "alerts/east/bin-2/bin_full",
        "events/east/bin-3/bin_full",
        "alerts/east/bin-3/bin_full",
    ]
    for _ in range(2):
        house.broker.acknowledge()
        house.turn()
    assert house.broker.messages[-1] == (
        "sensorhub/v1/alerts/east/bin-1/bin_full",
        b"",
        True,
    )
    assert house.states() == []


def test_more_rows_than_memory_holds_all_go_out_once_in_order(house: House) -> None:
    total = 6_000
    rows = [event(f"e{n}", asset=f"bin-{n % 7}") for n in range(total)]
    house.turn()
    for start in range(0, total, 500):
        house.write(*rows[start : start + 500])
    while outbox.count_pending(house.writer):
        house.turn()
        assert len(house.broker.waiting) <= 2_000
        house.broker.acknowledge()
        house.turn()
    events = house.broker.events()
    assert len(events) == total
    for asset in range(7):
        mine = [int(e[1:]) for e in events if int(e[1:]) % 7 == asset]
        assert mine == sorted(mine)
    house.write(event("late"))
    house.turn()
    assert house.broker.events()[-1] == "late"


def test_a_body_that_is_no_event_is_given_up_and_blocks_nothing(house: House) -> None:
    house.write(row("bad", subscription="mqtt"), event("e1"))
    house.turn()
    assert house.broker.events() == ["e1"]
    assert ("bad", "failed", 1) in house.states()


def test_old_settled_rows_are_purged_and_pending_ones_stay(house: House) -> None:
    house.subscribe("hook")
    house.write(row("m1"))
    house.turn(2)
    house.write(row("m2"), offer=False)
    assert not outbox.has_old(house.writer, 0)
    assert outbox.purge(house.writer, 0) == 0
    assert outbox.has_old(house.writer, 1)
    assert outbox.purge(house.writer, 1) == 1
    assert [id_ for id_, _, _ in house.states()] == ["m2"]


def test_the_same_id_is_inserted_once(house: House) -> None:
    outbox.insert(house.writer, [row("m1"), row("m1")])
    outbox.insert(house.writer, [row("m1"), row("m2")])
    assert [id_ for id_, _, _ in house.states()] == ["m1", "m2"]


def test_retries_spread_and_heed_retry_after_up_to_a_day() -> None:
    assert retry_at(1, 100.0, 0.0) == 105.0
    assert retry_at(1, 100.0, 1.0) == 105.5
    assert retry_at(1, 100.0, 0.0, 60.0) == 160.0
    assert retry_at(1, 100.0, 0.0, 1e9) == 86_500.0
    assert retry_at(8, 100.0, 0.0) is None
