"""Export: every reading of a selection, once, in every format."""

import csv
import io
import json
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from sensorhub.export import files, tables
from sensorhub.export.files import Format, writer
from sensorhub.model import BY_NAME, Outcome
from sensorhub.store import device_scan, history_maker, segments
from sensorhub.store.history import EVER, DeviceSpan, read
from sensorhub.store.migration import prepare
from sensorhub.store.rollups import Bucket
from tests.support.archive import START, Hub, columns_of

DAY = 86_400_000
COUNT = BY_NAME["count_in"].no
SWAP = START + 20 * DAY


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """Two bins; `b2` got another device after 20 days; `d4` is on no asset."""
    monkeypatch.setattr(history_maker, "TIDY_S", 0.0)
    monkeypatch.setattr(history_maker, "REST", 0.0)
    monkeypatch.setattr(segments, "SLICE_READINGS", 4)
    monkeypatch.setattr(device_scan, "PAGE_WEEKS", 2)
    monkeypatch.setattr(device_scan, "GROUP", 2)
    monkeypatch.setattr(device_scan, "FEW", 2)
    prepare(tmp_path)
    hub = Hub(tmp_path)
    for no, (id_, zone) in enumerate((("b1", "z1"), ("b2", "z2")), 1):
        hub.write.execute(
            "INSERT INTO assets (no, id, name, kind, zone, site, tags, out_reason)"
            " VALUES (?, ?, '', 'bin', ?, '', '', '')",
            (no, id_, zone),
        )
    for no in range(1, 5):
        hub.write.execute(
            "INSERT INTO devices VALUES (?, ?, 'native', 0)", (no, f"d{no}")
        )
    hub.write.executemany(
        "INSERT INTO mountings (device, asset, from_at, until_at) VALUES (?, ?, ?, ?)",
        [(1, 1, None, None), (2, 2, None, SWAP), (3, 2, SWAP, None)],
    )
    for n in range(200):
        hub.clock.time = START + n * DAY // 4
        many: list[Any] = [
            (d, Outcome.STORED, [(1, 10.0 * d + n / 10, 0, 0), (COUNT, float(n), 0, 0)])
            for d in range(1, 5)
        ]
        hub.append(columns_of(many, hub.clock.time))
        if n == 150:
            while hub.maker.step():
                pass
    yield hub
    hub.close()


def wanted(hub: Hub, *, by: Bucket | None = None, **chosen: Any) -> tables.ExportQuery:
    codes = chosen.pop("codes", None)
    asked = {"zones": (), "assets": (), "devices": ()} | chosen
    return tables.ExportQuery(
        device_scan.places(hub.read, **asked), -EVER, EVER, codes, by, "UTC"
    )


def rows(hub: Hub, chosen: tables.ExportQuery) -> list[dict[str, Any]]:
    return [
        dict(zip(table.columns, row, strict=True))
        for table in tables.tables(hub.read, chosen)
        for row in zip(*table.columns.values(), strict=True)
    ]


def told(found: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    names = ("device", "measurement", "measured_at", "value")
    return sorted(tuple(row[name] for name in names) for row in found)


def test_everything_is_exported_once(hub: Hub) -> None:
    found = rows(hub, wanted(hub))
    pages = read(
        hub.read, spans=[DeviceSpan(d) for d in range(5)], since=-EVER, until=EVER
    )
    names = {no: f"d{no}" for no in range(5)}
    every = [r for page in pages for r in page.rows(names)]
    assert told(found) == sorted(
        (r.device, r.measurement, r.measured_at, r.value) for r in every
    )
    assert len(found) == 200 * 4 * 2


def test_a_reading_belongs_to_the_asset_it_was_measured_on(hub: Hub) -> None:
    found = rows(hub, wanted(hub))
    for row in found:
        before = row["measured_at"] < SWAP
        on = {"d1": "b1", "d2": "b2" if before else "", "d3": "" if before else "b2"}
        assert row["asset"] == on.get(row["device"], "")
    bins = rows(hub, wanted(hub, assets=["b2"]))
    assert {row["device"] for row in bins} == {"d2", "d3"}
    times = [r["measured_at"] for r in bins if r["measurement"] == "fill_level"]
    assert times == sorted(times)
    assert len(times) == 200


def test_zones_devices_and_measurements_choose(hub: Hub) -> None:
    assert {r["zone"] for r in rows(hub, wanted(hub, zones=["z1"]))} == {"z1"}
    assert {r["device"] for r in rows(hub, wanted(hub, devices=["d4"]))} == {"d4"}
    one = rows(hub, wanted(hub, codes=[1]))
    assert {r["measurement"] for r in one} == {"fill_level"}
    assert not wanted(hub, zones=["nowhere"]).places


def test_rollups_of_an_asset_whose_device_was_swapped(hub: Hub) -> None:
    chosen = wanted(hub, assets=["b2"], codes=[1, COUNT], by=Bucket.DAY)
    found = rows(hub, chosen)
    assert sum(row["count"] for row in found) == 400
    counters = [row for row in found if row["measurement"] == "count_in"]
    assert all(row["mean"] is None for row in counters)
    assert all(row["counted"] <= 3 for row in counters)
    assert all(row["counted"] is None for row in found if row not in counters)


@pytest.mark.parametrize("by", [None, Bucket.DAY])
def test_all_formats_say_the_same(hub: Hub, by: Bucket | None) -> None:
    chosen = wanted(hub, by=by)
    said = {form: read_back(form, written(hub, chosen, form)) for form in Format}
    assert said[Format.CSV] == said[Format.JSONL] == said[Format.PARQUET]
    assert len(said[Format.CSV]) == len(rows(hub, chosen))


def written(hub: Hub, chosen: tables.ExportQuery, form: Format) -> bytes:
    file = io.BytesIO()
    with writer(form, file, tables.names(chosen)) as to:
        for table in tables.tables(hub.read, chosen):
            to.write(table.columns)
    return file.getvalue()


def read_back(form: Format, data: bytes) -> list[dict[str, str]]:
    """Rows as text, whatever they were."""
    if form is Format.CSV:
        found: list[Any] = list(csv.DictReader(io.StringIO(data.decode())))
    elif form is Format.JSONL:
        found = [json.loads(line) for line in data.splitlines()]
    else:
        found = pyarrow.parquet.read_table(io.BytesIO(data)).to_pylist()
    return [{k: _text(v) for k, v in row.items()} for row in found]


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return "" if value is None else str(value)


def test_without_pyarrow_it_is_said_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(Exception, match=r"sensorhub\[parquet\]"):
        files.ParquetWriter(io.BytesIO(), tables.READING)


def test_memory_is_bounded_by_pages(hub: Hub) -> None:
    while hub.maker.step():
        pass
    hub.clock.time += 30 * DAY
    while hub.maker.step():
        pass
    pages = list(tables.tables(hub.read, wanted(hub, devices=["d1"])))
    assert len(pages) > 3
    most = max(len(page.columns["device"]) for page in pages)
    assert most <= 2 * 7 * 4 * 2  # two weeks, four a day, two measurements
