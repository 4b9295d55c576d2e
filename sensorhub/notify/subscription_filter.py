"""Who is told of an event. Pure."""

from sensorhub.alerts.event import Event
from sensorhub.store.subscriptions import SubscriptionFilter


def wants(choice: SubscriptionFilter, event: Event, told_before: str = "") -> bool:
    """Whether a choice covers the event; an empty part of it means all.

    `told_before` is the severity last told of this alert: who chose it is told
    when the alert leaves it, too.
    """
    return (
        (not choice.zones or event.zone in choice.zones)
        and (not choice.assets or event.asset in choice.assets)
        and (not choice.rules or event.rule in choice.rules)
        and (not choice.categories or event.category in choice.categories)
        and (
            not choice.severities
            or event.severity in choice.severities
            or told_before in choice.severities
        )
    )
