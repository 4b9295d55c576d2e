"""`forecast`: what is known of each bin by now, beside the hub, and on what ground."""

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from sensorhub.config.settings import Settings
from sensorhub.estimate.later import project_fill
from sensorhub.store import database
from sensorhub.views.forecasts import forecasts_view
from tests.support.bins import Bin, town
from tests.support.town import DAY, HOUR, SHIPPED, Town, profiles

ROUNDS = Settings.model_validate({"rounds": [{"zone": "east", "times": ["09:00"]}]})
BANDS = (("fill_10", "fill", "fill_90"), ("h10", "hours_to_full", "h90"))


def view(town: Town, settings: Settings = ROUNDS) -> dict[str, dict[str, Any]]:
    """By asset, in the order told."""
    read = database.connect(town.folder, read_only=True)
    found = forecasts_view(read, settings, profiles(), town.clock.time)
    read.close()
    return {one["asset"]: cast(dict[str, Any], one) for one in found}


def days(town: Town, count: int, device: str = "d1", step: float = 1.5) -> None:
    """Hourly readings of a bin that is emptied when it is full."""
    level = 5.0
    for _ in range(24 * count):
        level = 2.0 if level > 90 else level + step
        town.up(device, HOUR, fill_level=level)


def test_a_newcomer_is_honestly_not_known_yet(tmp_path: Path) -> None:
    town = Town(tmp_path, SHIPPED, settings=ROUNDS)
    assert view(town)["bin-1"]["basis"] == "nothing"
    assert view(town)["bin-1"]["fill"] is None
    town.up("d1", HOUR, fill_level=40)
    first = view(town)["bin-1"]
    assert (first["basis"], first["p_full_24h"], first["h90"]) == ("young", None, None)
    assert first["fill_10"] < 40 < first["fill_90"]
    days(town, 3)
    known = view(town)["bin-1"]
    assert (known["basis"], known["week"]) == ("own", "learnt")
    for low, middle, high in BANDS:
        assert known[low] <= known[middle] <= known[high]
    assert 0 <= known["p_soon"] <= known["p_before_round"] <= known["p_full_24h"]
    assert known["p_full_24h"] <= known["p_due"] <= 1
    assert known["next_round_at"].endswith("01:00:00.000Z")  # 9 h in Shanghai


def test_time_goes_on_without_readings_until_nobody_knows(tmp_path: Path) -> None:
    town = Town(tmp_path, SHIPPED)
    days(town, 3)
    now = view(town)["bin-1"]
    town.clock.time += 8 * HOUR
    later_on = view(town)["bin-1"]
    assert later_on["as_of"] == now["as_of"]
    assert later_on["fill"] > now["fill"]
    wide, narrow = (x["fill_90"] - x["fill_10"] for x in (later_on, now))
    assert wide > narrow
    assert later_on["hours_to_full"] < now["hours_to_full"]
    town.clock.time += DAY
    assert view(town)["bin-1"]["basis"] == "silent"
    assert view(town)["bin-1"]["fill"] is None


def test_it_says_when_it_was_emptied_and_how_much(tmp_path: Path) -> None:
    town = Town(tmp_path, SHIPPED)
    days(town, 3)
    service = view(town)["bin-1"]["emptied"]
    assert service["amount"] == pytest.approx(88, abs=12)
    town.clock.time += HOUR
    town.act("service", asset="bin-1", kind="emptied")
    assert view(town)["bin-1"]["emptied"]["amount"] is None


def test_it_is_what_the_hub_knows_before_and_after_a_kill(tmp_path: Path) -> None:
    town = Town(tmp_path, SHIPPED, settings=ROUNDS)
    days(town, 1)
    days(town, 1, "d2", 2.5)
    state = town.hub.session.state
    row = np.flatnonzero(state.levels.table["at"] > 0)
    known = state.levels.project(row, town.clock.time)
    said = view(town)
    fills = {
        state.registry.asset_ids[int(state.registry.asset_of[device])]: fill
        for device, fill in zip(row.tolist(), known.fill.tolist(), strict=True)
    }
    told = {asset: one["fill"] for asset, one in said.items() if one["fill"]}
    assert told == {asset: round(fill, 1) for asset, fill in fills.items()}
    town.kill()
    assert view(town) == said
    town.hub.checkpoint_all()
    assert view(town) == said


def test_who_is_likeliest_full_comes_first(tmp_path: Path) -> None:
    town = Town(tmp_path, SHIPPED, settings=ROUNDS)
    days(town, 1)
    days(town, 1, "d2", 3.0)
    found = list(view(town).values())
    assert [x["basis"] for x in found][-1] == "nothing"  # who never spoke comes last
    chances = [x["p_full_24h"] for x in found if x["p_full_24h"] is not None]
    assert chances == sorted(chances, reverse=True)


def test_as_of_its_last_reading_it_is_as_the_filter_left_it() -> None:
    one = Bin(town()).read(*np.arange(10, 60, 1.0))
    row = np.zeros(1, np.intp)
    found = project_fill(one.table, one.town, row, one.now, 0)
    assert found.fill[0] == pytest.approx(one.fill, abs=1e-6)
    assert found.full_24h[0] == pytest.approx(one.ahead.full_24h[0], abs=1e-6)
    assert not found.young[0]


def test_the_command_lists_and_filters(run: Any) -> None:
    code, out, _ = run("forecast")
    assert code == 0
    assert "not known yet: no reading" in out
    (one,) = json.loads(run("forecast", "--json", "--zone", "east")[1])
    assert (one["asset"], one["basis"]) == ("bin-1", "nothing")
    for words in (("--zone", "west"), ("--kind", "toilet"), ("--within", "24h")):
        assert json.loads(run("forecast", "--json", *words)[1]) == []
    assert run("forecast", "--asset", "bin-7")[0] == 1
    assert run("forecast", "--within", "soon")[0] == 1
