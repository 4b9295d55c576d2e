"""`sensorhub profiles new`: a profile guessed from a sample uplink."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensorhub.decode.decoders import DECODERS
from sensorhub.decode.mapping import map_fields
from sensorhub.model import BY_NO, EnvelopeError, Field, Text
from sensorhub.onboarding.draft import guesses, profile_text
from sensorhub.onboarding.guess import guess, tokens
from sensorhub.onboarding.sample import sample_uplink, values_with_unit
from sensorhub.registry.profiles import Profile, load_profiles
from tests.support.vectors import envelopes


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("airTemp_1", ["air", "temp", "1"]),
        ("BatV", ["bat", "v"]),
        ("lekstatus:0.0", ["lekstatus", "0", "0"]),
        ("Füllstand", ["fullstand"]),
        ("NH3ppm", ["nh", "3", "ppm"]),
        ("电池电压", ["电池电压"]),
    ],
)
def test_a_name_is_taken_apart(name: str, parts: list[str]) -> None:
    assert tokens(name) == parts


@pytest.mark.parametrize(
    ("name", "raw", "measurement", "value", "sure"),
    [
        ("temperatuur", 21.0, "temperature", 21, True),
        ("Temperatura", 21.5, "temperature", 21.5, True),
        ("TempC_SHT", 21.5, "temperature", 21.5, True),
        ("temp_f", 68.0, "temperature", 20, True),
        ("temperature", 215.0, "temperature", 21.5, False),
        ("air.temperature", 21.5, "temperature", 21.5, True),
        ("温度", 21.5, "temperature", 21.5, True),
        ("vbat", 3600.0, "battery_voltage", 3.6, True),
        ("vbat", 3.6, "battery_voltage", 3.6, True),
        ("BatV", 3.6, "battery_voltage", 3.6, True),
        ("battery_mv", 3600.0, "battery_voltage", 3.6, True),
        ("battery", 3.6, "battery_voltage", 3.6, False),
        ("battery", 92.0, "battery", 92, True),
        ("batterij", 92.0, "battery", 92, True),
        ("batteryLevel", 0.92, "battery", 92, False),
        ("电量", 92.0, "battery", 92, True),
        ("fillingLevel", 0.63, "fill_level", 63, False),
        ("fillLevel", 63.0, "fill_level", 63, True),
        ("fullness", 7.0, "fill_level", 7, False),
        ("Füllstand", 63.0, "fill_level", 63, True),
        ("taux_de_remplissage", 63.0, "fill_level", 63, True),
        ("满溢度", 63.0, "fill_level", 63, True),
        ("fill_remaining", 30.0, "fill_level", 70, False),
        ("distance", 2799.0, "distance", 2799, True),
        ("afstand_cm", 31.5, "distance", 315, True),
        ("Abstand", 1.23, "distance", 1230, False),
        ("distance", 120.0, "distance", 120, False),
        ("luchtvochtigheid", 55.0, "humidity", 55, True),
        ("rh", 555.0, "humidity", 55.5, False),
        ("nh3_ppb", 250.0, "nh3", 0.25, True),
        ("ammonia", 0.3, "nh3", 0.3, False),
        ("氨气", 0.3, "nh3", 0.3, False),
        ("tiltAngle", 12.0, "tilt", 12, True),
        ("lekstatus:0.0", 0.0, "leak", 0, True),
        ("waterLeak", 1.0, "leak", 1, True),
        ("door_open", 1.0, "lid_open", 1, True),
        ("occupancy", 1.0, "occupied", 1, True),
        ("temperature_threshold", 60.0, "", 60, False),
        ("BatteryChange", 0.1, "", 0.1, False),
        ("doorClosings", 0.0, "", 0, False),
        ("door_alarm", 0.0, "lid_open", 0, True),
        ("history.0.temperature", 25.5, "", 25.5, False),
        ("internalTemperature", 25.5, "temperature", 25.5, False),
        ("distanceInch", 10.0, "distance", 254, True),
        ("people_total_in", 12.0, "count_in", 12, False),
        ("line_1_total_out", 12.0, "count_out", 12, False),
        ("rssi", -97.0, "rssi", -97, True),
        ("loRaSNR", 7.5, "snr", 7.5, True),
        ("occupancy", 17.0, "", 17, False),
        ("temperature", 99_999.0, "", None, False),
        ("firmware", 1.2, "", 1.2, True),
        ("soil", 4.0, "", 4, True),
        ("period_in", 4.0, "", 4, True),
    ],
)
def test_a_field_is_guessed_by_name_and_value(
    name: str, raw: float, measurement: str, value: float | None, sure: bool
) -> None:
    made = guess(name, raw)
    assert made.measurement == measurement
    if value is not None:
        assert made.value == pytest.approx(value)
    assert (not made.doubts) == sure, made.doubts


@pytest.mark.parametrize(
    ("name", "word", "measurement", "value"),
    [
        ("position", "tilt", "tilted", 1),
        ("position", "Normal", "tilted", 0),
        ("leakage_status", "leak", "leak", 1),
        ("door", "closed", "lid_open", 0),
        ("occupancy", "vacant", "occupied", 0),
        ("position", "sideways", "tilted", None),
        ("distance", "far", "", None),
    ],
)
def test_words_get_a_meaning_and_a_doubt(
    name: str, word: str, measurement: str, value: float | None
) -> None:
    made = guess(name, word)
    assert (made.measurement, made.value) == (measurement, value)
    assert made.doubts


def test_a_measurement_is_taken_from_the_likeliest_field() -> None:
    fields = [
        Field("board_temperature", 30.0),
        Field("temperature", 21.0),
        Field("temp_f", 70.0),
    ]
    made = {item.name: item for item in guesses(fields, [])}
    assert made["temperature"].measurement == "temperature"
    assert made["board_temperature"].measurement == ""
    assert made["temp_f"].doubts == ["temperature is taken from temperature"]
    counts = guesses([Field("counterA", 3.0), Field("totalCounterA", 1539.0)], [])
    assert [item.measurement for item in counts] == ["", "count_in"]


def loaded(folder: Path, text: str) -> Profile:
    (folder / "profiles").mkdir(exist_ok=True)
    (folder / "profiles" / "x.toml").write_text(text, "utf-8")
    return load_profiles(folder, DECODERS)["acme-x"]


def test_the_file_says_its_doubts_and_what_it_left_out(tmp_path: Path) -> None:
    fields = [Field("fillingLevel", 0.63), Field("battery", 90.0), Field("soil", 4.0)]
    text = profile_text("acme-x", guesses(fields, [Text("msg", "a\nb = 1")]))
    lines = text.splitlines()
    assert "# ? fillingLevel: taken as a share of 1, times 100" in lines
    assert "# battery is named as in the catalogue  # 90 -> 90 %" in lines
    assert "#   soil = 4" in lines
    assert "#   msg = a b = 1" in lines
    profile = loaded(tmp_path, text)
    assert list(profile.map) == ["fillingLevel"]
    assert (profile.vendor, profile.model) == ("Acme", "X")


NAME = st.sampled_from(
    [
        "temperatuur",
        "vbat",
        "fillLevel",
        "Füllstand",
        "a.b",
        'q"x',
        "x\\y",
        "门",
        "door",
    ]
) | st.text(min_size=1, max_size=20)
VALUE = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, 1.0])


@settings(max_examples=200)
@given(
    st.lists(st.builds(Field, NAME, VALUE), max_size=6),
    st.lists(st.builds(Text, NAME, st.text(max_size=20)), max_size=4),
)
def test_whatever_the_sample_the_file_loads_and_reads_it(
    fields: list[Field], texts: list[Text]
) -> None:
    made = guesses(fields, texts)
    text = profile_text("acme-x", made)
    profile = Profile.model_validate(tomllib.loads(text)["acme-x"] | {"name": "acme-x"})
    assert {item.name for item in made} >= {field.name for field in fields}
    first = {item.name: item for item in made if item.measurement}
    for field in fields:
        item = first.get(field.name)
        if item is None or item.raw != field.value:
            continue
        (reading,) = map_fields(profile, [field]).readings
        assert BY_NO[reading[0]].name == item.measurement
        assert reading[1] == pytest.approx(item.value, rel=1e-6, abs=1e-9)


# -- samples --


@pytest.mark.parametrize("name", ["chirpstack_v3_doc_up", "tts_v3_doc_up"])
def test_a_documented_uplink_is_told_by_its_content(name: str) -> None:
    message = envelopes()[name]["message"]
    found = sample_uplink(json.dumps(message).encode())
    assert len(found.fields) == 2


@pytest.mark.parametrize(
    ("message", "names"),
    [
        ({"temperature": 1, "state": "x"}, {"temperature", "state"}),
        ([{"x": 1}], {"0.x", "x"}),
        ([{"bn": "a/", "n": "t", "u": "Cel", "v": 1}], {"t"}),
        (
            {"devEUI": "24e124713c000001", "fPort": 1, "obj": {"battery": 1}},
            {"battery"},
        ),
        ({"deviceInfo": {"devEui": "01" * 8}, "object": {"a": {"b": 2}}}, {"a.b"}),
    ],
)
def test_samples_of_all_kinds(message: Any, names: set[str]) -> None:
    found = sample_uplink(json.dumps(message).encode())
    said = {f.name for f in found.fields} | {t.name for t in found.texts}
    assert said
    assert said <= names


@pytest.mark.parametrize(
    "message",
    [b"", b"[]", b"{}", b"7", b'{"deviceInfo": {}}', b'{"uplink_message": 1}'],
)
def test_what_is_no_sample_is_refused(message: bytes) -> None:
    with pytest.raises(EnvelopeError):
        sample_uplink(message)


def test_a_value_with_its_unit_is_settled() -> None:
    message = b'{"distance_cm": "31.5 cm", "battery": "3600 mV", "mood": "so so"}'
    found = sample_uplink(message)
    assert values_with_unit(message) == {315, 3.6}
    made = guesses(found.fields, found.texts, values_with_unit(message))
    distance, battery, _ = made
    assert (distance.value, distance.scale, distance.doubts) == (315, 1, [])
    assert (battery.measurement, battery.value) == ("battery_voltage", 3.6)


# -- the command --

SAMPLE = json.dumps({"temperatuur": 21.0, "vbat": 3600, "fillingLevel": 0.63})


def test_new_writes_a_profile_that_works_at_once(run: Any, place: Path) -> None:
    code, out, _ = run("profiles", "new", "acme-bin-eye", SAMPLE)
    assert code == 0
    path = place / "config" / "profiles" / "acme-bin-eye.toml"
    assert path.read_text("utf-8") in out
    view = json.loads(run("profiles", "show", "acme-bin-eye", "--json")[1])
    assert view["map"]["vbat"] == {"measurement": "battery_voltage", "scale": 0.001}
    assert "fillingLevel" in run("profiles", "show", "acme-bin-eye")[1]
    names = [row["name"] for row in json.loads(run("profiles", "--json")[1])]
    assert "acme-bin-eye" in names
    assert names == [
        r["name"] for r in json.loads(run("profiles", "list", "--json")[1])
    ]


def test_new_from_a_frame_and_a_decoder(run: Any, place: Path) -> None:
    words = ("--decoder", "milesight-em400", "--stdout", "--json")
    code, out, _ = run("profiles", "new", "acme-x", "01755c 0482690105 0001", *words)
    assert code == 0
    view = json.loads(out)
    assert (view["file"], 'decoder = "milesight-em400"' in view["text"]) == (None, True)
    assert not (place / "config" / "profiles").exists()


def test_new_from_a_frame_and_a_codec(run: Any, place: Path) -> None:
    (place / "config" / "codecs").mkdir()
    (place / "config" / "codecs" / "eye.js").write_text(
        "function decodeUplink(i) {"
        " return {data: {afstand_cm: i.bytes[0], lid: 'open'}}; }"
    )
    code, out, err = run("profiles", "new", "acme-x", "1f", "--codec", "eye.js")
    assert (code, err) == (0, "")
    assert 'map.afstand_cm = { measurement = "distance", scale = 10 }' in out
    view = json.loads(run("decode", "acme-x", "1f", "--json")[1])
    found = {r["measurement"]: r["value"] for r in view["readings"]}
    assert found == {"distance": 310, "lid_open": 1}
    assert view["decoder"] == "codec eye.js"
    assert [row["bytes"] for row in view["fields"]] == [[0], []]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("Acme X", SAMPLE), "a name is of a-z"),
        (("milesight-gs301", SAMPLE), "there is a profile milesight-gs301 already"),
        (("acme-x", "no.json"), "No such file"),
        (("acme-x", "{}"), "no values"),
        (("acme-x", "{"), "not JSON"),
        (("acme-x", "01", "--decoder", "x"), "no such decoder"),
        (("acme-x", "01", "--codec", "x.js"), "no such file"),
        (("acme-x", "0", "--decoder", "milesight-em400"), "not hex"),
        (("acme-x", "77", "--decoder", "milesight-em400"), "unknown channel"),
        (
            (
                "acme-x",
                '{"deviceInfo":{"devEui":"0101010101010101"},"fPort":9,"data":"qg=="}',
            ),
            "a frame (aa, port 9) and no decoded values",
        ),
    ],
)
def test_what_gives_no_profile_is_refused(
    run: Any, place: Path, words: tuple[str, ...], said: str
) -> None:
    code, _, err = run("profiles", "new", *words)
    assert (code, said in err) == (1, True), err
    assert not (place / "config" / "profiles").exists()


def test_an_unknown_profile_is_refused(run: Any) -> None:
    assert "no such profile" in run("profiles", "show", "x")[2]
