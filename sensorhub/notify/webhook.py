"""Webhooks as Standard Webhooks 1.0 says, to receivers that cannot be trusted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote, urlsplit, urlunsplit

import httpcore
from standardwebhooks import Webhook as Signer

from sensorhub.errors import DeliveryError
from sensorhub.notify.addresses import Network
from sensorhub.notify.notification import Notification
from sensorhub.notify.pinned import Deadline, PinnedBackend
from sensorhub.notify.schedule import LONGEST_RETRY_AFTER_S

GONE = 410
BUSY = frozenset({429, 503})
MOST_READ = 64 * 1024  # bytes of an answer; nobody reads more of it
URL_SAFE = "/%:@!$&'()*+,;=?~-._"  # RFC 3986, path and query
MOST_KEPT = 200  # characters of an answer that are kept


@dataclass(frozen=True, slots=True)
class WebhookResponse:
    """The answer of the receiver."""

    status: int
    text: str


class Webhook:
    """Delivers to webhooks. `real_now` gives epoch seconds."""

    def __init__(
        self,
        private: Sequence[Network],
        timeout_s: float,
        real_now: Callable[[], float],
    ) -> None:
        self._private = private
        self._timeout_s = timeout_s
        self._real_now = real_now
        self._trust = httpcore.default_ssl_context()

    def deliver(self, notification: Notification) -> WebhookResponse:
        """One attempt; raises DeliveryError where the receiver did not take it."""
        url, host = _request_url(notification.target["url"])
        headers = self._headers(notification) | {"host": host}
        deadline = Deadline(self._timeout_s)
        try:
            with (
                httpcore.ConnectionPool(
                    ssl_context=self._trust,
                    network_backend=PinnedBackend(self._private, deadline),
                ) as pool,
                pool.stream(
                    "POST",
                    url,
                    headers=list(headers.items()),
                    content=notification.body,
                ) as response,
            ):
                return self._judge(response, _read(response))
        except httpcore.TimeoutException as error:
            raise DeliveryError(f"timeout after {self._timeout_s:g} s") from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise DeliveryError(f"{host}: {error or type(error).__name__}") from error

    def _headers(self, notification: Notification) -> dict[str, str]:
        moment = datetime.fromtimestamp(int(self._real_now()), UTC)
        signature = Signer(notification.target["secret"]).sign(
            notification.id, moment, notification.body.decode()
        )
        return {
            "content-type": "application/json",
            "user-agent": "sensorhub",
            "webhook-id": notification.id,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": signature,
        }

    def _judge(self, response: httpcore.Response, text: str) -> WebhookResponse:
        status = response.status
        if 200 <= status < 300:
            return WebhookResponse(status, text)
        message = f"status {status}: {text}" if text else f"status {status}"
        if 300 <= status < 400:
            message = f"status {status}: redirects are not followed"
        if status == GONE:
            raise DeliveryError(f"the receiver is gone ({message})", permanent=True)
        later = _retry_after(response, self._real_now()) if status in BUSY else None
        raise DeliveryError(message, retry_after_s=later)


def _request_url(text: str) -> tuple[str, str]:
    """The address with its name in ASCII and no fragment, and the Host header."""
    parts = urlsplit(text)
    host = parts.hostname or ""
    try:
        host = host if ":" in host else host.encode("idna").decode()
    except UnicodeError as error:
        raise DeliveryError(f"{host!r} is no host name") from error
    place = f"[{host}]" if ":" in host else host
    place += f":{parts.port}" if parts.port else ""
    path = quote(parts.path or "/", safe=URL_SAFE)
    query = quote(parts.query, safe=URL_SAFE)
    return urlunsplit((parts.scheme, place, path, query, "")), place


def _read(response: httpcore.Response) -> str:
    """The start of the answer; raises where it breaks off before its end."""
    kept = b""
    read = 0
    for part in response.iter_stream():
        kept = (kept + part)[: 4 * MOST_KEPT]
        read += len(part)
        if read >= MOST_READ:
            break
    return " ".join(kept.decode("utf-8", "replace").split())[:MOST_KEPT]


def _retry_after(response: httpcore.Response, now: float) -> float | None:
    """Seconds to wait, from seconds or an HTTP date; at most a day."""
    values = [v for k, v in response.headers if k.lower() == b"retry-after"]
    if not values:
        return None
    text = values[0].decode("ascii", "replace").strip()
    if text.isdigit():
        seconds = float(text[:10])
    else:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - now
        except ValueError:
            return None
    return max(0.0, min(seconds, LONGEST_RETRY_AFTER_S))
