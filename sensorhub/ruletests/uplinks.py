"""Turn the series of a test into uplinks: values measured together come together."""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from sensorhub.model import TOPIC_ROOT, Message
from sensorhub.ruletests.book import RuleTest, SampleSeries


class Sample(NamedTuple):
    """One value, measured at an offset (ms) from the test's start."""

    at: int
    device: str
    asset: str
    measurement: str
    value: float


class Sent(NamedTuple):
    """An uplink received at an offset (ms) from the test's start."""

    at: int
    message: Message


class _Together(NamedTuple):
    """The key of samples that form one uplink."""

    at: int
    device: str
    clock: int
    late: int
    sent: int
    ts: bool


def samples(test: RuleTest) -> list[Sample]:
    """Every value of the series in order of time."""
    return sorted(sample for series in test.series for sample in _of(test, series))


def _of(test: RuleTest, series: SampleSeries) -> Iterator[Sample]:
    device, asset = _source(test, series)
    for number, value in enumerate(series.values):
        if value is not None:
            at = series.from_ + number * series.every
            yield Sample(at, device, asset, series.measurement, value)


def _source(test: RuleTest, series: SampleSeries) -> tuple[str, str]:
    """The device that sends a series, and the asset it is given for."""
    for asset in test.assets:
        for device in asset.mounted:
            if series.device == device.id or series.asset == asset.id:
                return device.id, asset.id
    raise AssertionError("a test's series name what it has")


def uplinks(test: RuleTest, start: int) -> list[Sent]:
    """The uplinks in the order of reception; `start` in ms."""
    together: dict[_Together, dict[str, float]] = defaultdict(dict)
    for series in test.series:
        for sample in _of(test, series):
            key = _Together(
                at=sample.at,
                device=sample.device,
                clock=series.clock,
                late=series.late,
                sent=series.sent,
                ts=series.ts,
            )
            together[key][sample.measurement] = sample.value
    zones = {d.id: a.zone for a in test.assets for d in a.mounted}
    via = {d.id: d.via for a in test.assets for d in a.mounted if d.via}
    numbers: dict[str, int] = defaultdict(int)
    found = []
    for key, values in sorted(together.items()):
        numbers[key.device] += 1
        body: dict[str, object] = {"seq": numbers[key.device], "m": values}
        if key.ts:
            body["ts"] = start + key.at + key.clock
        if key.device in via:
            body["via"] = via[key.device]
        topic = f"{TOPIC_ROOT}/{zones[key.device]}/{key.device}/up"
        message = Message(topic.encode(), msgspec.json.encode(body), 2)
        found += [Sent(key.at + key.late, message)] * key.sent
    return sorted(found, key=lambda sent: sent.at)
