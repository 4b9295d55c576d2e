"""Export the register as a fleet file; importing it again changes nothing."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from sensorhub.fleet.files import TABLES
from sensorhub.fleet.nouns import Asset, Device, Mounting, Register, Site, Zone
from sensorhub.fleet.rows import COLUMNS, TIMES
from sensorhub.fleet.times import format_time

_HEADER = [column for column in COLUMNS if column != "replaces"]


def _zone(zone: Zone) -> dict[str, Any]:
    return {
        "zone": zone.id,
        "zone_name": zone.name,
        "crew": zone.crew,
        "contractor": zone.contractor,
        "contact": zone.contact,
    }


def _site(site: Site) -> dict[str, Any]:
    return {"site": site.id, "site_name": site.name, "zone": site.zone}


def _asset(asset: Asset) -> dict[str, Any]:
    values = asset._asdict()
    del values["no"]
    values["asset"] = values.pop("id")
    values["asset_name"] = values.pop("name")
    return values


def _device(device: Device) -> dict[str, Any]:
    values = device._asdict()
    del values["no"]
    values["device"] = values.pop("id")
    return values


def _mountings(register: Register) -> Iterator[tuple[Asset, Device, Mounting]]:
    assets = {asset.no: asset for asset in register.assets.values()}
    devices = {device.no: device for device in register.devices.values()}
    for mounting in register.mountings.values():
        yield assets[mounting.asset], devices[mounting.device], mounting


def _times(mounting: Mounting) -> dict[str, Any]:
    return {"from": mounting.from_at, "until": mounting.until_at}


def export_csv(register: Register) -> str:
    """CSV: one row for each mounting; entities without one get their own row."""
    zones = {zone.id: _zone(zone) for zone in register.zones.values()}
    sites = {s.id: {**zones[s.zone], **_site(s)} for s in register.sites.values()}
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, _HEADER, restval="", lineterminator="\n")
    writer.writeheader()
    used: set[tuple[str, str]] = set()
    pairs = sorted(_mountings(register), key=lambda item: item[0].id)
    for asset, device, mounting in pairs:
        row = {**sites[asset.site], **_asset(asset), **_device(device)}
        writer.writerow(_cells({**row, **_times(mounting)}))
        used |= {("asset", asset.id), ("device", device.id), ("site", asset.site)}
        used.add(("zone", asset.zone))
    for asset in register.assets.values():
        if ("asset", asset.id) not in used:
            writer.writerow(_cells({**sites[asset.site], **_asset(asset)}))
            used |= {("site", asset.site), ("zone", asset.zone)}
    for site in register.sites.values():
        if ("site", site.id) not in used:
            writer.writerow(_cells(sites[site.id]))
            used.add(("zone", site.zone))
    for table, values in (
        *((("zone", id_), row) for id_, row in zones.items()),
        *((("device", d.id), _device(d)) for d in register.devices.values()),
    ):
        if table not in used:
            writer.writerow(_cells(values))
    return text.getvalue()


def _cells(values: Mapping[str, Any]) -> dict[str, str]:
    return {column: _cell(column, value) for column, value in values.items()}


def _cell(column: str, value: Any) -> str:
    if value is None:
        return ""
    if column in TIMES:
        return format_time(value)
    return _number(value) if isinstance(value, float) else str(value)


def _number(value: float) -> str:
    return repr(value).removesuffix(".0")


def export_toml(register: Register) -> str:
    """TOML: one table for each zone, site, asset, device and mounting."""
    entries = {
        "zones": map(_zone, register.zones.values()),
        "sites": map(_site, register.sites.values()),
        "assets": map(_asset, register.assets.values()),
        "devices": map(_device, register.devices.values()),
        "mountings": (
            {"device": device.id, "asset": asset.id, **_times(mounting)}
            for asset, device, mounting in _mountings(register)
        ),
    }
    parts = []
    for table, rows in entries.items():
        short = {column: key for key, column in TABLES[table].items()}
        for values in rows:
            lines = [
                f"{short.get(column, column)} = {_literal(column, value)}"
                for column, value in values.items()
                if value is not None and value != ""
            ]
            parts.append("\n".join((f"[[{table}]]", *lines)))
    return "\n\n".join(parts) + "\n" if parts else ""


def _literal(column: str, value: Any) -> str:
    """A value as TOML; its basic strings accept JSON's escapes."""
    if column == "tags":
        return json.dumps(value.split(), ensure_ascii=False)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return _cell(column, value)
