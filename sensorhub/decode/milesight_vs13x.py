"""Milesight VS132, VS133 and VS135, people over up to four lines. Pure.

Layout: Milesight VS132 and VS133 user guides, section "Device Payload"; children and
the alarm of a covered sensor: VS135 user guide. Totals are 32 bits wide and wrap.
"""

from functools import partial
from typing import Final

from sensorhub.decode.field_readers import FieldReader, chain, counter, skipped, value
from sensorhub.decode.milesight_tlv import JOINED, answers, read, types


def _lines(first: int, what: str) -> dict[bytes, FieldReader]:
    """Three channels a line: total in, total out, both since the last report."""
    table: dict[bytes, FieldReader] = {}
    for n in range(4):
        at, name = first + 3 * n, f"line_{n + 1}{what}"
        table[bytes((at, 0xD2))] = counter(f"{name}_in", "<I")
        table[bytes((at + 1, 0xD2))] = counter(f"{name}_out", "<I")
        table[bytes((at + 2, 0xCC))] = chain(
            value("<H", f"{name}_period_in"), value("<H", f"{name}_period_out")
        )
    return table


def _regions(what: str) -> FieldReader:
    return chain(*(value("<B", f"region_{n}{what}_people") for n in range(1, 5)))


_TABLE: Final = {
    **answers(types({1: "04104042434451", 2: "03"})),
    **JOINED,
    **_lines(0x03, ""),
    **_lines(0x11, "_children"),
    b"\x0f\xe3": _regions(""),
    b"\x10\xe4": skipped(5, "dwell time: not kept"),
    b"\x1d\xe3": _regions("_children"),
    b"\x1e\xe4": skipped(5, "dwell time: not kept"),
    b"\x50\xfc": skipped(3, "cover alarm: not kept"),
}

vs13x: Final = partial(read, _TABLE)
"""line_1_in to line_4_out, people. Any port counts."""
