"""subscriptions: who is told of what, and where."""

import sys
from contextlib import closing
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from sensorhub.alerts.system import HUB_ID, SYSTEM_RULES
from sensorhub.cli.common import (
    CONFIG,
    DATA,
    By,
    Config,
    Data,
    Json,
    ask,
    opened,
    refuse,
    said,
    say_json,
)
from sensorhub.cli.tables import table
from sensorhub.config.settings import Settings
from sensorhub.errors import DeliveryError
from sensorhub.hub.workspace import Workspace, prober
from sensorhub.model import Category
from sensorhub.notify.addresses import networks, resolve
from sensorhub.rules.schema import SEVERITIES, parse_rules
from sensorhub.standards import load_standards
from sensorhub.store import Connection, database, rule_versions, subscriptions

app = typer.Typer(no_args_is_help=True, help="Who is told of what, and where.")
ONE = {
    "zones": "zone",
    "assets": "asset",
    "rules": "rule",
    "categories": "category",
    "severities": "severity",
}
Many = Annotated[list[str] | None, typer.Option(help="may stand several times")]


@app.command("add")
def add(
    subscription: Annotated[str, typer.Argument(help="an id for it, new")],
    url: Annotated[str, typer.Argument(help="https://host[:port]/path")],
    by: By,
    zone: Many = None,
    asset: Many = None,
    rule: Many = None,
    category: Many = None,
    severity: Many = None,
    secret: Annotated[str | None, typer.Option(help="whsec_…; default: new")] = None,
    config: Config = CONFIG,
    data: Data = DATA,
    json_: Json = False,
) -> None:
    """Add a webhook; what is not chosen means all. The secret is shown once."""
    workspace, settings, _ = opened(config, data)
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
    _check_named(workspace, choice)
    arguments = {"id": subscription, "url": url, "secret": secret, "choice": choice}
    result = ask(workspace, by, "subscribe", arguments)
    words = f"{subscription} is told at {url}\nsecret (shown once): {secret}"
    said(result | {"secret": secret}, json_, words)
    _warn(url, settings)


def _check_named(workspace: Workspace, choice: dict[str, list[str]]) -> None:
    """A choice of what is not there would be believed and tell nobody."""
    with closing(database.connect(workspace.data, read_only=True)) as connection:
        text = rule_versions.latest(connection)[1]
        zones = _column(connection, "SELECT id FROM zones")
        assets = _column(
            connection, "SELECT id FROM assets UNION SELECT id FROM places"
        )
    book = parse_rules(text, standards=load_standards(workspace.config))
    known: dict[str, set[str]] = {
        "zones": {HUB_ID, *zones},
        "assets": {HUB_ID, *assets},
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


def _column(connection: Connection, query: str) -> list[str]:
    return [str(row[0]) for row in connection.execute(query)]


def _warn(url: str, settings: Settings) -> None:
    """Say so at once where nothing could be delivered to that address now."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    allowed = networks(settings.notify.private_networks)
    try:
        resolve(parts.hostname or "", port, allowed)
    except DeliveryError as error:
        print(f"warning: nothing will be delivered: {error}", file=sys.stderr)


@app.command("list")
def list_(config: Config = CONFIG, data: Data = DATA, json_: Json = False) -> None:
    """All subscriptions; secrets are not shown."""
    workspace, _, _ = opened(config, data)
    with closing(database.connect(workspace.data, read_only=True)) as connection:
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
    if json_:
        say_json(rows)
        return
    names = ["id", "url", "zones", "assets", "rules", "categories", "severities"]
    names.append("disabled")
    shown = [
        [", ".join(row[n]) if isinstance(row[n], list) else row[n] for n in names]
        for row in rows
    ]
    table("subscriptions", names, shown)


@app.command("remove")
def remove(
    subscription: str,
    by: By,
    config: Config = CONFIG,
    data: Data = DATA,
    json_: Json = False,
) -> None:
    """Remove a subscription; what waited for it is dropped."""
    workspace, _, _ = opened(config, data)
    result = ask(workspace, by, "unsubscribe", {"id": subscription})
    said(result, json_, f"{subscription} is told no more")


@app.command("test")
def try_(
    subscription: str, config: Config = CONFIG, data: Data = DATA, json_: Json = False
) -> None:
    """Send a test event now and show what the receiver said."""
    workspace, settings, _ = opened(config, data)
    with closing(database.connect(workspace.data, read_only=True)) as connection:
        item = subscriptions.get(connection, subscription)
    if item is None:
        refuse(f"no such subscription: {subscription!r}")
    verdict = prober(settings)(item)
    view = {"taken": verdict.taken, "said": verdict.said, "took_ms": verdict.took_ms}
    said(view, json_, f"{'taken' if verdict.taken else 'NOT taken'}: {verdict.said}")
    if not verdict.taken:
        raise typer.Exit(1)
