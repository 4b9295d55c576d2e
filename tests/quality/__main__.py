"""Many seeds of default and harsh, beside naive rules and oracles: `make quality`."""

import argparse
import json
import os
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from tests.quality.one import ROOT, Size, one, same_bytes
from tests.quality.page import write

CACHE = ROOT / "build" / "quality"
Found = dict[str, dict[str, Any]]


def seeds_of(text: str) -> list[int]:
    """ "100-119" or "1,2,3"."""
    first, dash, last = text.partition("-")
    if dash:
        return list(range(int(first), int(last) + 1))
    return [int(part) for part in text.split(",")]


def version() -> str:
    """What the scores are of: all code, rules and settings that make them."""
    found = sha256()
    for folder in ("sensorhub", "firmware_sim", "config", "tests/quality"):
        for path in sorted((ROOT / folder).rglob("*")):
            made_here = path.name not in (
                "page.py",
                "targets.py",
                "picture.py",
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


def main() -> None:
    """Measure, and write the page."""
    asked = argparse.ArgumentParser(prog="make quality", description=__doc__)
    asked.add_argument("--seeds", default="0-9", help="default 0-9; 100-119: the page")
    asked.add_argument("--presets", default="default,harsh")
    asked.add_argument("--bins", type=int, default=150)
    asked.add_argument("--toilets", type=int, default=10)
    asked.add_argument("--days", type=int, default=74)
    asked.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    asked.add_argument("--out", type=Path, default=CACHE / "alert-quality.md")
    told = asked.parse_args()
    size = Size(told.bins, told.toilets, told.days)
    seeds, presets = seeds_of(told.seeds), told.presets.split(",")
    work = [(preset, seed) for preset in presets for seed in seeds]
    found: dict[str, list[Found]] = {preset: [] for preset in presets}
    with (
        ProcessPoolExecutor(told.jobs) as pool,
        Progress(console=Console(stderr=True)) as bar,
    ):
        task = bar.add_task("seeds", total=len(work))
        jobs = [
            (preset, pool.submit(kept, preset, seed, size)) for preset, seed in work
        ]
        for preset, job in jobs:
            found[preset].append(job.result())
            bar.advance(task)
    same = {preset: same_bytes(preset, seeds[0]) for preset in presets}
    write(told.out, found, same, size)
    print(told.out)


if __name__ == "__main__":
    main()
