"""Device profiles: the decoder, and the measurement of each of its fields.

Built-in profiles come with the package (one file per vendor); files in the folder
`profiles` beside sensorhub.toml add profiles or replace them by name.
"""

import math
import re
from collections.abc import Collection, Mapping
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import Field, ValidationError, model_validator

from sensorhub.config.schema import Strict, explain, read_toml
from sensorhub.errors import ConfigError, Fault
from sensorhub.model import BY_NAME, CATALOGUE, MeasurementKind

NATIVE = "native"
_NAME = r"[a-z0-9][a-z0-9-]{0,63}"
ProfileName = Annotated[str, Field(pattern=f"^{_NAME}$")]
is_profile_name = re.compile(_NAME).fullmatch


class FieldTarget(NamedTuple):
    """The target of a field: measurement number; value * scale + offset."""

    no: int
    scale: float
    offset: float
    bits: int
    no_value: tuple[float, ...]


class FieldMap(Strict):
    """One decoded field as a measurement of the catalogue."""

    measurement: str = Field(description="of the catalogue")
    scale: float = Field(1.0, description="the value is multiplied by it")
    offset: float = Field(0.0, description="and this is added")
    counter_bits: int = Field(
        0, ge=0, le=53, description="width of a counter that wraps; 0: decoder's word"
    )

    no_value: tuple[float, ...] = Field(
        (), description="values that stand for no reading: no probe, no echo"
    )
    words: dict[str, float] = Field(
        default_factory=dict,
        description="what words stand for, like { normal = 0, tilt = 1 }",
    )

    @model_validator(mode="after")
    def _known(self) -> "FieldMap":
        entry = BY_NAME.get(self.measurement)
        if entry is None or entry.kind is MeasurementKind.ESTIMATE:
            raise ValueError(
                f"no such measurement: {self.measurement!r}; one of "
                + ", ".join(sorted(IDENTITY))
            )
        if not (
            math.isfinite(self.scale) and self.scale and math.isfinite(self.offset)
        ):
            raise ValueError("finite numbers are expected, and a scale that is not 0")
        if not all(map(math.isfinite, self.words.values())):
            raise ValueError("words stand for finite numbers")
        if self.counter_bits and entry.kind is not MeasurementKind.COUNTER:
            raise ValueError(f"{self.measurement!r} is no counter: no counter_bits")
        return self


IDENTITY: Mapping[str, FieldTarget] = {
    entry.name: FieldTarget(entry.no, 1.0, 0.0, 0, ())
    for entry in CATALOGUE
    if entry.kind is not MeasurementKind.ESTIMATE
}


class EchoSettings(Strict):
    """Error model of a level sensor; the default if its data sheet gives none."""

    noise_mm: float = Field(10.0, gt=0, le=1_000, description="standard deviation")
    quantum_mm: float = Field(10.0, ge=0, le=1_000, description="step of its readings")
    blind_mm: float = Field(
        30.0, ge=0, le=10_000, description="nearer than this all looks the same"
    )
    near: float = Field(
        0.01, ge=0, le=0.5, description="share of echoes from something else before"
    )
    missed: float = Field(
        0.01, ge=0, le=0.5, description="share of lost echoes: it looks empty"
    )


class Profile(Strict):
    """A device model: how its uplinks become readings."""

    name: ProfileName
    vendor: str = Field(min_length=1)
    model: str = Field(min_length=1)
    decoder: str | None = Field(
        None, description="built-in decoder; without one, values that come decoded"
    )
    codec: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\.js$",
        description="JavaScript payload codec: its file in the folder codecs",
    )
    variables: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="given to the codec with each frame"
    )
    interval_s: int = Field(
        3600, ge=1, le=30 * 86_400, description="expected time between uplinks"
    )
    echo: EchoSettings = EchoSettings()
    map: dict[str, FieldMap] = Field(
        default_factory=dict,
        description="field to measurement; fields named as in the catalogue need none",
    )

    @model_validator(mode="after")
    def _one_way(self) -> "Profile":
        if self.codec and self.decoder:
            raise ValueError("decoder or codec: one of them reads the bytes")
        return self

    @cached_property
    def targets(self) -> dict[str, FieldTarget]:
        """Every field that is kept, by the decoder's name."""
        mapped = {
            name: FieldTarget(
                BY_NAME[to.measurement].no,
                to.scale,
                to.offset,
                to.counter_bits,
                to.no_value,
            )
            for name, to in self.map.items()
        }
        return {**IDENTITY, **mapped}

    @cached_property
    def words(self) -> dict[str, tuple[int, dict[str, float]]]:
        """The values of words of fields: measurement number, and value by word."""
        return {
            name: (
                BY_NAME[to.measurement].no,
                {word.strip().lower(): value for word, value in to.words.items()},
            )
            for name, to in self.map.items()
            if to.words
        }


def load_profiles(
    folder: Path | None, known_decoders: Collection[str]
) -> dict[str, Profile]:
    """Load profiles by name: built-in ones, then those of `folder`/profiles/*.toml.

    Raises ConfigError with every fault found.
    """
    faults: list[Fault] = []
    built_in = resources.files("sensorhub.builtin") / "profiles"
    found: dict[str, Profile] = {}
    with resources.as_file(built_in) as path:
        _add(found, path, known_decoders, faults)
    if folder is not None:
        _add(found, folder / "profiles", known_decoders, faults)
    if faults:
        raise ConfigError(faults)
    return dict(sorted(found.items()))


def _add(
    found: dict[str, Profile],
    folder: Path,
    known_decoders: Collection[str],
    faults: list[Fault],
) -> None:
    """Add the profiles of all files of `folder`; a name in two files is a fault."""
    origin: dict[str, Path] = {}
    for path in sorted(folder.glob("*.toml")):
        for name, table in read_toml(path, faults).items():
            if name in origin:
                what = f"the profile stands in {origin[name].name}, too"
                faults.append(Fault(str(path), name, what))
            origin[name] = path
            profile = _profile(name, table, str(path), faults)
            if profile is None:
                continue
            if profile.decoder not in (None, NATIVE, *known_decoders):
                known = ", ".join(sorted({NATIVE, *known_decoders}))
                what = f"no such decoder: {profile.decoder!r}; one of {known}"
                faults.append(Fault(str(path), f"{name}.decoder", what))
            if profile.codec and not (file := codec_path(path, profile)).is_file():
                what = f"no such file: {file}"
                faults.append(Fault(str(path), f"{name}.codec", what))
            found[name] = profile


def codec_path(profiles: Path, profile: Profile) -> Path:
    """Path of the codec that a profile in the file `profiles` names."""
    return profiles.parent.parent / "codecs" / str(profile.codec)


def _profile(name: str, table: Any, file: str, faults: list[Fault]) -> Profile | None:
    if not isinstance(table, dict):
        what = "a table is expected: [vendor-model] and its keys below"
        faults.append(Fault(file, name, what))
        return None
    try:
        return Profile.model_validate({**table, "name": name})
    except ValidationError as error:
        faults.extend(explain(error, file, name))
        return None


def profiles_table(profiles: Mapping[str, Profile]) -> str:
    """The profiles as a Markdown table, for docs/decoders.md."""
    lines = [
        "| profile | vendor | model | decoder | interval | own map |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, profile in sorted(profiles.items()):
        maps = [(field, to.measurement) for field, to in profile.map.items()]
        own = ", ".join(f"{field} → {to}" for field, to in maps if field != to)
        reads = profile.decoder or profile.codec or "none"
        cells = (name, profile.vendor, profile.model, reads)
        lines.append(f"| {' | '.join(cells)} | {profile.interval_s} s | {own} |")
    return "\n".join(lines) + "\n"
