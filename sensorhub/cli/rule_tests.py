"""rules test: files of tests against rules, played through the hub's own code."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sensorhub.alerts.system_rules import SYSTEM_RULES
from sensorhub.backtest.virtual import LoadedConfig
from sensorhub.cli.context import Context
from sensorhub.cli.output import REFUSED, print_json
from sensorhub.errors import ConfigError, Fault
from sensorhub.rules.schema import parse_rules, read_rules_file
from sensorhub.ruletests.book import RuleTests, load_tests
from sensorhub.ruletests.judge import clock, judge, report
from sensorhub.ruletests.play import play


def play_tests(
    context: Context,
    files: Annotated[
        list[Path], typer.Argument(help="Test files in TOML, see docs/rules.md.")
    ],
    rules: Annotated[
        Path | None,
        typer.Option(help="Rules file to use instead of the one that the test names."),
    ] = None,
) -> None:
    """Run rule tests through the hub's code. Reports unexpected alerts."""
    kit = LoadedConfig.of(context.config)
    views = []
    for file in files:
        book = load_tests(file)
        text = _rules(rules or rules_of(file, book, context.config), book, file, kit)
        for item in book.tests:
            moved = play(item, text, kit, file.parent)
            misses = judge(item, moved)
            view: dict[str, Any] = {"file": str(file), "test": item.name}
            view["passed"] = not misses
            view["misses"] = [
                {
                    "at": clock(miss.at),
                    "rule": miss.rule,
                    "asset": miss.asset,
                    "expected": miss.expected,
                    "found": miss.found,
                }
                for miss in misses
            ]
            views.append(view)
            if not context.json:
                _say(f"{file}: {item.name}", report(item, moved, misses))
    failed = sum(not view["passed"] for view in views)
    if context.json:
        print_json({"tests": views, "passed": len(views) - failed, "failed": failed})
    else:
        print(f"{len(views) - failed} passed, {failed} failed")
    if failed:
        raise typer.Exit(REFUSED)


def _say(name: str, lines: list[str]) -> None:
    print(f"{'FAIL' if lines else 'ok  '} {name}")
    for line in lines:
        print(line)


def rules_of(file: Path, book: RuleTests, config: Path) -> Path:
    """The rules that a file of tests is about."""
    return config / "rules.toml" if book.rules is None else file.parent / book.rules


def _rules(path: Path, book: RuleTests, file: Path, kit: LoadedConfig) -> str:
    """The rules' text. Raises ConfigError where a test names one that is not there."""
    text = read_rules_file(path)
    known = {rule.id for rule in parse_rules(text, str(path), kit.standards).rules}
    known |= SYSTEM_RULES.keys()
    changing = {
        item.name for item in book.tests for step in item.steps if step.do == "rules"
    }
    faults = [
        Fault(str(file), f"test {item.name!r}", f"no such rule: {name!r}")
        for item in book.tests
        if item.name not in changing
        for name in sorted(
            {
                *item.watch,
                *(place.rule for place in item.places),
            }
            - known
        )
    ]
    if faults:
        raise ConfigError(faults)
    return text
