"""G10 and G11: toilets that smell, and faults of sensors that were told."""

from collections.abc import Sequence
from statistics import median

import numpy as np

from firmware_sim.score.collect import Numbers, share
from firmware_sim.score.hub_output import AlertSpan
from firmware_sim.score.truth import DAY_MS, F64, HOUR_MS, GroundTruth

FOUL, CLEARED, ALMOST = 0.5, 0.45, 0.4  # ppm NH3
MINUTE_MS = 60_000
LAST_MS = 15 * MINUTE_MS
GASES = ("nh3", "h2s", "odour_rise")
# which rules tell of which fault; rules of other names are not scored
TELLS = {
    "stuck": ("sensor_stuck",),
    "offline": ("silent_device",),
    "gateway": ("gateway_outage",),
    "low_battery": ("low_battery",),
    "drift": ("sensor_drift",),
}
IN_TIME_MS = {
    "stuck": DAY_MS,
    "offline": DAY_MS,
    "gateway": 3 * HOUR_MS,
    "low_battery": 0,
    "drift": 21 * DAY_MS,
}


def rooms(truth: GroundTruth, spans: Sequence[AlertSpan], warm: int) -> Numbers:
    """Foul air: at least 0.5 ppm of ammonia for 15 minutes."""
    events = seen = quick = false = never = 0
    waits: list[float] = []
    smell = [s for s in spans if s.category == "clean" and s.measurement in GASES]
    for asset, (start, step, nh3) in truth.gas.items():
        mine = [s for s in smell if s.asset == asset and s.begin >= warm]
        foul = _foul(nh3, start, step)
        for begin, end in foul:
            if begin < warm:
                continue
            events += 1
            told = [s for s in smell if s.asset == asset and _meet(s, begin, end)]
            if told:
                seen += 1
                waits.append((told[0].begin - begin) / MINUTE_MS)
                quick += waits[-1] <= 10
        for span in mine:
            if any(_meet(span, begin, end) for begin, end in foul):
                continue
            false += 1
            around = (np.array([-HOUR_MS, HOUR_MS]) + span.begin - start) // step
            near = nh3[max(int(around[0]), 0) : int(around[1]) + 1]
            never += not (near >= ALMOST).any()
    days = len(truth.gas) * max(truth.end - warm, 0) / DAY_MS
    return {
        "G10_recall": share(seen, events),
        "G10_within10": share(quick, events),
        "G10_median_minutes": median(waits) if waits else None,
        "G10_false": share(false, days) if truth.gas else None,
        "G10_false_never_04": share(never, days) if truth.gas else None,
        "foul": events,
        "room_days": days,
    }


def _meet(span: AlertSpan, begin: int, end: int) -> bool:
    return span.begin <= end and begin <= span.end


def _foul(nh3: F64, start: int, step: int) -> list[tuple[int, int]]:
    """When the air was foul: from when 15 minutes were full, until 15 below 0.45."""
    need = max(LAST_MS // step, 1)
    found, over, under, since = [], 0, 0, None
    for i, value in enumerate(nh3.tolist()):
        over = over + 1 if value >= FOUL else 0
        under = under + 1 if value < CLEARED else 0
        if since is None and over >= need:
            since = start + i * step
        elif since is not None and under >= need:
            found.append((since, start + i * step))
            since = None
    if since is not None:
        found.append((since, start + len(nh3) * step))
    return found


def faults(truth: GroundTruth, spans: Sequence[AlertSpan], warm: int) -> Numbers:
    """By kind of fault: how many were told in time, and how many alerts were right."""
    found: Numbers = {}
    for kind, rules in TELLS.items():
        real = [f for f in truth.faults if f[0] == kind]
        told = [s for s in spans if s.rule in rules and s.begin >= warm]
        if not real and not told:
            continue
        time = IN_TIME_MS[kind]
        last = truth.end - time  # what begins later cannot be told in time
        long = [f for f in real if warm <= f[2] <= last and f[3] - f[2] >= time]
        waits = [_told(f, spans, rules, time) for f in long]
        days = [wait / DAY_MS for wait in waits if wait is not None]
        right = sum(_right(s, real, time) for s in told)
        found |= {
            f"G11_{kind}_recall": share(len(days), len(long)),
            f"G11_{kind}_precision": share(right, len(told)),
            f"G11_{kind}_median_days": median(days) if days else None,
            f"{kind}_faults": len(long),
        }
    return found


def _told(
    fault: tuple[str, str, int, int],
    spans: Sequence[AlertSpan],
    rules: Sequence[str],
    time: int,
) -> int | None:
    """How long after a fault began it was told; below 0 before. None: not in time."""
    _, asset, begin, _ = fault
    mine = [s for s in spans if s.asset == asset and s.rule in rules]
    inside = [s.begin - begin for s in mine if s.end > begin]
    inside = [wait for wait in inside if wait <= time]
    return min(inside) if inside else None


def _right(
    span: AlertSpan, real: Sequence[tuple[str, str, int, int]], time: int
) -> bool:
    ahead = 60 * DAY_MS if time == 0 else 0
    return any(
        asset == span.asset and begin - ahead <= span.begin <= end + HOUR_MS
        for _, asset, begin, end in real
    )
