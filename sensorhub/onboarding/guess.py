"""Guesses of the measurement and the unit of a decoded field. Pure.

The name decides first, then the range of the value. A guess that could be wrong for
another sensor is reported as a doubt.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

from sensorhub.model import BY_NAME, MeasurementKind
from sensorhub.onboarding.vocabulary import (
    BOARD,
    COMMON_WORDS,
    FLAG_NOT_CURRENT,
    INVERTING,
    MEASUREMENT_OF,
    NAMES,
    NOT_CURRENT,
    PERIOD,
    UNITS,
    WORDS,
)

_PARTS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_a-zA-Z]+")
_PERCENT = ("fill_level", "humidity", "battery")


@dataclass(slots=True)
class Guess:
    """The likely measurement of a field; `measurement` is empty where nothing fits."""

    name: str
    raw: float | str
    measurement: str = ""
    scale: float = 1.0
    offset: float = 0.0
    words: dict[str, float] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)

    @property
    def value(self) -> float | None:
        """The sample's value in the catalogue's unit; None for an unknown word."""
        if isinstance(self.raw, str):
            return self.words.get(self.raw.strip().lower())
        return self.raw * self.scale + self.offset

    @property
    def plain(self) -> bool:
        """Whether the field needs no map: name and unit are the catalogue's."""
        same = (self.scale, self.offset) == (1.0, 0.0) and not self.words
        return same and self.name == self.measurement


def tokens(name: str) -> list[str]:
    """Split a name into words: "airTemp_1" is air, temp, 1."""
    plain = unicodedata.normalize("NFKD", name)
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return [part.lower() for part in _PARTS.findall(plain)]


def guess(name: str, raw: float | str, *, unit_known: bool = False) -> Guess:
    """Guess the measurement of a field, by name and value.

    `unit_known`: the value had a unit and is in the catalogue's unit.
    """
    made = Guess(name, raw)
    words = tokens(name)
    made.measurement = _measurement_of(name, words)
    if not made.measurement:
        return made
    entry = BY_NAME[made.measurement]
    flag = entry.kind is MeasurementKind.FLAG
    if excluded := (FLAG_NOT_CURRENT if flag else NOT_CURRENT) & set(words):
        made.doubts.append(
            f"{made.measurement}? its name says {min(excluded)}: not mapped"
        )
        made.measurement = ""
    elif flag:
        _flag(made)
    elif isinstance(raw, str):
        made.doubts.append(f"{raw!r} is a word, no number: not mapped")
        made.measurement = ""
    else:
        if not unit_known:
            _number(made, raw, words)
        elif made.measurement == "battery":
            _battery(made, raw, words)
        _check_meaning(made, words)
    return made


def _measurement_of(name: str, words: list[str]) -> str:
    """Return the measurement of a name, by the longest run of its words."""
    if name in NAMES:
        return name
    for size in range(len(words), 0, -1):
        found = [
            MEASUREMENT_OF[run]
            for first in range(len(words) - size + 1)
            if (run := "".join(words[first : first + size])) in MEASUREMENT_OF
        ]
        if found:
            return min(found, key=list(NAMES).index)
    return ""


def _flag(made: Guess) -> None:
    measurement, raw = made.measurement, made.raw
    if isinstance(raw, str):
        off, on = WORDS[measurement]
        low, high = COMMON_WORDS[measurement]
        made.words = {low: 0.0, high: 1.0}
        word = raw.strip().lower()
        if word in off.split() or word in on.split():
            made.words.setdefault(word, float(word in on.split()))
            made.doubts.append("are these the words that the device says?")
        else:
            made.doubts.append(f"what does {raw!r} stand for, 0 or 1?")
    elif raw not in (0, 1):
        made.doubts.append(f"{raw:g} is neither 0 nor 1: a level, a count, a code?")
        made.measurement = ""


def _number(made: Guess, raw: float, words: list[str]) -> None:
    known = UNITS.get(made.measurement, {})
    unit = next((word for word in reversed(words) if word in known), "")
    if not unit and made.measurement == "battery":
        _battery(made, raw, words)
    factors = UNITS.get(made.measurement, {}).get(unit)
    if factors is not None:
        made.scale, made.offset = factors
    elif (by_value := _BY_VALUE.get(made.measurement)) is not None:
        by_value(made, raw)


def _check_meaning(made: Guess, words: list[str]) -> None:
    """Apply words that invert or limit the meaning, and check the value's range."""
    if made.measurement in _PERCENT and INVERTING & set(words):
        _invert(made)
    if made.measurement.startswith("count_") and PERIOD & set(words):
        made.doubts.append("counts of a period, no total: not mapped")
        made.measurement = ""
    elif made.measurement.startswith("count_"):
        made.doubts.append(
            "a total since ever? if it wraps at 65536: counter_bits = 16"
        )
    if made.measurement == "temperature" and BOARD & set(words):
        made.doubts.append("of the device's own board?")
    _check_range(made)


def _invert(made: Guess) -> None:
    """Invert free space to fill; a battery's remaining charge is its level."""
    if made.measurement == "fill_level":
        made.scale, made.offset = -made.scale, 100.0 - made.offset
        made.doubts.append("taken as free space: 100 - value")


def _check_range(made: Guess) -> None:
    entry = BY_NAME.get(made.measurement)
    value = made.value
    if entry is None or value is None or entry.low <= value <= entry.high:
        return
    made.doubts.append(
        f"the sample's {value:g} {entry.unit} is outside {entry.low:g} to"
        f" {entry.high:g}: not mapped"
    )
    made.measurement = ""


# -- units by value --


def _percent(made: Guess, raw: float) -> None:
    if 0 < raw < 1:
        made.scale = 100.0
        made.doubts.append("taken as a share of 1, times 100")
    elif raw in (0, 1):
        made.doubts.append(f"{raw:g}: a share of 1 (then scale = 100) or percent?")
    elif raw <= 10 and made.measurement == "fill_level":
        made.doubts.append(f"{raw:g}: percent, or tenths (then scale = 10)?")
    elif 130 < raw <= 1000:
        made.scale = 0.1
        made.doubts.append("taken as tenths of a percent")


def _battery(made: Guess, raw: float, words: list[str]) -> None:
    """Tell charge from voltage: both are called battery."""
    if {"mv", "v"} & set(words) or 1000 <= raw <= 20_000 or 1.5 <= raw <= 4.5:
        made.measurement = "battery_voltage"
        if not {"mv", "v"} & set(words):
            made.doubts.append(f"{raw:g}: taken as a voltage, not a charge in percent")
    elif 100 < raw <= 255:
        made.scale = 100 / 254
        made.doubts.append("taken as LoRaWAN's 1 to 254")


def _distance(made: Guess, raw: float) -> None:
    if raw != int(raw) and raw < 20:
        made.scale = 1000.0
        made.doubts.append("taken as metres")
    elif raw < 500:
        made.doubts.append("taken as mm; if it is cm: scale = 10")


def _temperature(made: Guess, raw: float) -> None:
    if abs(raw) > 100:
        made.scale = 0.1
        made.doubts.append("taken as tenths of a degree; if kelvin: offset = -273.15")
    elif raw > 50:
        made.doubts.append("°C, or °F (then scale = 0.5556, offset = -17.78)?")


def _voltage(made: Guess, raw: float) -> None:
    if raw > 1000:
        made.scale = 0.001
    elif raw > 100:
        made.scale = 0.01
        made.doubts.append("taken as hundredths of a volt")
    elif raw > 20:
        made.scale = 0.1
        made.doubts.append("taken as tenths of a volt")


def _gas(made: Guess, raw: float) -> None:
    made.doubts.append(f"{raw:g}: ppm, or ppb (then scale = 0.001)?")


_BY_VALUE: dict[str, Callable[[Guess, float], None]] = {
    **dict.fromkeys(_PERCENT, _percent),
    "distance": _distance,
    "temperature": _temperature,
    "battery_voltage": _voltage,
    "nh3": _gas,
    "h2s": _gas,
}
