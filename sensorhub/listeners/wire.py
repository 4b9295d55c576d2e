"""MQTT packets out of a byte stream, many at once, and PUBLISH packets into it.

Layouts: MQTT 3.1.1 (OASIS, 2014) and MQTT 5.0 (OASIS, 2019), chapters 2 and 3.
"""

from dataclasses import dataclass, field

from sensorhub.model import Message

PUBACK, PUBLISH, PUBREC, PUBCOMP = 0x40, 0x30, 0x50, 0x70
ACK_HEAD, RECEIVED_HEAD, COMPLETE_HEAD = b"\x40\x02", b"\x50\x02", b"\x70\x02"
FIRST_OWN_ID = 256  # packet ids of our publishes; those below are paho's
LAST_ID = 65_535
REFUSED_FROM = 0x80  # MQTT 5 reason codes from here on are failures
MOST_BESIDE_PAYLOAD = 128 * 1024  # topic and properties of one PUBLISH, bytes
MOST_CONTROL = 1024 * 1024  # a larger packet that is no PUBLISH is a fault, bytes


class BrokenStreamError(ValueError):
    """What the broker sent is not MQTT; the connection has to end."""


@dataclass(slots=True)
class Cut:
    """What one read brought. `acks[i]` answers `messages[i]`, empty for QoS 0.

    `confirmed` and `refused` are packet ids of our own publishes, `others` whole
    packets of every other kind, each with the number of messages that came before
    it, `size` the bytes that became packets.
    """

    messages: list[Message] = field(default_factory=list)
    acks: list[bytes] = field(default_factory=list)
    confirmed: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    others: list[tuple[int, bytes]] = field(default_factory=list)
    size: int = 0
    broken: bool = False


class Cutter:
    """Cuts the byte stream of one connection into packets.

    A payload above `max_payload` bytes comes cut to `max_payload` + 1 bytes: so
    memory stays bounded, and who gets it can tell that it was too large.
    """

    def __init__(self, *, version5: bool, max_payload: int) -> None:
        self._version5 = version5
        self._max = max_payload
        self._window = max_payload + MOST_BESIDE_PAYLOAD
        self._tail = b""
        self._skip = 0
        self._held: tuple[Message, bytes] | None = None

    def feed(self, data: bytes) -> Cut:
        """All packets that are complete with `data`; the rest is kept."""
        cut = Cut()
        if self._skip:
            data = self._pass_over(data, cut)
        stream = self._tail + data if self._tail else data
        at = 0
        try:
            while True:
                plain = self._plain_publishes(stream, at, cut)
                at = self._any_packet(stream, plain, cut)
                if at == plain:
                    break
        except BrokenStreamError:
            cut.broken = True
        self._tail = stream[at:]
        cut.size += at
        return cut

    def _plain_publishes(self, stream: bytes, at: int, cut: Cut) -> int:
        """The hot loop: whole QoS 0 and 1 PUBLISH packets of common size."""
        end, most, version5 = len(stream), self._max, self._version5
        take, answer = cut.messages.append, cut.acks.append
        new, kind = tuple.__new__, Message
        while at < end - 5:
            head, length, start = stream[at], stream[at + 1], at + 2
            if length > 127:
                more = stream[start]
                if more > 127:
                    break
                length += (more << 7) - 128
                start += 1
            stop = start + length
            topic_end = start + 2 + (stream[start] << 8) + stream[start + 1]
            qos_bits = head & 0xF6
            body = topic_end + 2 if qos_bits == 0x32 else topic_end
            if stop > end or body >= stop or stop - body > most:
                break
            if qos_bits not in (0x32, 0x30) or topic_end == start + 2:
                break
            ack = ACK_HEAD + stream[topic_end:body] if head & 2 else b""
            if version5:
                properties = stream[body]
                body += 1 + properties
                if properties > 127 or body > stop:
                    break
            topic = stream[start + 2 : topic_end]
            take(new(kind, (topic, stream[body:stop], head & 0x0F)))
            answer(ack)
            at = stop
        return at

    def _any_packet(self, stream: bytes, at: int, cut: Cut) -> int:
        """One packet of any kind; answers `at` where it is not yet complete."""
        known = len(stream)
        found = read_varint(stream, at + 1, known) if known > at else None
        if found is None:
            return at
        head, (length, start) = stream[at], found
        stop = start + length
        if head & 0xF0 == PUBLISH:
            return self._publish(stream, (at, start, stop), cut)
        if length > MOST_CONTROL:
            raise BrokenStreamError("control packet too large")
        if stop > known:
            return at
        if head & 0xF0 != PUBACK or not self._confirmed(stream[start:stop], cut):
            cut.others.append((len(cut.messages), stream[at:stop]))
        return stop

    def _publish(self, stream: bytes, where: tuple[int, int, int], cut: Cut) -> int:
        at, start, stop = where
        known = len(stream)
        if stop <= known:
            message, ack = self._read_publish(stream, stream[at], start, stop)
            cut.messages.append(message)
            cut.acks.append(ack)
            return stop
        if known - at < self._window:
            return at
        self._held = self._read_publish(stream, stream[at], start, stop)
        self._skip = stop - known
        return known

    def _read_publish(
        self, stream: bytes, head: int, start: int, stop: int
    ) -> tuple[Message, bytes]:
        qos_bits = head & 0x06
        topic_at = start + 2
        topic_end = topic_at + int.from_bytes(stream[start:topic_at], "big")
        body = topic_end + 2 if qos_bits else topic_end
        empty = topic_end == topic_at and not self._version5
        if qos_bits == 0x06 or topic_at > stop or body > stop or empty:
            raise BrokenStreamError("malformed PUBLISH")
        number = stream[topic_end:body]
        if self._version5:
            body = self._after_properties(stream, body, stop)
        if stop > len(stream):  # too large: what is here is enough to say so
            body = min(body, len(stream) - self._max - 1)
        payload = stream[body : min(stop, body + self._max + 1)]
        answer = {0: b"", 2: ACK_HEAD + number, 4: RECEIVED_HEAD + number}
        message = Message(stream[topic_at:topic_end], payload, head & 0x0F)
        return message, answer[qos_bits]

    def _after_properties(self, stream: bytes, body: int, stop: int) -> int:
        found = read_varint(stream, body, min(stop, len(stream)))
        if found is None or sum(found) > stop:
            raise BrokenStreamError("malformed PUBLISH properties")
        return sum(found)

    def _confirmed(self, body: bytes, cut: Cut) -> bool:
        number = int.from_bytes(body[:2], "big")
        plain = len(body) == 2
        if number < FIRST_OWN_ID or not (plain or (self._version5 and len(body) > 2)):
            return False
        failed = not plain and body[2] >= REFUSED_FROM
        (cut.refused if failed else cut.confirmed).append(number)
        return True

    def _pass_over(self, data: bytes, cut: Cut) -> bytes:
        """Drop what remains of a packet too large to keep."""
        passed = min(self._skip, len(data))
        self._skip -= passed
        if not self._skip and self._held:
            cut.messages.append(self._held[0])
            cut.acks.append(self._held[1])
            cut.size += self._max
            self._held = None
        return data[passed:]


def read_varint(stream: bytes, at: int, end: int) -> tuple[int, int] | None:
    """Variable byte integer and where it ends; None where it is not complete."""
    value = 0
    for place in range(5):
        if at + place >= end:
            return None
        byte = stream[at + place]
        if place == 4:
            break
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise BrokenStreamError("length of more than four bytes")


def write_varint(value: int) -> bytes:
    """`value` as a variable byte integer."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def publish_packet(
    topic: str, payload: bytes, number: int, *, retain: bool, version5: bool
) -> bytes:
    """A QoS 1 PUBLISH with packet id `number`."""
    name = topic.encode()
    properties = b"\x00" if version5 else b""
    length = len(name) + len(payload) + 4 + len(properties)
    head = bytes((0x33 if retain else 0x32,)) + write_varint(length)
    place = len(name).to_bytes(2, "big") + name + number.to_bytes(2, "big")
    return head + place + properties + payload
