"""All scores of a hub on one trace, as flat numbers."""

from pathlib import Path

from firmware_sim.score.collect import Numbers, collect
from firmware_sim.score.forecasts import emptyings, forecasts
from firmware_sim.score.gas_and_faults import faults, rooms
from firmware_sim.score.hub_output import (
    AlertSpan,
    counted,
    read_alerts,
    read_estimates,
)
from firmware_sim.score.truth import DAY_MS, GroundTruth, read_truth

Scored = Numbers


def score(
    labels: Path,
    alerts: Path,
    estimates: Path | None = None,
    *,
    warmup_days: float = 14,
) -> Scored:
    """Scores by name; None where there is nothing to score. Raises ScoreError."""
    return card(read_truth(labels), read_alerts(alerts), estimates, warmup_days)


def card(
    truth: GroundTruth,
    spans: list[AlertSpan],
    estimates: Path | None,
    warmup_days: float,
) -> Scored:
    """The same, of what was read already."""
    warm = truth.start + int(warmup_days * DAY_MS)
    found = collect(truth, counted(spans, "collect"), warm)
    if estimates is not None:
        told = read_estimates(estimates)
        found |= emptyings(truth, told, warm) | forecasts(truth, told, warm)
    return found | rooms(truth, spans, warm) | faults(truth, spans, warm)
