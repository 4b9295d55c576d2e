"""Real curves as a hub gets them: uplinks, register, settings folder."""

import csv
import heapq
import json
import shutil
from base64 import b64encode
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.quality.one import ROOT
from tests.quality.real.curves import Curve

HERE = Path(__file__).parent
LITRES = 1000  # the law in config/sensorhub.toml is made for this
USUAL_S = 10_800  # a reading in three hours


def _messages(curve: Curve) -> Iterator[tuple[int, str, str]]:
    topic = f"sensorhub/v1/{curve.waste}/c{curve.container}/up"
    readings = zip(curve.at.tolist(), curve.fill.tolist(), strict=True)
    for seq, (at, fill) in enumerate(readings):
        sent = {"ts": at, "seq": seq, "m": {"fill_level": fill}}
        yield at, topic, b64encode(json.dumps(sent).encode()).decode()


def write(curves: Sequence[Curve], folder: Path) -> None:
    """Write uplinks.jsonl, fleet.csv and the settings folder `config`."""
    with (folder / "uplinks.jsonl").open("w") as file:
        for at, topic, payload in heapq.merge(*map(_messages, curves)):
            moment = datetime.fromtimestamp(at / 1000, UTC).isoformat()
            line = {"received_at": moment, "topic": topic, "payload": payload}
            file.write(json.dumps(line) + "\n")
    columns = ("zone", "site", "asset", "kind", "capacity_l", "device", "profile")
    with (folder / "fleet.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow((*columns, "interval_s"))
        for curve in curves:
            where = (curve.waste, f"{curve.waste}-{curve.container}", curve.container)
            device = (f"c{curve.container}", "native", USUAL_S)
            rows.writerow((*where, "container", LITRES, *device))
    shutil.copytree(ROOT / "config", folder / "config")
    shutil.copytree(HERE / "config", folder / "config", dirs_exist_ok=True)
