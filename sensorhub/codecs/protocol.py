"""What is asked of a payload codec, and what comes back; who runs it is not said."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from sensorhub.model import Reason


class CodecCall(NamedTuple):
    """One frame for a codec; `at`: when the network server received it, ms."""

    codec: str
    payload: bytes
    port: int
    at: int | None = None
    variables: Mapping[str, Any] = {}


class EncodeCall(NamedTuple):
    """Data that a codec is to encode as a downlink."""

    codec: str
    data: Mapping[str, Any]
    variables: Mapping[str, Any] = {}


class CodecAnswer(NamedTuple):
    """Its result as JSON text; in words what went wrong where `reason` is set."""

    said: str
    reason: Reason = Reason.NONE


class CodecRunner(Protocol):
    """Who runs codecs."""

    def decode(self, calls: list[CodecCall]) -> list[CodecAnswer]:
        """The answers to all frames of a batch, in their order. Never raises."""
        ...

    def encode(self, call: EncodeCall) -> Any:
        """What `encodeDownlink` makes of `data`. Raises ValueError."""
        ...

    def off(self) -> dict[str, str]:
        """The codecs that are switched off, and why."""
        ...

    def switch_on(self, name: str) -> bool:
        """An operator switches a codec on; False where it was not off."""
        ...


class _Nobody:
    """Where no codec is run."""

    def decode(self, calls: list[CodecCall]) -> list[CodecAnswer]:
        """Every frame is dead, and says so."""
        said = "payload codecs are not run here"
        return [CodecAnswer(said, Reason.CODEC_OFF) for _ in calls]

    def encode(self, call: EncodeCall) -> Any:
        """Raise ValueError."""
        raise ValueError(f"codecs/{call.codec}: payload codecs are not run here")

    def off(self) -> dict[str, str]:
        """None."""
        return {}

    def switch_on(self, name: str) -> bool:
        """Say whether it was off."""
        return name in self.off()


NO_CODECS: CodecRunner = _Nobody()
