"""A picture of one bin: what goes in, and what is said where something is missing."""

import builtins
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from firmware_sim.cli import app
from firmware_sim.output.trace import write_trace
from firmware_sim.plot import BinHistory, PlotError, draw, picture, read_history
from firmware_sim.scenario import load

AT = "2026-03-02T00:00:00.000Z"
LATER = "2026-03-02T09:00:00.000Z"
FILL = {"estimate": "fill", "asset": "bin00001", "at": AT, "fill": 20.0, "sd": 3.0}
SEEN = {"service": "emptied", "asset": "bin00001", "at": LATER}


def alert(to: str, at: str, asset: str = "bin00001") -> dict[str, str]:
    return {"alert": asset, "at": at, "to": to, "rule": "bin_full", "asset": asset}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("town")
    sizes = {"town.bins": 3, "town.toilets": 0, "town.days": 2}
    write_trace("default", load("default", dict(sizes)), 1, out)
    return out


def written(file: Path, rows: list[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


def test_a_story_holds_one_bin_only(town: Path, tmp_path: Path) -> None:
    others = FILL | {"asset": "bin00002"}
    estimates = written(tmp_path / "e.jsonl", [FILL, SEEN, others])
    rows = [alert("firing", AT), alert("resolved", LATER)]
    rows += [alert("firing", AT, "bin00002")]
    alerts = written(tmp_path / "a.jsonl", rows)
    story = read_history(town, "bin00001", alerts, estimates)
    assert len(story.truth) == 2 * 96
    assert len(story.readings) > 24
    assert len(story.estimates) == len(story.detected_emptied) == 1
    since, until, rule = story.alerts[0]
    assert (until - since, rule) == (9 * 3_600_000, "bin_full")
    assert len(story.alerts) == 1


def test_an_open_alert_lasts_to_the_end(town: Path, tmp_path: Path) -> None:
    alerts = written(tmp_path / "a.jsonl", [alert("firing", AT)])
    story = read_history(town, "bin00001", alerts, None)
    assert story.alerts[0][1] == story.truth[-1][0]


def test_the_command_writes_a_png(town: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    out = tmp_path / "bin.png"
    what = ["plot", "--trace", str(town), "--asset", "bin00001", "--out", str(out)]
    told = CliRunner().invoke(app, [*what, "--days", "0", "1"])
    assert told.exit_code == 0, told.output
    assert out.read_bytes().startswith(b"\x89PNG")


def test_an_unknown_bin_is_named(town: Path, tmp_path: Path) -> None:
    out = tmp_path / "bin.png"
    what = ["plot", "--trace", str(town), "--asset", "bin9", "--out", str(out)]
    told = CliRunner().invoke(app, what)
    assert told.exit_code == 2
    assert "no true fill of bin9" in told.output


def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(PlotError, match=r"sensorhub\[plot\]"):
        draw(BinHistory("b", truth=[(0, 1.0)]), None, tmp_path / "b.png", "en")


def test_a_missing_chinese_font_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(picture, "CHINESE_FONTS", ())
    with pytest.raises(PlotError, match="no Chinese font"):
        draw(BinHistory("b", truth=[(0, 1.0)]), None, tmp_path / "b.png", "zh")
