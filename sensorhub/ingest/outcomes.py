"""Outcomes of a batch: counters, dead letters, what a day taught."""

from collections import Counter
from functools import partial

import numpy as np
import structlog

from sensorhub.columns import Columns
from sensorhub.ingest.parsed_batch import ParsedBatch
from sensorhub.model import Message, Outcome, Quality, Reason
from sensorhub.state.fill_learning import FillLearning, LearntUsage
from sensorhub.store.hot import counters
from sensorhub.store.hot.changeset import ChangeSet
from sensorhub.store.hot.dead_letters import DeadLetter

log = structlog.get_logger()

# each letter holds its message whole: an array of 1,000 strangers is not kept so often
MAX_LETTER_BYTES = 2**20  # of one message


def count_uplinks(parsed: ParsedBatch, columns: Columns, change_set: ChangeSet) -> None:
    """Enter the counters: uplinks by outcome and reason, readings by quality."""
    moved = change_set.moved
    outcomes = np.bincount(columns.outcome, minlength=5)
    moved["uplinks_received"] += int(outcomes[:3].sum())
    moved["uplinks_stored"] += int(outcomes[Outcome.STORED])
    moved["uplinks_duplicate"] += int(outcomes[Outcome.DUPLICATE])
    moved["uplinks_dead"] += int(outcomes[Outcome.DEAD])
    moved["uplinks_replayed"] += int(outcomes[Outcome.REPLAY])
    kept = np.repeat(columns.outcome, columns.count)
    mine = (kept == Outcome.STORED) | (kept == Outcome.REPLAY)
    rejected = columns.quality == Quality.REJECTED
    moved["readings_stored"] += int((mine & ~rejected).sum())
    moved["readings_rejected"] += int((mine & rejected).sum())
    for reason, n in enumerate(np.bincount(columns.quality_reason[mine]).tolist()):
        if reason and n:
            moved[f"value_{Reason(reason).word}"] += n
    if parsed.ignored:
        moved["values_ignored"] += sum(map(len, parsed.ignored.values()))
    if columns.reason.any():
        for number, n in Counter(columns.reason.tolist()).items():
            if number:
                moved[f"uplink_{Reason(number).word}"] += n


def add_dead_letters(
    parsed: ParsedBatch,
    columns: Columns,
    messages: list[Message],
    change_set: ChangeSet,
) -> None:
    """Enter the dead letters of a batch."""
    kept: Counter[int] = Counter()
    for dead in parsed.dead:
        i = dead.uplink
        if columns.outcome[i] != Outcome.DEAD:
            continue  # a duplicate of a dead letter that is kept already
        message = messages[parsed.message[i]]
        if kept[parsed.message[i]] > MAX_LETTER_BYTES - len(message.payload):
            continue
        kept[parsed.message[i]] += len(message.payload)
        letter = DeadLetter(
            0,
            int(columns.received_at[i]),
            message.topic.decode("utf-8", "replace"),
            message.payload,
            message.flags,
            dead.device,
            Reason(int(columns.reason[i])).word,
            dead.detail,
            None,
        )
        change_set.letters.append(letter)


def learn_by_day(
    learning: FillLearning, received_at: int, change_set: ChangeSet
) -> LearntUsage:
    """What the town taught, at the first uplink of a local day; else nothing."""
    before = learning.persistence_kinds
    taught = learning.turn(received_at)
    if (kinds := learning.persistence_kinds) != before:
        log.warning("kinds whose forecasts go by their last day's rate", kinds=kinds)
        words = " ".join(kinds)
        change_set.writes.append(
            partial(counters.set_meta, key=counters.NAIVE, value=words)
        )
    return taught
