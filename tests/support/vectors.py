"""Golden vectors: documented uplinks with the values they stand for."""

import json
from pathlib import Path
from typing import Any

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


def _read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))
