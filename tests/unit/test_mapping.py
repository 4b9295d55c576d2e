import json

import pytest

from sensorhub.decode.decoders import DECODERS
from sensorhub.decode.mapping import decode_uplink, describe, map_fields
from sensorhub.model import Envelope, Field, Frame
from sensorhub.profiles import load_profiles

PROFILES = load_profiles(None, DECODERS)


def values(frame: Frame) -> dict[str, float]:
    return {field.name: field.value for field in frame.fields}


def test_describe_gives_what_the_command_line_prints() -> None:
    payload = bytes.fromhex("20ceff3df16401070002001d000800")
    described = describe(PROFILES["milesight-vs350"], payload, 85)
    assert described["readings"][0] == {
        "measurement": "count_in",
        "value": 29.0,
        "unit": "",
        "measured_at": "2023-09-01T01:27:27.000Z",
    }
    assert described["errors"] == []
    assert len(described["ignored"]) == 2
    json.dumps(described)


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_describe_of_nothing_is_an_error(name: str) -> None:
    assert describe(PROFILES[name], b"", 1)["errors"]


def test_bytes_for_a_profile_without_decoder_are_an_error() -> None:
    assert "no decoder" in describe(PROFILES["native"], b"\x01", 1)["errors"][0]


def test_link_quality_comes_with_what_was_understood() -> None:
    link = {"rssi": -90.0, "snr": 3.5}
    profile = PROFILES["milesight-em400-tld"]
    good = Envelope("d", payload=bytes.fromhex("01755c"), link=link)
    assert values(decode_uplink(good, profile)) == {"battery": 92, **link}
    broken = Envelope("d", payload=b"\x77", link=link)
    assert decode_uplink(broken, profile).fields == []


def test_values_that_came_decoded_count_where_there_are_no_bytes() -> None:
    profile = PROFILES["milesight-vs351"]
    came = Envelope("d", fields=[Field("total_in", 7.0), Field("foo", 1.0)])
    mapped = map_fields(profile, decode_uplink(came, profile).fields)
    assert mapped.readings == [(14, 7.0, None)]
    assert mapped.bits == {14: 16}
    assert mapped.ignored == ["foo: not in profile milesight-vs351"]


def test_an_uplink_without_payload_keeps_in_touch() -> None:
    frame = decode_uplink(Envelope("d"), PROFILES["milesight-em400-tld"])
    assert frame.answers
    assert not frame.errors
