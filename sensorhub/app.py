"""Composition root: builds the hub, runs its loop, stops it in reverse order."""

import json
import secrets
import sqlite3
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import ExitStack

import structlog

from sensorhub import __version__
from sensorhub.batches import Batches
from sensorhub.clock import Clock
from sensorhub.codecs.files import codecs_of
from sensorhub.columns import Columns
from sensorhub.commands import Commands
from sensorhub.config.settings import Settings
from sensorhub.draft import Draft
from sensorhub.errors import StoreError, TakenOver
from sensorhub.forward.forwarder import Forwarder
from sensorhub.hub import Hub
from sensorhub.ledger import Job, Ledger
from sensorhub.ledger_file import LedgerFile
from sensorhub.listeners.link import Publication
from sensorhub.listeners.mqtt import MqttListener
from sensorhub.model import Batch, Message
from sensorhub.notify.addresses import networks
from sensorhub.notify.choice import wants
from sensorhub.notify.mqtt import Post
from sensorhub.notify.relay import Relay
from sensorhub.notify.webhook import Webhook
from sensorhub.notify.workers import Workers
from sensorhub.place import Place, hub_clock, load_all, prepare
from sensorhub.profiles import Profile
from sensorhub.rules_file import RulesFile
from sensorhub.standards import load_standards
from sensorhub.store import counters, database, downlinks, forwarding
from sensorhub.store.maker import HistoryMaker
from sensorhub.store.room import Room
from sensorhub.tail import TailServer
from sensorhub.watchdog import Watchdog

log = structlog.get_logger()
BATCH = 2_000
WAIT_S = 0.02
TICK_S = 0.25
LOOK_S = 0.02
STALL_S = 5.0
FREE_S = 0.002  # the write lock is left free between commits
NATIVE_STATUS = "sensorhub/v1/+/+/status"
OWN_ALERTS = "sensorhub/v1/alerts/#"  # retained states that no alert stands for


class HubRun:
    """A hub from start to stop; `run` returns when asked to end.

    Raises TakenOver when a younger hub uses our client id.
    """

    def __init__(self, place: Place, stopping: threading.Event) -> None:
        self._place = place
        self._stopping = stopping
        self.hang_up = threading.Event()  # SIGHUP: read rules.toml now
        self._jobs: deque[Job] = deque()
        self._stack = ExitStack()
        self._data_version = -1
        self._next_look = 0.0
        self._next_tick = 0.0
        self._damage = 0
        self._stale: set[str] = set()
        self._ticked = (0.0, 0)
        self._sound = False

    def run(self) -> None:
        """Load, connect, work until stopped, close in reverse."""
        settings, profiles = load_all(self._place)
        prepare(self._place, settings, profiles)
        with self._stack:
            self._stack.enter_context(database.locked(self._place.data))
            self._build(settings, profiles)
            log.info("hub is up", devices=len(self._hub.registry.device_no))
            for rule, profile, devices in self._hub.state.unjudged():
                log.warning(
                    "sensors cannot judge this rule's limit: not asked",
                    rule=rule,
                    profile=profile,
                    devices=devices,
                )
            self._work()
            self._sound = True
            log.info("hub stops")

    def _build(self, settings: Settings, profiles: dict[str, Profile]) -> None:
        connection = database.connect(self._place.data)
        self._clock = hub_clock(settings, connection)
        connection.close()
        self._codecs = codecs_of(
            self._place.config, settings, profiles, self._clock.now, self._tell_codecs
        )
        self._stack.callback(self._codecs.close)
        self._hub = Hub(
            self._place.data,
            settings,
            profiles,
            self._clock.now,
            wants=wants,
            stopping=self._stopping.is_set,
            standards=load_standards(self._place.config),
            codecs=self._codecs,
        )
        self._tell_codecs()
        self._room = Room(self._place.data, settings.disk.reserve_mb)
        self._stack.callback(self._hub.close)
        self._stack.callback(self._finish)
        self._commands = Commands(self._hub)
        self._rules = RulesFile(self._place.config, self._hub, self._commands)
        self._rules.take()
        self._watchdog = Watchdog(self._hub, self._clock.now())
        self._tail = TailServer(self._place.data)
        self._stack.callback(self._tail.close)
        file = settings.ledger.file
        enter = None if file is None else LedgerFile(file).job
        self._batches = Batches(self._hub, self._commit, enter=enter)
        self._listener = MqttListener(
            settings.mqtt,
            secrets.token_hex(8),
            version=__version__,
            extra_filters=(NATIVE_STATUS, OWN_ALERTS),
            known_filters=self._known_filters(),
            remember=self._remember_filters,
        )
        self._build_relay(settings)
        self._history = HistoryMaker(
            self._place.data,
            settings.history,
            now=self._clock.now,
            submit=self._jobs.append,
            on_damaged=self._damaged,
            zone=settings.timezone,
            keep=settings.retention,
            letters_gone=self._hub.shelf.forget,
            held=self._room.full,
        )
        self._stack.callback(lambda: self._stop_beside(self._history))
        self._history.start()
        self._build_forwarder(settings)
        self._listener.start()
        self._stack.callback(self._listener.stop)
        self._relay.start()
        self._stack.callback(self._relay.stop)

    def _build_forwarder(self, settings: Settings) -> None:
        self._forwarder: Forwarder | None = None
        if not settings.influx.on:
            self._jobs.append(forwarding.park)
            return
        self._forwarder = Forwarder(
            self._place.data,
            settings.influx,
            now=self._clock.now,
            submit=self._jobs.append,
            registry=lambda: self._hub.registry,
            busy=lambda: self._listener.pending > BATCH,
        )
        forwarder = self._forwarder
        self._stack.callback(lambda: self._stop_beside(forwarder))
        forwarder.start()

    def _build_relay(self, settings: Settings) -> None:
        real_now = Clock().now
        workers = Workers(settings.notify.workers)
        self._stack.callback(workers.stop)
        webhook = Webhook(
            networks(settings.notify.private_networks),
            settings.notify.timeout_s,
            lambda: real_now() / 1000,
        )
        self._relay = Relay(
            lambda: database.connect(self._place.data, read_only=True),
            self._jobs.append,
            publish=self._publish,
            deliver=webhook.deliver,
            pool=workers,
            real_now=lambda: real_now() / 1000,
            count=self._count,
            subscriptions_changed=self._subscriptions_changed,
            downlink_sent=self._downlink_sent,
        )
        self._hub.after_commit.append(self._relay.offer)

    def _count(self, name: str, by: int) -> None:
        self._jobs.append(lambda c: counters.add(c, Counter({name: by})))

    def _downlink_sent(self, connection: sqlite3.Connection, id_: str) -> None:
        downlinks.sent(connection, id_, self._clock.now())
        self._hub.obeying.sent(id_)

    def _subscriptions_changed(self) -> None:
        self._hub.reload_subscriptions()

    def _damaged(self, connection: sqlite3.Connection, number: int, up: int) -> None:
        log.error("damaged history was set aside", row=number, uplinks=up)
        self._damage += 1
        if number > 0:
            damage = Counter(journal_rows_damaged=1, uplinks_damaged=up)
        else:  # a slice or a chunk of the history
            damage = Counter(history_parts_damaged=1)
        counters.add(connection, damage)

    def _tell_codecs(self) -> None:
        """Codecs that are switched off, for `status`."""
        text = json.dumps(self._codecs.off())
        self._jobs.append(lambda c: counters.set_meta(c, "codecs_off", text))

    def _stop_beside(self, worker: HistoryMaker | Forwarder) -> None:
        """It waits for its job to be written; that is our thread's work."""
        ending = threading.Thread(target=worker.stop)
        ending.start()
        while ending.is_alive():
            self._commit(Ledger())
            ending.join(0.01)

    def _publish(self, posts: Sequence[Post]) -> int:
        return self._listener.publish_many([Publication(*post) for post in posts])

    def _known_filters(self) -> list[str]:
        text = counters.get_meta(self._hub.connection, "filters")
        return text.split("\n") if text else []

    def _remember_filters(self, filters: Sequence[str]) -> None:
        text = "\n".join(filters)
        self._jobs.append(lambda c: counters.set_meta(c, "filters", text))

    # -- the loop --

    def _work(self) -> None:
        while not self._stopping.is_set():
            if self._listener.taken_over.is_set():
                raise TakenOver("a younger hub uses this client id; this one ends")
            batch = self._take()
            self._look_for_commands()
            self._look_for_rules()
            if batch is not None:
                self._batch(batch)
            elif self._jobs:
                self._commit(Ledger())
            self._tick()
            if self._hub.checkpoint_due():
                self._hub.checkpoint_next()

    def _take(self) -> Batch | None:
        """What came; nothing while the disk is nearly full: the broker keeps it."""
        if self._room.full():
            self._stopping.wait(WAIT_S)
            return None
        return self._listener.take(BATCH, WAIT_S)

    def _batch(self, batch: Batch) -> None:
        """Take a batch, then rest: where little comes, until more is together.

        A broker that sends as much again at once has more, or waits for us.
        """
        began = time.monotonic()
        self._messages(batch.messages)
        self._listener.done(batch)
        time.sleep(FREE_S)
        if 2 * self._listener.pending < len(batch.messages):
            time.sleep(max(0.0, began + WAIT_S - time.monotonic()))

    def _messages(self, messages: list[Message]) -> None:
        self._batches.seen = self._show if self._tail.watched else None
        self._stale.update(self._batches.take(messages, self._clock.now()))

    def _clear_stale(self) -> None:
        """Empty retained states that no open alert stands for, once there is room."""
        for topic in sorted(self._stale):
            fires = self._hub.desk.is_open(topic)
            if fires or self._listener.publish(topic, b"", retain=True):
                self._stale.discard(topic)

    def _commit(self, ledger: Ledger) -> None:
        """Commit a ledger with the jobs of other threads; a bad job harms no other."""
        own, jobs = ledger.jobs, list(self._jobs)
        ledger.jobs = own + jobs
        try:
            self._hub.commit(ledger)
        except StoreError:
            raise
        except Exception:
            if not jobs:
                raise
            log.exception("a commit broke, its jobs are tried one by one")
            for job in jobs:
                self._try(job)
                self._jobs.popleft()
            ledger.jobs = own
            self._hub.commit(ledger)
            return
        for _ in jobs:
            self._jobs.popleft()

    def _try(self, job: Job) -> None:
        try:
            self._hub.commit(Ledger(jobs=[job]))
        except StoreError:
            raise
        except Exception:
            log.exception("a job broke, it is dropped")

    def _show(self, places: range, draft: Draft, columns: Columns) -> None:
        self._tail.show(self._hub.registry, draft, columns)

    def _look_for_commands(self) -> None:
        real = time.monotonic()
        if real < self._next_look:
            return
        self._next_look = real + LOOK_S
        row = self._hub.connection.execute("PRAGMA data_version").fetchone()
        if row[0] != self._data_version:
            self._data_version = row[0]
            self._commands.apply_waiting()

    def _look_for_rules(self) -> None:
        if self.hang_up.is_set():
            self.hang_up.clear()
            self._rules.take()
        self._rules.look(time.monotonic())

    def _tick(self) -> None:
        real = time.monotonic()
        if real < self._next_tick:
            return
        self._next_tick = real + TICK_S
        full = self._room.full()
        hearing = self._listener.drained and self._kept_pace(real) and not full
        self._clear_stale()
        ledger = self._watchdog.tick(self._clock.now(), hearing, int(real * 1000))
        self._hub.desk.system(
            ledger, "disk_low", full, self._clock.now(), round(self._room.free_mb)
        )
        if self._damage:
            now, value, self._damage = self._clock.now(), self._damage, 0
            self._hub.desk.system(ledger, "journal_damaged", True, now, value)
        off = self._codecs.off()
        about = ", ".join(f"codecs/{name}" for name in off)
        self._hub.desk.system(
            ledger, "codec_off", bool(off), self._clock.now(), len(off), about=about
        )
        self._watch_forwarder(ledger)
        self._commit(ledger)

    def _watch_forwarder(self, ledger: Ledger) -> None:
        stuck = self._forwarder.stuck() if self._forwarder else None
        hours, reason = stuck or (0.0, "")
        self._hub.desk.system(
            ledger,
            "influx_stuck",
            stuck is not None,
            self._clock.now(),
            hours,
            about=reason,
        )

    def _kept_pace(self, real: float) -> bool:
        """Whether the loop ran and hub time grew as they should since the last tick.

        A stalled database or a stepped wall clock is time in which nobody was
        heard, and no device's silence.
        """
        now = self._clock.now()
        (real_before, before), self._ticked = self._ticked, (real, now)
        if not before:
            return True
        stepped = now - before - (real - real_before) * 1000 * self._clock.speed
        return real - real_before < STALL_S and stepped < STALL_S * 1000

    def _finish(self) -> None:
        """What other threads still handed in, then every checkpoint block.

        Not after a fault: memory may be ahead of the journal then, and the next
        start folds what is true.
        """
        if not self._sound:
            return
        try:
            self._commit(Ledger())
            self._hub.checkpoint_all()
        except sqlite3.Error:
            log.exception("the last checkpoint failed; the next start folds more")
