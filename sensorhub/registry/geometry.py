"""Fill level from distance, by the shape of the asset.

A straight asset is described by the distances when it is empty and when it is full,
any other shape by a table of distance and volume: linear between its points, and
extrapolated beyond them.
"""

import re
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

MOST_POINTS = 64
FARTHEST_MM = 20_000  # the catalogue's range of distance
SPAN = float(2**16)  # more than any distance in mm
_PAIR = re.compile(r"(\d{1,5}(?:\.\d{1,3})?):(\d{1,9}(?:\.\d{1,6})?)")
Point = tuple[float, float]


def parse_table(text: str) -> list[Point]:
    """Parse "1200:0 700:90 150:240" into points (mm, litres) from empty to full.

    Raises ValueError if they are no valid table.
    """
    pairs = text.split()
    found = [_PAIR.fullmatch(pair) for pair in pairs]
    wrong = [pair for pair, match in zip(pairs, found, strict=True) if match is None]
    if wrong:
        raise ValueError(
            f"{wrong[0]:.40}: mm:litres is expected, pairs with spaces between"
        )
    return _sound((float(m[1]), float(m[2])) for m in found if m is not None)


def _sound(points: Iterable[Point]) -> list[Point]:
    table = sorted(points, reverse=True)
    if not 2 <= len(table) <= MOST_POINTS:
        raise ValueError(f"{len(table)} points; 2 to {MOST_POINTS} make a table")
    for (far, less), (near, more) in pairwise(table):
        if far == near:
            raise ValueError(f"{far:g} mm stands there twice")
        if more < less:
            raise ValueError(
                f"{near:g} mm has less volume ({more:g}) than {far:g} mm ({less:g}):"
                " the nearer the content, the more of it"
            )
    if table[0][0] > FARTHEST_MM:
        raise ValueError(f"{table[0][0]:g} mm is more than {FARTHEST_MM} mm")
    if table[0][1] == table[-1][1]:
        raise ValueError("all volumes are the same")
    return table


def table_text(table: Iterable[Point]) -> str:
    """Format points as `parse_table` reads them."""
    return " ".join(f"{_number(mm)}:{_number(litres)}" for mm, litres in table)


def _number(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


class Geometry:
    """The shapes of all assets, as columns by asset number."""

    def __init__(self, size: int) -> None:
        self._empty = np.full(size, np.nan)
        self._span = np.full(size, np.nan)
        self._table = np.full(size, -1, np.int32)  # index of the table, -1: none
        self._tables: dict[str, int] = {}  # bins of one model share theirs
        self._points: NDArray[np.float64] | None = None
        self._first: NDArray[np.int64] = np.zeros(1, np.int64)

    def add(
        self, asset: int, empty: float | None, full: float | None, table: str
    ) -> None:
        """Add the shape of an asset; a table takes precedence."""
        if empty is not None and full is not None and empty > full:
            self._empty[asset], self._span[asset] = empty, empty - full
        if table:
            self._table[asset] = self._tables.setdefault(table, len(self._tables))
            self._points = None

    def ends(
        self, asset: NDArray[np.int32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Distances (mm) when assets are empty and when full; NaN: no shape."""
        empty, span = self._empty[asset].copy(), self._span[asset]
        full = empty - span
        if self._tables:
            both = [parse_table(text) for text in self._tables]
            first, last = ([points[i][0] for points in both] for i in (0, -1))
            table = self._table[asset]
            tabled = table >= 0
            empty[tabled] = np.array(first)[table[tabled]]
            full[tabled] = np.array(last)[table[tabled]]
        return empty, full

    def levels(
        self, asset: NDArray[np.int32], distance: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Fill levels (%, one decimal) of assets at distances (mm); NaN: no shape."""
        level = 100.0 * (self._empty[asset] - distance) / self._span[asset]
        if self._tables:
            table = self._table[asset]
            tabled = np.flatnonzero(table >= 0)
            level[tabled] = self._by_table(table[tabled], distance[tabled])
        rounded: NDArray[np.float64] = np.round(level, 1)
        return rounded

    def _by_table(
        self, table: NDArray[np.int32], distance: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Levels (%) by tables.

        All tables are one sorted array of points, table after table, so that one search
        finds the segments of all readings.
        """
        points = self._lay_out() if self._points is None else self._points
        place = table * SPAN + distance
        at = np.searchsorted(points[0], place, "right") - 1
        at = np.clip(at, self._first[table], self._first[table + 1] - 2)
        left, right = points[:, at], points[:, at + 1]
        share = (place - left[0]) / (right[0] - left[0])
        level: NDArray[np.float64] = left[1] + share * (right[1] - left[1])
        return level

    def _lay_out(self) -> NDArray[np.float64]:
        """Position and level of all points; `_first` has the start of each table."""
        rows: list[Point] = []
        first = [0]
        for text, number in self._tables.items():
            table = parse_table(text)
            low, high = table[0][1], table[-1][1]
            rows += [
                (number * SPAN + mm, 100 * (litres - low) / (high - low))
                for mm, litres in reversed(table)
            ]
            first.append(len(rows))
        self._first = np.array(first, np.int64)
        self._points = np.array(rows, np.float64).T
        return self._points
