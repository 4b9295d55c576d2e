"""Selection of the subscriptions of an event. Pure."""

from sensorhub.alerts.event import Event
from sensorhub.store.subscriptions import SubscriptionFilter


def wants(
    filter_: SubscriptionFilter, event: Event, notified_severity: str = ""
) -> bool:
    """Whether a choice covers the event; an empty part of it means all.

    `notified_severity` is the severity of the alert's last notification: a subscription
    to it also gets the notification that the alert has left it.
    """
    return (
        (not filter_.zones or event.zone in filter_.zones)
        and (not filter_.assets or event.asset in filter_.assets)
        and (not filter_.rules or event.rule in filter_.rules)
        and (not filter_.categories or event.category in filter_.categories)
        and (
            not filter_.severities
            or event.severity in filter_.severities
            or notified_severity in filter_.severities
        )
    )
