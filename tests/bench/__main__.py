"""Measure: `make bench`, `make bench BENCH=--full`, or some of it by name."""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.codecs import codec_cost
from tests.bench.cost import cost
from tests.bench.fills import fill_cost
from tests.bench.forward import forwarding
from tests.bench.growth import growth
from tests.bench.latency import operator_write, publish_to_alert
from tests.bench.report import machine, publish, table
from tests.bench.rig import say
from tests.bench.scale import history
from tests.bench.size import many_devices

Measure = Callable[[bool], dict[str, Any]]
DEVICES = 10_000

MEASURES: dict[str, Measure] = {
    "native": lambda full: cost(DEVICES, *((20, 5) if full else (10, 2))),
    "native_10_percent": lambda full: cost(
        DEVICES, *((20, 3) if full else (10, 1)), change=0.1
    ),
    "wrapped": lambda full: cost(
        DEVICES, *((20, 3) if full else (10, 1)), form="wrapped"
    ),
    "paced": lambda full: cost(DEVICES, *((10, 3) if full else (3, 1)), rate=5_000),
    "latency": lambda full: publish_to_alert(1_000, 60 if full else 15, 1_000),
    "operator": lambda full: operator_write(DEVICES, 300 if full else 40),
    "size": lambda full: many_devices(100_000, 3 if full else 1),
    "fills": lambda full: fill_cost(500 if full else 100),
    "codec": lambda full: codec_cost(100 if full else 20),
    "history": history,
    "forward": lambda full: forwarding(DEVICES, 40 if full else 10),
    "growth": lambda full: growth(DEVICES, 5_000_000 if full else 300_000),
}


def headline(figures: dict[str, Any]) -> dict[str, float]:
    """The figures that have a goal, under their own names."""
    names = {
        "hub_cpu_ratio": ("native", "hub_cpu_ratio"),
        "p99_publish_to_alert_ms": ("latency", "p99_ms"),
        "operator_write_p99_ms": ("operator", "p99_ms"),
        "rss_mb": ("size", "rss_mb"),
        "bytes_per_device": ("size", "bytes_per_device"),
        "start_s": ("size", "start_s"),
        "catch_up_per_s": ("forward", "catch_up_per_s"),
        "last_over_first": ("growth", "last_over_first"),
    }
    return {n: figures[k][f] for n, (k, f) in names.items() if k in figures}


def main() -> None:
    """Measure what was asked for; write bench.json and the page's table."""
    asked = argparse.ArgumentParser(prog="make bench", description=__doc__)
    asked.add_argument("only", nargs="*", help=f"some of: {', '.join(MEASURES)}")
    asked.add_argument("--full", action="store_true", help="the published sizes")
    asked.add_argument("--json", type=Path, default=Path("bench.json"))
    asked.add_argument("--docs", action="store_true", help="write the page's table")
    words = asked.parse_args()
    figures: dict[str, Any] = {"machine": machine()}
    figures["command"] = "make bench BENCH=--full" if words.full else "make bench"
    for name, measure in MEASURES.items():
        if words.only and name not in words.only:
            continue
        began = time.monotonic()
        say(f"{name} ...")
        figures[name] = measure(words.full)
        say(f"  {figures[name]} ({time.monotonic() - began:.0f} s)")
    words.json.write_text(json.dumps(headline(figures) | figures, indent=2) + "\n")
    if words.docs or not words.only:
        publish(figures)
    print(table(figures))


if __name__ == "__main__":
    main()
