"""The bulk reader against paho's own parser, and both clients' ways of writing."""

import random
import select
import socket
import time
from collections.abc import Iterable
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from paho.mqtt.enums import MQTTErrorCode

from sensorhub.config.settings import MqttSettings
from sensorhub.listeners import bulk, wire
from sensorhub.listeners.connect import Client, make_client
from sensorhub.listeners.link import Hooks, Publication
from sensorhub.model import Message

MOST = 1_000
CONNACK = {"3.1.1": b"\x20\x02\x00\x00", "5": b"\x20\x03\x00\x00\x00"}
PATHS = pytest.mark.parametrize("fast", [True, False], ids=["bulk", "paho"])
VERSIONS = pytest.mark.parametrize("version", ["3.1.1", "5"])


class Line:
    """A client on one end of a socket pair; the test is the broker."""

    def __init__(self, version: str, fast: bool) -> None:
        self.messages: list[Message] = []
        self.acks: list[bytes] = []
        self.confirmed: list[int] = []
        self.refused: list[int] = []
        self.sizes: list[int] = []
        config = MqttSettings.model_validate(
            {"version": version, "max_payload_bytes": MOST}
        )
        hooks = Hooks(self._deliver, self._confirm, lambda: None)
        self.client: Client = make_client(config, hooks, bulk=fast)
        ours, self.broker = socket.socketpair()
        with patch("socket.create_connection", return_value=ours):
            self.client.reconnect()
        self.client.loop_write()
        self.broker.recv(4096)
        self.outcome = MQTTErrorCode.MQTT_ERR_SUCCESS

    def _deliver(
        self, _client: object, messages: list[Message], acks: list[bytes], size: int
    ) -> None:
        self.messages += messages
        self.acks += acks
        self.sizes.append(size)

    def _confirm(self, taken: list[int], refused: list[int]) -> None:
        self.confirmed += taken
        self.refused += refused

    def feed(self, data: bytes) -> None:
        """Send as the broker and let the client read all of it."""
        while data and not self.outcome:
            data = data[self.broker.send(data[:65_536]) :]
            self.read()

    def read(self) -> None:
        while not self.outcome and (ours := self.client.socket()) is not None:
            if not select.select([ours], [], [], 0)[0]:
                return
            self.outcome = self.client.loop_read()

    def written(self) -> bytes:
        self.client.loop_write()
        return self.broker.recv(65_536)

    def close(self) -> None:
        self.broker.close()
        self.read()
        if (ours := self.client.socket()) is not None:
            ours.close()

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_event: object) -> None:
        self.close()


def publish(
    topic: bytes, payload: bytes, head: int = 0x32, number: int = 7, props: bytes = b""
) -> bytes:
    """A PUBLISH as a broker sends it; `props` with its length, for MQTT 5."""
    mid = number.to_bytes(2, "big") if head & 6 else b""
    body = len(topic).to_bytes(2, "big") + topic + mid + props + payload
    return bytes((head,)) + wire.write_varint(len(body)) + body


def cuts(stream: bytes, seed: int, most: int) -> Iterable[bytes]:
    chance = random.Random(seed)
    at = 0
    while at < len(stream):
        step = chance.randint(1, most)
        yield stream[at : at + step]
        at += step


OTHERS = st.sampled_from([b"\xd0\x00", b"\x90\x03\x00\x01\x01", b"\x40\x02\x00\x05"])
TOPICS = st.sampled_from([b"a", b"sensorhub/v1/z/d/up", "区/桶".encode(), b"t" * 300])
PROPERTIES = st.sampled_from(
    [
        b"\x00",
        b"\x02\x01\x01",
        b"\x05\x02\x00\x00\x00\x09",
        b"\x93\x01\x26" + b"\x00\x01k" + b"\x00\x8d" + b"v" * 141,
    ]
)


@st.composite
def streams(draw: st.DrawFn, version5: bool) -> bytes:
    packets = []
    for _ in range(draw(st.integers(0, 12))):
        if draw(st.integers(0, 4)) == 0 and not version5:
            packets.append(draw(OTHERS))
            continue
        head = draw(st.sampled_from([0x30, 0x31, 0x32, 0x33, 0x3A, 0x3B]))
        payload = draw(st.binary(max_size=30) | st.integers(90, 400).map(bytes))
        props = draw(PROPERTIES) if version5 else b""
        number = draw(st.integers(1, 65_535))
        packets.append(publish(draw(TOPICS), payload, head, number, props))
    return b"".join(packets)


def outcome_of(version: str, fast: bool, pieces: Iterable[bytes]) -> tuple[Any, ...]:
    with Line(version, fast) as line:
        line.feed(CONNACK[version])
        for piece in pieces:
            line.feed(piece)
        open_still = not line.outcome
    return line.messages, line.acks, open_still, line.outcome


@settings(max_examples=60)
@given(data=st.data(), seed=st.integers(0, 999), most=st.sampled_from([1, 7, 900]))
@VERSIONS
def test_any_cuts_of_a_sound_stream_give_what_paho_reads(
    version: str, data: st.DataObject, seed: int, most: int
) -> None:
    stream = data.draw(streams(version == "5"))
    fast = outcome_of(version, True, cuts(stream, seed, most))
    assert fast == outcome_of(version, False, [stream])
    assert fast[2]


@settings(max_examples=120)
@given(data=st.data(), seed=st.integers(0, 999), most=st.sampled_from([1, 7, 900]))
def test_any_cuts_of_a_broken_stream_end_as_with_paho(
    data: st.DataObject, seed: int, most: int
) -> None:
    stream = bytearray(data.draw(streams(False)))
    assume(stream)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(stream) - 1))
        stream[at] = data.draw(st.integers(0, 255))
    whole = bytes(stream[: data.draw(st.integers(1, len(stream)))])
    with patch.object(wire, "MOST_CONTROL", 2**28):  # a bound that paho has not
        fast = outcome_of("3.1.1", True, cuts(whole, seed, most))
    assume(not any(message.flags & 0x04 for message in fast[0]))
    slow = outcome_of("3.1.1", False, [whole])
    assume(not any(_is_utf8_fault(message) for message in fast[0]))
    assert fast == slow


def _is_utf8_fault(message: Message) -> bool:
    """paho gives no topic then; the bulk reader gives the bytes."""
    try:
        message.topic.decode()
    except UnicodeDecodeError:
        return True
    return False


@settings(max_examples=150)
@given(noise=st.binary(max_size=300), seed=st.integers(0, 99))
@VERSIONS
def test_noise_ends_the_connection_and_never_the_thread(
    version: str, noise: bytes, seed: int
) -> None:
    with Line(version, True) as line:
        line.feed(CONNACK[version])
        for piece in cuts(noise, seed, 50):
            line.feed(piece)
    assert line.outcome in MQTTErrorCode


@PATHS
@VERSIONS
def test_a_topic_and_payload_come_as_bytes_with_their_flags(
    version: str, fast: bool
) -> None:
    props = b"\x00" if version == "5" else b""
    with Line(version, fast) as line:
        line.feed(CONNACK[version] + publish(b"a/b", b"\xff1", 0x3B, 513, props))
        line.feed(publish(b"c", b"", 0x30, props=props))
        assert line.messages == [Message(b"a/b", b"\xff1", 0x0B), Message(b"c", b"", 0)]
        assert line.acks == [b"\x40\x02\x02\x01", b""]


@PATHS
@VERSIONS
@pytest.mark.parametrize("size", [MOST, MOST + 1, 50_000, 400_000])
def test_a_payload_too_large_comes_cut_one_byte_above_the_limit(
    version: str, fast: bool, size: int
) -> None:
    props = b"\x00" if version == "5" else b""
    with Line(version, fast) as line:
        line.feed(CONNACK[version] + publish(b"a", bytes(size), props=props))
        line.feed(publish(b"b", b"next", props=props))
        expected = min(size, MOST + 1)
        assert [len(message.payload) for message in line.messages] == [expected, 4]
        assert len(line.acks) == 2


def test_a_payload_of_many_megabytes_is_never_held_whole() -> None:
    cutter = wire.Cutter(version5=False, max_payload=MOST)
    stream = publish(b"a", bytes(30_000_000)) + publish(b"b", b"next")
    got = []
    for at in range(0, len(stream), 200_000):
        cut = cutter.feed(stream[at : at + 200_000])
        got += cut.messages
        assert len(cutter._tail) < 500_000
    assert [len(message.payload) for message in got] == [MOST + 1, 4]


def test_a_control_packet_of_more_than_a_mebibyte_ends_the_connection() -> None:
    with Line("3.1.1", True) as line:
        line.feed(CONNACK["3.1.1"] + b"\x90" + wire.write_varint(2**20 + 1))
        assert line.outcome == MQTTErrorCode.MQTT_ERR_PROTOCOL


@PATHS
@VERSIONS
def test_acknowledgements_leave_in_order(version: str, fast: bool) -> None:
    props = b"\x00" if version == "5" else b""
    with Line(version, fast) as line:
        line.feed(CONNACK[version])
        line.feed(
            b"".join(publish(b"a", b"x", number=n, props=props) for n in (3, 9, 4))
        )
        line.client.acknowledge(line.acks)
        assert line.written() == b"\x40\x02\x00\x03\x40\x02\x00\x09\x40\x02\x00\x04"


def test_a_qos_2_publish_is_received_and_completed() -> None:
    with Line("3.1.1", True) as line:
        line.feed(CONNACK["3.1.1"] + publish(b"a", b"x", 0x34, 9))
        assert line.messages == [Message(b"a", b"x", 0x04)]
        line.client.acknowledge(line.acks)
        assert line.written() == b"\x50\x02\x00\x09"
        line.feed(b"\x62\x02\x00\x09")
        assert line.written() == b"\x70\x02\x00\x09"


def test_a_topic_alias_never_announced_gives_an_empty_topic() -> None:
    with Line("5", True) as line:
        line.feed(CONNACK["5"] + publish(b"", b"x", props=b"\x03\x23\x00\x01"))
        assert line.messages == [Message(b"", b"x", 2)]
        assert not line.outcome


@PATHS
@VERSIONS
def test_publications_are_confirmed_by_their_packet_id(
    version: str, fast: bool
) -> None:
    with Line(version, fast) as line:
        line.feed(CONNACK[version])
        items = [
            Publication("a/桶", b"x" * 200, True, lambda: None, lambda: None),
            Publication("b", b"", False, lambda: None, lambda: None),
        ]
        numbers = line.client.send_all(items, {wire.FIRST_OWN_ID + 1})
        assert len(set(numbers)) == 2
        assert wire.FIRST_OWN_ID + 1 not in numbers
        props = b"\x00" if version == "5" else b""
        assert line.written() == publish(
            "a/桶".encode(), b"x" * 200, 0x33, numbers[0], props
        ) + publish(b"b", b"", 0x32, numbers[1], props)
        line.feed(b"".join(b"\x40\x02" + n.to_bytes(2, "big") for n in numbers))
        assert line.confirmed == numbers


@PATHS
def test_a_refused_publication_is_told_apart(fast: bool) -> None:
    with Line("5", fast) as line:
        line.feed(CONNACK["5"])
        item = Publication("a", b"x", False, lambda: None, lambda: None)
        (number,) = line.client.send_all([item], ())
        line.feed(b"\x40\x03" + number.to_bytes(2, "big") + b"\x87")
        assert (line.confirmed, line.refused) == ([], [number])


def test_traffic_alone_needs_no_ping_answer_and_silence_ends_the_connection() -> None:
    with Line("3.1.1", True) as line:
        line.feed(CONNACK["3.1.1"])
        start = time.monotonic()
        with patch("paho.mqtt.client.time_func", lambda: start + 61):
            line.client.loop_misc()
            assert line.written() == b"\xc0\x00"
            line.feed(b"\xd0\x00")
        with patch("paho.mqtt.client.time_func", lambda: start + 122):
            line.client.loop_misc()
            assert line.written() == b"\xc0\x00"
        with patch("paho.mqtt.client.time_func", lambda: start + 183):
            assert line.client.loop_misc()
        assert line.client.socket() is None


def test_paho_is_the_one_that_the_bulk_client_was_written_for() -> None:
    assert bulk.fits_paho()


def test_a_changed_paho_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as change:
        change.setitem(bulk.EXPECTED, "_packet_queue", ["self", "packet"])
        assert not bulk.fits_paho()
    monkeypatch.setitem(bulk.EXPECTED, "_gone", ["self"])
    assert not bulk.fits_paho()
