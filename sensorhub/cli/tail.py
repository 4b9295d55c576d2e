"""tail: uplinks as they come."""

import json
import socket
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from sensorhub.cli.context import Context, command, refuse
from sensorhub.hub.tail import address


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "tail")(tail)


def tail(
    context: Context,
    device: Annotated[str | None, typer.Option(help="Only this device.")] = None,
    asset: Annotated[str | None, typer.Option(help="Only this asset.")] = None,
) -> None:
    """Show uplinks as they arrive: readings, ignored values, outcome and reason."""
    context.prepare()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as reader:
        try:
            with address(context.data) as path:
                reader.connect(path)
        except OSError:
            refuse(f"no hub runs on {context.data}: start one with `sensorhub hub`")
        with reader.makefile("r", encoding="utf-8") as lines:
            _show(lines, device, asset, as_json=context.json)


def _show(
    lines: Iterable[str], device: str | None, asset: str | None, *, as_json: bool
) -> None:
    try:
        for line in lines:
            uplink = json.loads(line)
            if device in (None, uplink["device"]) and asset in (None, uplink["asset"]):
                print(line.rstrip() if as_json else words(uplink), flush=True)
    except KeyboardInterrupt:
        return


def words(uplink: dict[str, Any]) -> str:
    """An uplink on one line, what was ignored below it."""
    values = ", ".join(
        f"{r['measurement']} {r['value']:g}{r['unit']}"
        + ("" if r["quality"] == "ok" else f" [{r['quality']}: {r['reason']}]")
        for r in uplink["readings"]
    )
    outcome = uplink["outcome"]
    if uplink["reason"]:
        outcome = f"{outcome} ({uplink['reason']})"
    seq = "" if uplink["seq"] is None else f" #{uplink['seq']}"
    asset = f" at {uplink['asset']}" if uplink["asset"] else ""
    head = f"{uplink['received_at']} {uplink['device'] or '?'}{seq}{asset}: {outcome}"
    parts = [f"{head}  {values}".rstrip()]
    if uplink["detail"]:
        parts.append(f"    why: {uplink['detail']}")
    if uplink["ts_replaced"]:
        parts.append(f"    its own time was too far off: {uplink['ts_replaced']}")
    parts += [f"    ignored: {text}" for text in uplink["ignored"]]
    return "\n".join(parts)
