"""The same client on paho's own path: slower, uses nothing private.

Taken where `bulk.fits_paho` says that paho has changed.
"""

from collections.abc import Container, Sequence
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from sensorhub.listeners import wire
from sensorhub.listeners.link import Hooks, Publication
from sensorhub.model import Message


class PlainClient(paho.Client):
    """paho's client behind the interface of `BulkClient`."""

    def __init__(self, hooks: Hooks, max_payload: int, **options: Any) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, manual_ack=True, **options)
        self._hooks = hooks
        self._max = max_payload
        self._received: list[Message] = []
        self._answers: list[bytes] = []
        self._confirmed: list[int] = []
        self._refused: list[int] = []
        self.small_read = False
        self.on_message = self._keep
        self.on_publish = self._keep_confirmed
        self.on_socket_register_write = lambda *_: hooks.wake()

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Read one packet, or all that TLS holds, and hand on what came."""
        outcome = super().loop_read(max_packets)
        while not outcome and self._pending():
            outcome = super().loop_read(max_packets)
        self._hand_on()
        return outcome

    def _pending(self) -> int:
        pending = getattr(self.socket(), "pending", None)
        return int(pending()) if pending else 0

    def _hand_on(self) -> None:
        # Not from the callbacks: paho holds its locks while it calls them.
        if self._received:
            received, self._received = self._received, []
            answers, self._answers = self._answers, []
            size = sum(len(m.topic) + len(m.payload) for m in received)
            self._hooks.deliver(self, received, answers, size)
        if self._confirmed or self._refused:
            confirmed, self._confirmed = self._confirmed, []
            refused, self._refused = self._refused, []
            self._hooks.confirmed(confirmed, refused)

    def _keep(self, _client: paho.Client, _data: Any, got: paho.MQTTMessage) -> None:
        try:
            topic = got.topic.encode()
        except UnicodeDecodeError:
            topic = b""
        flags = got.qos << 1 | int(got.retain) | int(got.dup) << 3
        payload = bytes(got.payload[: self._max + 1])
        self._received.append(Message(topic, payload, flags))
        heads = {0: b"", 1: wire.ACK_HEAD, 2: wire.COMPLETE_HEAD}
        number = got.mid.to_bytes(2, "big") if got.qos else b""
        self._answers.append(heads[got.qos] + number)

    def _keep_confirmed(self, *event: Any) -> None:
        number, reason = event[2], event[3]
        (self._refused if reason.is_failure else self._confirmed).append(number)

    def acknowledge(self, acks: list[bytes]) -> None:
        """Send these acknowledgements, in order."""
        for joined in acks:
            for at in range(0, len(joined), 4):
                number = int.from_bytes(joined[at + 2 : at + 4], "big")
                self.ack(number, 1 if joined[at] == wire.PUBACK else 2)

    def send_all(
        self,
        items: Sequence[Publication],
        busy: Container[int],  # noqa: ARG002 - the bulk client needs it
    ) -> list[int]:
        """Publish these; answers their packet ids."""
        return [
            self.publish(item.topic, item.payload, 1, item.retain).mid for item in items
        ]
