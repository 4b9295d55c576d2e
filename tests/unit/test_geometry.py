import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorhub.registry.geometry import Geometry, parse_table, table_text

PIT = "2500:0 2000:400 1200:1900 300:4200"


def level(mm: float, table: str = PIT) -> float:
    geometry = Geometry(3)
    geometry.add(0, None, None, "100:0 50:7 20:8")
    geometry.add(1, 1000, 0, table)
    geometry.add(2, None, None, "9000:0 1:1")
    found = geometry.levels(np.array([1], np.int32), np.array([mm], np.float64))
    return float(found[0])


@pytest.mark.parametrize(
    ("mm", "percent"),
    [
        (2500, 0),
        (2000, 9.5),
        (2250, 4.8),
        (1200, 45.2),
        (300, 100),
        (750, 72.6),
        (200, 106.1),
        (2600, -1.9),
        (0, 118.3),
        (20_000, -333.3),
    ],
)
def test_between_points_the_volume_is_linear_and_the_ends_go_on(
    mm: float, percent: float
) -> None:
    assert level(mm) == percent


def test_a_table_of_two_points_is_the_straight_asset() -> None:
    straight = Geometry(1)
    straight.add(0, 1200, 150, "")
    mm = np.arange(0, 2000, 7.0)
    asset = np.zeros(len(mm), np.int32)
    table = Geometry(1)
    table.add(0, None, None, "1200:0 150:240")
    np.testing.assert_allclose(
        table.levels(asset, mm), straight.levels(asset, mm), atol=0.11
    )


def test_assets_without_a_shape_have_no_level() -> None:
    geometry = Geometry(2)
    geometry.add(1, 100, 100, "")
    asset = np.array([0, 1], np.int32)
    assert np.isnan(geometry.levels(asset, np.array([5.0, 5.0]))).all()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "0 points"),
        ("1200:0", "1 points"),
        ("1200:0 700", "700: mm:litres is expected"),
        ("1200:0 700:x", "700:x: mm:litres"),
        ("1200:0 -5:3", "-5:3: mm:litres"),
        ("1200:0 1200:9", "1200 mm stands there twice"),
        ("1200:10 700:9 100:20", "700 mm has less volume"),
        ("1200:5 700:5", "all volumes are the same"),
        ("20001:0 1:5", "more than 20000"),
        (" ".join(f"{n}:{900 - n}" for n in range(65)), "65 points"),
    ],
)
def test_what_is_no_table_is_refused_in_words(text: str, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        parse_table(text)


TABLE = st.lists(
    st.tuples(st.integers(0, 20_000), st.integers(0, 10_000)),
    min_size=2,
    max_size=12,
    unique_by=lambda point: point[0],
).map(lambda points: _rising(points))


def _rising(points: list[tuple[int, int]]) -> str:
    far_first = sorted((mm for mm, _ in points), reverse=True)
    volumes = sorted(litres for _, litres in points)
    volumes[-1] += 1
    return table_text(
        [(float(a), float(b)) for a, b in zip(far_first, volumes, strict=True)]
    )


@given(st.lists(TABLE, min_size=1, max_size=5), st.data())
def test_many_tables_at_once_are_each_alone(
    tables: list[str], data: st.DataObject
) -> None:
    geometry = Geometry(len(tables))
    for asset, table in enumerate(tables):
        geometry.add(asset, None, None, table)
    asked = data.draw(
        st.lists(
            st.tuples(st.integers(0, len(tables) - 1), st.integers(0, 20_000)),
            min_size=1,
        )
    )
    assets = np.array([a for a, _ in asked], np.int32)
    mm = np.array([m for _, m in asked], np.float64)
    assert geometry.levels(assets, mm).tolist() == [
        pytest.approx(level(m, tables[a]), abs=0.11) for a, m in asked
    ]


@given(TABLE)
def test_a_table_is_written_as_it_was_read_and_never_falls(table: str) -> None:
    assert table_text(parse_table(table)) == table
    mm = np.arange(0, 20_001, 37.0)
    geometry = Geometry(1)
    geometry.add(0, None, None, table)
    levels = geometry.levels(np.zeros(len(mm), np.int32), mm)
    assert (np.diff(levels) <= 0).all()
