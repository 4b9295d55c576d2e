"""How assets stand, seen from beside: what the hub itself knows, at every moment."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from sensorhub.cli.main import main
from sensorhub.model import CODES, NEVER
from sensorhub.store import database, migration, register_arrays
from sensorhub.views.asset_states import AssetStateReader, Newest
from tests.support.happenings import FLEET, RULES, START, World, do, native
from tests.support.stories import Story


@pytest.mark.parametrize("seed", range(4))
def test_an_observer_sees_what_the_hub_knows(tmp_path: Path, seed: int) -> None:
    story = Story(tmp_path, START, RULES, FLEET)
    read = database.connect(story.place.data, read_only=True)
    old = AssetStateReader(read)
    for number, act in enumerate(World(seed).acts(120)):
        do(story, act)
        if number % 30 == 17:
            story.stop()  # with checkpoints
        if number % 7 == 0:
            agree(story, old)
            agree(story, AssetStateReader(read))
    read.close()


def test_the_register_comes_as_columns(tmp_path: Path) -> None:
    migration.prepare(tmp_path)
    connection = database.connect(tmp_path)
    assert [len(column) for column in register_arrays.assets(connection)] == [0] * 3
    assert register_arrays.mountings(connection, NEVER).shape == (0, 4)
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.executemany(
        "INSERT INTO mountings (no, device, asset, from_at, until_at)"
        " VALUES (?, ?, ?, ?, ?)",
        [(1, 7, 2, None, 50), (2, 5, 2, 50, None), (4, 6, 1, None, None)],
    )
    found = register_arrays.mountings(connection, NEVER).tolist()
    connection.close()
    assert found == [[6, 1, NEVER, -NEVER], [5, 2, 50, -NEVER], [7, 2, NEVER, 50]]


def agree(story: Story, observer: AssetStateReader) -> None:
    """Every asset's newest value of each measurement, by the devices on it now."""
    hub, registry = story.hub, story.hub.session.registry
    seen = observer.look(story.clock.now())
    at = np.full((len(registry.asset_ids), CODES), NEVER)
    value = np.full((len(registry.asset_ids), CODES), np.nan)
    state = hub.session.state
    # of equal times the device that was registered first counts
    for s in sorted(
        range(state.series.count), key=lambda s: int(state.series.device[s])
    ):
        device, code = int(state.series.device[s]), int(state.series.code[s])
        asset = int(registry.asset_of[device])
        when = int(state.series.last_at[s])
        if asset < 0 or when < registry.mounted_from[device]:
            continue
        if when > at[asset, code]:
            at[asset, code], value[asset, code] = when, state.series.last_value[s]
    assets = [registry.asset_no[id_] for id_ in seen.ids]
    never = Newest(np.full(len(assets), NEVER), np.full(len(assets), np.nan))
    for code in range(CODES):
        got = seen.values.get(code, never)
        np.testing.assert_array_equal(got.at, at[assets, code])
        np.testing.assert_array_equal(got.value, value[assets, code])
    open_alerts = hub.session.lifecycle.open_alerts()
    found = [a for a in open_alerts if a.subject.is_asset]
    open_now = {(a.subject.no, int(a.severity)) for a in found}
    worst = {a: max(s for b, s in open_now if b == a) for a, _ in open_now}
    for row, id_ in enumerate(seen.ids):
        assert seen.severity[row] == worst.get(registry.asset_no[id_], 0)


def test_the_command_tells_how_an_asset_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    story = Story(tmp_path, START, RULES, FLEET)
    said = {"ts": START - 1000, "seq": 1, "m": {"fill_level": 42.5, "battery": 90}}
    story.take([native("z1", "b1", said)])
    folders = ["--config", str(story.place.config), "--data", str(story.place.data)]
    words = ["sensorhub", "state", "--asset", "bin1", "--json", *folders]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit):
        main()
    (one,) = json.loads(capsys.readouterr().out)
    assert one["values"]["fill_level"]["value"] == 42.5
    assert one["values"]["battery"]["unit"] == "%"
    assert one["severity"] is None
    monkeypatch.setattr(sys, "argv", ["sensorhub", "state", "--zone", "z1", *folders])
    with pytest.raises(SystemExit):
        main()
    assert "fill_level 42.5 %, battery 90 %" in capsys.readouterr().out
