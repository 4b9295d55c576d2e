"""Downlinks: a device takes what waits for it after its next uplink, and obeys.

What its family has no command for it ignores. A native device says that it is done,
a Milesight one answers with the same bytes; the network server tells what became of it.
"""

import base64
import json
from collections.abc import Iterable
from typing import NamedTuple

from firmware_sim.families import commands
from firmware_sim.families.commands import DeviceCommand
from firmware_sim.firmware.devices import Devices
from firmware_sim.firmware.frame import DeviceFrame
from firmware_sim.firmware.sessions import BIRTH
from firmware_sim.town.fleet import Fleet
from firmware_sim.world.script import ActiveEvent

TXACK, ACK, ANSWER = "txack", "ack", "answer"
TAKEN_MS, ANSWER_MS = 1_000, 2_000  # after the uplink
OBEDIENT = ("milesight-", "dragino-")


class PendingCommand(NamedTuple):
    """A command on its way to a device; `id` of who asked, empty: the script."""

    command: DeviceCommand
    id: str = ""
    confirmed: bool = False
    port: int = 0
    data: bytes = b""


class ExecutedCommand(NamedTuple):
    """What a device did at `at` (epoch ms)."""

    row: int
    at: int
    command: DeviceCommand
    id: str


def native(payload: bytes) -> PendingCommand | None:
    """An order in the native JSON, None where there is none."""
    command = commands.native(payload)
    if command is None:
        return None
    return PendingCommand(command, str(json.loads(payload).get("id", "")))


def lorawan(payload: bytes) -> PendingCommand | None:
    """An order in ChirpStack's command, None where there is none."""
    try:
        body = json.loads(payload)
        port, data = int(body["fPort"]), base64.b64decode(body["data"])
        told = str(body.get("id", "")), bool(body.get("confirmed", False))
    except (ValueError, KeyError, TypeError):
        return None
    command = commands.lorawan(port, data)
    return None if command is None else PendingCommand(command, *told, port, data)


def of_script(event: ActiveEvent) -> PendingCommand | None:
    """What an event of the script tells devices, None where it tells nothing."""
    if event.what == "interval":
        return PendingCommand(DeviceCommand("interval", event.amount))
    if event.what == "threshold":
        return PendingCommand(DeviceCommand("thresholds", {"fill_level": event.amount}))
    return PendingCommand(DeviceCommand("reboot")) if event.what == "reboot" else None


class CommandQueue:
    """What waits for the devices, and their obedience."""

    def __init__(
        self,
        fleet: Fleet,
        devices: Devices,
        period_ms: list[int],
    ) -> None:
        self._fleet, self._devices = fleet, devices
        self._period_ms = period_ms
        self._waiting: dict[int, list[PendingCommand]] = {}
        self.restarts: set[int] = set()  # whose restart was asked for

    def give(self, row: int, order: PendingCommand) -> None:
        """Let an order wait for a device that knows orders."""
        family = self._fleet.families[row]
        if self._fleet.is_native(row) or family.startswith(OBEDIENT):
            self._waiting.setdefault(row, []).append(order)

    def obey(
        self, frames: Iterable[DeviceFrame], versions: list[str]
    ) -> tuple[list[ExecutedCommand], list[DeviceFrame]]:
        """Who has just spoken takes what waits; answers what was done, and is said."""
        done: list[ExecutedCommand] = []
        said: list[DeviceFrame] = []
        if not self._waiting:
            return done, said
        for frame in frames:
            for order in self._waiting.pop(frame.row, ()):
                at, row = frame.at + TAKEN_MS, frame.row
                if self._do(row, order.command):
                    done.append(ExecutedCommand(row, at, order.command, order.id))
                    said += self._answers(frame, order, versions[row])
        return done, said

    def _do(self, row: int, command: DeviceCommand) -> bool:
        kind, value = command
        if kind == "reboot":
            self.restarts.add(row)
            return True
        if kind == "thresholds":
            return row < self._fleet.bins and self._devices.level.watch(row, value)
        if not isinstance(value, int | float) or value <= 0:
            return False
        self._period_ms[row] = self._devices.of(row).every(row, value)
        return True

    def _answers(
        self, frame: DeviceFrame, order: PendingCommand, version: str
    ) -> list[DeviceFrame]:
        at, row, about = frame.at + TAKEN_MS, frame.row, order.id.encode()
        plain = DeviceFrame(at, row, 0, version, frame.via, joins=frame.joins)
        if self._fleet.is_native(row):
            if order.command.kind == "reboot":  # its birth will say so
                return []
            return [plain._replace(kind=BIRTH, data=about)]
        kinds = [TXACK] * bool(order.id) + [ACK] * order.confirmed
        said = [plain._replace(kind=kind, data=about) for kind in kinds]
        if order.data and self._fleet.families[row].startswith("milesight-"):
            seq = self._devices.next_seq(row)
            answer = plain._replace(at=frame.at + ANSWER_MS, seq=seq)
            answer = answer._replace(port=order.port, data=order.data, kind=ANSWER)
            said.append(answer)
        return said
