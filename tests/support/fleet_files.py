"""Fleet files for tests: import them into a register in memory."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from sensorhub.fleet import FleetRows, Plan, Register, one_row, parse_fleet_text, plan

HEADER = (
    "zone,site,asset,kind,latitude,longitude,capacity_l,empty_mm,full_mm,device,profile"
)
PROFILES = {"native", "lora"}
NOW = 1_795_000_000_000  # 2026-11-18
SHANGHAI = ZoneInfo("Asia/Shanghai")

File = str | Mapping[str, object]


def rows_of(file: File, name: str = "fleet.csv") -> FleetRows:
    """The rows of a file's text, or of one row's cells."""
    if isinstance(file, str):
        return parse_fleet_text(file, name, SHANGHAI)
    return one_row(file)


def planned(
    file: File, register: Register | None = None, name: str = "fleet.csv"
) -> Plan:
    """What importing `file` into `register` would do."""
    return plan(rows_of(file, name), register or Register(), NOW, PROFILES)


def after(
    file: File, register: Register, now: int = NOW, name: str = "fleet.csv"
) -> Register:
    """The register after the import; unchanged where it is refused."""
    done = plan(rows_of(file, name), register, now, PROFILES)
    if done.refused:
        return register
    assets = register.assets | {asset.id: asset for asset in done.assets}
    devices = register.devices | {device.id: device for device in done.devices}
    mountings = register.mountings | {m.no: m for m in done.mountings}
    return Register(
        zones=register.zones | {zone.id: zone for zone in done.zones},
        sites=register.sites | {site.id: site for site in done.sites},
        assets=assets,
        devices=devices,
        mountings=mountings,
        last=(
            max((asset.no for asset in assets.values()), default=0),
            max((device.no for device in devices.values()), default=0),
            max(mountings, default=0),
        ),
    )


def imported(file: File, name: str = "fleet.csv") -> Register:
    """A new register with that file's rows; every one of them has to be sound."""
    planned(file, name=name).check()
    return after(file, Register(), name=name)


def mountings(register: Register) -> list[tuple[str, str, int | None, int | None]]:
    """Device, asset, from, until of all mountings, sorted."""
    assets = {asset.no: asset.id for asset in register.assets.values()}
    devices = {device.no: device.id for device in register.devices.values()}
    return sorted(
        (
            (devices[m.device], assets[m.asset], m.from_at, m.until_at)
            for m in register.mountings.values()
        ),
        key=lambda row: (row[0], row[1], row[2] or 0, row[3] or 0),
    )


def devices_on(register: Register, asset: str) -> set[str]:
    """Devices with an open mounting on `asset`."""
    return {d for d, a, _, until in mountings(register) if a == asset and until is None}
