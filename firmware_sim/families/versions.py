"""The catalogue of flawed firmware (versions.toml), and layouts of old versions."""

import tomllib
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import NamedTuple

from firmware_sim.families import dragino, wire
from firmware_sim.families.catalogue import AirReport, LevelReport, gases


class FirmwareVersion(NamedTuple):
    """A version of a family's firmware, and its flaw."""

    name: str
    family: str
    kind: str  # bin, toilet; empty: both
    bug: str
    what: str
    known: str  # where such a flaw is documented
    value: int = 0  # reported instead of the right value
    per_day: float = 0  # rate of a flaw that occurs by chance


def _read() -> dict[str, FirmwareVersion]:
    text = (files("firmware_sim") / "families" / "versions.toml").read_text("utf-8")
    return {
        row["name"]: FirmwareVersion(**row) for row in tomllib.loads(text)["versions"]
    }


VERSIONS: Mapping[str, FirmwareVersion] = _read()


def _ldds75(s: LevelReport) -> bytes:
    return dragino.dds75(round(s.volts * 1000), max(s.mm, 280))[: dragino.OLD]


def _gs301(a: AirReport) -> bytes:
    nh3, h2s = gases(a)
    return wire.gs301(a.battery, a.celsius, a.humidity, nh3, h2s)


OLD: Mapping[str, Callable[..., bytes]] = {
    "dragino-ldds75": _ldds75,
    "milesight-gs301": _gs301,
}
