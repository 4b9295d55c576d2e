"""What the demo makes of the hub's words, and how it shows them."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from firmware_sim import screen
from firmware_sim.board import Board, Figures, figures
from firmware_sim.demo import Meter, prepare

TOPIC = "sensorhub/v1/alerts/z/bin1/bin_full"


def event(to: str = "firing", severity: str = "warning") -> bytes:
    return json.dumps(
        {
            "id": "a1",
            "rule": "bin_full",
            "asset": "bin1",
            "asset_name": "鼓楼街果皮箱1号",
            "severity": severity,
            "state": "resolved" if to == "resolved" else "firing",
            "transition": {"at": "2026-06-01T01:30:00Z", "to": to},
            "text": {"en": "bin1 is 84 % full: collect", "zh-CN": "bin1 满溢度 84%"},
        }
    ).encode()


def test_a_transition_counts_once_even_if_it_comes_twice() -> None:
    board = Board()
    assert board.event(event())
    assert board.event(event()) is None
    assert board.event(event("resolved"))
    assert (board.risen, board.resolved) == (1, 1)


def test_texts_are_in_the_chosen_language() -> None:
    line = Board("zh-CN").event(event())
    assert line is not None
    assert line.words == "bin1 满溢度 84%"


def test_an_empty_retained_state_closes_the_alert() -> None:
    board = Board()
    board.state(TOPIC, event())
    assert len(board.open()) == 1
    board.state(TOPIC, b"")
    assert board.open() == []


def test_the_worst_alert_stands_first() -> None:
    board = Board()
    board.state("a", event(severity="device"))
    board.state("b", event(severity="danger"))
    assert [line.severity for line in board.open()] == ["danger", "device"]


@pytest.mark.parametrize("payload", [b"", b"no", b"[]", b"{}", b'{"asset": 1}'])
def test_words_that_are_not_an_event_are_passed_over(payload: bytes) -> None:
    board = Board()
    assert board.event(payload) is None
    board.state(TOPIC, payload)
    assert board.open() == []


def test_the_sums_are_complete_when_nothing_is_missing() -> None:
    status = {
        "uplinks_received": 12,
        "uplinks_stored": 9,
        "uplinks_duplicate": 2,
        "uplinks_dead": 1,
        "readings_stored": 30,
        "alerts_open": 0,
    }
    read = figures(json.dumps(status))
    assert read is not None
    assert read.complete(10)
    assert not read.complete(11)
    assert figures("{}") is None


@pytest.mark.parametrize("size", [(140, 40), (80, 24), (60, 12)])
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_page_fits_any_terminal(size: tuple[int, int], language: str) -> None:
    board = Board(language)
    for n in range(30):
        board.state(str(n), event())
        board.event(event().replace(b"a1", str(n).encode()))
    moment = screen.Moment(0, 600, 43, 10, Figures(), 3, 4711, 1)
    console = Console(width=size[0], height=size[1], force_terminal=True)
    with console.capture() as capture:
        console.print(screen.page(moment, board, console), height=size[1])
    assert "4711" in capture.get()


def test_plain_lines_tell_local_time_and_what_happened() -> None:
    line = Board().event(event())
    assert line is not None
    text = screen.plain(line, "en")
    assert text.split() == [
        *("09:30", "warning", "rose"),
        *("bin1", "is", "84", "%", "full:", "collect"),
    ]


def test_the_rate_is_that_of_the_last_seconds() -> None:
    meter = Meter(window_s=4)
    assert meter.rate(0, 100.0) == 0
    assert meter.rate(80, 102.0) == 40
    assert meter.rate(80, 110.0) == 0


def test_the_demo_wipes_its_own_folder_but_nobody_elses(tmp_path: Path) -> None:
    mine, other = tmp_path / "demo", tmp_path / "other"
    prepare(mine)
    (mine / "hub.db").touch()
    prepare(mine)
    assert not (mine / "hub.db").exists()
    other.mkdir()
    (other / "important").touch()
    with pytest.raises(OSError, match="not a demo's folder"):
        prepare(other)
    assert (other / "important").exists()
