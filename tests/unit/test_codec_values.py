"""What a payload codec's result stands for."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorhub.decode.codec_values import result_frame
from sensorhub.model import Field, Frame, Text


def frame(result: Any) -> Frame:
    return result_frame(json.dumps(result))


def values(result: Any) -> dict[str, float]:
    return {field.name: field.value for field in frame(result).fields}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"battery": 92, "temperature": 21.5}, {"battery": 92, "temperature": 21.5}),
        ({"air": {"temp": 3, "x": {"y": 1}}}, {"air.temp": 3, "air.x.y": 1}),
        ({"tilt": True, "leak": False}, {"tilt": 1, "leak": 0}),
        ({"distance": "2799 mm"}, {"distance": 2799}),
        ({"t": "-3.5 °C", "h": "41%"}, {"t": -3.5, "h": 41}),
        ({"v": "+3.6V", "n": "12"}, {"v": 3.6, "n": 12}),
        ({"distance": "2.8 m"}, {"distance": 2800}),
        ({"at": "2026-03-01", "fw": "1.2.3", "lid": "open"}, {}),
        ({"probes": [4, 5]}, {"probes.0": 4, "probes.1": 5}),
        ({"nothing": None}, {}),
    ],
)
def test_data_become_fields(data: Any, expected: dict[str, float]) -> None:
    assert values({"data": data}) == expected


def test_a_result_without_any_part_of_ts013_is_taken_as_the_data() -> None:
    assert values({"battery": 3, "lid": "5 cm"}) == {"battery": 3, "lid": 50}


def test_errors_refuse_the_frame_whatever_data_stand_beside_them() -> None:
    found = frame({"data": {"battery": 3}, "errors": ["unknown FPort"]})
    assert (found.fields, found.errors) == ([], ["unknown FPort"])
    assert frame({"errors": "no list"}).errors == ["no list"]
    assert frame({"data": {"a": 1}, "errors": []}).errors == []


def test_warnings_are_kept_as_notes() -> None:
    found = frame({"data": {"battery": 3}, "warnings": ["battery low", {"code": 4}]})
    assert found.ignored == ["warning: battery low", 'warning: {"code":4}']
    assert [field.name for field in found.fields] == ["battery"]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("timestamp", 1_700_000_000),
        ("time", 1_700_000_000_000),
        ("ts", "2023-11-14T22:13:20Z"),
    ],
)
def test_records_of_a_list_keep_their_own_time(key: str, said: Any) -> None:
    data = {"level": 7, "history": [{key: said, "level": 5}, {"level": 6}]}
    assert frame({"data": data}).fields == [
        Field("level", 7.0),
        Field("level", 5.0, 1_700_000_000_000),
        Field("history.1.level", 6.0),
    ]


@pytest.mark.parametrize("said", [1e300, 10**20, 2**63])
def test_a_time_that_no_column_holds_is_none(said: float) -> None:
    found = frame({"data": [{"time": said, "level": 5}]})
    assert {field.measured_at for field in found.fields} == {None}


def test_words_wait_for_what_the_profile_says_of_them() -> None:
    data = {"lid": "open", "history": [{"time": 1_700_000_000, "lid": "closed"}]}
    texts = [Text("lid", "open"), Text("lid", "closed", 1_700_000_000_000)]
    assert frame({"data": data}).texts == texts


def test_an_empty_result_is_a_sound_answer_without_readings() -> None:
    assert frame({"data": {}}).answers
    assert frame(None).answers
    assert not frame({"data": {"a": "?"}}).answers


@pytest.mark.parametrize("data", [3, "text", True])
def test_anything_but_an_object_is_an_error(data: Any) -> None:
    assert "an object is expected" in frame({"data": data}).errors[0]


def test_more_values_than_an_uplink_may_hold_are_cut_with_a_note() -> None:
    found = frame({"data": {f"v{n}": n for n in range(5_000)}})
    assert len(found.fields) == 256
    assert found.ignored == ["further values of the codec: too many"]


anything = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8)
    | st.integers(),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["data", "errors", "warnings", "time", "a", ""]), inner
    ),
    max_leaves=20,
)  # fmt: skip


@given(anything)
def test_no_result_breaks_the_reader(result: Any) -> None:
    found = frame(result)
    assert isinstance(found.errors, list)
    assert len(found.fields) <= 256
