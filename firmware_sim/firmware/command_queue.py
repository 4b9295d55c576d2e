"""Downlinks: a device receives its pending commands after its next uplink.

It ignores commands that its family does not have. A native device confirms a command
in its status, a Milesight device answers with the same bytes, and the network server
reports what became of the downlink.
"""

import base64
import json
from collections.abc import Iterable
from typing import NamedTuple

from firmware_sim.families import device_commands
from firmware_sim.families.device_commands import DeviceCommand
from firmware_sim.firmware.devices import Devices
from firmware_sim.firmware.frame import DeviceFrame
from firmware_sim.firmware.sessions import BIRTH
from firmware_sim.town.fleet import Fleet
from firmware_sim.world.events import ActiveEvent

TXACK, ACK, ANSWER = "txack", "ack", "answer"
RECEIVED_MS, ANSWER_MS = 1_000, 2_000  # after the uplink
WITH_COMMANDS = ("milesight-", "dragino-")  # LoRaWAN families that have any


class PendingCommand(NamedTuple):
    """A command on its way to a device; `id`: of the downlink, empty for an event."""

    command: DeviceCommand
    id: str = ""
    confirmed: bool = False
    port: int = 0
    data: bytes = b""


class ExecutedCommand(NamedTuple):
    """A command that a device executed at `at` (epoch ms)."""

    row: int
    at: int
    command: DeviceCommand
    id: str


def native(payload: bytes) -> PendingCommand | None:
    """Parse a native downlink; None if it holds no command."""
    command = device_commands.native(payload)
    if command is None:
        return None
    return PendingCommand(command, str(json.loads(payload).get("id", "")))


def lorawan(payload: bytes) -> PendingCommand | None:
    """Parse a ChirpStack downlink; None if it holds no command."""
    try:
        body = json.loads(payload)
        port, data = int(body["fPort"]), base64.b64decode(body["data"])
        id_ = str(body.get("id", ""))
        confirmed = bool(body.get("confirmed", False))
    except (ValueError, KeyError, TypeError):
        return None
    command = device_commands.lorawan(port, data)
    if command is None:
        return None
    return PendingCommand(command, id_, confirmed, port, data)


def command_of_event(event: ActiveEvent) -> PendingCommand | None:
    """Return the command that a scenario event sends to devices; None if none."""
    if event.what == "interval":
        return PendingCommand(DeviceCommand("interval", event.amount))
    if event.what == "threshold":
        limits = {"fill_level": event.amount}
        return PendingCommand(DeviceCommand("thresholds", limits))
    return PendingCommand(DeviceCommand("reboot")) if event.what == "reboot" else None


class CommandQueue:
    """Pending commands by device, and their execution."""

    def __init__(self, fleet: Fleet, devices: Devices, period_ms: list[int]) -> None:
        self._fleet, self._devices = fleet, devices
        self._period_ms = period_ms
        self._pending: dict[int, list[PendingCommand]] = {}
        self.reboots: set[int] = set()  # rows told to restart

    def add(self, row: int, command: PendingCommand) -> None:
        """Queue a command for a device; ignored if its family has no commands."""
        family = self._fleet.families[row]
        if self._fleet.is_native(row) or family.startswith(WITH_COMMANDS):
            self._pending.setdefault(row, []).append(command)

    def execute(
        self, frames: Iterable[DeviceFrame], versions: list[str]
    ) -> tuple[list[ExecutedCommand], list[DeviceFrame]]:
        """Execute the pending commands of devices that sent one of `frames`.

        Return the executed commands and the frames that respond to them.
        """
        executed: list[ExecutedCommand] = []
        responses: list[DeviceFrame] = []
        if not self._pending:
            return executed, responses
        for frame in frames:
            for pending in self._pending.pop(frame.row, ()):
                at, row = frame.at + RECEIVED_MS, frame.row
                if self._apply(row, pending.command):
                    done = ExecutedCommand(row, at, pending.command, pending.id)
                    executed.append(done)
                    responses += self._responses(frame, pending, versions[row])
        return executed, responses

    def _apply(self, row: int, command: DeviceCommand) -> bool:
        """Apply a command to a device; False if the device cannot execute it."""
        kind, value = command
        if kind == "reboot":
            self.reboots.add(row)
            return True
        if kind == "thresholds":
            level = self._devices.level
            return row < self._fleet.bins and level.set_thresholds(row, value)
        if not isinstance(value, int | float) or value <= 0:
            return False
        self._period_ms[row] = self._devices.of(row).set_interval(row, value)
        return True

    def _responses(
        self, frame: DeviceFrame, pending: PendingCommand, version: str
    ) -> list[DeviceFrame]:
        at, row, id_ = frame.at + RECEIVED_MS, frame.row, pending.id.encode()
        plain = DeviceFrame(at, row, 0, version, frame.gateway, joins=frame.joins)
        if self._fleet.is_native(row):
            if pending.command.kind == "reboot":  # the birth after it confirms it
                return []
            return [plain._replace(kind=BIRTH, data=id_)]
        kinds = [TXACK] * bool(pending.id) + [ACK] * pending.confirmed
        responses = [plain._replace(kind=kind, data=id_) for kind in kinds]
        if pending.data and self._fleet.families[row].startswith("milesight-"):
            seq = self._devices.next_seq(row)
            answer = plain._replace(at=frame.at + ANSWER_MS, seq=seq)
            answer = answer._replace(port=pending.port, data=pending.data, kind=ANSWER)
            responses.append(answer)
        return responses
