"""Who is told: silences, inhibition, flap guard, danger; and how alerts end."""

from pathlib import Path

import msgspec
import pytest

from tests.support.town import DAY, FIRE, HOUR, MINUTE, NOW, UP, Town

RULES = UP + FIRE


@pytest.fixture
def town(tmp_path: Path) -> Town:
    made = Town(tmp_path, RULES)
    made.subscribe()
    return made


def test_a_transition_is_told_once_with_its_id_and_values(town: Town) -> None:
    change_set = town.up("d1", fill_level=85)
    assert town.told(change_set) == ["full firing warning"]
    assert [row.id.rsplit("-", 1)[1] for row in change_set.outbox] == ["mqtt", "hook"]
    (view,) = town.alerts()
    (transition,) = view["transitions"]
    assert transition["from"] is None
    assert transition["cause"] == {
        "device": "d1",
        "measurement": "fill_level",
        "measured_at": "2026-11-18T11:06:40.000Z",
        "value": 85.0,
    }
    assert change_set.outbox[0].id.startswith(transition["id"])


def test_where_another_rule_goes_on_the_end_is_recorded_and_told_to_nobody(
    town: Town,
) -> None:
    town.up("d1", fill_level=85, temperature=45)
    heap = UP.replace('id = "full"', 'id = "heap"')
    goes_on = heap.replace("text =", 'replaces = ["full"]\ntext =')
    rows = "SELECT subscription, body FROM outbox ORDER BY no"
    before = len(town.hub.connection.execute(rows).fetchall())
    town.act("rules_file", text=goes_on + FIRE)
    ((subscription, body),) = town.hub.connection.execute(rows).fetchall()[before:]
    assert subscription == "mqtt"
    event = msgspec.json.decode(body)
    assert event["transition"]["to"] == "resolved"
    assert event["transition"]["cause"]["reason"] == "rule_removed"
    assert event["muted_by"] == "replaced:heap"
    town.kill()
    assert town.told(town.tick(DAY)) == []
    assert town.open() == {("hot", "bin-1"): "warning"}


@pytest.mark.parametrize(
    "silence", [{"zone": "east"}, {"asset": "bin-1"}, {"rule": "full", "zone": "east"}]
)
def test_a_silence_holds_back_and_what_still_fires_at_its_end_is_told(
    town: Town, silence: dict[str, str]
) -> None:
    assert "error" not in town.act("silence", until=NOW + HOUR, **silence)
    assert town.told(town.up("d1", MINUTE, fill_level=85)) == []
    assert town.told(town.up("d1", MINUTE, fill_level=95)) == []
    assert town.told(town.tick(50 * MINUTE)) == []
    assert town.told(town.tick(10 * MINUTE)) == ["full severity_changed urgent"]
    assert town.told(town.tick(10 * MINUTE)) == []
    assert town.told(town.up("d1", MINUTE, fill_level=1)) == ["full resolved urgent"]


def test_what_came_and_went_in_a_silence_is_never_told(town: Town) -> None:
    town.act("silence", until=NOW + HOUR, asset="bin-1")
    town.up("d1", MINUTE, fill_level=85)
    town.up("d1", MINUTE, fill_level=5)
    assert town.told(town.tick(DAY)) == []
    assert town.story("full", "bin-1") == ["firing warning", "resolved warning"]


def test_what_was_told_before_a_silence_is_ended_after_it(town: Town) -> None:
    town.up("d1", fill_level=85)
    town.act("silence", until=NOW + HOUR, asset="bin-1")
    assert town.told(town.up("d1", MINUTE, fill_level=5)) == []
    assert town.told(town.tick(HOUR)) == ["full resolved warning"]


def test_a_silence_removed_or_a_kill_in_between_tell_alike(town: Town) -> None:
    town.act("silence", until=NOW + DAY, asset="bin-1")
    town.up("d1", MINUTE, fill_level=85)
    town.kill()
    assert town.told(town.tick(MINUTE)) == []
    (silence,) = town.hub.session.lifecycle._notifications.silences
    town.act("unsilence", silence=silence.id)
    assert town.told(town.tick(1)) == ["full firing warning"]
    town.kill()
    assert town.told(town.tick(MINUTE)) == []


def test_danger_is_told_whatever_silences_say_and_ends_them_for_the_alert(
    town: Town,
) -> None:
    town.act("silence", until=NOW + DAY, zone="east")
    told = [
        town.told(town.up("d1", MINUTE, temperature=value))
        for value in (45, 70, 55, 45, 20)
    ]
    assert told == [
        [],
        ["hot severity_changed danger"],
        ["hot severity_changed urgent"],
        ["hot severity_changed warning"],
        ["hot resolved warning"],
    ]
    # another alert is silent as before; so is the same rule the next time
    assert town.told(town.up("d1", MINUTE, temperature=45)) == []
    assert town.told(town.up("d2", MINUTE, temperature=45)) == []


def test_a_silence_said_after_the_danger_counts_below_it(town: Town) -> None:
    town.up("d1", temperature=70)
    town.clock.time += 1
    town.act("silence", until=NOW + DAY, zone="east")
    assert town.told(town.up("d1", MINUTE, temperature=55)) == []
    town.kill()
    assert town.told(town.tick(MINUTE)) == []
    told = town.told(town.up("d1", MINUTE, temperature=70))
    assert told == ["hot severity_changed danger"]
    told = town.told(town.up("d1", MINUTE, temperature=55))
    assert told == ["hot severity_changed urgent"]


def test_a_rise_to_danger_ends_the_acknowledgement_in_the_database_too(
    town: Town,
) -> None:
    town.up("d1", temperature=55)
    (view,) = town.alerts()
    town.act("acknowledge", alert=view["id"])
    assert town.alerts()[0]["acknowledged_by"] == "wang"
    town.up("d1", MINUTE, temperature=70)
    assert town.alerts()[0]["acknowledged_by"] is None


def test_a_rise_is_told_even_if_acknowledged(town: Town) -> None:
    town.up("d1", temperature=45)
    (view,) = town.alerts()
    town.act("acknowledge", alert=view["id"])
    told = town.told(town.up("d1", MINUTE, temperature=55))
    assert told == ["hot severity_changed urgent"]
    assert town.alerts()[0]["acknowledged_by"] == "wang"


INHIBIT = '[[inhibit]]\nsource = "hot"\ntargets = ["full"]\n'


@pytest.mark.parametrize(
    ("same", "source", "held"),
    [
        ("asset", "d1", True),
        ("asset", "d2", False),
        ("zone", "d2", True),
        ("zone", "d3", False),
    ],
)
def test_a_firing_source_holds_its_targets_back_until_it_ends(
    tmp_path: Path, same: str, source: str, held: bool
) -> None:
    town = Town(tmp_path, RULES + INHIBIT + f'same = "{same}"\n')
    town.subscribe()
    town.up(source, temperature=45)
    told = town.told(town.up("d1", MINUTE, fill_level=85))
    assert told == ([] if held else ["full firing warning"])
    assert town.open()["full", "bin-1"] == "warning"
    town.up(source, MINUTE, temperature=20)
    told = town.told(town.tick(MINUTE))
    assert told == (["full firing warning"] if held else [])


def test_danger_is_never_inhibited(tmp_path: Path) -> None:
    text = '[[inhibit]]\nsource = "full"\ntargets = ["hot"]\n'
    town = Town(tmp_path, RULES + text)
    town.subscribe()
    town.up("d1", fill_level=85)
    assert town.told(town.up("d1", MINUTE, temperature=55)) == []
    told = town.told(town.up("d1", MINUTE, temperature=70))
    assert told == ["hot severity_changed danger"]


def test_an_alert_to_and_fro_is_held_back_and_told_when_it_calms_down(
    town: Town,
) -> None:
    told = []
    for i in range(20):
        told += town.told(town.up("d1", MINUTE, fill_level=85 if i % 2 == 0 else 60))
    assert len(town.story("full", "bin-1")) == 20  # every transition is recorded
    assert len(told) == 8  # the ninth change in a row is flapping
    assert town.told(town.tick(MINUTE)) == []
    told = []
    for _ in range(21):
        told += town.told(town.up("d1", MINUTE, fill_level=85))
        told += town.told(town.tick(1))
    assert told == ["full firing warning"]
    told = town.told(town.up("d1", MINUTE, fill_level=60))
    assert told == ["full resolved warning"]


def test_danger_passes_the_flap_guard(town: Town) -> None:
    told = []
    for i in range(20):
        told += town.told(town.up("d1", MINUTE, temperature=70 if i % 2 == 0 else 20))
    assert len(told) == 20
