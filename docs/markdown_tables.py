"""What the generated pages share: their first line, tables, numbers."""

from collections.abc import Iterable

NOTE = "<!-- Written by docs/generate.py (make docs): edits here are lost. -->\n"


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table; pipes in cells are escaped."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    cells = ([str(cell).replace("|", "\\|") for cell in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def number_text(value: float) -> str:
    """A number without a needless `.0`."""
    return str(int(value)) if value == int(value) else str(value)
