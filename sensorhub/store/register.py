"""The register's tables: zones, sites, assets, devices, mountings.

Numbers are given out upwards and rows are never deleted, so that a number
means the same thing for ever.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from sensorhub.fleet import (
    Asset,
    Device,
    FleetRows,
    Mounting,
    Plan,
    Register,
    Site,
    Zone,
    one_row,
    plan,
)
from sensorhub.fleet.bulk import in_bulk
from sensorhub.registry.registry import AssetRow, DeviceRow, MountingRow
from sensorhub.store import Connection
from sensorhub.store.database import select_named

_ZONES = "SELECT id, name, crew, contractor, contact FROM zones"
_SITES = "SELECT id, name, zone FROM sites"
_ASSETS = (
    "SELECT no, id, name, kind, zone, site, latitude, longitude, capacity_l,"
    " empty_mm, full_mm, tags, out_from, out_until, out_reason, retired, volumes"
    " FROM assets"
)
_DEVICES = "SELECT no, id, profile, interval_s FROM devices"
_MOUNTINGS = "SELECT no, device, asset, from_at, until_at FROM mountings"
_VERSION = "register_version"

Row = TypeVar("Row", bound=tuple[Any, ...])


def _rows(cursor: Iterable[Any], kind: type[Row]) -> list[Row]:
    # tuple.__new__ and not the constructor: a third of the time of a start
    return list(_each(cursor, kind))


def _each(cursor: Iterable[Any], kind: type[Row]) -> Iterator[Row]:
    return (tuple.__new__(kind, row) for row in cursor)


def _register(
    connection: Connection,
    assets: list[Asset],
    devices: list[Device],
    mountings: list[Mounting],
) -> Register:
    last = tuple(
        connection.execute(f"SELECT COALESCE(MAX(no), 0) FROM {table}").fetchone()[0]
        for table in ("assets", "devices", "mountings")
    )
    return Register(
        zones={zone.id: zone for zone in _rows(connection.execute(_ZONES), Zone)},
        sites={site.id: site for site in _rows(connection.execute(_SITES), Site)},
        assets={asset.id: asset for asset in assets},
        devices={device.id: device for device in devices},
        mountings={mounting.no: mounting for mounting in mountings},
        last=(last[0], last[1], last[2]),
    )


@in_bulk
def load(connection: Connection) -> Register:
    """The whole register, in the order of the numbers."""
    return _register(
        connection,
        _rows(connection.execute(_ASSETS), Asset),
        _rows(connection.execute(_DEVICES), Device),
        _rows(connection.execute(_MOUNTINGS), Mounting),
    )


@in_bulk
def load_named(connection: Connection, rows: FleetRows) -> Register:
    """What of the register `rows` touch: enough to plan them, and small."""
    named = [row.values for row in rows.rows]
    asset_ids = {row["asset"] for row in named if "asset" in row}
    device_ids: set[str] = set()
    for row in named:
        for id_ in (row.get("device", ""), row.get("replaces", "")):
            device_ids |= {id_, id_.replace(":", "").replace("-", "").lower()}
    assets = _rows(select_named(connection, _ASSETS, "id", asset_ids), Asset)
    devices = _rows(select_named(connection, _DEVICES, "id", device_ids), Device)
    asset_nos = {asset.no for asset in assets}
    device_nos = {device.no for device in devices}
    found = {
        mounting.no: mounting
        for column, keys in (("device", device_nos), ("asset", asset_nos))
        for mounting in _rows(
            select_named(connection, _MOUNTINGS, column, keys), Mounting
        )
    }
    more_assets = {m.asset for m in found.values()} - asset_nos
    more_devices = {m.device for m in found.values()} - device_nos
    assets += _rows(select_named(connection, _ASSETS, "no", more_assets), Asset)
    devices += _rows(select_named(connection, _DEVICES, "no", more_devices), Device)
    return _register(connection, assets, devices, list(found.values()))


def registry_rows(
    connection: Connection,
) -> tuple[Iterator[AssetRow], Iterator[DeviceRow], Iterator[MountingRow]]:
    """What the registry is built of, intervals reported by birth messages included.

    Rows come one by one: all at once they would take as much memory as the hub.
    """
    assets = connection.execute(
        "SELECT no, id, name, kind, zone, site, empty_mm, full_mm, tags, out_from,"
        " out_until, retired, volumes, capacity_l FROM assets"
    )
    devices = connection.execute(
        "SELECT d.no, d.id, d.profile, d.interval_s, a.interval_s FROM devices d"
        " LEFT JOIN availability a ON a.device = d.no"
    )
    mountings = connection.execute(
        "SELECT device, asset, from_at, until_at FROM mountings"
    )
    return (
        _each(assets, AssetRow),
        _each(devices, DeviceRow),
        _each(mountings, MountingRow),
    )


def last_numbers(connection: Connection) -> tuple[int, int]:
    """The highest asset and device number."""
    row = connection.execute(
        "SELECT (SELECT COALESCE(MAX(no), 0) FROM assets),"
        " (SELECT COALESCE(MAX(no), 0) FROM devices)"
    ).fetchone()
    return int(row[0]), int(row[1])


def apply(connection: Connection, planned: Plan) -> None:
    """Write what `planned` adds and changes, in the caller's transaction.

    It must have been planned in the same transaction, since it gives out
    numbers. Raises ConfigError where anything was refused.
    """
    planned.check()
    tables: tuple[tuple[str, Sequence[Any]], ...] = (
        ("zones", planned.zones),
        ("sites", planned.sites),
        ("assets", planned.assets),
        ("devices", planned.devices),
        ("mountings", planned.mountings),
    )
    for table, rows in tables:
        if rows:
            names = ", ".join(rows[0]._fields)
            marks = ", ".join("?" * len(rows[0]))
            key = rows[0]._fields[0]
            updates = ", ".join(f"{n} = excluded.{n}" for n in rows[0]._fields[1:])
            query = (
                f"INSERT INTO {table} ({names}) VALUES ({marks})"
                f" ON CONFLICT ({key}) DO UPDATE SET {updates}"
            )
            connection.executemany(query, rows)
    if any(rows for _, rows in tables):
        connection.execute(
            "INSERT INTO meta VALUES (?, '1') ON CONFLICT (key)"
            " DO UPDATE SET value = CAST(value AS INTEGER) + 1",
            (_VERSION,),
        )


def version(connection: Connection) -> int:
    """How often the register was changed; 0 where it is new."""
    row = connection.execute(
        "SELECT value FROM meta WHERE key = ?", (_VERSION,)
    ).fetchone()
    return int(row[0]) if row else 0


def import_rows(
    connection: Connection,
    rows: FleetRows,
    now: int,
    profiles: Collection[str],
) -> Plan:
    """Plan and write a file's rows in the caller's transaction.

    Raises ConfigError, and has written nothing, where a row is refused.
    """
    planned = plan(rows, load_named(connection, rows), now, profiles)
    apply(connection, planned)
    return planned


def adopt(
    connection: Connection,
    values: dict[str, Any],
    now: int,
    profiles: Collection[str],
) -> Plan:
    """Put a new device into the register, as one row of a fleet file would.

    `values` has device, asset, profile, from and any other column of a row.
    """
    return import_rows(connection, one_row(values), now, profiles)
