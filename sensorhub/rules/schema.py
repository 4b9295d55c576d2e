"""Schema of rules.toml; reports all faults at once."""

import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from sensorhub.config.schema import (
    Duration,
    Id,
    Strict,
    explain,
)
from sensorhub.errors import ConfigError, Fault
from sensorhub.model import BY_NAME, Category, MeasurementKind
from sensorhub.rules.schema_parts import RuleLevel, RuleText, Schedule, Select, Word
from sensorhub.standards import StandardLimit, Standards, built_in
from sensorhub.standards.reference import parse_over, resolve

HOUR_MS = 3_600_000
Over = Annotated[int, BeforeValidator(parse_over), Field(ge=0)]
# A new kind of rule: its keys in `RuleSettings` and `_misplaced` here (TIMERS, if time
# decides), `_compile` in alerts/rules.py, its unit in alerts/event.py, ENDS in
# state/state.py if a service resolves it, the table in docs/rules.md.
# If readings decide: alerts/rule_track.py and state/rule_evaluation.py; what it must
# remember over a restart: state/checkpoint.py.
# If time decides: a class like those in alerts/timers.py, its driver in alerting/ (like
# service_clocks.py), alerting/lifecycle.py, and alerting/recovery.py for a restart.
Kind = Literal[
    "threshold", "rate", "no_data", "count_since", "overdue", "group", "forecast"
]
# alerts about the hub itself, see alerts/system_rules.py
RESERVED = frozenset(
    {"codec_off", "disk_low", "hub_outage", "hub_clock", "influx_stuck"}
    | {"internal_error", "journal_damaged", "rules_refused"}
)
SEVERITIES: tuple[Word, ...] = ("device", "warning", "urgent", "danger")
TIMERS = frozenset({"no_data", "overdue", "group"})
NOT_FOR_TIMERS = ("direction", "hold", "clear_hold", "k", "n", "max_gap")


def _of_catalogue(name: str) -> str:
    if name not in BY_NAME:
        known = ", ".join(sorted(BY_NAME))
        raise ValueError(f"no such measurement; one of {known}")
    return name


class RuleSettings(Strict):
    """One rule of rules.toml."""

    id: Id
    kind: Kind
    category: Category
    measurement: Annotated[str, AfterValidator(_of_catalogue)] | None = Field(
        None, description="of the catalogue"
    )
    direction: Literal["above", "below"] = "above"
    levels: tuple[RuleLevel, ...] = Field(min_length=1)
    select: Select = Select()
    hold: Duration = Field(0, description="how long before it is raised")
    clear_hold: Duration = Field(0, description="how long before it clears")
    k: int = Field(1, ge=1, le=32, description="raise when k ...")
    n: int = Field(1, ge=1, le=32, description="... of the last n samples meet it")
    max_gap: Duration | None = Field(
        None, description="default: three expected intervals, at least 2h"
    )
    over: Over | None = Field(
        None, description="judge the mean over so long, or each sample at once"
    )
    schedule: Schedule | None = None
    replaces: tuple[Id, ...] = Field(
        (), description="removed rules that this one goes on for"
    )
    intervals: float = Field(
        3, gt=0, description="no_data, group: expected intervals missed"
    )
    at_least: Duration = Field(
        2 * HOUR_MS, description="no_data, group: and at least so long"
    )
    by: Literal["gateway", "zone"] = Field("zone", description="group: of what")
    least: int = Field(5, ge=2, description="group: so many devices at least")
    text: RuleText

    @model_validator(mode="after")
    def _consistent(self) -> "RuleSettings":
        faults = [
            *self._measurement_faults(),
            *self._level_faults(),
            *self._misplaced(),
        ]
        if self.k > self.n:
            faults.append(f"k = {self.k} of n = {self.n} can never be met")
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _measurement_faults(self) -> Iterator[str]:
        needs = self.kind not in TIMERS | {"forecast"}
        if needs != (self.measurement is not None):
            word = "needs a" if needs else "takes no"
            yield f"a rule of kind {self.kind} {word} measurement"
        if self.measurement is None:
            return
        entry = BY_NAME[self.measurement]
        if self.kind == "count_since" and entry.kind is not MeasurementKind.COUNTER:
            yield f"count_since needs a counter, not {self.measurement!r}"

    def _level_faults(self) -> Iterator[str]:
        words = [level.severity for level in self.levels]
        if len(set(words)) != len(words):
            yield "a severity stands twice among the levels"
        if "device" in words and len(words) > 1:
            yield "severity device never mixes with others in one rule"
        above = self.direction == "above"
        for level in self.levels:
            clear = level.raise_ if level.clear is None else level.clear
            if (clear > level.raise_) if above else (clear < level.raise_):
                yield (
                    f"level {level.severity}: clear {clear} lies on the wrong side of"
                    f" raise {level.raise_} for direction {self.direction}"
                )
        if self.kind == "forecast":
            yield from self._chance_faults()
            return
        if any(level.chance for level in self.levels):
            yield f"a rule of kind {self.kind} takes no chance"
        ladder = sorted(self.levels, key=lambda level: SEVERITIES.index(level.severity))
        for low, high in pairwise(level.raise_ for level in ladder):
            if (high <= low) if above else (high >= low):
                yield f"a worse severity must be raised later: {low} before {high}"

    def _chance_faults(self) -> Iterator[str]:
        for level in self.levels:
            if level.chance is None:
                yield f"level {level.severity}: a forecast needs a chance"
            if not 0 < level.raise_ <= 100:
                yield f"level {level.severity}: a chance is above 0, at most 100 %"
            if level.standard is not None:
                yield f"level {level.severity}: no standard limits a chance"

    def _misplaced(self) -> Iterator[str]:
        """Keys that this kind of rule does not use."""
        unused = set(NOT_FOR_TIMERS if self.kind in TIMERS else ())
        if self.kind not in ("no_data", "group"):
            unused |= {"intervals", "at_least"}
        if self.kind != "group":
            unused |= {"by", "least"}
        if self.kind != "threshold":
            unused.add("over")
        if self.kind in ("count_since", "forecast"):
            unused.add("direction")
        if self.kind == "no_data" and len(self.levels) > 1:
            yield "a rule of kind no_data has one level"
        for key in sorted(unused & self.model_fields_set):
            yield f"a rule of kind {self.kind} takes no {key}"


class Inhibit(Strict):
    """While `source` is firing, notifications of `targets` are held back."""

    source: Id
    targets: tuple[Id, ...] = Field(min_length=1)
    same: Literal["asset", "zone"] = "asset"


class Rulebook(Strict):
    """Everything in rules.toml."""

    rules: tuple[RuleSettings, ...] = ()
    inhibit: tuple[Inhibit, ...] = ()
    _standards: Standards = PrivateAttr(default_factory=built_in)

    @property
    def standards(self) -> Standards:
        """The standards in which named limits were looked up."""
        return self._standards

    def limit(self, level: RuleLevel) -> StandardLimit | None:
        """The limit that a level names; without a value it has the level's own."""
        if level.standard is None:
            return None
        limit = self._standards.limits[level.standard]
        if limit.usable:
            return limit
        return limit.model_copy(update={"value": level.raise_})


def parse_rules(
    text: str, file: str = "rules.toml", standards: Standards | None = None
) -> Rulebook:
    """Parse rules and look up named limits. Raises ConfigError with every fault."""
    standards = standards or built_in()
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([Fault(file, "syntax", str(error))]) from error
    faults = list(_name_faults(tables, file))
    ids = dict(enumerate(_ids(tables)))
    doubted = set()
    for number, rule in enumerate(_tables(tables, "rules")):
        for key, what in resolve(rule, standards.limits).troubles:
            place = f"rule {ids[number]}" if ids[number] else f"rules.{number}"
            faults.append(Fault(file, f"{place}, {key}", what))
            doubted.add(f"rules.{number}.{key.removesuffix('standard')}raise")
    book = Rulebook()
    try:
        book = Rulebook.model_validate(tables)
        book._standards = standards
    except ValidationError as error:
        for fault in explain(error, file):
            if fault.where in doubted:
                continue  # the fault is in its limit
            head, _, rest = fault.where.partition(".")
            index, _, key = rest.partition(".")
            if head == "rules" and index.isdigit() and ids.get(int(index)):
                where = f"rule {ids[int(index)]}" + (f", {key}" if key else "")
                fault = Fault(file, where, fault.what)
            faults.append(fault)
    if faults:
        raise ConfigError(faults)
    return book


def _tables(tables: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = tables.get(name)
    items = found if isinstance(found, list) else []
    return [item if isinstance(item, dict) else {} for item in items]


def _ids(tables: dict[str, Any]) -> list[str]:
    """Each rule's id as written in the file; empty if it has none."""
    ids = [rule.get("id") for rule in _tables(tables, "rules")]
    return [id_ if isinstance(id_, str) else "" for id_ in ids]


def _name_faults(tables: dict[str, Any], file: str) -> Iterator[Fault]:
    """Faults between rules, found even if one of them is invalid."""
    ids = _ids(tables)
    for id_ in sorted({i for i in ids if i and ids.count(i) > 1}):
        yield Fault(file, f"rule {id_}", "this id stands twice")
    for id_ in sorted(RESERVED.intersection(ids)):
        yield Fault(file, f"rule {id_}", "this id is kept for the hub's own alerts")
    for rule in _tables(tables, "rules"):
        replaced = rule.get("replaces")
        for name in replaced if isinstance(replaced, list) else []:
            if name in ids:
                what = f"replaces {name!r}, which is still a rule"
                yield Fault(file, f"rule {rule.get('id')}", what)
    for number, item in enumerate(_tables(tables, "inhibit")):
        targets = item.get("targets")
        named = [item.get("source"), *(targets if isinstance(targets, list) else [])]
        for name in named:
            if isinstance(name, str) and name not in ids:
                what = f"no such rule: {name!r}; one of {', '.join(filter(None, ids))}"
                yield Fault(file, f"inhibit.{number}", what)


def read_rules(folder: Path) -> str:
    """Read `folder`/rules.toml; empty if there is none.

    Raises ConfigError if it cannot be read.
    """
    path = folder / "rules.toml"
    return read_rules_file(path) if path.exists() else ""


def read_rules_file(path: Path) -> str:
    """The text of a file of rules. Raises ConfigError if it cannot be read."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Fault(str(path), "file", str(error))]) from error
