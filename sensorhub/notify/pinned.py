"""Connections to checked addresses only, with one deadline over everything.

httpcore asks this backend to connect to a name. It looks the name up once,
checks all addresses and connects to one of those, so that a second look-up
cannot lead elsewhere; certificate and Host header stay those of the name. A
receiver that drips bytes cannot hold a delivery beyond the deadline.
"""

import ssl
import time
from collections.abc import Iterable, Sequence
from typing import Any

import httpcore

from sensorhub.notify.addresses import Network, resolve


class Deadline:
    """A moment on the monotonic clock."""

    def __init__(self, after_s: float) -> None:
        self._at = time.monotonic() + after_s

    def left(self) -> float:
        """Seconds until then; raises httpcore.ReadTimeout when there are none."""
        seconds = self._at - time.monotonic()
        if seconds <= 0:
            raise httpcore.ReadTimeout("no complete answer in time")
        return seconds


class _DeadlineStream(httpcore.NetworkStream):
    """A connection on which every step ends at the deadline."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        del timeout  # the deadline of the whole delivery holds
        return self._inner.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        del timeout
        self._inner.write(buffer, self._deadline.left())

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        del timeout
        inner = self._inner.start_tls(
            ssl_context, server_hostname, self._deadline.left()
        )
        return _DeadlineStream(inner, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class PinnedBackend(httpcore.NetworkBackend):
    """Connects to the allowed addresses of a name, and to nothing else."""

    def __init__(self, private: Sequence[Network], deadline: Deadline) -> None:
        self._private = private
        self._deadline = deadline
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of `host` that answers."""
        del timeout
        refusal: Exception = httpcore.ConnectError(f"{host} has no address")
        addresses = resolve(host, port, self._private)
        for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            try:
                stream = self._inner.connect_tcp(
                    address,
                    port,
                    self._deadline.left() / left,
                    local_address,
                    socket_options,
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                refusal = error
            else:
                return _DeadlineStream(stream, self._deadline)
        raise refusal
