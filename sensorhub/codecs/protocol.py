"""Calls of payload codecs and their answers, whoever runs them."""

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
    """The codec's result as JSON text; an error message where `reason` is set."""

    text: str
    reason: Reason = Reason.NONE


class CodecRunner(Protocol):
    """Runs payload codecs."""

    def decode(self, calls: list[CodecCall]) -> list[CodecAnswer]:
        """Decode all frames of a batch; answers in their order. Never raises."""
        ...

    def encode(self, call: EncodeCall) -> Any:
        """Encode data by `encodeDownlink`. Raises ValueError."""
        ...

    def off(self) -> dict[str, str]:
        """The codecs that are switched off, and why."""
        ...

    def switch_on(self, name: str) -> bool:
        """Switch a codec on again; False where it was not off."""
        ...


class _NoCodecs:
    """Runs no codec: refuses every frame."""

    def decode(self, calls: list[CodecCall]) -> list[CodecAnswer]:
        """Refuse every frame."""
        text = "payload codecs are not run here"
        return [CodecAnswer(text, Reason.CODEC_OFF) for _ in calls]

    def encode(self, call: EncodeCall) -> Any:
        """Raise ValueError."""
        raise ValueError(f"codecs/{call.codec}: payload codecs are not run here")

    def off(self) -> dict[str, str]:
        """Return no codec: none was switched off."""
        return {}

    def switch_on(self, name: str) -> bool:
        """Return False: no codec was off."""
        return name in self.off()


NO_CODECS: CodecRunner = _NoCodecs()
