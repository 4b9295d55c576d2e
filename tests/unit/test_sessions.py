"""Joins and births: at the start, after a restart, not while the gateway is down."""

import json
from pathlib import Path

import numpy as np
import pytest

from firmware_sim.clock import parse_time
from firmware_sim.families.catalogue import NATIVE
from firmware_sim.firmware.sessions import NetworkSessions
from firmware_sim.output.trace import write_trace
from firmware_sim.scenario import load
from firmware_sim.town.fleet import Fleet, make_fleet
from firmware_sim.world.step_time import STEP_MS, StepTime
from tests.support.vectors import decode

LORAWAN = "milesight-em310-udl"
ALL = np.ones(3, np.bool_)
NAMES = [""] * 3


def fleet(family: str) -> Fleet:
    told = {"town.bins": 3, "town.toilets": 0, "families.bin": {family: 1}}
    return make_fleet(load("default", told), 1)


def at(number: int) -> StepTime:
    return StepTime((number + 1) * STEP_MS, number, 0, 0, 1)


@pytest.mark.parametrize(("family", "first"), [(NATIVE, 0), (LORAWAN, 3)])
def test_lorawan_devices_join_at_the_start(family: str, first: int) -> None:
    sessions = NetworkSessions(fleet(family), 1)
    assert len([*sessions.step(at(0), [], ALL, NAMES)]) == first
    assert sessions.up.all() == (family == NATIVE)
    assert [*sessions.step(at(1), [], ALL, NAMES)] == []
    assert sessions.up.all()


@pytest.mark.parametrize(("family", "kind"), [(NATIVE, "birth"), (LORAWAN, "join")])
def test_a_restarted_device_comes_up_where_a_gateway_hears_it(
    family: str, kind: str
) -> None:
    sessions = NetworkSessions(fleet(family), 1)
    for number in range(2):
        list(sessions.step(at(number), [], ALL, NAMES))
    dark = np.array([True, False, True])
    assert [*sessions.step(at(2), [1], dark, NAMES)] == []
    assert sessions.up.tolist() == [True, False, True]
    came = [*sessions.step(at(3), [], ALL, NAMES)]
    assert [(frame.row, frame.kind) for frame in came] == [(1, kind)]
    assert at(2).at <= came[0].at < at(3).at
    assert not sessions.up[1]
    list(sessions.step(at(4), [], ALL, NAMES))
    assert sessions.up.all()


def test_milesight_devices_say_who_they_are_once_they_have_joined() -> None:
    sessions = NetworkSessions(fleet(LORAWAN), 1)
    news = [*sessions.step(at(0), [], ALL, NAMES)]
    said = [*sessions.join_reports(news, lambda _row: 0)]
    assert [frame.row for frame in said] == [frame.row for frame in news]
    assert all(a.at < b.at for a, b in zip(news, said, strict=True))
    decoded = decode(LORAWAN, said[0].data.hex(), said[0].port)
    assert decoded.answers
    assert not decoded.errors
    born = [news[0]._replace(kind="birth")]
    assert [*sessions.join_reports(born, lambda _row: 0)] == []


def test_a_dead_device_does_not_come_up() -> None:
    sessions = NetworkSessions(fleet(LORAWAN), 1)
    assert [*sessions.step(at(0), [], ~ALL, NAMES)] == []
    list(sessions.step(at(1), [], ~ALL, NAMES))
    assert not sessions.up.any()


@pytest.mark.slow  # a town of days
def test_lost_sessions_bring_all_devices_up_anew(tmp_path: Path) -> None:
    told = {"town.bins": 40, "town.toilets": 2, "town.days": 6}
    write_trace("reconnect_storm", load("reconnect_storm", told), 1, tmp_path)
    uplinks, labels = (
        [json.loads(line) for line in (tmp_path / f).read_text().splitlines()]
        for f in ("uplinks.jsonl", "labels.jsonl")
    )
    (storm,) = [x["at"] for x in labels if x.get("what") == "sessions_lost"]
    begin = parse_time(storm) - STEP_MS
    news = {
        label["device"]: label["why"]
        for label in labels
        if label.get("why") in ("join", "birth")
        and parse_time(uplinks[label["line"] - 1]["received_at"]) >= begin
    }
    devices = {d for x in labels if x["label"] == "asset" for d in x["devices"]}
    assert len(news) > 0.9 * len(devices)  # batteries may be empty
    for device, why in news.items():
        assert why == ("birth" if "-" in device else "join")
