"""G11: alerts of sensor faults against the true faults."""

from collections.abc import Sequence
from statistics import median

from firmware_sim.score.collect import Numbers, share
from firmware_sim.score.hub_output import ScoredAlert
from firmware_sim.score.truth import DAY_MS, HOUR_MS, GroundTruth, TrueFault

# rules that report a kind of fault; other rules are not scored
RULES = {
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


def score_faults(
    truth: GroundTruth, spans: Sequence[ScoredAlert], warm: int
) -> Numbers:
    """Return recall, precision and median delay by kind of fault."""
    scores: Numbers = {}
    for kind, rules in RULES.items():
        faults = [fault for fault in truth.faults if fault.kind == kind]
        alerts = [span for span in spans if span.rule in rules]
        scored = [span for span in alerts if span.begin >= warm]
        if not faults and not scored:
            continue
        limit = IN_TIME_MS[kind]
        last = truth.end - limit  # a later fault cannot be reported in time
        due = [
            fault
            for fault in faults
            if warm <= fault.begin <= last and fault.end - fault.begin >= limit
        ]
        delays = [_delay(fault, alerts, limit) for fault in due]
        days = [delay / DAY_MS for delay in delays if delay is not None]
        correct = sum(_is_correct(span, faults, limit) for span in scored)
        scores |= {
            f"G11_{kind}_recall": share(len(days), len(due)),
            f"G11_{kind}_precision": share(correct, len(scored)),
            f"G11_{kind}_median_days": median(days) if days else None,
            f"{kind}_faults": len(due),
        }
    return scores


def _delay(fault: TrueFault, alerts: Sequence[ScoredAlert], limit: int) -> int | None:
    """Return ms from a fault to its alert (negative: before); None if not in time."""
    own = [span for span in alerts if span.asset == fault.asset]
    delays = [span.begin - fault.begin for span in own if span.end > fault.begin]
    in_time = [delay for delay in delays if delay <= limit]
    return min(in_time) if in_time else None


def _is_correct(span: ScoredAlert, faults: Sequence[TrueFault], limit: int) -> bool:
    ahead = 60 * DAY_MS if limit == 0 else 0
    return any(
        fault.asset == span.asset
        and fault.begin - ahead <= span.begin <= fault.end + HOUR_MS
        for fault in faults
    )
