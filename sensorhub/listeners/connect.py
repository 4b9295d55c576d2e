"""A client for one connection, made from the settings. Never used twice:

so an acknowledgement can only go where its message came from.
"""

import json
from pathlib import Path
from typing import Any

from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from sensorhub.config.settings import MqttSettings, mqtt_password
from sensorhub.listeners.bulk import BulkClient
from sensorhub.listeners.link import Hooks
from sensorhub.listeners.plain import PlainClient
from sensorhub.model import TOPIC_ROOT

STATUS_TOPIC = f"{TOPIC_ROOT}/hub/status"
OFFLINE = json.dumps({"state": "offline"}).encode()

Client = BulkClient | PlainClient


def make_client(settings: MqttSettings, hooks: Hooks, *, bulk: bool) -> Client:
    """A client with session, will, TLS and credentials set; not yet connected."""
    version5 = settings.version == "5"
    options: dict[str, Any] = {
        "client_id": settings.client_id,
        "protocol": MQTTProtocolVersion.MQTTv311,
        "reconnect_on_failure": False,
    }
    if version5:
        options["protocol"] = MQTTProtocolVersion.MQTTv5
    else:
        options["clean_session"] = False
    kind = BulkClient if bulk else PlainClient
    client = kind(hooks, settings.max_payload_bytes, **options)
    client.will_set(STATUS_TOPIC, OFFLINE, qos=1, retain=True)
    if settings.username is not None:
        client.username_pw_set(settings.username, mqtt_password(settings))
    if settings.tls:
        client.tls_set(
            _text(settings.ca_file), _text(settings.cert_file), _text(settings.key_file)
        )
    properties = None
    if version5:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = settings.session_expiry_s
    client.connect_async(
        settings.host,
        settings.port,
        settings.keepalive_s,
        clean_start=False,
        properties=properties,
    )
    return client


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
