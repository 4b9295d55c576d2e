"""Subscriptions: who gets which alerts, and where."""

import base64
import binascii
import secrets
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from sensorhub.model import is_id
from sensorhub.store import Connection, IntegrityError
from sensorhub.store.hot.outbox import MQTT

SECRET_PREFIX = "whsec_"  # noqa: S105 a prefix, no secret
SECRET_BYTES = (24, 64)  # Standard Webhooks 1.0, symmetric signatures


class SubscriptionFilter(msgspec.Struct, frozen=True, kw_only=True):
    """The filter of a subscription; an empty part matches everything."""

    zones: frozenset[str] = frozenset()
    assets: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    severities: frozenset[str] = frozenset()


class WebhookTarget(msgspec.Struct, frozen=True):
    """Address and signing secret (whsec_, hidden in repr) of a webhook."""

    url: str
    secret: str

    def __repr__(self) -> str:
        return f"Target(url={self.url!r})"


class Subscription(NamedTuple):
    """One subscriber; `disabled` says why nothing is sent, None: it is enabled.

    A new channel: its target here (`_read`), a file beside `notify/webhook.py` whose
    `deliver` is chosen in `hub/app.py` and, for test events, in `hub/workspace.py`; its
    target is read in `notify/delivery_queue.py` and `notify/probe.py`; then `subscribe`
    in `hub/commands/subscriptions.py`, `add` and `list_` in `cli/subscriptions.py`.
    Today there is one channel, and nothing chooses by `channel` yet.
    """

    id: str
    channel: str
    target: WebhookTarget
    choice: SubscriptionFilter
    created_at: int
    disabled: str | None = None


_COLUMNS = "id, channel, target, choice, created_at, disabled"


def new_secret() -> str:
    """A fresh signing secret in the form of Standard Webhooks."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def webhook(
    id_: str,
    url: str,
    choice: SubscriptionFilter,
    created_at: int,
    secret: str | None = None,
) -> Subscription:
    """Build a webhook subscription. Raises ValueError that says what would be right."""
    if not is_id(id_) or id_ == MQTT:
        raise ValueError(f"{id_!r} is no id: letters, digits, - and _, not {MQTT!r}")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{url!r} is no address: https://host[:port]/path")
    if parts.username is not None:
        raise ValueError("the address must not hold a user: deliveries are signed")
    _ = parts.port  # raises ValueError where it is none
    secret = secret or new_secret()
    _check_secret(secret)
    return Subscription(id_, "webhook", WebhookTarget(url, secret), choice, created_at)


def _check_secret(secret: str) -> None:
    least, most = SECRET_BYTES
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(SECRET_PREFIX) or not least <= len(key) <= most:
        raise ValueError(
            f"a secret is {SECRET_PREFIX} and the base64 of {least} to {most} bytes"
        )


def add(connection: Connection, subscription: Subscription) -> None:
    """Insert a subscription. Raises ValueError if the id is taken."""
    id_, channel, target, choice, created_at, disabled = subscription
    texts = (msgspec.json.encode(target).decode(), msgspec.json.encode(choice).decode())
    try:
        connection.execute(
            f"INSERT INTO subscriptions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",
            (id_, channel, *texts, created_at, disabled),
        )
    except IntegrityError:
        raise ValueError(f"there is a subscription {id_!r} already") from None


def remove(connection: Connection, id_: str) -> bool:
    """Delete a subscription; returns whether it existed."""
    found = connection.execute("DELETE FROM subscriptions WHERE id = ?", (id_,))
    return found.rowcount > 0


def disable(connection: Connection, id_: str, reason: str | None) -> bool:
    """Disable for `reason`, or enable with None; returns whether it exists."""
    found = connection.execute(
        "UPDATE subscriptions SET disabled = ? WHERE id = ?", (reason, id_)
    )
    return found.rowcount > 0


def load(connection: Connection) -> list[Subscription]:
    """All subscriptions by id, disabled ones too."""
    return _read(
        connection.execute(f"SELECT {_COLUMNS} FROM subscriptions ORDER BY id")
    )


def get(connection: Connection, id_: str) -> Subscription | None:
    """One subscription."""
    found = connection.execute(
        f"SELECT {_COLUMNS} FROM subscriptions WHERE id = ?",
        (id_,),
    )
    return next(iter(_read(found)), None)


def _read(
    rows: Iterable[tuple[str, str, str, str, int, str | None]],
) -> list[Subscription]:
    return [
        Subscription(
            id_,
            channel,
            msgspec.json.decode(target, type=WebhookTarget),
            msgspec.json.decode(choice, type=SubscriptionFilter),
            created_at,
            disabled,
        )
        for id_, channel, target, choice, created_at, disabled in rows
    ]
