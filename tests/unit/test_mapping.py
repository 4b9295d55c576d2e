from sensorhub.decode.decoders import DECODERS
from sensorhub.decode.mapping import decode_uplink, map_fields
from sensorhub.model import Envelope, Field, Frame
from sensorhub.registry.profiles import load_profiles

PROFILES = load_profiles(None, DECODERS)


def values(frame: Frame) -> dict[str, float]:
    return {field.name: field.value for field in frame.fields}


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
