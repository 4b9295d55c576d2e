"""The simulated town: seeded, in order, within what its sensors can say."""

import csv
import io
import json
from collections import Counter, defaultdict
from functools import cache
from itertools import islice, pairwise, takewhile
from random import Random
from typing import Any

import pytest

from firmware_sim.clock import DAY, HOUR, MINUTE, parse_time
from firmware_sim.demotown.devices import DemoUplink
from firmware_sim.demotown.fleet import COLUMNS, NATIVE, fleet_csv, town
from firmware_sim.demotown.replay import curves
from firmware_sim.demotown.stream import DemoTown, uplinks
from firmware_sim.demotown.toilet import DemoToilet, ToiletTraits
from firmware_sim.demotown.world import BinTraits, DemoBin, local_minute, next_round

START = parse_time("2026-06-01T07:00:00+08:00")


@cache
def two_days() -> list[DemoUplink]:
    end = START + 2 * DAY
    return list(takewhile(lambda u: u.at <= end, uplinks(town(), 1, START)))


def records(uplink: DemoUplink) -> list[dict[str, Any]]:
    content = json.loads(uplink.payload)
    return content if isinstance(content, list) else [content]


def test_one_seed_gives_one_sequence_of_uplinks() -> None:
    first = list(islice(uplinks(town(), 7, START), 1_500))
    assert first == list(islice(uplinks(town(), 7, START), 1_500))
    assert first != list(islice(uplinks(town(), 8, START), 1_500))


def test_uplinks_come_in_order_of_time() -> None:
    times = [uplink.at for uplink in two_days()]
    assert times == sorted(times)
    assert times[0] >= START


def test_every_device_of_the_register_speaks() -> None:
    registered = {m.device for asset in town() for m in asset.mountings}
    assert {uplink.device for uplink in two_days()} == registered


def test_a_few_uplinks_come_twice_with_the_same_content() -> None:
    copies = [u for u in two_days() if u.copy]
    assert 0.003 < len(copies) / len(two_days()) < 0.03
    originals = {(u.topic, u.payload) for u in two_days() if not u.copy}
    native = [u for u in copies if u.topic.startswith("sensorhub/")]
    assert native
    assert all((u.topic, u.payload) in originals for u in native)


def test_a_doubled_lorawan_frame_differs_only_in_its_envelope() -> None:
    seen = {
        (u.device, body.get("fCnt"), body["data"]): body["deduplicationId"]
        for u in two_days()
        if not u.copy and "data" in (body := json.loads(u.payload))
    }
    copies = [
        json.loads(u.payload)
        for u in two_days()
        if u.copy and u.topic.startswith("application/")
    ]
    assert copies
    for body in copies:
        key = (body["deviceInfo"]["devEui"], body.get("fCnt"), body["data"])
        assert seen[key] != body["deduplicationId"]


def test_distinct_uplinks_differ_in_topic_seq_or_content() -> None:
    keys = Counter(
        (u.topic, body.get("fCnt"), body["data"])
        if "data" in (body := records(u)[0])
        else (u.topic, u.payload)
        for u in two_days()
        if not u.copy
    )
    assert max(keys.values()) == 1


RANGES = {
    "fill_level": (0, 130),
    "temperature": (-50, 150),
    "humidity": (0, 100),
    "battery": (0, 100),
    "tilt": (0, 180),
    "tilted": (0, 1),
    "leak": (0, 1),
    "nh3": (0, 30),
    "h2s": (0, 30),
    "count_in": (0, 2**53),
    "count_out": (0, 2**53),
}


def test_native_values_stay_in_their_ranges_and_time_goes_on() -> None:
    last: dict[str, int] = defaultdict(int)
    seen: set[str] = set()
    for uplink in two_days():
        if not uplink.topic.startswith("sensorhub/") or uplink.copy:
            continue
        for record in records(uplink):
            ts = record["ts"]
            at = ts if isinstance(ts, int) else parse_time(str(ts))
            assert last[uplink.device] < at <= uplink.at
            seen.update(record["m"])
            last[uplink.device] = at
            for name, value in record["m"].items():
                low, high = RANGES[name]
                assert low <= value <= high, (name, value)
    assert len(last) > 20
    assert seen >= {"fill_level", "temperature", "nh3", "count_in"}


def test_bins_fill_beyond_eighty_percent_and_are_emptied() -> None:
    curves = defaultdict(list)
    for uplink in two_days():
        if "-bin" in uplink.device:
            for record in records(uplink):
                curves[uplink.device].append(record["m"]["fill_level"])
    peaks = [max(curve) for curve in curves.values()]
    assert sum(peak > 80 for peak in peaks) >= len(peaks) / 3
    for curve in curves.values():
        assert any(before - after > 20 for before, after in pairwise(curve))


def test_a_bin_fills_by_about_what_is_thrown_in() -> None:
    start = parse_time("2026-06-01T00:00:00+08:00")
    gains = []
    for seed in range(60):
        thing = DemoBin(Random(seed), BinTraits(120, 20, ()), start)
        before = thing.fill
        if before < 50:  # a full one would be emptied meanwhile
            gains.append(thing.state_at(start + DAY).fill - before)
    assert sum(gains) / len(gains) == pytest.approx(20, abs=4)


def test_a_toilet_smells_more_without_cleaning() -> None:
    clean = DemoToilet(Random(1), ToiletTraits(300, 40, 6, (6 * 60, 14 * 60)), START)
    foul = DemoToilet(Random(1), ToiletTraits(300, 40, 6, ()), START)
    day = START + DAY
    assert foul.state_at(day).nh3 > 1.5 * clean.state_at(day).nh3
    assert clean.state_at(day).count_in - clean.state_at(day).count_out < 30


def test_crews_clean_toilets_and_it_can_be_said() -> None:
    living = DemoTown(town(), 1, START)
    for uplink in living.uplinks():
        if uplink.at > START + DAY:
            break
    assert {asset.split("-")[0] for asset, _ in living.cleanings} == {
        zone.id for zone in {asset.zone for asset in town()}
    }


def test_daily_rounds_are_in_local_time() -> None:
    at = next_round(START, (6 * 60, 14 * 60 + 30))
    assert local_minute(at) == 14 * 60 + 30
    assert local_minute(next_round(at, (6 * 60,))) == 6 * 60
    assert at - START == 7 * HOUR + 30 * MINUTE


def test_real_curves_are_replayed_at_their_local_time_of_day() -> None:
    container = "2148"
    first_day = [fill for _, fill in curves()[container]][:8]
    midnight = parse_time("2026-06-01T00:00:00+08:00")
    stream = uplinks(tuple(a for a in town() if a.replay == container), 1, midnight)
    played = [records(u)[0] for u in islice(stream, 8)]
    assert [r["m"]["fill_level"] for r in played] == first_day
    prague = curves()[container][0][0] + HOUR
    shown = parse_time(str(played[0]["ts"])) + 8 * HOUR
    assert shown % DAY == prague % DAY


def test_real_curves_repeat_at_their_end() -> None:
    stream = uplinks(tuple(a for a in town() if a.replay == "1777"), 1, START)
    times = [u.at for u in islice(stream, 1_000)]
    assert times == sorted(set(times))


def test_the_register_names_every_mounting_once() -> None:
    lines = list(csv.DictReader(io.StringIO(fleet_csv(town()))))
    assert tuple(lines[0]) == COLUMNS
    assert 55 <= len({line["asset"] for line in lines}) <= 65
    assert len({line["zone"] for line in lines}) == 3
    devices = [line["device"] for line in lines]
    assert len(set(devices)) == len(devices)
    kinds = {line["kind"] for line in lines}
    assert {"bin", "container", "waste_pit", "toilet", "mobile_toilet"} <= kinds
    assert {line["profile"] for line in lines} > {NATIVE}
