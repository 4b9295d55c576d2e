"""The codec process: reads requests on standard input, answers each frame when done.

Started with `python -m sensorhub.codecs.worker`; ends when its input ends or its
parent dies. It knows no settings, no secrets and no data folder.
"""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import BinaryIO

import msgspec

from sensorhub.codecs.engine import CodecEngine
from sensorhub.codecs.packets import CodecRequest, packet, read_packet

PR_SET_PDEATHSIG = 1  # linux/prctl.h
SPARE_BYTES = 512 * 2**20  # of address space, for Python and the engine themselves
OVERRUN_S = 0.1  # of CPU time over a frame's limit, before the process is ended


def serve(source: BinaryIO, write: Callable[[bytes], object]) -> None:
    """Answer requests until there are no more."""
    engines: dict[str, CodecEngine] = {}
    decode = msgspec.msgpack.Decoder(CodecRequest).decode
    encode = msgspec.msgpack.Encoder().encode
    while (body := read_packet(source)) is not None:
        request = decode(body)
        if request.text is not None:
            limits = request.time_s, request.memory_bytes
            engines[request.codec] = CodecEngine(request.text, *limits)
        engine = engines[request.codec]
        for call in request.calls:
            # ends the process inside a loop of the engine's own, which no limit reaches
            signal.setitimer(signal.ITIMER_PROF, request.time_s + OVERRUN_S)
            answer = engine.call(call)
            signal.setitimer(signal.ITIMER_PROF, 0)
            write(packet(encode(answer)))


def confine(memory_bytes: int, parent: int) -> None:
    """Confine the process: no core, no files, bounded memory, dies with its parent."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if sys.platform == "linux":
        most = memory_bytes + SPARE_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before we asked
            raise SystemExit


def main() -> None:
    """Entry point; arguments: memory in bytes, the parent's process id."""
    confine(int(sys.argv[1]), int(sys.argv[2]))
    out = sys.stdout.fileno()

    def write(body: bytes) -> None:
        while body:
            body = body[os.write(out, body) :]

    write(packet(b""))  # ready
    serve(sys.stdin.buffer, write)


if __name__ == "__main__":
    main()
