"""G17 to G19 on towns that can be counted by hand."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from firmware_sim.cli import app
from firmware_sim.score.hub_output import ScoredAlarm, counted_alarms, read_alerts
from tests.support.scored_town import (
    HOUR,
    START,
    Line,
    alert,
    at,
    scored,
    town,
    write,
)

# the bin of `town` overflows at hour 100 and is emptied at hour 110; again at hour 150,
# before it is full
EMPTIED_AGAIN: Line = {"label": "emptied", "asset": "b", "at": at(150), "before": 40}


def steps(end: float | None, *told: tuple[float, str], **more: Any) -> list[Line]:
    """The transitions of one alert: hours and severities, and its end."""
    lines = alert(told[0][0], end, severity=told[0][1], **more)
    for hour, severity in told[1:]:
        to = {"at": at(hour), "to": "severity_changed", "severity": severity}
        lines.insert(-1 if end is not None else len(lines), lines[0] | to)
    return lines


def spans(folder: Path, lines: list[Line]) -> list[tuple[float, float]]:
    found = counted_alarms(read_alerts(write(folder / "a.jsonl", lines)), "collect")
    return [
        ((alarm.begin - START) / HOUR, (alarm.end - START) / HOUR)
        for alarm in found.get("b", [])
    ]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (steps(110, (72, "warning")), [(72, 110)]),
        (steps(110, (72, "notice")), []),
        (steps(110, (72, "device")), []),
        (steps(110, (72, "notice"), (90, "warning")), [(90, 110)]),
        (steps(110, (72, "warning"), (90, "urgent")), [(72, 110)]),
        (steps(110, (72, "warning"), (90, "notice")), [(72, 90)]),
        (
            steps(110, (60, "urgent"), (70, "notice"), (80, "danger")),
            [(60, 70), (80, 110)],
        ),
        # files without severities: every alert is an alarm
        (alert(72, 110), [(72, 110)]),
        # two rules at once are one alarm
        (
            [
                *steps(90, (72, "warning")),
                *steps(110, (70, "notice"), (85, "urgent"), rule="other"),
            ],
            [(72, 110)],
        ),
        (steps(110, (72, "warning"), kind="overdue"), []),
        (steps(110, (72, "warning"), category="clean"), []),
    ],
)
def test_alarms_of_alerts(
    tmp_path: Path, lines: list[Line], expected: list[tuple[float, float]]
) -> None:
    assert spans(tmp_path, lines) == expected


def test_an_alert_that_has_not_ended_is_an_open_alarm(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", steps(None, (72, "notice"), (90, "warning")))
    assert [span.alarms() for span in read_alerts(path)] == [
        [ScoredAlarm(START + 90 * HOUR, 2**62)]
    ]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            steps(110, (72, "warning")),
            {"G17": 1, "G17_already_full": 0, "G18": 1, "alarms_judged": 1},
        ),
        # a notice is judged by G1 to G5 only, from its begin
        (
            steps(110, (72, "notice")),
            {"G3": 1, "G5": 28, "G17": None, "G18": 0, "alarms_judged": 0},
        ),
        (
            steps(110, (72, "notice"), (99, "warning")),
            {"G5": 28, "alerts": 1, "G17": 1, "G18": 0},
        ),
        (steps(110, (72, "notice"), (98, "urgent")), {"G18": 1}),
        # full when raised: not judged
        (
            steps(110, (105, "urgent")),
            {"G17": None, "G17_already_full": 1, "alarms_judged": 0, "G18": 0},
        ),
        # the filling from hour 110 on is emptied at 40 %
        (steps(150, (120, "warning")), {"G17": 0, "alarms_judged": 1, "G18": 0}),
        # raised when it had just been emptied
        (steps(112, (110, "warning")), {"G17": 0, "alarms_judged": 1, "G18": 0}),
        # what comes after the last emptying is not known
        (steps(None, (160, "warning")), {"G17": None, "alarms_judged": 0}),
        (
            [
                *steps(110, (60, "warning"), (70, "notice"), (80, "warning")),
                *steps(150, (120, "urgent")),
            ],
            {"G17": pytest.approx(2 / 3), "alarms_judged": 3, "G18": 1, "alerts": 2},
        ),
        ([], {"G17": None, "G17_already_full": None, "G18": 0}),
    ],
)
def test_alarms_against_visits_and_overflows(
    tmp_path: Path, lines: list[Line], expected: dict[str, object]
) -> None:
    found = scored(tmp_path, lines, truth=[*town(8), EMPTIED_AGAIN])
    assert {name: found[name] for name in expected} == expected


def test_an_alarm_of_the_filling_before_tells_no_overflow(tmp_path: Path) -> None:
    truth = [*town(12), {"label": "overflow", "asset": "b", "at": at(210)}]
    found = scored(tmp_path, steps(None, (72, "warning")), truth=truth)
    assert (found["overflows"], found["G18"]) == (2, 0.5)


def test_what_came_before_the_warm_up_ended_is_left_out(tmp_path: Path) -> None:
    lines = [*steps(90, (72, "warning")), *steps(150, (120, "warning"))]
    write(tmp_path / "a.jsonl", lines)
    write(tmp_path / "labels.jsonl", [*town(8), EMPTIED_AGAIN])
    words = ["score", "--labels", str(tmp_path / "labels.jsonl"), "--json"]
    words += ["--alerts", str(tmp_path / "a.jsonl"), "--warmup-days", "4"]
    found = json.loads(CliRunner().invoke(app, words).stdout)
    # the alarm of hour 72 is not judged, but it told the overflow at hour 100
    assert (found["G17"], found["alarms_judged"], found["G18"]) == (0, 1, 1)
    assert found["G19_mean"] == pytest.approx(1000 / 4 / 24)


# one bin and two toilets for 8 days: an alarm of the bin counts 1000, of a toilet 50
BIN, TOILET = 1000 / 8, 50 / 8


def both(timezone: str = "UTC") -> list[Line]:
    lines = town(8)
    lines[0]["timezone"] = timezone
    for name in ("w", "x"):
        gas = {"label": "gas", "asset": name, "at": at(0), "step_s": 300, "nh3": [0.1]}
        lines.append(gas)
    return lines


@pytest.mark.parametrize(
    ("lines", "hours"),
    [
        ([], {}),
        (steps(5, (3.5, "warning")), {3: BIN}),
        (steps(5, (3.5, "notice")), {}),
        (steps(5, (3.5, "warning"), kind="overdue"), {3: BIN}),
        (steps(5, (3.5, "urgent"), category="clean", asset="w"), {3: TOILET}),
        (steps(5, (3.5, "danger"), category="safety", asset="x"), {3: TOILET}),
        (steps(5, (3.5, "device"), category="device"), {}),
        (steps(5, (3.5, "warning"), category="system", asset="hub"), {}),
        # every rise counts, and every alert: nothing is joined
        (
            steps(30, (3, "warning"), (4, "notice"), (27.9, "urgent")),
            {3: 2 * BIN},
        ),
        (
            [*steps(5, (3, "warning")), *steps(6, (4, "warning"), rule="other")],
            {3: BIN, 4: BIN},
        ),
    ],
)
def test_alarms_an_hour(
    tmp_path: Path, lines: list[Line], hours: dict[int, float]
) -> None:
    found = scored(tmp_path, lines, truth=both())
    told = {h: found[f"G19_hour_{h}"] for h in range(24) if found[f"G19_hour_{h}"]}
    assert told == pytest.approx(hours)
    assert found["G19_mean"] == pytest.approx(sum(hours.values()) / 24)
    assert found["G19_busiest"] == pytest.approx(max(hours.values(), default=0))


def test_hours_of_the_day_are_local(tmp_path: Path) -> None:
    lines = steps(5, (3.5, "warning"))
    found = scored(tmp_path, lines, truth=both("Asia/Shanghai"))
    assert found["G19_hour_11"] == pytest.approx(BIN)


def fleet_of(*assets: tuple[str, str, str]) -> list[Line]:
    """Bins, each with its zone and gateway, and an outage of gateway g1."""
    head = town(8)[0]
    lines = [head]
    for asset, zone, gateway in assets:
        place = {"asset": asset, "zone": zone, "gateway": gateway}
        lines.append({"label": "asset", "kind": "bin"} | place)
        fill = {"label": "fill", "asset": asset, "at": at(0), "step_s": 3600}
        lines.append(fill | {"fill": [0.0], "gain": [0.0]})
    down = {"label": "gateway_down", "gateway": "g1", "at": at(20), "until": at(24)}
    return [*lines, down]


def device(hour: float, asset: str) -> list[Line]:
    about = {"asset": asset, "category": "device", "severity": "device"}
    about |= {"alert": f"{asset}{hour}", "rule": "silent_device", "kind": "no_data"}
    return alert(hour, hour + 1, **about)


ASSETS = (("a", "z1", "g1"), ("b", "z1", "g2"), ("c", "z1", "g1"), ("d", "z2", "g3"))


@pytest.mark.parametrize(
    ("about", "one", "each"),
    [
        ([(21, "a"), (22, "c")], 1, 2),
        ([(21, "a"), (22, "g1"), (23, "z1"), (25, "c")], 1, 4),
        # after, before, elsewhere
        ([(21, "a"), (25.5, "c")], 2, 2),
        ([(19.5, "a"), (21, "c")], 2, 2),
        ([(21, "a"), (21, "b"), (21, "d"), (21, "z2")], 4, 4),
    ],
)
def test_device_alerts_of_an_outage_are_one(
    tmp_path: Path, about: list[tuple[float, str]], one: int, each: int
) -> None:
    lines = [line for hour, asset in about for line in device(hour, asset)]
    found = scored(tmp_path, lines, truth=fleet_of(*ASSETS))
    an_hour = 1000 / len(ASSETS) / 8 / 24
    assert found["G19_device"] == pytest.approx(one * an_hour)
    assert found["G19_device_each"] == pytest.approx(each * an_hour)
    assert found["G19_mean"] == 0
