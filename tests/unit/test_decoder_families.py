"""What stands for no value, records with a time, answers and counters, by family."""

import pytest

from sensorhub.decode.mapping import map_fields
from sensorhub.model import BY_NO
from tests.support.vectors import PROFILES, decode, values


def bits(profile: str, text: str, port: int) -> dict[str, int]:
    frame = decode(profile, text, port)
    mapped = map_fields(PROFILES[profile], frame.fields)
    return {BY_NO[no].name: width for no, width in mapped.bits.items()}


@pytest.mark.parametrize(
    ("profile", "port", "text", "said"),
    [
        ("milesight-em410-rdl", 85, "0482fdff", "distance: no target"),
        ("milesight-em410-rdl", 85, "b482ffff03", "distance: sensor fault"),
        ("milesight-em500-udl", 85, "0382ffff", "distance: sensor fault"),
        ("milesight-ws201", 85, "0382fdff", "distance: no target"),
        ("milesight-vs330", 85, "038e02", "occupied: still learning the room"),
        ("milesight-vs330", 85, "038e03", "occupied: sensor fault"),
        ("milesight-vs340", 85, "030002", "occupied: unknown state 2"),
        ("milesight-ws303", 85, "0300ff", "leak: unknown state 255"),
        ("dragino-llds12", 2, "0d5c00000b180064001e01", "distance: echo too weak"),
        ("dragino-llds12", 2, "0d5c7fff0b1801b1001e01", "temperature: no probe"),
        ("netvox-r718x", 6, "0134012401ffff0107320a", "distance: not measured"),
        ("netvox-r718pe", 6, "01b1012401012cff000000", "own_fill: not measured"),
        ("netvox-r718pa", 6, "01570724ffff00050000ff", "co2: no such probe"),
        ("netvox-r311a", 6, "0102010001000000000000", "battery_voltage: mains"),
        (
            "decentlab-dl-mbx",
            1,
            "02012f000304d200000bb1",
            "distance: no valid sample",
        ),
        ("smartends-brighterbins", 1, "308ffd", "distance: sensor does"),
        ("smartends-brighterbins", 1, "3f8ffc", "own_fill: unknown"),
        ("smartends-brighterbins", 1, "3f8ffc", "battery: unknown"),
        (
            "dingtek-df702",
            3,
            "800001011107d000f60000000000000081",
            "temperature: below zero",
        ),
        (
            "enginko-egk-lw20w00",
            2,
            "14013a52fc2c1f0c9600ffff64a20964",
            "distance: sensor error 65535",
        ),
        ("teneo-iot-filling-degree-sensor", 1, "0c001e04", "distance: nothing within"),
        ("teneo-iot-filling-degree-sensor", 1, "0c001e07", "distance: sensor fault 7"),
        ("teneo-iot-filling-degree-sensor", 2, "0c09", "distance: sensor fault 9"),
    ],
)
def test_what_stands_for_no_value_is_said_and_is_no_reading(
    profile: str, port: int, text: str, said: str
) -> None:
    frame = decode(profile, text, port)
    assert any(word.startswith(said) for word in frame.ignored), frame
    assert said.partition(":")[0] not in values(frame)
    assert not frame.errors


@pytest.mark.parametrize(
    ("profile", "port", "text"),
    [
        ("netvox-r718x", 6, "0134006401202008110000"),
        ("netvox-r718x", 7, "8134000000000000000000"),
        ("netvox-r718t", 13, "8100"),
        ("browan-tbdw100", 204, "00100e"),
        ("dragino-llds12", 2, "03010000000000000000" + "02"),
        ("dingtek-df702", 3, "800001031900180a1e4b1e0107000000000000000000000081"),
        ("enginko-egk-lw20w00", 2, "01aabbccdd0102030a06"),
        ("imbuildings-peoplecounter", 1, "f1010203"),
        ("milesight-em500-udl", 85, "fe03b004"),
        ("milesight-vs121", 85, "f891 00 65f15300 00"),
        ("milesight-vs360", 85, "ff8e000a00"),
    ],
)
def test_configuration_versions_and_time_requests_give_no_reading(
    profile: str, port: int, text: str
) -> None:
    frame = decode(profile, text, port)
    assert (frame.answers, frame.fields, frame.errors) == (True, [], [])


def test_radar_history_has_its_own_time_and_its_own_words() -> None:
    stored = "20ce" + "00f15365" + "fdff" + "feff" + "0000" + "01"
    frame = decode("milesight-em410-rdl", stored + "0482e803")
    assert frame.ignored == ["distance: no target", "temperature: switched off"]
    assert [(f.name, f.measured_at) for f in frame.fields] == [
        ("distance_jump", 1_700_000_000_000),
        ("events", 1_700_000_000_000),
        ("distance", None),
    ]


def test_a_live_temperature_of_the_radar_may_be_just_below_zero() -> None:
    assert values(decode("milesight-em410-rdl", "0367ffff")) == {"temperature": -0.1}


def test_stored_distances_of_the_ultrasonic_sensor_keep_their_time() -> None:
    frame = decode("milesight-em500-udl", "20ce00f15365e803 03821e00")
    assert [(f.value, f.measured_at) for f in frame.fields] == [
        (1000.0, 1_700_000_000_000),
        (30.0, None),
    ]


def test_stored_people_of_every_kind_keep_their_time() -> None:
    head = "20ce00f15365"
    frame = decode("milesight-vs121", f"{head}0103080001 {head}1005000600")
    assert {f.measured_at for f in frame.fields} == {1_700_000_000_000}
    got = values(frame)
    assert (got["occupied"], got["count_in"], got["count_out"]) == (1, 5, 6)
    assert decode("milesight-vs121", f"{head}13aabb").errors


def test_nobody_in_the_room_is_a_reading_too() -> None:
    assert values(decode("milesight-vs121", "04c900080000"))["occupied"] == 0


@pytest.mark.parametrize(
    ("profile", "port", "text", "width"),
    [
        ("milesight-vs121", 85, "0dccffff0000", 16),
        ("milesight-vs133", 85, "03d2ffffffff 04d200000000", 32),
        ("milesight-vs360", 85, "04ccffff0000", 16),
        (
            "imbuildings-peoplecounter",
            1,
            "02060004a30b00f6b5690800f80003000220060305e661",
            16,
        ),
    ],
)
def test_counters_that_wrap_say_how_wide_they_are(
    profile: str, port: int, text: str, width: int
) -> None:
    assert bits(profile, text, port) == {"count_in": width, "count_out": width}


@pytest.mark.parametrize(
    ("port", "text"),
    [
        (1, "02060004a30b00f6b5690800f80003000220060305e661"),
        (26, "0800f80003000220060305e661"),
    ],
)
def test_people_are_counted_with_header_and_without(port: int, text: str) -> None:
    got = values(decode("imbuildings-peoplecounter", text, port))
    assert (got["total_a"], got["total_b"], got["battery_voltage"]) == (
        1539,
        1510,
        2.48,
    )


def test_a_frame_without_header_on_another_port_is_an_error() -> None:
    frame = decode("imbuildings-peoplecounter", "0800f80003000220060305e661", 1)
    assert frame.errors == ["unknown type and variant 0x0800"]


def test_one_wet_probe_of_two_is_a_leak() -> None:
    for dry in ("0001", "0100"):
        frame = decode("netvox-r311w", f"0106011e{dry}0000000000", 6)
        assert values(frame)["leak"] == 1
    frame = decode("netvox-r311w", "0106011e00000000000000", 6)
    assert values(frame)["leak"] == 0


def test_a_low_battery_is_told_beside_its_voltage() -> None:
    got = values(decode("netvox-r718wb", "0112019e01000000000000", 6))
    assert (got["battery_voltage"], got["low_battery"]) == (3.0, 1)


def test_an_unknown_netvox_type_is_named() -> None:
    frame = decode("netvox-r718x", "01ee012401012c0107320a", 6)
    assert frame.errors == ["unknown device type and report 0xee01"]


def test_a_request_on_the_configuration_port_is_no_answer() -> None:
    assert decode("netvox-r718x", "0134003c003c0100640005", 7).errors


def test_gases_of_netvox_come_in_tenths() -> None:
    got = values(decode("netvox-r718pa", "01570724ffff0019ffff00", 6))
    assert got["nh3"] == 2.5
    got = values(decode("netvox-r718pa", "01570624ffffffff000c00", 6))
    assert got["h2s"] == 1.2


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("8b880100000500000100", {"lid_open": 1.0}),
        ("4b880200000500000100", {"leak": 1.0}),
        ("cb880300000000000001", {"lid_open": 1.0, "leak": 1.0}),
    ],
)
def test_the_mode_in_the_frame_says_what_is_watched(
    text: str, want: dict[str, float]
) -> None:
    got = values(decode("dragino-lwl02", text, 10))
    assert {k: v for k, v in got.items() if k in ("lid_open", "leak")} == want
    assert got["battery_voltage"] == 2.952


def test_an_unknown_mode_is_an_error() -> None:
    assert decode("dragino-lds02", "0b880700000500000100", 10).errors == [
        "unknown mode 7"
    ]


def test_elsys_stops_at_a_type_it_does_not_know() -> None:
    frame = decode("elsys-elt-2", "0100e2 7f01 0201", 5)
    assert values(frame) == {"temperature": 22.6}
    assert frame.errors == ["unknown type 0x7f at byte 3, 4 bytes not read"]


def test_temperatures_below_zero_are_signed() -> None:
    for profile, text, port in (
        ("elsys-elt-2", "01ff9c", 5),
        ("netvox-r718x", "0134012401012cff9c320a", 6),
        ("enginko-egk-lw20w00", "14013a52fc2c1f0c960099006418fc64", 2),
        ("teneo-iot-filling-degree-sensor", "0e0078fc180fa0", 1),
        ("browan-tbdw100", "00cb1600008a3a00", 100),
    ):
        frame = decode(profile, text, port)
        mapped = map_fields(PROFILES[profile], frame.fields)
        got = {BY_NO[no].name: value for no, value, _ in mapped.readings}
        assert got["temperature"] == -10, profile


def test_a_frame_with_the_battery_alone_is_read() -> None:
    assert values(decode("decentlab-dl-mbx", "02012f00020bb1", 1)) == {
        "battery_voltage": 2.993
    }


def test_the_devices_own_level_wins_only_where_the_profile_takes_it() -> None:
    frame = decode("netvox-r718x", "0134012401012c0107320a", 6)
    assert "fill_level" not in values(frame)
    mapped = map_fields(PROFILES["netvox-r718x"], frame.fields)
    assert (1, 50.0, None) in mapped.readings


def test_every_alarm_code_of_the_bin_sensor_is_yes_or_no() -> None:
    got = values(decode("dingtek-df702", "800001011107d00019000a2040000000 81", 3))
    assert (got["full_alarm"], got["fire_alarm"], got["tilted"]) == (1, 0, 1)
    assert got["tilt"] == 10
