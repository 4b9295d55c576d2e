"""Limits of standards from TOML files: built in, and in config/standards/.

A file has one table for each standard, with its limits:

    [gb-t-17217-1998]
    title, citation, in_force, superseded_by, classes, class_tag
    [gb-t-17217-1998.limits."class-1/nh3"]
    quantity, value, unit, averaging, kinds, class, trust, note

A file of the settings folder adds standards or replaces a whole one by name.
"""

from collections.abc import Collection, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from sensorhub.config.schema import Strict, explain, parse_duration, read_toml
from sensorhub.errors import ConfigError, Fault
from sensorhub.model import BY_NAME, AssetKind
from sensorhub.standards.gas import MOLAR_MASS
from sensorhub.standards.sensors import Sensor, add_sensors

Trust = Literal["S", "P", "U", "?"]
TRUST: dict[Trust, str] = {
    "S": "the text of the standard, or a table of the agency, was read",
    "P": "practice reported by a city or a vendor",
    "U": "entered by the user from their own copy",
    "?": "not verified: a rule may use it only if the rule gives the value",
}
UNIT_WORDS = {"mg/m3": "mg/m³"}
AT_ONCE = "at once"
UNSTATED = "unstated"
# quantities that no sensor measures: the kind of rule that judges them, or None
QUANTITIES: dict[str, tuple[str | None, str]] = {
    "dwell": ("overdue", "h"),
    "visits": ("count_since", ""),
    "cleanings_per_day": (None, "per day"),
    "emptyings_per_day": (None, "per day"),
    "flies": (None, ""),
    "intact_share": (None, "%"),
    "odour_grade": (None, "grade"),
    "waste_stay": (None, "min"),
}


def parse_averaging(value: object) -> tuple[int, int] | None:
    """Parse the shortest and longest window into ms; None: the source states none."""
    if value == AT_ONCE:
        return (0, 0)
    if value == UNSTATED:
        return None
    if isinstance(value, list) and len(value) == 2:
        first, last = (parse_duration(one) for one in value)
        if 0 < first < last:
            return (first, last)
        raise ValueError('a range goes from a shorter to a longer: ["5m", "30m"]')
    if not isinstance(value, str):
        raise ValueError('"at once", "unstated", "10m" or ["5m", "30m"] is expected')
    length = parse_duration(value)
    if not length:
        raise ValueError('a window has a length; without one say "at once"')
    return (length, length)


Averaging = Annotated[tuple[int, int] | None, BeforeValidator(parse_averaging)]


class StandardLimit(Strict):
    """One limit of one standard, under the name that rules use."""

    name: str
    title: str
    citation: str
    in_force: str = ""
    superseded_by: str = ""
    classes: tuple[str, ...] = ()
    class_tag: str = ""
    quantity: str = Field(description="a measurement, or a word of QUANTITIES")
    value: float | None = Field(None, allow_inf_nan=False)
    unit: str = ""
    averaging: Averaging = Field(description="mean over how long")
    kinds: tuple[AssetKind, ...] = ()
    class_: str = Field("", alias="class")
    trust: Trust
    note: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> "StandardLimit":
        units = self._units()
        if self.value is not None and self.unit not in units:
            known = " or ".join(repr(unit) for unit in units)
            raise ValueError(f"{self.quantity} is given in {known}")
        if self.value is None and self.trust != "?":
            raise ValueError('a limit without a value has trust = "?"')
        if self.class_ and self.class_ not in self.classes:
            raise ValueError(f"no such class: {self.class_!r}; see classes")
        return self

    def _units(self) -> tuple[str, ...]:
        if self.quantity in MOLAR_MASS:
            return ("mg/m3", "ppm")
        if self.quantity in BY_NAME:
            return (BY_NAME[self.quantity].unit,)
        if self.quantity in QUANTITIES:
            return (QUANTITIES[self.quantity][1],)
        known = ", ".join(sorted([*BY_NAME, *QUANTITIES]))
        raise ValueError(f"no such quantity: {self.quantity!r}; one of {known}")

    @property
    def usable(self) -> bool:
        """Whether a rule may use the value as given."""
        return self.value is not None and self.trust != "?"

    @property
    def judged_in(self) -> str:
        """The unit of comparison: its own, else the measurement's."""
        if self.unit or self.quantity not in BY_NAME:
            return self.unit
        return BY_NAME[self.quantity].unit

    @property
    def rule_kind(self) -> str | None:
        """The kind of rule that judges the limit; None: no rule can."""
        if self.quantity in BY_NAME:
            return "threshold"
        return QUANTITIES[self.quantity][0]

    def admits(self, tags: Collection[str]) -> bool:
        """Whether the limit applies to an asset with these tags.

        A limit applies to its class and to stricter ones: what exceeds class 3 exceeds
        class 1, too. An asset without a class counts as the least strict one.
        """
        if not self.class_:
            return True
        classed = (
            n for n, one in enumerate(self.classes) if f"{self.class_tag}-{one}" in tags
        )
        own = next(classed, len(self.classes) - 1)
        return own <= self.classes.index(self.class_)

    @property
    def words(self) -> str:
        """The clause in one line, as an alert shows it."""
        value = "no value" if self.value is None else f"{self.value:g}"
        unit = UNIT_WORDS.get(self.judged_in, self.judged_in)
        text = f"{self.citation}, {self.name.partition('/')[2]}: {value} {unit}"
        mark = "unverified" if self.trust == "?" else ""
        mark = "superseded" if self.superseded_by else mark
        return f"{text} ({mark})" if mark else text.rstrip()


class _Standard(Strict):
    """One standard as a table of the file."""

    title: str = Field(min_length=1)
    citation: str = Field(min_length=1)
    in_force: str = ""
    superseded_by: str = ""
    classes: tuple[str, ...] = Field((), description="strictest first")
    class_tag: str = Field("", description="assets have the tag class_tag-class")
    limits: dict[str, dict[str, Any]] = Field(min_length=1)


class Standards(Strict):
    """Every limit by name, and every sensor by profile and measurement."""

    limits: dict[str, StandardLimit]
    sensors: dict[str, dict[str, Sensor]]


def load_standards(folder: Path | None) -> Standards:
    """Load built-in standards, then `folder`/standards/ and `folder`/sensors/.

    Raises ConfigError with every fault found.
    """
    faults: list[Fault] = []
    limits: dict[str, StandardLimit] = {}
    sensors: dict[str, dict[str, Sensor]] = {}
    with resources.as_file(resources.files("sensorhub.builtin")) as path:
        for root in (path, folder):
            if root is not None:
                _add(limits, root / "standards", faults)
                add_sensors(sensors, root / "sensors", faults)
    if faults:
        raise ConfigError(faults)
    return Standards(limits=dict(sorted(limits.items())), sensors=sensors)


@cache
def built_in() -> Standards:
    """The standards that come with the package."""
    return load_standards(None)


def _add(limits: dict[str, StandardLimit], folder: Path, faults: list[Fault]) -> None:
    origin: dict[str, Path] = {}
    for path in sorted(folder.glob("*.toml")):
        for name, table in read_toml(path, faults).items():
            if name in origin:
                what = f"the standard stands in {origin[name].name}, too"
                faults.append(Fault(str(path), name, what))
            origin[name] = path
            found = _standard(name, table, str(path), faults)
            if found is None:
                continue
            for old in [key for key in limits if key.startswith(f"{name}/")]:
                del limits[old]
            limits |= _limits(name, found, str(path), faults)


def _standard(
    name: str, table: object, file: str, faults: list[Fault]
) -> _Standard | None:
    try:
        return _Standard.model_validate(table)
    except ValidationError as error:
        faults.extend(explain(error, file, name))
        return None


def _limits(
    name: str, standard: _Standard, file: str, faults: list[Fault]
) -> Mapping[str, StandardLimit]:
    found = {}
    shared = standard.model_dump(include={*_Standard.model_fields} - {"limits"})
    for key, table in standard.limits.items():
        try:
            limit = StandardLimit.model_validate(
                {**table, **shared, "name": f"{name}/{key}"}
            )
            found[limit.name] = limit
        except ValidationError as error:
            faults.extend(explain(error, file, f"{name}.limits.{key}"))
    return found
