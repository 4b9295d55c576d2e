"""What the demo receives from the hub over MQTT: status, transitions, alerts."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from paho.mqtt.client import Client, MQTTMessage

from firmware_sim.demo.event_log import DemoEventLog, TransitionLine
from firmware_sim.mqtt import BrokerAddress, connect

HUB_STATUS = "sensorhub/v1/hub/status"
EVENTS = "sensorhub/v1/events/"
ALERTS = "sensorhub/v1/alerts/"


class HubListener:
    """Receives the hub's status, transitions and alerts over MQTT."""

    def __init__(self, address: BrokerAddress, log: DemoEventLog) -> None:
        self.online = threading.Event()
        self.on_line: Callable[[TransitionLine], None] = lambda _line: None
        self._log = log
        self._lock = threading.Lock()
        self._client = connect(address, "listener")
        self._client.on_connect = self._subscribe
        self._client.on_message = self._on_message
        self._client.loop_start()

    @contextmanager
    def locked_log(self) -> Iterator[DemoEventLog]:
        """Yield the log, unchanged for the duration of the block."""
        with self._lock:
            yield self._log

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def _subscribe(self, client: Client, *_rest: Any) -> None:
        client.subscribe([(HUB_STATUS, 1), (EVENTS + "#", 1), (ALERTS + "#", 1)])

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        if message.topic == HUB_STATUS:
            up = b'"online"' in message.payload
            (self.online.set if up else self.online.clear)()
            return
        with self._lock:
            if message.topic.startswith(ALERTS):
                self._log.update_alert(message.topic, bytes(message.payload))
                return
            line = self._log.add_transition(bytes(message.payload))
        if line:
            self.on_line(line)
