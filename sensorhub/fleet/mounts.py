"""Mountings after an import: which device is on which asset, from when until when.

Leaving a device out does not unmount it, nor does mounting another one: several
sensors may watch one asset. A mounting ends by `until`, by the asset's `retired`, or
by a row of a new device that `replaces` the old one.
"""

from itertools import pairwise

from sensorhub.errors import Fault
from sensorhub.fleet.entities import CellPosition, Entities
from sensorhub.fleet.nouns import Asset, Device, Mounting, Register
from sensorhub.fleet.rows import Row
from sensorhub.fleet.times import format_time


def _start(mounting: Mounting) -> int:
    return _since(mounting.from_at)


def _since(at: int | None) -> int:
    return -(2**62) if at is None else at


class Mounts:
    """Mountings after the import; `touched` maps their numbers to rows."""

    def __init__(self, entities: Entities, current: Register, now: int) -> None:
        self.mountings = dict(current.mountings)
        self.touched: dict[int, int] = {}
        self.notes: list[Fault] = []
        self._entities = entities
        self._rows = entities.rows.rows
        self._last = current.last[2]
        self._now = now
        self._of_device: dict[int, list[int]] = {}
        for mounting in current.mountings.values():
            self._of_device.setdefault(mounting.device, []).append(mounting.no)
        self._devices = {d.no: d.id for d in entities.devices.values()}
        self._assets = {a.no: a.id for a in entities.assets.values()}

    def words(self, mounting: Mounting) -> str:
        """A mounting in words: which device on which asset."""
        device = self._devices[mounting.device]
        return f"{device} on {self._assets[mounting.asset]}"

    def settle(self) -> None:
        """Retire, mount and replace; then report devices mounted twice at one time."""
        self._retire()
        # rows without a start first: they describe mountings that already exist
        order = sorted(
            (index for index, row in enumerate(self._rows) if self._mounts(row)),
            key=lambda index: _since(self._rows[index].values.get("from")),
        )
        for index in order:
            self._mount(index)
        for index in order:
            if "replaces" in self._rows[index].values:
                self._swap(index)
        self._find_overlaps()

    def _mounts(self, row: Row) -> bool:
        return "device" in row.values and "asset" in row.values

    def _retire(self) -> None:
        retired = {
            asset.no: (asset, index)
            for index, row in enumerate(self._rows)
            if row.values.get("retired") is not None
            and (asset := self._entities.assets.get(row.values["asset"]))
        }
        for mounting in list(self.mountings.values()) if retired else ():
            if mounting.asset in retired:
                asset, index = retired[mounting.asset]
                self._put(self._capped(mounting, asset), index)

    def _capped(self, mounting: Mounting, asset: Asset) -> Mounting:
        end = asset.retired
        if end is None or (mounting.until_at is not None and mounting.until_at <= end):
            return mounting
        return mounting._replace(until_at=end)

    def _put(self, mounting: Mounting, index: int) -> None:
        if mounting != self.mountings.get(mounting.no):
            start, end = mounting.from_at, mounting.until_at
            if start is not None and end is not None and end <= start:
                what = f"{self.words(mounting)} would end at {format_time(end)},"
                what += f" not after its start at {format_time(start)}"
                self._entities.refuse(CellPosition(index, "until"), what)
                return
            if mounting.no not in self.mountings:
                self._of_device.setdefault(mounting.device, []).append(mounting.no)
            self.mountings[mounting.no] = mounting
        self.touched[mounting.no] = index

    def _named(self, index: int) -> tuple[Device | None, Asset | None]:
        values = self._rows[index].values
        device = self._entities.devices.get(self._entities.id_in(values, "device"))
        return device, self._entities.assets.get(values["asset"])

    def _mount(self, index: int) -> None:
        device, asset = self._named(index)
        if device is None or asset is None:
            return
        values = self._rows[index].values
        mounting = self._match(device, asset, index)
        if mounting is None:
            self._last += 1
            mounting = Mounting(self._last, device.no, asset.no)
        elif not values.keys() & {"from", "until"}:
            self._note_ended(mounting, asset, index)
        mounting = mounting._replace(
            from_at=values.get("from", mounting.from_at),
            until_at=values.get("until", mounting.until_at),
        )
        self._put(self._capped(mounting, asset), index)

    def _match(self, device: Device, asset: Asset, index: int) -> Mounting | None:
        """Find the mounting of this device on this asset that the row describes."""
        numbers = self._of_device.get(device.no, ())
        pair = [self.mountings[no] for no in numbers]
        pair = [m for m in pair if m.asset == asset.no]
        pair.sort(key=_start, reverse=True)
        values = self._rows[index].values
        until = values.get("until")
        if "from" in values:
            exact = [m for m in pair if m.from_at == values["from"]]
            near = [m for m in pair if m.overlaps(values["from"], until)]
        elif until is None:
            exact = [m for m in pair if m.until_at is None]
            near = pair
        else:
            exact = [m for m in pair if m.until_at == until]
            near = [m for m in pair if m.from_at is None or m.from_at < until]
        return next(iter((*exact, *near)), None)

    def _note_ended(self, mounting: Mounting, asset: Asset, index: int) -> None:
        end = mounting.until_at
        if end is not None and end <= self._now and asset.retired is None:
            what = f"{self.words(mounting)} ended at {format_time(end)} and stays so;"
            what += " to mount it again say from"
            where = f"{self._rows[index].where}, column device"
            self.notes.append(Fault(self._entities.rows.file, where, what))

    def _swap(self, index: int) -> None:
        """End the mounting of the replaced device when the new one begins."""
        device, asset = self._named(index)
        values = self._rows[index].values
        old = self._entities.devices.get(self._entities.id_in(values, "replaces"))
        place = CellPosition(index, "replaces")
        start = values.get("from")
        if device is None or asset is None:
            return
        if start is None:
            self._entities.refuse(place, "needs from: when the devices were swapped")
            return
        past = [] if old is None else self._of_device.get(old.no, [])
        mountings = [self.mountings[no] for no in past]
        mountings = [m for m in mountings if m.asset == asset.no]
        if old == device or not any(m.overlaps(None, start) for m in mountings):
            what = (
                f"{values['replaces']} is not another device on {asset.id} before then"
            )
            self._entities.refuse(place, what)
            return
        for mounting in mountings:
            if mounting.from_at is not None and mounting.from_at >= start:
                continue
            if mounting.until_at is None or mounting.until_at > start:
                self._put(mounting._replace(until_at=start), index)

    def _find_overlaps(self) -> None:
        seen: set[int] = set()
        for no in self.touched:
            device = self.mountings[no].device
            if device in seen or len(self._of_device[device]) == 1:
                continue
            seen.add(device)
            mountings = [self.mountings[other] for other in self._of_device[device]]
            mountings.sort(key=_start)
            for one, other in pairwise(mountings):
                if one.overlaps(other.from_at, other.until_at):
                    self._overlap(one, other)

    def _overlap(self, one: Mounting, other: Mounting) -> None:
        rows = self.touched.get(one.no, -1), self.touched.get(other.no, -1)
        later, earlier = (one, other) if rows[0] > rows[1] else (other, one)
        start = earlier.from_at
        since = "since ever" if start is None else f"from {format_time(start)}"
        end = earlier.until_at
        until = "" if end is None else f" until {format_time(end)}"
        what = (
            f"{self._devices[later.device]} is mounted on"
            f" {self._assets[earlier.asset]} {since}{until}; a device is on one asset"
            " at a time: end that with until, and begin here with from"
        )
        self._entities.refuse(CellPosition(max(rows), "device"), what)
