"""Who is told of an event. Pure."""

from collections.abc import Callable, Iterable, Iterator

from xxhash import xxh3_128_hexdigest

from sensorhub.alerts.event import Event
from sensorhub.store.outbox import MQTT, OutboxRow
from sensorhub.store.subscriptions import Choice, Subscription

Told = Callable[[str, str], bool]  # (subscription, alert) -> was told before


def wants(choice: Choice, event: Event) -> bool:
    """Whether a choice covers the event; an empty part of it means all."""
    return covers(choice, event) and (
        not choice.severities or event.severity in choice.severities
    )


def covers(choice: Choice, event: Event) -> bool:
    """Whether a choice covers the alert, whatever its severity is now."""
    return (
        (not choice.zones or event.zone in choice.zones)
        and (not choice.assets or event.asset in choice.assets)
        and (not choice.rules or event.rule in choice.rules)
        and (not choice.categories or event.category in choice.categories)
    )


def addressed(
    subscriptions: Iterable[Subscription],
    event: Event,
    body: bytes,
    created_at: int,
    told: Told,
) -> Iterator[OutboxRow]:
    """The outbox rows of an event: MQTT, and each subscription that wants it.

    Who was told of an alert is told to its end, though it may leave the chosen
    severities: nobody keeps waiting for a "resolved".
    """
    yield _row(MQTT, event, body, created_at)
    for subscription in subscriptions:
        if subscription.disabled is not None:
            continue
        choice = subscription.choice
        if wants(choice, event) or (
            event.transition.from_ is not None
            and covers(choice, event)
            and told(subscription.id, event.id)
        ):
            yield _row(subscription.id, event, body, created_at)


def _row(subscription: str, event: Event, body: bytes, created_at: int) -> OutboxRow:
    transition = event.transition.id
    id_ = "msg_" + xxh3_128_hexdigest(f"{transition}\x1f{subscription}".encode())
    return OutboxRow(id_, subscription, event.id, transition, created_at, body)
