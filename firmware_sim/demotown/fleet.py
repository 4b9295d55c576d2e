"""The assets of the demo's town: about 60 in three zones, and their register.

They are the same for every seed, so one import serves all. Place and people are made
up.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from firmware_sim.demotown.zones import ZONES, DemoZone

NATIVE = "native"
EM400 = "milesight-em400-tld"
EM310 = "milesight-em310-udl"
GS301 = "milesight-gs301"
EM300 = "milesight-em300-sld"
VS350 = "milesight-vs350"
LDDS75 = "dragino-ldds75"
_PREFIX = {LDDS75: "a84041"}  # vendors' OUI; the others are Milesight
COLUMNS = (
    "zone",
    "zone_name",
    "crew",
    "contractor",
    "contact",
    "site",
    "site_name",
    "asset",
    "asset_name",
    "kind",
    "latitude",
    "longitude",
    "capacity_l",
    "empty_mm",
    "full_mm",
    "device",
    "profile",
    "interval_s",
    "tags",
)


@dataclass(frozen=True, slots=True)
class DemoMounting:
    """One sensor on an asset and its report interval."""

    device: str
    profile: str
    interval_s: int


@dataclass(frozen=True, slots=True)
class DemoAsset:
    """An asset with its sensors; `busy`: use relative to the usual one."""

    zone: DemoZone
    site: tuple[str, str]
    id: str
    name: str
    kind: str
    mountings: tuple[DemoMounting, ...]
    capacity_l: int = 0
    empty_mm: int = 0
    full_mm: int = 0
    busy: float = 1.0
    tags: tuple[str, ...] = ()
    replay: str = ""  # id of a container of the real fill curves


_BUSY = (0.6, 1.0, 1.6, 0.8, 2.4, 1.2, 0.5, 3.2, 1.0, 1.9, 0.7, 1.3)
_BIN_PROFILES = (NATIVE, EM400, EM310, NATIVE, LDDS75, EM400)
_REPLAYED = (("2148", "3155"), ("4433", "1777"), ("2156", "3174"))
_LARGE = (
    ("pit", "垃圾池", "waste_pit"),
    ("station", "垃圾中转站", "transfer_station"),
)
_REPLAYED_NAMES = {"1777": "塑料", "4433": "玻璃"}


class _DeviceNames:
    """Names devices: native ones after their asset, LoRaWAN ones by DevEUI."""

    def __init__(self) -> None:
        self._serial = 0

    def mounting(self, asset: str, profile: str, interval_s: int) -> DemoMounting:
        self._serial += 1
        if profile == NATIVE:
            return DemoMounting(f"{asset}-s{self._serial}", profile, interval_s)
        prefix = _PREFIX.get(profile, "24e124")
        return DemoMounting(f"{prefix}{self._serial * 7919:010x}", profile, interval_s)


def town() -> tuple[DemoAsset, ...]:
    """Return all assets of the demo's town."""
    names = _DeviceNames()
    return tuple(
        asset
        for number, zone in enumerate(ZONES)
        for asset in (
            *_bins(zone, names),
            *_containers(zone, names),
            *_replayed(zone, _REPLAYED[number]),
            *_toilets(zone, names),
            *_large(zone, number, names),
        )
    )


def _bins(zone: DemoZone, names: _DeviceNames) -> Iterator[DemoAsset]:
    for n, busy in enumerate(_BUSY, 1):
        site = zone.sites[n % len(zone.sites)]
        identity = f"{zone.id}-bin{n:02d}"
        profile = _BIN_PROFILES[n % len(_BIN_PROFILES)]
        tall = profile == LDDS75  # its blind zone of 280 mm wants a taller bin
        yield DemoAsset(
            zone=zone,
            site=site,
            id=identity,
            name=f"{site[1]}果皮箱{n}号",
            kind="bin",
            mountings=(names.mounting(identity, profile, 600 + 300 * (n % 3)),),
            capacity_l=240 if tall else 120,
            empty_mm=1250 if tall else 900,
            full_mm=350 if tall else 150,
            busy=busy,
            tags=("daily",) if busy >= 1.5 else (),
        )


def _containers(zone: DemoZone, names: _DeviceNames) -> Iterator[DemoAsset]:
    for n, profile in enumerate((NATIVE, EM310), 1):
        site = zone.sites[n + 1]
        identity = f"{zone.id}-box{n}"
        yield DemoAsset(
            zone=zone,
            site=site,
            id=identity,
            name=f"{site[1]}垃圾桶{n}号",
            kind="container",
            mountings=(names.mounting(identity, profile, 1200),),
            capacity_l=1100,
            empty_mm=1300,
            full_mm=300,
            busy=1.6,
            tags=("daily",),
        )


def _replayed(zone: DemoZone, containers: Iterable[str]) -> Iterator[DemoAsset]:
    for n, container in enumerate(containers):
        site = zone.sites[n]
        waste = _REPLAYED_NAMES.get(container, "废纸")
        yield DemoAsset(
            zone=zone,
            site=site,
            id=f"prague-{container}",
            name=f"{site[1]}{waste}回收箱(实测{container})",
            kind="container",
            mountings=(DemoMounting(f"replay-{container}", NATIVE, 4 * 3600),),
            capacity_l=3000,
            tags=("replay",),
            replay=container,
        )


def _toilets(zone: DemoZone, names: _DeviceNames) -> Iterator[DemoAsset]:
    for n, profiles in enumerate(((GS301, EM300, VS350), (NATIVE,)), 1):
        site = zone.sites[n]
        identity = f"{zone.id}-wc{n}"
        yield DemoAsset(
            zone=zone,
            site=site,
            id=identity,
            name=f"{site[1]}公厕",
            kind="toilet",
            mountings=tuple(
                names.mounting(identity, profile, 600) for profile in profiles
            ),
            busy=1.0 if n == 1 else 2.2,
        )
    site = zone.sites[3]
    identity = f"{zone.id}-mwc"
    yield DemoAsset(
        zone=zone,
        site=site,
        id=identity,
        name=f"{site[1]}移动公厕",
        kind="mobile_toilet",
        mountings=(names.mounting(identity, NATIVE, 900),),
        capacity_l=300,
        busy=1.2,
    )


def _large(zone: DemoZone, number: int, names: _DeviceNames) -> Iterator[DemoAsset]:
    if number == 0:
        return
    word, name, kind = _LARGE[number - 1]
    identity = f"{zone.id}-{word}"
    yield DemoAsset(
        zone=zone,
        site=zone.sites[3],
        id=identity,
        name=f"{zone.sites[3][1]}{name}",
        kind=kind,
        mountings=(names.mounting(identity, LDDS75, 1200),),
        capacity_l=8000 if word == "pit" else 20_000,
        empty_mm=2500,
        full_mm=500,
        busy=0.8,
    )


def rows(assets: Iterable[DemoAsset]) -> Iterator[dict[str, object]]:
    """Yield one row per mounting, with the columns of `sensorhub fleet import`."""
    for n, asset in enumerate(assets):
        zone = asset.zone
        site, site_name = asset.site
        values: tuple[object, ...] = (
            zone.id,
            zone.name,
            zone.crew,
            zone.contractor,
            zone.contact,
            site,
            site_name,
            asset.id,
            asset.name,
            asset.kind,
            round(zone.latitude + (n * 37 % 19 - 9) * 0.0005, 6),
            round(zone.longitude + (n * 53 % 23 - 11) * 0.0005, 6),
            asset.capacity_l or "",
            asset.empty_mm or "",
            asset.full_mm or "",
        )
        for mounting in asset.mountings:
            device = (mounting.device, mounting.profile, mounting.interval_s)
            end = (*device, " ".join(asset.tags))
            yield dict(zip(COLUMNS, (*values, *end), strict=True))


def fleet_csv(assets: Iterable[DemoAsset]) -> str:
    """Return the register as CSV text with a header line."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows(assets))
    return text.getvalue()
