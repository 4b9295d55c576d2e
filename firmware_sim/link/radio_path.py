"""The whole way of frames: channel, what devices keep, redelivery, and noise beside."""

from collections.abc import Callable

from firmware_sim.firmware.frame import DeviceFrame
from firmware_sim.link.channel import DeliveredFrame, LostFrame, RadioChannel
from firmware_sim.link.noise import ForeignMessage, ForeignTraffic
from firmware_sim.link.offline_buffer import Mask, OfflineBuffer
from firmware_sim.link.redelivery import Redelivery
from firmware_sim.scenario import Scenario
from firmware_sim.town.fleet import Fleet

EVENT_MS = 500  # from a join to the broker
Carried = list[DeliveredFrame | LostFrame]


class RadioPath:
    """From the devices of a town to its broker."""

    def __init__(
        self, scenario: Scenario, fleet: Fleet, seed: int, period_ms: list[int]
    ) -> None:
        self.channel = RadioChannel(scenario.link, fleet.gateway, seed)
        keeps = scenario.firmware.keeps
        self._memory = OfflineBuffer(keeps, fleet) if keeps else None
        self._again = Redelivery(scenario.link, seed)
        self._noise = ForeignTraffic(scenario.link, seed)
        self._rows, self._period_ms = fleet.rows, period_ms

    def stored(
        self, at: int, speaks: Mask, next_seq: Callable[[int], int]
    ) -> list[DeviceFrame]:
        """Frames of stored records that some devices send at `at`."""
        return [*self._memory.frames(at, speaks, next_seq)] if self._memory else []

    def carry(
        self, frames: list[DeviceFrame], news: list[DeviceFrame]
    ) -> tuple[Carried, list[ForeignMessage]]:
        """What becomes of frames, and what comes besides; joins and births get by."""
        through = self.channel.carry(frames, self._period_ms)
        carried = list(self._memory.take(through) if self._memory else through)
        came = [x for x in carried if isinstance(x, DeliveredFrame)]
        carried += self._again.beside(came)
        firsts = [x for x in came if not x.copy and not x.frame.kind]
        foreign = list(self._noise.beside(firsts))
        carried += [DeliveredFrame(x.at + EVENT_MS, x, 0, x.kind) for x in news]
        return carried, foreign

    def leftovers(self, at: int) -> list[ForeignMessage]:
        """What the broker gives a hub that subscribes at `at`."""
        return list(self._noise.leftovers(self._rows, at))

    def close(self) -> list[LostFrame]:
        """What devices still keep at the end."""
        return self._memory.close() if self._memory else []
