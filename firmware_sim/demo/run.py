"""The demo: a broker, the hub and a small town, started and stopped together.

It knows the hub only by its command line and by what it says over MQTT.
"""

import shlex
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from rich.console import Console
from rich.live import Live

from firmware_sim.clock import SimClock
from firmware_sim.demo import broker, data_folder, screen
from firmware_sim.demo.dispatcher import Dispatcher
from firmware_sim.demo.event_log import DemoEventLog, HubCounters, TransitionLine
from firmware_sim.demo.hub_process import HubError, HubPaths, HubProcess
from firmware_sim.demo.processes import ChildProcess
from firmware_sim.demo.rate_meter import RateMeter
from firmware_sim.demo.texts import words
from firmware_sim.demotown.fleet import DemoAsset, fleet_csv, town
from firmware_sim.demotown.stream import DemoTown
from firmware_sim.mqtt import (
    BrokerAddress,
    Publisher,
    connect,
    publish_births,
    publish_in_time,
)

ONLINE = "sensorhub/v1/hub/status"
EVENTS = "sensorhub/v1/events/"
ALERTS = "sensorhub/v1/alerts/"
READY_S = 30.0
TICK_S = 0.25
LINE_S = 5.0
SETTLE_S = 20.0
LOOK = ("alerts --all", "status", "dead-letters list")


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the user may choose."""

    config: Path
    data: Path
    port: int
    start: int  # simulated, epoch ms
    speed: float
    seed: int
    language: str
    seconds: float | None


class HubListener:
    """Listens to what the hub says over MQTT."""

    def __init__(self, address: BrokerAddress, board: DemoEventLog) -> None:
        self.online = threading.Event()
        self.on_line: Callable[[TransitionLine], None] = lambda _line: None
        self._board = board
        self._lock = threading.Lock()
        self._client = connect(address, "ear")
        self._client.on_connect = self._subscribe
        self._client.on_message = self._hear
        self._client.loop_start()

    @contextmanager
    def quiet(self) -> Iterator[DemoEventLog]:
        """The board, standing still for the block."""
        with self._lock:
            yield self._board

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def _subscribe(self, client: Client, *_rest: Any) -> None:
        client.subscribe([(ONLINE, 1), (EVENTS + "#", 1), (ALERTS + "#", 1)])

    def _hear(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        if message.topic == ONLINE:
            up = b'"online"' in message.payload
            (self.online.set if up else self.online.clear)()
            return
        with self._lock:
            if message.topic.startswith(ALERTS):
                self._board.state(message.topic, bytes(message.payload))
                return
            line = self._board.event(bytes(message.payload))
        if line:
            self.on_line(line)


class Demo:
    """Everything that runs, and what is shown of it."""

    def __init__(
        self, options: DemoOptions, console: Console, stop: threading.Event
    ) -> None:
        self.options = options
        self.console = console
        self.stop = stop
        self.board = DemoEventLog(options.language)
        self.clock = SimClock(options.start, options.speed)
        self.meter = RateMeter()

    def run(self) -> int:
        """Set up, show until stopped, settle, stop all; the exit code."""
        with ExitStack() as stack:
            try:
                return self._run(stack)
            except (HubError, OSError, TimeoutError) as error:
                self.say(f"demo: {error}")
                return 1

    def _run(self, stack: ExitStack) -> int:
        """1 broker, 2 register, 3 hub, 4 town; then watch."""
        self._take_folder(stack)
        options, assets = self.options, town()
        port = broker.free_port(options.port)
        self._tell_port(port)
        server = ChildProcess(broker.command(port), options.data / "broker.log")
        stack.callback(server.stop)
        broker.wait_until_open(port)
        place = HubPaths(options.config, options.data, port)
        hub = HubProcess(place, options.start, options.speed)
        self._register(hub, assets)
        ear = HubListener(BrokerAddress(port=port), self.board)
        stack.callback(ear.close)
        self._start_hub(hub, ear, stack)
        publisher = Publisher(BrokerAddress(port=port))
        stack.callback(publisher.close)
        publish_births(publisher, assets)
        living = DemoTown(assets, options.seed, options.start)
        sender = self._start_town(publisher, living)
        desk = Dispatcher(hub, lambda at: self._sent(publisher, at), living.cleanings)
        desk.start()
        try:
            self._watch(hub, publisher, desk, ear)
        finally:
            self.stop.set()
            sender.join()
            desk.stop()
        return self._settle(hub, publisher)

    def _take_folder(self, stack: ExitStack) -> None:
        asked = self.options.data
        data = stack.enter_context(data_folder.fresh(asked))
        self.options = replace(self.options, data=data)
        if data != asked:
            self.tell("in use", asked=asked, data=data)

    def _tell_port(self, port: int) -> None:
        asked, say = self.options.port, words(self.options.language)
        taken = say["other port"].format(port=asked) if port != asked else ""
        self.say(say["broker"].format(port=port) + taken)

    def _sent(self, publisher: Publisher, at: int) -> int:
        """Distinct uplinks that the broker had taken at simulated `at`."""
        moment = time.monotonic() + self.clock.real_s(at)
        return self.meter.count(moment, publisher.distinct)

    def _register(self, hub: HubProcess, assets: tuple[DemoAsset, ...]) -> None:
        file = self.options.data / "fleet.csv"
        file.write_text(fleet_csv(assets), "utf-8")
        devices = sum(len(asset.mountings) for asset in assets)
        zones = len({asset.zone.id for asset in assets})
        self.tell("town", assets=len(assets), devices=devices, zones=zones)
        hub.call("fleet", "import", str(file))

    def _start_hub(self, hub: HubProcess, ear: HubListener, stack: ExitStack) -> None:
        hub.start()
        stack.callback(hub.stop)
        deadline = time.monotonic() + READY_S
        while not ear.online.wait(TICK_S) and not self.stop.is_set():
            if hub.pid is None or time.monotonic() > deadline:
                raise HubError(f"the hub does not come up:\n{hub.tail()}")
        # Made after the hub's own: what the devices say never lies in its future.
        self.clock = SimClock(self.options.start, self.options.speed)
        self.tell("up", pid=hub.pid)
        self.tell("look", command=self.look("alerts --all"))

    def _start_town(self, publisher: Publisher, living: DemoTown) -> threading.Thread:
        sender = threading.Thread(
            target=publish_in_time,
            args=(living.uplinks(), self.clock, publisher, self.stop),
            name="town",
        )
        self.tell("pace", speed=self.options.speed)
        sender.start()
        return sender

    def _watch(
        self, hub: HubProcess, publisher: Publisher, desk: Dispatcher, ear: HubListener
    ) -> None:
        shown = _page if self.console.is_terminal else _lines
        end = None
        if self.options.seconds is not None:
            end = time.monotonic() + self.options.seconds
        with shown(self, ear) as show:
            while not self.stop.wait(TICK_S):
                hub.keep_alive()
                rate = self.meter.rate(publisher.distinct, time.monotonic())
                figures, way = desk.latest
                if not figures.now:  # before the first figures all is on the way
                    way = publisher.distinct
                self.clock.reach(max(self.board.newest, figures.now))
                show(self._moment(hub, figures, way, rate))
                if end is not None and time.monotonic() > end:
                    break

    def _moment(
        self, hub: HubProcess, figures: HubCounters, way: int, rate: float
    ) -> screen.ScreenState:
        return screen.ScreenState(
            at=self.clock.now(),
            speed=self.options.speed,
            rate=rate,
            figures=figures,
            way=way,
            hub=hub.pid,
            restarts=hub.restarts,
            look=self.look("alerts --all"),
        )

    def _settle(self, hub: HubProcess, publisher: Publisher) -> int:
        """Wait until all that was sent is accounted for; 1 where it is not."""
        self.tell("stopping")
        publisher.drain(threading.Event())
        deadline = time.monotonic() + SETTLE_S
        figures = HubCounters()
        while time.monotonic() < deadline:
            hub.keep_alive()
            figures = hub.figures() or figures
            if figures.complete(publisher.distinct):
                break
        self.clock.reach(max(self.board.newest, figures.now))
        way = publisher.distinct - figures.stored - figures.dead
        self.say(screen.summary(self._moment(hub, figures, way, 0), self.board))
        self.tell("look after")
        for command in LOOK:
            self.say(f"  {self.look(command)}")
        return 0 if figures.complete(publisher.distinct) else 1

    def look(self, command: str) -> str:
        """A `sensorhub` command as the user would type it for the demo's data."""
        script = Path(sys.executable).with_name("sensorhub")
        if script.is_relative_to(Path.cwd()):
            script = script.relative_to(Path.cwd())
        options = ["--data", str(self.options.data)]
        if self.options.config != Path("config"):
            options += ["--config", str(self.options.config)]
        return f"{shlex.quote(str(script))} {command} {shlex.join(options)}"

    def tell(self, key: str, **values: object) -> None:
        """One plain line in the chosen language."""
        self.say(words(self.options.language)[key].format(**values))

    def say(self, text: str) -> None:
        """One plain line."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def _page(
    demo: Demo, ear: HubListener
) -> Iterator[Callable[[screen.ScreenState], None]]:
    with Live(console=demo.console, screen=True, auto_refresh=False) as area:

        def show(moment: screen.ScreenState) -> None:
            with ear.quiet() as board:
                page = screen.page(moment, board, demo.console)
            area.update(page, refresh=True)

        yield show


@contextmanager
def _lines(
    demo: Demo, ear: HubListener
) -> Iterator[Callable[[screen.ScreenState], None]]:
    shown_at = time.monotonic()
    restarts = 0
    ear.on_line = lambda line: demo.say(screen.plain(line, demo.options.language))

    def show(moment: screen.ScreenState) -> None:
        nonlocal shown_at, restarts
        if moment.restarts > restarts:
            restarts = moment.restarts
            demo.tell("again", pid=moment.hub)
        if time.monotonic() - shown_at >= LINE_S:
            shown_at = time.monotonic()
            with ear.quiet() as board:
                demo.say(screen.summary(moment, board))

    yield show
    ear.on_line = lambda _line: None
