"""Look up ids, numbers and names of the register."""

from typing import NamedTuple

from sensorhub.store import Connection


class AssetOverviewRow(NamedTuple):
    """An asset in use with a device mounted on it; a row a device, or one without."""

    zone: str
    site: str
    asset: str
    name: str
    kind: str
    device: str | None
    profile: str | None
    firmware: str | None
    out_of_service: bool
    out_reason: str | None
    device_number: int | None


def device_ids(connection: Connection) -> dict[int, str]:
    """Ids of all devices by number."""
    return dict(connection.execute("SELECT no, id FROM devices"))


def asset_names(connection: Connection) -> dict[int, str]:
    """Names of all assets by number; the id where an asset has no name."""
    return dict(
        connection.execute("SELECT no, coalesce(nullif(name, ''), id) FROM assets")
    )


def zone_ids(connection: Connection) -> set[str]:
    """Ids of all zones."""
    return {id_ for (id_,) in connection.execute("SELECT id FROM zones")}


def asset_number(connection: Connection, id_: str) -> int | None:
    """The number of an asset; None where there is none with this id."""
    row = connection.execute("SELECT no FROM assets WHERE id = ?", (id_,)).fetchone()
    return int(row[0]) if row else None


def device_number(connection: Connection, id_: str) -> int | None:
    """The number of a device; None where there is none with this id."""
    row = connection.execute("SELECT no FROM devices WHERE id = ?", (id_,)).fetchone()
    return int(row[0]) if row else None


def assets_in_use(connection: Connection, now: int) -> list[AssetOverviewRow]:
    """Assets that are not retired at `now` (ms), with their devices; by zone and id."""
    rows = connection.execute(
        "SELECT a.zone, a.site, a.id, a.name, a.kind, d.id, d.profile, v.firmware,"
        " a.out_from <= :now AND coalesce(a.out_until, :now + 1) > :now, a.out_reason,"
        " d.no"
        " FROM assets a LEFT JOIN mountings m ON m.asset = a.no"
        " AND coalesce(m.from_at, :now) <= :now"
        " AND coalesce(m.until_at, :now + 1) > :now"
        " LEFT JOIN devices d ON d.no = m.device"
        " LEFT JOIN availability v ON v.device = d.no"
        " WHERE coalesce(a.retired, :now + 1) > :now"
        " ORDER BY a.zone, a.site, a.id, d.id",
        {"now": now},
    )
    return [
        AssetOverviewRow(*row)._replace(out_of_service=bool(row[8])) for row in rows
    ]


def reported_offline(connection: Connection) -> dict[int, int]:
    """When (ms) devices were last reported offline, by number; none that came back."""
    return dict(
        connection.execute(
            "SELECT device, at FROM availability WHERE state = 'offline'"
        )
    )
