"""Dragino LDDS04 and DDS04-LB: four ultrasonic probes. Pure.

Layouts: LDDS04 user manual, section 2.4 "Uplink Payload" (port 2: battery with
interrupt bits, four distances in mm, kind of message); DDS04-LB decoder notes of the
vendor for the datalog (port 3) and the status (port 5). Big-endian. Gives
battery V, distance_1 to distance_4 mm, interrupt 0/1.
"""

from struct import Struct
from typing import Final

from sensorhub.decode.dragino_ultrasonic import (
    add_battery_voltage,
    add_distance,
    by_dragino_port,
    check_remainder,
)
from sensorhub.decode.field_readers import add_record
from sensorhub.model import Field, Frame

SIZE: Final = 11
PROBES: Final = 4
_INTERRUPT: Final = 0x40
_RECORD: Final = Struct(">BHHHI")  # flags, three distances in mm, epoch s


def _uplink(frame: bytes, out: Frame) -> None:
    if len(frame) >= 2:
        add_battery_voltage(frame, out)
        out.fields.append(Field("interrupt", float(bool(frame[0] & _INTERRUPT))))
    for probe in range(min(PROBES, (len(frame) - 2) // 2)):
        raw = frame[2 + 2 * probe : 4 + 2 * probe]
        add_distance(int.from_bytes(raw, "big"), out, name=f"distance_{probe + 1}")
    if len(frame) != SIZE:
        out.errors.append(f"frame of {len(frame)} bytes, {SIZE} expected")


def _records(frame: bytes, out: Frame) -> None:
    for at in range(0, len(frame) - _RECORD.size + 1, _RECORD.size):
        _flags, *distances, seconds = _RECORD.unpack_from(frame, at)
        part = Frame()
        for probe, mm in enumerate(distances, 1):
            add_distance(mm, part, name=f"distance_{probe}")
        add_record(part, seconds, out)
    check_remainder(frame, _RECORD.size, out)


dragino_dds04 = by_dragino_port(_uplink, _records)
