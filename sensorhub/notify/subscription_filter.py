"""Who is told of an event. Pure."""

from sensorhub.alerts.event import Event
from sensorhub.store.subscriptions import SubscriptionFilter


def wants(filter_: SubscriptionFilter, event: Event, told_before: str = "") -> bool:
    """Whether a choice covers the event; an empty part of it means all.

    `told_before` is the severity last told of this alert: who chose it is told
    when the alert leaves it, too.
    """
    return (
        (not filter_.zones or event.zone in filter_.zones)
        and (not filter_.assets or event.asset in filter_.assets)
        and (not filter_.rules or event.rule in filter_.rules)
        and (not filter_.categories or event.category in filter_.categories)
        and (
            not filter_.severities
            or event.severity in filter_.severities
            or told_before in filter_.severities
        )
    )
