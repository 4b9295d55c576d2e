"""Tables for people: ids are whole, all else folds where the terminal is narrow."""

from collections.abc import Collection, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

UNBOUND = 100_000  # columns; what is not a terminal has no edge
WORD = 10  # a column that folds has room for a date
LEAST = 4
GAP = 2


def table(
    title: str, columns: list[str], rows: list[list[Any]], keep: Collection[str] = ()
) -> None:
    """Print a table; the first column and `keep` are whole, others fold."""
    console = Console()
    if not console.is_terminal:
        console.width = UNBOUND
    cells = [[words(cell) for cell in row] for row in rows]
    whole = [not number or name in keep for number, name in enumerate(columns)]
    room = console.width - GAP * (len(columns) - 1)
    found = widths([columns, *cells], whole, room)
    shown = Table(
        title=title if rows else f"{title}: none",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    for name, width in zip(columns, found, strict=True):
        shown.add_column(name, width=width, overflow="fold")
    for row in cells:
        shown.add_row(*map(Text, row))
    console.print(shown)


def words(cell: Any) -> str:
    """What a cell says to people."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return str(cell)


def widths(
    rows: Sequence[Sequence[str]], whole: Sequence[bool], room: int
) -> list[int]:
    """Each column's width: what it needs, and where that is too much, what it gets."""
    columns = list(zip(*rows, strict=True))
    wanted = [max(map(cell_len, column)) for column in columns]
    if sum(wanted) <= room:
        return wanted
    found = [
        want if keeps else min(WORD, want, _longest_word(column))
        for want, keeps, column in zip(wanted, whole, columns, strict=True)
    ]
    for _ in range(sum(found) - room):
        most = max(range(len(found)), key=lambda i: 0 if whole[i] else found[i])
        found[most] -= not whole[most] and found[most] > LEAST
    for _ in range(room - sum(found)):
        most = max(range(len(found)), key=lambda i: wanted[i] - found[i])
        found[most] += 1
    return found


def _longest_word(column: Sequence[str]) -> int:
    return max(cell_len(word) for text in column for word in text.split() or [""])
