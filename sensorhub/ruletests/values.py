"""Short notation for series of values: `10 + 5x6` is 10 and six more, 5 apart.

Terms separated by blanks: `20` a value, `20x3` the value and three more, `10+5x6`
and `40-2.5x4` ramps, `_` a missing sample, `_x3` three of them.
"""

import re
from collections.abc import Iterator

MOST = 100_000
_NUMBER = r"-?\d+(?:\.\d+)?"
_TERM = re.compile(
    rf"(?P<gap>_)(?:x(?P<gaps>\d+))?"
    rf"|(?P<first>{_NUMBER})"
    r"(?:\s*(?P<sign>[+-])\s*(?P<step>\d+(?:\.\d+)?))?(?:x(?P<more>\d+))?"
)


def parse_values(text: str) -> list[float | None]:
    """Parse the values of a series; None: a missing sample. Raises ValueError."""
    found: list[float | None] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        match = _TERM.match(text, at)
        ends = match is not None and (match.end() == len(text) or _breaks(text, match))
        if match is None or not ends:
            raise ValueError(
                f"{text[at : at + 20]!r}: values look like 20, 20x3, 10+5x6, _ or _x3"
            )
        found += _term(match)
        if len(found) > MOST:
            raise ValueError(f"more than {MOST} values")
        at = match.end()
    return found


def _breaks(text: str, match: re.Match[str]) -> bool:
    return text[match.end()].isspace()


def _term(match: re.Match[str]) -> Iterator[float | None]:
    if match["gap"]:
        yield from (None for _ in range(min(int(match["gaps"] or 1), MOST + 1)))
        return
    if match["step"] and not match["more"]:
        raise ValueError(f"{match[0]!r}: how many more? like 10+5x6")
    first, step = float(match["first"]), float(match["step"] or 0)
    step = -step if match["sign"] == "-" else step
    for number in range(min(int(match["more"] or 0), MOST) + 1):
        yield round(first + number * step, 9)
