"""Zones, sites, assets and devices after an import.

All rows about one entity are gathered first, in any order; then each entity is
resolved once.
"""

import difflib
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, TypeVar

from sensorhub.errors import Fault
from sensorhub.fleet.nouns import Asset, Device, Register, Site, Zone
from sensorhub.fleet.rows import OWNER, FleetRows, is_eui

_MOUNTING = {"from", "until", "replaces"}
PARTS: dict[str, frozenset[str]] = {
    noun: frozenset(c for c, owner in OWNER.items() if owner == noun) - _MOUNTING
    for noun in ("zone", "site", "asset", "device")
}
PARTS["site"] |= {"zone"}
PARTS["asset"] |= {"zone", "site"}
_NAMES = {"zone_name": "name", "site_name": "name", "asset_name": "name"}

Noun = TypeVar("Noun", Zone, Site, Asset, Device)


def _merged(noun: Noun, values: Mapping[str, Any], part: str) -> Noun:
    """Merge given values into `noun`; a cleared name becomes the id again."""
    names = PARTS[part]
    changes = {_NAMES.get(c, c): v for c, v in values.items() if c in names}
    if changes.get("name") == "":
        changes["name"] = noun.id
    result: Noun = noun._replace(**changes)
    return result


class CellPosition(NamedTuple):
    """A cell of the file: row number and column."""

    row: int
    column: str


class Entities:
    """The register's entities after the import, and the faults found."""

    def __init__(
        self,
        rows: FleetRows,
        current: Register,
        now: int,
        profiles: Collection[str],
    ) -> None:
        self.rows = rows
        self.faults: list[Fault] = []
        self.zones = dict(current.zones)
        self.sites = dict(current.sites)
        self.assets = dict(current.assets)
        self.devices = dict(current.devices)
        self.got: dict[str, dict[str, dict[str, Any]]] = {n: {} for n in PARTS}
        self._first: dict[str, dict[str, int]] = {noun: {} for noun in PARTS}
        self._last = current.last
        self._now = now
        self._profiles = profiles
        self._native = {
            row.values["device"]
            for row in rows.rows
            if row.values.get("profile") == "native"
        }

    def settle(self) -> None:
        """Resolve all rows; collects faults."""
        for index, row in enumerate(self.rows.rows):
            for noun in PARTS:
                id_ = self.id_in(row.values, noun)
                if id_:
                    self._gather(noun, id_, index)
        for id_, values in self.got["zone"].items():
            old = self.zones.get(id_) or Zone(id_, id_)
            self.zones[id_] = _merged(old, values, "zone")
        for settle, noun in (
            (self._settle_site, "site"),
            (self._settle_asset, "asset"),
            (self._settle_device, "device"),
        ):
            for id_, values in self.got[noun].items():
                settle(id_, values)

    def id_in(self, values: Mapping[str, Any], column: str) -> str:
        """The id in a column; a DevEUI in lower-case hex, however it is written."""
        id_: str = values.get(column, "")
        if column not in {"device", "replaces"} or not is_eui(id_):
            return id_
        if id_ in self.devices or id_ in self._native:
            return id_
        return id_.replace(":", "").replace("-", "").lower()

    def refuse(self, place: CellPosition, what: str) -> None:
        """Add a fault at a cell of the file."""
        where = f"{self.rows.rows[place.row].where}, column {place.column}"
        self.faults.append(Fault(self.rows.file, where, what))

    def _gather(self, noun: str, id_: str, index: int) -> None:
        values = self.rows.rows[index].values
        mine = self.got[noun].get(id_)
        if mine is None:
            # most entities are named once: copy only when a second row comes
            self.got[noun][id_] = values
            self._first[noun][id_] = index
            return
        for column in PARTS[noun]:
            if column not in values:
                continue
            if column not in mine:
                mine = self.got[noun][id_] = {**mine, column: values[column]}
            elif mine[column] != values[column]:
                self._contradict(noun, id_, CellPosition(index, column))

    def _contradict(self, noun: str, id_: str, place: CellPosition) -> None:
        """Add a fault where two rows contradict each other about one entity."""
        column = place.column
        earlier = self.rows.rows[self._said_at(noun, id_, column).row]
        what = (
            f"says {self.rows.rows[place.row].values[column]!r} of {noun} {id_}, but"
            f" {earlier.where} says {earlier.values[column]!r}"
        )
        if (noun, column) == ("site", "zone"):
            what += "; a site belongs to one zone"
        self.refuse(place, what)

    def _said_at(self, noun: str, id_: str, column: str) -> CellPosition:
        """The first row that gives `column` of an entity, else that names it."""
        first = self._first[noun][id_]
        if column in self.got[noun][id_]:
            for index in range(first, len(self.rows.rows)):
                values = self.rows.rows[index].values
                if column in values and self.id_in(values, noun) == id_:
                    return CellPosition(index, column)
        return CellPosition(first, column)

    def _fault(self, noun: str, id_: str, column: str, what: str) -> None:
        self.refuse(self._said_at(noun, id_, column), what)

    def _missing(self, noun: str, id_: str, column: str) -> None:
        # a row with faults may have named it: its own fault is enough
        if not self.rows.faults:
            what = f"is empty, but {noun} {id_} is not in the register yet"
            self._fault(noun, id_, column, f"{what}: say its {column}")

    def _settle_site(self, id_: str, values: Mapping[str, Any]) -> None:
        old = self.sites.get(id_)
        zone = values.get("zone") or (old and old.zone)
        if not zone:
            self._missing("site", id_, "zone")
        elif old and zone != old.zone:
            what = f"site {id_} belongs to zone {old.zone}, not {zone}"
            self._fault("site", id_, "zone", f"{what}; a site belongs to one zone")
        else:
            self.sites[id_] = _merged(old or Site(id_, id_, zone), values, "site")

    def _settle_asset(self, id_: str, values: Mapping[str, Any]) -> None:
        old = self.assets.get(id_)
        for column in ("site", "kind"):
            if old is None and column not in values:
                self._missing("asset", id_, column)
        site = self.sites.get(values.get("site") or (old.site if old else ""))
        if site is None or (old is None and "kind" not in values):
            return
        if "site" not in values and values.get("zone", site.zone) != site.zone:
            what = f"asset {id_} is at site {site.id} of zone {site.zone}"
            self._fault("asset", id_, "zone", f"{what}; name its new site, too")
            return
        if old is None:
            no = self._last[0] + 1
            self._last = (no, *self._last[1:])
            old = Asset(no, id_, id_, values["kind"], site.zone, site.id)
        changes = {**values, "zone": site.zone}
        if values.get("retired") == "now":
            changes["retired"] = self._now if old.retired is None else old.retired
        self.assets[id_] = _merged(old, changes, "asset")
        self._check_asset(self.assets[id_])

    def _check_asset(self, asset: Asset) -> None:
        for one, other in (("latitude", "longitude"), ("empty_mm", "full_mm")):
            for column, pair in ((one, other), (other, one)):
                if getattr(asset, column) is None and getattr(asset, pair) is not None:
                    what = f"is empty, but {pair} is not: set both or none"
                    self._fault("asset", asset.id, column, what)
        empty, full = asset.empty_mm, asset.full_mm
        if empty is not None and full is not None and empty <= full:
            what = f"has to be more than full_mm ({full:g}): an empty {asset.kind}"
            self._fault("asset", asset.id, "empty_mm", f"{what} is deeper")
        start, end = asset.out_from, asset.out_until
        if end is not None and (start is None or end <= start):
            what = "has to be later than out_from, which has to be set"
            self._fault("asset", asset.id, "out_until", what)

    def _settle_device(self, id_: str, values: Mapping[str, Any]) -> None:
        old = self.devices.get(id_)
        profile = values.get("profile")
        if profile and profile not in self._profiles:
            near = difflib.get_close_matches(profile, self._profiles, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            what = f"no such profile: {profile}; {hint}`sensorhub profiles` lists them"
            self._fault("device", id_, "profile", what)
        elif old is None and not profile:
            self._missing("device", id_, "profile")
        elif old is None and (is_eui(id_) and not id_.isalnum()):
            what = "not an id; colons and hyphens are for DevEUIs, not native devices"
            self._fault("device", id_, "device", what)
        else:
            if old is None:
                no = self._last[1] + 1
                self._last = (self._last[0], no, self._last[2])
                old = Device(no, id_, values["profile"])
            self.devices[id_] = _merged(old, values, "device")
