"""Scripted events of a scenario: `[[events]]`, what happens where and when."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from firmware_sim.families.versions import VERSIONS

What = Literal[
    "crowd",  # deposits and visits times `amount`
    "heat",  # the air is `amount` °C warmer (or colder)
    "strike",  # no crew comes
    "gateway_dead",  # all gateways of the zones
    "stuck",  # level sensors repeat themselves
    "silent",  # devices say nothing
    "update",  # devices get the firmware `version`, and the one before at the end
    "interval",  # devices are told to report every `amount` s
    "threshold",  # bins are told to report at once from `amount` % on
    "reboot",  # devices are told to restart
    "sessions_lost",  # the network server forgot them: all come up anew
    "iced",  # `amount` of the echoes come from ice before the sensor
    "fire",  # bins burn at `amount` °C
    "tipped",  # bins lie at `amount` °, spilt
    "blocked",  # toilets: sources of smell times `amount`
]
NOTHING = 0.0
# least, most, and what it is unless told
AMOUNTS: dict[str, tuple[float, float, float]] = {
    "crowd": (0, 50, 3),
    "heat": (-40, 40, 12),
    "iced": (0, 1, 0.95),
    "fire": (60, 125, 110),
    "tipped": (30, 180, 90),
    "blocked": (1, 50, 8),
    "interval": (300, 86_400, 900),
    "threshold": (1, 100, 80),
}


class ScenarioEvent(BaseModel):
    """One event; without zones, kind and assets it is the whole town's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    what: What
    day: int = Field(ge=1)  # of the town's calendar, 1 is the first
    hour: float = Field(0, ge=0, lt=24)  # local
    hours: float = Field(1, gt=0)  # how long it lasts
    zones: tuple[int, ...] = ()  # numbers, from 1
    kind: Literal["", "bin", "toilet"] = ""
    assets: tuple[str, ...] = ()
    share: float = Field(1, gt=0, le=1)  # of those assets, drawn by the seed
    amount: float | None = None
    version: str = ""  # of update

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.what == "update") != (self.version in VERSIONS):
            raise ValueError("update needs a version of firmware-sim devices")
        span = AMOUNTS.get(self.what)
        if self.amount is None:
            return self
        if span is None:
            raise ValueError(f"{self.what} has no amount")
        low, high, _ = span
        if not low <= self.amount <= high:
            raise ValueError(f"amount of {self.what} is {low:g} to {high:g}")
        return self

    @property
    def size(self) -> float:
        """The amount, or what it is unless told."""
        if self.amount is not None:
            return self.amount
        return AMOUNTS.get(self.what, (0, 0, NOTHING))[2]
