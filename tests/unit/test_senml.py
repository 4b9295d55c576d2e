import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorhub.config.layout import Layout
from sensorhub.config.settings import Settings
from sensorhub.decode.envelopes import unwrapper
from sensorhub.decode.senml import SenmlRecord, identity, resolve
from sensorhub.model import Envelope, EnvelopeError, Field, Text
from tests.support.town import Town, uplink
from tests.support.vectors import senml as vectors

NOW = 1_795_000_000_000
OW = "10e2073a01080063"
PACKS = {vector["name"]: vector for vector in vectors()}


def take(pack: Any, topic: str = "any", level: int | None = None) -> list[Envelope]:
    unwrap = unwrapper("senml", Layout(level=level))
    return unwrap(topic, json.dumps(pack).encode(), NOW)


def as_said(record: SenmlRecord, now: float) -> dict[str, Any]:
    """A resolved record in the words of the RFC."""
    kind = {str: "vs", bool: "vb"}.get(type(record.v), "v")
    return {
        "n": record.n,
        **({"u": record.u} if record.u else {}),
        "t": now if record.t is None else record.t,
        kind: record.v,
    }


@pytest.mark.parametrize("name", [n for n, v in PACKS.items() if v["resolved"]])
def test_the_examples_of_the_rfc_resolve_as_it_says(name: str) -> None:
    # in order of time, as section 4.6 wants it; links are not ours
    expected = sorted(PACKS[name]["resolved"], key=lambda record: record["t"])
    expected = [{k: v for k, v in r.items() if k != "l"} for r in expected]
    now = PACKS[name]["resolved"][0]["t"]
    records = resolve(PACKS[name]["pack"], now)
    found = [as_said(record, now) for record in records if record.v is not None]
    assert found == [
        {**record, "t": pytest.approx(record["t"], abs=1e-6)} for record in expected
    ]


@pytest.mark.parametrize("name", PACKS)
def test_every_example_of_the_rfc_names_its_devices(name: str) -> None:
    devices = {envelope.device for envelope in take(PACKS[name]["pack"])}
    assert devices == {
        "ex3": {"10e2073a0108006"},
        "ex6": {"2001-db8--1", "2001-db8--2"},
        "ex12": {"2001-db8--3", "2001-db8--4"},
        "ex13": {"2001-db8--3", "2001-db8--4"},
    }.get(name, {OW})


@pytest.mark.parametrize(
    ("name", "device", "rest"),
    [
        (f"urn:dev:ow:{OW}", OW, ""),
        (f"urn:dev:ow:{OW}:voltage", OW, "voltage"),
        ("urn:dev:mac:0024BEFFFE804FF1", "0024befffe804ff1", ""),
        ("urn:dev:mac:0024befffe804ff1_temp", "0024befffe804ff1", "temp"),
        ("urn:dev:os:32473-123456:level", "32473-123456", "level"),
        ("urn:dev:ops:32473-Bin-7/air/temp", "32473-Bin-7", "air/temp"),
        ("2001:db8::2/temperature", "2001-db8--2", "temperature"),
        ("2001:db8::3", "2001-db8--3", ""),
        ("bin-7/fill", "bin-7", "fill"),
        ("bin-7/3303/5700", "bin-7", "3303/5700"),
        ("hall/wc-2/nh3", "hall-wc-2", "nh3"),
        ("bin7:temperature", "bin7", "temperature"),
        ("bin7", "bin7", ""),
        ("24-E1-24-71-3C-00-00-01/distance", "24e124713c000001", "distance"),
    ],
)
def test_device_and_value_are_told_apart_by_the_resolved_name(
    name: str, device: str, rest: str
) -> None:
    assert identity(name) == (device, rest)


def test_the_topic_may_name_the_device() -> None:
    pack = [{"bn": "urn:oma:lwm2m:ext:3303", "n": "/5700", "v": 4.5, "u": "Cel"}]
    (envelope,) = take(pack, "town/wc-7/up", 2)
    assert envelope.device == "wc-7"
    assert envelope.fields == [Field("urn:oma:lwm2m:ext:3303/5700", 4.5)]
    (envelope,) = take([{"bn": "urn:dev:x:WC-7:", "n": "t", "v": 1}], "town/wc-7/up", 2)
    assert envelope.fields == [Field("t", 1)]


@pytest.mark.parametrize(
    ("name", "unit", "value", "kept"),
    [
        ("distance", "m", 1.234, 1234),
        ("distance", "cm", 31.5, 315),
        ("temperature", "K", 294.65, 21.5),
        ("temperature", "Cel", 21.5, 21.5),
        ("battery_voltage", "mV", 3600, 3.6),
        ("fill_level", "/", 0.63, 63),
        ("fill_level", "%", 63, 63),
        ("leak", "/", 1, 1),
        ("nh3", "ppb", 250, 0.25),
        ("rssi", "dBW", -120, -90),
        ("depth", "furlong", 2, 2),
    ],
)
def test_units_become_those_of_the_catalogue(
    name: str, unit: str, value: float, kept: float
) -> None:
    (envelope,) = take([{"bn": "bin-7/", "n": name, "u": unit, "v": value}])
    assert envelope.fields == [Field(name, kept)]


def test_words_flags_sums_and_data_are_told_apart() -> None:
    pack = [
        {"bn": "bin-7/", "bt": 1.794e9, "n": "state", "vs": "open"},
        {"n": "leak", "vb": True},
        {"n": "visits", "v": 3, "s": 120},
        {"n": "blob", "vd": "aGkgCg"},
        {"u": "Cel", "v": 20},
    ]
    (envelope,) = take(pack)
    assert envelope.texts == [Text("state", "open")]
    kept = {field.name: field.value for field in envelope.fields}
    assert kept == {"leak": 1, "visits": 3, "visits.sum": 120, "temperature": 20}
    assert envelope.ignored == ["blob: data"]
    assert envelope.measured_at == 1_794_000_000_000


def test_only_the_newest_of_several_times_is_the_uplinks() -> None:
    pack = [
        {"bn": "bin-7/", "bt": NOW / 1000 - 60, "n": "distance", "u": "mm", "v": 1},
        {"n": "distance", "t": 60, "u": "mm", "v": 2},
    ]
    (envelope,) = take(pack)
    assert envelope.measured_at == NOW
    assert envelope.fields == [Field("distance", 1, NOW - 60_000), Field("distance", 2)]


def test_times_before_now_are_relative_to_it() -> None:
    pack = [{"n": "bin-7/distance", "t": t, "v": 1, "u": "mm"} for t in (-5, 0)]
    (envelope,) = take(pack)
    assert envelope.measured_at is None
    assert [f.measured_at for f in envelope.fields] == [NOW - 5_000, None]


@pytest.mark.parametrize(
    ("pack", "word"),
    [
        ({}, "an array"),
        ([], "an array"),
        ([1], "record 1: an object"),
        ([{"v": 1}], "no name"),
        ([{"n": "-x", "v": 1}], "no name"),
        ([{"n": "ä", "v": 1}], "no name"),
        ([{"n": "a/b", "v": "1"}], "v: a number"),
        ([{"n": "a/b", "vs": 1}], "vs: text"),
        ([{"n": "a/b", "vb": 1}], "vb: true or false"),
        ([{"n": "a/b", "v": 1, "vs": "x"}], "one value"),
        ([{"n": "a/b"}], "neither a value nor a sum"),
        ([{"n": "a/b", "v": 1, "bver": 11}], "version 11"),
        ([{"n": "a/b", "v": 1, "new_": 1}], "new_: must be understood"),
        ([{"n": "a/b", "v": 1, "t": 1e300}], "no time"),
        ([{"bn": "a/"}], "no values"),
    ],
)
def test_a_pack_that_breaks_the_rules_is_refused_in_words(pack: Any, word: str) -> None:
    with pytest.raises(EnvelopeError, match=word):
        take(pack)


# -- resolution, against a plain reading of the RFC's own words --

NUMBER = st.integers(-10_000, 10_000).map(float)
RECORD = st.fixed_dictionaries(
    {},
    optional={
        "bn": st.sampled_from(["urn:dev:ow:1:", "a/", "b:c/"]),
        "bt": st.sampled_from([0.0, 1.7e9, 1.6e9, -30.0]),
        "bu": st.sampled_from(["Cel", "%RH"]),
        "bv": NUMBER,
        "bs": NUMBER,
        "n": st.sampled_from(["x", "y/z", "t1"]),
        "u": st.sampled_from(["V", "m"]),
        "t": st.integers(-100, 100).map(float),
    },
)


@given(
    st.lists(st.tuples(RECORD, NUMBER | st.booleans() | st.just("word")), min_size=1)
)
def test_resolving_is_putting_bases_and_own_together(
    drawn: list[tuple[dict[str, Any], Any]],
) -> None:
    now = 1.795e9
    pack: list[dict[str, Any]] = []
    expected: list[tuple[Any, ...]] = []
    base: dict[str, Any] = {"bn": "d/", "bt": 0.0, "bv": 0.0}
    for said, value in drawn:
        kind = {bool: "vb", str: "vs"}.get(type(value), "v")
        record = {**({} if pack else {"bn": "d/"}), **said, kind: value}
        pack.append(record)
        base |= {key: record[key] for key in record if key[0] == "b"}
        at = base["bt"] + record.get("t", 0)
        name = base["bn"] + record.get("n", "")
        total = base["bv"] + value if kind == "v" else value
        at = at if at >= 2**28 else now + at
        expected.append((at, name, record.get("u", base.get("bu", "")), total))
    found = [(now if r.t is None else r.t, r.n, r.u, r.v) for r in resolve(pack, now)]
    assert found == sorted(expected, key=lambda item: item[0])


@given(st.lists(st.tuples(RECORD, NUMBER), min_size=1, max_size=5))
def test_a_resolved_pack_resolves_to_itself(
    drawn: list[tuple[dict[str, Any], float]],
) -> None:
    first = {"bn": "d/"}
    pack = [
        {**(first if i == 0 else {}), **said, "v": value}
        for i, (said, value) in enumerate(drawn)
    ]
    once = resolve(pack, 1.795e9)
    again = [
        {"n": r.n, "u": r.u, "t": 1.795e9 if r.t is None else r.t, "v": r.v}
        for r in once
    ]
    for item, r in zip(again, once, strict=True):
        if r.s is not None:
            item["s"] = r.s
    twice = resolve(again, 1.0e9)
    assert [r._replace(t=None) for r in twice] == [r._replace(t=None) for r in once]
    assert [r.t for r in twice] == [1.795e9 if r.t is None else r.t for r in once]


@pytest.mark.parametrize(
    ("name", "unit", "value", "kept"),
    [
        ("nh3", "mg/m3", 30, None),
        ("nh3", "ug/m3", 300, None),
        ("nh3", "/", 0.000002, 2),
        ("nh3", "ppb", 2_000, 2),
        ("battery", "V", 3.6, None),
        ("battery", "/100", 91, 91),
        ("temperature", "degF", 70, None),
        ("temperature", "°C", 21, 21),
        ("distance", "V", 3, None),
        ("count_in", "count", 7, 7),
        ("count_in", "s", 7, None),
        ("my-gas", "mg/m3", 30, 30),
    ],
)
def test_a_value_in_a_unit_of_another_quantity_is_no_value(
    name: str, unit: str, value: float, kept: float | None
) -> None:
    pack = [{"n": f"bin-7/{name}", "u": unit, "v": value}]
    (envelope,) = take(pack)
    assert [field.value for field in envelope.fields] == [kept] * (kept is not None)
    assert bool(envelope.ignored) == (kept is None)


def test_a_pack_of_many_strangers_is_not_kept_once_for_each(tmp_path: Path) -> None:
    topics = [{"filter": "senml/#", "kind": "senml"}]
    settings = Settings.model_validate({"mqtt": {"topics": topics}})
    town = Town(tmp_path, settings=settings)
    pack = [{"n": f"stranger{n}/temperature", "v": 1} for n in range(1_000)]
    payload = json.dumps(pack).encode()
    change_set = town.take([uplink(payload, "senml/a")])
    assert town.ends() == (0, 0, 1_000)
    assert len(change_set.letters) == 2**20 // len(payload)
