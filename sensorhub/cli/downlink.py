"""downlink, downlinks: asking a device for something, and what became of it."""

import json
from typing import Annotated, Any

import typer

from sensorhub.alerts.event import rfc3339
from sensorhub.cli.context import By, Context, command, refuse
from sensorhub.cli.output import print_json
from sensorhub.cli.tables import table
from sensorhub.config.schema import parse_duration
from sensorhub.store import register_lookup
from sensorhub.store.hot import downlinks


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "downlink")(downlink)
    command(app, "downlinks")(listing)


def downlink(
    context: Context,
    device: Annotated[str, typer.Argument(help="Device id.")],
    kind: Annotated[
        str, typer.Argument(help="`interval`, `thresholds`, `reboot`, `hex` or `data`.")
    ],
    by: By,
    value: Annotated[
        list[str] | None,
        typer.Argument(
            help="15m | fill_level=80 tilt=0..30 | 01 00 03 84 | JSON for a codec."
        ),
    ] = None,
    port: Annotated[int | None, typer.Option(help="LoRaWAN fPort.")] = None,
    confirmed: Annotated[
        bool,
        typer.Option("--confirmed", help="Ask a LoRaWAN device to acknowledge it."),
    ] = False,
) -> None:
    """Set a device's interval or thresholds, reboot it, or send it bytes."""
    arguments = {"device": device, "kind": kind, **_argument(kind, value or [])}
    if port is not None:
        arguments["port"] = port
    if confirmed:
        arguments["confirmed"] = True
    result = context.ask(by, "downlink", arguments)
    words = f"{device}: {kind} is asked; `sensorhub downlinks {device}` says what"
    context.report(result, f"{words} became of it")


def _argument(kind: str, value: list[str]) -> dict[str, Any]:
    """What the kind needs, out of the words behind it."""
    text = " ".join(value)
    try:
        if kind == "interval":
            seconds = text if text.isdigit() else parse_duration(text) / 1000
            return {"interval_s": int(seconds)}
        if kind == "thresholds":
            pairs = [word.split("=", 1) for word in value]
            return {"thresholds": {name: _limits(text) for name, text in pairs}}
        if kind == "hex":
            return {"hex": bytes.fromhex(text).hex()}
        if kind == "data":
            return {"data": json.loads(text)}
    except ValueError as error:
        refuse(f"{kind} {text!r}: {error}")
    if text:
        refuse(f"{kind} takes no value, but {text!r} is given")
    return {}


def _limits(text: str) -> float | list[float]:
    """A threshold, or two between which all is well: 80, 300..1500."""
    low, dots, high = text.partition("..")
    return [float(low), float(high)] if dots else float(text)


def listing(
    context: Context,
    device: Annotated[str | None, typer.Argument(help="Only of this device.")] = None,
) -> None:
    """List downlinks and their state: asked, sent, transmitted, confirmed."""
    with context.connection() as connection:
        names = register_lookup.device_ids(connection)
        numbers = {name: number for number, name in names.items()}
        if device is not None and device not in numbers:
            refuse(f"no such device: {device!r}; see `sensorhub fleet list`")
        rows = downlinks.listing(
            connection, None if device is None else numbers[device]
        )
    if context.json:
        print_json([_view(row, names) for row in rows])
        return
    shown = [
        [
            *(names.get(row.device, "?"), row.kind, _words(row), _state(row)),
            *(context.local(at) for at in (row.asked_at, row.sent_at, row.obeyed_at)),
            *(row.by, row.note),
        ]
        for row in rows
    ]
    heads = ["device", "kind", "what", "state", "asked", "sent", "confirmed"]
    heads += ["by", "note"]
    table("downlinks", heads, shown)


def _words(row: downlinks.Downlink) -> str:
    arguments = row.arguments
    if "interval_s" in arguments:
        return f"{arguments['interval_s']} s"
    if "thresholds" in arguments:
        thresholds = arguments["thresholds"].items()
        return ", ".join(f"{name}={_shown(limits)}" for name, limits in thresholds)
    return str(arguments.get("bytes") or arguments.get("hex") or "")


def _state(row: downlinks.Downlink) -> str:
    return "confirmed" if row.state == "obeyed" else row.state


def _shown(limits: float | list[float]) -> str:
    many = limits if isinstance(limits, list) else [limits]
    return "..".join(f"{number:g}" for number in many)


def _view(row: downlinks.Downlink, names: dict[int, str]) -> dict[str, Any]:
    return {
        "id": row.id,
        "device": names.get(row.device),
        "kind": row.kind,
        "said": {k: v for k, v in row.arguments.items() if k != "echoes"},
        "topic": row.topic,
        "by": row.by,
        "state": row.state,
        "asked_at": rfc3339(row.asked_at),
        "sent_at": rfc3339(row.sent_at),
        "transmitted_at": rfc3339(row.passed_at),
        "confirmed_at": rfc3339(row.obeyed_at),
        "obeyed_at": rfc3339(row.obeyed_at),  # until 0.3.0
        "note": row.note,
    }
