"""What all sections of a scenario share."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Amount = Annotated[float, Field(ge=0)]


class ScenarioSection(BaseModel):
    """Settings that know all their keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)
