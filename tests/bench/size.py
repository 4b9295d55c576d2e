"""Memory and time of start with very many devices."""

import time

from sensorhub.clock import Clock
from sensorhub.model import NEVER
from sensorhub.store.database import connect
from sensorhub.views.asset_states import AssetStateReader
from tests.bench.rig import Hub, Script, hub, prepare, publisher, rss_mb, say, send


def _register_s(found: Hub) -> float:
    began = time.monotonic()
    found.command("fleet", "import", str(found.folder / "fleet.csv"))
    return time.monotonic() - began


def _state_ms(found: Hub, source: Script, devices: int) -> list[float]:
    """A reader's looks at all assets: the first, the next, after all spoke again."""
    observer = AssetStateReader(connect(found.data, read_only=True))

    def look() -> float:
        began = time.perf_counter()
        seen = observer.look(Clock().now())
        taken = (time.perf_counter() - began) * 1000
        assert (seen.heard_at > NEVER).all(), "an asset that nobody heard"
        return round(taken, 1)

    taken = [look(), look()]
    before = found.received()
    prepare(source, 1)
    send(source, 1)
    found.wait_done(before + devices)
    return [*taken, look()]


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
        state = _state_ms(found, source, devices)
        found.stop()
        clean = found.start()
        prepare(source, 1)
        send(source, 1)
        found.wait_done((rounds + 2) * devices)
        found.stop(kill=True)
        killed = found.start()
    return {
        "devices": devices,
        "state_first_ms": state[0],
        "state_ms": state[1],
        "state_after_a_round_ms": state[2],
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
