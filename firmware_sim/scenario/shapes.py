"""Settings of containers and pits, in addition to the usual street bin."""

from itertools import pairwise
from typing import Literal, Self

from pydantic import Field, model_validator

from firmware_sim.scenario.base import Amount, Positive, ScenarioSection, Share

Pair = tuple[Share, Share]


class ShapeSettings(ScenarioSection):
    """An additional shape of bins, and its share of them."""

    share: Share
    kind: Literal["bin", "container", "waste_pit", "transfer_station"] = "container"
    height_cm: Positive
    volume_l: Positive
    head_room_cm: Amount = 15
    # share of the height, and share of the volume below it
    outline: tuple[Pair, ...] = Field(((0, 0), (1, 1)), min_length=2, max_length=16)

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.outline[0] != (0, 0) or self.outline[-1] != (1, 1):
            raise ValueError("outline begins with [0, 0] and ends with [1, 1]")
        if any(a >= c or b >= d for (a, b), (c, d) in pairwise(self.outline)):
            raise ValueError("outline must rise")
        return self
