"""Records stored while offline: each is sent once, in order; the oldest are dropped."""

import json
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.families import dragino, milesight
from firmware_sim.families.catalogue import NATIVE
from firmware_sim.firmware.frame import DeviceFrame
from firmware_sim.link.channel import DeliveredFrame, LostFrame
from firmware_sim.link.offline_buffer import RECORDS_PER_FRAME, OfflineBuffer
from firmware_sim.output.trace import write_trace
from firmware_sim.scenario import load
from firmware_sim.town.fleet import Fleet, make_fleet

LDDS75 = "dragino-ldds75"
SPEAKS = np.ones(1, np.bool_)


def fleet(family: str) -> Fleet:
    told = {"town.bins": 1, "town.toilets": 0, "families.bin": {family: 1}}
    return make_fleet(load("default", told), 1)


def frame(seq: int, family: str) -> DeviceFrame:
    if family == NATIVE:
        return DeviceFrame(seq * 1000, 0, seq, "{}", "gw")
    data = dragino.dds75(3600, 300 + seq)
    return DeviceFrame(seq * 1000, 0, seq, "", "gw", dragino.PORT, data)


@given(heard=st.lists(st.booleans(), max_size=60), keeps=st.integers(1, 8))
def test_every_native_record_comes_once_or_is_lost(
    heard: list[bool], keeps: int
) -> None:
    memory, came, lost = OfflineBuffer(keeps, fleet(NATIVE)), list[int](), list[int]()
    for seq, well in enumerate(heard):
        each = frame(seq, NATIVE)
        item = (
            DeliveredFrame(each.at, each, 0, "") if well else LostFrame(each, "radio")
        )
        for out in memory.process([item]):
            if isinstance(out, LostFrame):
                lost.append(out.frame.seq)
            else:
                came += [x.seq for x in (*out.frame.stored, out.frame)]
    kept = [item.frame.seq for item in memory.close()]
    assert came == sorted(came)
    assert len(kept) <= keeps
    assert sorted(came + lost + kept) == list(range(len(heard)))


def test_both_copies_of_a_frame_hold_the_same_records() -> None:
    memory = OfflineBuffer(8, fleet(NATIVE))
    first, second = frame(0, NATIVE), frame(1, NATIVE)
    copies = [DeliveredFrame(1, second, 0, ""), DeliveredFrame(2, second, 1, "doubled")]
    came = list(memory.process([LostFrame(first, "radio"), *copies]))
    assert [x.frame.stored for x in came] == [(first,), (first,)]


def test_a_dragino_sensor_sends_stored_uplinks_on_another_port() -> None:
    memory = OfflineBuffer(8, fleet(LDDS75))
    gone = [LostFrame(frame(seq, LDDS75), "radio") for seq in range(6)]
    assert list(memory.process(gone)) == []
    assert list(memory.frames(9_000, SPEAKS, lambda _row: 7)) == []
    heard = DeliveredFrame(6_000, frame(6, LDDS75), 0, "")
    assert list(memory.process([heard])) == [heard]
    (sent,) = memory.frames(9_000, SPEAKS, lambda _row: 7)
    assert (sent.port, sent.seq, len(sent.stored)) == (
        dragino.STORED_PORT,
        7,
        RECORDS_PER_FRAME,
    )
    assert sent.data[:11] == dragino.dds75_stored(0, 3600, 300)
    assert list(memory.process([LostFrame(sent, "radio")])) == [
        LostFrame(sent._replace(stored=()), "radio")
    ]
    assert [item.frame.seq for item in memory.close()] == list(range(6))


@pytest.mark.parametrize("kind", ["answer", "hello"])
def test_what_is_no_record_is_not_kept(kind: str) -> None:
    memory = OfflineBuffer(8, fleet(LDDS75))
    gone = LostFrame(frame(0, LDDS75)._replace(kind=kind), "radio")
    assert list(memory.process([gone])) == [gone]
    assert memory.close() == []


@pytest.mark.slow  # a town of days
@pytest.mark.parametrize("name", ["mixed", "reconnect_storm"])
def test_a_trace_says_where_kept_records_came(name: str, tmp_path: Path) -> None:
    told = {"town.bins": 30, "town.toilets": 6, "town.days": 3, "link.bad_share": 0.2}
    write_trace(name, load(name, told), 1, tmp_path)
    read = [(tmp_path / f).read_text().splitlines() for f in FILES]
    uplinks, labels = ([json.loads(line) for line in lines] for lines in read)
    resent = [label for label in labels if label["label"] == "resent"]
    lost = {(x["device"], x["seq"]) for x in labels if x["label"] == "lost"}
    ports = set()
    for label in resent:
        body = json.loads(b64decode(uplinks[label["line"] - 1]["payload"]))
        if isinstance(body, list):
            assert label["seq"] in [record["seq"] for record in body[:-1]]
            assert (label["device"], label["seq"]) not in lost
        else:
            ports.add(body["fPort"])
    assert ports == {dragino.STORED_PORT, milesight.PORT}


FILES = ("uplinks.jsonl", "labels.jsonl")
