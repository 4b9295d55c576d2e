"""Resolve named limits of rules, and report references that cannot be right."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from sensorhub.config.schema import parse_duration
from sensorhub.standards.table import AT_ONCE, StandardLimit

OWN = "or put your standard into config/standards/"


class Trouble(NamedTuple):
    """A fault of a rule's reference; `key` is inside the rule."""

    key: str
    what: str


class Resolved(NamedTuple):
    """The limits that a rule's levels name, by position; and the faults."""

    limits: dict[int, StandardLimit]
    troubles: list[Trouble]


def parse_over(value: object) -> int:
    """Parse a window into ms; "at once" is 0. Raises ValueError."""
    return 0 if value == AT_ONCE else parse_duration(value)


def resolve(rule: dict[str, Any], known: Mapping[str, StandardLimit]) -> Resolved:
    """Look up the limits that the levels of a rule name, and set their values.

    A level gets `raise` from its limit; `rule` is changed in place.
    """
    levels = rule.get("levels")
    named = {
        number: level
        for number, level in enumerate(levels if isinstance(levels, list) else [])
        if isinstance(level, dict) and "standard" in level
    }
    found: dict[int, StandardLimit] = {}
    troubles: list[Trouble] = []
    for number, level in named.items():
        key = f"levels.{number}.standard"
        limit = known.get(str(level["standard"]))
        if limit is None:
            what = _unknown(str(level["standard"]), known)
            troubles.append(Trouble(key, what))
        else:
            found[number] = limit
            troubles += [Trouble(key, what) for what in _faults(rule, level, limit)]
            if limit.usable:
                level["raise"] = limit.value
    if found and isinstance(levels, list):
        troubles += _mixed(rule, found, len(levels))
    return Resolved(found, troubles)


def _unknown(name: str, known: Mapping[str, StandardLimit]) -> str:
    near = get_close_matches(name, known, 1)
    hint = f"; {near[0]!r}?" if near else ""
    return f"no such limit: {name!r}{hint} `sensorhub standards list` shows them"


def _faults(
    rule: dict[str, Any], level: dict[str, Any], limit: StandardLimit
) -> Iterator[str]:
    """Reasons why this rule cannot judge this limit."""
    if limit.usable and "raise" in level:
        yield f"{limit.name} is {limit.value:g} {limit.unit}: leave raise out, {OWN}"
    if not limit.usable and "raise" not in level:
        yield f"{limit.name} is unverified: give raise from your own copy, {OWN}"
    kind = limit.rule_kind
    if kind is None:
        yield f"{limit.name} is about {limit.quantity}: no rule can judge it"
        return
    if rule.get("kind") != kind:
        yield f"{limit.name} is judged by a rule of kind {kind}"
    if kind == "threshold" and rule.get("measurement") != limit.quantity:
        yield f"{limit.name} is about measurement {limit.quantity!r}"
    if rule.get("direction", "above") != "above":
        yield f"{limit.name} is an upper limit: direction above"
    select = rule.get("select")
    chosen = select.get("kinds") if isinstance(select, dict) else None
    if limit.kinds and not (chosen and set(chosen) <= set(limit.kinds)):
        kinds = ", ".join(f'"{kind}"' for kind in limit.kinds)
        yield f"{limit.name} holds for {kinds}: say so in select.kinds"
    yield from _window_faults(rule, limit)


def _window_faults(rule: dict[str, Any], limit: StandardLimit) -> Iterator[str]:
    """Faults of the averaging window: it must match the standard, or be explicit."""
    choice = f'over = "{AT_ONCE}" judges each sample, which is stricter'
    try:
        over = parse_over(rule["over"]) if "over" in rule else None
    except ValueError:
        return  # reported where the key itself is checked
    if over == 0 or limit.rule_kind != "threshold":
        return
    if limit.averaging is None:
        if over is None:
            yield (
                f"{limit.name}: the length of its mean is not on record;"
                f' say over = "15m" or as your copy has it; {choice}'
            )
        return
    first, last = limit.averaging
    if over is None and first != last:
        yield (
            f"{limit.name} is a mean over {first // 60_000} to {last // 60_000} min:"
            f" say over; {choice}"
        )
    if over is not None and not first <= over <= last:
        span = f"{first // 60_000} min"
        if first != last:
            span = f"{first // 60_000} to {last // 60_000} min"
        if not last:
            span = "of each sample, at once"
        yield f"{limit.name} is no mean over {over / 60_000:g} min but {span}; {choice}"


def _mixed(
    rule: dict[str, Any], found: dict[int, StandardLimit], levels: int
) -> Iterator[Trouble]:
    """Faults of levels with different units or windows in one rule."""
    units = {limit.judged_in for limit in found.values()}
    if len(units) > 1 or ("mg/m3" in units and len(found) < levels):
        what = "levels in mg/m3 and in ppm are judged apart: make two rules"
        yield Trouble("levels", what)
    windows = {window_of(limit) for limit in found.values()}
    if "over" not in rule and len(windows) > 1:
        yield Trouble("levels", "the limits have different windows: make two rules")


def window_of(limit: StandardLimit) -> int:
    """The default averaging window of a limit, ms; 0: single samples."""
    return limit.averaging[0] if limit.averaging else 0
