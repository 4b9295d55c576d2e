import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorhub.decode.decoders import DECODERS
from sensorhub.decode.mapping import map_fields
from sensorhub.model import Field, Frame
from tests.support.vectors import PROFILES, decode, decode_by, values


@pytest.mark.parametrize(
    ("profile", "text", "sound"),
    [
        ("dragino-ldds75", "0d3b0aef00000001", {3, 5, 8}),
        ("dragino-ldds04", "0d4a03160318031a031501", {11}),
    ],
)
def test_a_frame_of_fixed_length_says_when_it_is_cut(
    profile: str, text: str, sound: set[int]
) -> None:
    assert len(text) >= 2 * max(sound)
    for end in range(len(text) // 2 + 1):
        frame = decode(profile, text[: 2 * end], 2) if end else Frame(errors=[""])
        assert bool(frame.errors) == (end not in sound)


@pytest.mark.parametrize("name", sorted(DECODERS))
@given(frame=st.binary(max_size=80), port=st.integers(0, 255))
def test_no_bytes_make_a_decoder_raise_or_keep_silent(
    name: str, frame: bytes, port: int
) -> None:
    out = decode_by(name, frame, port)
    assert out.fields or out.ignored or out.errors or out.answers


MAINS = {"milesight-vs121", "milesight-vs13x"}  # no battery, no channel for one
WITH_BATTERY = sorted(
    [n for n in DECODERS if n.startswith("milesight") and n not in MAINS]
)


@pytest.mark.parametrize("name", WITH_BATTERY)
@given(tail=st.binary(max_size=20))
def test_whatever_follows_a_sound_channel_the_channel_is_kept(
    name: str, tail: bytes
) -> None:
    out = decode_by(name, b"\x01\x75\x5c" + tail, 85)
    assert out.fields[0] == Field("battery", 92.0)


def test_an_unknown_channel_is_named_with_its_place_and_what_was_not_read() -> None:
    frame = decode("milesight-em400-tld", "01755c 04824408 0b77 010203")
    assert values(frame) == {"battery": 92, "distance": 2116}
    assert frame.errors == [
        "unknown channel 0x0b type 0x77 at byte 7, 5 bytes not read"
    ]


def test_a_cut_channel_is_named() -> None:
    frame = decode("milesight-em400-tld", "01755c 048244")
    assert values(frame) == {"battery": 92}
    assert frame.errors == [
        "channel 0x04 type 0x82 is cut short at byte 3, 3 bytes not read"
    ]


def test_the_same_channel_means_another_thing_on_another_model() -> None:
    assert values(decode("milesight-em310-udl", "03824408")) == {"distance": 2116}
    assert decode("milesight-em400-mud", "03824408").errors
    assert values(decode("milesight-em400-mud", "04824408")) == {"distance": 2116}
    assert decode("milesight-em310-udl", "04824408").errors


@pytest.mark.parametrize(
    ("raw", "word"), [("feff", "warming up"), ("ffff", "sensor fault")]
)
@pytest.mark.parametrize(
    ("channel", "name"), [("047d", "nh3"), ("057d", "h2s"), ("067d", "h2s")]
)
def test_gas_sentinels_are_no_readings(
    channel: str, name: str, raw: str, word: str
) -> None:
    frame = decode("milesight-gs301", f"017564{channel}{raw}")
    assert values(frame) == {"battery": 100}
    assert frame.ignored == [f"{name}: {word}"]
    assert not frame.errors


def test_newer_gas_firmware_has_a_finer_hydrogen_sulphide_step() -> None:
    assert values(decode("milesight-gs301", "057d0a00")) == {"h2s": 0.1}
    assert values(decode("milesight-gs301", "067d0a00")) == {"h2s": 0.01}


def test_temperatures_below_zero_are_signed() -> None:
    assert values(decode("milesight-em400-mud", "03679cff")) == {"temperature": -10}
    frame = decode("dragino-ldds75", "0d3b0aef00ff9c01", 2)
    assert values(frame)["temperature"] == -10


def test_people_counters_wrap_at_16_bits_and_say_so() -> None:
    profile = PROFILES["milesight-vs350"]
    frame = decode("milesight-vs350", "04ccffff0000")
    mapped = map_fields(profile, frame.fields)
    assert mapped.readings == [(14, 65_535.0, None), (15, 0.0, None)]
    assert mapped.bits == {14: 16, 15: 16}


def test_a_report_with_a_time_of_its_own_dates_its_values() -> None:
    frame = decode("milesight-vs350", "04cc12001600 0aef 7b3af164")
    assert [f.measured_at for f in frame.fields] == [1_693_530_747_000] * 2


def test_a_clock_that_was_never_set_dates_nothing() -> None:
    frame = decode("milesight-vs350", "0aef 10000000 04cc12001600")
    assert [f.measured_at for f in frame.fields] == [None, None]
    assert frame.ignored == ["reported_at: the device's clock is not set"]


def test_history_of_an_unknown_kind_stops_and_says_so() -> None:
    frame = decode("milesight-vs350", "017564 20ce7b3af164 07 0b000400")
    assert values(frame) == {"battery": 100}
    assert frame.errors == ["history of unknown kind 0x07 at byte 3, 11 bytes not read"]


def test_history_and_live_values_stand_beside_each_other() -> None:
    frame = decode("milesight-em300-sld", "20ce9e74466310015d01 050000")
    assert [(f.name, f.measured_at is None) for f in frame.fields] == [
        ("temperature", False),
        ("humidity", False),
        ("leak", False),
        ("leak", True),
    ]


def test_an_answer_to_a_downlink_is_stored_without_readings() -> None:
    frame = decode("milesight-em400-tld", "fe035802")
    assert (frame.answers, frame.fields, frame.errors) == (True, [], [])


def test_a_flag_of_an_unknown_state_is_no_reading() -> None:
    frame = decode("milesight-em400-tld", "050007")
    assert (frame.fields, frame.ignored) == ([], ["tilted: unknown state 7"])


@pytest.mark.parametrize("raw", ["fdff", "feff", "ffff"])
def test_a_distance_that_stands_for_none_is_no_reading(raw: str) -> None:
    frame = decode("milesight-em400-tld", f"0482{raw}")
    assert not frame.fields
    assert frame.ignored[0].startswith("distance: ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0d3b000000000001", "distance: no sensor"),
        ("0d3b0aef00000000", "distance: no sensor"),
        ("0d3b001400000001", "distance: invalid (20 mm)"),
        ("0d3b0aef000ccc01", "temperature: no probe (327.6)"),
        ("0d3b0aef007fff01", "temperature: no probe (3276.7)"),
    ],
)
def test_dragino_sentinels_are_no_readings(text: str, said: str) -> None:
    frame = decode("dragino-ldds75", text, 2)
    assert said in frame.ignored
    assert said.partition(":")[0] not in values(frame)
    assert not frame.errors


def test_dragino_firmware_before_1_1_4_has_five_bytes_or_three() -> None:
    five = decode("dragino-ldds75", "0d3b0aef00", 2)
    assert values(five) == {"battery_voltage": 3.387, "distance": 2799, "interrupt": 0}
    three = decode("dragino-ldds75", "0d3b00", 2)
    assert values(three) == {"battery_voltage": 3.387}
    assert three.ignored == ["distance: no sensor"]
    assert not five.errors
    assert not three.errors


def test_dragino_stored_records_have_their_own_time() -> None:
    record = "0d3b0aef00fa40" + f"{1_700_000_000:08x}"
    frame = decode("dragino-dds75-lb", record * 2, 3)
    assert len(frame.fields) == 6
    assert {f.measured_at for f in frame.fields} == {1_700_000_000_000}
    assert values(frame) == {
        "battery_voltage": 3.387,
        "distance": 2799,
        "temperature": 25,
    }
    assert decode("dragino-dds75-lb", record + "00", 3).errors


def test_dragino_status_answers_and_gives_no_reading() -> None:
    frame = decode("dragino-dds75-lb", "27 0100 01 ff 0d3b", 5)
    assert (frame.answers, frame.fields, frame.errors) == (True, [], [])
