"""Families' bytes: as published by vendors, and read back by the hub's decoders."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.families import (
    brighterbins,
    browan,
    decentlab,
    device_commands,
    dingtek,
    dragino,
    elsys,
    enginko,
    imbuildings,
    milesight,
    netvox,
    teneo,
)
from sensorhub.decode import downlinks
from tests.support.vectors import decode, values

# payload bytes of tests/vectors, which name their sources
PUBLISHED = [
    (milesight.ws201(100, 62, 69), "01756403823e0004d645"),
    (milesight.vs330(98, 15, occupied=True), "01756202820f00038e01048e01"),
    (milesight.vs340(100, occupied=True), "017564030001"),
    (milesight.vs133((5593, 5205), (0, 0)), "03d2d915000004d25514000005cc00000000"),
    (
        milesight.vs350_history(1_693_531_647, (7, 2), (29, 8)),
        "20ceff3df16401070002001d000800",
    ),
    (
        milesight.em300_history(1_700_000_000, 25.5, 60, leak=True),
        "20ce00f15365ff007801",
    ),
    (dragino.dds75(3387, 2799, 0), "0d3b0aef00000001"),
    (dragino.lds02(2952, 7091, 0, is_open=False), "0b8801001bb300000000"),
    (dragino.lwl02(3102, 4, 0, leak=False), "0c1e0200000400000000"),
    (netvox.r718pe(3.6, 300, 50), "01b1012401012c32000000"),
    (netvox.r718qa(3.0, occupied=True), "0197011e01000000000000"),
    (netvox.r311w(3.0, False, True), "0106011e00010000000000"),
    (elsys.climate(-5.0, 80), "01ffce0250"),
    (decentlab.dl_mbx(303, 1234, 1, 2993), "02012f000304d200010bb1"),
    (
        imbuildings.with_header(
            bytes.fromhex("0004a30b0114930d"),
            imbuildings.people(3.67, (0, 0), (0, 0), 2),
        ),
        "02060004a30b0114930d00016f00000000000000000002",
    ),
    (browan.tbdw100(3.6, 21, 0, 14_986, is_open=False), "000b3500008a3a00"),
    (browan.tbwl100(3.6, 22, 40, leak=True), "010b362836"),
    (
        dingtek.df702(2000, 25, 0, dingtek.Alarms()),
        "800001011107d000190000000000000081",
    ),
    (brighterbins.fill(96, 31, 12), "308e30"),
    (brighterbins.distance(24, -23, 396), "308e31"),
    (teneo.level(3.2, 30), "0c001e00"),
]


@pytest.mark.parametrize(("made", "published"), PUBLISHED)
def test_frames_are_byte_for_byte_those_of_real_devices(
    made: bytes, published: str
) -> None:
    assert made.hex() == published


MM = st.integers(300, 4_000)
BATTERY = st.integers(0, 100)
TENTHS = st.integers(-300, 600)
TOTAL = st.integers(0, 200_000)
YES = st.booleans()


def seen(profile: str, data: bytes, port: int) -> dict[str, float]:
    frame = decode(profile, data.hex(), port)
    assert not frame.errors
    return values(frame)


@given(MM, TENTHS, BATTERY, YES)
def test_the_hub_reads_levels_as_they_were_written(
    mm: int, tenths: int, percent: int, yes: bool
) -> None:
    celsius, volts = tenths / 10, 2 + percent // 10 / 10
    mv, cm = round(volts * 1000), mm // 10
    for profile, data, port, far in (
        ("dragino-ldds75", dragino.dds75(mv, mm), dragino.PORT, mm),
        ("decentlab-dl-mbx", decentlab.dl_mbx(7, mm, 5, mv), decentlab.PORT, mm),
        (
            "dingtek-df702",
            dingtek.df702(mm, 20, 3, dingtek.Alarms(yes, yes, yes, yes)),
            dingtek.PORT,
            mm,
        ),
        (
            "teneo-iot-filling-degree-sensor",
            teneo.level(volts, cm),
            teneo.PORT,
            cm * 10,
        ),
        ("netvox-r718x", netvox.r718x(volts, mm, celsius, 40, 0), netvox.PORT, mm),
        (
            "elsys-elt-2-ultrasonic",
            elsys.elt_ultrasonic(celsius, 50, mv, mm),
            elsys.PORT,
            mm,
        ),
        (
            "enginko-egk-lw20w00",
            enginko.level(0, mm, 40, celsius, percent),
            enginko.PORT,
            mm,
        ),
        ("smartends-brighterbins", brighterbins.distance(percent, 9, cm), 1, cm * 10),
    ):
        read = seen(profile, data, port)
        assert read["distance"] == far
        if profile in ("netvox-r718x", "enginko-egk-lw20w00"):
            assert read["temperature"] == celsius


@given(TOTAL, TOTAL)
def test_people_come_out_modulo_the_width_of_the_counter(came: int, went: int) -> None:
    low = came % 65_536, went % 65_536
    data = imbuildings.people(3.6, (1, 2), (came, went), 300)
    plain = ("count_in", "count_out")
    record = milesight.vs350_history(1_700_000_000, (1, 2), low)
    for profile, frame, port, names, counts in (
        ("milesight-vs121", milesight.vs121(2, (came, went)), 85, plain, low),
        ("milesight-vs350", record, 85, plain, low),
        ("imbuildings-peoplecounter", data, 26, ("total_a", "total_b"), low),
        (
            *("milesight-vs133", milesight.vs133((came, went), (1, 2)), 85),
            *(("line_1_in", "line_1_out"), (came, went)),
        ),
    ):
        read = seen(profile, frame, port)
        assert tuple(read[name] for name in names) == counts


@given(YES, TENTHS)
def test_states_are_read_as_they_were_written(yes: bool, tenths: int) -> None:
    warm = round(tenths / 10)
    for profile, frame, port, name in (
        ("dragino-lds02", dragino.lds02(3000, 5, 1, is_open=yes), 10, "lid_open"),
        ("dragino-lwl02", dragino.lwl02(3000, 5, 1, leak=yes), 10, "leak"),
        ("elsys-ems", elsys.ems(warm, 50, 3600, leak=yes), 5, "leak"),
        ("elsys-ers-eye", elsys.ers_eye(warm, 50, 3600, occupied=yes), 5, "occupied"),
        ("netvox-r311w", netvox.r311w(3.0, False, yes, low=yes), 6, "leak"),
        ("browan-tbdw100", browan.tbdw100(3, 20, 1, 2, is_open=yes), 100, "lid_open"),
        (
            "browan-tbms100",
            browan.tbms100(3, 20, 1, 2, occupied=yes),
            102,
            "occupied",
        ),
        ("browan-tbwl100", browan.tbwl100(3, 20, 50, leak=yes), 106, "leak"),
    ):
        assert seen(profile, frame, port)[name] == yes


@given(st.integers(0, 1000))
def test_gas_of_a_netvox_has_tenths(tenths: int) -> None:
    ppm = tenths / 10
    assert seen("netvox-r718pa", netvox.r718pa_nh3(3.6, ppm), 6)["nh3"] == ppm
    assert seen("netvox-r718pa", netvox.r718pa_h2s(3.6, ppm), 6)["h2s"] == ppm


def test_what_stands_for_no_value_is_none() -> None:
    far = dragino.dds75(3000, dragino.NO_ECHO_MM)
    for profile, frame, port in (
        ("dragino-ldds75", far, 2),
        ("milesight-ws201", b"\x03\x82\xfd\xff", 85),
        ("decentlab-dl-mbx", decentlab.dl_mbx(7, 900, 0, 3000), 1),
        ("decentlab-dl-mbx", decentlab.dl_mbx_battery(7, 3000), 1),
        ("teneo-iot-filling-degree-sensor", teneo.level(3, 0, 4), 1),
        ("enginko-egk-lw20w00", enginko.level(0, 0xFFFF, 0, 20, 90), 2),
        ("smartends-brighterbins", brighterbins.distance(90, 20, 511), 1),
    ):
        assert "distance" not in seen(profile, frame, port)
    joined = decode("milesight-em400-tld", milesight.joined(bytes(8), (1, 2)).hex(), 85)
    assert joined.answers
    assert not joined.errors


@given(st.integers(60, 65_535))
def test_a_device_understands_the_intervals_that_the_hub_sends(seconds: int) -> None:
    for decoder in ("milesight-em400", "dragino-ultrasonic"):
        sent = downlinks.family_bytes(decoder, "interval", {"interval_s": seconds})
        assert device_commands.lorawan(*sent) == ("interval", seconds)
        reboot = downlinks.family_bytes(decoder, "reboot", {})
        assert device_commands.lorawan(*reboot) == ("reboot", None)
    minutes = downlinks.family_bytes("milesight-vs350", "interval", {"interval_s": 600})
    assert device_commands.lorawan(*minutes) == ("interval", 600)


def test_a_native_device_understands_what_the_hub_sends() -> None:
    place = ("zone01", "level-1")
    for kind, said, understood in (
        ("interval", {"interval_s": 900}, ("interval", 900)),
        ("thresholds", {"thresholds": {"a": 8}}, ("thresholds", {"a": 8})),
        ("reboot", {}, ("reboot", None)),
        ("hex", {"hex": "00"}, None),
    ):
        _, payload = downlinks.native("x", place, kind, said)
        assert device_commands.native(payload) == understood


@pytest.mark.parametrize("payload", [b"", b"{", b"[1]", b'"x"', json.dumps(1).encode()])
def test_a_device_ignores_what_it_does_not_understand(payload: bytes) -> None:
    assert device_commands.native(payload) is None
    assert device_commands.lorawan(85, payload) is None
    assert device_commands.lorawan(2, payload) is None
    assert device_commands.lorawan(9, payload) is None
