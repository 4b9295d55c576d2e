"""Scores of one seed, kept: what `make quality` hands to its processes.

Not in `__main__`: processes that are not forked (the default from Python 3.14 on) do
not find there what they are to call.
"""

import json
from hashlib import sha256
from typing import Any

from tests.quality.one import ROOT, Size, one

CACHE = ROOT / "build" / "quality"
Found = dict[str, dict[str, Any]]


def version() -> str:
    """What the scores are of: all code, rules and settings that make them."""
    found = sha256()
    for folder in ("sensorhub", "firmware_sim", "config", "tests/quality"):
        for path in sorted((ROOT / folder).rglob("*")):
            made_here = path.name not in (
                "page.py",
                "targets.py",
                "picture.py",
                "kept.py",
                "__main__.py",
            )
            if made_here and path.suffix in (".py", ".toml", ".js"):
                found.update(path.read_bytes())
    return found.hexdigest()[:12]


def kept(preset: str, seed: int, size: Size) -> Found:
    """Scores of a seed; a run that was broken off goes on where it was."""
    name = f"{preset}-{seed}-{size.bins}x{size.toilets}x{size.days}.json"
    path = CACHE / version() / name
    if path.exists():
        found: Found = json.loads(path.read_text())
        return found
    found = one(preset, seed, size)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found))
    return found
