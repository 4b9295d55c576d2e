"""Published uplinks give what is published of them, cut and lengthened ones too."""

import math
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensorhub.decode.mapping import map_fields
from sensorhub.model import BY_NO
from tests.support.vectors import PROFILES, decode, decode_by, frames, values

VECTORS = frames()
DOC = Path(__file__).parents[2] / "docs" / "decoders.md"
CUT = (
    "seven bytes of a frame of ten (published for LMDS200, too):"
    " duration and alarm come from missing bytes"
)
DERIVED = (
    "worked out from the voltage by the publisher: no percentage stands in the frame"
)
HEIGHT = "worked out from a container height that the publisher assumes"
ELT_2 = "0100dd022b070e2e0e012c14000eb751"
# what published vectors say that does not stand in their bytes, and why
DISPUTED = {
    ("browan-tbdw100", "017b345cb1510c00"): DERIVED,
    ("browan-tbms100", "080b232fffffffff"): (
        "the publisher reads two of the three bytes of the counter"
    ),
    ("browan-tbwl100", "000b3628"): DERIVED,
    ("decentlab-dl-mbx", "02012f000304d200010bb1"): HEIGHT,
    ("dragino-dds20-lb", "0d020018000ccc01"): (
        "the word for a probe that is missing, not a temperature"
    ),
    ("dragino-lds01", "0b880100250001"): CUT,
    ("dragino-lds02", "0b880100250001"): CUT,
    ("dragino-lwl01", "0b880100250001"): CUT,
    ("dragino-lwl02", "0b880100250001"): CUT,
    ("elsys-elt-2-radar", ELT_2): DERIVED,
    ("elsys-elt-2-ultrasonic", ELT_2): DERIVED,
    ("elsys-elt-2-ultrasonic-10m", ELT_2): DERIVED,
    ("elsys-ems-door", "033e01ff070e2f0b000007920d010f00"): DERIVED,
    ("imbuildings-peoplecounter", "02060004a30b00f6b5690800f80003000220060305e661"): (
        DERIVED
    ),
    ("imbuildings-verticount", "02060004a30b0114930d00016f00000000000000000002"): (
        DERIVED
    ),
}
IDS = [f"{v['profile']}-{v['payload'][:24]}" for v in VECTORS]


@pytest.mark.parametrize("vector", VECTORS, ids=IDS)
def test_a_documented_frame_gives_its_documented_readings(vector: Any) -> None:
    profile = PROFILES[vector["profile"]]
    frame = decode(vector["profile"], vector["payload"], vector["port"])
    mapped = map_fields(profile, frame.fields)
    got = [(BY_NO[no].name, value, at) for no, value, at in mapped.readings]
    want = [
        (r["measurement"], r["value"], r.get("measured_at")) for r in vector["readings"]
    ]
    assert sorted(got) == sorted(want)
    said = frame.ignored + mapped.ignored
    assert vector.get("fields", {}).items() <= values(frame).items()
    for word in vector.get("ignored", []):
        assert any(text.startswith(word) for text in said), (word, said)
    assert len(said) == len(vector.get("ignored", []))
    assert [e.partition(";")[0] for e in frame.errors] == vector.get("errors", [])
    assert frame.answers == vector.get("answers", False)


@pytest.mark.parametrize("vector", VECTORS, ids=IDS)
def test_every_vector_names_its_source(vector: Any) -> None:
    assert len(vector["source"]) > 10


def test_what_published_vectors_say_wrongly_is_this_and_no_more() -> None:
    found = [v for v in VECTORS if "disputed" in v]
    reasons = {(v["profile"], v["payload"]): v["disputed"]["why"] for v in found}
    assert reasons == DISPUTED
    for vector in found:
        frame = decode(vector["profile"], vector["payload"], vector["port"])
        mapped = map_fields(PROFILES[vector["profile"]], frame.fields)
        ours = values(frame) | {BY_NO[no].name: v for no, v, _ in mapped.readings}
        for name, published in vector["disputed"]["published"].items():
            assert ours.get(name) != published


@pytest.mark.parametrize("payload", sorted({payload for _, payload in DISPUTED}))
def test_the_page_on_decoders_names_every_wrong_vector(payload: str) -> None:
    assert f"`{payload}`" in DOC.read_text("utf-8")


MILESIGHT = [
    v
    for v in VECTORS
    if v["profile"].startswith("milesight") and not v["payload"].startswith("0aef")
]  # 0aef dates what follows: its parts differ from the whole


@pytest.mark.parametrize("vector", MILESIGHT, ids=lambda v: v["payload"][:24])
def test_a_frame_cut_anywhere_keeps_what_stood_before_and_says_so(vector: Any) -> None:
    whole = bytes.fromhex(vector["payload"])
    decoder = partial(decode_by, PROFILES[vector["profile"]].decoder)
    full = decoder(whole, vector["port"])
    assert len(whole) > 1
    for end in range(1, len(whole)):
        cut = decoder(whole[:end], vector["port"])
        kept = len(cut.fields)
        assert cut.fields == full.fields[:kept]
        if not cut.errors:  # then it was cut between two channels
            rest = decoder(whole[end:], vector["port"])
            assert (rest.fields, rest.errors) == (full.fields[kept:], [])


# a byte more is another layout: by length, or by the last two bits
LENGTH_TELLS = {
    "browan-dw10",
    "browan-tbwl100",
    "smartends-brighterbins",
    "teneo-iot-filling-degree-sensor",
}


@pytest.mark.parametrize("vector", VECTORS, ids=IDS)
def test_bytes_too_many_are_an_error_and_take_nothing_away(vector: Any) -> None:
    whole = bytes.fromhex(vector["payload"])
    decoder = partial(decode_by, PROFILES[vector["profile"]].decoder)
    full = decoder(whole, vector["port"])
    if vector.get("errors") or vector["profile"] in LENGTH_TELLS:
        return
    longer = decoder(whole + b"\x0b", vector["port"])
    assert longer.fields == full.fields
    assert longer.errors


@settings(max_examples=500)
@given(
    vector=st.sampled_from(VECTORS),
    at=st.integers(0, 60),
    byte=st.integers(0, 255),
    port=st.none() | st.integers(0, 255),
)
def test_a_garbled_byte_makes_no_decoder_raise_or_keep_silent(
    vector: Any, at: int, byte: int, port: int | None
) -> None:
    frame = bytearray.fromhex(vector["payload"])
    frame[at % len(frame)] = byte
    decoder = partial(decode_by, PROFILES[vector["profile"]].decoder)
    out = decoder(bytes(frame), vector["port"] if port is None else port)
    assert out.fields or out.ignored or out.errors or out.answers
    assert all(math.isfinite(field.value) for field in out.fields)
