"""The register in memory: devices, assets and mountings as columns by number.

Numbers come from the database and are never reused, so that they can index columns
and be stored in the journal. Details for people only stay on disk.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorhub.model import AssetKind
from sensorhub.registry.geometry import Geometry
from sensorhub.registry.profiles import Profile
from sensorhub.registry.subjects import Subject

SINCE_EVER = -(2**62)
FOR_EVER = 2**62
SWAP_MS = 86_400_000  # a device that is mounted this soon after another one replaces it


class AssetRow(NamedTuple):
    """An asset as stored in the database."""

    no: int
    id: str
    name: str
    kind: str
    zone: str
    site: str
    empty_mm: float | None
    full_mm: float | None
    tags: str
    out_from: int | None
    out_until: int | None
    retired: int | None
    volumes: str = ""
    capacity_l: float | None = None


class DeviceRow(NamedTuple):
    """A device as stored in the database, with the interval from its birth message."""

    no: int
    id: str
    profile: str
    interval_s: float | None
    told_interval_s: float | None


class MountingRow(NamedTuple):
    """A device on an asset, from and until (ms); None: unbounded."""

    device: int
    asset: int
    from_at: int | None
    until_at: int | None


_MOUNTING = np.dtype(
    [("device", "i4"), ("asset", "i4"), ("start", "i8"), ("end", "i8")]
)


@dataclass(frozen=True, slots=True, eq=False)
class Traits:
    """The properties by which rules select assets; equal ones share one object."""

    kind: AssetKind
    zone: str
    site: str
    tags: frozenset[str]


class Registry:
    """Columns over devices and assets. Rebuilt as a whole when the register changes."""

    def __init__(
        self,
        assets: Iterable[AssetRow],
        devices: Iterable[DeviceRow],
        mountings: Iterable[MountingRow],
        profiles: Mapping[str, Profile],
        last: tuple[int, int] | None = None,
    ) -> None:
        """`last`: highest asset and device number, so that rows come one by one."""
        if last is None:
            assets, devices = list(assets), list(devices)
            last = (
                max((row.no for row in assets), default=0),
                max((row.no for row in devices), default=0),
            )
        self._take_assets(assets, 1 + last[0])
        self._take_devices(devices, profiles, 1 + last[1])
        self._take_mountings(mountings)
        size = self.devices
        self.asset_of = np.full(size, -1, np.int32)
        self.mounted_from = np.full(size, SINCE_EVER, np.int64)
        self.mounted_until = np.full(size, FOR_EVER, np.int64)
        self.watched_from = np.full(self.assets, FOR_EVER, np.int64)
        self.next_change = SINCE_EVER

    def _take_assets(self, rows: Iterable[AssetRow], size: int) -> None:
        self.assets = size
        self.asset_ids = [""] * size
        self.asset_names = [""] * size
        self.traits: list[Traits | None] = [None] * size
        self.alike = np.full(size, -1, np.int32)  # equal traits are one object
        self.geometry = Geometry(size)
        self.capacity_l: dict[int, float] = {}
        self.out_from = np.full(size, FOR_EVER, np.int64)
        self.out_until = np.full(size, FOR_EVER, np.int64)
        self.retired = np.zeros(size, np.bool_)
        self._retired_at = np.full(size, FOR_EVER, np.int64)
        shared: dict[tuple[str, ...], tuple[int, Traits]] = {}
        for row in rows:
            key = (row.kind, row.zone, row.site, row.tags)
            if key not in shared:
                tags = frozenset(row.tags.split())
                traits = Traits(AssetKind(row.kind), row.zone, row.site, tags)
                shared[key] = len(shared), traits
            self.asset_ids[row.no] = row.id
            self.asset_names[row.no] = row.name or row.id
            self.alike[row.no], self.traits[row.no] = shared[key]
            self.geometry.add(row.no, row.empty_mm, row.full_mm, row.volumes)
            if row.capacity_l is not None:
                self.capacity_l[row.no] = row.capacity_l
            if row.out_from is not None:
                self.out_from[row.no] = row.out_from
                if row.out_until is not None:
                    self.out_until[row.no] = row.out_until
            if row.retired is not None:
                self._retired_at[row.no] = row.retired
        self.asset_no = {id_: no for no, id_ in enumerate(self.asset_ids) if id_}

    def _take_devices(
        self, rows: Iterable[DeviceRow], profiles: Mapping[str, Profile], size: int
    ) -> None:
        self.devices = size
        self.device_ids = [""] * size
        self.profiles: list[Profile | None] = [None] * size
        self.interval_ms = np.zeros(size, np.int64)
        self._own_interval: set[int] = set()
        for row in rows:
            profile = profiles.get(row.profile)
            self.device_ids[row.no] = row.id
            self.profiles[row.no] = profile
            interval = row.interval_s or row.told_interval_s
            if interval is None:
                interval = profile.interval_s if profile else 3600.0
            self.interval_ms[row.no] = int(interval * 1000)
            if row.interval_s is not None:
                self._own_interval.add(row.no)
        self.device_no = {id_: no for no, id_ in enumerate(self.device_ids) if id_}

    def _take_mountings(self, rows: Iterable[MountingRow]) -> None:
        found = np.fromiter(
            (
                (
                    device,
                    asset,
                    SINCE_EVER if from_at is None else from_at,
                    FOR_EVER if until_at is None else until_at,
                )
                for device, asset, from_at, until_at in rows
            ),
            _MOUNTING,
        )
        self._mountings = found[np.argsort(found["device"], kind="stable")]

    def is_news(self, device: int, interval_ms: int) -> bool:
        """Whether an interval (ms) differs from the register and from the last one."""
        known = int(self.interval_ms[device])
        return device not in self._own_interval and known != interval_ms

    def tell_interval(self, device: int, interval_ms: int) -> bool:
        """Take the interval (ms) that a device reported; False if it was known."""
        if not self.is_news(device, interval_ms):
            return False
        self.interval_ms[device] = interval_ms
        return True

    def settle(self, now: int) -> bool:
        """Select each device's mounting at `now`; False if nothing changed."""
        if now < self.next_change:
            return False
        self.retired = self._retired_at <= now
        later = self._retired_at[~self.retired]
        self.next_change = int(later.min(initial=FOR_EVER))
        self.asset_of[:] = -1
        self.mounted_from[:] = SINCE_EVER
        self.mounted_until[:] = FOR_EVER
        found = self._mountings
        begun = found["start"] <= now
        first = found["start"][~begun].min(initial=FOR_EVER)
        holds = begun & (now < found["end"]) & ~self.retired[found["asset"]]
        held = found[holds]
        self.asset_of[held["device"]] = held["asset"]
        self.mounted_from[held["device"]] = held["start"]
        self.mounted_until[held["device"]] = held["end"]
        ends = held["end"].min(initial=FOR_EVER)
        self.next_change = min(self.next_change, int(first), int(ends))
        self._watch(now)
        return True

    @property
    def mounted(self) -> NDArray[np.bool_]:
        """Mask of the assets that have a device now."""
        watched: NDArray[np.bool_] = self.watched_from != FOR_EVER
        return watched

    def _watch(self, now: int) -> None:
        """Since when each asset has had a device; a swap is no interruption."""
        self.watched_from[:] = FOR_EVER
        held = np.flatnonzero(self.asset_of >= 0)
        np.minimum.at(self.watched_from, self.asset_of[held], self.mounted_from[held])
        past = self._mountings[self._mountings["end"] <= now]
        past = past[np.argsort(-past["end"], kind="stable")]
        for _, asset, start, end in past.tolist():
            if self.watched_from[asset] <= end + SWAP_MS:
                earlier = min(int(self.watched_from[asset]), start)
                self.watched_from[asset] = earlier

    def asset_at(self, device: int, at: int) -> int:
        """Number of the asset on which `device` was mounted at `at`; -1: none."""
        return self.mounting_at(device, at)[0]

    def mounting_at(self, device: int, at: int) -> tuple[int, int, int]:
        """The asset of `device` at `at` (-1: none), from when and until when."""
        devices = self._mountings["device"]
        first, behind = np.searchsorted(devices, (device, device + 1))
        for _, asset, start, end in self._mountings[first:behind].tolist():
            if start <= at < end:
                return int(asset), int(start), int(end)
        return -1, at, at + 1

    def counter_bits(self, device: int, code: int) -> int:
        """Width in bits of a device's counter; 0 if it does not wrap."""
        profile = self.profiles[device]
        targets = profile.targets.values() if profile else ()
        return max((to.bits for to in targets if to.no == code), default=0)

    def subject(self, asset: int) -> Subject:
        """Return an asset as the subject of an alert."""
        return Subject(asset, "asset", self.asset_ids[asset])

    def zone_of(self, asset: int) -> str:
        """The asset's zone; empty if there is no such asset."""
        traits = self.traits[asset] if 0 <= asset < self.assets else None
        return traits.zone if traits else ""

    def out_of_service(self, asset: int, now: int) -> bool:
        """Whether the asset is out of service at `now` (ms)."""
        return bool(self.out_from.item(asset) <= now < self.out_until.item(asset))
