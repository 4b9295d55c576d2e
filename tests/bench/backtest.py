"""A million past uplinks of 2,000 devices through `sensorhub backtest`.

`python -m tests.bench.backtest [--uplinks N] [--devices N] [--keep FOLDER]`
"""

import argparse
import base64
import json
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.rig import ROOT, say

START_S = 1_780_000_000
EVERY_S = 900
LOST = 0.02
COLUMNS = "zone,site,asset,kind,tags,device,profile"


def write_fleet(path: Path, devices: int) -> None:
    """Bins, a tenth of them to be emptied daily."""
    rows = [
        f"z{n % 20},s{n % 200},bin{n},bin,{'daily' if n % 10 == 0 else ''},d{n},native"
        for n in range(devices)
    ]
    path.write_text("\n".join([COLUMNS, *rows]) + "\n", "utf-8")


def write_uplinks(path: Path, uplinks: int, devices: int) -> None:
    """Each device every 15 minutes, fill rising to about 95 % in two days, emptied."""
    chance = random.Random(1)
    fill = [chance.uniform(0, 90) for _ in range(devices)]
    rate = [chance.uniform(0.2, 1.2) for _ in range(devices)]
    limit = [chance.choice((75, 85, 95)) for _ in range(devices)]
    phase = sorted(chance.random() * EVERY_S for _ in range(devices))
    done = turn = 0
    with path.open("w", encoding="utf-8") as file:
        while done < uplinks:
            for n in range(devices):
                fill[n] = 3.0 if fill[n] > limit[n] else fill[n] + rate[n]
                if chance.random() < LOST or done >= uplinks:
                    continue
                at = datetime.fromtimestamp(START_S + turn * EVERY_S + phase[n], UTC)
                body = {
                    "ts": int(at.timestamp() * 1000) - 400,
                    "seq": turn,
                    "m": {
                        "fill_level": round(fill[n] + chance.gauss(0, 0.5), 1),
                        "temperature": round(20 + 8 * chance.random(), 1),
                        "battery": 90,
                        "tilted": 0,
                    },
                }
                line = {
                    "received_at": at.isoformat(timespec="milliseconds"),
                    "topic": f"sensorhub/v1/z{n % 20}/d{n}/up",
                    "payload": base64.b64encode(json.dumps(body).encode()).decode(),
                }
                file.write(json.dumps(line) + "\n")
                done += 1
            turn += 1


def run(folder: Path) -> tuple[float, dict[str, object]]:
    """Seconds that the command takes, start of the process included; its summary."""
    words = ["uplinks.jsonl", "--fleet", "fleet.csv", "--out", "alerts.jsonl"]
    words += ["--ledger", "ledger.jsonl", "--config", str(ROOT / "config"), "--json"]
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "sensorhub", "backtest", *words],
        cwd=folder,
        check=True,
        stdout=subprocess.PIPE,
    )
    return time.monotonic() - began, json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uplinks", type=int, default=1_000_000)
    parser.add_argument("--devices", type=int, default=2_000)
    parser.add_argument("--keep", type=Path)
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = said.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "uplinks.jsonl").exists():
            say(f"writing {said.uplinks} uplinks of {said.devices} devices")
            write_fleet(folder / "fleet.csv", said.devices)
            write_uplinks(folder / "uplinks.jsonl", said.uplinks, said.devices)
        took, view = run(folder)
        print(json.dumps(view | {"took_s": round(took, 1)}, indent=2))


if __name__ == "__main__":
    main()
