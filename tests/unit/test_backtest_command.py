"""`sensorhub backtest`: files in, files and a summary out."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sensorhub.cli.main import app
from sensorhub.errors import ConfigError
from tests.support.past import FLEET, RULES, past, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules.toml").write_text(RULES, "utf-8")
    (tmp_path / "other.toml").write_text(RULES.replace("raise = 4 ", "raise = 5 "))
    (tmp_path / "fleet.csv").write_text(FLEET, "utf-8")
    write(tmp_path / "up.jsonl", past(2, hours=6))
    return tmp_path


def run(folder: Path, *words: str) -> Result:
    line = ["backtest", str(folder / "up.jsonl"), "--fleet", str(folder / "fleet.csv")]
    line += ["--config", str(folder), *words]
    return CliRunner().invoke(app, line, catch_exceptions=False)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_it_writes_alerts_and_ledger_and_tells_the_sums(folder: Path) -> None:
    out, ledger = folder / "alerts.jsonl", folder / "ledger.jsonl"
    done = run(folder, "--out", str(out), "--ledger", str(ledger), "--json")
    assert done.exit_code == 0, done.output
    view = json.loads(done.stdout)
    found = lines(out)
    keys = {"id", "at", "from", "to", "severity", "cause", "rule", "category", "asset"}
    assert all(row.keys() == keys | {"alert", "kind"} for row in found)
    assert [row["at"] for row in found] == sorted(row["at"] for row in found)
    assert view["transitions"] == len(found) > 50
    ends = [row["outcome"] for row in lines(ledger)]
    assert len(ends) == len(lines(folder / "up.jsonl"))
    for outcome in ("stored", "duplicate", "dead"):
        assert view[f"uplinks_{outcome}"] == ends.count(outcome)
    assert view["events_received"] == ends.count("event") > 0
    first = out.read_bytes()
    run(folder, "--out", str(out))
    assert out.read_bytes() == first


def test_a_pipe_is_written_and_stays_one(folder: Path) -> None:
    out, pipe = folder / "alerts.jsonl", folder / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        heard = pool.submit(pipe.read_bytes)
        assert run(folder, "--out", str(pipe)).exit_code == 0
        run(folder, "--out", str(out))
        assert heard.result() == out.read_bytes()
    assert pipe.is_fifo()


def test_a_refused_line_leaves_no_file(folder: Path) -> None:
    source = folder / "up.jsonl"
    source.write_text(source.read_text() + "oops\n", "utf-8")
    out, ledger = folder / "alerts.jsonl", folder / "ledger.jsonl"
    count = len(source.read_text().splitlines())
    with pytest.raises(ConfigError, match=rf"line {count}: "):
        run(folder, "--out", str(out), "--ledger", str(ledger))
    assert not out.exists()
    assert not ledger.exists()
    assert not list(folder.glob("*.part"))


def test_the_difference_is_a_table_or_json(folder: Path) -> None:
    words = ("--diff", str(folder / "other.toml"))
    view = json.loads(run(folder, *words, "--json").stdout)["diff"]
    assert {row["before"]["rule"] for row in view["changes"]} <= {"late"}
    gone = {row["rule"] for row in view["goes"]}
    assert gone <= {"late"}
    assert view["changes"] or view["goes"]
    table = run(folder, *words).stdout
    assert "late" in table
    firsts = [line.split()[0] for line in table.splitlines() if line.strip()]
    assert all(b == "is" for a, b in pairwise(firsts) if a == "was")
    last = table.splitlines()[-1]
    counts = [len(view[name]) for name in ("comes", "goes", "changes")]
    assert last.startswith(f"{counts[0]} would come, {counts[1]} would go, {counts[2]}")


def test_it_says_what_is_missing(folder: Path) -> None:
    assert "name what you want" in run(folder).output
    (folder / "fleet.csv").unlink()
    assert "no such file" in run(folder, "--out", str(folder / "x")).output
    with pytest.raises(ConfigError, match=r"nothing\.toml"):
        CliRunner().invoke(
            app,
            [
                *(
                    "backtest",
                    str(folder / "up.jsonl"),
                    "--fleet",
                    str(folder / "up.jsonl"),
                ),
                *("--out", "x", "--rules", str(folder / "nothing.toml")),
                *("--config", str(folder)),
            ],
            catch_exceptions=False,
        )
