"""What devices send, as whole MQTT packets: one round is one uplink of each device.

All packets of a form are equally long, so that a round is an array of bytes and
time, seq and packet id are written into all of it at once.
"""

import base64
import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

STEP_MS = 600_000  # between two uplinks of one device
FIRST_SEQ = 100_000  # of six digits throughout
DAY_MS = 86_400_000
EMPTY_MM, FULL_MM = 1000, 200  # geometry of the bins with a distance sensor
EUI = "24e124713c{:06x}"

NATIVE_TOPIC = "sensorhub/v1/z{zone}/{device}/up"
NATIVE = (
    '{{"ts":{ts:013d},"seq":{seq:06d},"m":{{"fill_level":{fill:.1f},'
    '"temperature":{temperature:.1f},"battery":{battery},"tilt":1.2}}}}'
)
WRAPPED_TOPIC = "application/a0f2c3d4/device/{device}/event/up"
# the fields of ChirpStack's documented `up` event
WRAPPED = (
    '{{"deduplicationId":"3ac7e3c4-4401-4b8d-9386-a5c902f9202d","time":"{time}",'
    '"deviceInfo":{{"tenantId":"52f14cd4-c6f1-4fbd-8f87-4025e1d49242","tenantName":'
    '"ChirpStack","applicationId":"17c82e96-be03-4f38-aef3-f83d48582d97",'
    '"applicationName":"Bins","deviceProfileId":"14855bf7-d10d-4aee-b618-ebfcb64dc7ad"'
    ',"deviceProfileName":"EM400-TLD","deviceName":"bin","devEui":"{device}",'
    '"tags":{{"key":"value"}}}},"devAddr":"00189440","adr":true,"dr":1,"fCnt":{seq:06d},'
    '"fPort":85,"confirmed":false,"data":"{data}","rxInfo":[{{"gatewayId":'
    '"0016c001f153a14c","uplinkId":4217106255,"rssi":-96,"snr":10.5,"channel":2,'
    '"location":{{"latitude":31.2304,"longitude":121.4737}},"context":"E3OWOQ==",'
    '"metadata":{{"region_name":"cn470","region_common_name":"CN470"}},'
    '"crcStatus":"CRC_OK"}}],"txInfo":{{"frequency":470300000,"modulation":'
    '{{"lora":{{"bandwidth":125000,"spreadingFactor":11,"codeRate":"CR_4_5"}}}}}}}}'
)


def device_name(form: str, number: int) -> str:
    """The id of device `number` from 1."""
    return f"d{number:06d}" if form == "native" else EUI.format(number)


@dataclass
class World:
    """Devices whose bins stand at 20-29 %, and at 95 % for a while now and then.

    `change`: how many of the uplinks report that it went up or was emptied; the
    default rules make about one transition of each.
    """

    devices: int
    form: str
    change: float
    start_ms: int
    seed: int = 1
    step_ms: int = STEP_MS
    round: int = 0
    _chance: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self._chance = np.random.default_rng(self.seed)
        self._base = 20.0 + 9.0 * self._chance.random(self.devices)
        self._full = np.zeros(self.devices, np.bool_)
        self._battery = self._chance.integers(30, 100, self.devices)
        self._sample = self._packet(1, 20.0, 20.0, 30)
        self._first = self._rows(self._base, self._base)

    def _packet(
        self, number: int, fill: float, temperature: float, battery: int
    ) -> bytes:
        device = device_name(self.form, number)
        if self.form == "native":
            topic = NATIVE_TOPIC.format(zone=1 + number % 3, device=device)
            text = NATIVE.format(
                ts=0, seq=0, fill=fill, temperature=temperature, battery=battery
            )
        else:
            topic = WRAPPED_TOPIC.format(device=device)
            distance = round(EMPTY_MM - fill / 100 * (EMPTY_MM - FULL_MM))
            frame = b"\x01\x75" + bytes((battery,)) + b"\x03\x67"
            frame += struct.pack("<h", round(temperature * 10)) + b"\x04\x82"
            frame += struct.pack("<H", distance) + b"\x05\x00\x00"
            text = WRAPPED.format(
                time="2026-11-01T00:00:00.000Z",
                device=device,
                seq=0,
                data=base64.b64encode(frame).decode(),
            )
        body = len(topic).to_bytes(2, "big") + topic.encode() + b"\0\0" + text.encode()
        return b"\x32" + _varint(len(body)) + body

    def next_round(self) -> NDArray[np.uint8]:
        """One packet a device, as rows of bytes; packet ids are still zero."""
        moved = self._chance.random(self.devices) < self.change
        self._full ^= moved
        fill = np.where(self._full, 95.0, self._base)
        fill += self._chance.random(self.devices) * 0.4
        warm = 20.0 + 9.0 * self._chance.random(self.devices)
        if self.form == "native":
            array = self._first.copy()
            self._write_tenths(array, '"fill_level":', fill)
            self._write_tenths(array, '"temperature":', warm)
        else:
            array = self._rows(fill, warm)
        self.stamp(array)
        return array

    def _rows(
        self, fill: NDArray[np.float64], warm: NDArray[np.float64]
    ) -> NDArray[np.uint8]:
        rows = [
            self._packet(i + 1, fill[i], warm[i], int(self._battery[i]))
            for i in range(self.devices)
        ]
        size = len(self._sample)
        return np.frombuffer(b"".join(rows), np.uint8).reshape(-1, size).copy()

    def _write_tenths(
        self, rows: NDArray[np.uint8], behind: str, values: NDArray[np.float64]
    ) -> None:
        """Write values from 10.0 to 99.9 as text."""
        at = self._sample.index(behind.encode()) + len(behind)
        tenths = np.round(values * 10).astype(np.int64)
        for place, unit in ((0, 100), (1, 10), (3, 1)):
            rows[:, at + place] = ord("0") + tenths // unit % 10

    def stamp(self, rows: NDArray[np.uint8]) -> None:
        """Write this round's time and seq into the packets; the next is later."""
        at = self.start_ms + self.round * self.step_ms
        seq = f"{FIRST_SEQ + self.round:06d}"
        if self.form == "native":
            self._write(rows, '"ts":', f"{at:013d}")
            self._write(rows, '"seq":', seq)
        else:
            time = np.datetime64(at, "ms").astype(str)
            self._write(rows, '"time":"', time)
            self._write(rows, '"fCnt":', seq)
        self.round += 1

    def _write(self, rows: NDArray[np.uint8], behind: str, text: str) -> None:
        at = self._sample.index(behind.encode()) + len(behind)
        rows[:, at : at + len(text)] = np.frombuffer(text.encode(), np.uint8)

    def number(self, rows: NDArray[np.uint8], first: int) -> None:
        """Write packet ids, counted on from `first`, never 0."""
        head = 1 + len(_varint(len(self._sample)))
        at = head + 2 + self._sample[head + 1]
        ids = ((first + np.arange(len(rows))) % 65_535 + 1).astype(">u2")
        rows[:, at : at + 2] = ids.view(np.uint8).reshape(-1, 2)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes((*out, value))
