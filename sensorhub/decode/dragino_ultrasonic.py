"""Dragino ultrasonic distance: LDDS75/45/20, DDS75/45/20-LB and -LS. Pure.

Layouts: Dragino wiki, user manuals of LDDS75 and DDS75-LB, "Uplink Payload" (port 2:
battery, distance, interrupt, DS18B20 probe, sensor flag; firmware before 1.1.4 ends
after the interrupt and leaves the distance out where no sensor answers), "Datalog"
(port 3), "Device Status" (port 5). Big-endian. Gives battery V, distance mm,
temperature °C of the probe, interrupt 0/1.
"""

from collections.abc import Callable
from struct import Struct
from typing import Final

from sensorhub.decode.field_readers import add_record
from sensorhub.model import Field, Frame

SIZE: Final = 8
INVALID_MM: Final = 20  # what the sensor sends when it is too near or heard nothing
PROBE_C: Final = (-55.0, 125.0)  # DS18B20; 327.6 and 327.67 stand for "no probe"
RECORD: Final = Struct(">HHhBI")  # mV, mm, °C/10, flags, epoch s
STATUS_SIZE: Final = 7
_OLD_WITHOUT_SENSOR: Final = 3
_OLD: Final = 5
PayloadReader = Callable[[bytes, Frame], None]


def by_dragino_port(
    readings: PayloadReader, records: PayloadReader
) -> Callable[[bytes, int], Frame]:
    """Return a decoder by Dragino's ports: 2 readings, 3 history, 5 status."""
    parts = {2: readings, 3: records, 5: read_status}

    def decode(frame: bytes, port: int) -> Frame:
        out = Frame()
        part = parts.get(port)
        if part is None:
            out.errors.append(f"unknown port {port}; readings come on port 2")
        else:
            part(frame, out)
        return out

    return decode


def _uplink(frame: bytes, out: Frame) -> None:
    size = len(frame)
    if size >= 2:
        add_battery_voltage(frame, out)
    if size in (3, 4):
        out.ignored.append("distance: no sensor")
    if size >= _OLD:
        add_distance(int.from_bytes(frame[2:4], "big"), out, _found(frame))
        out.fields.append(Field("interrupt", float(frame[4] != 0)))
    if size >= SIZE - 1:
        add_probe_temperature(int.from_bytes(frame[5:7], "big", signed=True), out)
    if size not in (_OLD_WITHOUT_SENSOR, _OLD, SIZE):
        out.errors.append(f"frame of {size} bytes, {SIZE} expected")


def _found(frame: bytes) -> bool:
    return len(frame) < SIZE or frame[7] != 0


def add_battery_voltage(frame: bytes, out: Frame) -> None:
    """Add the battery voltage: the low 14 bits of the first two bytes, mV."""
    raw = int.from_bytes(frame[:2], "big") & 0x3FFF
    out.fields.append(Field("battery_voltage", raw / 1000))


def add_distance(
    mm: int, out: Frame, found: bool = True, name: str = "distance"
) -> None:
    """Add the distance, or the reason why there is none."""
    if mm == 0 or not found:
        out.ignored.append(f"{name}: no sensor")
    elif mm <= INVALID_MM:
        out.ignored.append(f"{name}: invalid ({mm} mm)")
    else:
        out.fields.append(Field(name, float(mm)))


def add_probe_temperature(tenths: int, out: Frame) -> None:
    """Add the temperature of the DS18B20 probe (°C), or that there is none."""
    celsius = tenths / 10
    if PROBE_C[0] <= celsius <= PROBE_C[1]:
        out.fields.append(Field("temperature", celsius))
    else:
        out.ignored.append(f"temperature: no probe ({celsius})")


def read_records(frame: bytes, out: Frame) -> None:
    """Read stored uplinks, 11 bytes each, with their own time."""
    for at in range(0, len(frame) - RECORD.size + 1, RECORD.size):
        mv, mm, tenths, _flags, seconds = RECORD.unpack_from(frame, at)
        part = Frame(fields=[Field("battery_voltage", (mv & 0x3FFF) / 1000)])
        add_distance(mm, part)
        add_probe_temperature(tenths, part)
        add_record(part, seconds, out)
    check_remainder(frame, RECORD.size, out)


def check_remainder(frame: bytes, size: int, out: Frame) -> None:
    """Report an error if the frame is not made of records of `size` bytes."""
    left = len(frame) % size
    if left or not frame:
        out.errors.append(f"records of {size} bytes expected, {left} bytes left over")


def read_status(frame: bytes, out: Frame) -> None:
    """Check the status (model, firmware, band, battery): an answer, no reading."""
    if len(frame) == STATUS_SIZE:
        out.answers = True
    else:
        out.errors.append(f"status of {len(frame)} bytes, {STATUS_SIZE} expected")


dragino_ultrasonic = by_dragino_port(_uplink, read_records)
