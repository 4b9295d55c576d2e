"""rules.toml: what a rule may say, checked; all faults at once."""

import re
import tomllib
from datetime import time
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from sensorhub.errors import ConfigError, Fault
from sensorhub.model import BY_NAME, AssetKind, Category, MeasurementKind
from sensorhub.strict import Id, Strict, TimeZone, explain

_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
HOUR_MS = 3_600_000


def parse_duration(value: object) -> int:
    """Milliseconds of "90s", "10m", "12h" or "7d". Raises ValueError."""
    if not isinstance(value, str):
        raise ValueError('a duration is text like "90s", "10m", "12h" or "7d"')
    match = _DURATION.fullmatch(value)
    if match is None:
        raise ValueError('a duration looks like "90s", "10m", "12h" or "7d"')
    return round(float(match[1]) * _UNITS_MS[match[2]])


Duration = Annotated[int, BeforeValidator(parse_duration), Field(ge=0)]
Kind = Literal["threshold", "rate", "no_data", "count_since", "overdue"]
Word = Literal["device", "warning", "urgent", "danger"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Select(Strict):
    """Which assets; an empty list is no limit, all lists must agree."""

    kinds: tuple[AssetKind, ...] = ()
    zones: tuple[Id, ...] = ()
    sites: tuple[Id, ...] = ()
    assets: tuple[Id, ...] = ()
    tags: tuple[str, ...] = Field((), description="assets with any of these tags")


class Level(Strict):
    """One severity: where it is raised and where it clears again."""

    severity: Word
    raise_: float = Field(alias="raise", description="in the rule's unit")
    clear: float | None = Field(None, description="default: where it is raised")


class Schedule(Strict):
    """Local times in which the rule may raise; it may clear at any time."""

    weekdays: tuple[Weekday, ...] = WEEKDAYS
    from_: time = Field(time(0), alias="from")
    until: time = Field(time(0), description="00:00 is the end of the day")
    timezone: TimeZone | None = Field(None, description="default: the town's")


class Text(Strict):
    """What people read. Places: {asset} {zone} {value} {unit} {limit}."""

    zh: str = Field(alias="zh-CN", min_length=1)
    en: str = Field(min_length=1)

    @model_validator(mode="after")
    def _fits(self) -> "Text":
        places = dict.fromkeys(("asset", "zone", "value", "unit", "limit"), "")
        for text in (self.zh, self.en):
            try:
                text.format_map(places)
            except (KeyError, ValueError, IndexError, AttributeError) as error:
                raise ValueError(
                    f"{text!r}: only {{asset}} {{zone}} {{value}} {{unit}} {{limit}}"
                    f" may stand in braces ({error})"
                ) from error
        return self


class RuleSettings(Strict):
    """One rule of rules.toml."""

    id: Id
    kind: Kind
    category: Category
    measurement: str | None = Field(None, description="of the catalogue")
    direction: Literal["above", "below"] = "above"
    levels: tuple[Level, ...] = Field(min_length=1)
    select: Select = Select()
    hold: Duration = Field(0, description="how long before it is raised")
    clear_hold: Duration = Field(0, description="how long before it clears")
    k: int = Field(1, ge=1, le=32, description="raise when k ...")
    n: int = Field(1, ge=1, le=32, description="... of the last n samples meet it")
    max_gap: Duration | None = Field(
        None, description="default: three expected intervals, at least 2h"
    )
    schedule: Schedule | None = None
    intervals: float = Field(3, gt=0, description="no_data: expected intervals missed")
    at_least: Duration = Field(2 * HOUR_MS, description="no_data: and at least so long")
    text: Text

    @model_validator(mode="after")
    def _consistent(self) -> "RuleSettings":
        self._check_measurement()
        self._check_levels()
        if self.k > self.n:
            raise ValueError(f"k = {self.k} of n = {self.n} can never be met")
        return self

    def _check_measurement(self) -> None:
        needs = self.kind in ("threshold", "rate", "count_since")
        if needs != (self.measurement is not None):
            word = "needs a" if needs else "takes no"
            raise ValueError(f"a rule of kind {self.kind} {word} measurement")
        if self.measurement is None:
            return
        entry = BY_NAME.get(self.measurement)
        if entry is None:
            raise ValueError(
                f"no such measurement: {self.measurement!r}; one of "
                + ", ".join(sorted(BY_NAME))
            )
        counter = entry.kind is MeasurementKind.COUNTER
        if self.kind == "count_since" and not counter:
            raise ValueError(f"count_since needs a counter, not {self.measurement!r}")

    def _check_levels(self) -> None:
        words = [level.severity for level in self.levels]
        if len(set(words)) != len(words):
            raise ValueError("a severity stands twice among the levels")
        if "device" in words and len(words) > 1:
            raise ValueError("severity device never mixes with others in one rule")
        for level in self.levels:
            clear = level.raise_ if level.clear is None else level.clear
            above = self.direction == "above"
            if (clear > level.raise_) if above else (clear < level.raise_):
                raise ValueError(
                    f"level {level.severity}: clear {clear} lies on the wrong side of"
                    f" raise {level.raise_} for direction {self.direction}"
                )


class Inhibit(Strict):
    """While `source` fires, notifications of `targets` are held back."""

    source: Id
    targets: tuple[Id, ...] = Field(min_length=1)
    same: Literal["asset", "zone"] = "asset"


class Rulebook(Strict):
    """Everything in rules.toml."""

    rules: tuple[RuleSettings, ...] = ()
    inhibit: tuple[Inhibit, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> "Rulebook":
        ids = [rule.id for rule in self.rules]
        twice = sorted({i for i in ids if ids.count(i) > 1})
        if twice:
            raise ValueError(f"rule ids stand twice: {', '.join(twice)}")
        named = {i for item in self.inhibit for i in (item.source, *item.targets)}
        missing = sorted(named - set(ids))
        if missing:
            raise ValueError(f"inhibit names unknown rules: {', '.join(missing)}")
        return self


def parse_rules(text: str, file: str = "rules.toml") -> Rulebook:
    """The rules in `text`. Raises ConfigError with every fault."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([Fault(file, "syntax", str(error))]) from error
    try:
        return Rulebook.model_validate(tables)
    except ValidationError as error:
        raise ConfigError(explain(error, file)) from error


def read_rules(folder: Path) -> str:
    """The text of `folder`/rules.toml; empty where there is none.

    Raises ConfigError where it cannot be read.
    """
    path = folder / "rules.toml"
    try:
        return path.read_text("utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Fault(str(path), "file", str(error))]) from error
