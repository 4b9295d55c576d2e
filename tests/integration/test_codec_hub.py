"""A running hub with a codec that loops: others go on, the operator acts."""

import base64
import json
import time
from pathlib import Path

import pytest

from tests.support.brokers import Mosquitto, Peer, until
from tests.support.hubs import HubProcess, fleet_csv

pytestmark = pytest.mark.mosquitto
EUI = "24e124136b502217"
PROFILE = """
[acme-eye]
vendor = "Acme"
model = "Eye"
codec = "eye.js"
map.level = { measurement = "fill_level" }
map.lid = { measurement = "lid_open", words = { open = 1, closed = 0 } }
"""
CODEC = """
function decodeUplink(input) {
  if (input.bytes[0] > 100) for (;;);
  return {data: {level: input.bytes[0] + " %", lid: "open"}, warnings: ["a note"]};
}
"""


def frame(level: int, seq: int) -> tuple[str, bytes]:
    data = base64.b64encode(bytes([level, seq])).decode()
    body = {"deviceInfo": {"devEui": EUI}, "fCnt": seq, "fPort": 2, "data": data}
    return f"application/1/device/{EUI}/event/up", json.dumps(body).encode()


def make(folder: Path, port: int) -> HubProcess:
    hub = HubProcess(folder, port)
    for name, file, text in (
        ("profiles", "acme.toml", PROFILE),
        ("codecs", "eye.js", CODEC),
    ):
        (hub.config / name).mkdir(exist_ok=True)
        (hub.config / name / file).write_text(text)
    fleet = folder / "fleet.csv"
    eye = f"z1,s1,eye,bin,,,,,,{EUI},acme-eye\n"
    fleet.write_text(fleet_csv(1) + eye)
    hub.command("fleet", "import", str(fleet))
    return hub


def test_a_codec_that_loops_is_switched_off_and_delays_nobody_for_long(
    tmp_path: Path,
) -> None:
    with Mosquitto(tmp_path) as broker, Peer(broker.port) as peer:
        hub = make(tmp_path / "hub", broker.port)
        with hub:
            peer.send([frame(40, 1)])
            hub.until_ended(1)
            assert hub.kept("eye", "fill_level")[0][1] == 40
            assert hub.kept("eye", "lid_open")[0][1] == 1
            began = time.monotonic()
            peer.send([frame(200, n) for n in range(2, 32)])
            body = json.dumps({"seq": 1, "m": {"fill_level": 10}}).encode()
            peer.send([("sensorhub/v1/z1/d0/up", body)])
            until(lambda: hub.kept("bin0", "fill_level"), "the other device", 10)
            assert time.monotonic() - began < 5
            hub.until_ended(32)
            counted = hub.sums_are_exact()
            assert counted["uplink_codec_limit"] == 3
            assert counted["uplink_codec_off"] == 27
            (row,) = hub.command("codecs", "list")
            assert (row["codec"], row["profiles"]) == ("eye.js", ["acme-eye"])
            assert "3 times in an hour" in row["off"]
            assert hub.command("status")["codecs_off"] == {"eye.js": row["off"]}
            until(lambda: rules(hub) == ["codec_off"], "an alert says so")
            assert hub.command("codecs", "on", "eye.js") == {"codec": "eye.js"}
            until(lambda: rules(hub) == [], "the alert ends")
            peer.send([frame(50, 40)])
            hub.until_ended(33)
            assert hub.kept("eye", "fill_level")[-1][1] == 50
        assert hub.command("status")["codecs_off"] == {}


def rules(hub: HubProcess) -> list[str]:
    return [alert["rule"] for alert in hub.command("alerts")]


def test_a_hub_with_an_unsound_codec_does_not_start_and_says_why(
    tmp_path: Path,
) -> None:
    hub = make(tmp_path / "hub", 1)
    (hub.config / "codecs" / "eye.js").write_text("function decodeUplink( {")
    hub.launch()
    assert hub.wait() == 3
    said = hub.log.read_text()
    assert "codecs/eye.js: acme-eye.codec: SyntaxError" in said
    (hub.config / "codecs" / "eye.js").unlink()
    hub.launch()
    assert hub.wait() == 3
    assert "acme.toml: acme-eye.codec: no such file" in hub.log.read_text()


def test_decode_tells_what_a_codec_says_without_a_hub(tmp_path: Path) -> None:
    hub = make(tmp_path / "hub", 1)
    view = hub.command("decode", "acme-eye", "2a00", "--port", "2")
    levels = {row["measurement"]: row["value"] for row in view["readings"]}
    assert levels == {"fill_level": 42, "lid_open": 1}
    assert view["ignored"] == ["warning: a note"]
    refused = hub.command("decode", "acme-eye", "ff00", "--port", "2")
    assert "codecs.time_ms" in refused["errors"][0]
