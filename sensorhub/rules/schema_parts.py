"""Parts of a rule in rules.toml: selection, levels, schedule, texts."""

from datetime import time
from string import Formatter
from typing import Literal

from pydantic import Field, model_validator

from sensorhub.config.schema import WEEKDAYS, Id, LocalTime, Strict, TimeZone, Weekday
from sensorhub.model import AssetKind

Word = Literal["device", "warning", "urgent", "danger"]
Chance = Literal["due", "before_round", "overfull", "soon"]
PLACEHOLDERS = frozenset(
    {"asset", "zone", "value", "unit", "limit", "standard", "fill"}
)


class Select(Strict):
    """Selects assets. An empty list selects everything; all lists must match."""

    kinds: tuple[AssetKind, ...] = ()
    zones: tuple[Id, ...] = ()
    sites: tuple[Id, ...] = ()
    assets: tuple[Id, ...] = ()
    tags: tuple[str, ...] = Field((), description="assets with any of these tags")


class RuleLevel(Strict):
    """One severity: where it is raised and where it clears."""

    severity: Word
    raise_: float = Field(
        alias="raise", allow_inf_nan=False, description="in the rule's unit"
    )
    clear: float | None = Field(
        None, allow_inf_nan=False, description="default: where it is raised"
    )
    chance: Chance | None = Field(None, description="forecast: the chance (%) of what")
    standard: str | None = Field(
        None, description="a limit of a standard by name; `raise` is its value"
    )


class Schedule(Strict):
    """Local times at which the rule may raise; it may clear at any time."""

    weekdays: tuple[Weekday, ...] = Field(WEEKDAYS, min_length=1)
    from_: LocalTime = Field(time(0), alias="from")
    until: LocalTime = Field(time(0), description="00:00 is the end of the day")
    timezone: TimeZone | None = Field(None, description="default: the town's")


def _plain(text: str) -> bool:
    """Check that braces hold only known placeholders, without format or attribute."""
    try:
        parts = list(Formatter().parse(text))
    except ValueError:
        return False
    return all(
        name is None or (name in PLACEHOLDERS and not spec and not conversion)
        for _, name, spec, conversion in parts
    )


class RuleText(Strict):
    """Text for people; placeholders (PLACEHOLDERS) are in braces."""

    zh: str = Field(alias="zh-CN", min_length=1)
    en: str = Field(min_length=1)

    @model_validator(mode="after")
    def _fits(self) -> "RuleText":
        for text in (self.zh, self.en):
            if not _plain(text):
                raise ValueError(
                    f"{text!r}: only {', '.join(sorted(PLACEHOLDERS))} may be in braces"
                )
        return self
