"""The output of a hub: alerts as spans, estimates as columns, detected emptyings."""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from firmware_sim.score.truth import OPEN_END, ScoreError, lines, ms

F64 = NDArray[np.float64]
SCORED_KINDS = ("threshold", "forecast", None)  # None: the file does not say
ALARMING = ("warning", "urgent", "danger")  # somebody is asked for out of turn
UNSAID = "warning"  # severity of alerts in a file that does not say


class SeverityChange(NamedTuple):
    """From `at` (ms) on an alert has a severity."""

    at: int
    severity: str


class ScoredAlarm(NamedTuple):
    """A stretch of an alert at warning or above, ms."""

    begin: int
    end: int


class ScoredAlert(NamedTuple):
    """An alert from its first transition until it was resolved, ms."""

    asset: str
    rule: str
    kind: str | None
    category: str
    measurement: str
    begin: int
    end: int
    changes: tuple[SeverityChange, ...]  # in order of time; the first is at `begin`

    def alarms(self) -> list[ScoredAlarm]:
        """Return its alarms: each rise to warning or above begins one."""
        found: list[ScoredAlarm] = []
        ends = [*(change.at for change in self.changes[1:]), self.end]
        for change, end in zip(self.changes, ends, strict=True):
            if change.severity not in ALARMING:
                continue
            if found and found[-1].end == change.at:
                found[-1] = found[-1]._replace(end=end)
            else:
                found.append(ScoredAlarm(change.at, end))
        return found


Span = TypeVar("Span", ScoredAlert, ScoredAlarm)


def read_alerts(path: Path) -> list[ScoredAlert]:
    """Read transitions, one JSON object per line. Raises ScoreError."""
    found: dict[str, ScoredAlert] = {}
    for line in lines(path):
        try:
            id_, at = line["alert"], ms(line["at"])
            if id_ not in found:
                cause = line.get("cause") or {}
                found[id_] = ScoredAlert(
                    line["asset"],
                    line["rule"],
                    line.get("kind"),
                    line["category"],
                    str(cause.get("measurement", "")),
                    at,
                    OPEN_END,
                    (),
                )
            if line["to"] == "resolved":
                found[id_] = found[id_]._replace(end=at)
            else:
                change = SeverityChange(at, line.get("severity", UNSAID))
                changes = (*found[id_].changes, change)
                found[id_] = found[id_]._replace(changes=changes)
        except (KeyError, TypeError, ValueError) as error:
            raise ScoreError(f"{path}: a transition lacks {error}") from error
    return sorted(found.values(), key=lambda span: (span.begin, span.asset, span.rule))


def counted_alerts(
    spans: list[ScoredAlert], category: str
) -> dict[str, list[ScoredAlert]]:
    """Return the alerts of a category by asset, of threshold and forecast rules.

    An alert that begins while another is open on the asset is part of that one.
    """
    return {asset: _joined(own) for asset, own in _by_asset(spans, category).items()}


def counted_alarms(
    spans: list[ScoredAlert], category: str
) -> dict[str, list[ScoredAlarm]]:
    """Return the alarms of a category by asset, of threshold and forecast rules.

    An alarm that begins while another is open on the asset is part of that one.
    """
    return {
        asset: _joined(sorted(alarm for span in own for alarm in span.alarms()))
        for asset, own in _by_asset(spans, category).items()
    }


def _by_asset(spans: list[ScoredAlert], category: str) -> dict[str, list[ScoredAlert]]:
    found: dict[str, list[ScoredAlert]] = defaultdict(list)
    for span in spans:
        if span.category == category and span.kind in SCORED_KINDS:
            found[span.asset].append(span)
    return found


def _joined(spans: list[Span]) -> list[Span]:
    """Join what overlaps; `spans` are in the order in which they begin."""
    found = spans[:1]
    for span in spans[1:]:
        if span.begin < found[-1].end:
            found[-1] = found[-1]._replace(end=max(found[-1].end, span.end))
        else:
            found.append(span)
    return found


class EstimatedEmptying(NamedTuple):
    """A detected emptying, ms: time, readings before and after it, time of decision."""

    at: int
    begin: int
    end: int
    decided: int


@dataclass(slots=True)
class ScoredEstimates:
    """Estimates and detected emptyings by asset.

    Rows of `values`: hours to full at 50 %, 10 % and 90 %, chance of full within a day.
    """

    at: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    values: dict[str, F64] = field(default_factory=dict)
    emptied: dict[str, list[EstimatedEmptying]] = field(
        default_factory=lambda: defaultdict(list)
    )


def read_estimates(path: Path) -> ScoredEstimates:
    """Read estimates, one JSON object per line. Raises ScoreError."""
    found = ScoredEstimates()
    times: dict[str, list[int]] = defaultdict(list)
    rows: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    for line in lines(path):
        try:
            if line.get("service") == "emptied":
                emptying = EstimatedEmptying(
                    at=ms(line["at"]),
                    begin=ms(line["from"]),
                    end=ms(line["until"]),
                    decided=ms(line["decided_at"]),
                )
                found.emptied[line["asset"]].append(emptying)
            elif line.get("estimate") == "fill":
                times[line["asset"]].append(ms(line["at"]))
                hours = [line["hours_to_full"], line["h10"], line["h90"]]
                finite = [np.inf if x is None else float(x) for x in hours]
                rows[line["asset"]].append((*finite, float(line["p_full_24h"])))
        except (KeyError, TypeError, ValueError) as error:
            raise ScoreError(f"{path}: an estimate lacks {error}") from error
    for asset, own in times.items():
        found.at[asset] = np.array(own, np.int64)
        found.values[asset] = np.array(rows[asset]).T
    return found
