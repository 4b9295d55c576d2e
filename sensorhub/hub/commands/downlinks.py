"""Downlinks that an operator sends: the message, and the row that delivers it."""

import json
import uuid
from typing import Any

from sensorhub.codecs.protocol import EncodeCall
from sensorhub.decode import downlinks as wire
from sensorhub.decode.downlinks import DownlinkFrame
from sensorhub.hub.commands.context import CommandContext
from sensorhub.hub.commands.result import Result
from sensorhub.hub.hub import Hub
from sensorhub.model import BY_NAME
from sensorhub.registry.profiles import NATIVE
from sensorhub.store.hot import downlinks
from sensorhub.store.hot.downlinks import Downlink
from sensorhub.store.hot.outbox import MQTT, OutboxRow

PORTS = range(1, 224)  # LoRaWAN 1.0.4: application ports
MOST_BYTES = 242  # LoRaWAN: the largest frame of any data rate


def ask(context: CommandContext) -> Result:
    """Add a downlink and its message to the change set. Raises ValueError."""
    arguments = dict(context.command.arguments)
    name, kind = arguments.pop("device"), arguments.pop("kind")
    port, confirmed = (
        arguments.pop("port", None),
        bool(arguments.pop("confirmed", False)),
    )
    device = context.hub.session.registry.device_no.get(name)
    if device is None:
        raise ValueError(f"no such device: {name!r}; see `sensorhub fleet list`")
    if kind not in wire.KINDS:
        raise ValueError(f"a downlink is one of {', '.join(wire.KINDS)}, not {kind!r}")
    _check(kind, arguments)
    id_ = str(uuid.uuid4())
    profile = context.hub.session.registry.profiles[device]
    if profile is not None and profile.decoder == NATIVE:
        address = _native_address(context.hub, device, name, kind)
        topic, payload = wire.native(id_, address, kind, arguments)
    else:
        frame = _frame(context.hub, device, kind, arguments, port)
        address = (_application(context.hub, device, name), name)
        topic, payload = wire.chirpstack(id_, address, frame, confirmed=confirmed)
        decoder = (profile.decoder if profile is not None else None) or ""
        echoes = [echo.hex() for echo in wire.echoes(decoder, frame.data)]
        arguments |= {"bytes": frame.data.hex(), "port": frame.port, "echoes": echoes}
    row = Downlink(id_, device, kind, arguments, topic, context.command.by, context.now)
    body = json.dumps({"topic": topic, "payload": payload.decode(), "downlink": id_})
    context.change_set.writes.append(lambda c: downlinks.add(c, row))
    context.change_set.outbox.append(
        OutboxRow(f"down-{id_}", MQTT, f"down-{name}", "", context.now, body.encode())
    )
    context.change_set.after_commit.append(
        lambda: context.hub.session.downlink_tracker.track(row)
    )
    return {"downlink": id_, "topic": topic, "payload": json.loads(payload)}


def _native_address(hub: Hub, device: int, name: str, kind: str) -> tuple[str, str]:
    zone = hub.session.registry.zone_of(int(hub.session.registry.asset_of[device]))
    if not zone:
        raise ValueError(f"{name} is mounted nowhere, so its topic is not known")
    if kind == "data":
        raise ValueError("data is for the codec of a profile that has one")
    return zone, name


def _application(hub: Hub, device: int, name: str) -> str:
    application = hub.session.downlink_tracker.applications[device]
    if not application:
        raise ValueError(
            f"{name} is not native and was not yet heard through ChirpStack: its"
            " application is learned from its first uplink"
        )
    return application


def _check(kind: str, arguments: dict[str, Any]) -> None:
    """Check the arguments before anything is written."""
    if kind == "interval":
        seconds = arguments["interval_s"]
        if type(seconds) is not int or not 1 <= seconds <= wire.MOST_INTERVAL_S:
            raise ValueError(f"an interval is 1 s to {wire.MOST_INTERVAL_S} s")
    if kind == "thresholds":
        if not arguments["thresholds"]:
            raise ValueError("name at least one threshold, like fill_level=80")
        for name, limits in arguments["thresholds"].items():
            _check_threshold(name, limits if isinstance(limits, list) else [limits])
    if kind == "hex":
        data = bytes.fromhex(arguments["hex"])
        if not 0 < len(data) <= MOST_BYTES:
            raise ValueError(f"1 to {MOST_BYTES} bytes are sent, not {len(data)}")


def _check_threshold(name: str, limits: list[float]) -> None:
    entry = BY_NAME.get(name)
    if entry is None:
        raise ValueError(f"no such measurement: {name!r}")
    if len(limits) > 2 or not all(entry.low <= x <= entry.high for x in limits):
        raise ValueError(f"{name}: {entry.low:g} to {entry.high:g} {entry.unit}")
    if sorted(limits) != limits:
        raise ValueError(f"{name}: the lower number first")


def _frame(
    hub: Hub, device: int, kind: str, arguments: dict[str, Any], port: int | None
) -> DownlinkFrame:
    """The bytes that are sent to a LoRaWAN device."""
    profile = hub.session.registry.profiles[device]
    if kind == "hex":
        if port is None or port not in PORTS:
            raise ValueError("hex needs a port, 1 to 223 (--port)")
        return DownlinkFrame(port, bytes.fromhex(arguments["hex"]))
    if profile is None:
        raise ValueError("its profile is not among the profiles: send it as hex")
    if kind == "data":
        return _encoded(hub, profile.codec, profile.variables, arguments["data"], port)
    frame = wire.family_bytes(profile.decoder or "none", kind, arguments)
    return frame if port is None else frame._replace(port=port)


def _encoded(
    hub: Hub,
    codec: str | None,
    variables: dict[str, Any],
    data: Any,
    port: int | None,
) -> DownlinkFrame:
    """Encode data with the codec's encodeDownlink."""
    if codec is None:
        raise ValueError("its profile names no codec: send it as hex")
    result = hub.configuration.codecs.encode(EncodeCall(codec, data, variables))
    table = result if isinstance(result, dict) else {"bytes": result}
    if table.get("errors"):
        raise ValueError(f"codecs/{codec}: {'; '.join(map(str, table['errors']))}")
    found, to = table.get("bytes"), port or table.get("fPort")
    if not isinstance(found, list) or not set(found) <= set(range(256)):
        raise ValueError(f"codecs/{codec}: encodeDownlink gave no bytes: {found!r:.80}")
    if type(to) is not int or to not in PORTS:
        raise ValueError(f"codecs/{codec}: encodeDownlink names no port: say --port")
    if not 0 < len(found) <= MOST_BYTES:
        raise ValueError(f"1 to {MOST_BYTES} bytes are sent, not {len(found)}")
    return DownlinkFrame(to, bytes(found))
