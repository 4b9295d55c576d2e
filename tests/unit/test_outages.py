"""A zone or a gateway that falls silent as a whole is one alert, and no other's."""

import json
from pathlib import Path
from typing import Any

import pytest

from sensorhub.model import Message
from tests.support.town import HEADER, HOUR, MINUTE, SHIPPED, Town, native

EAST = [f"east,park,bin-{n},bin,d{n},native,,,,," for n in range(6)]
WEST = [f"west,quay,pit-{n},bin,p{n},native,,,,," for n in range(6)]
EUIS = [f"24e124000000000{n}" for n in range(6)]
LORA = [
    f"west,quay,wc-{n},toilet,{eui},milesight-gs301,,,,," for n, eui in enumerate(EUIS)
]
FLEET = "\n".join((HEADER, *EAST, *WEST, ""))
BY_GATEWAY = "\n".join((HEADER, *EAST, *LORA, ""))


def everyone(town: Town, *devices: str, via: str | None = None, **more: Any) -> None:
    """One uplink of each device, now, in one batch."""
    told: dict[str, Any] = {"via": via} if via else {}
    values = {"fill_level": 20.0} | more
    batch = []
    for device in devices:
        town.seq += 1
        batch.append(native(device, values, seq=town.seq, ts=town.clock.time, **told))
    if batch:
        town.take(batch)


def d(*numbers: int) -> list[str]:
    return [f"d{n}" for n in numbers]


def lora(town: Town, eui: str, *gateways: str) -> None:
    """An uplink through ChirpStack, heard by these gateways, the first the loudest."""
    town.seq += 1
    body = {
        "deviceInfo": {"devEui": eui},
        "time": "2026-11-18T11:06:40Z",
        "fCnt": town.seq,
        "fPort": 85,
        "data": "AXVk",
        "rxInfo": [
            {"gatewayId": gateway, "rssi": -60 - 10 * n, "snr": 5}
            for n, gateway in enumerate(gateways)
        ],
    }
    topic = f"application/a/device/{eui}/event/up".encode()
    town.take([Message(topic, json.dumps(body).encode(), 2)])


def hours(town: Town, n: float, *devices: str, via: str | None = None) -> None:
    """Time passes; these devices speak every ten minutes."""
    for _ in range(int(n * 6)):
        town.tick(10 * MINUTE)
        everyone(town, *devices, via=via)


def told(town: Town) -> list[str]:
    """Every transition that any subscriber was sent, in order."""
    rows = town.hub.connection.execute(
        "SELECT body FROM outbox WHERE subscription <> 'mqtt' ORDER BY no"
    )
    events = [json.loads(body) for (body,) in rows]
    return [
        f"{e['rule']} {e['asset']} {e['transition']['to']}"
        for e in events
        if e["rule"] != "hub_outage"
    ]


@pytest.fixture
def town(tmp_path: Path) -> Town:
    town = Town(tmp_path, fleet=FLEET)
    town.subscribe()
    everyone(town, *d(0, 1, 2, 3, 4, 5), *(f"p{n}" for n in range(6)))
    return town


def test_a_zone_that_falls_silent_is_one_alert_with_its_members(town: Town) -> None:
    hours(town, 6, *(f"p{n}" for n in range(6)))
    assert town.open() == {("zone_outage", "east"): "device"}
    (alert,) = town.alerts(all_=False)
    assert alert["members"] == [f"bin-{n}" for n in range(6)]
    assert alert["zone"] == "east"
    assert alert["text"]["en"] == "zone east: no data from 100 % of its devices"
    assert told(town) == ["zone_outage east firing"]


def test_back_again_it_ends_and_who_stays_silent_is_told_later(town: Town) -> None:
    hours(town, 6)
    hours(town, 1, *d(0, 1, 2, 3, 4), *(f"p{n}" for n in range(6)))
    assert town.open() == {}
    hours(town, 8, *d(0, 1, 2, 3, 4), *(f"p{n}" for n in range(6)))
    assert town.open() == {("silent_device", "bin-5"): "device"}
    assert told(town) == [
        "zone_outage east firing",
        "zone_outage west firing",
        "zone_outage east resolved",
        "zone_outage west resolved",
        "silent_device bin-5 firing",
    ]


def test_an_outage_is_told_whatever_asset_is_out_of_service(tmp_path: Path) -> None:
    header = f"{HEADER},out_from,out_until"
    rows = [
        *(f"{row},," for row in EAST),
        "east,park,bin-6,bin,d6,native,,,,,,2026-11-01,",
    ]
    town = Town(tmp_path, fleet="\n".join((header, *rows, "")))
    town.subscribe()
    everyone(town, *d(0, 1, 2, 3, 4, 5))
    hours(town, 6)
    assert told(town) == ["zone_outage east firing"]


def test_two_of_six_are_no_outage(town: Town) -> None:
    hours(town, 9, *d(0, 1, 2, 3), *(f"p{n}" for n in range(6)))
    assert set(town.open()) == {("silent_device", f"bin-{n}") for n in (4, 5)}


def test_who_was_dead_for_days_makes_no_outage(town: Town) -> None:
    hours(town, 30, *d(0, 1), *(f"p{n}" for n in range(6)))
    dead = {("silent_device", f"bin-{n}") for n in (2, 3, 4, 5)}
    assert set(town.open()) == dead  # 67 % of six fell silent together
    hours(town, 2.5, *(f"p{n}" for n in range(6)))
    assert ("zone_outage", "east") not in town.open()


def test_other_alerts_about_its_devices_are_held_back_until_it_ends(town: Town) -> None:
    west = [f"p{n}" for n in range(6)]
    hours(town, 3, *west)
    for _ in range(3):  # one gets through and says that its bin was tipped over
        town.tick(MINUTE)
        everyone(town, "d0", tilted=1)
    assert town.open()["tilted", "bin-0"] == "device"
    assert told(town) == ["zone_outage east firing"]
    hours(town, 1, *d(1, 2, 3, 4, 5), *west)
    assert told(town)[1:] == ["zone_outage east resolved", "tilted bin-0 firing"]


@pytest.mark.parametrize("when", ["before", "during"])
def test_a_kill_changes_nothing(town: Town, when: str) -> None:
    west = [f"p{n}" for n in range(6)]
    hours(town, 1 if when == "before" else 4, *west)
    town.kill()
    hours(town, 3, *west)
    assert town.open() == {("zone_outage", "east"): "device"}
    hours(town, 1, *d(0, 1, 2, 3, 4, 5), *west)
    town.kill()
    hours(town, 1, *d(0, 1, 2, 3, 4, 5), *west)
    assert town.open() == {}
    assert told(town) == ["zone_outage east firing", "zone_outage east resolved"]


def test_an_excuse_outlives_a_kill(town: Town) -> None:
    west = [f"p{n}" for n in range(6)]
    hours(town, 6, *west)
    hours(town, 1, *d(0, 1, 2, 3, 4), *west)
    before = town.hub.session.state.reception.monitored_at.tolist()
    town.kill()
    assert town.hub.session.state.reception.monitored_at.tolist() == before


def test_a_gateway_is_known_by_who_heard_through_it(tmp_path: Path) -> None:
    town = Town(tmp_path, fleet=BY_GATEWAY)
    town.subscribe()
    near, far = "a84041ffff000001", "a84041ffff000002"
    for eui in EUIS:
        lora(town, eui, near, far)
    for _ in range(5 * 6):  # and a louder one for some, now and then
        town.tick(10 * MINUTE)
        everyone(town, *d(0, 1, 2, 3, 4, 5), via="lan-1")
    assert town.open() == {("gateway_outage", near): "device"}
    (alert,) = town.alerts(all_=False)
    assert alert["members"] == [f"wc-{n}" for n in range(6)]
    assert alert["zone"] == "west"
    assert told(town) == [f"gateway_outage {near} firing"]
    town.kill()
    for eui in EUIS[:5]:
        lora(town, eui, far)
    town.tick(MINUTE)
    assert town.open() == {}


GROUP = """
[[rules]]
id = "{by}_outage"
kind = "group"
by = "{by}"
category = "device"
levels = [{{ severity = "device", raise = 70, clear = 30 }}]
intervals = 2
at_least = "45m"
text = {{ zh-CN = "无数据", en = "silent" }}
"""


def test_what_one_gateway_explains_is_no_zones_trouble_in_whatever_order_rules_stand(
    tmp_path: Path,
) -> None:
    rules = "".join(GROUP.format(by=by) for by in ("zone", "gateway"))
    town = Town(tmp_path, rules, "\n".join((HEADER, *LORA, "")))
    for eui in EUIS:
        lora(town, eui, "a84041ffff000001")
    town.tick(24 * HOUR)  # both fall due at one look
    assert set(town.open()) == {("gateway_outage", "a84041ffff000001")}


def test_heard_by_its_gateway_among_others_it_stays_with_it(tmp_path: Path) -> None:
    town = Town(tmp_path, fleet=BY_GATEWAY)
    device = town.hub.session.registry.device_no[EUIS[0]]

    def gateway() -> str:
        return town.hub.session.state.subjects[
            int(town.hub.session.state.reception.gateway[device])
        ].id

    for heard, known in (("ab", "a"), ("ba", "a"), ("bc", "b"), ("a", "a")):
        lora(town, EUIS[0], *heard)
        assert gateway() == known
        town.kill()
        assert gateway() == known


def test_a_rule_that_is_gone_takes_its_alert_along(town: Town) -> None:
    hours(town, 4, *(f"p{n}" for n in range(6)))
    without = SHIPPED.replace('id = "zone_outage"', 'id = "other_outage"')
    town.act("rules_file", text=without)
    town.tick(MINUTE)
    assert town.open() == {("other_outage", "east"): "device"}
    assert told(town)[1] == "zone_outage east resolved"


def test_a_silence_names_a_zone_that_is_out(town: Town) -> None:
    until = town.clock.time + 24 * HOUR
    result = town.act("silence", asset="east", until=until)
    assert "error" not in result
    hours(town, 4, *(f"p{n}" for n in range(6)))
    assert town.open() == {("zone_outage", "east"): "device"}
    assert told(town) == []
