"""Route a topic's messages: their kind, their device, how to read them."""

import sys
from enum import Enum
from typing import NamedTuple

from sensorhub.columns import NO_DEVICE
from sensorhub.config.layout import TopicSettings
from sensorhub.decode.envelopes import Unwrap, unwrapper
from sensorhub.model import TOPIC_ROOT
from sensorhub.registry.registry import Registry

MAX_ROUTES = 100_000
MAX_TOPIC_BYTES = 512  # longer topics are not cached
ALERTS = f"{TOPIC_ROOT}/alerts/"
ALERT_LEVELS = 6  # .../alerts/{zone}/{asset}/{rule}


class MessageKind(Enum):
    """Kinds of messages, by their topic."""

    NATIVE = 1
    STATUS = 2
    ENVELOPED = 3
    UNKNOWN_DEVICE = 4
    ALERT = 6
    UNKNOWN = 5


class Route(NamedTuple):
    """How to read the messages of one topic, and whose they are."""

    kind: MessageKind
    device: int = NO_DEVICE
    name: str = ""
    unwrap: Unwrap | None = None
    zone: str = ""
    mismatch: bool = False
    plain: bool = False  # native, and the topic names the device's zone
    application: str = ""  # ChirpStack's, for downlinks


class TopicRouter:
    """Finds routes by the register and the topic settings, and caches them."""

    def __init__(self, registry: Registry, topics: tuple[TopicSettings, ...]) -> None:
        self._registry = registry
        self._filters = [(t.filter.split("/"), _unwrap(t)) for t in topics]
        self._routes: dict[bytes, Route] = {}
        self.plain: dict[bytes, int] = {}  # device number by topic of a plain route

    def route(self, topic: bytes) -> Route:
        """The route of a topic."""
        route = self._routes.get(topic)
        if route is None:
            route = self._find_route(topic)
            if len(self._routes) >= MAX_ROUTES:
                self._routes.clear()
            if route.plain:
                self.plain[topic] = route.device
            elif route.kind is not MessageKind.ALERT and len(topic) <= MAX_TOPIC_BYTES:
                self._routes[topic] = route
        return route

    def _find_route(self, topic: bytes) -> Route:
        try:
            text = topic.decode()
        except UnicodeDecodeError:
            return Route(MessageKind.UNKNOWN)
        levels = text.split("/")
        if text.startswith(ALERTS) and len(levels) == ALERT_LEVELS:
            return Route(MessageKind.ALERT, name=text)
        if (
            text.startswith(TOPIC_ROOT)
            and text.endswith("/status")
            and len(levels) == 5
        ):
            return Route(MessageKind.STATUS, self.device_number(levels[3]), levels[3])
        for pattern, unwrap in self._filters:
            if not matches(pattern, levels):
                continue
            if unwrap is not None:
                application = _application(levels)
                return Route(
                    MessageKind.ENVELOPED,
                    name=text,
                    unwrap=unwrap,
                    application=application,
                )
            if len(levels) < 3:
                return Route(MessageKind.UNKNOWN)
            zone, name = levels[-3], levels[-2]
            device = self.device_number(name)
            kind = (
                MessageKind.UNKNOWN_DEVICE
                if device == NO_DEVICE
                else MessageKind.NATIVE
            )
            registered = self._registry.zone_of(int(self._registry.asset_of[device]))
            mismatch = registered not in ("", zone)
            plain = kind is MessageKind.NATIVE and registered == zone
            return Route(kind, device, name, None, zone, mismatch, plain)
        return Route(MessageKind.UNKNOWN)

    def device_number(self, name: str) -> int:
        """A device's register number; NO_DEVICE where it is unknown."""
        return self._registry.device_no.get(name, NO_DEVICE)


def _unwrap(topic: TopicSettings) -> Unwrap | None:
    return None if topic.kind == "native" else unwrapper(topic.kind, topic.layout)


def _application(levels: list[str]) -> str:
    """The application in a ChirpStack topic (application/ID/device/EUI/…), or ""."""
    if len(levels) < 5 or (levels[0], levels[2]) != ("application", "device"):
        return ""
    return sys.intern(levels[1])


def matches(pattern: list[str], levels: list[str]) -> bool:
    """Whether an MQTT topic (split) fits a topic filter (split)."""
    for i, part in enumerate(pattern):
        if part == "#":
            return True
        if i >= len(levels) or part not in ("+", levels[i]):
            return False
    return len(pattern) == len(levels)
