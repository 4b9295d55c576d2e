"""What the demo makes of the hub's words, and how it shows them."""

import fcntl
import json
from pathlib import Path

import pytest
from rich.console import Console

from firmware_sim.clock import SimClock, parse_time
from firmware_sim.demo import screen
from firmware_sim.demo.data_folder import fresh
from firmware_sim.demo.event_log import DemoEventLog, HubCounters, parse_counters
from firmware_sim.demo.rate_meter import RateMeter
from firmware_sim.demo.texts import words

LOOK = ".venv/bin/sensorhub alerts --all --data data/demo-2"
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
    board = DemoEventLog()
    assert board.add_transition(event())
    assert board.add_transition(event()) is None
    assert board.add_transition(event("resolved"))
    assert (board.fired, board.resolved) == (1, 1)


def test_texts_are_in_the_chosen_language() -> None:
    line = DemoEventLog("zh-CN").add_transition(event())
    assert line is not None
    assert line.text == "bin1 满溢度 84%"


def test_an_empty_retained_state_closes_the_alert() -> None:
    board = DemoEventLog()
    board.update_alert(TOPIC, event())
    assert len(board.open_alerts()) == 1
    board.update_alert(TOPIC, b"")
    assert board.open_alerts() == []


def test_the_worst_alert_stands_first() -> None:
    board = DemoEventLog()
    board.update_alert("a", event(severity="device"))
    board.update_alert("b", event(severity="danger"))
    assert [line.severity for line in board.open_alerts()] == ["danger", "device"]


@pytest.mark.parametrize("payload", [b"", b"no", b"[]", b"{}", b'{"asset": 1}'])
def test_words_that_are_not_an_event_are_passed_over(payload: bytes) -> None:
    board = DemoEventLog()
    assert board.add_transition(payload) is None
    board.update_alert(TOPIC, payload)
    assert board.open_alerts() == []


def test_the_sums_are_complete_when_nothing_is_missing() -> None:
    status = {
        "uplinks_received": 12,
        "uplinks_stored": 9,
        "uplinks_duplicate": 2,
        "uplinks_dead": 1,
        "readings_stored": 30,
        "alerts_open": 0,
        "now": "2026-06-01T01:30:00.000Z",
    }
    read = parse_counters(json.dumps(status))
    assert read is not None
    assert read.complete(10)
    assert not read.complete(11)
    assert parse_counters("{}") is None


@pytest.mark.parametrize("size", [(140, 40), (80, 24), (60, 12)])
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_page_fits_any_terminal(size: tuple[int, int], language: str) -> None:
    board = DemoEventLog(language)
    for n in range(30):
        board.update_alert(str(n), event())
        board.add_transition(event().replace(b"a1", str(n).encode()))
    moment = screen.ScreenState(0, 600, 43, HubCounters(), 3, 4711, 1, LOOK)
    console = Console(width=size[0], height=size[1], force_terminal=True)
    with console.capture() as capture:
        console.print(screen.page(moment, board, console), height=size[1])
    assert "4711" in capture.get()


def test_plain_lines_tell_local_time_and_what_happened() -> None:
    line = DemoEventLog().add_transition(event())
    assert line is not None
    text = screen.plain(line, "en")
    assert text.split() == [
        *("09:30", "warning", "firing"),
        *("bin1", "is", "84", "%", "full:", "collect"),
    ]


def test_the_rate_is_that_of_the_last_seconds() -> None:
    meter = RateMeter(window_s=4)
    assert meter.rate(0, 100.0) == 0
    assert meter.rate(80, 102.0) == 40
    assert meter.rate(80, 110.0) == 0


def test_the_count_of_a_moment_is_the_first_one_read_after_it() -> None:
    meter = RateMeter()
    for at, count in ((100.0, 5), (100.5, 9), (101.0, 14)):
        meter.rate(count, at)
    assert meter.count(100.2, 20) == 9
    assert meter.count(101.1, 20) == 20


def test_what_is_sent_is_stored_dead_or_on_the_way() -> None:
    figures = HubCounters(received=1850, stored=1841, duplicate=6, dead=3)
    moment = screen.ScreenState(0, 600, 43, figures, 111, 4711, 0, LOOK)
    text = screen.summary(moment, DemoEventLog())
    assert "sent 1,955 = stored 1,841 + dead letters 3 + in transit 111" in text
    assert "nothing missing" not in text
    moment = screen.ScreenState(0, 600, 43, figures, 0, 4711, 0, LOOK)
    assert "nothing missing" in screen.summary(moment, DemoEventLog())


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_head_fits_80_columns(language: str) -> None:
    board = DemoEventLog(language, fired=358, resolved=320)
    figures = HubCounters(121_941, 119_841, 2_006, 94, 601_234)
    moment = screen.ScreenState(0, 600, 120, figures, 111, 47_110, 2, LOOK)
    console = Console(width=80, height=24, force_terminal=True)
    with console.capture() as capture:
        console.print(screen.page(moment, board, console), height=24)
    head = "".join(capture.get().splitlines()[: screen.HEAD])
    assert "\N{HORIZONTAL ELLIPSIS}" not in head
    assert words(language)["resolved"] + " 320" in head


def test_both_languages_have_the_same_words() -> None:
    assert words("en").keys() == words("zh-CN").keys()


def test_a_resolved_alert_speaks_the_hubs_own_words() -> None:
    line = DemoEventLog("zh-CN").add_transition(event("resolved"))
    assert line is not None
    assert screen.plain(line, "zh-CN") == "09:30  警告     已解除    bin1 满溢度 84%"


def test_the_clock_goes_on_from_what_the_hub_shows_and_never_back() -> None:
    clock = SimClock(1_000, 0.001)
    clock.reach(900_000)
    clock.reach(5_000)
    assert 900_000 <= clock.now() < 900_100
    board = DemoEventLog()
    board.add_transition(event())
    assert board.newest == parse_time("2026-06-01T01:30:00Z")


def test_the_demo_wipes_its_own_folder_but_nobody_elses(tmp_path: Path) -> None:
    mine, other = tmp_path / "demo", tmp_path / "other"
    with fresh(mine):
        (mine / "hub.db").touch()
    with fresh(mine) as data:
        assert data == mine
        assert not (mine / "hub.db").exists()
    other.mkdir()
    (other / "important").touch()
    with pytest.raises(OSError, match="not a demo's folder"), fresh(other):
        pass
    assert (other / "important").exists()


def test_a_second_demo_takes_another_folder(tmp_path: Path) -> None:
    asked = tmp_path / "demo"
    with fresh(asked) as first, fresh(asked) as second:
        assert (first, second) == (asked, tmp_path / "demo-2")
    with fresh(asked) as again:
        assert again == asked


def test_a_folder_that_a_hub_uses_is_left_alone(tmp_path: Path) -> None:
    asked = tmp_path / "demo"
    with fresh(asked):
        (asked / "hub.lock").touch()
    with (asked / "hub.lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with fresh(asked) as data:
            assert data.name == "demo-2"
    assert (asked / "hub.lock").exists()
