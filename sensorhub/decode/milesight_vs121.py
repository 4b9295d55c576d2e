"""Milesight VS121, people in a room and over a line. Pure.

Layout: Milesight VS121 documentation, "Uplink Data". Totals are 16 bits wide and
wrap. The map of regions is big-endian, all else little-endian.
"""

from functools import partial
from typing import Final

from sensorhub.decode.field_readers import (
    FieldReader,
    UnreadableError,
    chain,
    counter,
    skipped,
    value,
)
from sensorhub.decode.milesight_tlv import (
    JOINED,
    REPORTED_AT,
    answers,
    extended_answers,
    history,
    read_dated,
    types,
)
from sensorhub.model import Field, Frame

_TOTAL: Final = chain(counter("count_in"), counter("count_out"))
_PERIOD: Final = chain(value("<H", "period_in"), value("<H", "period_out"))
_LINE: Final = chain(value("<H", "line_in"), value("<H", "line_out"))
_MOST: Final = value("<B", "people_max")
_DWELL: Final = skipped(5, "dwell time: not kept")
_REGIONS: Final = chain(value("<B", "regions"), value(">H", "regions_occupied"))


def _people(frame: bytes, at: int, out: Frame) -> int:
    """How many there are, and whether anybody is."""
    part = Frame()
    at = chain(value("<B", "people"), _REGIONS)(frame, at, part)
    occupied = float(part.fields[0].value > 0)
    out.fields += [Field("occupied", occupied), *part.fields]
    return at


_STORED: Final[dict[int, FieldReader]] = {
    0x01: _people,
    0x02: _PERIOD,
    0x03: _MOST,
    **dict.fromkeys(range(0x04, 0x08), skipped(4, "people by region: not kept")),
    **dict.fromkeys(range(0x08, 0x10), skipped(4, "flows: not kept")),
    0x10: _TOTAL,
    0x11: _DWELL,
    0x12: _LINE,
}


def _record(frame: bytes, at: int, out: Frame) -> int:
    kind = frame[at] if at < len(frame) else 1
    if kind not in _STORED:
        raise UnreadableError(f"history of unknown kind 0x{kind:02x}")
    return _STORED[kind](frame, at + 1, out)


_TABLE: Final = {
    **answers(types({1: "04104043444548505184", 2: "03", 3: "46", 8: "35"})),
    **extended_answers(
        types(
            {
                1: "10113d8687888b8c939498",
                2: "8597",
                3: "9296",
                4: "8d8e",
                5: "91",
                6: "9095",
                7: "99",
            }
        )
    ),
    **JOINED,
    b"\x04\xc9": _people,
    b"\x05\xcc": _PERIOD,
    b"\x06\xcd": _MOST,
    b"\x07\xd5": skipped(8, "people by region: not kept"),
    b"\x08\xd5": skipped(8, "people by region: not kept"),
    **{bytes((flow, 0xDA)): skipped(8, "flows: not kept") for flow in range(9, 13)},
    b"\x0d\xcc": _TOTAL,
    b"\x0e\xe4": _DWELL,
    b"\x0f\x85": value("<I", REPORTED_AT),
    b"\x10\xf7": _LINE,
    b"\x20\xce": history(_record),
}

vs121: Final = partial(read_dated, _TABLE)
"""Occupied 0/1, people, people in and out. Any port counts."""
