"""Golden vectors: documented uplinks with the values they stand for."""

import json
from pathlib import Path
from typing import Any

from sensorhub.decode.decoders import DECODERS, decode_frame
from sensorhub.decode.mapping import decode_uplink
from sensorhub.model import Envelope, Frame
from sensorhub.registry.profiles import load_profiles

PROFILES = load_profiles(None, DECODERS)
FOLDER = Path(__file__).parents[1] / "vectors"


def frames() -> list[Any]:
    """Every vector of every family."""
    return [v for path in sorted(FOLDER.glob("*.json")) for v in _read(path)]


def envelopes() -> dict[str, Any]:
    """Documented messages of network servers by name: topic, source, message."""
    return {p.stem: _read(p) for p in sorted((FOLDER / "envelopes").glob("*.json"))}


def senml() -> list[Any]:
    """The packs of RFC 8428 with what they resolve to, where it says so."""
    return list(_read(FOLDER / "senml" / "rfc8428.json"))


def decode(profile: str, text: str, port: int = 85) -> Frame:
    """What the profile's decoder reads out of hex."""
    envelope = Envelope("d", port=port, payload=bytes.fromhex(text))
    return decode_uplink(envelope, PROFILES[profile])


def decode_by(decoder: str | None, frame: bytes, port: int) -> Frame:
    """What a decoder reads out of a frame."""
    found = decode_frame(decoder, frame, port)
    assert found is not None, decoder
    return found


def values(frame: Frame) -> dict[str, float]:
    """The fields by name."""
    return {field.name: field.value for field in frame.fields}


def _read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))
