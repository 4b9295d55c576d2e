"""The demo: a broker, the hub and a small town, started and stopped together.

It uses the hub only through its command line and MQTT.
"""

import shlex
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.live import Live

from firmware_sim.clock import SimClock
from firmware_sim.demo import broker, data_folder, screen
from firmware_sim.demo.dispatcher import Dispatcher
from firmware_sim.demo.event_log import DemoEventLog, HubCounters
from firmware_sim.demo.hub_listener import HubListener
from firmware_sim.demo.hub_process import HubError, HubPaths, HubProcess
from firmware_sim.demo.processes import ChildProcess
from firmware_sim.demo.rate_meter import RateMeter
from firmware_sim.demo.texts import words
from firmware_sim.demotown.fleet import DemoAsset, fleet_csv, town
from firmware_sim.demotown.stream import DemoTown
from firmware_sim.mqtt import (
    BrokerAddress,
    Publisher,
    publish_births,
    publish_in_time,
)

READY_S = 30.0
TICK_S = 0.25
SUMMARY_S = 5.0
SETTLE_S = 20.0
COMMANDS = ("alerts --all", "status", "dead-letters list")  # to inspect the data with


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """The options of `firmware-sim demo`."""

    config: Path
    data: Path
    port: int
    start: int  # simulated, epoch ms
    speed: float
    seed: int
    language: str
    seconds: float | None


class _Running(NamedTuple):
    hub: HubProcess
    publisher: Publisher
    listener: HubListener


class Demo:
    """All parts of the demo, and its output."""

    def __init__(
        self, options: DemoOptions, console: Console, stop: threading.Event
    ) -> None:
        self.options = options
        self.console = console
        self.stop = stop
        self.log = DemoEventLog(options.language)
        self.clock = SimClock(options.start, options.speed)
        self.meter = RateMeter()

    def run(self) -> int:
        """Start all, show until stopped, settle and stop all; return the exit code."""
        with ExitStack() as stack:
            try:
                return self._run(stack)
            except (HubError, OSError, TimeoutError) as error:
                self.print(f"demo: {error}")
                return 1

    def _run(self, stack: ExitStack) -> int:
        """1 broker, 2 register, 3 hub, 4 town; then watch."""
        self._open_folder(stack)
        options, assets = self.options, town()
        port = broker.free_port(options.port)
        self._print_port(port)
        server = ChildProcess(broker.command(port), options.data / "broker.log")
        stack.callback(server.stop)
        broker.wait_until_open(port)
        paths = HubPaths(options.config, options.data, port)
        hub = HubProcess(paths, options.start, options.speed)
        self._register(hub, assets)
        listener = HubListener(BrokerAddress(port=port), self.log)
        stack.callback(listener.close)
        self._start_hub(hub, listener, stack)
        publisher = Publisher(BrokerAddress(port=port))
        stack.callback(publisher.close)
        publish_births(publisher, assets)
        demo_town = DemoTown(assets, options.seed, options.start)
        sender = self._start_town(publisher, demo_town)
        dispatcher = Dispatcher(
            hub, lambda at: self._sent(publisher, at), demo_town.cleanings
        )
        dispatcher.start()
        try:
            self._watch(_Running(hub, publisher, listener), dispatcher)
        finally:
            self.stop.set()
            sender.join()
            dispatcher.stop()
        return self._settle(hub, publisher)

    def _open_folder(self, stack: ExitStack) -> None:
        requested = self.options.data
        data = stack.enter_context(data_folder.fresh(requested))
        self.options = replace(self.options, data=data)
        if data != requested:
            self.print_text("in use", requested=requested, data=data)

    def _print_port(self, port: int) -> None:
        requested, texts = self.options.port, words(self.options.language)
        in_use = port != requested
        note = texts["other port"].format(port=requested) if in_use else ""
        self.print(texts["broker"].format(port=port) + note)

    def _sent(self, publisher: Publisher, at: int) -> int:
        """Return the distinct uplinks the broker had received at simulated `at`."""
        moment = time.monotonic() + self.clock.real_s(at)
        return self.meter.count(moment, publisher.distinct)

    def _register(self, hub: HubProcess, assets: tuple[DemoAsset, ...]) -> None:
        file = self.options.data / "fleet.csv"
        file.write_text(fleet_csv(assets), "utf-8")
        devices = sum(len(asset.mountings) for asset in assets)
        zones = len({asset.zone.id for asset in assets})
        self.print_text("town", assets=len(assets), devices=devices, zones=zones)
        hub.call("fleet", "import", str(file))

    def _start_hub(
        self, hub: HubProcess, listener: HubListener, stack: ExitStack
    ) -> None:
        hub.start()
        stack.callback(hub.stop)
        deadline = time.monotonic() + READY_S
        while not listener.online.wait(TICK_S) and not self.stop.is_set():
            if hub.pid is None or time.monotonic() > deadline:
                raise HubError(f"the hub does not start:\n{hub.tail()}")
        # Made after the hub's own clock: device times are never in the hub's future.
        self.clock = SimClock(self.options.start, self.options.speed)
        self.print_text("up", pid=hub.pid)
        self.print_text("command", command=self.command_line("alerts --all"))

    def _start_town(
        self, publisher: Publisher, demo_town: DemoTown
    ) -> threading.Thread:
        sender = threading.Thread(
            target=publish_in_time,
            args=(demo_town.uplinks(), self.clock, publisher, self.stop),
            name="town",
        )
        self.print_text("speed", speed=self.options.speed)
        sender.start()
        return sender

    def _watch(self, running: _Running, dispatcher: Dispatcher) -> None:
        """Keep the hub alive and show the state until stopped."""
        shown = _page if self.console.is_terminal else _lines
        hub, publisher = running.hub, running.publisher
        end = None
        if self.options.seconds is not None:
            end = time.monotonic() + self.options.seconds
        with shown(self, running.listener) as show:
            while not self.stop.wait(TICK_S):
                hub.keep_alive()
                rate = self.meter.rate(publisher.distinct, time.monotonic())
                counters, transit = dispatcher.latest
                if not counters.now:  # before the first counters all is in transit
                    transit = publisher.distinct
                self.clock.reach(max(self.log.newest, counters.now))
                show(self._state(hub, counters, transit, rate))
                if end is not None and time.monotonic() > end:
                    break

    def _state(
        self, hub: HubProcess, counters: HubCounters, transit: int, rate: float
    ) -> screen.ScreenState:
        return screen.ScreenState(
            at=self.clock.now(),
            speed=self.options.speed,
            rate=rate,
            counters=counters,
            transit=transit,
            hub=hub.pid,
            restarts=hub.restarts,
            command=self.command_line("alerts --all"),
        )

    def _settle(self, hub: HubProcess, publisher: Publisher) -> int:
        """Wait until all uplinks are accounted for; return 1 if they are not."""
        self.print_text("stopping")
        publisher.drain(threading.Event())
        deadline = time.monotonic() + SETTLE_S
        counters = HubCounters()
        while time.monotonic() < deadline:
            hub.keep_alive()
            counters = hub.counters() or counters
            if counters.complete(publisher.distinct):
                break
        self.clock.reach(max(self.log.newest, counters.now))
        transit = publisher.distinct - counters.stored - counters.dead
        state = self._state(hub, counters, transit, 0)
        self.print(screen.summary(state, self.log))
        self.print_text("commands")
        for command in COMMANDS:
            self.print(f"  {self.command_line(command)}")
        return 0 if counters.complete(publisher.distinct) else 1

    def command_line(self, command: str) -> str:
        """Return a `sensorhub` command as the user would type it for the demo."""
        script = Path(sys.executable).with_name("sensorhub")
        if script.is_relative_to(Path.cwd()):
            script = script.relative_to(Path.cwd())
        options = ["--data", str(self.options.data)]
        if self.options.config != Path("config"):
            options += ["--config", str(self.options.config)]
        return f"{shlex.quote(str(script))} {command} {shlex.join(options)}"

    def print_text(self, key: str, **values: object) -> None:
        """Print one of the demo's texts in the chosen language."""
        self.print(words(self.options.language)[key].format(**values))

    def print(self, text: str) -> None:
        """Print one plain line."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def _page(
    demo: Demo, listener: HubListener
) -> Iterator[Callable[[screen.ScreenState], None]]:
    with Live(console=demo.console, screen=True, auto_refresh=False) as area:

        def show(state: screen.ScreenState) -> None:
            with listener.locked_log() as log:
                page = screen.page(state, log, demo.console)
            area.update(page, refresh=True)

        yield show


@contextmanager
def _lines(
    demo: Demo, listener: HubListener
) -> Iterator[Callable[[screen.ScreenState], None]]:
    shown_at = time.monotonic()
    restarts = 0
    language = demo.options.language
    listener.on_line = lambda line: demo.print(screen.plain(line, language))

    def show(state: screen.ScreenState) -> None:
        nonlocal shown_at, restarts
        if state.restarts > restarts:
            restarts = state.restarts
            demo.print_text("restarted", pid=state.hub)
        if time.monotonic() - shown_at >= SUMMARY_S:
            shown_at = time.monotonic()
            with listener.locked_log() as log:
                demo.print(screen.summary(state, log))

    yield show
    listener.on_line = lambda _line: None
