"""The figures as JSON, and as a table in docs/performance.md."""

import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

import paho.mqtt

from tests.bench.rig import ROOT

PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- bench -->", "<!-- /bench -->"


def machine() -> dict[str, Any]:
    """The machine and the versions that the figures were measured with."""
    info = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", info)
    said = subprocess.run(
        ["mosquitto", "-h"], capture_output=True, text=True, check=False
    ).stdout.split("\n")[0]
    return {
        "cpu": model.group(1) if model else platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "paho": paho.mqtt.__version__,
        "broker": said.strip(),
    }


def _row(what: str, limit: str, value: str) -> str:
    return f"| {what} | {limit} | {value} |"


def _ratio(found: dict[str, Any]) -> str:
    return (
        f"**{found['hub_cpu_ratio']:.2f}** ({found['hub_us']:.1f} / "
        f"{found['bare_us']:.1f} µs; {100 * found['transition_share']:.1f} % "
        "transitions)"
    )


def _history(found: dict[str, Any]) -> list[str]:
    """Rows of the history of about 100 million readings."""
    if not found:
        return []
    many = f"{found['readings']:,} readings of {found['devices']} devices"
    month, year = found["month_one_measurement"], found["year_by_day"]
    beside = {"p50_ms": "not measured"} | found.get("influx_month", {})
    daily = {"p50_ms": "not measured"} | found.get("influx_year_by_day", {})
    return [
        _row(
            f"read 30 days of one asset ({month['rows']:,} points) from {many}",
            "at most 15 ms",
            f"**{month['p50_ms']} ms** (p95 {month['p95_ms']}; InfluxDB over loopback"
            f" HTTP {beside['p50_ms']})",
        ),
        _row(
            "read a year of one asset by day, four measurements",
            "under 50 ms",
            f"**{year['p50_ms']} ms** (p95 {year['p95_ms']}; by hour "
            f"{found['year_by_hour']['p50_ms']}; InfluxDB by day {daily['p50_ms']})",
        ),
        _row(
            "bytes per reading on disk, with rollups",
            "under 2",
            f"**{found['bytes_per_reading']:.2f}**",
        ),
        _row(
            "longest transaction while chunks and rollups are made",
            "at most 100 ms",
            f"**{max(found['chunk_job_max_ms'], found['rollup_job_max_ms']):.0f} ms**",
        ),
        _row(
            f"slowest commit during a backup of {found['backup_mb']:.0f} MB",
            "at most 250 ms",
            f"**{found['commit_max_beside_backup_ms']:.0f} ms** (without a"
            f" backup {found['commit_max_ms']:.0f}; the backup took"
            f" {found['backup_s']} s)",
        ),
    ]


def table(figures: dict[str, Any]) -> str:
    """The figures as a Markdown table."""
    rows = ["| figure | goal | measured |", "|---|---|---|"]
    costs = {
        "native": ("native JSON, saturated", "at most 0.8, target 0.5"),
        "native_10_percent": (
            "native JSON, saturated, 10 % of uplinks with a new level",
            "reported",
        ),
        "wrapped": ("ChirpStack-wrapped EM400 frames, saturated", "reported"),
        "paced": ("native JSON, 5,000 uplinks/s", "reported"),
    }
    for key, (what, goal) in costs.items():
        if key in figures:
            text = f"CPU per uplink, relative to a bare paho subscriber: {what}"
            rows.append(_row(text, goal, _ratio(figures[key])))
    if "chunks_us" in (found := figures.get("native", {})):
        text = "additional CPU per uplink to make chunks, when a day has passed"
        rows.append(_row(text, "reported", f"{found['chunks_us']:.1f} µs"))
    if found := figures.get("latency"):
        text = (
            f"time from publish to alert, p99 at {found['uplinks_per_s']:.0f} uplinks/s"
        )
        said = f"**{found['p99_ms']:.0f} ms** (median {found['p50_ms']:.0f})"
        rows.append(_row(text, "under 100 ms", said))
    if found := figures.get("operator"):
        text = (
            f"time of an operator's action, p99 at {found['uplinks_per_s']:,} uplinks/s"
        )
        said = f"**{found['p99_ms']:.0f} ms** (median {found['p50_ms']:.0f})"
        rows.append(_row(text, "under 200 ms", said))
    if found := figures.get("size"):
        many = f"{found['devices']:,} active devices"
        said = (
            f"**{found['rss_mb']:.0f} MB** (peak {found['rss_peak_mb']:.0f}; "
            f"{found['bytes_per_device']} bytes per device)"
        )
        rows.append(_row(f"memory with {many}", "under 300 MB", said))
        said = f"**{found['state_ms']:.0f} ms** (first read "
        said += f"{found['state_first_ms']:.0f}; after all sent again "
        said += f"{found['state_after_a_round_ms']:.0f})"
        rows.append(
            _row(
                f"read the state of all {found['devices']:,} devices",
                "under 200 ms",
                said,
            )
        )
        said = f"**{found['start_s']:.1f} s** (after kill -9 "
        said += f"{found['start_after_kill_s']:.1f} s)"
        rows.append(_row(f"start with {found['devices']:,} devices", "under 5 s", said))
    if found := figures.get("fills"):
        said = f"**{found['us_in_batch']:.1f} µs** in batches of 1,000 (one alone "
        said += f"{found['us_alone']:.0f}); {found['bytes_per_bin']} bytes per bin"
        text = "fill estimate per reading: filter, emptying detection, forecast"
        rows.append(_row(text, "at most 6 µs, target 1.5; 400 bytes", said))
    if found := figures.get("codec"):
        text = "decode an EM400 frame, envelope to readings: built-in decoder"
        rows.append(_row(text, "reported", f"{found['decoder_us']:.1f} µs"))
        said = f"{found['codec_us']:.1f} µs, of which "
        said += f"{found['codec_child_cpu_us']:.1f} µs in the codec's process"
        rows.append(_row("the same: payload codec in JavaScript", "reported", said))
    if found := figures.get("forward"):
        text = f"forward a backlog of {found['waiting']:,.0f} readings to InfluxDB"
        said = f"**{found['catch_up_per_s']:,.0f} per second**; CPU per reading: hub "
        said += f"{found['hub_us_a_reading']:.1f} µs, InfluxDB "
        said += f"{found['influxd_us_a_reading']:.1f} µs; memory of the hub at "
        said += f"most {found['hub_rss_mb']:.0f} MB"
        rows.append(_row(text, "at least 50,000 per second", said))
        text = "native JSON, saturated: no forwarding / InfluxDB down / forwarding"
        said = " / ".join(
            f"{found[f'rate_{how}']:,.0f}" for how in ("off", "away", "beside")
        )
        said += f" uplinks/s, {found['hub_us_off']:.1f} / {found['hub_us_away']:.1f} / "
        said += f"{found['hub_us_beside']:.1f} µs CPU per uplink"
        rows.append(_row(text, "reported", said))
    if found := figures.get("growth"):
        text = f"rate of the last tenth of {found['uplinks']:,} uplinks over the first"
        said = (
            f"**{100 * found['last_over_first']:.0f} %** "
            f"({found['last_tenth_per_s']:,} / {found['first_tenth_per_s']:,}"
            " per second)"
        )
        rows.append(_row(text, "at least 80 %", said))
    rows += _history(figures.get("history", {}))
    where = figures["machine"]
    rows += [
        "",
        f"Measured with `{figures['command']}` on {where['cores']} cores of "
        f"{where['cpu']}, Python {where['python']}, paho-mqtt {where['paho']}, "
        f"{where['broker']}; broker, publisher and hub share the cores.",
    ]
    return "\n".join(rows)


def publish(figures: dict[str, Any]) -> None:
    """Replace the table between the marks of the page."""
    text = PAGE.read_text("utf-8")
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    PAGE.write_text(f"{head}{BEGIN}\n{table(figures)}\n{END}{tail}", "utf-8")
