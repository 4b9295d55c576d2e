"""Topics and payloads of broker messages: native JSON or a ChirpStack envelope."""

from typing import NamedTuple

from firmware_sim.families import wire
from firmware_sim.firmware.command_queue import ACK, TXACK
from firmware_sim.firmware.frame import DeviceFrame
from firmware_sim.firmware.sessions import BIRTH, JOIN
from firmware_sim.town.fleet import Fleet

APPLICATION = "8d3c0f52-54a1-4f0e-9b57-1d2f6a7be310"
OLD_RECORD = b'{"ts":%d,"seq":0,"m":{"battery":50}}'  # of a retained native message
FIRMWARE = "2.3.0"
EVENT_TOPICS = {BIRTH: "status", JOIN: JOIN, TXACK: TXACK, ACK: ACK}  # last level
STRANGER = "02ffff"  # first digits of EUIs that are in no register


class StrangerMessage(NamedTuple):
    """A message of a device that is in no register."""

    topic: str
    body: bytes
    device: str


class MessageEncoder:
    """Encodes the messages of a town's devices."""

    def __init__(self, fleet: Fleet, period_ms: list[int]) -> None:
        self._period_ms = period_ms
        self._fleet = fleet
        self._gateway_ids = fleet.gateway_ids()
        self.topics = [self._topic(row) for row in range(fleet.rows)]

    def _topic(self, row: int) -> str:
        device = self._fleet.devices[row]
        if self._fleet.is_native(row):
            return f"sensorhub/v1/{self._fleet.zone_id(row)}/{device}/up"
        return f"application/{APPLICATION}/device/{device}/event/up"

    def topic(self, frame: DeviceFrame) -> str:
        """Return the topic of a frame."""
        topic = self.topics[frame.row]
        if frame.kind not in EVENT_TOPICS:
            return topic
        return f"{topic.rpartition('/')[0]}/{EVENT_TOPICS[frame.kind]}"

    def payload(self, frame: DeviceFrame, copy: int = 0) -> bytes:
        """Return the payload of a frame; each LoRaWAN copy has an id of its own."""
        if frame.kind == BIRTH:
            version = frame.values.removeprefix("native-") or FIRMWARE
            interval_s = self._period_ms[frame.row] // 1000
            return wire.birth(interval_s, version, frame.data.decode())
        if not (frame.port or frame.kind):
            records = ",".join(map(_record, (*frame.stored, frame)))
            return (f"[{records}]" if frame.stored else records).encode()
        return self._enveloped(frame, copy)

    def _enveloped(self, frame: DeviceFrame, copy: int) -> bytes:
        """Return the network server's event for an uplink, a join or a downlink."""
        row = frame.row
        unique = f"{row:08x}-{frame.seq:04x}-4000-8{copy:03x}-{frame.at:012x}"
        uplink = wire.LorawanUplink(
            eui=self._fleet.devices[row],
            name=self._fleet.assets[row],
            profile=self._fleet.families[row],
            count=frame.seq,
            port=frame.port,
            data=frame.data,
            gateways=((frame.gateway, -80 - frame.seq % 30, 7.5),),
            deduplication=unique,
            joins=frame.joins,
        )
        if frame.kind == JOIN:
            return wire.joined(uplink, frame.at, APPLICATION)
        if frame.kind in (TXACK, ACK):
            item, acknowledged = frame.data.decode(), frame.kind == ACK
            return wire.receipt(uplink, frame.at, APPLICATION, item, acknowledged)
        return wire.chirpstack(uplink, frame.at, APPLICATION)

    def leftover(self, row: int, at: int) -> bytes:
        """Return the payload of a message that was retained at `at` (epoch ms)."""
        if self._fleet.is_native(row):
            return OLD_RECORD % at
        gateway = self._gateway_ids[row]
        return self.payload(DeviceFrame(at, row, 0, "", gateway, 1, b"\0"))

    def stranger(self, frame: DeviceFrame) -> StrangerMessage:
        """Return the message of a frame as if an unknown device had sent it."""
        device, row = self._fleet.devices[frame.row], frame.row
        native = self._fleet.is_native(row)
        other = f"stranger-{row + 1:05}" if native else f"{STRANGER}{row + 1:010x}"
        body = self.payload(frame).replace(device.encode(), other.encode())
        return StrangerMessage(self.topics[row].replace(device, other), body, other)

    def truncated(self, frame: DeviceFrame, missing: float) -> bytes:
        """Return a payload without its end; `missing`: share of what can be cut."""
        body = self.payload(frame)
        least = body.index(b',"deviceInfo"' if frame.port else b',"m"')
        keep = least + int((len(body) - least) * (1 - missing))
        return body[: min(keep, len(body) - 1)]


def _record(frame: DeviceFrame) -> str:
    ts = frame.at + frame.clock_error_ms
    head = f'"ts":{ts},"seq":{frame.seq},"via":"{frame.gateway}"'
    return f'{{{head},"m":{frame.values}}}'
