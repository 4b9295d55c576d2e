"""The path from devices to the broker: channel, offline buffer, redelivery, noise."""

from collections.abc import Callable
from typing import NamedTuple

from firmware_sim.firmware.frame import DeviceFrame
from firmware_sim.link.channel import DeliveredFrame, LostFrame, RadioChannel
from firmware_sim.link.noise import ForeignMessage, ForeignTraffic
from firmware_sim.link.offline_buffer import Mask, OfflineBuffer
from firmware_sim.link.redelivery import Redelivery
from firmware_sim.scenario import Scenario
from firmware_sim.town.fleet import Fleet

EVENT_MS = 500  # delay of a join or another event to the broker


class Transmitted(NamedTuple):
    """What became of the frames of a step, and the foreign messages beside them."""

    frames: list[DeliveredFrame | LostFrame]
    foreign_messages: list[ForeignMessage]


class RadioPath:
    """The path from the devices of a town to its broker."""

    def __init__(
        self, scenario: Scenario, fleet: Fleet, seed: int, period_ms: list[int]
    ) -> None:
        self.channel = RadioChannel(scenario.link, fleet.gateway, seed)
        capacity = scenario.firmware.keeps
        self._buffer = OfflineBuffer(capacity, fleet) if capacity else None
        self._redelivery = Redelivery(scenario.link, seed)
        self._foreign_traffic = ForeignTraffic(scenario.link, seed)
        self._rows, self._period_ms = fleet.rows, period_ms

    def stored_frames(
        self, at: int, can_send: Mask, next_seq: Callable[[int], int]
    ) -> list[DeviceFrame]:
        """Return the frames of stored records that devices send at `at` (epoch ms)."""
        return [*self._buffer.frames(at, can_send, next_seq)] if self._buffer else []

    def transmit(
        self, frames: list[DeviceFrame], events: list[DeviceFrame]
    ) -> Transmitted:
        """Send frames over the channel; `events` (joins, births) always arrive."""
        sent = self.channel.transmit(frames, self._period_ms)
        items = list(self._buffer.process(sent) if self._buffer else sent)
        delivered = [x for x in items if isinstance(x, DeliveredFrame)]
        items += self._redelivery.copies_of(delivered)
        first_data = [x for x in delivered if not x.copy and not x.frame.kind]
        foreign_messages = list(self._foreign_traffic.messages_after(first_data))
        items += [DeliveredFrame(x.at + EVENT_MS, x, 0, x.kind) for x in events]
        return Transmitted(items, foreign_messages)

    def leftovers(self, at: int) -> list[ForeignMessage]:
        """Return the retained messages for a hub that subscribes at `at` (epoch ms)."""
        return list(self._foreign_traffic.leftovers(self._rows, at))

    def close(self) -> list[LostFrame]:
        """Return the records that devices still store at the end."""
        return self._buffer.close() if self._buffer else []
