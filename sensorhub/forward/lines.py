"""Readings as line protocol, ready to send.

One line an uplink and time: measurement `readings`, tags zone, asset and device,
a float field a measurement. Three integer or text fields make the way back exact:
`delay_ms` (received_at less measured_at), `shifted_ms` (by how much the point lies
after measured_at) and `suspect` (which values are trusted less, and why).
"""

import json
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from sensorhub.columns import I64, Columns
from sensorhub.model import BY_NO, CODES, Outcome, Quality, Reason, Severity
from sensorhub.registry.registry import Registry
from sensorhub.registry.subjects import HUB
from sensorhub.store.forward_queue import EventRow, ServiceRow
from sensorhub.store.readings import Readings

READINGS, TRANSITIONS, SERVICES = "readings", "transitions", "services"
DELAY, SHIFTED, SUSPECT = "delay_ms", "shifted_ms", "suspect"
BESIDE = frozenset({DELAY, SHIFTED, SUSPECT})
MOST_HEADS = 50_000  # kept in memory
_NAMES = [f"{BY_NO[no].name}=" if no in BY_NO else "" for no in range(CODES)]
_WORDS = {no: entry.name for no, entry in BY_NO.items()}


class _LineHead(NamedTuple):
    """How lines of a device begin while it is on one asset."""

    since: int
    until: int
    text: str


class LineHeads:
    """Measurement and tags of a device at a time; from the register of now.

    `registry()` is the hub's: it is replaced whole when the register changes.
    """

    def __init__(self, registry: Callable[[], Registry]) -> None:
        self._registry = registry
        self._used: Registry | None = None
        self._heads: dict[int, _LineHead] = {}

    def fresh(self) -> Registry:
        """Take a changed register; before each batch."""
        registry = self._registry()
        if registry is not self._used or len(self._heads) > MOST_HEADS:
            self._used, self._heads = registry, {}
        return registry

    def of(self, device: int, at: int) -> str:
        """`readings,asset=…,device=…,zone=…` of a device number at `at` (ms)."""
        head = self._heads.get(device)
        if head is None or not head.since <= at < head.until:
            head = self._make(device, at)
            self._heads[device] = head
        return head.text

    def _make(self, device: int, at: int) -> _LineHead:
        registry = self._used or self.fresh()
        asset, since, until = registry.mounting_at(device, at)
        # InfluxDB sorts tags by name: these are sorted
        place = place_tags(registry, asset) if asset >= 0 else ""
        asset_tag, comma, zone = place.partition(",zone=")
        name = registry.device_ids[device]
        text = f"{READINGS}{asset_tag},device={name}{comma}{zone}"
        return _LineHead(since, until, text)


def place_tags(registry: Registry, asset: int) -> str:
    """Tags of an asset number, with a comma before each; an empty zone is left out."""
    id_ = HUB.id if asset == HUB.no else registry.asset_ids[asset]
    zone = registry.zone_of(asset)
    return f",asset={id_},zone={zone}" if zone else f",asset={id_}"


def readings_of(columns: Columns) -> Readings:
    """What of a journal row is forwarded: stored and not rejected."""
    outcome = columns.outcome
    mine = (outcome == Outcome.STORED) | (outcome == Outcome.REPLAY)
    mine &= columns.device >= 0
    uplink_of = columns.reading_uplink()
    keep = mine[uplink_of] & (columns.quality != Quality.REJECTED)
    uplink_of = uplink_of[keep]
    found = Readings(
        device=columns.device[uplink_of],
        code=columns.code[keep],
        measured_at=columns.measured_at[keep],
        received_at=columns.received_at[uplink_of],
        value=columns.value[keep] + 0.0,
        quality=columns.quality[keep],
        quality_reason=columns.quality_reason[keep],
    )
    steps = (uplink_of[1:] == uplink_of[:-1]) & (np.diff(found.measured_at) < 0)
    if steps.any():  # an uplink's own history: what was measured together, together
        found = found.take(np.lexsort((found.measured_at, uplink_of)))
    return found


def lines_of(found: Readings, shift: I64 | None, heads: LineHeads) -> list[str]:
    """A line for each run of readings of one device, uplink and time.

    `shift`: by reading, how many ms its point lies after measured_at.
    """
    if not len(found):
        return []
    new = (np.diff(found.device) != 0) | (np.diff(found.measured_at) != 0)
    new |= np.diff(found.received_at) != 0
    if shift is not None:
        new |= np.diff(shift) != 0
    starts = np.r_[0, np.flatnonzero(new) + 1]
    fields = [
        f"{_NAMES[code]}{value!r}"
        for code, value in zip(found.code.tolist(), found.value.tolist(), strict=True)
    ]
    at = found.measured_at[starts]
    delay = found.received_at[starts] - at
    moved = np.zeros_like(at) if shift is None else shift[starts]
    ends = [*starts[1:].tolist(), len(found)]
    marked = _suspects(found, starts)
    head = heads.of
    return [
        f"{head(device, t)} {','.join(fields[a:b])},{DELAY}={late}i"
        f"{marked.get(a, '')}{f',{SHIFTED}={k}i' if k else ''} {t + k}"
        for a, b, device, t, late, k in zip(
            starts.tolist(),
            ends,
            found.device[starts].tolist(),
            at.tolist(),
            delay.tolist(),
            moved.tolist(),
            strict=True,
        )
    ]


def _suspects(found: Readings, starts: I64) -> dict[int, str]:
    """By first reading of a point: the field that names its suspect values."""
    marks: dict[int, list[str]] = {}
    for i in np.flatnonzero(found.quality == Quality.SUSPECT).tolist():
        first = int(starts[np.searchsorted(starts, i, side="right") - 1])
        word = Reason(int(found.quality_reason[i])).word
        marks.setdefault(first, []).append(f"{_WORDS[int(found.code[i])]}:{word}")
    return {a: f',{SUSPECT}="{";".join(words)}"' for a, words in marks.items()}


def single_fields(line: str) -> list[str]:
    """A line of readings as lines of one measurement each; others stay whole."""
    if not line.startswith(f"{READINGS},"):
        return [line]
    head, fields, at = line.split(" ")
    parts = fields.split(",")
    beside = [part for part in parts if part.partition("=")[0] in BESIDE]
    own = [part for part in parts if part.partition("=")[0] not in BESIDE]
    return [f"{head} {','.join([part, *beside])} {at}" for part in own]


def count_readings(line: str) -> int:
    """How many readings a line holds; none where it is no line of readings."""
    return len(single_fields(line)) if line.startswith(f"{READINGS},") else 0


# -- events --


def _text(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def transition_lines(rows: Iterable[EventRow], registry: Registry) -> list[str]:
    """A point a transition; those that look the same follow each other by 1 ms."""
    lines = []
    for row in rows:
        fields = {"id": row.id, "alert": row.alert, "category": row.category}
        fields["severity"] = Severity(row.severity).word
        if row.from_ is not None:
            fields["from"] = row.from_
        fields["cause"] = json.dumps(row.cause, ensure_ascii=False)
        parts = [f"{key}={_text(value)}" for key, value in fields.items()]
        value = row.cause.get("value")
        if isinstance(value, int | float) and np.isfinite(value):
            parts.append(f"value={float(value)!r}")
        place = f",asset={row.place},zone={row.zone}"
        tags = place_tags(registry, row.asset) if row.place is None else place
        tags += f",rule={row.rule},to={row.to}"
        lines.append(f"{TRANSITIONS}{tags} {','.join(parts)} {row.at + row.rank}")
    return lines


def service_lines(rows: Iterable[ServiceRow], registry: Registry) -> list[str]:
    """A point a service; an asset's first uplink is kept as one, and is none."""
    return [
        f"{SERVICES}{place_tags(registry, row.asset)},kind={row.kind}"
        f" by={_text(row.by)},id={row.id}i {row.at + row.rank}"
        for row in rows
        if row.kind != "first_uplink"
    ]
