"""subscriptions: who is notified of what, and where."""

import sys
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from sensorhub.alerts.system_rules import HUB_ID, SYSTEM_RULES
from sensorhub.cli.context import By, Context, command, refuse
from sensorhub.cli.output import print_json
from sensorhub.cli.tables import table
from sensorhub.config.settings import Settings
from sensorhub.errors import DeliveryError
from sensorhub.hub.workspace import prober
from sensorhub.model import Category
from sensorhub.notify.addresses import networks, resolve
from sensorhub.rules.schema import SEVERITIES, parse_rules
from sensorhub.store import register_lookup, rule_versions, subscriptions
from sensorhub.store.hot import subject_rows

app = typer.Typer(
    no_args_is_help=True, help="Subscribers: which alerts they get, and where."
)
ONE = {
    "zones": "zone",
    "assets": "asset",
    "rules": "rule",
    "categories": "category",
    "severities": "severity",
}
Many = Annotated[list[str] | None, typer.Option(help="Only these; may be repeated.")]


@command(app, "add")
def add(
    context: Context,
    subscription: Annotated[str, typer.Argument(help="Id of the new subscription.")],
    url: Annotated[str, typer.Argument(help="Address: https://host[:port]/path.")],
    by: By,
    zone: Many = None,
    asset: Many = None,
    rule: Many = None,
    category: Many = None,
    severity: Many = None,
    secret: Annotated[
        str | None, typer.Option(help="Secret: whsec_…. Default: a new one.")
    ] = None,
) -> None:
    """Add a webhook. Without filters it gets all alerts. The secret is shown once."""
    if urlsplit(url).scheme not in ("http", "https"):
        refuse(f"{url!r} is no address: https://host[:port]/path, or http://…")
    secret = secret or subscriptions.new_secret()
    choice = {
        "zones": zone or [],
        "assets": asset or [],
        "rules": rule or [],
        "categories": category or [],
        "severities": severity or [],
    }
    _check_named(context, choice)
    arguments = {"id": subscription, "url": url, "secret": secret, "choice": choice}
    result = context.ask(by, "subscribe", arguments)
    words = f"{subscription} is told at {url}\nsecret (shown once): {secret}"
    context.report(result | {"secret": secret}, words)
    _warn(url, context.settings)


def _check_named(context: Context, choice: dict[str, list[str]]) -> None:
    """A choice of what is not there would be believed and tell nobody."""
    with context.connection() as connection:
        text = rule_versions.latest(connection)[1]
        zones = register_lookup.zone_ids(connection)
        subjects = subject_rows.subjects(connection).values()
    book = parse_rules(text, standards=context.standards)
    known: dict[str, set[str]] = {
        "zones": {HUB_ID, *zones},
        "assets": {subject.id for subject in subjects},
        "rules": {*SYSTEM_RULES, *(rule.id for rule in book.rules)},
        "categories": set(map(str, Category)),
        "severities": set(SEVERITIES),
    }
    faults = []
    for part, names in choice.items():
        for name in sorted(set(names) - known[part]):
            some = sorted(known[part])
            more = f"{', '.join(some[:12])}{' …' if len(some) > 12 else ''}"
            faults.append(f"no such {ONE[part]}: {name!r}; one of {more}")
    if faults:
        refuse("\n       ".join(faults))


def _warn(url: str, settings: Settings) -> None:
    """Say so at once where nothing could be delivered to that address now."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    allowed = networks(settings.notify.private_networks)
    try:
        resolve(parts.hostname or "", port, allowed)
    except DeliveryError as error:
        print(f"warning: nothing will be delivered: {error}", file=sys.stderr)


@command(app, "list")
def list_(
    context: Context,
) -> None:
    """List subscriptions. Secrets are not shown."""
    with context.connection() as connection:
        kept = subscriptions.load(connection)
    rows: list[dict[str, Any]] = [
        {
            "id": item.id,
            "channel": item.channel,
            "url": item.target.url,
            "disabled": item.disabled,
            "zones": sorted(item.choice.zones),
            "assets": sorted(item.choice.assets),
            "rules": sorted(item.choice.rules),
            "categories": sorted(item.choice.categories),
            "severities": sorted(item.choice.severities),
        }
        for item in kept
    ]
    if context.json:
        print_json(rows)
        return
    names = ["id", "url", "zones", "assets", "rules", "categories", "severities"]
    names.append("disabled")
    shown = [
        [", ".join(row[n]) if isinstance(row[n], list) else row[n] for n in names]
        for row in rows
    ]
    table("subscriptions", names, shown)


@command(app, "remove")
def remove(
    context: Context,
    subscription: Annotated[str, typer.Argument(help="Subscription id.")],
    by: By,
) -> None:
    """Remove a subscription. Waiting notifications are dropped."""
    result = context.ask(by, "unsubscribe", {"id": subscription})
    context.report(result, f"subscription {subscription} is removed")


@command(app, "test")
def try_(
    context: Context,
    subscription: Annotated[str, typer.Argument(help="Subscription id.")],
) -> None:
    """Send a test event now and show the receiver's response."""
    with context.connection() as connection:
        item = subscriptions.get(connection, subscription)
    if item is None:
        refuse(f"no such subscription: {subscription!r}")
    verdict = prober(context.settings)(item)
    view = {
        "delivered": verdict.taken,
        "response": verdict.response,
        "took_ms": verdict.took_ms,
        "taken": verdict.taken,  # until 0.3.0
        "said": verdict.response,  # until 0.3.0
    }
    outcome = "Delivered" if verdict.taken else "Delivery failed"
    context.report(view, f"{outcome}: {verdict.response}")
    if not verdict.taken:
        raise typer.Exit(1)
