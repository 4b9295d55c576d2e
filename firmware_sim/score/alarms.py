"""G17 and G18: alarms to collect against the visits and overflows that came.

An alarm asks for somebody before the next visit. Nobody in a trace follows alarms, so
what came is what would have come without them.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from firmware_sim.score.collect import Numbers, share
from firmware_sim.score.hub_output import ScoredAlarm
from firmware_sim.score.truth import HOUR_MS, GroundTruth

LEAD_MS = 2 * HOUR_MS  # G18


@dataclass(slots=True)
class _Outcomes:
    came: int = 0  # alarms after which the bin was full before it was emptied
    not_full: int = 0  # emptied before it was full
    already_full: int = 0  # when raised
    overflows: int = 0
    told: int = 0  # overflows, early enough

    def add_alarm(
        self, at: int, emptied: Sequence[int], full: Mapping[int, int]
    ) -> None:
        """Judge an alarm; in a filling that has not ended the outcome is not known.

        `full`: when each filling overflowed, by when it began.
        """
        after = bisect_right(emptied, at)
        if after == len(emptied):
            return
        overflow = full.get(emptied[after - 1] if after else 0)
        if overflow is None:
            self.not_full += 1
        elif overflow <= at:
            self.already_full += 1
        else:
            self.came += 1


def score_alarms(
    truth: GroundTruth, alarms: Mapping[str, Sequence[ScoredAlarm]], warm: int
) -> Numbers:
    """Return the scores of alarms from `warm` (ms) on; `alarms`: by asset."""
    found = _Outcomes()
    for asset in truth.fills:
        begins = [alarm.begin for alarm in alarms.get(asset, ())]
        emptied = sorted(emptying.at for emptying in truth.emptied[asset])
        overflows = truth.first_overflows(asset)
        full = {filling: at for at, filling in overflows}
        for begin in begins:
            if begin >= warm:
                found.add_alarm(begin, emptied, full)
        for at, filling in overflows:
            if at >= warm:
                found.overflows += 1
                found.told += any(filling < b <= at - LEAD_MS for b in begins)
    judged = found.came + found.not_full
    return {
        "G17": share(found.came, judged),
        "G17_already_full": share(found.already_full, judged + found.already_full),
        "G18": share(found.told, found.overflows),
        "alarms_judged": judged,
    }
