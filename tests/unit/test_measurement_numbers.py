"""The numbers of measurements: up to 127, and what was written with fewer."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensorhub.model import BY_NAME, CATALOGUE, CODES, Outcome
from sensorhub.registry.registry import DeviceRow, Registry
from sensorhub.state.series import NO_SERIES, Series
from sensorhub.store import slices
from sensorhub.store.uplink_columns import DECIMALS, stored_columns
from tests.support.archive import columns_of

DEVICES = [DeviceRow(no, f"d{no}", "native", None, None) for no in range(10)]
ROOT = Path(__file__).parents[2]


def test_the_highest_number_goes_all_the_way(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "tests.support.last_measurement", str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr


def test_the_catalogue_fits_and_gives_each_number_once() -> None:
    numbers = [measurement.no for measurement in CATALOGUE]
    assert CODES == 128
    assert len(set(numbers)) == len(numbers)
    assert 0 < min(numbers) <= max(numbers) < CODES


def test_a_slice_of_fewer_numbers_is_read_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Slices name the decimals of all numbers: 32 of them in earlier versions."""
    code = BY_NAME["temperature"].no
    readings = [(code, 20.5, 0, 0), (BY_NAME["nh3"].no, 1.125, 0, 0)]
    columns = stored_columns(columns_of([(3, Outcome.STORED, readings)], 10**12))
    with monkeypatch.context() as patch:
        patch.setattr(slices, "DECIMALS", DECIMALS[:32])
        body = slices.pack(columns)
    monkeypatch.setattr(slices, "rescale", None)  # the same decimals: not needed
    found = slices.unpack(body).unfold()
    assert found.code.tolist() == columns.code.tolist()
    assert found.value.tolist() == [20.5, 1.125]


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, CODES - 1))))
def test_series_are_found_whatever_the_order_of_their_numbers(
    pairs: list[tuple[int, int]],
) -> None:
    series, known = Series(Registry([], DEVICES, [], {})), dict[tuple[int, int], int]()
    for device, code in pairs:
        one = np.array([device], np.int32), np.array([code], np.uint8)
        before = known.get((device, code), NO_SERIES)
        assert series.number(device, code) == before
        assert series.numbers_of(*one).tolist() == [before]
        if before == NO_SERIES:
            known[device, code] = series.add(*one).item()
    for device in range(10):
        mine = sorted((c, n) for (d, c), n in known.items() if d == device)
        assert series.of_device(device) == [n for _, n in mine]
