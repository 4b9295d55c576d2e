"""What all checked files share: strict models, ids, faults out of pydantic."""

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from sensorhub.errors import Fault
from sensorhub.model import ID_PATTERN


class Strict(BaseModel):
    """Base of all settings: unknown keys are faults, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"no such time zone: {name!r}; e.g. Asia/Shanghai") from error
    return name


TimeZone = Annotated[str, AfterValidator(_zone)]
Id = Annotated[str, Field(pattern=f"^{ID_PATTERN}$")]


def explain(error: ValidationError, file: str, prefix: str = "") -> list[Fault]:
    """Pydantic's errors as faults with file and dotted key, secrets left out."""
    faults = []
    for item in error.errors(include_url=False, include_context=False):
        key = ".".join(str(part) for part in (prefix, *item["loc"]) if part != "")
        what = item["msg"].removeprefix("Value error, ")
        given = item["input"]
        secret = "password" in key or "secret" in key
        if isinstance(given, str | int | float | bool) and not secret:
            what = f"{what} (given: {given!r})"
        if item["type"] == "extra_forbidden":
            what = "unknown key; see docs/settings.md for the known ones"
        faults.append(Fault(file, key or "file", what))
    return faults
