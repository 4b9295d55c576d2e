"""Teneo IoT filling degree sensor, laser distance. Pure.

Layout: the vendor's decoder in The Things Network's device repository. Port 1:
battery, distance in cm, from 4 bytes on a state, with a climate probe temperature and
humidity; port 2: battery and state; port 3: it charges. Big-endian.
"""

from collections.abc import Callable
from typing import Final

from sensorhub.decode.field_readers import Scale, TooShort, by_port, fixed_layout, value
from sensorhub.model import Frame

_BATTERY: Final = value(">B", "battery_voltage", Scale(10, plus=20))
_DISTANCE: Final = value(">H", "distance", Scale(times=10))
_STATES: Final = {0: "", 4: "nothing within reach"}
_CLIMATE: Final = (value(">h", "temperature", 100), value(">H", "humidity", 100))


def _state(frame: bytes, at: int, out: Frame) -> int:
    """Why there is no distance; the one read before falls away."""
    if at >= len(frame):
        raise TooShort
    reason = _STATES.get(frame[at], f"sensor fault {frame[at]}")
    if reason:
        out.fields = [field for field in out.fields if field.name != "distance"]
        out.ignored.append(f"distance: {reason}")
    return at + 1


_BY_SIZE: Final[dict[int, Callable[[bytes], Frame]]] = {
    3: fixed_layout(_BATTERY, _DISTANCE),
    4: fixed_layout(_BATTERY, _DISTANCE, _state),
    7: fixed_layout(_BATTERY, _DISTANCE, *_CLIMATE),
    8: fixed_layout(_BATTERY, _DISTANCE, _state, *_CLIMATE),
}


def _measured(frame: bytes) -> Frame:
    read = _BY_SIZE.get(len(frame))
    if read is not None:
        return read(frame)
    return Frame(errors=[f"frame of {len(frame)} bytes; 3, 4, 7 or 8 expected"])


teneo = by_port(
    {1: _measured, 2: fixed_layout(_BATTERY, _state), 3: fixed_layout(_BATTERY)}
)
"""Battery V, distance mm, temperature °C, humidity %."""
