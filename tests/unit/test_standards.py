"""Limits of standards: the numbers, who may be judged by them, and by which sensor."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorhub.alerts.rule_track import RuleTrack, no_change_range
from sensorhub.alerts.rules import compile_rules
from sensorhub.decode.decoders import DECODERS
from sensorhub.errors import ConfigError
from sensorhub.registry.profiles import load_profiles
from sensorhub.rules.schema import parse_rules
from sensorhub.standards import built_in, load_standards
from sensorhub.standards.gas import to_mg, to_ppm
from sensorhub.standards.sensors import Sensor, verdict

KNOWN = built_in().limits
TOILETS = 'select = { kinds = ["toilet", "mobile_toilet"] }'
# reference table of the project: quantity, value, unit, trust
TABLE: dict[str, tuple[float | None, str, str]] = {
    "gb-t-17217-1998/class-1/nh3": (0.3, "mg/m3", "S"),
    "gb-t-17217-1998/class-2/nh3": (1, "mg/m3", "S"),
    "gb-t-17217-1998/class-3/nh3": (3, "mg/m3", "S"),
    "gb-t-17217-1998/h2s": (0.01, "mg/m3", "S"),
    "gb-t-17217-1998/class-1/odour-grade": (1, "grade", "S"),
    "gb-t-17217-1998/class-2/odour-grade": (2, "grade", "S"),
    "gb-t-17217-1998/class-3/odour-grade": (3, "grade", "S"),
    "gb-t-17217-1998/class-1/flies": (0, "", "S"),
    "gb-t-17217-1998/class-2/flies": (3, "", "S"),
    "gb-t-17217-1998/class-3/flies": (5, "", "S"),
    "gb-t-17217-2021/nh3": (None, "", "?"),
    "gb-t-17217-2021/h2s": (None, "", "?"),
    "gb-14554-93/class-1/nh3": (1.0, "mg/m3", "S"),
    "gb-14554-93/class-2/nh3": (1.5, "mg/m3", "S"),
    "gb-14554-93/class-3/nh3": (4.0, "mg/m3", "S"),
    "gb-14554-93/class-1/h2s": (0.03, "mg/m3", "S"),
    "gb-14554-93/class-2/h2s": (0.06, "mg/m3", "S"),
    "gb-14554-93/class-3/h2s": (0.32, "mg/m3", "S"),
    "gb-t-50493-2019/nh3/first-alarm": (20, "mg/m3", "S"),
    "gb-t-50493-2019/nh3/second-alarm": (40, "mg/m3", "S"),
    "gb-t-50493-2019/h2s/first-alarm": (10, "mg/m3", "S"),
    "gb-t-50493-2019/h2s/second-alarm": (20, "mg/m3", "S"),
    "niosh/h2s/ceiling": (10, "ppm", "S"),
    "niosh/nh3": (25, "ppm", "S"),
    "niosh/nh3/short-term": (35, "ppm", "S"),
    "osha/h2s/ceiling": (20, "ppm", "S"),
    "who-air/h2s/24h": (0.15, "mg/m3", "S"),
    "bin-full/san-francisco": (80, "%", "P"),
    "bin-full/dun-laoghaire/first": (90, "%", "P"),
    "bin-full/dun-laoghaire/second": (95, "%", "P"),
    "shenzhen-bins/grade-2/emptyings-per-day": (2, "per day", "P"),
    "shenzhen-bins/grade-4/emptyings-per-day": (1, "per day", "P"),
    "shenzhen-bins/intact-share": (98, "%", "P"),
    "beijing-toilets/waste-stay": (30, "min", "P"),
    "beijing-toilets/flies": (2, "", "P"),
    "cleaning-after-use/visits": (300, "", "P"),
    "cleaning-after-use/cleanings-per-day": (2, "per day", "P"),
    "dwell/24h": (24, "h", "?"),
}


def rule(levels: str, more: str = TOILETS, measurement: str = "nh3") -> str:
    """One rule's text."""
    return (
        '[[rules]]\nid = "gas"\nkind = "threshold"\ncategory = "clean"\n'
        f'measurement = "{measurement}"\nlevels = [{levels}]\n{more}\n'
        'text = { zh-CN = "气", en = "{value} over {limit} {unit}, {standard}" }\n'
    )


def level(standard: str, more: str = "", severity: str = "warning") -> str:
    """One level that names a limit."""
    return f'{{ severity = "{severity}", standard = "{standard}"{more} }}'


def test_the_numbers_are_those_of_the_reference_and_no_others() -> None:
    found = {n: (one.value, one.unit, one.trust) for n, one in KNOWN.items()}
    assert found == TABLE


@pytest.mark.parametrize(
    ("gas", "mg", "celsius", "ppm"),
    [
        ("nh3", 1, 25, 1.44),
        ("h2s", 1, 25, 0.718),
        ("nh3", 0.3, 25, 0.431),
        ("nh3", 0.3, 0, 0.395),
        ("h2s", 0.01, 25, 0.0072),
    ],
)
def test_gases_are_converted_at_the_temperature(
    gas: str, mg: float, celsius: float, ppm: float
) -> None:
    assert to_ppm(gas, mg, celsius) == pytest.approx(ppm, rel=0.004)


def test_thin_air_holds_less_of_it() -> None:
    assert to_mg("nh3", 1, kpa=81.06) == pytest.approx(0.8 * to_mg("nh3", 1))


@given(
    st.sampled_from(["nh3", "h2s"]),
    st.floats(0, 1000),
    st.floats(-50, 150),
    st.floats(50, 110),
)
def test_there_and_back_is_the_same(
    gas: str, ppm: float, celsius: float, kpa: float
) -> None:
    assert to_ppm(gas, to_mg(gas, ppm, celsius, kpa), celsius, kpa) == pytest.approx(
        ppm
    )


@given(st.floats(0, 1000), st.floats(-50, 150), st.booleans())
def test_what_the_quiet_band_passes_by_moves_nothing_at_any_temperature(
    ppm: float, celsius: float, active: bool
) -> None:
    text = rule(
        level("gb-t-17217-1998/class-3/nh3", ", clear = 2"),
        f'{TOILETS}\nover = "at once"',
    )
    gas = compile_rules(parse_rules(text), "UTC")[0]
    track = RuleTrack(1)
    track.comparators[0].active = active
    low, high = no_change_range(gas, track)
    if low <= ppm < high:
        track.evaluate(gas, gas.clauses.shown(ppm, celsius), 0, False)
        assert track.comparators[0].active == active


# -- rules that name limits --


FAULTS: list[tuple[str, str, str]] = [
    (rule(level("gb-t-17217-1998/class-3/nh4")), "levels.0.standard", "class-3/nh3'?"),
    (
        rule(level("gb-t-17217-2021/nh3"), f'{TOILETS}\nover = "15m"'),
        "levels.0.standard",
        "unverified: give raise from your own copy",
    ),
    (
        rule(level("gb-t-17217-2021/nh3", ", raise = 9"), TOILETS),
        "levels.0.standard",
        "the length of its mean is not on record",
    ),
    (
        rule(level("osha/h2s/ceiling", ", raise = 9"), "", "h2s"),
        "levels.0.standard",
        "is 20 ppm: leave raise out",
    ),
    (
        rule(level("gb-t-17217-1998/class-3/nh3"), 'over = "10m"'),
        "levels.0.standard",
        "say so in select.kinds",
    ),
    (
        rule(
            level("gb-t-17217-1998/class-3/nh3"),
            'select = { kinds = ["toilet", "bin"] }\nover = "10m"',
        ),
        "levels.0.standard",
        "say so in select.kinds",
    ),
    (
        rule(level("gb-t-17217-1998/class-3/nh3")),
        "levels.0.standard",
        "a mean over 5 to 30 min: say over",
    ),
    (
        rule(level("gb-t-17217-1998/class-3/nh3"), f'{TOILETS}\nover = "1h"'),
        "levels.0.standard",
        "no mean over 60 min but 5 to 30 min",
    ),
    (
        rule(level("osha/h2s/ceiling"), 'over = "10m"', "h2s"),
        "levels.0.standard",
        "but of each sample, at once",
    ),
    (
        rule(level("osha/h2s/ceiling"), "", "nh3"),
        "levels.0.standard",
        "is about measurement 'h2s'",
    ),
    (
        rule(level("osha/h2s/ceiling"), 'direction = "below"', "h2s"),
        "levels.0.standard",
        "an upper limit",
    ),
    (
        rule(level("gb-t-17217-1998/class-1/flies")),
        "levels.0.standard",
        "is about flies: no rule can judge it",
    ),
    (
        rule(level("dwell/24h", ", raise = 24"), ""),
        "levels.0.standard",
        "judged by a rule of kind overdue",
    ),
    (
        rule(
            level("gb-t-50493-2019/h2s/first-alarm")
            + ", "
            + level("osha/h2s/ceiling", severity="danger"),
            "",
            "h2s",
        ),
        "levels",
        "in mg/m3 and in ppm are judged apart",
    ),
    (
        rule(
            level("gb-t-50493-2019/h2s/first-alarm")
            + ', { severity = "danger", raise = 50 }',
            "",
            "h2s",
        ),
        "levels",
        "in mg/m3 and in ppm are judged apart",
    ),
    (
        rule(
            level("niosh/h2s/ceiling")
            + ", "
            + level("osha/h2s/ceiling", severity="danger"),
            "",
            "h2s",
        ),
        "levels",
        "different windows",
    ),
]


@pytest.mark.parametrize(("text", "key", "what"), FAULTS)
def test_a_reference_that_cannot_be_meant_is_a_fault_with_its_key(
    text: str, key: str, what: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_rules(text, "my.toml")
    assert [fault.file for fault in caught.value.faults] == ["my.toml"]
    assert caught.value.faults[0].where == f"rule gas, {key}"
    assert what in caught.value.faults[0].what


@pytest.mark.parametrize(
    ("levels", "more", "measurement"),
    [
        (level("niosh/h2s/ceiling"), "", "h2s"),
        (
            level("gb-t-17217-2021/nh3", ", raise = 9"),
            f'{TOILETS}\nover = "15m"',
            "nh3",
        ),
        (level("niosh/nh3/short-term"), 'over = "15m"', "nh3"),
        (
            level("gb-t-50493-2019/nh3/first-alarm")
            + ", "
            + level("gb-t-50493-2019/nh3/second-alarm", severity="danger"),
            "",
            "nh3",
        ),
    ],
)
def test_what_can_be_meant_is_taken(levels: str, more: str, measurement: str) -> None:
    parse_rules(rule(levels, more, measurement))


def test_a_level_takes_its_value_from_the_limit() -> None:
    text = rule(level("gb-t-17217-1998/class-2/nh3"), f'{TOILETS}\nover = "5m"')
    assert parse_rules(text).rules[0].levels[0].raise_ == 1


# -- whom a limit holds for --


@pytest.mark.parametrize(
    ("limit", "tags", "holds"),
    [
        ("class-1", {"toilet-class-1"}, True),
        ("class-1", {"toilet-class-2"}, False),
        ("class-1", set(), False),
        ("class-2", {"toilet-class-1"}, True),
        ("class-3", {"toilet-class-1"}, True),
        ("class-3", {"daily"}, True),
    ],
)
def test_a_limit_holds_for_its_class_and_stricter_ones(
    limit: str, tags: set[str], holds: bool
) -> None:
    assert KNOWN[f"gb-t-17217-1998/{limit}/nh3"].admits(tags) is holds


@pytest.mark.parametrize(
    ("sensor", "limit", "can"),
    [
        (Sensor(resolution=0.01, zero_error=1, source="x"), 4.31, True),
        (Sensor(resolution=0.01, zero_error=1, source="x"), 1.44, False),
        (Sensor(resolution=0.01, source="x"), 0.0072, False),
        (Sensor(resolution=0.01, source="x"), 7.2, None),
        (Sensor(zero_error=0.1, source="x"), 7.2, None),
    ],
)
def test_a_sensor_can_judge_cannot_or_nobody_knows(
    sensor: Sensor, limit: float, can: bool | None
) -> None:
    found = verdict(sensor, limit, "ppm")
    assert found.can is can
    assert ("cannot judge" in found.why) is (can is False)


def test_models_that_cannot_judge_a_limit_are_known_to_its_rule() -> None:
    text = rule(level("gb-t-17217-1998/class-2/nh3"), f'{TOILETS}\nover = "5m"')
    gas = compile_rules(parse_rules(text), "UTC")[0]
    assert gas.clauses.blind == {"milesight-gs301"}


def test_every_sensor_on_record_is_a_profile_with_that_measurement() -> None:
    profiles = load_profiles(None, DECODERS)
    sensors = built_in().sensors
    assert sensors
    for name, measurements in sensors.items():
        assert name in profiles
        assert measurements.keys() <= {limit.quantity for limit in KNOWN.values()}


# -- files of a town --


OWN = """
[gb-t-17217-2021]
title = "Public toilets"
citation = "GB/T 17217-2021, our copy"

[gb-t-17217-2021.limits.nh3]
quantity = "nh3"
value = 7
unit = "mg/m3"
averaging = "10m"
kinds = ["toilet"]
trust = "U"
"""


def test_a_file_of_the_town_replaces_a_standard_whole(tmp_path: Path) -> None:
    (tmp_path / "standards").mkdir()
    (tmp_path / "standards" / "own.toml").write_text(OWN, "utf-8")
    known = load_standards(tmp_path)
    assert "gb-t-17217-2021/h2s" not in known.limits
    assert known.limits["gb-t-17217-2021/nh3"].usable
    text = rule(level("gb-t-17217-2021/nh3"), 'select = { kinds = ["toilet"] }')
    book = parse_rules(text, standards=known)
    gas = compile_rules(book, "UTC")[0]
    assert (book.rules[0].levels[0].raise_, gas.over) == (7, 600_000)


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ("[gb-t-17217-2021]", "[gb-t-17217-2021", "syntax", "line"),
        ('"nh3"', '"nh4"', "gb-t-17217-2021.limits.nh3", "no such quantity"),
        ('"mg/m3"', '"ppb"', "gb-t-17217-2021.limits.nh3", "'mg/m3' or 'ppm'"),
        ('"10m"', '"often"', "gb-t-17217-2021.limits.nh3.averaging", "a duration"),
        ('"10m"', '["9m", "5m"]', "gb-t-17217-2021.limits.nh3.averaging", "shorter"),
        ('"U"', '"A"', "gb-t-17217-2021.limits.nh3.trust", "'S'"),
        ("value = 7\n", "", "gb-t-17217-2021.limits.nh3", 'has trust = "?"'),
        ("value = 7", "value = nan", "gb-t-17217-2021.limits.nh3.value", "finite"),
        ('"toilet"]', '"loo"]', "gb-t-17217-2021.limits.nh3.kinds.0", "toilet"),
        ("trust =", 'class = "9"\ntrust =', "gb-t-17217-2021.limits.nh3", "class"),
        ('title = "Public toilets"', "", "gb-t-17217-2021.title", "needed"),
    ],
)
def test_a_faulty_file_says_where_and_what(
    tmp_path: Path, old: str, new: str, where: str, what: str
) -> None:
    (tmp_path / "standards").mkdir()
    path = tmp_path / "standards" / "own.toml"
    path.write_text(OWN.replace(old, new), "utf-8")
    with pytest.raises(ConfigError) as caught:
        load_standards(tmp_path)
    fault = caught.value.faults[0]
    assert (fault.file, fault.where) == (str(path), where)
    assert what in fault.what


def test_one_standard_in_two_files_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "standards").mkdir()
    for name in ("a.toml", "b.toml"):
        (tmp_path / "standards" / name).write_text(OWN, "utf-8")
    with pytest.raises(ConfigError, match=r"stands in a\.toml, too"):
        load_standards(tmp_path)


def test_a_town_says_what_its_own_sensors_can_tell_apart(tmp_path: Path) -> None:
    (tmp_path / "sensors").mkdir()
    path = tmp_path / "sensors" / "own.toml"
    path.write_text('[native.nh3]\nzero_error = 3\nsource = "our laboratory"\n')
    known = load_standards(tmp_path)
    text = rule(level("gb-t-17217-1998/class-3/nh3"), f'{TOILETS}\nover = "5m"')
    gas = compile_rules(parse_rules(text, standards=known), "UTC")[0]
    assert gas.clauses.blind == {"native"}
    path.write_text("[native.nh3]\nzero_error = -1\n")
    with pytest.raises(ConfigError) as caught:
        load_standards(tmp_path)
    assert {fault.where for fault in caught.value.faults} == {
        "native.nh3.zero_error",
        "native.nh3.source",
    }


# -- the command line --


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (
            ["gb-t-17217-1998/class-3/nh3", "--profile", "milesight-gs301"],
            0,
            "can judge",
        ),
        (["gb-t-17217-1998/class-1/nh3", "--profile", "milesight-gs301"], 1, "cannot"),
        (
            ["gb-t-17217-1998/h2s", "--profile", "milesight-gs301"],
            1,
            "step of 0.01 ppm",
        ),
        (["gb-t-17217-1998/h2s", "--profile", "native"], 0, "unknown"),
        (
            ["gb-t-17217-1998/h2s", "--resolution", "0.001", "--zero-error", "0"],
            0,
            "can",
        ),
        (["gb-t-17217-1998/h2s"], 1, "name a --profile"),
        (["gb-t-17217-1998/class-1/flies", "--profile", "native"], 1, "no sensor"),
        (["gb-t-17217-2021/nh3", "--profile", "native"], 1, "put yours into"),
        (["nothing", "--profile", "native"], 1, "no such limit"),
        (["osha/h2s/ceiling", "--profile", "nobody"], 1, "no such profile"),
    ],
)
def test_judge_says_whether_a_sensor_can(
    run: Any, words: list[str], code: int, said: str
) -> None:
    found, out, err = run("standards", "judge", *words)
    assert (found, said in out + err) == (code, True), out + err


def test_list_and_show_tell_the_limits(run: Any) -> None:
    _, out, _ = run("standards", "list", "--json")
    assert {row["limit"] for row in json.loads(out)} == set(KNOWN)
    _, out, _ = run("standards", "list")
    assert "GB/T 50493-2019" in out
    _, out, _ = run("standards", "show", "niosh/nh3", "--json")
    shown = json.loads(out)
    assert (shown["value"], shown["averaging"], shown["usable"]) == (
        25,
        "unstated",
        True,
    )


def test_a_faulty_standard_is_told_by_check_config(run: Any, place: Path) -> None:
    (place / "config" / "standards").mkdir()
    path = place / "config" / "standards" / "own.toml"
    path.write_text(OWN.replace('"nh3"', '"nh4"'), "utf-8")
    code, _, err = run("check-config")
    assert code == 3
    assert f"{path}: gb-t-17217-2021.limits.nh3: no such quantity" in err
