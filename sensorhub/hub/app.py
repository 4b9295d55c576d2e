"""Composition root: builds the hub, has its loop run, stops it in reverse order."""

import json
import secrets
import threading
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, closing

import structlog

from sensorhub import __version__
from sensorhub.clock import Clock
from sensorhub.codecs.files import codecs_of
from sensorhub.config.settings import Settings
from sensorhub.forward.forwarder import Forwarder
from sensorhub.hub.batch_processor import BatchProcessor
from sensorhub.hub.commands.dispatcher import CommandDispatcher
from sensorhub.hub.hub import Hub
from sensorhub.hub.loop import BATCH, Loop, Parts
from sensorhub.hub.outcome_log import OutcomeLog
from sensorhub.hub.rules_watcher import RulesWatcher
from sensorhub.hub.session import Configuration
from sensorhub.hub.tail import TailServer
from sensorhub.hub.watchdog import Watchdog
from sensorhub.hub.workspace import Workspace, hub_clock, load_all, prepare
from sensorhub.hub.write_queue import WriteQueue
from sensorhub.listeners.link import Publication
from sensorhub.listeners.mqtt import MqttListener
from sensorhub.notify.addresses import networks
from sensorhub.notify.mqtt import OutgoingMessage
from sensorhub.notify.relay import HubCallbacks, Relay, Transports
from sensorhub.notify.subscription_filter import wants
from sensorhub.notify.webhook import Webhook
from sensorhub.notify.workers import Workers
from sensorhub.registry.profiles import Profile
from sensorhub.standards import load_standards
from sensorhub.store import Connection, DatabaseError, database, folder_lock, forwarding
from sensorhub.store.disk_space import DiskSpace
from sensorhub.store.history_maker import HistoryMaker
from sensorhub.store.hot import counters, downlinks
from sensorhub.store.hot.changeset import ChangeSet

log = structlog.get_logger()
NATIVE_STATUS = "sensorhub/v1/+/+/status"
OWN_ALERTS = "sensorhub/v1/alerts/#"  # retained states that no alert stands for


class HubRun:
    """A hub from start to stop; `run` returns when asked to end.

    Raises TakenOver when a younger hub uses our client id.
    """

    def __init__(self, workspace: Workspace, stopping: threading.Event) -> None:
        self._workspace = workspace
        self._stopping = stopping
        self.hang_up = threading.Event()  # SIGHUP: read rules.toml now
        self._jobs = WriteQueue()
        self._stack = ExitStack()
        self._sound = False

    def run(self) -> None:
        """Load, connect, work until stopped, close in reverse."""
        settings, profiles = load_all(self._workspace)
        prepare(self._workspace, settings, profiles)
        with self._stack:
            self._stack.enter_context(folder_lock.locked(self._workspace.data))
            loop = self._build(settings, profiles)
            log.info("hub is up", devices=len(self._hub.session.registry.device_no))
            selector = self._hub.session.state.rules.selector
            for rule, profile, devices in selector.unjudged():
                log.warning(
                    "sensors cannot judge this rule's limit: not asked",
                    rule=rule,
                    profile=profile,
                    devices=devices,
                )
            loop.run()
            self._sound = True
            log.info("hub stops")

    # -- building: what is started first is stopped last --

    def _build(self, settings: Settings, profiles: dict[str, Profile]) -> Loop:
        self._build_hub(settings, profiles)
        parts = self._parts(settings)
        loop = Loop(parts, self._stopping, self.hang_up)
        relay = self._relay(settings)
        history = HistoryMaker(
            self._workspace.data,
            settings.history,
            now=self._clock.now,
            submit=self._jobs.submit,
            on_damaged=loop.damaged,
            zone=settings.timezone,
            keep=settings.retention,
            letters_gone=self._letters_deleted,
            held=parts.room.full,
        )
        self._start_beside(history)
        if parts.forwarder is not None:
            self._start_beside(parts.forwarder)
        self._listener.start()
        self._stack.callback(self._listener.stop)
        relay.start()
        self._stack.callback(relay.stop)
        return loop

    def _build_hub(self, settings: Settings, profiles: dict[str, Profile]) -> None:
        with closing(database.connect(self._workspace.data)) as connection:
            self._clock = hub_clock(settings, connection)
        self._codecs = codecs_of(
            self._workspace.config,
            settings,
            profiles,
            self._clock.now,
            self._tell_codecs,
        )
        self._stack.callback(self._codecs.close)
        standards = load_standards(self._workspace.config)
        configuration = Configuration(
            settings, profiles, standards, self._codecs, wants
        )
        self._hub = Hub(
            self._workspace.data,
            configuration,
            self._clock.now,
            stopping=self._stopping.is_set,
        )
        self._tell_codecs()
        self._stack.callback(self._hub.close)
        self._stack.callback(self._finish)

    def _parts(self, settings: Settings) -> Parts:
        hub, data = self._hub, self._workspace.data
        room = DiskSpace(data, settings.disk.reserve_mb)
        commands = CommandDispatcher(hub)
        rules = RulesWatcher(self._workspace.config, hub, commands)
        rules.take()
        tail = TailServer(data)
        self._stack.callback(tail.close)
        file = settings.ledger.file
        append = None if file is None else OutcomeLog(file, hub.connection).append
        known = counters.get_meta(hub.connection, "filters")
        self._listener = MqttListener(
            settings.mqtt,
            secrets.token_hex(8),
            version=__version__,
            extra_filters=(NATIVE_STATUS, OWN_ALERTS),
            known_filters=known.split("\n") if known else [],
            remember=lambda names: self._jobs.remember("filters", "\n".join(names)),
        )
        return Parts(
            hub,
            self._clock,
            self._jobs,
            BatchProcessor(hub, self._commit, append),
            self._listener,
            room,
            commands,
            rules,
            Watchdog(hub, self._clock.now()),
            tail,
            self._codecs,
            self._forwarder(settings),
        )

    def _forwarder(self, settings: Settings) -> Forwarder | None:
        if not settings.influx.on:
            self._jobs.submit(forwarding.park)
            return None
        return Forwarder(
            self._workspace.data,
            settings.influx,
            now=self._clock.now,
            submit=self._jobs.submit,
            registry=lambda: self._hub.session.registry,
            busy=lambda: self._listener.pending > BATCH,
        )

    def _relay(self, settings: Settings) -> Relay:
        real_now = Clock().now
        workers = Workers(settings.notify.workers)
        self._stack.callback(workers.stop)
        webhook = Webhook(
            networks(settings.notify.private_networks),
            settings.notify.timeout_s,
            lambda: real_now() / 1000,
        )
        relay = Relay(
            lambda: database.connect(self._workspace.data, read_only=True),
            self._jobs.submit,
            transports=Transports(self._publish, webhook.deliver, workers),
            real_now=lambda: real_now() / 1000,
            callbacks=HubCallbacks(
                self._count, self._subscriptions_changed, self._downlink_sent
            ),
        )
        self._hub.outbox_listeners.append(relay.offer)
        return relay

    def _start_beside(self, worker: HistoryMaker | Forwarder) -> None:
        self._stack.callback(lambda: self._stop_beside(worker))
        worker.start()

    # -- what the parts ask for, most of it in the open transaction --

    def _commit(self, change_set: ChangeSet) -> None:
        self._jobs.commit(self._hub, change_set)

    def _publish(self, posts: Sequence[OutgoingMessage]) -> int:
        return self._listener.publish_many([Publication(*post) for post in posts])

    def _downlink_sent(self, connection: Connection, id_: str) -> None:
        downlinks.sent(connection, id_, self._clock.now())
        self._hub.on_commit(lambda: self._hub.session.downlink_tracker.mark_sent(id_))

    def _count(self, name: str, by: int) -> None:
        self._hub.on_commit(lambda: self._jobs.count(name, by))

    def _subscriptions_changed(self) -> None:
        self._hub.on_commit(self._hub.reload_subscriptions)

    def _letters_deleted(self, devices: Iterable[str]) -> None:
        deleted = list(devices)
        self._hub.on_commit(lambda: self._hub.dead_letters.forget(deleted))

    def _tell_codecs(self) -> None:
        """Codecs that are switched off, for `status`."""
        self._jobs.remember("codecs_off", json.dumps(self._codecs.off()))

    # -- stopping --

    def _stop_beside(self, worker: HistoryMaker | Forwarder) -> None:
        """It waits for its job to be written; that is our thread's work."""
        ending = threading.Thread(target=worker.stop)
        ending.start()
        while ending.is_alive():
            self._commit(ChangeSet())
            ending.join(0.01)

    def _finish(self) -> None:
        """What other threads still handed in, then every checkpoint block.

        Not after a fault: memory may be ahead of the journal then, and the next
        start folds what is true.
        """
        if not self._sound:
            return
        try:
            self._commit(ChangeSet())
            self._hub.checkpoint_all()
        except DatabaseError:
            log.exception("the last checkpoint failed; the next start folds more")
