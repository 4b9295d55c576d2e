"""Deliver what is due to one subscription, in order for each alert.

The database is the queue. A `DeliveryQueue` holds only what is under way, so a receiver
that is down for days costs no memory and delays nobody else.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from sensorhub.errors import DeliveryError
from sensorhub.notify.notification import Notification
from sensorhub.notify.result_writer import ResultWriter
from sensorhub.notify.schedule import retry_at
from sensorhub.notify.workers import WorkerPool
from sensorhub.store import Connection, subscriptions
from sensorhub.store.hot import outbox
from sensorhub.store.hot.outbox import DeliveryResult, OutboxRow
from sensorhub.store.subscriptions import Subscription

log = structlog.get_logger()

Deliver = Callable[[Notification], object]

FETCH = 256
SLOW_S = 2.0
CONFIRM_S = 0.02  # how often to look whether results are committed
UNCONFIRMED_S = 30.0  # results not seen in the database by then are written again


@dataclass(frozen=True)
class DeliveryContext:
    """What all delivery queues share. `real_now`: epoch seconds; `chance`: 0..1.

    `count` and `subscriptions_changed` are called in the hub's thread.
    """

    reader: Callable[[], Connection]
    result_writer: ResultWriter
    pool: WorkerPool
    deliver: Deliver
    real_now: Callable[[], float]
    chance: Callable[[], float]
    wake: Callable[[], None]
    count: Callable[[str, int], None]
    subscriptions_changed: Callable[[], None]


@dataclass(frozen=True, slots=True)
class _Finished:
    row: OutboxRow
    error: DeliveryError | None
    took_s: float


class DeliveryQueue:
    """Deliveries to one subscription. All but `offered` run in the relay's thread."""

    def __init__(self, subscription: str, context: DeliveryContext) -> None:
        self._id = subscription
        self._context = context
        self._finished: deque[_Finished] = deque()
        self._running = 0
        self._busy: set[str] = set()  # alerts with a row on its way or unsettled
        self._unsettled: dict[int, tuple[DeliveryResult, float]] = {}
        self._fresh = True
        self._due_at = math.inf
        self._rest_until = 0.0
        self._slow = False

    def offered(self) -> None:
        """Note that there are new rows in the database."""
        self._fresh = True

    def step(self, now: float) -> float:
        """Do what can be done at `now`; return when to come back."""
        while self._finished:
            self._record(self._finished.popleft(), now)
        self._confirm(now)
        if now >= self._rest_until and (self._fresh or now >= self._due_at):
            self._start_due(now)
        if self._unsettled:
            return now + CONFIRM_S
        waits_for_worker = self._fresh and now >= self._rest_until
        return math.inf if waits_for_worker else max(self._due_at, self._rest_until)

    def _start_due(self, now: float) -> None:
        self._fresh, self._due_at = False, math.inf
        reader = self._context.reader()
        subscription = subscriptions.get(reader, self._id)
        if subscription is None or subscription.disabled is not None:
            reason = subscription.disabled if subscription else None
            self._drop(reason or "the subscription was removed")
            return
        for row in outbox.due(reader, self._id, now, FETCH):
            if row.alert not in self._busy and not self._start(subscription, row):
                self._fresh = True
                return
        due_at = outbox.next_due(reader, self._id, now)
        self._due_at = math.inf if due_at is None else due_at

    def _start(self, subscription: Subscription, row: OutboxRow) -> bool:
        most = 1 if self._slow else max(1, self._context.pool.size // 2)
        if self._running >= most:
            return False
        target = {
            "url": subscription.target.url,
            "secret": subscription.target.secret,
        }
        notification = Notification(
            row.id, self._id, subscription.channel, target, row.body, row.attempts + 1
        )
        if not self._context.pool.start(
            lambda: self._deliver(row, notification), slow=self._slow
        ):
            return False
        self._running += 1
        self._busy.add(row.alert)
        return True

    def _deliver(self, row: OutboxRow, notification: Notification) -> None:
        """Deliver one notification; runs in a worker's thread."""
        began = time.monotonic()
        error = None
        try:
            self._context.deliver(notification)
        except DeliveryError as refusal:
            error = refusal
        except Exception as fault:
            log.exception("delivery_crashed", subscription=self._id, id=row.id)
            error = DeliveryError(f"internal error: {type(fault).__name__}")
        self._finished.append(_Finished(row, error, time.monotonic() - began))
        self._context.wake()

    def _record(self, finished: _Finished, now: float) -> None:
        """Record the result of a finished attempt, and plan its retry."""
        self._running -= 1
        self._slow = finished.took_s > SLOW_S
        row, error = finished.row, finished.error
        attempts = row.attempts + 1
        if error is None:
            self._settle(DeliveryResult(row, "sent", attempts), now)
            return
        log.warning(
            "delivery_failed",
            subscription=self._id,
            id=row.id,
            attempt=attempts,
            error=str(error),
        )
        if error.permanent:
            self._disable(str(error))
        if error.retry_after_s is not None:
            self._rest_until = now + min(error.retry_after_s, 86_400.0)
        moment = retry_at(attempts, now, self._context.chance(), error.retry_after_s)
        if moment is None or error.permanent:
            self._give_up(DeliveryResult(row, "failed", attempts, 0.0, str(error)), now)
        else:
            self._settle(
                DeliveryResult(row, "pending", attempts, moment, str(error)), now
            )

    def _settle(self, result: DeliveryResult, now: float) -> None:
        self._unsettled[result.row.no] = (result, now)
        self._context.result_writer.add_result(result)

    def _give_up(self, result: DeliveryResult, now: float) -> None:
        log.error(
            "notification_failed",
            subscription=self._id,
            id=result.row.id,
            attempts=result.attempts,
            error=result.error,
        )
        self._context.result_writer.add_write(
            lambda _: self._context.count("notifications_failed", 1)
        )
        self._settle(result, now)

    def _confirm(self, now: float) -> None:
        """Free the alerts whose results stand in the database."""
        if not self._unsettled:
            return
        known = outbox.progress(self._context.reader(), list(self._unsettled))
        for no, (result, since) in list(self._unsettled.items()):
            state, attempts = known.get(no, ("gone", 0))
            if state != "pending" or attempts >= result.attempts:
                del self._unsettled[no]
                self._busy.discard(result.row.alert)
                self._fresh = True
            elif now - since > UNCONFIRMED_S:
                self._settle(result, now)

    def _disable(self, reason: str) -> None:
        log.error("subscription_disabled", subscription=self._id, reason=reason)

        def disable(connection: Connection) -> None:
            subscriptions.disable(connection, self._id, reason)
            outbox.drop(connection, self._id, reason)
            self._context.subscriptions_changed()

        self._context.result_writer.add_write(disable)

    def _drop(self, reason: str) -> None:
        self._context.result_writer.add_write(
            lambda connection: outbox.drop(connection, self._id, reason)
        )
