"""G19: alarms and device alerts an hour, of a town of 1,000 bins and 100 toilets."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from firmware_sim.score.collect import Numbers
from firmware_sim.score.hub_output import ScoredAlert
from firmware_sim.score.truth import DAY_MS, F64, HOUR_MS, GroundTruth, TrueFault

BINS, TOILETS = 1_000, 100
CATEGORIES = ("collect", "clean", "safety")


class _Scale(NamedTuple):
    """How often something of this town would be in the scaled town."""

    bin: float
    toilet: float
    other: float  # gateways and zones


def _scale(truth: GroundTruth) -> _Scale:
    bins, toilets = len(truth.fills), len(truth.gas)
    whole = BINS * (bins > 0) + TOILETS * (toilets > 0)
    return _Scale(
        bin=BINS / max(bins, 1),
        toilet=TOILETS / max(toilets, 1),
        other=whole / max(bins + toilets, 1),
    )


def score_load(truth: GroundTruth, spans: Sequence[ScoredAlert], warm: int) -> Numbers:
    """Return alarms an hour by local hour of the day, and device alerts an hour.

    All kinds of rule count. A town without bins (toilets) counts as one without them.
    """
    days = (truth.end - warm) / DAY_MS
    if days <= 0:
        return {}
    hours = np.zeros(24)
    for span in spans:
        if span.category in CATEGORIES:
            for alarm in span.alarms():
                if alarm.begin >= warm:
                    local = (alarm.begin + truth.offset_ms) // HOUR_MS % 24
                    hours[local] += _weight(truth, span.asset) / days
    device = [s for s in spans if s.category == "device" and s.begin >= warm]
    scores: Numbers = {
        "G19_mean": float(hours.mean()),
        "G19_busiest": float(hours.max()),
        "G19_device": _sum(truth, _outages_as_one(truth, device)) / days / 24,
        "G19_device_each": _sum(truth, device) / days / 24,
    }
    return scores | by_hour(hours)


def by_hour(hours: F64) -> Numbers:
    """Return the alarms an hour in each hour of the day as scores."""
    return {f"G19_hour_{hour}": float(x) for hour, x in enumerate(hours.tolist())}


def _weight(truth: GroundTruth, asset: str) -> float:
    scale = _scale(truth)
    if asset in truth.fills:
        return scale.bin
    return scale.toilet if asset in truth.gas else scale.other


def _sum(truth: GroundTruth, spans: Sequence[ScoredAlert]) -> float:
    return sum(_weight(truth, span.asset) for span in spans)


def _outages_as_one(
    truth: GroundTruth, spans: Sequence[ScoredAlert]
) -> list[ScoredAlert]:
    """Leave out all but the first alert of each true outage of a gateway.

    To an outage belong the alerts about the gateway, its zone and its assets that
    begin while it lasts or within an hour after it.
    """
    outages = [fault for fault in truth.faults if fault.kind == "gateway"]
    seen: set[TrueFault] = set()
    found = []
    for span in spans:
        own = set(_outages_of(truth, outages, span))
        if not own & seen:
            found.append(span)
        seen |= own
    return found


def _outages_of(
    truth: GroundTruth, outages: Sequence[TrueFault], span: ScoredAlert
) -> Iterator[TrueFault]:
    if (place := truth.places.get(span.asset)) is not None:
        gateways = {place.gateway}
    else:
        gateways = {p.gateway for p in truth.places.values() if p.zone == span.asset}
        gateways.add(span.asset)
    for outage in outages:
        within = outage.begin <= span.begin <= outage.end + HOUR_MS
        if within and outage.asset in gateways:
            yield outage
