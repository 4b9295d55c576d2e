"""A test event, sent at once: does the receiver take what we send?"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from sensorhub.alerts.event import VERSION, CauseView, Event, TransitionView, rfc3339
from sensorhub.errors import DeliveryError
from sensorhub.notify.notification import Notification
from sensorhub.notify.webhook import WebhookResponse
from sensorhub.store.subscriptions import Subscription


@dataclass(frozen=True, slots=True)
class DeliveryTest:
    """How a test went: what the receiver answered, or why there is no answer."""

    taken: bool
    response: str
    took_ms: int


def test_event(now: int) -> Event:
    """A warning of the rule `test` on the asset `test`; `now` in epoch ms."""
    at = rfc3339(now) or ""
    id_ = f"test-{now}"
    return Event(
        version=VERSION,
        id=id_,
        rule="test",
        category="system",
        asset="test",
        asset_name="test",
        zone="test",
        severity="warning",
        state="firing",
        started_at=at,
        resolved_at=None,
        acknowledged_by=None,
        assigned_to=None,
        muted_by=None,
        transition=TransitionView(id_, at, None, "firing", "warning", CauseView()),
        text={
            "zh-CN": "测试消息：本订阅可以正常接收",
            "en": "Test: this subscription works",
        },
    )


def probe(
    subscription: Subscription,
    deliver: Callable[[Notification], WebhookResponse],
    now: int,
) -> DeliveryTest:
    """Send a test event to a subscription; nothing of it is kept or retried."""
    target = {
        "url": subscription.target.url,
        "secret": subscription.target.secret,
    }
    notification = Notification(
        f"msg_test_{now}",
        subscription.id,
        subscription.channel,
        target,
        msgspec.json.encode(test_event(now)),
        1,
    )
    began = time.monotonic()
    try:
        answer = deliver(notification)
        taken, response = True, f"status {answer.status} {answer.text}".strip()
    except DeliveryError as error:
        taken, response = False, str(error)
    return DeliveryTest(taken, response, round((time.monotonic() - began) * 1000))
