"""The demo's town in real or accelerated time, against any MQTT broker."""

import threading

import typer

from firmware_sim.clock import HOUR, SimClock
from firmware_sim.demotown.fleet import town
from firmware_sim.demotown.stream import uplinks
from firmware_sim.mqtt import (
    BrokerAddress,
    Publisher,
    publish_births,
    publish_in_time,
    publish_offline,
)


def run_demo_town(
    address: BrokerAddress,
    begin: int,
    speed: float,
    seed: int,
    hours: float | None,
    stop: threading.Event,
) -> bool:
    """Publish until the hours are over or `stop`; return whether all was acknowledged.

    `begin`: simulated start, epoch ms. Raises OSError without a broker.
    """
    until = None if hours is None else begin + int(hours * HOUR)
    publisher = Publisher(address)
    assets = town()
    publish_births(publisher, assets)
    where = f"{address.host}:{address.port}"
    typer.echo(f"{len(assets)} assets report to {where}; Ctrl-C stops", err=True)
    clock = SimClock(begin, speed)
    publish_in_time(uplinks(assets, seed, begin), clock, publisher, stop, until)
    publish_offline(publisher, assets)
    complete = publisher.drain(threading.Event())
    publisher.close()
    typer.echo(f"sent {publisher.distinct} uplinks and {publisher.copies} copies")
    return complete
