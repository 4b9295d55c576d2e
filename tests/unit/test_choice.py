import pytest

from sensorhub.notify.probe import test_event as make_event
from sensorhub.notify.subscription_filter import wants
from sensorhub.store.subscriptions import SubscriptionFilter, WebhookTarget, webhook

EVENT = make_event(1_700_000_000_000)
PARTS = {
    "zones": "test",
    "assets": "test",
    "rules": "test",
    "categories": "system",
    "severities": "warning",
}
SECRET = "whsec_" + "QUJD" * 8


def test_an_empty_choice_wants_everything() -> None:
    assert wants(SubscriptionFilter(), EVENT)


@pytest.mark.parametrize("part", PARTS)
def test_each_part_of_a_choice_narrows_it(part: str) -> None:
    assert wants(SubscriptionFilter(**{part: frozenset({"x", PARTS[part]})}), EVENT)
    assert not wants(SubscriptionFilter(**{part: frozenset({"x"})}), EVENT)


def test_all_parts_must_agree() -> None:
    both = {part: frozenset({value}) for part, value in PARTS.items()}
    assert wants(SubscriptionFilter(**both), EVENT)
    assert not wants(SubscriptionFilter(**both | {"rules": frozenset({"x"})}), EVENT)


def test_who_chose_the_severity_before_is_told_when_the_alert_leaves_it() -> None:
    danger = SubscriptionFilter(severities=frozenset({"danger"}))
    assert not wants(danger, EVENT)
    assert wants(danger, EVENT, "danger")
    assert not wants(danger, EVENT, "urgent")


@pytest.mark.parametrize(
    ("id_", "url", "secret"),
    [
        ("mqtt", "http://h/", SECRET),
        ("a b", "http://h/", SECRET),
        ("a", "ftp://h/", SECRET),
        ("a", "https:///x", SECRET),
        ("a", "https://u:p@h/", SECRET),
        ("a", "https://h:99999/", SECRET),
        ("a", "https://h/", "whsec_c2hvcnQ="),
        ("a", "https://h/", SECRET.removeprefix("whsec_")),
    ],
)
def test_an_unsound_subscription_is_refused(id_: str, url: str, secret: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        webhook(id_, url, SubscriptionFilter(), 0, secret)


def test_a_secret_is_made_and_never_printed() -> None:
    made = webhook("a", "https://h/", SubscriptionFilter(), 0)
    assert made.target.secret.startswith("whsec_")
    assert made.target.secret not in repr(made)
    assert made.target == WebhookTarget("https://h/", made.target.secret)
