"""decode: a frame or a message explained field by field."""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from sensorhub.cli.context import Context, command, refuse
from sensorhub.cli.output import print_json
from sensorhub.cli.tables import table
from sensorhub.clock import Clock
from sensorhub.codecs.files import codecs_of
from sensorhub.decode.network_server import frame_bytes
from sensorhub.model import AssetKind, Envelope, EnvelopeError
from sensorhub.registry.geometry import parse_table, table_text
from sensorhub.registry.profiles import Profile
from sensorhub.registry.registry import AssetRow, DeviceRow
from sensorhub.store import database, register
from sensorhub.views.decoded_views import (
    DeadLetterView,
    FieldView,
    MessageView,
    UplinkView,
)
from sensorhub.views.explain import explain_message, explain_uplink
from sensorhub.views.judged_message import DecodeContext, RegisterRows

NAMES = ("bytes", "field", "raw", "measurement", "value", "unit", "quality", "why")
NAMED: tuple[Literal["port", "seq", "network_time", "measured_at"], ...] = (
    "port",
    "seq",
    "network_time",
    "measured_at",
)


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "decode")(decode)


def usual_port(profile: Profile | None) -> int:
    """The LoRaWAN port a maker's devices send readings on, by their manuals."""
    family = (profile.decoder or "").partition("-")[0] if profile else ""
    return {"milesight": 85, "dragino": 2}.get(family, 1)


def decode(
    context: Context,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[PROFILE] FRAME…",
            help="A profile and a frame in hex, spaces allowed. With --device the frame"
            " alone. With --topic a message: JSON, a file name, or - for standard"
            " input.",
        ),
    ],
    device: Annotated[
        str | None,
        typer.Option(help="Registered device: its profile and asset are used."),
    ] = None,
    topic: Annotated[
        str | None, typer.Option(help="MQTT topic of a whole message.")
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            help="With --topic: profile to use instead of the registered one."
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="LoRaWAN fPort.", show_default="the vendor's")
    ] = None,
    base64: Annotated[
        bool, typer.Option("--base64", help="The frame is in base64.")
    ] = False,
    asset: Annotated[
        str | None, typer.Option(help="Registered asset whose shape is used.")
    ] = None,
    volumes: Annotated[
        str | None,
        typer.Option(help='A shape as "1200:0 150:240": mm:litres from empty to full.'),
    ] = None,
) -> None:
    """Explain a frame or a message field by field. Stores nothing."""
    profiles, mqtt = context.profiles, context.settings.mqtt
    rows = _register_rows(context)
    words = list(words)
    if topic is None and device is None and profile is None:
        profile = words.pop(0)
        if not words:
            refuse("say a profile and a frame: sensorhub decode PROFILE HEX")
    named = _device_row(device, rows)
    if profile is not None and profile not in profiles:
        refuse(f"no such profile: {profile!r}; `sensorhub profiles` lists them")
    now = Clock().now()
    codecs = codecs_of(context.config, context.settings, profiles, lambda: now)
    known = DecodeContext(
        rows,
        profiles,
        mqtt.topics,
        mqtt.max_payload_bytes,
        codecs,
        profiles[profile] if profile else None,
        _shape(asset, volumes, rows),
    )
    views: list[MessageView]
    try:
        if topic is not None:
            views = explain_message(topic, message_of(words), known, now)
        else:
            frame = _frame(words, base64)
            views = [_explain_frame(frame, named, port, known, now)]
    finally:
        codecs.close()
    if context.json:
        print_json(views if topic is not None else views[0])
        return
    for view in views:
        _show(view)


def _device_row(device: str | None, rows: RegisterRows) -> DeviceRow | None:
    """The row of a device that was named. Ends in words where it is not known."""
    if device is None:
        return None
    row = next((row for row in rows.devices if row.id == device), None)
    if row is None:
        refuse(f"no such device: {device!r}; `sensorhub fleet list` lists them")
    return row


def _explain_frame(
    frame: bytes,
    device: DeviceRow | None,
    port: int | None,
    known: DecodeContext,
    now: int,
) -> UplinkView | DeadLetterView:
    """What a frame says by the profile that was named, else by its device's."""
    profile = known.profile
    if profile is None and device is not None:
        profile = known.profiles.get(device.profile)
    port = usual_port(profile) if port is None else port
    name = device.id if device is not None else ""
    view = explain_uplink(Envelope(name, port=port, payload=frame), known, now)
    if not frame:
        view["errors"].append("empty frame")
    return view


def _register_rows(context: Context) -> RegisterRows:
    """The rows of the register; none where there is no database yet."""
    if not (context.data / database.FILE).exists():
        return RegisterRows([], [], [])
    with context.connection() as connection:
        assets, devices, mountings = register.registry_rows(connection)
        return RegisterRows(list(assets), list(devices), list(mountings))


def _shape(
    asset: str | None, volumes: str | None, rows: RegisterRows
) -> AssetRow | None:
    """The asset whose shape is to be assumed."""
    if volumes is not None:
        try:
            table = table_text(parse_table(volumes))
        except ValueError as error:
            refuse(f"--volumes: {error}")
        made_up = (0, "shape", "", AssetKind.BIN.value, "", "", None, None, "")
        return AssetRow(*made_up, None, None, None, table)
    if asset is None:
        return None
    row = next((row for row in rows.assets if row.id == asset), None)
    if row is None:
        refuse(f"no such asset: {asset!r}; `sensorhub fleet list` lists them")
    if row.empty_mm is None and not row.volumes:
        refuse(f"asset {asset} has no shape: empty_mm and full_mm, or volumes")
    return row


def _frame(words: list[str], base64: bool) -> bytes:
    text = " ".join(words)
    try:
        return frame_bytes(text) if base64 else bytes.fromhex(text)
    except EnvelopeError as error:
        refuse(str(error))
    except ValueError:
        refuse(f"not hex: {text!r}")


def message_of(words: list[str]) -> bytes:
    """A message that was given as JSON, as a file's name, or as standard input."""
    text = " ".join(words)
    if text == "-":
        return sys.stdin.buffer.read()
    if text.lstrip()[:1] in ("{", "["):
        return text.encode()
    try:
        return Path(text).read_bytes()
    except OSError as error:
        refuse(f"{text}: {error.strerror}; a message is JSON, a file's name, or -")


# -- for people --


def _show(view: MessageView) -> None:
    if "event" in view:
        print(f"event {view['event']} of {view['device']}: no uplink")
        return
    if "dead" in view:
        print(f"dead letter, {view['dead']}: {'; '.join(view['errors'])}")
        return
    parts = [f"profile {view['profile']}", view["decoder"]]
    parts += [f"device {view['device']}"] if view["device"] else []
    for key in NAMED:
        parts += [f"{key} {view[key]}"] if view[key] is not None else []
    print(", ".join(parts))
    if view["frame"]:
        print(f"frame {bytes.fromhex(view['frame']).hex(' ')}")
    frame = bytes.fromhex(view["frame"] or "")
    table("fields", list(NAMES), [_cells(row, frame) for row in view["fields"]])
    for row in view["derived"]:
        why = f" ({row['why']})" if row["why"] else ""
        print(
            f"{row['measurement']} {row['value']:g} {row['unit']} from {row['from']}:"
            f" {row['quality']}{why}"
        )
    read = {byte for row in view["fields"] for byte in row["bytes"]}
    unread = sorted(set(range(len(frame))) - read)
    if unread and read:
        print(f"bytes of no field (channels, types, headers): {ranges(unread)}")
    shown = {row["name"] for row in view["fields"]}
    for line in view["ignored"]:
        if line.partition(":")[0] not in shown and line not in view["errors"]:
            print(f"ignored: {line}")
    for line in view["errors"]:
        print(f"errors: {line}")
    if view["outcome"] == "dead":
        print(f"dead letter, {view['reason']}: {view['detail']}")


def _cells(row: FieldView, frame: bytes) -> list[Any]:
    places = row["bytes"]
    shown = ""
    if places:
        shown = f"{ranges(places)}: {bytes(frame[i] for i in places).hex(' ')}"
    raw = row["raw"] if isinstance(row["raw"], str) else f"{row['raw']:.10g}"
    value = None if row["value"] is None else f"{row['value']:.10g}"
    quality = row["quality"] or "not kept"
    why = row["why"] or (f"at {row['measured_at']}" if row["measured_at"] else "")
    return [
        *(shown, row["name"], raw, row["measurement"], value, row["unit"]),
        *(quality, why),
    ]


def ranges(places: list[int]) -> str:
    """Places as people write them: 0-2, 5."""
    parts: list[list[int]] = []
    for place in places:
        if parts and parts[-1][-1] == place - 1:
            parts[-1].append(place)
        else:
            parts.append([place])
    return ", ".join(
        f"{part[0]}-{part[-1]}" if len(part) > 1 else str(part[0]) for part in parts
    )
