"""JSON of free shape: what the table `read` of a topic setting can say."""

import json
from pathlib import Path
from typing import Any

import pytest

from sensorhub.config.layout import TopicSettings
from sensorhub.config.settings import load_settings
from sensorhub.decode.decoders import DECODERS
from sensorhub.decode.envelopes import unwrapper
from sensorhub.decode.paths import NOTHING, find
from sensorhub.errors import ConfigError
from sensorhub.model import Envelope, EnvelopeError, Field, Message, Text
from sensorhub.registry.profiles import load_profiles
from tests.support.town import FLEET, MINUTE, NOW, SECOND, UP, Town

EUI = "24e124713c000001"
FRAME = bytes.fromhex("01755c0482690105000 0".replace(" ", ""))
OPERATOR = {
    "device": "devEui",
    "payload": "payload",
    "port": "fPort",
    "seq": "fCntUp",
    "time": "timestamp",
    "only": {"messageType": "payload"},
}


def take(
    message: Any, read: dict[str, Any] | None = None, topic: str = "town/d1/up"
) -> list[Envelope]:
    topics = TopicSettings(filter="town/+/up", kind="json", read=read)
    unwrap = unwrapper("json", topics.layout)
    return unwrap(topic, json.dumps(message).encode(), NOW)


def operator(**changes: Any) -> dict[str, Any]:
    """An operator's uplink as some of them send it: everything a text."""
    return {
        "devEui": EUI.upper(),
        "messageType": "payload",
        "timestamp": "2026-11-18T11:06:40.000Z",
        "payload": FRAME.hex(),
        "fPort": "85",
        "fCntUp": "1207",
        "rssi": "-97",
        **changes,
    }


# -- one flat object a topic --


def test_flat_json_needs_no_mapping_where_the_topic_names_the_device() -> None:
    (envelope,) = take({"temperature": 21.5, "distance": "315", "open": True})
    assert envelope.device == "d1"
    kept = {field.name: field.value for field in envelope.fields}
    assert kept == {"temperature": 21.5, "distance": 315, "open": 1}
    assert (envelope.measured_at, envelope.seq) == (None, None)


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("21.5", 21.5),
        (" -3 ", -3),
        ("2799 mm", 2799),
        ("279.9cm", 2799),
        ("2.799 m", 2799),
        ("21.5 °C", 21.5),
        ("70.7 F", 21.5),
        ("3600 mV", 3.6),
        ("85%", 85),
        ("1e3", 1000),
    ],
)
def test_numbers_in_texts_are_read_with_their_unit(said: str, value: float) -> None:
    (envelope,) = take({"x": said})
    assert envelope.fields == [Field("x", value)]


@pytest.mark.parametrize(
    "said", ["", "tilt", "12 furlong", "1,5", "0x10", "1.2.3", "nan"]
)
def test_what_is_no_number_stays_a_word(said: str) -> None:
    (envelope,) = take({"x": said})
    assert (envelope.fields, envelope.texts) == ([], [Text("x", said)])


@pytest.mark.parametrize(
    ("time", "format_", "at"),
    [
        ("2026-11-18T11:06:40Z", "rfc3339", NOW),
        ("2026-11-18T19:06:40.5+08:00", "rfc3339", NOW + 500),
        (NOW // 1000, "s", NOW),
        (NOW / 1000 + 0.25, "s", NOW + 250),
        (str(NOW // 1000), "s", NOW),
        (NOW, "ms", NOW),
        (str(NOW), "ms", NOW),
    ],
)
def test_a_time_is_text_or_epoch(time: Any, format_: str, at: int) -> None:
    read = {"time": "t", "time_format": format_}
    (envelope,) = take({"t": time, "x": 1}, read)
    assert envelope.measured_at == at
    assert envelope.fields == [Field("x", 1)]


LOCAL = "2026-11-18T19:06:40"  # whose noon is it?


@pytest.mark.parametrize("time", ["yesterday", LOCAL, True, {}, 1e300, "1e99", "nan"])
@pytest.mark.parametrize("format_", ["rfc3339", "s", "ms"])
def test_a_time_that_is_none_costs_no_values(time: Any, format_: str) -> None:
    read = {"time": "t", "time_format": format_}
    (envelope,) = take({"t": time, "x": 1}, read)
    assert (envelope.measured_at, envelope.fields) == (None, [Field("x", 1)])
    assert envelope.ignored[0].startswith(f"t: no time as {format_}")


# -- operators --


def test_an_operators_array_gives_an_uplink_a_record_and_events() -> None:
    first, second, event = take(
        [operator(), operator(fCntUp="1208"), operator(messageType="join")], OPERATOR
    )
    assert (first.device, first.seq, first.port) == (EUI, 1207, 85)
    assert (first.payload, first.network_time) == (FRAME, NOW)
    assert first.measured_at is None
    assert (second.seq, second.event) == (1208, None)
    assert event.event == "other"


def test_a_frame_may_be_base64_and_records_and_ids_deeper() -> None:
    message = {
        "gateway": {"id": "g1"},
        "data": {"items": [{"frame": {"b": "AXVc"}, "dev": {"eui.hex": EUI}}]},
    }
    read = {
        "records": "data.items",
        "device": "dev.eui.hex",
        "payload": "frame.b",
        "encoding": "base64",
    }
    (envelope,) = take(message, read)
    assert (envelope.device, envelope.payload) == (EUI, bytes.fromhex("01755c"))


def test_what_stands_beside_the_records_counts_for_all() -> None:
    message = {"id": "bin-7", "rows": [{"x": 1}, {"x": 2}]}
    (envelope,) = take(message, {"records": "rows", "device": "id"})
    assert envelope.device == "bin-7"
    assert [f.value for f in envelope.fields] == [1, 2]


def test_names_and_values_in_pairs() -> None:
    message = [
        {"sensor": "distance", "reading": "315 mm", "at": NOW},
        {"sensor": "distance", "reading": "317 mm", "at": NOW - SECOND},
        {"sensor": "lid", "reading": "open", "at": NOW},
    ]
    read = {"name": "sensor", "value": "reading", "time": "at", "time_format": "ms"}
    (envelope,) = take(message, read)
    assert envelope.measured_at == NOW
    assert envelope.fields == [
        Field("distance", 315),
        Field("distance", 317, NOW - SECOND),
    ]
    assert envelope.texts == [Text("lid", "open")]


def test_one_broken_record_costs_not_the_others() -> None:
    found = take([operator(), operator(payload="xyz"), operator(devEui=None)], OPERATOR)
    assert [e.device for e in found] == [EUI, "", ""]
    assert [e.broken.partition(":")[0] for e in found] == ["", "payload", "devEui"]


@pytest.mark.parametrize(
    ("message", "read", "word"),
    [
        (7, None, "a record is an object, not 7"),
        ([], None, "0 records"),
        ([{}] * 1001, None, "1001 records"),
        ({"a": 1}, {"records": "rows", "level": 2}, "rows: an array"),
        ({"a": 1}, {"device": "id"}, "id: a device's id is expected, not nothing"),
        ({"id": "两"}, {"device": "id"}, "id: a device's id"),
        ({"id": EUI, "p": "0g"}, {"device": "id", "payload": "p"}, "hex digits"),
        ({"id": EUI, "p": 7}, {"device": "id", "payload": "p"}, "hex digits"),
        ({"id": EUI, "n": "-1"}, {"device": "id", "seq": "n"}, "n: a whole number"),
        ({"id": EUI, "f": 256}, {"device": "id", "port": "f"}, "f: a whole number"),
        ([{"v": 1}], {"level": 2, "name": "n", "value": "v"}, "n: a value's name"),
    ],
)
def test_what_is_not_as_the_setting_says_is_refused_in_words(
    message: Any, read: dict[str, Any] | None, word: str
) -> None:
    with pytest.raises(EnvelopeError, match=word):
        take(message, read)


def test_a_topic_without_a_device_is_refused_in_words() -> None:
    with pytest.raises(EnvelopeError, match="topic level 2 is no device's id"):
        take({"x": 1}, None, "town/ä/up")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a.b", 1),
        ("c.d.e", 2),
        ("l.0.x", 3),
        ("l.7.x", NOTHING),
        ("l.x", NOTHING),
        ("a", NOTHING),
        ("c.d", NOTHING),
    ],
)
def test_a_path_finds_keys_with_dots_too(path: str, found: Any) -> None:
    message = {"a.b": 1, "c": {"d.e": 2}, "l": [{"x": 3}]}
    assert find(message, path) == found


# -- the settings --


@pytest.mark.parametrize(
    ("toml", "where", "word"),
    [
        ('kind = "tts"\nread = { level = 1 }', "0", "read.level is for kind json"),
        ('kind = "senml"\nread = { device = "x" }', "0", "read.device is for kind"),
        ('kind = "json"\nread = { level = 9 }', "0", "only 3 levels"),
        ('kind = "json"\nread = { level = 1, device = "x" }', "0.read", "one place"),
        ('kind = "json"\nread = { name = "x" }', "0.read", "name needs value"),
        ('kind = "json"\nread = { encoding = "hex" }', "0.read", "needs payload"),
        ('kind = "json"\nread = { time_format = "s" }', "0.read", "needs time"),
        ('kind = "json"\nread = { device = "a..b" }', "0.read.device", "no path"),
        ('kind = "json"\nread = { devise = "a" }', "0.read.devise", "unknown key"),
        ('kind = "json"\nread = { level = 0 }', "0.read.level", "greater than"),
    ],
)
def test_an_unsound_mapping_is_a_fault_with_its_key(
    tmp_path: Path, toml: str, where: str, word: str
) -> None:
    text = f'[[mqtt.topics]]\nfilter = "town/+/up"\n{toml}\n'
    (tmp_path / "sensorhub.toml").write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings(tmp_path, {})
    assert [(f.where, word in f.what) for f in caught.value.faults] == [
        (f"mqtt.topics.{where}", True)
    ]


def test_json_without_any_device_is_a_fault(tmp_path: Path) -> None:
    text = '[[mqtt.topics]]\nfilter = "town/up"\nkind = "json"\n'
    (tmp_path / "sensorhub.toml").write_text(text, "utf-8")
    with pytest.raises(ConfigError, match="what is the device"):
        load_settings(tmp_path, {})


# -- through the hub --

SETTINGS = """
[[mqtt.topics]]
filter = "flat/+"
kind = "json"
[[mqtt.topics]]
filter = "timed/+"
kind = "json"
read = { time = "ts", time_format = "ms" }
[[mqtt.topics]]
filter = "op"
kind = "json"
read = { device = "id", payload = "hex", seq = "n", only = { type = "up" } }
[[mqtt.topics]]
filter = "senml/#"
kind = "senml"
"""
WITH_EUI = FLEET + f"east,park,bin-2,bin,{EUI},milesight-em400-tld,900,100,,,\n"


@pytest.fixture
def town(tmp_path: Path) -> Town:
    (tmp_path / "sensorhub.toml").write_text(SETTINGS, "utf-8")
    return Town(tmp_path, UP, WITH_EUI, settings=load_settings(tmp_path, {}))


def send(town: Town, topic: str, message: Any, flags: int = 2) -> None:
    town.take([Message(topic.encode(), json.dumps(message).encode(), flags)])


def values(town: Town, asset: str, measurement: str) -> list[tuple[int, float]]:
    found = town.readings(asset, measurement)
    return [(r.measured_at - town.clock.time, r.value) for r in found]


def test_flat_json_is_stored_and_its_doubles_are_known(town: Town) -> None:
    send(town, "flat/d1", {"distance": "70 cm", "mood": "fine"})
    send(town, "flat/d1", {"distance": "70 cm", "mood": "fine"})
    assert values(town, "bin-1", "fill_level") == [(0, 50)]
    town.clock.time += MINUTE
    send(town, "flat/d1", {"distance": "70 cm", "mood": "fine"})
    assert town.ends() == (2, 1, 0)


def test_the_same_values_at_another_time_are_no_double(town: Town) -> None:
    for at in (NOW - 2, NOW - 1, NOW - 2):
        send(town, "timed/d1", {"distance": 700, "ts": at})
    assert values(town, "bin-1", "distance") == [(-2, 700), (-1, 700)]
    assert town.ends() == (2, 1, 0)


def test_a_devices_time_beyond_the_limits_makes_its_values_suspect(town: Town) -> None:
    send(town, "timed/d1", {"distance": 700, "ts": NOW + 301 * SECOND})
    (found,) = town.readings("bin-1", "distance")
    assert (found.measured_at, found.reason.word) == (NOW, "clock")


def test_an_operators_array_counts_uplinks_and_dead_and_no_events(town: Town) -> None:
    records = [
        {"id": EUI, "hex": FRAME.hex(), "n": "1", "type": "up"},
        {"id": EUI, "hex": FRAME.hex(), "n": "2", "type": "up"},
        {"id": "nobody", "hex": FRAME.hex(), "n": "2", "type": "up"},
        {"id": EUI, "hex": "??", "n": "3", "type": "up"},
        {"id": EUI, "type": "join"},
    ]
    send(town, "op", records)
    send(town, "op", records)
    assert town.ends() == (2, 4, 2)
    assert [value for _, value in values(town, "bin-2", "distance")] == [361, 361]
    send(town, "op", [{"id": EUI, "type": "join"}])
    assert town.count("events_received") == 1


def test_a_senml_pack_of_two_devices_is_two_uplinks(town: Town) -> None:
    pack = [
        {"bn": "d1/", "bt": NOW / 1000, "n": "distance", "u": "m", "v": 0.7},
        {"n": "distance", "u": "m", "v": 0.75, "t": -60},
        {"bn": "d2/", "n": "fill_level", "u": "/", "v": 0.9},
    ]
    send(town, "senml/any", pack)
    send(town, "senml/other", pack)
    assert values(town, "bin-1", "distance") == [(-MINUTE, 750), (0, 700)]
    assert town.open() == {("full", "bin-2"): "urgent"}
    assert town.ends() == (2, 2, 0)


def test_words_of_a_codec_become_flags_by_the_profile(tmp_path: Path) -> None:
    (tmp_path / "sensorhub.toml").write_text(SETTINGS, "utf-8")
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "own.toml").write_text(
        '[own]\nvendor = "A"\nmodel = "B"\n'
        'map.position = { measurement = "tilted", words = { normal = 0, Tilt = 1 } }\n'
    )
    town = Town(
        tmp_path,
        UP,
        FLEET + "east,park,bin-9,bin,d9,own,,,,,\n",
        known=load_profiles(tmp_path, DECODERS),
        settings=load_settings(tmp_path, {}),
    )
    for number, word in enumerate(("normal", "TILT", "sideways")):
        send(town, "flat/d9", {"position": word, "battery": 90 - number})
    found = [(r.measurement, r.value) for r in town.readings("bin-9", "tilted")]
    assert found == [("tilted", 0), ("tilted", 1)]
    assert town.count("values_ignored") == 1


def test_words_alone_that_mean_nothing_are_stored_without_readings(town: Town) -> None:
    send(town, "flat/d1", {"device_status": "on", "version": "v1.0"})
    assert town.ends() == (1, 0, 0)
    send(town, "flat/d1", {"soil": 4})  # a number that nobody asked for: look at it
    assert town.ends() == (1, 0, 1)


def test_replaying_a_part_of_a_message_doubles_no_other_part(town: Town) -> None:
    rows = [
        {"id": EUI, "hex": FRAME.hex(), "n": 1, "type": "up"},
        {"id": "aa" * 8, "hex": FRAME.hex(), "n": 1, "type": "up"},
        {"id": "bb" * 8, "hex": FRAME.hex(), "n": 1, "type": "up"},
    ]
    send(town, "op", rows)
    assert town.ends() == (1, 0, 2)
    town.clock.time += MINUTE
    for device in ("aa" * 8, "bb" * 8):
        said = {"device": device, "asset": "bin-2", "profile": "milesight-em400-tld"}
        result = town.act("adopt", **said | {"from": "2026-01-01"})
        assert result["replayed"] == 1, result
    found = [(r.device, r.value) for r in town.readings("bin-2", "distance")]
    assert sorted(found) == [(EUI, 361), ("aa" * 8, 361), ("bb" * 8, 361)]
    assert town.count("uplinks_replayed") == 2
    assert town.ends() == (1, 0, 2)
