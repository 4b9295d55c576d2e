"""The entities of the register, as tuples in the order of the tables' columns."""

from dataclasses import dataclass, field
from typing import NamedTuple


class Zone(NamedTuple):
    """Area of responsibility of a crew (责任区)."""

    id: str
    name: str
    crew: str = ""
    contractor: str = ""
    contact: str = ""


class Site(NamedTuple):
    """A named place in one zone."""

    id: str
    name: str
    zone: str


class Asset(NamedTuple):
    """The bin or toilet that is watched. Degrees, litres, millimetres, epoch ms.

    `empty_mm` and `full_mm` are the distances measured when the asset is empty and
    full; `volumes` is a table of distances and litres for other shapes. Tags are
    sorted and separated by one space.
    """

    no: int
    id: str
    name: str
    kind: str
    zone: str
    site: str
    latitude: float | None = None
    longitude: float | None = None
    capacity_l: float | None = None
    empty_mm: float | None = None
    full_mm: float | None = None
    tags: str = ""
    out_from: int | None = None
    out_until: int | None = None
    out_reason: str = ""
    retired: int | None = None
    volumes: str = ""


class Device(NamedTuple):
    """A sensor. `interval_s` is the expected uplink interval; None: the profile's."""

    no: int
    id: str
    profile: str
    interval_s: float | None = None


class Mounting(NamedTuple):
    """A device (by number) on an asset, from and until (ms); None: unbounded."""

    no: int
    device: int
    asset: int
    from_at: int | None = None
    until_at: int | None = None

    def overlaps(self, start: int | None, end: int | None) -> bool:
        """Whether the mounting overlaps [start, end)."""
        return (self.from_at is None or end is None or self.from_at < end) and (
            self.until_at is None or start is None or start < self.until_at
        )


@dataclass(frozen=True, slots=True)
class Register:
    """Zones, sites, assets, devices by id; mountings by number.

    `last` holds the highest number assigned to assets, devices and mountings.
    """

    zones: dict[str, Zone] = field(default_factory=dict)
    sites: dict[str, Site] = field(default_factory=dict)
    assets: dict[str, Asset] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    mountings: dict[int, Mounting] = field(default_factory=dict)
    last: tuple[int, int, int] = (0, 0, 0)
