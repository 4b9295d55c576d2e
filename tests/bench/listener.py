"""CPU time an uplink of the listener alone, beside the bare subscriber.

`python -m tests.bench.listener` measures and prints; with words it is one of its
own processes: `take PORT VERSION` only takes and acknowledges, `post PORT COUNT`
only publishes.
"""

import sys
import threading
from collections.abc import Sequence

from sensorhub.config.settings import MqttSettings
from sensorhub.listeners.link import Publication
from sensorhub.listeners.mqtt import MqttListener
from tests.bench.cost import bare_us
from tests.bench.rig import (
    FILTERS,
    Script,
    broker,
    cpu_s,
    prepare,
    publisher,
    say,
    send,
    until,
)

DEVICES = 10_000
BATCH, WAIT_S = 2_000, 0.02


def _listener(port: str, version: str) -> MqttListener:
    topics = [{"filter": FILTERS["native"], "kind": "native"}]
    settings = MqttSettings.model_validate(
        {"port": port, "version": version, "topics": topics}
    )
    listener = MqttListener(settings, "bench")
    listener.start()
    until(listener.connected, "the broker", 0.01)
    return listener


def take(port: str, version: str) -> None:
    """Take and acknowledge; print how many came at every thousand passed."""
    listener = _listener(port, version)
    print("ready", flush=True)
    seen = 0
    while True:
        if (batch := listener.take_batch(BATCH, WAIT_S)) is None:
            continue
        listener.acknowledge(batch)
        before, seen = seen, seen + len(batch.messages)
        if seen // 1_000 > before // 1_000:
            print(seen, flush=True)


def post(port: str, count: str) -> None:
    """Publish so many messages of 300 bytes; print when all are confirmed."""
    listener = _listener(port, "3.1.1")
    print("ready", flush=True)
    done: list[None] = []
    room = threading.Event()

    def tell() -> None:
        done.append(None)
        room.set()

    item = Publication("out/x", b"x" * 300, False, tell, tell)
    open_ = int(count)
    while len(done) < int(count):
        open_ -= listener.publish_many([item] * min(open_, 200))
        room.wait(1.0)
        room.clear()
    print("done", flush=True)
    sys.stdin.read()


def listener_us(rounds: int, rate: float = 0, version: str = "3.1.1") -> float:
    """CPU time of the listener, in us an uplink."""
    with (
        broker() as found,
        publisher(found, DEVICES) as source,
        Script("listener", "take", found.port, version) as taker,
    ):
        while taker.hear() != "ready":
            pass
        prepare(source, rounds)
        before = cpu_s(taker.pid)
        send(source, rounds, rate)
        while (line := taker.hear()) and int(line) < DEVICES * rounds:
            pass
        return (cpu_s(taker.pid) - before) / (DEVICES * rounds) * 1e6


def publish_us(count: int = 50_000) -> float:
    """CPU time of publishing at QoS 1, confirmation included, in us a message."""
    with broker() as found, Script("listener", "post", found.port, count) as poster:
        before = 0.0
        while (line := poster.hear()) != "done":
            before = cpu_s(poster.pid) if line == "ready" else before
        return (cpu_s(poster.pid) - before) / count * 1e6


def main(words: Sequence[str]) -> None:
    """Measure, or be what `words` say."""
    if words:
        {"take": take, "post": post}[words[0]](*words[1:])
        return
    for name, rounds, rate in (("saturated", 20, 0.0), ("5,000/s", 6, 5_000.0)):
        bare = bare_us(DEVICES, rounds, rate=rate)
        ours = [listener_us(rounds, rate, version) for version in ("3.1.1", "5")]
        say(f"{name}: bare {bare:.1f}, MQTT 3.1.1 {ours[0]:.1f}, 5 {ours[1]:.1f} us")
    say(f"publish: {publish_us():.1f} us")


if __name__ == "__main__":
    main(sys.argv[1:])
