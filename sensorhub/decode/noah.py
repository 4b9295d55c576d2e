"""Noah trash bin sensor. Pure.

Layout: the vendor's decoder and vector in The Things Network's device repository: port
1, three times two bytes, little-endian. Temperature and level are small floats (sign,
4 bits exponent, 11 bits mantissa without hidden bit) of a hundredth each; the scale of
the voltage is not given.
"""

from typing import Final

from sensorhub.decode.field_readers import FieldReader, by_port, fixed_layout, value
from sensorhub.model import Field, Frame


def _small_float(name: str) -> FieldReader:
    """Two bytes: sign, exponent of two from -15, mantissa / 2048; times 100."""
    whole = value("<H", name)

    def read_field(frame: bytes, at: int, out: Frame) -> int:
        part = Frame()
        at = whole(frame, at, part)
        raw = int(part.fields[0].value)
        size = (raw & 0x7FF) / 2048 * 2.0 ** ((raw >> 11 & 0xF) - 15)
        out.fields.append(Field(name, (-size if raw & 0x8000 else size) * 100))
        return at

    return read_field


noah: Final = by_port(
    {
        1: fixed_layout(
            _small_float("temperature"),
            value("<H", "voltage_raw"),
            _small_float("own_fill"),
        )
    }
)
"""Temperature °C, own_fill %, voltage_raw."""
