"""Payload encoders of common devices and envelopes, from the documented layouts.

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

POLARIZING = 0xFFFE  # GS301: no value while the gas cell settles
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
    """Encode EM400-TLD/MUD/UDL: battery %, temperature °C, distance mm, position."""
    return b"".join(
        (
            _battery(battery),
            b"\x03\x67" + _s16(temperature * 10),
            b"\x04\x82" + _u16(distance),
            b"\x05\x00" + bytes((tilted,)),
        )
    )


def em310_udl(battery: float, distance: float, *, tilted: bool) -> bytes:
    """Encode EM310-UDL: battery %, distance mm, tilt flag."""
    return _battery(battery) + b"\x03\x82" + _u16(distance) + bytes((4, 0, tilted))


def gs301(
    battery: float,
    temperature: float,
    humidity: float,
    nh3: float | None,
    h2s: float | None,
    *,
    fine: bool = False,
) -> bytes:
    """Encode GS301: battery %, °C, humidity %, NH3 and H2S ppm; None: polarizing.

    `fine`: firmware from 1.2 reports H2S in steps of 0.001 ppm on channel 06.
    """
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
    """Encode EM300-SLD/ZLD: battery %, temperature °C, humidity %, leak flag."""
    return b"".join(
        (
            _battery(battery),
            b"\x03\x67" + _s16(temperature * 10),
            bytes((0x04, 0x68, round(humidity * 2))),
            bytes((0x05, 0x00, leak)),
        )
    )


def vs350(battery: float, totals: tuple[int, int], period: tuple[int, int]) -> bytes:
    """Encode VS350: battery %, people in and out since power-on (u16) and recently."""
    words = (*totals, *period)
    counts = [(word & 0xFFFF).to_bytes(2, "little") for word in words]
    total = b"\x04\xcc" + counts[0] + counts[1]
    return _battery(battery) + total + b"\x05\xcc" + counts[2] + counts[3]


def ldds75(millivolt: float, distance: float) -> bytes:
    """Encode LDDS75: battery mV, distance mm, no interrupt, no probe, sensor found."""
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
    """Encode records (at, seq, measurements) as native JSON; several as an array.

    `epoch`: write ts in epoch milliseconds instead of RFC 3339.
    """
    objects = [
        {"ts": at if epoch else rfc3339(at), "seq": seq, "m": values}
        for at, seq, values in records
    ]
    return _json(objects if len(objects) > 1 else objects[0])


def birth(interval_s: int, firmware: str, done: str = "") -> bytes:
    """Encode a native birth for the retained status topic; `done`: a downlink's id."""
    status = {"state": "online", "firmware": firmware, "interval_s": interval_s}
    return _json(status | ({"done": done} if done else {}))


@dataclass(frozen=True, slots=True)
class LorawanUplink:
    """One LoRaWAN uplink as the network server receives it."""

    eui: str
    name: str
    profile: str
    count: int
    port: int
    data: bytes
    gateways: tuple[tuple[str, int, float], ...]  # id, rssi dBm, snr dB
    deduplication: str
    joins: int = 0  # number of joins after the first one


def chirpstack(frame: LorawanUplink, at: int, application: str) -> bytes:
    """Encode a ChirpStack v4 `up` event; zero values are absent, as in proto3 JSON."""
    data = base64.b64encode(frame.data).decode()
    received_by = ",".join(
        f'{{"gatewayId":"{gateway}","rssi":{rssi},"snr":{snr},"crcStatus":"CRC_OK"}}'
        for gateway, rssi, snr in frame.gateways
    )
    count = f',"fCnt":{frame.count}' if frame.count else ""
    return (
        f'{{{_head(frame, at, application)},"adr":true,"dr":5,"fPort":{frame.port},'
        f'"data":"{data}","rxInfo":[{received_by}],"txInfo":{{"frequency":486300000}}{count}}}'
    ).encode()


def _address(frame: LorawanUplink) -> str:
    """Return the device address of a session: a new one after each join."""
    # an odd factor gives 2^24 joins as many addresses
    return f"01{int(frame.eui[-6:], 16) + frame.joins * 0x9E3779 & 0xFFFFFF:06x}"


def joined(frame: LorawanUplink, at: int, application: str) -> bytes:
    """Encode a ChirpStack v4 `join` event."""
    return f"{{{_head(frame, at, application)}}}".encode()


def receipt(
    frame: LorawanUplink, at: int, application: str, item: str, acknowledged: bool
) -> bytes:
    """Encode a ChirpStack v4 `txack` event, or `ack` if `acknowledged`."""
    keys = f',"queueItemId":{_COMPACT(item)}'
    keys += ',"acknowledged":true' if acknowledged else ""
    return f"{{{_head(frame, at, application)}{keys}}}".encode()


def _head(frame: LorawanUplink, at: int, application: str) -> str:
    """Return the first keys of every event of a device."""
    time = rfc3339(at).replace("Z", "000000+00:00")
    return (
        f'"deduplicationId":"{frame.deduplication}","time":"{time}",'
        f'"deviceInfo":{_device(application, frame.profile, frame.name, frame.eui)},'
        f'"devAddr":"{_address(frame)}"'
    )


@lru_cache(1 << 17)
def _device(application: str, profile: str, name: str, eui: str) -> str:
    """Return `deviceInfo`, which is the same in all events of a device."""
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
