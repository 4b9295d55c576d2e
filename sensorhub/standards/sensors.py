"""What sensors can resolve, and whether that suffices for a limit.

A sensor is a device profile and a measurement. Its figures come from TOML files,
built in and in config/sensors/, in the measurement's unit.
"""

from pathlib import Path
from typing import NamedTuple

from pydantic import Field, ValidationError

from sensorhub.config.schema import Strict, explain, read_toml
from sensorhub.errors import Fault

SHARE = 0.5  # of a limit: our own choice, not a standard's


class Sensor(Strict):
    """One measurement of one device model, in the measurement's unit."""

    resolution: float | None = Field(None, gt=0, description="least step")
    zero_error: float | None = Field(None, ge=0, description="what it may show for 0")
    source: str = Field(min_length=1)


class SensorVerdict(NamedTuple):
    """Whether a sensor can judge a limit (None: unknown), and why."""

    can: bool | None
    why: str


UNKNOWN = Sensor(source="nothing is known")


def verdict(sensor: Sensor, limit: float, unit: str) -> SensorVerdict:
    """Decide whether `sensor` can judge `limit` (both in `unit`).

    Its resolution and its zero error must each be at most half of the limit: otherwise
    a reading at the limit cannot be distinguished from clean air.
    """
    for figure, word in (
        (sensor.resolution, "step"),
        (sensor.zero_error, "zero error"),
    ):
        if figure is not None and figure > SHARE * limit:
            return SensorVerdict(
                False,
                f"this sensor cannot judge that limit: its {word} of {figure:g} {unit}"
                f" is more than half of {limit:.3g} {unit}",
            )
    lacking = [
        word
        for figure, word in (
            (sensor.resolution, "resolution"),
            (sensor.zero_error, "zero error"),
        )
        if figure is None
    ]
    if lacking:
        return SensorVerdict(
            None, f"unknown: no {' and no '.join(lacking)} is on record"
        )
    return SensorVerdict(
        True,
        f"step {sensor.resolution:g} {unit} and zero error {sensor.zero_error:g} {unit}"
        f" are at most half of {limit:.3g} {unit}",
    )


def add_sensors(
    found: dict[str, dict[str, Sensor]], folder: Path, faults: list[Fault]
) -> None:
    """Add the sensors of all files of `folder`: [profile.measurement] tables."""
    for path in sorted(folder.glob("*.toml")):
        for profile, tables in read_toml(path, faults).items():
            if not isinstance(tables, dict):
                what = "a table is expected: [profile.measurement]"
                faults.append(Fault(str(path), profile, what))
                continue
            for measurement, table in tables.items():
                key = f"{profile}.{measurement}"
                try:
                    sensor = Sensor.model_validate(table)
                except ValidationError as error:
                    faults.extend(explain(error, str(path), key))
                    continue
                found.setdefault(profile, {})[measurement] = sensor
