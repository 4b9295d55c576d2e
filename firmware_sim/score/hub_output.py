"""What a hub told: alerts as spans, estimates as columns, emptyings that it saw."""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmware_sim.score.truth import ScoreError, lines, ms

F64 = NDArray[np.float64]
EVER = 2**62
SCORED_KINDS = ("threshold", "forecast", None)  # None: the file does not say


class AlertSpan(NamedTuple):
    """An alert from when it was told until it ended, ms."""

    asset: str
    rule: str
    kind: str | None
    category: str
    measurement: str
    begin: int
    end: int


def read_alerts(path: Path) -> list[AlertSpan]:
    """Transitions, one JSON object a line. Raises ScoreError."""
    found: dict[str, AlertSpan] = {}
    for line in lines(path):
        try:
            id_, at = line["alert"], ms(line["at"])
            if id_ not in found:
                said = line.get("cause") or {}
                found[id_] = AlertSpan(
                    line["asset"],
                    line["rule"],
                    line.get("kind"),
                    line["category"],
                    str(said.get("measurement", "")),
                    at,
                    EVER,
                )
            if line["to"] == "resolved":
                found[id_] = found[id_]._replace(end=at)
        except (KeyError, TypeError, ValueError) as error:
            raise ScoreError(f"{path}: a transition lacks {error}") from error
    return sorted(found.values(), key=lambda span: (span.begin, span.asset, span.rule))


def counted(spans: list[AlertSpan], category: str) -> dict[str, list[AlertSpan]]:
    """By asset the alerts of a category that count.

    Of rules of kind threshold and forecast; one that begins while another is open on
    the asset is part of that one.
    """
    found: dict[str, list[AlertSpan]] = defaultdict(list)
    for span in spans:
        if span.category != category or span.kind not in SCORED_KINDS:
            continue
        mine = found[span.asset]
        if mine and span.begin < mine[-1].end:
            longer = max(mine[-1].end, span.end)
            mine[-1] = mine[-1]._replace(end=longer)
        else:
            mine.append(span)
    return found


class EstimatedEmptying(NamedTuple):
    """An emptying as seen, ms: when, between which readings, when it was decided."""

    at: int
    begin: int
    end: int
    decided: int


@dataclass(slots=True)
class ScoredEstimates:
    """By asset: times and what was estimated (rows: hours to full with even odds, with
    10 % and with 90 %, chance of full within a day); emptyings."""

    at: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    told: dict[str, F64] = field(default_factory=dict)
    emptied: dict[str, list[EstimatedEmptying]] = field(
        default_factory=lambda: defaultdict(list)
    )


def read_estimates(path: Path) -> ScoredEstimates:
    """Estimates, one JSON object a line. Raises ScoreError."""
    found = ScoredEstimates()
    times: dict[str, list[int]] = defaultdict(list)
    rows: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    for line in lines(path):
        try:
            if line.get("service") == "emptied":
                span = (line["from"], line["until"], line["decided_at"])
                seen = EstimatedEmptying(ms(line["at"]), *(ms(text) for text in span))
                found.emptied[line["asset"]].append(seen)
            elif line.get("estimate") == "fill":
                times[line["asset"]].append(ms(line["at"]))
                hours = [line["hours_to_full"], line["h10"], line["h90"]]
                told = [np.inf if x is None else float(x) for x in hours]
                rows[line["asset"]].append((*told, float(line["p_full_24h"])))
        except (KeyError, TypeError, ValueError) as error:
            raise ScoreError(f"{path}: an estimate lacks {error}") from error
    for asset, own in times.items():
        found.at[asset] = np.array(own, np.int64)
        found.told[asset] = np.array(rows[asset]).T
    return found
