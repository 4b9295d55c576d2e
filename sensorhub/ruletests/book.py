"""Schema of a file of rule tests; reports all faults at once."""

import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic import model_validator as checked

from sensorhub.config.schema import Id, Strict, explain, parse_duration
from sensorhub.errors import ConfigError, Fault
from sensorhub.model import BY_NAME, AssetKind
from sensorhub.ruletests.values import parse_values

START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
_PARTS = re.compile(r"[^a-z]+[a-z]+")


def _span(value: object) -> int:
    """Parse "10m", "1h30m" or 0 into milliseconds."""
    if value == 0 and not isinstance(value, bool):
        return 0
    if not isinstance(value, str):
        return parse_duration(value)
    return sum(map(parse_duration, _PARTS.findall(value) or [value]))


def _signed(value: object) -> int:
    """Parse "10m" or "-10m" into milliseconds."""
    if isinstance(value, str) and value.startswith("-"):
        return -_span(value[1:])
    return _span(value)


def _values(value: object) -> object:
    return parse_values(value) if isinstance(value, str) else value


def _named(value: object) -> object:
    return {"id": value} if isinstance(value, str) else value


def _zoned(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("needs its time zone, like 2026-01-05T08:00:00+08:00")
    return value


def _measured(name: str) -> str:
    if name not in BY_NAME:
        raise ValueError(f"no such measurement; one of {', '.join(sorted(BY_NAME))}")
    return name


Span = Annotated[int, BeforeValidator(_span)]
SignedSpan = Annotated[int, BeforeValidator(_signed)]
Start = Annotated[datetime, AfterValidator(_zoned)]
Became = Literal["device", "warning", "urgent", "danger", "resolved"]
Is = Literal["device", "warning", "urgent", "danger", "none"]


class DeviceSaid(Strict):
    """A device on the asset, from and until."""

    id: Id
    interval: Span = 3_600_000
    from_: Span | None = Field(None, alias="from")
    until: Span | None = None
    via: Id | None = Field(None, description="the gateway that it speaks through")


class AssetSaid(Strict):
    """An asset and its devices; times count from the test's start."""

    id: Id
    kind: AssetKind = AssetKind.BIN
    zone: Id = "z"
    tags: tuple[str, ...] = ()
    empty_mm: float | None = None
    full_mm: float | None = None
    devices: tuple[Annotated[DeviceSaid, BeforeValidator(_named)], ...] = ()
    out_from: Span | None = None
    out_until: Span | None = None

    @property
    def mounted(self) -> tuple[DeviceSaid, ...]:
        """Its devices; one with the asset's name if none is given."""
        return self.devices or (DeviceSaid(id=self.id),)


class SampleSeries(Strict):
    """Samples of one measurement; `asset` means its first device."""

    asset: Id | None = None
    device: Id | None = None
    measurement: Annotated[str, AfterValidator(_measured)]
    values: Annotated[tuple[float | None, ...], BeforeValidator(_values)]
    every: Span = 600_000
    from_: Span = Field(0, alias="from")
    late: Span = Field(0, description="comes so long after it was measured")
    clock: SignedSpan = Field(0, description="so far is the device's clock ahead")
    sent: int = Field(1, ge=1, le=10, description="how often each uplink comes")
    ts: bool = Field(True, description="whether uplinks carry a time of their own")

    @checked(mode="after")
    def _one_source(self) -> "SampleSeries":
        if (self.asset is None) == (self.device is None):
            raise ValueError("name an asset or a device")
        if self.every <= 0:
            raise ValueError("every: two samples need time between them")
        return self


class ScriptedStep(Strict):
    """An event besides uplinks."""

    at: Span
    do: Literal["restart", "kill", "gap", "clock", "service", "rules"]
    for_: Span = Field(0, alias="for", description="restart, kill, gap: so long away")
    by: SignedSpan = Field(0, description="clock: the hub's clock is stepped so far")
    asset: Id | None = None
    kind: Literal["emptied", "cleaned"] = "emptied"
    file: str | None = Field(None, description="rules: these from now on")

    @checked(mode="after")
    def _whole(self) -> "ScriptedStep":
        needs = {"clock": "by", "service": "asset", "rules": "file", "gap": "for_"}
        key = needs.get(self.do)
        if key is not None and key not in self.model_fields_set:
            raise ValueError(f"{self.do} needs {key.rstrip('_')}")
        return self


class ExpectedAt(Strict):
    """A rule on an asset at a time."""

    at: Span
    rule: Id
    asset: Id


class Expected(ExpectedAt):
    """An expected transition."""

    becomes: Became


class Check(ExpectedAt):
    """The alerts expected to be open at a time."""

    is_: Is = Field(alias="is")


class RuleTest(Strict):
    """One test: uplinks, other events, and the expected transitions."""

    name: str = Field(min_length=1)
    start: Start = START
    until: Span | None = None
    within: Span = Field(1_000, description="how exact the times of `expect` are")
    watch: tuple[Id, ...] = Field((), description="rules compared; default: all")
    assets: tuple[AssetSaid, ...] = Field(min_length=1)
    series: tuple[SampleSeries, ...] = ()
    steps: tuple[ScriptedStep, ...] = ()
    expect: tuple[Expected, ...] | None = None
    checks: tuple[Check, ...] = ()

    @property
    def places(self) -> tuple[ExpectedAt, ...]:
        """Every rule, asset and time that is expected or checked."""
        return (*(self.expect or ()), *self.checks)

    @checked(mode="after")
    def _sound(self) -> "RuleTest":
        assets = {asset.id for asset in self.assets}
        devices = {device.id for asset in self.assets for device in asset.mounted}
        for series in self.series:
            if series.asset is not None and series.asset not in assets:
                raise ValueError(f"series: no such asset: {series.asset!r}")
            if series.device is not None and series.device not in devices:
                raise ValueError(f"series: no such device: {series.device!r}")
        if self.expect is None and not self.checks:
            raise ValueError("nothing is expected: give expect (may be []) or checks")
        named = {item.rule for item in self.places}
        if self.watch and named - set(self.watch):
            raise ValueError("expect and checks name a rule that is not in watch")
        return self


class RuleTests(Strict):
    """A file of tests."""

    rules: str | None = Field(None, description="default: the settings folder's")
    tests: tuple[RuleTest, ...] = Field(min_length=1)


def load_tests(path: Path) -> RuleTests:
    """Load the tests of a file. Raises ConfigError with every fault."""
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([Fault(str(path), "syntax", str(error))]) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Fault(str(path), "file", str(error))]) from error
    try:
        return RuleTests.model_validate(tables)
    except ValidationError as error:
        raise ConfigError(explain(error, str(path))) from error
