"""IMBuildings people counters (LoRaWAN) and Moodbox. Pure.

Layout: IMBuildings "Payload structure" of type 2 (people counter) variants 5 to 8 and
type 3 (buttons) variant 4: type, variant, device id (8 bytes), then the data,
big-endian. Where the header is switched off, the port says what it is: 26 is type 2
variant 6, and so on. Totals are 16 bits wide and wrap.
"""

from typing import Final

from sensorhub.decode.field_readers import (
    FieldReader,
    counter,
    fixed_layout,
    reserved,
    value,
)
from sensorhub.model import Frame

_HEADER: Final = 10
_STATE: Final = (
    value(">B", "device_status"),
    value(">H", "battery_voltage", 100),
)
_SENSOR: Final = value(">B", "sensor_status")
_PERIOD: Final = (value(">H", "period_a"), value(">H", "period_b"))
_TOTAL: Final = (counter("total_a", ">H"), counter("total_b", ">H"))
_NUMBER: Final = value(">B", "payload_counter")
_DATA: Final[dict[bytes, tuple[FieldReader, ...]]] = {
    b"\x02\x05": (*_STATE, *_PERIOD, _SENSOR, _NUMBER),
    b"\x02\x06": (*_STATE, *_PERIOD, _SENSOR, *_TOTAL, _NUMBER),
    b"\x02\x07": (*_STATE, _SENSOR, *_TOTAL),
    b"\x02\x08": (*_STATE, _SENSOR),
    b"\x03\x04": (
        *_STATE,
        *(
            value(">H", f"votes_{mood}")
            for mood in ("great", "good", "mid", "bad", "worst")
        ),
    ),
}
_WITH_HEADER: Final = {
    kind: fixed_layout(reserved(_HEADER), *data) for kind, data in _DATA.items()
}
_BARE: Final = {
    26: fixed_layout(*_DATA[b"\x02\x06"]),
    27: fixed_layout(_SENSOR, *_TOTAL),
    28: fixed_layout(*_DATA[b"\x02\x08"]),
    34: fixed_layout(*_DATA[b"\x03\x04"]),
}
_DOWNLINK: Final = b"\xf1"


def imbuildings(frame: bytes, port: int) -> Frame:
    """Battery V, total_a and total_b (people either way), votes of a Moodbox."""
    named = _WITH_HEADER.get(frame[:2])
    if named is not None:
        return named(frame)
    if frame[:1] == _DOWNLINK:
        return Frame(answers=True)
    if port in _BARE:
        return _BARE[port](frame)
    what = f"unknown type and variant 0x{frame[:2].hex()}" if frame else "empty frame"
    return Frame(errors=[what])
