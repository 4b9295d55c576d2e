"""Settings of what fills assets and who empties them: deposits and rounds."""

from pathlib import Path

from pydantic import Field, ValidationError

from sensorhub.errors import ConfigError, Fault
from sensorhub.model import AssetKind
from sensorhub.strict import (
    WEEKDAYS,
    Id,
    LocalTime,
    Strict,
    Weekday,
    explain,
    read_toml,
)


class DepositSettings(Strict):
    """What people throw in: small deposits and big bags; gamma volumes in litres."""

    litres: float = Field(0.9, gt=0, le=1_000, description="mean small deposit")
    shape: float = Field(1.5, gt=0, le=100, description="of the small ones' volumes")
    big_share: float = Field(0.02, ge=0, le=0.5, description="deposits that are bags")
    big_litres: float = Field(12.0, gt=0, le=10_000, description="mean bag")
    big_shape: float = Field(9.0, gt=0, le=100, description="of the bags' volumes")
    residue: float = Field(2.0, ge=0, le=50, description="% that an emptying leaves")
    residue_sd: float = Field(1.2, gt=0, le=30, description="its deviation, %")


class RoundSettings(Strict):
    """When a crew comes by; an empty list is no limit, all keys must agree."""

    zone: Id | None = Field(None, description="in this zone")
    kind: AssetKind | None = Field(None, description="to assets of this kind")
    tags: tuple[str, ...] = Field((), description="to assets with any of these tags")
    weekdays: tuple[Weekday, ...] = Field(WEEKDAYS, min_length=1)
    times: tuple[LocalTime, ...] = Field(min_length=1, description="local times")

    def hours(self) -> set[float]:
        """Its times in hours since Monday 0 h."""
        return {
            24 * WEEKDAYS.index(day) + at.hour + at.minute / 60
            for day in self.weekdays
            for at in self.times
        }

    def serves(self, kind: AssetKind, zone: str, tags: frozenset[str]) -> bool:
        """Whether it comes to such an asset."""
        return (
            self.zone in (None, zone)
            and self.kind in (None, kind)
            and (not self.tags or not tags.isdisjoint(self.tags))
        )


class _Rounds(Strict):
    rounds: tuple[RoundSettings, ...]


def read_rounds(path: Path) -> tuple[RoundSettings, ...]:
    """The rounds in a file of `[[rounds]]`. Raises ConfigError with every fault."""
    faults: list[Fault] = []
    tables = read_toml(path, faults)
    try:
        if not faults:
            return _Rounds.model_validate(tables).rounds
    except ValidationError as error:
        faults.extend(explain(error, str(path)))
    raise ConfigError(faults)
