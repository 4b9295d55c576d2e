"""Memory and time of start with very many devices."""

import time

from tests.bench.rig import Hub, hub, prepare, publisher, rss_mb, say, send


def _register_s(found: Hub) -> float:
    began = time.monotonic()
    found.command("fleet", "import", str(found.folder / "fleet.csv"))
    return time.monotonic() - began


def many_devices(devices: int, rounds: int) -> dict[str, float]:
    """A hub that hears of all its devices, and starts again: cleanly and not."""
    with hub(1) as small:
        empty = rss_mb(small.pid)
    with (
        hub(devices, start=False) as found,
        publisher(found.broker, devices) as source,
    ):
        again = _register_s(found)
        first = found.start()
        idle = rss_mb(found.pid)
        for number in range(1, rounds + 1):
            prepare(source, 1)
            send(source, 1)
            found.wait_done(number * devices)
            now, peak = rss_mb(found.pid), rss_mb(found.pid, peak=True)
            say(f"  round {number}: {now:.0f} MB, at most {peak:.0f} MB")
        found.stop()
        clean = found.start()
        prepare(source, 1)
        send(source, 1)
        found.wait_done((rounds + 1) * devices)
        found.stop(kill=True)
        killed = found.start()
    return {
        "devices": devices,
        "rss_mb": round(now, 1),
        "rss_peak_mb": round(peak, 1),
        "rss_idle_mb": round(idle, 1),
        "rss_without_devices_mb": round(empty, 1),
        "bytes_per_device": round((now - empty) * 2**20 / devices),
        "start_s": round(clean, 2),
        "start_after_kill_s": round(killed, 2),
        "first_start_s": round(first, 2),
        "import_again_s": round(again, 2),
    }
