"""Composition root: builds a hub and runs it; what starts first is stopped last."""

import json
import secrets
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import Protocol

import structlog

from sensorhub import __version__
from sensorhub.clock import Clock
from sensorhub.codecs.files import codecs_of
from sensorhub.codecs.runner import Codecs
from sensorhub.config.settings import Settings
from sensorhub.forward.forwarder import Forwarder
from sensorhub.hub.batch_processor import BatchProcessor
from sensorhub.hub.commands.dispatcher import CommandDispatcher
from sensorhub.hub.hub import Hub
from sensorhub.hub.loop import HubLoop
from sensorhub.hub.outcome_log import OutcomeLog
from sensorhub.hub.rules_watcher import RulesWatcher
from sensorhub.hub.self_monitor import SelfMonitor
from sensorhub.hub.session import Configuration
from sensorhub.hub.stall_detector import StallDetector
from sensorhub.hub.tail import TailServer
from sensorhub.hub.uplink_receiver import BATCH_MESSAGES, UplinkReceiver
from sensorhub.hub.watchdog import Watchdog
from sensorhub.hub.workspace import Workspace, hub_clock, load_all, prepare
from sensorhub.hub.write_queue import WriteQueue
from sensorhub.listeners.link import Publication
from sensorhub.listeners.mqtt import MqttListener, TopicFilters
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
from sensorhub.store.history_maker import HistoryHooks, HistoryMaker
from sensorhub.store.hot import counters, downlinks
from sensorhub.store.hot.changeset import ChangeSet
from sensorhub.store.jobs import HubAccess

log = structlog.get_logger()
NATIVE_STATUS = "sensorhub/v1/+/+/status"
OWN_ALERTS = "sensorhub/v1/alerts/#"  # retained states that no alert stands for


class BackgroundWorker(Protocol):
    """What runs on threads of its own."""

    def start(self) -> None:
        """Begin."""
        ...

    def stop(self) -> None:
        """End, and wait until it has ended."""
        ...


def run_hub(
    workspace: Workspace, *, stopping: threading.Event, reload_rules: threading.Event
) -> None:
    """Run a hub until `stopping` is set; `reload_rules`: read rules.toml now.

    Raises ConfigError, StoreError, and TakenOver when a younger hub uses our client id.
    """
    settings, profiles = load_all(workspace)
    prepare(workspace, settings, profiles)
    data, queue = workspace.data, WriteQueue()
    with ExitStack() as stack:
        stack.enter_context(folder_lock.locked(data))
        clock = _open_clock(workspace, settings)
        codecs = _build_codecs(workspace, settings, profiles, clock, queue)
        stack.enter_context(closing(codecs))
        standards = load_standards(workspace.config)
        configuration = Configuration(settings, profiles, standards, codecs, wants)
        hub = Hub(data, configuration, clock.now, stopping=stopping.is_set)
        stack.enter_context(closing(hub))
        stack.enter_context(_final_checkpoint(hub, queue))
        commands = CommandDispatcher(hub)
        rules = RulesWatcher(workspace.config, hub, commands)
        rules.read()
        tail = stack.enter_context(closing(TailServer(data)))
        disk = DiskSpace(data, settings.disk.reserve_mb)
        listener = _build_listener(hub, queue)
        workers = Workers(settings.notify.workers)
        stack.callback(workers.stop)
        relay = _build_relay(hub, queue, listener, workers)
        forwarder = _build_forwarder(hub, queue, listener)
        monitor = SelfMonitor(hub=hub, disk=disk, codecs=codecs, forwarder=forwarder)
        history = _build_history(hub, queue, monitor)
        stack.enter_context(_running_writer(history, hub, queue))
        if forwarder is not None:
            stack.enter_context(_running_writer(forwarder, hub, queue))
        stack.enter_context(_running(listener))
        stack.enter_context(_running(relay))
        uplinks = UplinkReceiver(
            hub=hub,
            source=listener,
            batches=_build_batch_processor(hub, queue),
            tail=tail,
            disk=disk,
            clear_state=lambda topic: listener.publish(topic, b"", retain=True),
        )
        loop = HubLoop(
            hub=hub,
            queue=queue,
            uplinks=uplinks,
            commands=commands,
            rules=rules,
            watchdog=Watchdog(hub, clock.now()),
            monitor=monitor,
            stalls=StallDetector(clock.speed),
            stopping=stopping,
            reload_rules=reload_rules,
        )
        _log_start(hub)
        loop.run()
        log.info("hub stops")


# -- building --


def _open_clock(workspace: Workspace, settings: Settings) -> Clock:
    with closing(database.connect(workspace.data)) as connection:
        return hub_clock(settings, connection)


def _build_codecs(
    workspace: Workspace,
    settings: Settings,
    profiles: dict[str, Profile],
    clock: Clock,
    queue: WriteQueue,
) -> Codecs:
    def remember_off() -> None:
        """Write down which codecs are switched off, for `status`."""
        queue.remember("codecs_off", json.dumps(codecs.off()))

    codecs = codecs_of(workspace.config, settings, profiles, clock.now, remember_off)
    remember_off()
    return codecs


def _build_listener(hub: Hub, queue: WriteQueue) -> MqttListener:
    known = counters.get_meta(hub.connection, "filters")
    return MqttListener(
        hub.configuration.settings.mqtt,
        secrets.token_hex(8),
        version=__version__,
        filters=TopicFilters(
            extra=(NATIVE_STATUS, OWN_ALERTS),
            known=known.split("\n") if known else [],
            remember=lambda names: queue.remember("filters", "\n".join(names)),
        ),
    )


def _build_batch_processor(hub: Hub, queue: WriteQueue) -> BatchProcessor:
    file = hub.configuration.settings.ledger.file
    append = None if file is None else OutcomeLog(file, hub.connection).append
    return BatchProcessor(hub, lambda change_set: queue.commit(hub, change_set), append)


def _build_relay(
    hub: Hub, queue: WriteQueue, listener: MqttListener, workers: Workers
) -> Relay:
    settings = hub.configuration.settings.notify
    real_ms = Clock().now

    def real_s() -> float:
        return real_ms() / 1000

    def publish(posts: Sequence[OutgoingMessage]) -> int:
        return listener.publish_many([Publication(*post) for post in posts])

    def downlink_sent(connection: Connection, id_: str) -> None:
        downlinks.sent(connection, id_, hub.now())
        hub.on_commit(lambda: hub.session.downlink_tracker.mark_sent(id_))

    webhook = Webhook(networks(settings.private_networks), settings.timeout_s, real_s)
    relay = Relay(
        lambda: database.connect(hub.folder, read_only=True),
        queue.submit,
        transports=Transports(publish, webhook.deliver, workers),
        real_now=real_s,
        callbacks=HubCallbacks(  # called in the open transaction
            count=lambda name, by: hub.on_commit(lambda: queue.count(name, by)),
            subscriptions_changed=lambda: hub.on_commit(hub.reload_subscriptions),
            downlink_sent=downlink_sent,
        ),
    )
    hub.outbox_listeners.append(relay.offer)
    return relay


def _build_forwarder(
    hub: Hub, queue: WriteQueue, listener: MqttListener
) -> Forwarder | None:
    settings = hub.configuration.settings.influx
    if not settings.on:
        queue.submit(forwarding.park)
        return None
    return Forwarder(
        hub.folder,
        settings,
        hub=HubAccess(hub.now, queue.submit),
        registry=lambda: hub.session.registry,
        busy=lambda: listener.pending > BATCH_MESSAGES,
    )


def _build_history(hub: Hub, queue: WriteQueue, monitor: SelfMonitor) -> HistoryMaker:
    def letters_deleted(devices: Iterable[str]) -> None:
        deleted = list(devices)  # called in the open transaction
        hub.on_commit(lambda: hub.dead_letters.forget(deleted))

    settings = hub.configuration.settings
    return HistoryMaker(
        hub.folder,
        settings.history,
        hub=HubAccess(hub.now, queue.submit),
        zone=settings.timezone,
        keep=settings.retention,
        hooks=HistoryHooks(monitor.count_damage, letters_deleted, monitor.disk.full),
    )


def _log_start(hub: Hub) -> None:
    session = hub.session
    log.info("hub is up", devices=len(session.registry.device_no))
    for rule, profile, devices in session.state.rules.selector.unjudged():
        log.warning(
            "a rule is not evaluated for sensors that cannot resolve its limit",
            rule=rule,
            profile=profile,
            devices=devices,
        )


# -- starting and stopping --


@contextmanager
def _running(service: BackgroundWorker) -> Iterator[None]:
    service.start()
    try:
        yield
    finally:
        service.stop()


@contextmanager
def _running_writer(
    service: BackgroundWorker, hub: Hub, queue: WriteQueue
) -> Iterator[None]:
    """Run what waits for its writes when it stops: this thread commits them."""
    try:
        service.start()
        yield
    finally:
        stopping = threading.Thread(target=service.stop)
        stopping.start()
        while stopping.is_alive():
            queue.commit(hub, ChangeSet())
            stopping.join(0.01)


@contextmanager
def _final_checkpoint(hub: Hub, queue: WriteQueue) -> Iterator[None]:
    """At a clean stop: commit what other threads submitted, write every block.

    Not after a fault: memory may be ahead of the journal then, and the next start
    folds what is true.
    """
    yield
    try:
        queue.commit(hub, ChangeSet())
        hub.checkpoint_all()
    except DatabaseError:
        log.exception("the last checkpoint failed; the next start folds more")
