"""Writes what the fault tests measured into docs/operations.md; `make faults`."""

import json
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOUND = ROOT / "build" / "faults"
PAGE = ROOT / "docs" / "operations.md"
BEGIN, END = "<!-- faults -->", "<!-- /faults -->"
HEAD = "| fault | what was done | lost | duplicated | measured |\n|---|---|---|---|---|"


def table() -> str:
    """The cases as a table, in the order of their names."""
    rows = [json.loads(p.read_text("utf-8")) for p in sorted(FOUND.glob("*.json"))]
    names = ("case", "done", "lost", "doubled", "measured")
    lines = ["| " + " | ".join(str(row[name]) for name in names) + " |" for row in rows]
    return "\n".join([HEAD, *lines])


def main() -> None:
    """Put the table between the page's marks."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}", "utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {len(list(FOUND.glob('*.json')))} cases")


if __name__ == "__main__":
    main()
