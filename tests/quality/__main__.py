"""Many seeds of default and harsh, beside naive rules and oracles: `make quality`."""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from tests.quality.kept import CACHE, Found, kept
from tests.quality.one import Size, same_bytes
from tests.quality.page import write


def seeds_of(text: str) -> list[int]:
    """ "100-119" or "1,2,3"."""
    first, dash, last = text.partition("-")
    if dash:
        return list(range(int(first), int(last) + 1))
    return [int(part) for part in text.split(",")]


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
