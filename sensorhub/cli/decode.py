"""decode: a frame or a message explained field by field."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from sensorhub.cli.context import Context, command, refuse
from sensorhub.cli.output import print_json
from sensorhub.cli.tables import table
from sensorhub.clock import Clock
from sensorhub.codecs.files import codec_frames
from sensorhub.decode.network_server import frame_bytes
from sensorhub.model import Envelope, EnvelopeError
from sensorhub.registry.geometry import Geometry, parse_table, table_text
from sensorhub.registry.profiles import Profile
from sensorhub.registry.registry import AssetRow, Registry
from sensorhub.store import database, register
from sensorhub.views.explain import Known, explain_message, explain_uplink

NAMES = ("bytes", "field", "raw", "measurement", "value", "unit", "quality", "why")


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
    profiles = context.profiles
    registry, shapes = _registered(context)
    words = list(words)
    if topic is None and device is None and profile is None:
        profile = words.pop(0)
        if not words:
            refuse("say a profile and a frame: sensorhub decode PROFILE HEX")
    _check_named(profile, profiles, device, registry)
    now = Clock().now()
    known = Known(
        registry,
        profiles,
        context.settings.mqtt.topics,
        lambda of, frames: codec_frames(
            context.config, context.settings, of, frames, now
        ),
        profiles[profile] if profile else None,
        _shape(asset, volumes, shapes),
    )
    if topic is not None:
        views = explain_message(topic, message_of(words), known, now)
    else:
        views = [_explain_frame(_frame(words, base64), device, port, known)]
    if context.json:
        print_json(views if topic is not None else views[0])
        return
    for view in views:
        _show(view)


def _check_named(
    profile: str | None,
    profiles: dict[str, Profile],
    device: str | None,
    registry: Registry,
) -> None:
    """End in words where a name is not known."""
    if profile is not None and profile not in profiles:
        refuse(f"no such profile: {profile!r}; `sensorhub profiles` lists them")
    if device is not None and device not in registry.device_no:
        refuse(f"no such device: {device!r}; `sensorhub fleet list` lists them")


def _explain_frame(
    frame: bytes, device: str | None, port: int | None, known: Known
) -> dict[str, Any]:
    """What a frame says by the profile that was named, else by its device's."""
    profile = known.profile
    if profile is None and device is not None:
        profile = known.registry.profiles[known.registry.device_no[device]]
    port = usual_port(profile) if port is None else port
    view = explain_uplink(Envelope(device or "", port=port, payload=frame), known)
    if not frame:
        view["errors"].append("empty frame")
    return view


def _registered(context: Context) -> tuple[Registry, dict[str, AssetRow]]:
    """The register, and the assets' rows; empty where there is no database yet."""
    if not (context.data / database.FILE).exists():
        return Registry((), (), (), context.profiles), {}
    with context.connection() as connection:
        rows = register.registry_rows(connection)
        assets = list(rows[0])
        registry = Registry(assets, list(rows[1]), rows[2], context.profiles)
    registry.settle(Clock().now())
    return registry, {row.id: row for row in assets}


def _shape(
    asset: str | None, volumes: str | None, shapes: dict[str, AssetRow]
) -> Geometry | None:
    shape = Geometry(1)
    if volumes is not None:
        try:
            shape.add(0, None, None, table_text(parse_table(volumes)))
        except ValueError as error:
            refuse(f"--volumes: {error}")
        return shape
    if asset is None:
        return None
    if asset not in shapes:
        refuse(f"no such asset: {asset!r}; `sensorhub fleet list` lists them")
    row = shapes[asset]
    if row.empty_mm is None and not row.volumes:
        refuse(f"asset {asset} has no shape: empty_mm and full_mm, or volumes")
    shape.add(0, row.empty_mm, row.full_mm, row.volumes)
    return shape


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


def _show(view: dict[str, Any]) -> None:
    if "event" in view:
        print(f"event {view['event']} of {view['device']}: no uplink")
        return
    if "dead" in view:
        print(f"dead letter, {view['dead']}: {'; '.join(view['errors'])}")
        return
    said = [f"profile {view['profile']}", view["decoder"]]
    said += [f"device {view['device']}"] if view["device"] else []
    for key in ("port", "seq", "network_time", "measured_at"):
        said += [f"{key} {view[key]}"] if view[key] is not None else []
    print(", ".join(said))
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
    for word in ("ignored", "errors"):
        for line in view[word]:
            print(f"{word}: {line}")


def _cells(row: dict[str, Any], frame: bytes) -> list[Any]:
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
