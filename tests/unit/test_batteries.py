"""Simulated batteries and gas cells: they are empty or drift, and are labelled."""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firmware_sim.firmware.battery import STEP_DAYS, Batteries
from firmware_sim.output.trace import write_trace
from firmware_sim.rng import F64, I64
from firmware_sim.scenario import load
from firmware_sim.scenario.settings import BatterySettings
from firmware_sim.scenario.toilets import GasSettings
from firmware_sim.sensors.gas import GasCells

ENDING = BatterySettings(ending=1, ending_days=(4, 6), change_days=1)


def all_rows(n: int) -> tuple[I64, F64]:
    return np.arange(n), np.full(n, 20.0)


def test_a_gauge_goes_down_a_knee() -> None:
    cells = Batteries(BatterySettings(ending=1, ending_days=(1000, 1000)), 1, seed=1)
    shown = [
        int(cells.percent(round(day / STEP_DAYS), *all_rows(1))[0])
        for day in (0, 850, 925, 999)
    ]
    assert shown == [100, 60, 30, 1]


def test_cold_makes_a_gauge_sag() -> None:
    cells = Batteries(BatterySettings(ending=1, ending_days=(1000, 1000)), 1, seed=1)
    rows = np.arange(1)
    assert cells.percent(0, rows, np.array([-10.0])) == [80]
    assert cells.percent(0, rows, np.array([35.0])) == [100]


def test_batteries_end_and_are_changed() -> None:
    cells = Batteries(ENDING, 50, seed=1)
    spells = [s for n in range(round(30 / STEP_DAYS)) for s in cells.step(n)]
    for fault in ("low_battery", "offline"):
        mine = [s for s in spells if s.fault == fault]
        assert sum(s.on for s in mine) == 50
        assert sum(not s.on for s in mine) >= 49
    assert cells.alive.sum() >= 49
    assert (cells.ends[cells.alive] > 900).all()


def test_none_ends_where_they_last_for_ever() -> None:
    cells = Batteries(BatterySettings(life_days=0), 5, seed=1)
    assert not [s for n in range(1000) for s in cells.step(n)]
    assert cells.percent(99_999, *all_rows(5)).tolist() == [100] * 5


def test_a_zero_wanders_until_the_cell_is_exchanged() -> None:
    settings = GasSettings(
        zero_ppm=0,
        gain=0,
        drift_month=0,
        noise_ppm=0,
        wander_per_day=1,
        wander_week=(0.7, 0.7),
        wander_days=(7, 7),
    )
    cells = GasCells(settings, 4, 100, seed=1)
    clean, never = np.zeros(4), np.full(4, -1)
    begins = cells.advance(24)
    assert [(s.row, s.on, s.fault) for s in begins] == [
        (100 + row, True, "drift") for row in range(4)
    ]
    cells.advance(72)
    seen = cells.measure(clean, 0, never)
    assert np.allclose(np.abs(seen), 0.3)
    ends = [s for _ in range(2) for s in cells.advance(72) if not s.on]
    assert [s.row for s in ends] == [100, 101, 102, 103]
    assert np.allclose(cells.measure(clean, 0, never), 0)


def test_cells_say_less_than_nothing() -> None:
    cells = GasCells(GasSettings(zero_ppm=1), 200, 0, seed=1)
    seen = cells.measure(np.zeros(200), 0, np.full(200, -1))
    assert (seen < -0.5).any()
    assert (seen >= -10).all()


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


@pytest.mark.slow  # a town of days
def test_a_device_is_silent_from_its_batterys_end_to_the_change(tmp_path: Path) -> None:
    told = {"town.bins": 20, "town.toilets": 2, "town.days": 12}
    told |= {f"battery.{key}": value for key, value in ENDING.model_dump().items()}
    write_trace("clean", load("clean", told), 1, tmp_path)
    spoke: dict[str, list[int]] = {}
    for uplink in lines(tmp_path / "uplinks.jsonl"):
        if not uplink["topic"].endswith("/up"):
            continue  # births tell no time
        body = json.loads(b64decode(uplink["payload"]))
        spoke.setdefault(uplink["topic"].split("/")[3], []).append(body["ts"])
    faults = [x for x in lines(tmp_path / "labels.jsonl") if x["label"] == "fault"]
    low = [x for x in faults if x["fault"] == "low_battery"]
    assert len(low) == 22
    assert len([x for x in faults if x["fault"] == "offline"]) == 22
    for fault in low:
        ends = ("at", "until")
        begin, end = (
            np.datetime64(fault[k][:-1]).astype(np.int64) if fault[k] else 2**62
            for k in ends
        )
        times = spoke[fault["device"]]
        assert any(at < begin for at in times)
        assert not [at for at in times if begin < at < end - 300_000]


def test_an_end_soon_after_the_trace_is_labelled(tmp_path: Path) -> None:
    told: dict[str, Any] = {"town.bins": 5, "town.toilets": 0, "town.days": 2}
    told |= {"battery.ending": 1, "battery.ending_days": (30, 40)}
    write_trace("default", load("default", told), 1, tmp_path)
    faults = [
        x for x in lines(tmp_path / "labels.jsonl") if x.get("fault") == "low_battery"
    ]
    assert len(faults) == 5
    assert all("2026-04-01" <= x["at"][:10] <= "2026-04-11" for x in faults)
