"""Encoders against uplinks of real devices (vendors' and LoRa Alliance examples)."""

import base64
import json

import pytest

from firmware_sim.families import wire

# payload bytes as published in TheThingsNetwork/lorawan-devices and akenza's codecs
GOLDEN = [
    (wire.em400_tld(92, 25.7, 2116, tilted=True), "01755c0367010104824408050001"),
    (wire.em310_udl(92, 2116, tilted=True), "01755c03824408040001"),
    (wire.gs301(100, 28.4, 50, 0, 0.01), "01756402671c01036864047d0000057d0100"),
    (wire.em300_sld(92, 30.8, 50.5, leak=False), "01755c03673401046865050000"),
]


@pytest.mark.parametrize(("made", "expected"), GOLDEN)
def test_frames_are_byte_for_byte_those_of_real_devices(
    made: bytes, expected: str
) -> None:
    assert made.hex() == expected


def test_a_dragino_frame_holds_voltage_and_distance_as_documented() -> None:
    assert wire.ldds75(3387, 2799).hex() == "0d3b0aef000ccc01"


def test_people_totals_wrap_after_sixteen_bits() -> None:
    frame = wire.vs350(100, (65_537, 4_360), (1_000, 1_001))
    assert frame.hex() == "017564" + "04cc01000811" + "05cce803e903"


def test_a_warming_gas_cell_sends_its_sentinel() -> None:
    frame = wire.gs301(100, 28.4, 50, None, None, fine=True)
    assert frame.hex().endswith("047dfeff067dfeff")


def test_temperature_below_zero_is_twos_complement() -> None:
    assert wire.em400_tld(92, -5.0, 0, tilted=False)[3:7].hex() == "0367ceff"


def test_chirpstack_leaves_a_zero_frame_counter_out() -> None:
    frame = wire.LorawanUplink(
        *("24e1240000000001", "n", "p", 0, 85, b"\x01\x75\x5c"),
        gateways=(("24e124fffef00101", -90, 7.5),),
        deduplication="x",
    )
    event = json.loads(wire.chirpstack(frame, 1_780_268_400_000, "app"))
    assert "fCnt" not in event
    assert event["time"] == "2026-05-31T23:00:00.000000000+00:00"
    assert base64.b64decode(event["data"]) == b"\x01\x75\x5c"


def test_native_is_one_object_or_an_array() -> None:
    one = json.loads(wire.native([(1_000, 7, {"fill_level": 63.2})], epoch=True))
    many = json.loads(wire.native([(0, 7, {}), (1_000, 8, {})], epoch=False))
    assert one == {"ts": 1_000, "seq": 7, "m": {"fill_level": 63.2}}
    assert [record["ts"] for record in many] == [
        "1970-01-01T00:00:00.000Z",
        "1970-01-01T00:00:01.000Z",
    ]
