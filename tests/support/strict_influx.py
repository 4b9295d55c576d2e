"""A strict InfluxDB of our own, for the answers that a healthy one does not give."""

import gzip
import json
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sensorhub.config.influx import InfluxSettings

Manner = Callable[[BaseHTTPRequestHandler], bool]  # True: the lines are taken first

_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]*"
_TEXT = r'"(?:[^"\\\n]|\\["\\])*"'
_VALUE = rf"(?:-?\d+i|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|{_TEXT})"
_LINE = re.compile(
    rf"{_NAME}(?:,{_NAME}={_NAME})+ {_NAME}={_VALUE}(?:,{_NAME}={_VALUE})* \d{{13}}"
)


@dataclass
class StrictInflux:
    """Takes lines unless a manner says otherwise; refuses whatever is not right."""

    url: str = ""
    manners: deque[Manner] = field(default_factory=deque)
    taken: dict[tuple[str, str], str] = field(default_factory=dict)
    requests: int = 0
    wrong: list[str] = field(default_factory=list)
    most_bytes: int = 50_000_000
    at: list[float] = field(default_factory=list)

    def settings(self, **changed: Any) -> InfluxSettings:
        """Settings of a hub that forwards to it."""
        given = {"url": self.url, "token": "t", "org": "o", "every_s": 0.05}
        return InfluxSettings.model_validate(given | {"retry_s": 0.2} | changed)

    def take(self, body: bytes) -> None:
        """Keep a value by series, time and field."""
        for line in body.decode().split("\n"):
            head, rest = line.split(" ", 1)
            fields, at = rest.rsplit(" ", 1)
            for part in re.findall(rf"{_NAME}={_VALUE}", fields):
                name, value = part.split("=", 1)
                self.taken[f"{head} {at}", name] = value

    def count(self, name: str = "fill_level") -> int:
        return sum(name == key[1] for key in self.taken)


def answer(code: int, message: str = "no", **headers: str) -> Manner:
    """Answer with a status, and nothing is taken."""

    def do(handler: BaseHTTPRequestHandler) -> bool:
        _say(handler, code, message, headers)
        return False

    return do


def _say(
    handler: BaseHTTPRequestHandler, code: int, message: str, headers: dict[str, str]
) -> None:
    body = json.dumps({"code": "x", "message": message}).encode()
    handler.send_response_only(code)
    for name, value in ({"Connection": "close"} | headers).items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def half(handler: BaseHTTPRequestHandler) -> bool:
    """Take the lines, then say half of it and hang up."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b"0123456789")
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)
    return True


def hang_up(handler: BaseHTTPRequestHandler) -> bool:
    """Take the lines and hang up in the middle of the status line."""
    handler.wfile.write(b"HTTP/1.1 20")
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)
    return True


def silent(seconds: float) -> Manner:
    """Take the lines and answer too late."""

    def do(_handler: BaseHTTPRequestHandler) -> bool:
        time.sleep(seconds)
        return True

    return do


def slow(seconds: float) -> Manner:
    """Take the lines and answer well, after a while."""

    def do(handler: BaseHTTPRequestHandler) -> bool:
        time.sleep(seconds)
        handler.send_response(204)
        handler.send_header("Connection", "close")
        handler.end_headers()
        return True

    return do


def _fault(handler: BaseHTTPRequestHandler, body: bytes) -> str | None:
    """What a strict InfluxDB would refuse about a request."""
    parts = urlsplit(handler.path)
    said = parse_qs(parts.query)
    if parts.path != "/api/v2/write":
        return f"no such path: {parts.path}"
    if (said.get("org"), said.get("precision")) != (["o"], ["ms"]):
        return f"org and precision: {said}"
    if said.get("bucket") != ["sensorhub"]:
        return f"bucket: {said}"
    if handler.headers["Authorization"] != "Token t":
        return "no token"
    bad = [x for x in body.decode().split("\n") if not _LINE.fullmatch(x)]
    return f"unable to parse {bad[0]!r}" if bad else None


@contextmanager
def strict_influx() -> Iterator[StrictInflux]:
    """A server on a free port of 127.0.0.1."""
    state = StrictInflux()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.requests += 1
            state.at.append(time.monotonic())
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            if fault := _fault(self, body):
                state.wrong.append(fault)
                _say(self, 400, fault, {})
                return
            if len(body) > state.most_bytes:
                _say(self, 413, "request entity too large", {})
                return
            if state.manners:
                manner = state.manners.popleft()
                self.close_connection = True
                if manner(self):
                    state.take(body)
                return
            state.take(body)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
