"""What devices put on the wire, written from the documented layouts.

Milesight: TLV, little-endian, vendor's user guides of EM400-TLD, EM310-UDL, GS301,
EM300-SLD and VS350. Dragino: LDDS75 user manual v1.1.4, big-endian. ChirpStack v4:
its integration event documentation. Native: docs/simulator.md.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from firmware_sim.clock import rfc3339

POLARIZING = 0xFFFE  # GS301: the gas cell is warming up, no value
NO_PROBE = 0x0CCC  # Dragino: no DS18B20 attached, reads 327.6 °C
MILESIGHT_PORT = 85
DRAGINO_PORT = 2
_COMPACT = json.JSONEncoder(separators=(",", ":")).encode


def _u16(value: float) -> bytes:
    return min(max(round(value), 0), 0xFFFF).to_bytes(2, "little")


def _s16(value: float) -> bytes:
    return round(value).to_bytes(2, "little", signed=True)


def _battery(percent: float) -> bytes:
    return bytes((0x01, 0x75, min(max(round(percent), 0), 100)))


def em400_tld(
    battery: float, temperature: float, distance: float, *, tilted: bool
) -> bytes:
    """EM400-TLD/MUD/UDL: battery %, temperature °C, distance mm, position."""
    return b"".join(
        (
            _battery(battery),
            b"\x03\x67" + _s16(temperature * 10),
            b"\x04\x82" + _u16(distance),
            b"\x05\x00" + bytes((tilted,)),
        )
    )


def em310_udl(battery: float, distance: float, *, tilted: bool) -> bytes:
    """EM310-UDL: battery %, distance mm, tilt flag."""
    return _battery(battery) + b"\x03\x82" + _u16(distance) + bytes((4, 0, tilted))


def gs301(
    battery: float,
    climate: tuple[float, float],
    nh3: float | None,
    h2s: float | None,
    *,
    fine: bool = False,
) -> bytes:
    """GS301: battery %, (°C, %), NH3 and H2S ppm; None while polarizing.

    `fine`: firmware from 1.2 reports H2S in steps of 0.001 ppm on channel 06.
    """
    temperature, humidity = climate
    step, channel = (1000, 0x06) if fine else (100, 0x05)
    return b"".join(
        (
            _battery(battery),
            b"\x02\x67" + _s16(temperature * 10),
            bytes((0x03, 0x68, round(humidity * 2))),
            b"\x04\x7d" + _u16(POLARIZING if nh3 is None else nh3 * 100),
            bytes((channel, 0x7D)) + _u16(POLARIZING if h2s is None else h2s * step),
        )
    )


def em300_sld(
    battery: float, temperature: float, humidity: float, *, leak: bool
) -> bytes:
    """EM300-SLD/ZLD: battery %, temperature °C, humidity %, leak flag."""
    return b"".join(
        (
            _battery(battery),
            b"\x03\x67" + _s16(temperature * 10),
            bytes((0x04, 0x68, round(humidity * 2))),
            bytes((0x05, 0x00, leak)),
        )
    )


def vs350(battery: float, totals: tuple[int, int], period: tuple[int, int]) -> bytes:
    """VS350: battery %, people in and out since power-on (u16, wraps) and of late."""
    words = (*totals, *period)
    counts = [(word & 0xFFFF).to_bytes(2, "little") for word in words]
    total = b"\x04\xcc" + counts[0] + counts[1]
    return _battery(battery) + total + b"\x05\xcc" + counts[2] + counts[3]


def ldds75(millivolt: float, distance: float) -> bytes:
    """LDDS75: battery mV, distance mm, no interrupt, no probe, sensor found."""
    return b"".join(
        (
            (round(millivolt) & 0x3FFF).to_bytes(2, "big"),
            round(distance).to_bytes(2, "big"),
            b"\x00",
            NO_PROBE.to_bytes(2, "big"),
            b"\x01",
        )
    )


def native(
    records: Sequence[tuple[int, int, Mapping[str, float]]], *, epoch: bool
) -> bytes:
    """Native JSON of (at, seq, measurements); an array where there are several.

    `epoch`: the device writes ts in epoch milliseconds, not as RFC 3339.
    """
    objects = [
        {"ts": at if epoch else rfc3339(at), "seq": seq, "m": values}
        for at, seq, values in records
    ]
    return _json(objects if len(objects) > 1 else objects[0])


def birth(interval_s: int, firmware: str, done: str = "") -> bytes:
    """Native birth message for the retained status topic; `done`: a downlink's id."""
    told = {"state": "online", "firmware": firmware, "interval_s": interval_s}
    return _json(told | ({"done": done} if done else {}))


@dataclass(frozen=True, slots=True)
class LorawanUplink:
    """One LoRaWAN uplink as the network server saw it."""

    eui: str
    name: str
    profile: str
    count: int
    port: int
    data: bytes
    gateways: tuple[tuple[str, int, float], ...]  # id, rssi dBm, snr dB
    deduplication: str
    joins: int = 0  # how often it has joined anew


def chirpstack(frame: LorawanUplink, at: int, application: str) -> bytes:
    """ChirpStack v4 `up` event; zero values are absent, as in proto3 JSON."""
    data = base64.b64encode(frame.data).decode()
    heard = ",".join(
        f'{{"gatewayId":"{gateway}","rssi":{rssi},"snr":{snr},"crcStatus":"CRC_OK"}}'
        for gateway, rssi, snr in frame.gateways
    )
    count = f',"fCnt":{frame.count}' if frame.count else ""
    return (
        f'{{{_about(frame, at, application)},"adr":true,"dr":5,"fPort":{frame.port},'
        f'"data":"{data}","rxInfo":[{heard}],"txInfo":{{"frequency":486300000}}{count}}}'
    ).encode()


def _address(frame: LorawanUplink) -> str:
    """The device address of its session: another one after each join."""
    # an odd factor gives 2^24 joins as many addresses
    return f"01{int(frame.eui[-6:], 16) + frame.joins * 0x9E3779 & 0xFFFFFF:06x}"


def joined(frame: LorawanUplink, at: int, application: str) -> bytes:
    """ChirpStack v4 `join` event."""
    return f"{{{_about(frame, at, application)}}}".encode()


def receipt(
    frame: LorawanUplink, at: int, application: str, item: str, acknowledged: bool
) -> bytes:
    """ChirpStack v4 `txack` event of a downlink, or `ack` where it is acknowledged."""
    more = f',"queueItemId":{_COMPACT(item)}'
    more += ',"acknowledged":true' if acknowledged else ""
    return f"{{{_about(frame, at, application)}{more}}}".encode()


def _about(frame: LorawanUplink, at: int, application: str) -> str:
    """What every event of a device begins with."""
    time = rfc3339(at).replace("Z", "000000+00:00")
    return (
        f'"deduplicationId":"{frame.deduplication}","time":"{time}",'
        f'"deviceInfo":{_device(application, frame.profile, frame.name, frame.eui)},'
        f'"devAddr":"{_address(frame)}"'
    )


@lru_cache(1 << 17)
def _device(application: str, profile: str, name: str, eui: str) -> str:
    """A device as its server knows it: the same in all its events."""
    return _COMPACT(
        {
            "tenantName": "town",
            "applicationId": application,
            "applicationName": "sanitation",
            "deviceProfileName": profile,
            "deviceName": name,
            "devEui": eui,
            "tags": {},
        }
    )


def _json(value: object) -> bytes:
    return _COMPACT(value).encode()
