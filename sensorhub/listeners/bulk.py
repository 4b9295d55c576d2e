"""paho's client, reading and acknowledging in bulk.

Two private names of paho are used, nowhere else: `_create_socket` is overridden,
so that paho's own parser reads from our buffer, and `_packet_queue` takes many
packets at once. `fits_paho` tells whether both are what this file was written for.
"""

import inspect
import socket
import ssl
from collections.abc import Container, Sequence
from typing import Any, cast

from paho.mqtt import client as paho
from paho.mqtt.enums import (
    CallbackAPIVersion,
    MQTTErrorCode,
    MQTTProtocolVersion,
)

from sensorhub.listeners import wire
from sensorhub.listeners.link import Hooks, Publication

READ_BYTES = 256 * 1024  # most received at once
SMALL_READ = 4 * 1024  # after a read below this, more is worth waiting for

EXPECTED = {
    "_create_socket": ["self"],
    "_packet_queue": ["self", "command", "packet", "mid", "qos", "info"],
}


def fits_paho() -> bool:
    """Whether paho still has the two private names as this file needs them."""
    for name, parameters in EXPECTED.items():
        function = getattr(paho.Client, name, None)
        if function is None:
            return False
        if list(inspect.signature(function).parameters) != parameters:
            return False
    return True


class BufferedSocket:
    """The socket that paho sees: `recv` serves only what was put there for it."""

    def __init__(self, raw: socket.socket) -> None:
        self._raw = raw
        self._served = b""

    def receive(self) -> bytes:
        """What has arrived, at most some READ_BYTES; empty when closed."""
        if not isinstance(self._raw, ssl.SSLSocket):
            return self._raw.recv(READ_BYTES)
        parts: list[bytes] = []
        size = 0
        try:
            # What TLS has decrypted already wakes no poll: take all of it.
            while size < READ_BYTES or self._raw.pending():
                part = self._raw.recv(READ_BYTES)
                if not part:
                    break
                parts.append(part)
                size += len(part)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            if not parts:
                raise BlockingIOError from None
        return b"".join(parts)

    def serve(self, packet: bytes) -> None:
        """Let paho's parser read this packet next."""
        self._served = packet

    def recv(self, size: int) -> bytes:
        """Bytes of the served packet, for paho's parser."""
        if not self._served:
            raise BlockingIOError
        part, self._served = self._served[:size], self._served[size:]
        return part

    def send(self, data: bytes | bytearray) -> int:
        """Send; answers how many bytes were taken."""
        return self._raw.send(data)

    def close(self) -> None:
        """Close the connection."""
        self._raw.close()

    def fileno(self) -> int:
        """The file descriptor, to wait on; -1 when closed."""
        return self._raw.fileno()

    def setblocking(self, flag: bool) -> None:
        """Whether calls wait."""
        self._raw.setblocking(flag)


class BulkClient(paho.Client):
    """paho's client with its own way for PUBLISH and PUBACK packets."""

    def __init__(self, hooks: Hooks, max_payload: int, **options: Any) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, **options)
        self._hooks = hooks
        self._version5 = options["protocol"] == MQTTProtocolVersion.MQTTv5
        self._cutter = wire.Cutter(version5=self._version5, max_payload=max_payload)
        self._buffered: BufferedSocket | None = None
        self._last_own_id = wire.FIRST_OWN_ID - 1
        self.small_read = False
        self.on_socket_register_write = lambda *_: hooks.wake()

    def _create_socket(self) -> BufferedSocket:
        self._buffered = BufferedSocket(cast(socket.socket, super()._create_socket()))
        return self._buffered

    def loop_read(
        self,
        max_packets: int = 1,  # noqa: ARG002 - paho's signature
    ) -> MQTTErrorCode:
        """Receive what is there and hand it on; anything but success ends it."""
        if self._buffered is None or self.socket() is None:
            return MQTTErrorCode.MQTT_ERR_NO_CONN
        try:
            data = self._buffered.receive()
        except BlockingIOError:
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        except OSError:
            return MQTTErrorCode.MQTT_ERR_CONN_LOST
        self.small_read = len(data) < SMALL_READ
        if not data:
            return MQTTErrorCode.MQTT_ERR_CONN_LOST
        return self._hand_on(self._cutter.feed(data))

    def _hand_on(self, cut: wire.Cut) -> MQTTErrorCode:
        outcome, valid = self._leave_to_paho(cut)
        if messages := cut.messages[:valid]:
            self._hooks.deliver(self, messages, cut.acks[:valid], cut.size)
        if cut.confirmed or cut.refused:
            self._hooks.confirmed(cut.confirmed, cut.refused)
        if cut.broken and not outcome:
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        return outcome

    def _leave_to_paho(self, cut: wire.Cut) -> tuple[MQTTErrorCode, int]:
        """Let paho read the other packets; answers how many messages still count.

        What follows a packet that ended the connection was never received.
        """
        for before, packet in cut.others:
            assert self._buffered is not None
            self._buffered.serve(packet)
            outcome = super().loop_read()
            if outcome or self.socket() is None:
                return outcome, before
        return MQTTErrorCode.MQTT_ERR_SUCCESS, len(cut.messages)

    def acknowledge(self, acks: list[bytes]) -> None:
        """Queue these acknowledgements, in order, as one write."""
        joined = b"".join(acks)
        if joined:
            self._packet_queue(wire.PUBACK, joined, 0, 1)

    def send_all(self, items: Sequence[Publication], busy: Container[int]) -> list[int]:
        """Queue these publications as one write; answers their packet ids."""
        numbers = []
        packets = []
        for item in items:
            number = self._own_id(busy)
            numbers.append(number)
            packets.append(
                wire.publish_packet(
                    item.topic,
                    item.payload,
                    number,
                    retain=item.retain,
                    version5=self._version5,
                )
            )
        self._packet_queue(wire.PUBLISH, b"".join(packets), 0, 1)
        return numbers

    def _own_id(self, busy: Container[int]) -> int:
        while True:
            self._last_own_id += 1
            if self._last_own_id > wire.LAST_ID:
                self._last_own_id = wire.FIRST_OWN_ID
            if self._last_own_id not in busy:
                return self._last_own_id
