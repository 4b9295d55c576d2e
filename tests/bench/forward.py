"""Forwarding to a real InfluxDB: how quickly it catches up, what it costs beside."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.bench.cost import Patient
from tests.bench.rig import (
    Hub,
    cpu_s,
    hub,
    prepare,
    publisher,
    rss_mb,
    say,
    send,
    until,
)
from tests.support.influx import BUCKET, ORG, TOKEN, Influxd, need_influxd


def _is_sent(found: Hub) -> bool:
    numbers = found.counts()
    return numbers.get("readings_forwarded", 0) == numbers.get("readings_stored", -1)


def _ingest(patient: Patient, rounds: int) -> tuple[float, float]:
    """Uplinks a second from the first sent to the last on disk; CPU us an uplink."""
    prepare(patient.source, rounds)
    before, began = cpu_s(patient.hub.pid), time.monotonic()
    patient.sent += rounds * patient.devices
    send(patient.source, rounds)
    until(lambda: patient.hub.received() >= patient.sent, "all received")
    rate = rounds * patient.devices / (time.monotonic() - began)
    patient.hub.wait_done(patient.sent)
    return rate, (cpu_s(patient.hub.pid) - before) / (rounds * patient.devices) * 1e6


def _switch(found: Hub, influxd: Influxd) -> None:
    """Forward from the next start on."""
    found.env |= {
        "SENSORHUB_INFLUX__URL": influxd.url,
        "SENSORHUB_INFLUX__TOKEN": TOKEN,
        "SENSORHUB_INFLUX__ORG": ORG,
        "SENSORHUB_INFLUX__BUCKET": BUCKET,
        "SENSORHUB_INFLUX__RETRY_S": "1",
    }


def forwarding(devices: int, rounds: int) -> dict[str, float]:
    """Ingest without, with InfluxDB away and beside it; then the catching up.

    Nothing where there is no influxd.
    """
    try:
        need_influxd()
    except (pytest.skip.Exception, pytest.fail.Exception) as reason:
        say(f"  not measured: {reason}")
        return {}
    with (
        TemporaryDirectory() as folder,
        hub(devices) as found,
        publisher(found.broker, devices) as source,
        Influxd(Path(folder)) as influxd,
    ):
        patient = Patient(found, source, devices)
        figures: dict[str, float] = {"devices": devices}
        figures["rate_off"], figures["hub_us_off"] = _ingest(patient, rounds)
        _switch(found, influxd)
        found.stop()
        found.start()
        until(lambda: _is_sent(found), "what was before is sent")
        influxd.stop()
        figures["rate_away"], figures["hub_us_away"] = _ingest(patient, rounds)
        say(f"  {figures}")
        waiting = found.counts()["readings_stored"]
        waiting -= found.counts()["readings_forwarded"]
        influxd.start()
        figures |= _catch_up(found, influxd, waiting)
        before = cpu_s(found.pid)
        figures["rate_beside"], _ = _ingest(patient, rounds)
        until(lambda: _is_sent(found), "all is sent")
        used = cpu_s(found.pid) - before
        figures["hub_us_beside"] = used / (rounds * devices) * 1e6
        return {name: round(value, 2) for name, value in figures.items()}


def _catch_up(found: Hub, influxd: Influxd, waiting: int) -> dict[str, float]:
    first = found.counts()["readings_forwarded"]
    until(lambda: found.counts()["readings_forwarded"] > first, "it begins", 0.005)
    begun, began = found.counts()["readings_forwarded"], time.monotonic()
    before = cpu_s(found.pid), cpu_s(influxd.pid)
    until(lambda: _is_sent(found), "caught up", 0.01)
    sent = found.counts()["readings_forwarded"] - begun
    took = time.monotonic() - began
    return {
        "waiting": waiting,
        "catch_up_per_s": sent / took,
        "hub_us_a_reading": (cpu_s(found.pid) - before[0]) / sent * 1e6,
        "influxd_us_a_reading": (cpu_s(influxd.pid) - before[1]) / sent * 1e6,
        "hub_rss_mb": rss_mb(found.pid, peak=True),
        "influxd_rss_mb": rss_mb(influxd.pid, peak=True),
    }
