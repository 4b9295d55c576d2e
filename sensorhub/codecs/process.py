"""The process that runs codecs, as the hub sees it: started, asked, killed."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import msgspec

from sensorhub.codecs.packets import LENGTH, CodecRequest, packet
from sensorhub.errors import SensorhubError

START_S = 10.0  # for Python and the engine to load
READ_BYTES = 256 * 1024
_decode = msgspec.msgpack.Decoder(tuple[str, str]).decode


class CodecProcessEnded(SensorhubError):
    """The process died or gave no answer in time; the message says which."""


class CpuTimeExceeded(CodecProcessEnded):
    """The process ended itself: a frame took more CPU time than any loop is given."""


class CodecProcess:
    """A process that runs codecs. Used by one thread at a time."""

    def __init__(self, memory_bytes: int) -> None:
        paths = os.pathsep.join(map(os.path.abspath, sys.path))
        self._process = subprocess.Popen(  # noqa: S603
            [
                sys.executable,
                *("-P", "-m", "sensorhub.codecs.worker"),
                *(str(memory_bytes), str(os.getpid())),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"},
            start_new_session=True,  # Ctrl-C is for the hub, which ends us
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in = self._process.stdin.fileno()
        self._out = self._process.stdout.fileno()
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)
        self.known: set[str] = set()  # codecs whose text it has
        self._held = bytearray()
        self._ready = False

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def ask(
        self, request: CodecRequest, wall_s: float, total_s: float
    ) -> Iterator[tuple[str, str]]:
        """Yield the answers one by one, as (how it ended, its text).

        Raises CodecProcessEnded when the process dies, when one answer takes longer
        than `wall_s`, or all together longer than `total_s`.
        """
        if not self._ready:
            self._packet(time.monotonic() + START_S, "its start")
            self._ready = True
        began = time.monotonic()
        self._send(packet(msgspec.msgpack.encode(request)), began + wall_s)
        self.known.add(request.codec)
        for _ in request.calls:
            end, what = time.monotonic() + wall_s, "one frame"
            if began + total_s < end:
                end, what = began + total_s, "the batch"
            yield _decode(self._packet(end, what))

    def _send(self, body: bytes, end: float) -> None:
        view = memoryview(body)
        while view:
            if not _wait(self._in, select.POLLOUT, end):
                raise CodecProcessEnded("the codec's process took no frames in time")
            try:
                view = view[os.write(self._in, view) :]
            except BrokenPipeError:
                raise self._ended() from None

    def _packet(self, end: float, what: str) -> bytes:
        held = self._held
        while (size := _whole(held)) is None:
            if not _wait(self._out, select.POLLIN, end):
                raise CodecProcessEnded(f"no answer in time for {what}")
            found = os.read(self._out, READ_BYTES)
            if not found:
                raise self._ended()
            held += found
        body = bytes(held[LENGTH:size])
        del held[:size]
        return body

    def _ended(self) -> CodecProcessEnded:
        code = self._process.wait(1.0)
        if code == -signal.SIGPROF:
            return CpuTimeExceeded("took more CPU time than codecs.time_ms")
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return CodecProcessEnded(f"the codec's process died ({how})")

    def kill(self) -> None:
        """Kill the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def _whole(held: bytearray) -> int | None:
    """Length of the first packet with its head; None where it is not all here."""
    if len(held) < LENGTH:
        return None
    size = LENGTH + int.from_bytes(held[:LENGTH], "big")
    return size if len(held) >= size else None


def _wait(number: int, event: int, end: float) -> bool:
    """Whether a pipe is ready before `end` (monotonic)."""
    poll = select.poll()
    poll.register(number, event)
    return bool(poll.poll(max(0.0, end - time.monotonic()) * 1000))
