"""A codec file of the settings folder, and how it behaved."""

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from pathlib import Path

from sensorhub.codecs.protocol import CodecAnswer, CodecCall
from sensorhub.model import Reason

REMEMBERED = 64  # offending frames a codec
Stamp = tuple[int, int]


class CodecFault(ValueError):
    """A codec cannot be used; the message says why."""


@dataclass(slots=True)
class Codec:
    """A file of `codecs/`: its text, and its frames that met a limit."""

    path: Path
    text: str
    stamp: Stamp
    offences: deque[float] = field(default_factory=deque)
    off: str = ""  # why it is switched off
    bad: OrderedDict[tuple[bytes, int], CodecAnswer] = field(
        default_factory=OrderedDict
    )

    def known(self, call: CodecCall) -> CodecAnswer | None:
        """The answer to a frame that is not to be tried; None where it is."""
        if self.off:
            return CodecAnswer(self.off, Reason.CODEC_OFF)
        return self.bad.get((call.payload, call.port))

    def remember(self, call: CodecCall, answer: CodecAnswer) -> None:
        """Remember a frame that is not to be tried again."""
        self.bad[call.payload, call.port] = answer
        if len(self.bad) > REMEMBERED:
            self.bad.popitem(last=False)

    def reset(self) -> None:
        """Forget limits that were met: the file changed, or an operator says so."""
        self.off = ""
        self.offences.clear()
        self.bad.clear()


def stamp_of(path: Path) -> Stamp:
    """Time of modification (ns) and size (bytes). Raises OSError."""
    found = path.stat()
    return found.st_mtime_ns, found.st_size


def read_codec(path: Path) -> tuple[str, Stamp]:
    """Text and stamp of a file; Latin-1 where it is not UTF-8. Raises OSError."""
    stamp, body = stamp_of(path), path.read_bytes()
    try:
        return body.decode("utf-8-sig"), stamp
    except UnicodeDecodeError:
        return body.decode("latin-1"), stamp
