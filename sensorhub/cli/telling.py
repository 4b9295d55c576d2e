"""subscriptions: who is told of what, and where."""

from typing import Annotated, Any

import typer

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
    table,
)
from sensorhub.place import prober
from sensorhub.store import database, subscriptions

app = typer.Typer(no_args_is_help=True, help="Who is told of what, and where.")
Many = Annotated[list[str] | None, typer.Option(help="may stand several times")]


@app.command("add")
def add(
    subscription: str,
    url: str,
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
    place, _, _ = opened(config, data)
    secret = secret or subscriptions.new_secret()
    choice = {
        "zones": zone or [],
        "assets": asset or [],
        "rules": rule or [],
        "categories": category or [],
        "severities": severity or [],
    }
    arguments = {"id": subscription, "url": url, "secret": secret, "choice": choice}
    result = ask(place, by, "subscribe", arguments)
    words = f"{subscription} is told at {url}\nsecret (shown once): {secret}"
    said(result | {"secret": secret}, json_, words)


@app.command("list")
def list_(config: Config = CONFIG, data: Data = DATA, json_: Json = False) -> None:
    """All subscriptions; secrets are not shown."""
    place, _, _ = opened(config, data)
    connection = database.connect(place.data, read_only=True)
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
        for item in subscriptions.load(connection)
    ]
    if json_:
        say_json(rows)
        return
    names = ["id", "channel", "url", "disabled", "zones", "rules", "severities"]
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
    place, _, _ = opened(config, data)
    result = ask(place, by, "unsubscribe", {"id": subscription})
    said(result, json_, f"{subscription} is told no more")


@app.command("test")
def try_(
    subscription: str, config: Config = CONFIG, data: Data = DATA, json_: Json = False
) -> None:
    """Send a test event now and show what the receiver said."""
    place, settings, _ = opened(config, data)
    connection = database.connect(place.data, read_only=True)
    item = subscriptions.get(connection, subscription)
    if item is None:
        refuse(f"no such subscription: {subscription!r}")
    verdict = prober(settings)(item)
    view = {"taken": verdict.taken, "said": verdict.said, "took_ms": verdict.took_ms}
    said(view, json_, f"{'taken' if verdict.taken else 'NOT taken'}: {verdict.said}")
    if not verdict.taken:
        raise typer.Exit(1)
