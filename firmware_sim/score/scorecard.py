"""All scores of a hub on one trace, as flat numbers."""

from pathlib import Path

from firmware_sim.score.alarms import score_alarms
from firmware_sim.score.collect import Numbers, score_collection
from firmware_sim.score.faults import score_faults
from firmware_sim.score.forecasts import score_emptyings, score_forecasts
from firmware_sim.score.gas import score_gas
from firmware_sim.score.hub_output import (
    ScoredAlert,
    counted_alarms,
    counted_alerts,
    read_alerts,
    read_estimates,
)
from firmware_sim.score.load import score_load
from firmware_sim.score.truth import DAY_MS, GroundTruth, read_truth


def score(
    labels: Path,
    alerts: Path,
    estimates: Path | None = None,
    *,
    warmup_days: float = 14,
) -> Numbers:
    """Return scores by name; None without data to score. Raises ScoreError."""
    return score_all(read_truth(labels), read_alerts(alerts), estimates, warmup_days)


def score_all(
    truth: GroundTruth,
    spans: list[ScoredAlert],
    estimates: Path | None,
    warmup_days: float,
) -> Numbers:
    """Return scores by name of alerts and estimates; the first days are left out."""
    warm = truth.start + int(warmup_days * DAY_MS)
    scores = score_collection(truth, counted_alerts(spans, "collect"), warm)
    scores |= score_alarms(truth, counted_alarms(spans, "collect"), warm)
    scores |= score_load(truth, spans, warm)
    if estimates is not None:
        estimated = read_estimates(estimates)
        scores |= score_emptyings(truth, estimated, warm)
        scores |= score_forecasts(truth, estimated, warm)
    scores |= score_gas(truth, spans, warm)
    return scores | score_faults(truth, spans, warm)
