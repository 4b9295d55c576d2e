"""The same frames by the built-in decoder and by a payload codec in JavaScript."""

import base64
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from sensorhub.codecs.runner import Codecs
from sensorhub.columns import NO_DEVICE
from sensorhub.config.layout import TopicSettings
from sensorhub.config.settings import CodecSettings
from sensorhub.decode.decoders import DECODERS
from sensorhub.ingest.reader import MessageReader
from sensorhub.model import Message
from sensorhub.registry.profiles import Profile, load_profiles
from tests.bench.packets import WRAPPED, WRAPPED_TOPIC, device_name

BATCH = 2_000
FRAME = "017564036719010482b402050000"  # battery, 28.1 °C, 692 mm, upright
FOLDER = Path(__file__).parent


class OneProfile:
    """A register in which every device has the same profile and no asset."""

    def __init__(self, devices: int, profile: Profile) -> None:
        names = [device_name("wrapped", number) for number in range(1, devices + 1)]
        self.device_no = {name: number for number, name in enumerate(names, 1)}
        self.profiles = [profile] * (devices + 1)
        self.asset_of = np.full(devices + 1, NO_DEVICE, np.int32)


def messages() -> list[Message]:
    """One wrapped EM400 frame of each of a batch of devices."""
    data = base64.b64encode(bytes.fromhex(FRAME)).decode()
    found = []
    for number in range(1, BATCH + 1):
        name = device_name("wrapped", number)
        body = WRAPPED.format(
            time="2026-03-01T00:00:00+00:00",
            device=name,
            seq=100_000 + number,
            data=data,
        )
        topic = WRAPPED_TOPIC.format(device=name)
        found.append(Message(topic.encode(), body.encode(), 2))
    return found


def codec_cost(rounds: int) -> dict[str, float]:
    """µs an uplink from envelope to readings, both ways; wall time, in turns.

    With the codec that is the hub's thread waiting for the child; the child's own
    CPU time is told apart.
    """
    native = load_profiles(None, DECODERS)["milesight-em400-tld"]
    codec = native.model_copy(update={"decoder": None, "codec": "em400.js"})
    codecs = Codecs(FOLDER, ["em400.js"], CodecSettings(), lambda: 0)
    kind = (TopicSettings(filter="application/+/device/+/event/+", kind="chirpstack"),)
    intakes: dict[str, Any] = {
        name: MessageReader(OneProfile(BATCH, profile), kind, 65_536, codecs)  # type: ignore[arg-type]
        for name, profile in (("decoder", native), ("codec", codec))
    }
    batch = messages()
    took: dict[str, list[float]] = {"decoder": [], "codec": []}
    try:
        first = {name: reader.read(batch, 0) for name, reader in intakes.items()}
        assert first["codec"].value[:2] == [100, 28.1], first["codec"].dead[:1]
        assert first["codec"].value == first["decoder"].value
        assert first["codec"].code == first["decoder"].code
        before = os.times()
        for _ in range(rounds):
            for name, reader in intakes.items():
                began = time.perf_counter()
                reader.read(batch, 0)
                took[name].append((time.perf_counter() - began) / BATCH * 1e6)
    finally:
        codecs.close()
    child = os.times().children_user - before.children_user
    child += os.times().children_system - before.children_system
    return {
        "decoder_us": float(np.median(took["decoder"])),
        "codec_us": float(np.median(took["codec"])),
        "codec_child_cpu_us": child / (rounds + 1) / BATCH * 1e6,
    }


if __name__ == "__main__":
    print(json.dumps(codec_cost(20)))
