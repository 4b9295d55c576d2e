"""Compare what a test expected with what happened, and report it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sensorhub.ruletests.book import Check, RuleTest
from sensorhub.ruletests.play import FoundTransition
from sensorhub.ruletests.uplinks import samples

AROUND = 6  # lines of a time line before and after a difference


@dataclass(frozen=True, slots=True)
class Miss:
    """One difference from what was expected."""

    at: int
    rule: str
    asset: str
    expected: str
    found: str


def judge(test: RuleTest, moved: Sequence[FoundTransition]) -> list[Miss]:
    """The differences between expected and found; empty if the test passes."""
    misses = list(_transitions(test, moved)) if test.expect is not None else []
    misses += [miss for check in test.checks for miss in _check(check, moved)]
    return sorted(misses, key=lambda miss: (miss.at, miss.rule, miss.asset))


def _transitions(test: RuleTest, moved: Sequence[FoundTransition]) -> Iterator[Miss]:
    left = list(moved)
    for item in test.expect or ():
        near = [
            found
            for found in left
            if (found.rule, found.asset, found.becomes)
            == (item.rule, item.asset, item.becomes)
            and abs(found.at - item.at) <= test.within
        ]
        if near:
            left.remove(near[0])
        else:
            yield Miss(item.at, item.rule, item.asset, item.becomes, "nothing")
    for found in left:
        yield Miss(found.at, found.rule, found.asset, "nothing", found.becomes)


def _check(check: Check, moved: Sequence[FoundTransition]) -> Iterator[Miss]:
    state = "none"
    for found in moved:
        if (found.rule, found.asset) == (check.rule, check.asset):
            if found.at > check.at:
                break
            state = "none" if found.becomes == "resolved" else found.becomes
    if state != check.is_:
        yield Miss(check.at, check.rule, check.asset, f"is {check.is_}", f"is {state}")


def clock(at: int) -> str:
    """An offset as hours:minutes:seconds."""
    seconds, rest = divmod(at, 1000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    more = f".{rest:03d}" if rest else ""
    return f"{hours}:{minute:02d}:{second:02d}{more}"


def report(
    test: RuleTest, moved: Sequence[FoundTransition], misses: list[Miss]
) -> list[str]:
    """A failed test in words: the differences, and the time line around them."""
    lines = []
    for miss in misses:
        place = f"{clock(miss.at):>12}  {miss.rule} {miss.asset}"
        lines.append(f"{place}: expected {miss.expected}, found {miss.found}")
    for asset in dict.fromkeys(miss.asset for miss in misses):
        lines += ["", f"  time line of {asset}:"]
        lines += _time_line(test, moved, asset, [m for m in misses if m.asset == asset])
    return lines


def _time_line(
    test: RuleTest, moved: Sequence[FoundTransition], asset: str, misses: list[Miss]
) -> list[str]:
    """Samples, steps, found and missing transitions around the differences."""
    rows = [
        (sample.at, 0, f"{sample.measurement} {sample.value:g}")
        for sample in samples(test)
        if sample.asset == asset
    ]
    rows += [(step.at, 1, f"-- {step.do} --") for step in test.steps]
    rows += [
        (found.at, 2, f"{found.rule} becomes {found.becomes}")
        for found in moved
        if found.asset == asset
    ]
    rows += [
        (miss.at, 3, f"!! expected {miss.rule} {miss.expected}, found {miss.found}")
        for miss in misses
    ]
    rows.sort()
    wrong = [number for number, row in enumerate(rows) if row[1] == 3]
    lines, last = [], -1
    for number, (at, _, text) in enumerate(rows):
        if any(abs(number - place) <= AROUND for place in wrong):
            lines += ["    …"] if number > last + 1 else []
            lines.append(f"{clock(at):>14}  {text}")
            last = number
    return lines
