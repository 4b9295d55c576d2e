"""A listener for tests, with what the pipeline would do to it."""

import time
from typing import Any

from sensorhub.config.settings import MqttSettings
from sensorhub.listeners.backoff import Backoff
from sensorhub.listeners.mqtt import MqttListener
from sensorhub.model import Batch, Message
from tests.support.brokers import until

QUICK = Backoff(first_s=0.05, cap_s=0.2)


def settings_for(port: int, **changes: Any) -> MqttSettings:
    """Settings for a broker here; `changes` are taken unchecked."""
    topics = [{"filter": "t/#", "kind": "tts"}]
    base = MqttSettings.model_validate({"port": port, "topics": topics})
    return base.model_copy(update=changes)


def listening(
    settings: MqttSettings, instance: str = "one", **options: Any
) -> MqttListener:
    """A started listener that is connected."""
    listener = MqttListener(settings, instance, backoff=QUICK, **options)
    listener.start()
    until(listener.connected, "listener connected")
    return listener


def take(listener: MqttListener, limit: int = 2_000) -> Batch:
    """The next batch, waited for."""
    batch = until(lambda: listener.take_batch(limit, 0.05), "a batch")
    assert batch is not None
    assert len(batch.messages) <= limit
    return batch


def collect(listener: MqttListener, enough: int) -> list[Message]:
    """Take and acknowledge until `enough` messages came."""
    got: list[Message] = []
    while len(got) < enough:
        batch = take(listener)
        got += batch.messages
        listener.acknowledge(batch)
    return got


def nothing_comes(listener: MqttListener, for_s: float = 0.3) -> bool:
    """Whether no message arrives within `for_s`."""
    end = time.monotonic() + for_s
    while time.monotonic() < end:
        if batch := listener.take_batch(10, 0.05):
            print("came:", batch.messages)
            return False
    return True
