"""How the demo looks: a live page on a terminal, plain lines elsewhere."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from rich.console import Console, Group, RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from firmware_sim.board import Board, Figures, Line
from firmware_sim.world import TOWN_OFFSET

HEAD = 8  # lines
TOWN = timezone(timedelta(milliseconds=TOWN_OFFSET))
STYLES = {
    "danger": "bold white on red",
    "urgent": "bold red",
    "warning": "yellow",
    "device": "cyan",
}
_EN = {
    "title": "sensorhub demo",
    "time": "simulated time",
    "rate": "uplinks/s",
    "sent": "sent",
    "received": "received",
    "stored": "stored",
    "duplicate": "duplicate",
    "dead": "dead letters",
    "readings": "readings",
    "risen": "alerts risen",
    "resolved": "resolved",
    "way": "{n} on the way",
    "exact": "nothing missing",
    "kill": "Try it: kill -9 {pid}   the hub comes back and nothing is lost",
    "away": "hub is away, the broker keeps its uplinks",
    "restarts": "came back {n}x",
    "transitions": "What happened",
    "open": "Open alerts",
    "firing": "rose",
    "severity_changed": "changed",
    "stop": "Ctrl-C stops everything",
    "more": "and {n} more",
    "none": "none",
}
_ZH = {
    "title": "sensorhub 演示",
    "time": "模拟时间",
    "rate": "上行/秒",
    "sent": "已发送",
    "received": "已接收",
    "stored": "已入库",
    "duplicate": "重复",
    "dead": "死信",
    "readings": "读数",
    "risen": "告警触发",
    "resolved": "已恢复",
    "way": "{n} 条在途",
    "exact": "无遗漏",
    "kill": "试一试:kill -9 {pid}   进程会自动恢复,数据不丢失",
    "away": "服务暂离,代理服务器代存上行数据",
    "restarts": "已恢复 {n} 次",
    "transitions": "动态",
    "open": "未恢复告警",
    "firing": "触发",
    "severity_changed": "变化",
    "stop": "Ctrl-C 全部停止",
    "more": "另有 {n} 条",
    "none": "无",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """What stands on the screen now."""

    at: int  # simulated, epoch ms
    speed: float
    rate: float  # uplinks per real second
    sent: int  # distinct uplinks that the broker took
    figures: Figures
    missing: int  # uplinks that the hub had not yet taken in when last asked
    hub: int | None  # process id; None while it is away
    restarts: int


def words(language: str) -> dict[str, str]:
    """The screen's texts in `language` (zh-CN or en)."""
    return _ZH if language.startswith("zh") else _EN


def clock_text(at: int) -> str:
    """Simulated time in the town, to the minute."""
    moment = datetime.fromtimestamp(at / 1000, UTC).astimezone(TOWN)
    return moment.strftime("%Y-%m-%d %H:%M")


def _local(text: str) -> str:
    try:
        return datetime.fromisoformat(text).astimezone(TOWN).strftime("%H:%M")
    except ValueError:
        return text[11:16]


def balance(moment: Moment, language: str) -> str:
    """Whether every uplink sent is accounted for, in words."""
    say = words(language)
    if not moment.missing and moment.figures.sound:
        return say["exact"]
    return say["way"].format(n=moment.missing)


def summary(moment: Moment, board: Board) -> str:
    """Everything in one plain line."""
    say, figures = words(board.language), moment.figures
    parts = (
        clock_text(moment.at),
        f"{moment.rate:.0f} {say['rate']}",
        f"{say['sent']} {moment.sent}",
        f"{say['received']} {figures.received} = {say['stored']} {figures.stored}"
        f" + {say['duplicate']} {figures.duplicate} + {say['dead']} {figures.dead}",
        balance(moment, board.language),
        f"{say['open']} {len(board.alerts)}",
    )
    return " | ".join(parts)


def plain(line: Line, language: str) -> str:
    """One transition as a plain line."""
    done = words(language).get(line.to, line.to)
    return f"{_local(line.at)}  {line.severity:8} {done:9} {line.words}"


def _figures(moment: Moment, language: str) -> RenderableType:
    say, figures = words(language), moment.figures
    grid = Table.grid(padding=(0, 2), expand=True)
    names = ("sent", "received", "stored", "duplicate", "dead", "readings")
    values = (
        *(moment.sent, figures.received, figures.stored),
        *(figures.duplicate, figures.dead, figures.readings),
    )
    for _ in (*names, "balance"):
        grid.add_column(justify="center", no_wrap=True)
    grid.add_row(
        *(Text(f"{value:,}", "bold") for value in values),
        Text(
            balance(moment, language), "bold green" if not moment.missing else "yellow"
        ),
    )
    grid.add_row(*(Text(say[name], "dim") for name in names), "")
    return grid


def _head(moment: Moment, board: Board) -> RenderableType:
    say = words(board.language)
    title = Text.assemble(
        (clock_text(moment.at), "bold"),
        (f"  {say['time']} x{moment.speed:g}   ", "dim"),
        (f"{moment.rate:.0f} {say['rate']}", "bold green"),
        (f"   {say['risen']} {board.risen}, {say['resolved']} {board.resolved}", ""),
    )
    if moment.hub is None:
        hint = Text(say["away"], "bold yellow")
    else:
        hint = Text(say["kill"].format(pid=moment.hub), "magenta")
    if moment.restarts:
        hint.append("   " + say["restarts"].format(n=moment.restarts), "bold green")
    for text in (title, hint):
        text.no_wrap, text.overflow = True, "ellipsis"
    content = Group(title, "", _figures(moment, board.language), "", hint)
    return Panel(content, title=say["title"], subtitle=say["stop"])


def _table(lines: Iterable[Line], language: str, *, change: bool) -> Table:
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


def page(moment: Moment, board: Board, console: Console) -> Layout:
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
