"""Settings of deposits, holidays and rounds: what fills assets, who empties them."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated

from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from sensorhub.config.schema import (
    WEEKDAYS,
    Id,
    LocalTime,
    Strict,
    Weekday,
    explain,
    read_toml,
)
from sensorhub.errors import ConfigError, Fault
from sensorhub.model import AssetKind

EPOCH = date(1970, 1, 1).toordinal()
WEDNESDAY, SUNDAY = 2, 6
LONGEST_D = 60


class DepositSettings(Strict):
    """Small deposits and bags that people throw in: gamma volumes in litres."""

    litres: float = Field(0.9, gt=0, le=1_000, description="mean small deposit")
    shape: float = Field(1.5, gt=0, le=100, description="of the small ones' volumes")
    big_share: float = Field(0.02, ge=0, le=0.5, description="deposits that are bags")
    big_litres: float = Field(12.0, gt=0, le=10_000, description="mean bag")
    big_shape: float = Field(9.0, gt=0, le=100, description="of the bags' volumes")
    residue: float = Field(2.0, ge=0, le=50, description="% that an emptying leaves")
    residue_sd: float = Field(1.2, gt=0, le=30, description="its deviation, %")


class RoundSettings(Strict):
    """When a crew comes. An empty list selects everything; all keys must match."""

    zone: Id | None = Field(None, description="in this zone")
    kind: AssetKind | None = Field(None, description="to assets of this kind")
    tags: tuple[str, ...] = Field((), description="to assets with any of these tags")
    weekdays: tuple[Weekday, ...] = Field(WEEKDAYS, min_length=1)
    times: tuple[LocalTime, ...] = Field(min_length=1, description="local times")

    def hours(self) -> set[float]:
        """Its times in hours since Monday 00:00."""
        return {
            24 * WEEKDAYS.index(day) + at.hour + at.minute / 60
            for day in self.weekdays
            for at in self.times
        }

    def serves(self, kind: AssetKind, zone: str, tags: frozenset[str]) -> bool:
        """Whether the round serves an asset with this kind, zone and tags."""
        return (
            self.zone in (None, zone)
            and self.kind in (None, kind)
            and (not self.tags or not tags.isdisjoint(self.tags))
        )


def _span(value: object) -> object:
    """First and last day of "2026-10-01/2026-10-07", of a single day or a TOML date."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value, value
    try:
        first, slash, last = str(value).partition("/")
        days = date.fromisoformat(first), date.fromisoformat(last if slash else first)
    except ValueError:
        raise ValueError(
            'a day is text like "2026-10-01", days are "2026-10-01/2026-10-07"'
        ) from None
    if not 0 <= (days[1] - days[0]).days < LONGEST_D:
        raise ValueError(f"the last day is the first or up to {LONGEST_D} days later")
    return days


Span = Annotated[
    tuple[date, date], BeforeValidator(_span), WithJsonSchema({"type": "string"})
]


class HolidaySettings(Strict):
    """Local days on which people behave as on another day of the week."""

    days: tuple[Span, ...] = Field((), description="like a Sunday")
    workdays: tuple[Span, ...] = Field(
        (), description="weekends that are worked: like a Wednesday"
    )

    @model_validator(mode="after")
    def _apart(self) -> "HolidaySettings":
        both = set(_each(self.days)) & set(_each(self.workdays))
        if both:
            raise ValueError(f"{min(both)} is a holiday and a workday")
        return self

    def like(self) -> dict[int, int]:
        """The weekday (0 is Monday) that a day counts as, by days since 1970-01-01."""
        found = {}
        for spans, weekday in ((self.days, SUNDAY), (self.workdays, WEDNESDAY)):
            for day in _each(spans):
                found[day.toordinal() - EPOCH] = weekday
        return found


def _each(spans: Iterable[tuple[date, date]]) -> Iterator[date]:
    for first, last in spans:
        for number in range((last - first).days + 1):
            yield first + timedelta(number)


class _Rounds(Strict):
    rounds: tuple[RoundSettings, ...]


def read_rounds(path: Path) -> tuple[RoundSettings, ...]:
    """Read the `[[rounds]]` of a file. Raises ConfigError with every fault."""
    faults: list[Fault] = []
    tables = read_toml(path, faults)
    try:
        if not faults:
            return _Rounds.model_validate(tables).rounds
    except ValidationError as error:
        faults.extend(explain(error, str(path)))
    raise ConfigError(faults)
