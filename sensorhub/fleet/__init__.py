"""The register as files: read, check, plan changes, export.

A file describes zones, sites, assets, devices and mountings, row by row. What it
leaves out stays unchanged. `plan` computes what would change and what is refused, and
changes nothing. For users: docs/register.md.
"""

from sensorhub.fleet.export import export_csv, export_toml
from sensorhub.fleet.files import parse_fleet_text, read_fleet
from sensorhub.fleet.nouns import Asset, Device, Mounting, Register, Site, Zone
from sensorhub.fleet.plan import EntityChange, Plan, plan
from sensorhub.fleet.rows import FleetRows, Row, one_row

__all__ = [
    "Asset",
    "Device",
    "EntityChange",
    "FleetRows",
    "Mounting",
    "Plan",
    "Register",
    "Row",
    "Site",
    "Zone",
    "export_csv",
    "export_toml",
    "one_row",
    "parse_fleet_text",
    "plan",
    "read_fleet",
]
