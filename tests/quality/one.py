"""One seed of one preset: trace, backtests, scores; each by its own command."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.support.integrity import STORED, End

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ORACLES = ("due", "rounds", "habit", "3", "6", "12", "24")
# whose share of told overflows (G18) is held against which oracle's
HELD_AGAINST = {"hub": "oracle habit", "hub and rounds": "oracle rounds"}
# %: what the naive rules raise at. A harsh sensor shows 66.7 % at most.
NAIVE_AT = {"default": 80, "harsh": 65}
HARSH_BOUND = 89  # % of P(due): the shipped 95 would tell too little there


@dataclass(frozen=True)
class Size:
    """How large the simulated towns of a seed are: one of bins, one of toilets.

    Toilets speak so often that they have a shorter town of their own.
    """

    bins: int
    toilets: int
    days: int
    room_days: int = 40
    warmup_days: int = 14


def command(module: str, *words: object) -> str:
    """What a command of ours says; raises CalledProcessError."""
    line = [sys.executable, "-m", module, *map(str, words)]
    done = subprocess.run(line, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def settings_of(preset: str, folder: Path) -> Path:
    """The settings folder of a preset's town: shipped ones, and what it knows more."""
    shutil.copytree(ROOT / "config", folder)
    if preset == "harsh":
        shutil.copytree(HERE / "harsh", folder, dirs_exist_ok=True)
        rules = folder / "rules.toml"
        text = rules.read_text("utf-8")
        due = 'chance = "due", raise = 95'
        assert due in text
        rules.write_text(text.replace(due, f'chance = "due", raise = {HARSH_BOUND}'))
    return folder


def naive(name: str, preset: str, folder: Path) -> Path:
    """A naive rule, at the level that a preset's sensors can show."""
    text = (HERE / "rules" / f"{name}.toml").read_text("utf-8")
    assert "raise = 80" in text
    rules = folder / f"{name}.toml"
    rules.write_text(text.replace("raise = 80", f"raise = {NAIVE_AT[preset]}"))
    return rules


def trace(
    preset: str, seed: int, out: Path, *, days: int, bins: int = 0, toilets: int = 0
) -> dict[str, Any]:
    """Write a trace; what the simulator says about it."""
    sizes = ("--days", days, "--bins", bins, "--toilets", toilets)
    words = ("trace", preset, "--seed", seed, *sizes, "--out", out, "--json")
    said: dict[str, Any] = json.loads(command("firmware_sim", *words))
    return said


def scores(folder: Path, size: Size, *words: object) -> dict[str, Any]:
    """What `firmware-sim score` says of a trace."""
    labels = ("score", "--labels", folder / "labels.jsonl", "--json")
    warm = ("--warmup-days", size.warmup_days)
    found: dict[str, Any] = json.loads(command("firmware_sim", *labels, *warm, *words))
    return found


def one(preset: str, seed: int, size: Size) -> dict[str, dict[str, Any]]:
    """Scores by who told: the hub without and with the rounds known, the naive rules,
    oracles; and under `run` what else was measured."""
    with TemporaryDirectory(prefix="quality-") as name:
        folder = Path(name)
        made = trace(preset, seed, folder, days=size.days, bins=size.bins)
        config = settings_of(preset, folder / "config")
        smell = rooms(preset, seed, size, config, folder / "rooms")
        found: dict[str, dict[str, Any]] = {}
        rounds = ("--rounds", folder / "rounds.toml")
        for who, rules, more in (
            ("hub", config / "rules.toml", ()),
            ("hub and rounds", config / "rules.toml", rounds),
            ("naive", naive("naive", preset, folder), None),
            ("median", naive("median", preset, folder), None),
        ):
            alerts, estimates = folder / "alerts.jsonl", folder / "estimates.jsonl"
            words = ["--fleet", folder / "fleet.csv", "--out", alerts, "--rules", rules]
            words += ["--config", config]
            if more is not None:
                words += [*more, "--estimates", estimates]
                words += ["--ledger", folder / "ledger.jsonl"]
            command("sensorhub", "backtest", folder / "uplinks.jsonl", *words)
            told = () if more is None else ("--estimates", estimates)
            found[who] = scores(folder, size, "--alerts", alerts, *told)
            if more is not None:
                found[who] = with_rooms(found[who], smell)
        for horizon in ORACLES:
            words = ["--oracle", horizon, *rounds]
            found[f"oracle {horizon}"] = scores(folder, size, *words)
        for who, oracle in HELD_AGAINST.items():
            found[who] |= beside_oracle(found[who], found[oracle])
        differ = integrity(folder)
        found["run"] = made | {"G16_lines_that_differ": differ}
        return found


def rooms(
    preset: str, seed: int, size: Size, config: Path, folder: Path
) -> dict[str, Any]:
    """What the hub tells of toilets: their air, and cells that wander."""
    trace(preset, seed, folder, days=size.room_days, toilets=size.toilets)
    alerts = folder / "alerts.jsonl"
    words = ("--fleet", folder / "fleet.csv", "--out", alerts, "--config", config)
    command("sensorhub", "backtest", folder / "uplinks.jsonl", *words)
    found = scores(folder, size, "--alerts", alerts)
    kept = ("G10", "G11_drift", "G19")
    return {k: v for k, v in found.items() if k.startswith(kept)}


def with_rooms(bins: dict[str, Any], toilets: dict[str, Any]) -> dict[str, Any]:
    """Scores of both towns together: what is told an hour is added up."""
    counted = {k for k in toilets if k.startswith("G19")}
    together = {k: bins[k] + toilets[k] for k in counted}
    hours = [together[f"G19_hour_{hour}"] for hour in range(24)]
    together["G19_busiest"] = max(hours)
    return bins | toilets | together


def beside_oracle(hub: dict[str, Any], oracle: dict[str, Any]) -> dict[str, Any]:
    """The overflows that a hub told in time, as a part of those an oracle did."""
    told, most = hub["G18"], oracle["G18"]
    return {"G18_of_oracle": told / most if most and told is not None else None}


def integrity(folder: Path) -> int:
    """How many lines of the trace ended in another way than the labels say."""
    expected: dict[int, End] = {}
    for line in (folder / "labels.jsonl").open(encoding="utf-8"):
        if '"label":"copy"' in line:
            label = json.loads(line)
            expected[label["line"]] = End(label["expect"], label.get("reason"))
    differ = 0
    for line in (folder / "ledger.jsonl").open(encoding="utf-8"):
        row = json.loads(line)
        must = expected.get(row["line"], STORED)
        wrong = must.reason is not None and row["reason"] != must.reason
        differ += row["outcome"] != must.outcome or wrong
    return differ


def same_bytes(preset: str, seed: int) -> bool:
    """Whether a small trace made twice has the same bytes (G14)."""
    digests = []
    for _ in range(2):
        with TemporaryDirectory(prefix="quality-") as name:
            trace(preset, seed, Path(name), days=3, bins=20, toilets=2)
            files = sorted(Path(name).iterdir())
            digests.append([sha256(f.read_bytes()).hexdigest() for f in files])
    return digests[0] == digests[1]
