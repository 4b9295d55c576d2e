"""An attempt to deliver an outbox row. What it says is `alerts.event.Event`."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Notification:
    """Intent to tell one receiver about one transition; `id` stays over retries."""

    id: str
    subscription: str
    channel: str
    target: dict[str, Any]
    body: bytes
    attempt: int
