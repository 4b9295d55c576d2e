"""The tables of docs/decoders.md: profiles, coverage by vectors, wrong vectors."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sensorhub.decode.decoders import DECODERS
from sensorhub.decode.mapping import decode_uplink, map_fields
from sensorhub.model import BY_NO, Envelope
from sensorhub.registry.profiles import Profile, load_profiles, profiles_table

FOLDER = Path(__file__).parent
LONGEST = 100  # characters of a cell


def decoders_page() -> str:
    """The page as written by hand, with the tables between its marks made anew."""
    text = (FOLDER / "decoders.md").read_text("utf-8")
    profiles = load_profiles(None, DECODERS)
    vectors = read_vectors()
    text = _between(text, "profiles", profiles_table(profiles))
    text = _between(text, "coverage", _coverage(profiles, vectors))
    return _between(text, "disputed", _disputed(vectors))


def _between(text: str, mark: str, new: str) -> str:
    head, start, rest = text.partition(f"<!-- {mark} -->\n")
    _, end, tail = rest.partition(f"<!-- /{mark} -->")
    return f"{head}{start}{new}{end}{tail}"


def read_vectors() -> list[dict[str, Any]]:
    """Every vector of tests/vectors."""
    folder = FOLDER.parent / "tests" / "vectors"
    paths = sorted(folder.glob("*.json"))
    return [v for path in paths for v in json.loads(path.read_text("utf-8"))]


def _coverage(profiles: Mapping[str, Profile], vectors: list[dict[str, Any]]) -> str:
    rows = []
    for name in sorted(DECODERS):
        own = [v for v in vectors if profiles[v["profile"]].decoder == name]
        agreed = sum(agrees(profiles[v["profile"]], v) for v in own)
        models = [p.model for p in profiles.values() if p.decoder == name]
        count = f"{agreed} of {len(own)}" if own else "none: by its document alone"
        disputed = sum("disputed" in v for v in own) or ""
        shown = ", ".join(models)
        if len(shown) > LONGEST:
            shown = f"{models[0]} to {models[-1]}, {len(models)} models (see above)"
        rows.append((f"`{name}`", shown, count, str(disputed)))
    return _table(("decoder", "models", "vectors agreed", "disputed values in"), rows)


def agrees(profile: Profile, vector: dict[str, Any]) -> bool:
    """Whether the bytes give the published readings and the other published values."""
    payload = bytes.fromhex(vector["payload"])
    envelope = Envelope("d", port=vector["port"], payload=payload)
    fields = decode_uplink(envelope, profile).fields
    readings = map_fields(profile, fields).readings
    got = sorted((BY_NO[no].name, value, at or 0) for no, value, at in readings)
    want = sorted(
        (r["measurement"], r["value"], r.get("measured_at", 0))
        for r in vector["readings"]
    )
    others = {field.name: field.value for field in fields}
    return got == want and vector.get("fields", {}).items() <= others.items()


def _disputed(vectors: list[dict[str, Any]]) -> str:
    rows = [
        (
            v["profile"],
            f"`{v['payload']}`",
            ", ".join(f"{k} {x}" for k, x in v["disputed"]["published"].items()),
            v["disputed"]["why"],
        )
        for v in vectors
        if "disputed" in v
    ]
    unique = list(dict.fromkeys(rows))
    return _table(("profile", "bytes", "published", "why not here"), unique)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = tuple(head)
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
