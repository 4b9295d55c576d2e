"""The demo's output: a live page on a terminal, plain lines elsewhere."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from rich.cells import set_cell_size
from rich.console import Console, Group, RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from firmware_sim.demo.event_log import DemoEventLog, HubCounters, TransitionLine
from firmware_sim.demo.texts import words
from firmware_sim.demotown.world import TOWN_OFFSET

HEAD = 9  # lines
TOWN = timezone(timedelta(milliseconds=TOWN_OFFSET))
STYLES = {
    "danger": "bold white on red",
    "urgent": "bold red",
    "warning": "yellow",
    "device": "cyan",
}


@dataclass(frozen=True, slots=True)
class ScreenState:
    """The values on the screen."""

    at: int  # simulated, epoch ms
    speed: float
    rate: float  # uplinks per real second
    counters: HubCounters
    transit: int  # uplinks sent that the hub had not processed at `counters.now`
    hub: int | None  # process id; None while it does not run
    restarts: int
    command: str  # that lists the alerts

    @property
    def sent(self) -> int:
        """Distinct uplinks that the broker had received at `counters.now`."""
        return self.counters.stored + self.counters.dead + self.transit

    @property
    def exact(self) -> bool:
        """Whether every uplink sent is accounted for."""
        return not self.transit and self.counters.consistent


def clock_text(at: int) -> str:
    """Return simulated local time to the minute."""
    moment = datetime.fromtimestamp(at / 1000, UTC).astimezone(TOWN)
    return moment.strftime("%Y-%m-%d %H:%M")


def _local(text: str) -> str:
    try:
        return datetime.fromisoformat(text).astimezone(TOWN).strftime("%H:%M")
    except ValueError:
        return text[11:16]


def summary(state: ScreenState, log: DemoEventLog) -> str:
    """Return all values in one plain line; its counters are of the same time."""
    say, counters = words(log.language), state.counters
    parts = [
        clock_text(state.at),
        f"{state.rate:.0f} {say['rate']}",
        f"{say['sent']} {state.sent:,} = {say['stored']} {counters.stored:,}"
        f" + {say['dead']} {counters.dead:,} + {say['transit']} {state.transit:,}",
        f"{say['duplicate']} {counters.duplicate:,}",
        f"{say['open']} {len(log.alerts)}",
    ]
    if state.exact:
        parts.append(say["exact"])
    return " | ".join(parts)


def plain(line: TransitionLine, language: str) -> str:
    """Return one transition as a plain line."""
    say = words(language)
    severity = set_cell_size(say.get(line.severity, line.severity), 8)
    done = set_cell_size(say.get(line.to, line.to), 9)
    return f"{_local(line.at)}  {severity} {done} {line.text}"


def _counters(state: ScreenState, language: str) -> RenderableType:
    """Return the equation of uplinks term by term, then the other counters."""
    say, counters = words(language), state.counters
    style = "bold green" if state.exact else "bold yellow"
    cells = (
        ("sent", f"{state.sent:,}", "bold"),
        ("stored", f"= {counters.stored:,}", "bold"),
        ("dead", f"+ {counters.dead:,}", "bold"),
        ("transit", f"+ {state.transit:,}", style),
        ("received", f"{counters.received:,}", ""),
        ("duplicate", f"{counters.duplicate:,}", ""),
        ("readings", f"{counters.readings:,}", ""),
    )
    grid = Table.grid(padding=(0, 1), expand=True)
    for _ in cells:
        grid.add_column(justify="center", no_wrap=True)
    grid.add_row(*(Text(value, style) for _, value, style in cells))
    grid.add_row(*(Text(say[name], "dim") for name, _, _ in cells))
    return grid


def _head(state: ScreenState, log: DemoEventLog) -> RenderableType:
    say = words(log.language)
    title = Text.assemble(
        (clock_text(state.at), "bold"),
        (f" {say['simulated']}, x{state.speed:g}  ", "dim"),
        (f"{state.rate:.0f} {say['rate']}", "bold green"),
        (f"  {say['fired']} {log.fired}, {say['resolved']} {log.resolved}", ""),
    )
    if state.hub is None:
        hint = Text(say["hub down"], "bold yellow")
    else:
        hint = Text(say["kill"].format(pid=state.hub), "magenta")
    if state.restarts:
        hint.append("   " + say["restarts"].format(n=state.restarts), "bold green")
    command = Text(say["command"].format(command=state.command), "dim")
    for text in (title, hint, command):
        text.no_wrap, text.overflow = True, "ellipsis"
    content = Group(title, "", _counters(state, log.language), "", hint, command)
    return Panel(content, title=say["title"], subtitle=say["stop"])


def _table(lines: Iterable[TransitionLine], language: str, *, change: bool) -> Table:
    say = words(language)
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(width=5, no_wrap=True)
    if change:
        table.add_column(width=9, no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for line in lines:
        style = "green" if line.to == "resolved" else STYLES.get(line.severity, "")
        verb = (Text(say.get(line.to, line.to), style),) if change else ()
        table.add_row(Text(_local(line.at), "dim"), *verb, Text(line.text, style))
    return table


def page(state: ScreenState, log: DemoEventLog, console: Console) -> Layout:
    """Return the whole page."""
    say = words(log.language)
    height = max(console.size.height - HEAD - 2, 3)
    wide = console.size.width >= 110
    rows = height if wide else max((height - 2) // 2, 2)
    alerts = log.open_alerts()
    shown = alerts if len(alerts) <= rows else alerts[: rows - 1]
    open_table: RenderableType = _table(shown, log.language, change=False)
    if len(shown) < len(alerts):
        more = say["more"].format(n=len(alerts) - len(shown))
        open_table = Group(open_table, Text(more, "dim"))
    newest = list(log.lines)[-rows:][::-1]
    body = Layout(name="body")
    halves = (
        Layout(
            Panel(
                _table(newest, log.language, change=True),
                title=say["transitions"],
            )
        ),
        Layout(Panel(open_table, title=f"{say['open']}: {len(alerts)}")),
    )
    if wide:
        body.split_row(*halves)
    else:
        body.split_column(*halves)
    layout = Layout()
    layout.split_column(Layout(_head(state, log), size=HEAD), body)
    return layout
