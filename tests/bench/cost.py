"""CPU time an uplink: the hub with everything on over the bare subscriber."""

import time
from statistics import median

from sensorhub.clock import Clock
from sensorhub.config.settings import HistorySettings
from sensorhub.store.history_maker import HistoryMaker
from sensorhub.store.jobs import HubAccess
from tests.bench.history import Meter
from tests.bench.rig import (
    FILTERS,
    Hub,
    Script,
    broker,
    cpu_s,
    hub,
    prepare,
    publisher,
    say,
    send,
)


def bare_us(devices: int, rounds: int, form: str = "native", rate: float = 0) -> float:
    """CPU time of the bare subscriber, in us an uplink."""
    with (
        broker() as found,
        publisher(found, devices, form) as source,
        Script("bare", found.port, FILTERS[form]) as taker,
    ):
        assert taker.hear() == "ready"
        prepare(source, rounds)
        before = cpu_s(taker.pid)
        send(source, rounds, rate)
        while int(taker.hear()) < devices * rounds:
            pass
        return (cpu_s(taker.pid) - before) / (devices * rounds) * 1e6


class Patient:
    """A hub under load and its publisher; warmed up by one uplink of each device."""

    def __init__(self, found: Hub, source: Script, devices: int) -> None:
        self.hub, self.source, self.devices = found, source, devices
        self.sent = 0
        self.first_us = self.us(1)

    def us(self, rounds: int, rate: float = 0) -> float:
        """CPU time in us an uplink until every cursor has caught up."""
        prepare(self.source, rounds)
        before = cpu_s(self.hub.pid)
        self.sent += rounds * self.devices
        send(self.source, rounds, rate)
        self.hub.wait_done(self.sent)
        return (cpu_s(self.hub.pid) - before) / (rounds * self.devices) * 1e6


def chunks_us(found: Hub, uplinks: int) -> float:
    """CPU time of making chunks of all that a stopped hub left, us an uplink."""
    found.stop()
    meter = Meter(found.data)
    maker = HistoryMaker(
        found.data, HistorySettings(), hub=HubAccess(Clock().now, meter.submit)
    )
    before = time.process_time()
    maker.start()
    assert maker.compact(), "chunks took too long"
    used = time.process_time() - before
    maker.stop()
    meter.connection.close()
    return used / uplinks * 1e6


def cost(
    devices: int,
    rounds: int,
    repeats: int,
    *,
    form: str = "native",
    change: float = 0.015,
    rate: float = 0,
) -> dict[str, float]:
    """Both, in turns; medians, their ratio and the share of transitions."""
    with (
        hub(devices, form) as found,
        publisher(found.broker, devices, form, change) as source,
    ):
        patient = Patient(found, source, devices)
        before = found.counts().get("transitions", 0)
        ours, bare = [], []
        for _ in range(repeats):
            bare.append(bare_us(devices, rounds, form, rate))
            ours.append(patient.us(rounds, rate))
            say(f"  bare {bare[-1]:.1f} us, hub {ours[-1]:.1f} us an uplink")
        moved = found.counts().get("transitions", 0) - before
        chunks = chunks_us(found, patient.sent)
    share = moved / (devices * rounds * repeats)
    return {
        "hub_cpu_ratio": round(median(ours) / median(bare), 3),
        "hub_us": round(median(ours), 2),
        "bare_us": round(median(bare), 2),
        "transition_share": round(share, 4),
        "chunks_us": round(chunks, 2),
        "first_contact_us": round(patient.first_us, 2),
    }
