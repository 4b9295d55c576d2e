"""Milesight VS350, VS351 and VS360 (break beam), people passing. Pure.

Layout: Milesight VS350 and VS351 user guides, section "Device Payload"; VS360
documentation, "Uplink Data". Totals are 16 bits wide and wrap.
"""

from functools import partial
from typing import Final

from sensorhub.decode.field_readers import (
    FieldReader,
    UnreadableError,
    chain,
    counter,
    value,
)
from sensorhub.decode.milesight_tlv import (
    BATTERY,
    JOINED,
    REPORTED_AT,
    answers,
    extended_answers,
    history,
    read_dated,
    types,
)
from sensorhub.model import Frame

_TEMPERATURE: Final = value("<h", "temperature", 10)
_TOTAL: Final = chain(counter("count_in"), counter("count_out"))
_PERIOD: Final = chain(value("<H", "period_in"), value("<H", "period_out"))
_RECORDS: Final[tuple[FieldReader, ...]] = (_PERIOD, chain(_PERIOD, _TOTAL))


def _record(frame: bytes, at: int, out: Frame) -> int:
    """A stored record: one byte says whether the totals follow the period's."""
    kind = frame[at] if at < len(frame) else 0
    if kind >= len(_RECORDS):
        raise UnreadableError(f"history of unknown kind 0x{kind:02x}")
    return _RECORDS[kind](frame, at + 1, out)


_PASSING: Final = {
    b"\x04\xcc": _TOTAL,
    b"\x05\xcc": _PERIOD,
    b"\x0a\xef": value("<I", REPORTED_AT),
    b"\x20\xce": history(_record),
    b"\x84\xcc": chain(_TOTAL, value("<B", "total_alarm")),
    b"\x85\xcc": chain(_PERIOD, value("<B", "period_alarm")),
}
_VS350: Final = {
    **answers(
        types(
            {
                1: "0410272840414a68696b6d8497a6a8a9aaccec",
                2: "778fa7bd",
                3: "056a8eabedef",
                6: "75",
                8: "3596",
                9: "06",
            }
        )
    ),
    **extended_answers(types({1: "1086878b8ca2a3", 2: "85", 4: "8d"})),
    **JOINED,
    **BATTERY,
    b"\x03\x67": _TEMPERATURE,
    **_PASSING,
    b"\x83\x67": chain(_TEMPERATURE, value("<B", "temperature_alarm")),
}
_VS360: Final = {
    **answers(
        types(
            {
                1: "10284a68696d84a6a8a9fcfd",
                2: "bd",
                3: "6a8eed",
                6: "75",
                8: "3596",
                9: "06",
            }
        )
    ),
    **extended_answers({0x00: 1}),
    **JOINED,
    **BATTERY,
    b"\x02\x75": value("<B", "battery_node"),
    b"\x03\xf4": chain(value("<B", "event"), value("<B", "event_on")),
    **_PASSING,
}

vs350: Final = partial(read_dated, _VS350)
"""Battery %, temperature °C, people in and out. Any port counts."""
vs360: Final = partial(read_dated, _VS360)
"""Battery % of both halves, people in and out. Any port counts."""
