"""What the broker gets: topics and payloads, native or in a ChirpStack envelope."""

from firmware_sim.families import wire
from firmware_sim.firmware.frame import DeviceFrame
from firmware_sim.firmware.orders import ACK, TXACK
from firmware_sim.firmware.sessions import BIRTH, JOIN
from firmware_sim.town.fleet import Fleet

APPLICATION = "8d3c0f52-54a1-4f0e-9b57-1d2f6a7be310"
LEFT = b'{"ts":%d,"seq":0,"m":{"battery":50}}'  # what was retained long ago
FIRMWARE = "2.3.0"
WHERE = {BIRTH: "status", JOIN: JOIN, TXACK: TXACK, ACK: ACK}
STRANGER = "02ffff"  # how an EUI begins that is in no register


class MessageEncoder:
    """The messages of a town's devices."""

    def __init__(self, fleet: Fleet, period_ms: list[int]) -> None:
        self._period_ms = period_ms
        self._fleet = fleet
        self._vias = fleet.vias()
        self.topics = [self._topic(row) for row in range(fleet.rows)]

    def _topic(self, row: int) -> str:
        device = self._fleet.devices[row]
        if self._fleet.is_native(row):
            return f"sensorhub/v1/{self._fleet.zone_id(row)}/{device}/up"
        return f"application/{APPLICATION}/device/{device}/event/up"

    def topic(self, frame: DeviceFrame) -> str:
        """Where a frame goes."""
        place = self.topics[frame.row]
        if frame.kind not in WHERE:
            return place
        return f"{place.rpartition('/')[0]}/{WHERE[frame.kind]}"

    def payload(self, frame: DeviceFrame, copy: int = 0) -> bytes:
        """A frame's payload; a LoRaWAN copy has an id of its own."""
        if frame.kind == BIRTH:
            version = frame.values.removeprefix("native-") or FIRMWARE
            interval_s = self._period_ms[frame.row] // 1000
            return wire.birth(interval_s, version, frame.data.decode())
        if not (frame.port or frame.kind):
            records = ",".join(map(_record, (*frame.more, frame)))
            return (f"[{records}]" if frame.more else records).encode()
        return self._wrapped(frame, copy)

    def _wrapped(self, frame: DeviceFrame, copy: int) -> bytes:
        """What the network server makes of an uplink or a join."""
        row, via = frame.row, frame.via
        unique = f"{row:08x}-{frame.seq:04x}-4000-8{copy:03x}-{frame.at:012x}"
        seen = wire.LorawanUplink(
            eui=self._fleet.devices[row],
            name=self._fleet.assets[row],
            profile=self._fleet.families[row],
            count=frame.seq,
            port=frame.port,
            data=frame.data,
            gateways=((via, -80 - frame.seq % 30, 7.5),),
            deduplication=unique,
            joins=frame.joins,
        )
        if frame.kind == JOIN:
            return wire.joined(seen, frame.at, APPLICATION)
        if frame.kind in (TXACK, ACK):
            about = (frame.data.decode(), frame.kind == ACK)
            return wire.receipt(seen, frame.at, APPLICATION, *about)
        return wire.chirpstack(seen, frame.at, APPLICATION)

    def leftover(self, row: int, at: int) -> bytes:
        """What a device said long ago."""
        if self._fleet.is_native(row):
            return LEFT % at
        return self.payload(DeviceFrame(at, row, 0, "", self._vias[row], 1, b"\0"))

    def stranger(self, frame: DeviceFrame) -> tuple[str, str, bytes]:
        """The same from a device that nobody knows: its id, topic and payload."""
        device, row = self._fleet.devices[frame.row], frame.row
        native = self._fleet.is_native(row)
        other = f"stranger-{row + 1:05}" if native else f"{STRANGER}{row + 1:010x}"
        body = self.payload(frame).replace(device.encode(), other.encode())
        return other, self.topics[row].replace(device, other), body

    def cut(self, frame: DeviceFrame, missing: float) -> bytes:
        """A payload without its end (a share); what is left is never heard twice."""
        body = self.payload(frame)
        least = body.index(b',"deviceInfo"' if frame.port else b',"m"')
        keep = least + int((len(body) - least) * (1 - missing))
        return body[: min(keep, len(body) - 1)]


def _record(frame: DeviceFrame) -> str:
    told = frame.at + frame.wrong_ms
    seen = f'"ts":{told},"seq":{frame.seq},"via":"{frame.via}"'
    return f'{{{seen},"m":{frame.values}}}'
