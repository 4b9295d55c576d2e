"""Throughput as the data grow: the last tenth of a run beside its first."""

import time

from tests.bench.latency import saturated
from tests.bench.rig import cpu_s, hub, prepare, publisher, rss_mb, say, send

LOOK_S = 0.1


def growth(devices: int, uplinks: int) -> dict[str, float]:
    """Uplinks a second in each tenth of a saturated run."""
    with hub(devices) as found, publisher(found.broker, devices) as source:
        prepare(source, 1)
        send(source, 1)
        found.wait_done(devices)
        marks = [devices + uplinks * i // 10 for i in range(11)]
        times: list[float] = []
        used: list[float] = []
        with saturated(found, source, devices):
            marks = [mark + found.received() - devices for mark in marks]
            while len(times) < len(marks):
                here = found.received()
                if here >= marks[len(times)]:
                    marks[len(times)] = here
                    times.append(time.monotonic())
                    used.append(cpu_s(found.pid))
                    if len(times) > 1:
                        rate = (marks[len(times) - 1] - marks[len(times) - 2]) / (
                            times[-1] - times[-2]
                        )
                        say(f"  tenth {len(times) - 1}: {rate:.0f} uplinks/s")
                time.sleep(LOOK_S)
        rates = [
            (marks[i + 1] - marks[i]) / (times[i + 1] - times[i]) for i in range(10)
        ]
        rss, data = rss_mb(found.pid), found.data_mb()
        cpu = [
            (used[i + 1] - used[i]) / (marks[i + 1] - marks[i]) * 1e6 for i in (0, 9)
        ]
    return {
        "uplinks": uplinks,
        "first_tenth_per_s": round(rates[0]),
        "last_tenth_per_s": round(rates[9]),
        "last_over_first": round(rates[9] / rates[0], 3),
        "first_tenth_us": round(cpu[0], 2),
        "last_tenth_us": round(cpu[1], 2),
        "rss_mb": round(rss, 1),
        "data_mb": round(data, 1),
    }
