"""How the demo looks: a live page on a terminal, plain lines elsewhere."""

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
    """What stands on the screen now."""

    at: int  # simulated, epoch ms
    speed: float
    rate: float  # uplinks per real second
    figures: HubCounters
    way: int  # uplinks sent that the hub had not yet taken in at `figures.now`
    hub: int | None  # process id; None while it is away
    restarts: int
    look: str  # the command that lists the alerts

    @property
    def sent(self) -> int:
        """Distinct uplinks that the broker had taken at `figures.now`."""
        return self.figures.stored + self.figures.dead + self.way

    @property
    def exact(self) -> bool:
        """Whether every uplink sent is accounted for."""
        return not self.way and self.figures.sound


def clock_text(at: int) -> str:
    """Simulated time in the town, to the minute."""
    moment = datetime.fromtimestamp(at / 1000, UTC).astimezone(TOWN)
    return moment.strftime("%Y-%m-%d %H:%M")


def _local(text: str) -> str:
    try:
        return datetime.fromisoformat(text).astimezone(TOWN).strftime("%H:%M")
    except ValueError:
        return text[11:16]


def summary(moment: ScreenState, board: DemoEventLog) -> str:
    """Everything in one plain line; all its uplinks are of one moment."""
    say, figures = words(board.language), moment.figures
    parts = [
        clock_text(moment.at),
        f"{moment.rate:.0f} {say['rate']}",
        f"{say['sent']} {moment.sent:,} = {say['stored']} {figures.stored:,}"
        f" + {say['dead']} {figures.dead:,} + {say['way']} {moment.way:,}",
        f"{say['duplicate']} {figures.duplicate:,}",
        f"{say['open']} {len(board.alerts)}",
    ]
    if moment.exact:
        parts.append(say["exact"])
    return " | ".join(parts)


def plain(line: TransitionLine, language: str) -> str:
    """One transition as a plain line."""
    say = words(language)
    severity = set_cell_size(say.get(line.severity, line.severity), 8)
    done = set_cell_size(say.get(line.to, line.to), 9)
    return f"{_local(line.at)}  {severity} {done} {line.words}"


def _figures(moment: ScreenState, language: str) -> RenderableType:
    """The sum of one moment, sign by sign, then what is beside it."""
    say, figures = words(language), moment.figures
    style = "bold green" if moment.exact else "bold yellow"
    cells = (
        ("sent", f"{moment.sent:,}", "bold"),
        ("stored", f"= {figures.stored:,}", "bold"),
        ("dead", f"+ {figures.dead:,}", "bold"),
        ("way", f"+ {moment.way:,}", style),
        ("received", f"{figures.received:,}", ""),
        ("duplicate", f"{figures.duplicate:,}", ""),
        ("readings", f"{figures.readings:,}", ""),
    )
    grid = Table.grid(padding=(0, 1), expand=True)
    for _ in cells:
        grid.add_column(justify="center", no_wrap=True)
    grid.add_row(*(Text(value, style) for _, value, style in cells))
    grid.add_row(*(Text(say[name], "dim") for name, _, _ in cells))
    return grid


def _head(moment: ScreenState, board: DemoEventLog) -> RenderableType:
    say = words(board.language)
    title = Text.assemble(
        (clock_text(moment.at), "bold"),
        (f" {say['simulated']}, x{moment.speed:g}  ", "dim"),
        (f"{moment.rate:.0f} {say['rate']}", "bold green"),
        (f"  {say['risen']} {board.risen}, {say['resolved']} {board.resolved}", ""),
    )
    if moment.hub is None:
        hint = Text(say["away"], "bold yellow")
    else:
        hint = Text(say["kill"].format(pid=moment.hub), "magenta")
    if moment.restarts:
        hint.append("   " + say["restarts"].format(n=moment.restarts), "bold green")
    look = Text(say["look"].format(command=moment.look), "dim")
    for text in (title, hint, look):
        text.no_wrap, text.overflow = True, "ellipsis"
    content = Group(title, "", _figures(moment, board.language), "", hint, look)
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
        table.add_row(Text(_local(line.at), "dim"), *verb, Text(line.words, style))
    return table


def page(moment: ScreenState, board: DemoEventLog, console: Console) -> Layout:
    """The whole screen."""
    say = words(board.language)
    room = max(console.size.height - HEAD - 2, 3)
    wide = console.size.width >= 110
    rows = room if wide else max((room - 2) // 2, 2)
    alerts = board.open()
    shown = alerts if len(alerts) <= rows else alerts[: rows - 1]
    open_table: RenderableType = _table(shown, board.language, change=False)
    if len(shown) < len(alerts):
        more = say["more"].format(n=len(alerts) - len(shown))
        open_table = Group(open_table, Text(more, "dim"))
    newest = list(board.lines)[-rows:][::-1]
    body = Layout(name="body")
    halves = (
        Layout(
            Panel(
                _table(newest, board.language, change=True),
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
    layout.split_column(Layout(_head(moment, board), size=HEAD), body)
    return layout
