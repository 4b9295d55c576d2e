"""The limits that a rule names, ready for comparison. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TypedDict

from sensorhub.model import BY_NAME, Severity
from sensorhub.standards.gas import ATMOSPHERE_KPA, mg_per_ppm, to_ppm
from sensorhub.standards.reference import window_of
from sensorhub.standards.sensors import Sensor, verdict
from sensorhub.standards.table import StandardLimit

COLDEST, HOTTEST = BY_NAME["temperature"].low, BY_NAME["temperature"].high


class Citation(TypedDict, total=False):
    """The clause of a standard that decided, as causes state it."""

    standard: str
    clause: str
    unit: str
    judged: str


@dataclass(frozen=True, slots=True)
class Clauses:
    """Limits by severity; `gas` is set if values are compared in mg/m³.

    `blind`: the profiles whose sensors cannot judge one of the limits.
    """

    limits: Mapping[Severity, StandardLimit] = field(default_factory=dict)
    window: int = 0  # ms, if the rule does not choose one
    at_once: bool = False  # each sample is compared, though the limit is for a mean
    gas: str = ""
    kpa: float = ATMOSPHERE_KPA
    blind: frozenset[str] = frozenset()

    @staticmethod
    def of(
        limits: Mapping[Severity, StandardLimit],
        over: int | None,
        sensors: Mapping[str, Mapping[str, Sensor]],
        kpa: float,
    ) -> "Clauses":
        """The clauses of a rule; `over` is its averaging window in ms."""
        if not limits:
            return NO_CLAUSES
        first = next(iter(limits.values()))
        return Clauses(
            limits=limits,
            window=max(map(window_of, limits.values())),
            at_once=over == 0 and any(n.averaging != (0, 0) for n in limits.values()),
            gas=first.quantity if first.judged_in == "mg/m3" else "",
            kpa=kpa,
            blind=frozenset(
                profile
                for profile, measurements in sensors.items()
                for limit in limits.values()
                if limit.quantity in measurements
                and cannot(measurements[limit.quantity], limit, kpa)
            ),
        )

    def admits(self, tags: Collection[str]) -> bool:
        """Whether every limit applies to an asset with these tags."""
        return all(limit.admits(tags) for limit in self.limits.values())

    def shown(self, value: float, celsius: float) -> float:
        """Convert values for comparison with the limits: ppm to mg/m³ at `celsius`."""
        return value * mg_per_ppm(self.gas, celsius, self.kpa) if self.gas else value

    def no_change_range(self, low: float, high: float) -> tuple[float, float]:
        """The range in ppm that stays below all limits at any temperature."""
        if not self.gas:
            return low, high
        return (
            low / mg_per_ppm(self.gas, HOTTEST, self.kpa),
            high / mg_per_ppm(self.gas, COLDEST, self.kpa),
        )

    @property
    def unit(self) -> str:
        """The unit of comparison; empty: the measurement's own."""
        return "mg/m³" if self.gas else ""

    def cited(self, level: Severity) -> str:
        """The citation of the limit of `level`, for texts; – if it names none."""
        limit = self.limits.get(level)
        return limit.citation if limit else "–"

    def cause_fields(self, level: Severity) -> Citation:
        """The clause that decided a transition to `level`, for its cause."""
        limit = self.limits.get(level)
        if limit is None:
            return {}
        citation = Citation(standard=limit.name, clause=limit.words)
        if self.unit:
            citation["unit"] = self.unit
        if self.at_once:
            citation["judged"] = "at once: stricter than the mean that the limit is for"
        return citation


NO_CLAUSES = Clauses()


def in_ppm(limit: StandardLimit, kpa: float = ATMOSPHERE_KPA) -> float | None:
    """A limit in its measurement's unit, gases at 25 °C; None: it has no value."""
    if limit.value is None or limit.judged_in != "mg/m3":
        return limit.value
    return to_ppm(limit.quantity, limit.value, kpa=kpa)


def cannot(sensor: Sensor, limit: StandardLimit, kpa: float = ATMOSPHERE_KPA) -> bool:
    """Whether `sensor` is known to be unable to judge `limit`."""
    value = in_ppm(limit, kpa)
    if value is None or limit.quantity not in BY_NAME:
        return False
    return verdict(sensor, value, BY_NAME[limit.quantity].unit).can is False
