"""Base model and types of the sections of a scenario."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Amount = Annotated[float, Field(ge=0)]


class ScenarioSection(BaseModel):
    """A section of settings; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)
