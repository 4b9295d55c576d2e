"""Containers and pits: the level goes with the fill, and the register says how."""

import csv
import json
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest

from firmware_sim.output.trace import write_trace
from firmware_sim.scenario import ScenarioError, load
from firmware_sim.town.fleet import make_fleet
from firmware_sim.town.shapes import STRAIGHT
from sensorhub.registry.geometry import parse_table

PIT = {"share": 1, "height_cm": 200, "volume_l": 4000, "head_room_cm": 30}
QUIET = {"echo.noise_cm": 0, "echo.near": 0, "echo.missed": 0, "surface.hump_cm": 0}


def test_the_level_goes_with_the_fill_by_the_outline() -> None:
    bent = PIT | {"outline": [[0, 0], [0.5, 0.25], [1, 1]]}
    told = {"town.bins": 4, "town.toilets": 0, "shapes.pit": bent}
    shapes = make_fleet(load("clean", told), 1).shapes
    level = shapes.level(np.array([0.0, 25.0, 62.5, 120.0]))
    assert level.tolist() == pytest.approx([0, 50, 75, 120])
    assert set(shapes.height_cm) == {200}
    assert parse_table(shapes.points(0)) == [(2300, 0), (1300, 1000), (300, 4000)]


def test_straight_ones_need_no_points() -> None:
    shapes = make_fleet(load("clean", {"town.bins": 3, "town.toilets": 0}), 1).shapes
    assert {shapes.points(row) for row in range(3)} == {""}
    assert set(shapes.outline) == {STRAIGHT}
    fill = np.array([5.0, 50.0, 110.0])
    assert shapes.level(fill) is fill


def test_a_registers_points_give_the_true_fill_back(tmp_path: Path) -> None:
    told = QUIET | {"town.bins": 60, "town.toilets": 0, "town.days": 3}
    write_trace("containers", load("containers", told), 1, tmp_path)
    with (tmp_path / "fleet.csv").open(newline="") as file:
        register = {row["device"]: row for row in csv.DictReader(file)}
    kinds = {row["kind"] for row in register.values()}
    assert kinds == {"bin", "container", "waste_pit"}
    rounds = (tmp_path / "rounds.toml").read_text()
    assert all(f'kind = "{kind}"' in rounds for kind in kinds)
    files = [(tmp_path / f).read_text() for f in ("labels.jsonl", "uplinks.jsonl")]
    labels, uplinks = ([json.loads(x) for x in f.splitlines()] for f in files)
    fills = {x["asset"]: x for x in labels if x["label"] == "fill"}  # the last day's
    wrong = []
    for line in uplinks:
        device = line["topic"].split("/")[3]
        if "/up" not in line["topic"] or device not in register:
            continue
        row = register[device]
        fill = fills[row["asset"]]
        if not row["volumes"] or line["received_at"] < fill["at"]:
            continue
        try:
            mm = json.loads(b64decode(line["payload"]))["m"]["distance"]
        except (ValueError, KeyError):  # cut short, or left over
            continue
        points = parse_table(row["volumes"])
        at, litres = ([p[i] for p in reversed(points)] for i in (0, 1))
        seen = 100 * np.interp(mm, at, litres) / max(litres)
        wrong.append(min(abs(seen - min(value, 100)) for value in fill["fill"]))
    assert len(wrong) > 100
    assert np.median(wrong) < 1


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"outline": [[0, 0], [0.5, 0.6], [0.4, 0.8], [1, 1]]}, "must rise"),
        ({"outline": [[0, 0], [0.5, 0.6]]}, "ends with"),
        ({"share": 1.5}, "less than or equal to 1"),
    ],
)
def test_a_shape_that_cannot_be_is_refused(
    changed: dict[str, object], what: str
) -> None:
    with pytest.raises(ScenarioError, match=what):
        load("default", {"shapes.odd": PIT | changed})


def test_shares_are_at_most_one_together() -> None:
    with pytest.raises(ScenarioError, match="more than 1 together"):
        load("default", {"shapes.a": PIT, "shapes.b": PIT})
