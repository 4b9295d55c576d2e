"""Milesight VS350 and VS351, people passing. Pure.

Layout: Milesight VS350 and VS351 user guides, section "Device Payload". Totals are
16 bits wide and wrap.
"""

from typing import Final

from sensorhub.decode.milesight_tlv import (
    BATTERY,
    JOINED,
    Read,
    UnreadableError,
    answers,
    chain,
    counter,
    history,
    read,
    told,
    value,
)
from sensorhub.model import Field, Frame

SINCE_2020: Final = 1_577_836_800  # epoch s; an earlier clock was never set
_TEMPERATURE: Final = value("h", "temperature", 10)
_TOTAL: Final = chain(counter("count_in"), counter("count_out"))
_PERIOD: Final = chain(value("H", "period_in"), value("H", "period_out"))
_RECORDS: Final[tuple[Read, ...]] = (_PERIOD, chain(_PERIOD, _TOTAL))


def _record(frame: bytes, at: int, out: Frame) -> int:
    """A stored record: one byte says whether the totals follow the period's."""
    kind = frame[at] if at < len(frame) else 0
    if kind >= len(_RECORDS):
        raise UnreadableError(f"history of unknown kind 0x{kind:02x}")
    return _RECORDS[kind](frame, at + 1, out)


_TABLE: Final = {
    **answers(
        {
            0x04: 1,
            0x05: 3,
            0x06: 9,
            0x10: 1,
            0x27: 1,
            0x28: 1,
            0x35: 8,
            0x40: 1,
            0x41: 1,
            0x4A: 1,
            0x68: 1,
            0x69: 1,
            0x6A: 3,
            0x6B: 1,
            0x6D: 1,
            0x75: 6,
            0x77: 2,
            0x84: 1,
            0x8E: 3,
            0x8F: 2,
            0x96: 8,
            0x97: 1,
            0xA6: 1,
            0xA7: 2,
            0xA8: 1,
            0xA9: 1,
            0xAA: 1,
            0xAB: 3,
            0xBD: 2,
            0xCC: 1,
            0xEC: 1,
            0xED: 3,
            0xEF: 3,
        }
    ),
    **told(
        {
            0x10: 1,
            0x85: 2,
            0x86: 1,
            0x87: 1,
            0x8B: 1,
            0x8C: 1,
            0x8D: 4,
            0xA2: 1,
            0xA3: 1,
        }
    ),
    **JOINED,
    **BATTERY,
    b"\x03\x67": _TEMPERATURE,
    b"\x04\xcc": _TOTAL,
    b"\x05\xcc": _PERIOD,
    b"\x0a\xef": value("I", "reported_at"),
    b"\x20\xce": history(_record),
    b"\x83\x67": chain(_TEMPERATURE, value("B", "temperature_alarm")),
    b"\x84\xcc": chain(_TOTAL, value("B", "total_alarm")),
    b"\x85\xcc": chain(_PERIOD, value("B", "period_alarm")),
}


def vs350(frame: bytes, port: int) -> Frame:
    """Battery %, temperature °C, people in and out. Any port counts."""
    out = read(_TABLE, frame)
    if any(field.name == "reported_at" for field in out.fields):
        _date(out)
    return out


def _date(out: Frame) -> None:
    """The report's own time goes to the values that have none."""
    seconds = next(f.value for f in out.fields if f.name == "reported_at")
    rest = [f for f in out.fields if f.name != "reported_at"]
    if seconds >= SINCE_2020:
        when = int(seconds) * 1000
        rest = [Field(f.name, f.value, f.measured_at or when, f.bits) for f in rest]
    else:
        out.ignored.append("reported_at: the device's clock is not set")
    out.fields = rest
