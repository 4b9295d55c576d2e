"""Units of incoming values, and their conversion to the catalogue's units. Pure.

Symbols: RFC 8428 section 12.1 and RFC 8798 (SenML units); in texts of vendors' codecs
("2799 mm") common spellings as well.
"""

import re
from typing import Final

# value * scale + offset is in the catalogue's unit of that quantity
_LENGTH: Final = {"mm": 1.0, "cm": 10.0, "dm": 100.0, "m": 1_000.0, "km": 1e6}
_OTHERS: Final = {
    "Cel": (1.0, 0.0),
    "K": (1.0, -273.15),
    "%RH": (1.0, 0.0),
    "%EL": (1.0, 0.0),
    "%": (1.0, 0.0),
    "V": (1.0, 0.0),
    "mV": (0.001, 0.0),
    "ppm": (1.0, 0.0),
    "ppb": (0.001, 0.0),
    "deg": (1.0, 0.0),
    "rad": (57.29577951308232, 0.0),
    "dB": (1.0, 0.0),
    "dBm": (1.0, 0.0),
    "dBW": (1.0, 30.0),
    "count": (1.0, 0.0),
    "s": (1.0, 0.0),
    "ms": (0.001, 0.0),
    "min": (60.0, 0.0),
    "h": (3_600.0, 0.0),
}
RATIO: Final = "/"
UNITS: Final = {**{unit: (scale, 0.0) for unit, scale in _LENGTH.items()}, **_OTHERS}
# the catalogue's unit that each of them becomes
QUANTITY: Final = {
    **dict.fromkeys(_LENGTH, "mm"),
    **dict.fromkeys(("Cel", "K"), "°C"),
    **dict.fromkeys(("%RH", "%EL", "/100"), "%"),
    **dict.fromkeys(("V", "mV"), "V"),
    **dict.fromkeys(("ppm", "ppb"), "ppm"),
    **dict.fromkeys(("deg", "rad"), "°"),
    **dict.fromkeys(("dBm", "dBW"), "dBm"),
    "count": "",
}
SHARES: Final = {"%": 100.0, "ppm": 1e6}  # what a ratio of 1 is
# a unit that says what is measured, for values without a name
MEASURED: Final = {"Cel": "temperature", "%RH": "humidity", "%EL": "battery"}
_FAHRENHEIT: Final = (5 / 9, -160 / 9)
_WRITTEN: Final = {
    **{unit.lower(): factors for unit, factors in UNITS.items()},
    **dict.fromkeys(("°c", "℃", "c", "degc", "celsius"), (1.0, 0.0)),
    **dict.fromkeys(("°f", "℉", "f", "degf", "fahrenheit"), _FAHRENHEIT),
    **dict.fromkeys(("°", "degrees", "percent", "%rh", "% rh"), (1.0, 0.0)),
    **dict.fromkeys(("in", "inch", "inches", '"'), (25.4, 0.0)),
    "ft": (304.8, 0.0),
    "volt": (1.0, 0.0),
    "volts": (1.0, 0.0),
}
_AMOUNT: Final = re.compile(
    r"\s*([+-]?\d{1,20}(?:\.\d{1,20})?(?:[eE][+-]?\d{1,3})?)(.*)"
)


def amount(text: str) -> float | None:
    """Parse a number in a text, "315" or "2799 mm", in the catalogue's unit.

    None where the text is no number, or its unit is not known.
    """
    if len(text) > 64 or (found := _AMOUNT.fullmatch(text)) is None:
        return None
    unit = found[2].strip().lower()
    scale, offset = _WRITTEN.get(unit, (0.0, 0.0)) if unit else (1.0, 0.0)
    return convert(float(found[1]), (scale, offset)) if scale else None


def convert(value: float, factors: tuple[float, float]) -> float:
    """Convert a value to the catalogue's unit, rounded to 12 significant digits."""
    scale, offset = factors
    if scale == 1.0 and offset == 0.0:
        return value
    return float(f"{value * scale + offset:.12g}")
