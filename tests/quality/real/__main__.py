"""Judge the hub's estimates on real curves; prints the tables of
docs/estimation-on-real-curves.md."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.quality.real.curves import read
from tests.quality.real.hub import estimates
from tests.quality.real.judge import judge

EXCERPT = Path("firmware_sim/data/prague_fill_excerpt.csv")
TITLES = {
    "level": "level a day ahead, points",
    "to_mark": "hours to 80 %, reached within a day",
    "to_full": "hours to 100 %, reached within a day",
}


def _table(rows: Sequence[Sequence[object]]) -> str:
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def _emptyings(found: dict[str, Any]) -> str:
    counted = ("obvious", "detected", "ends of 100 % periods", "mistaken")
    rows: list[tuple[object, ...]] = [
        ("waste", "containers", *counted, "all detected", "confirmed")
    ]
    for waste, of in found.items():
        n = of["emptyings"]
        seen = n["found"] / max(n["obvious"], 1)
        sure = n["confirmed"] / max(n["declared"], 1)
        spells = (n["spells"], n["mistaken"], f"{n['declared']:,}", f"{sure:.3f}")
        rows.append(
            (waste, of["containers"], f"{n['obvious']:,}", f"{seen:.3f}", *spells)
        )
    return _table(rows)


def _alerts(found: dict[str, Any]) -> str:
    head = ("alerts", "a container and week", "due afterwards")
    full = ("fillings to 95 %", "alert before", "median hours before")
    rows: list[tuple[object, ...]] = [("waste", "method", *head, *full)]
    for waste, of in found.items():
        for who, e in of["alerts"].items():
            shares = (f"{e['n']:,}", f"{e['a_week']:.2f}", f"{e['due']:.3f}")
            told = (f"{e['fillings']:,}", f"{e['told']:.3f}", f"{e['lead']:.1f}")
            rows.append((waste, who, *shares, *told))
    return _table(rows)


def _errors(found: dict[str, Any], what: str) -> str:
    within = ("within 6 h",) if what != "level" else ()
    rows = [(TITLES[what], "method", "median error", "mean", "bias", *within)]
    for waste, of in found.items():
        for who, e in of[what].items():
            if who == "n" or (within and who == "persistence"):
                continue
            sizes = (f"{e[name]:.1f}" for name in ("median", "mae", "bias"))
            shares = (f"{e['within6']:.2f}",) if within else ()
            rows.append((f"{waste}, n {of[what]['n']:,}", who, *sizes, *shares))
    return _table(rows)


def page(found: dict[str, Any]) -> str:
    """The tables."""
    errors = (_errors(found, what) for what in TITLES)
    return "\n".join((_emptyings(found), *errors, _alerts(found)))


def main() -> None:
    """Read, run, print."""
    asked = argparse.ArgumentParser(
        prog="python -m tests.quality.real", description=__doc__
    )
    asked.add_argument("--curves", type=Path, default=EXCERPT, help="CSV, or .gz")
    asked.add_argument("--json", action="store_true")
    told = asked.parse_args()
    curves = read(told.curves)
    found = judge(curves, estimates(curves))
    print(json.dumps(found) if told.json else page(found))


if __name__ == "__main__":
    main()
