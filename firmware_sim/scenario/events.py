"""Scripted events of a scenario (`[[events]]`): what happens, where and when."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from firmware_sim.families.versions import VERSIONS

What = Literal[
    "crowd",  # `amount` times the deposits and visits
    "heat",  # the air is `amount` °C warmer (or colder)
    "strike",  # no crew works
    "gateway_dead",  # all gateways of the zones
    "stuck",  # level sensors repeat their last value
    "silent",  # devices hang and send nothing
    "update",  # devices get the firmware `version`, at the end the previous one
    "interval",  # downlink: report every `amount` s
    "threshold",  # downlink to bins: report at once from `amount` % on
    "reboot",  # downlink: restart
    "sessions_lost",  # the network server lost the sessions: devices join again
    "iced",  # a share `amount` of the echoes comes from ice before the sensor
    "fire",  # bins burn at `amount` °C
    "tipped",  # bins lie at `amount` °, spilt
    "blocked",  # toilets: `amount` times the sources of smell
]
NOTHING = 0.0
# minimum, maximum, default
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
    """One event; without zones, kind and assets it concerns the whole town."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    what: What
    day: int = Field(ge=1)  # of the town's calendar, from 1
    hour: float = Field(0, ge=0, lt=24)  # local
    hours: float = Field(1, gt=0)  # duration
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
        """The amount, or its default."""
        if self.amount is not None:
            return self.amount
        return AMOUNTS.get(self.what, (0, 0, NOTHING))[2]
