"""Native JSON: the quick way and the slow way say the same; what is wrong is named."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorhub.decode.native import (
    MAX_RECORDS,
    MAX_SEQ,
    MAX_VALUES,
    decode_record,
    decode_status,
    parse_lenient,
    to_ms,
)

M = {"fill_level": 63.2, "temperature": 21}


def one(body: Any) -> Any:
    (record,) = parse_lenient(json.dumps(body).encode())
    return record


@pytest.mark.parametrize(
    ("ts", "ms"),
    [
        (1_795_000_000_000, 1_795_000_000_000),
        ("2026-11-18T11:06:40Z", 1_795_000_000_000),
        ("2026-11-18T19:06:40+08:00", 1_795_000_000_000),
        ("2026-11-18T11:06:40.123Z", 1_795_000_000_123),
        ("1969-12-31T23:59:59Z", -1_000),
    ],
)
def test_a_time_is_rfc_3339_or_epoch_milliseconds(ts: str | int, ms: int) -> None:
    body = json.dumps({"ts": ts, "m": M}).encode()
    quick = decode_record(body).ts
    assert quick is not None
    assert to_ms(quick) == ms
    assert parse_lenient(body)[0].ts == ms


@pytest.mark.parametrize(
    "ts",
    ["2026-11-18T11:06:40", "yesterday", 1.5, True, [], {}, "", 2**63, -(2**62), 1e300],
)
def test_a_time_that_is_none_is_ignored_and_said_and_the_values_stay(ts: Any) -> None:
    record = one({"ts": ts, "seq": 4, "m": M})
    assert (record.values, record.ts, record.seq) == (M, None, 4)
    assert [text.split(":")[0] for text in record.ignored] == ["ts"]


@pytest.mark.parametrize("seq", [-1, MAX_SEQ + 1, 1.5, "7", True, [1]])
def test_a_seq_that_is_none_is_ignored_and_said_and_the_values_stay(seq: Any) -> None:
    record = one({"seq": seq, "m": M})
    assert (record.values, record.seq) == (M, None)
    assert [text.split(":")[0] for text in record.ignored] == ["seq"]


@pytest.mark.parametrize("seq", [0, 1, MAX_SEQ])
def test_a_seq_is_a_whole_number(seq: int) -> None:
    assert one({"seq": seq, "m": M}).seq == seq


@pytest.mark.parametrize("value", ["63", None, [], {}, [1], 10**400])
def test_a_value_that_is_no_number_is_ignored_and_the_others_stay(value: Any) -> None:
    record = one({"m": {"fill_level": 5, "temperature": value}})
    assert record.values == {"fill_level": 5}
    assert record.ignored[0].startswith("temperature: not a number")


def test_true_and_false_are_one_and_zero() -> None:
    assert one({"m": {"leak": True, "tilted": False}}).values == {
        "leak": 1,
        "tilted": 0,
    }


@pytest.mark.parametrize(
    ("payload", "what"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"{", "not JSON"),
        (b'{"m": {"a": NaN}}', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "0 records"),
        (b"5", '"m"'),
        (b"null", '"m"'),
        (b"[1]", '"m"'),
        (b"{}", '"m"'),
        (b'{"m": 3}', '"m"'),
        (b'[{"m": {}}, 4]', '"m"'),
        (b"[" + b'{"m":{}},' * MAX_RECORDS + b'{"m":{}}]', "records; 1 to"),
        (
            json.dumps({"m": {f"x{i}": 1 for i in range(MAX_VALUES + 1)}}).encode(),
            "more than 256 values",
        ),
    ],
)
def test_what_is_no_record_is_refused_in_words(payload: bytes, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        parse_lenient(payload)


def test_several_records_keep_their_own_times() -> None:
    body = json.dumps([{"ts": 1, "m": M}, {"m": M}, {"ts": 3, "seq": 9, "m": {}}])
    records = parse_lenient(body.encode())
    assert [(r.ts, r.seq, len(r.values)) for r in records] == [
        (1, None, 2),
        (None, None, 2),
        (3, 9, 0),
    ]


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_be_read_or_refused(payload: bytes) -> None:
    try:
        records = parse_lenient(payload)
    except ValueError:
        return
    assert 1 <= len(records) <= MAX_RECORDS


@given(
    st.dictionaries(st.text(max_size=9), st.floats(allow_nan=False, width=32)),
    st.none() | st.integers(-(2**53), 2**53),
    st.none() | st.integers(0, MAX_SEQ),
)
def test_what_the_quick_way_takes_the_slow_way_takes_alike(
    values: dict[str, float], ts: int | None, seq: int | None
) -> None:
    payload = msgspec.json.encode({"m": values, "ts": ts, "seq": seq})
    try:
        quick = decode_record(payload)
    except msgspec.ValidationError:  # an infinity is null in JSON
        return
    (slow,) = parse_lenient(payload)
    assert (quick.m, quick.ts, quick.seq) == (slow.values, slow.ts, slow.seq)


@pytest.mark.parametrize(
    "payload",
    [b"", b"{}", b'{"state": 3}', b'{"state":"online","interval_s":0}', b"online"],
)
def test_a_status_that_is_none_is_refused(payload: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        decode_status(payload)


def test_a_birth_tells_state_firmware_and_interval() -> None:
    birth = decode_status(b'{"state":"online","firmware":"1.4.2","interval_s":3600}')
    assert (birth.state, birth.firmware, birth.interval_s) == ("online", "1.4.2", 3600)
    assert decode_status(b'{"state":"offline"}').interval_s is None
