"""Scenarios: found, checked with all faults at once, built on each other."""

from pathlib import Path

import pytest

from firmware_sim.scenario import ScenarioError, builtin_names, load


@pytest.mark.parametrize("name", builtin_names())
def test_every_built_in_scenario_is_sound_and_says_what_it_is(name: str) -> None:
    assert load(name).description


def test_all_faults_are_told_at_once_with_file_and_key(tmp_path: Path) -> None:
    file = tmp_path / "odd.toml"
    file.write_text("[bin]\nhight = 3\n[echo]\nnear = 2\n[town]\ntimezone = 'Mars'\n")
    with pytest.raises(ScenarioError) as told:
        load(str(file))
    lines = str(told.value).splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        [str(file), "town.timezone"],
        [str(file), "bin.hight"],
        [str(file), "echo.near"],
    ]


def test_a_span_the_wrong_way_round_is_a_fault() -> None:
    with pytest.raises(ScenarioError, match=r"emptying\.residue"):
        load("default", {"emptying.residue": (5, 1)})


def test_a_towns_own_file_goes_over_its_base(tmp_path: Path) -> None:
    (tmp_path / "ours.toml").write_text('base = "harsh"\n[bin]\nvolume_l = 80\n')
    ours = load("ours", folder=tmp_path)
    assert (ours.bin.volume_l, ours.bin.height_cm) == (80, 60)
    assert ours.echo.blind_cm == 25


def test_a_circle_of_bases_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('base = "b"\n')
    (tmp_path / "b.toml").write_text('base = "a"\n')
    with pytest.raises(ScenarioError, match="circle"):
        load("a", folder=tmp_path)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ScenarioError, match="clean, containers, default, festival, "):
        load("nowhere")
