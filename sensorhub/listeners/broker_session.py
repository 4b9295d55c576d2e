"""Our session at the broker: refusals, subscriptions, filters no longer wanted."""

from collections.abc import Callable, Sequence
from typing import Any

import structlog
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.client import ConnectFlags, DisconnectFlags
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from sensorhub.listeners.connect import Client

UNLIMITED = 65_535  # MQTT 5's Receive Maximum where the broker names none

log = structlog.get_logger(__name__)


class BrokerSession:
    """Subscribes on every connect and unsubscribes what an earlier run left.

    A persistent session keeps old subscriptions, so all filters that the broker
    may know of are remembered before they are subscribed.
    """

    def __init__(
        self,
        wanted: tuple[str, ...],
        known: Sequence[str],
        remember: Callable[[Sequence[str]], None],
        on_ready: Callable[[Client, int], None],
    ) -> None:
        self._wanted = wanted
        self._known = list(known)
        self._remember = remember
        self._on_ready = on_ready
        self._client: Client | None = None
        self._window = UNLIMITED
        self._logged: set[tuple[str, str]] = set()
        self._credentials: tuple[str | None, str | None] = (None, None)
        self.up = False

    def begin(self, client: Client) -> None:
        """Take part in what happens on this client's connection."""
        self._client = client
        credentials = (client.username, client.password)
        if credentials != self._credentials:
            self._logged.clear()
        self._credentials = credentials
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_unsubscribe = self._unsubscribed
        client.on_disconnect = self._disconnected

    def end(self) -> None:
        """The connection is gone."""
        self.up = False
        self._client = None

    def log_trouble(self, event: str, why: str) -> None:
        """Log a trouble at the broker: once, until it changes or is over."""
        level = "debug" if (event, why) in self._logged else "warning"
        self._logged.add((event, why))
        getattr(log, level)(event, why=why)

    def _connected(
        self,
        client: PahoClient,
        _data: Any,
        flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self.log_trouble("broker_refused_us", str(reason))
            return
        self._window = getattr(properties, "ReceiveMaximum", UNLIMITED)
        log.info("connected", session_present=flags.session_present)
        stale = [name for name in self._known if name not in self._wanted]
        self._keep([*self._wanted, *stale])
        client.subscribe([(name, 1) for name in self._wanted])
        if stale:
            log.info("unsubscribing", filters=stale)
            client.unsubscribe(stale)

    def _subscribed(
        self,
        _client: PahoClient,
        _data: Any,
        _number: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        refused = [
            (name, str(reason))
            for name, reason in zip(self._wanted, reasons, strict=False)
            if reason.is_failure
        ]
        for name, why in refused:
            self.log_trouble("subscription_refused", f"{name}: {why}")
        if self._client is None:
            return
        self.up = not refused  # what cannot be heard makes nobody silent
        if self.up:
            self._logged.clear()
        self._on_ready(self._client, self._window)

    def _unsubscribed(self, *_event: Any) -> None:
        self._keep(list(self._wanted))

    def _disconnected(
        self,
        _client: PahoClient,
        _data: Any,
        flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self.log_trouble("broker_disconnected_us", str(reason))

    def _keep(self, filters: list[str]) -> None:
        if sorted(filters) == sorted(self._known):
            return
        self._known = filters
        try:
            self._remember(tuple(filters))
        except Exception:  # at worst a stale filter stays
            log.exception("filters_not_remembered")
