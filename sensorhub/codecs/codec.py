"""One file of `codecs/`, and how it behaved."""

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from pathlib import Path

from sensorhub.codecs.protocol import CodecAnswer, CodecCall
from sensorhub.model import Reason

REMEMBERED = 64  # offending frames a codec
Stamp = tuple[int, int]


class CodecFault(ValueError):
    """A codec cannot be used; says why."""


@dataclass(slots=True)
class Codec:
    """One file of `codecs/`, and how it behaved."""

    path: Path
    text: str
    stamp: Stamp
    offences: deque[float] = field(default_factory=deque)
    off: str = ""  # why it is switched off
    bad: OrderedDict[tuple[bytes, int], CodecAnswer] = field(
        default_factory=OrderedDict
    )

    def known(self, call: CodecCall) -> CodecAnswer | None:
        """The answer where the frame need not be tried."""
        if self.off:
            return CodecAnswer(self.off, Reason.CODEC_OFF)
        return self.bad.get((call.payload, call.port))

    def remember(self, call: CodecCall, answer: CodecAnswer) -> None:
        """This frame is not tried again."""
        self.bad[call.payload, call.port] = answer
        if len(self.bad) > REMEMBERED:
            self.bad.popitem(last=False)

    def forgive(self) -> None:
        """It is mended, or somebody thinks so."""
        self.off = ""
        self.offences.clear()
        self.bad.clear()


def stamp_of(path: Path) -> Stamp:
    """When it was written, and how long it is. Raises OSError."""
    found = path.stat()
    return found.st_mtime_ns, found.st_size


def read_codec(path: Path) -> tuple[str, Stamp]:
    """Text and stamp; comments of some makers are not in UTF-8. Raises OSError."""
    stamp, body = stamp_of(path), path.read_bytes()
    try:
        return body.decode("utf-8-sig"), stamp
    except UnicodeDecodeError:
        return body.decode("latin-1"), stamp
