"""The results of one simulation step."""

from dataclasses import dataclass, field

from firmware_sim.firmware.command_queue import ExecutedCommand
from firmware_sim.link.channel import DeliveredFrame, GatewayChange, LostFrame
from firmware_sim.link.noise import ForeignMessage
from firmware_sim.sensors.fault_change import FaultChange
from firmware_sim.world.model import WorldStep
from firmware_sim.world.step_time import StepTime


@dataclass(slots=True)
class SimulationStep:
    """Everything that happened in the step that ends at `now`."""

    now: StepTime
    world: WorldStep
    fault_changes: list[FaultChange] = field(default_factory=list)
    gateway_changes: list[GatewayChange] = field(default_factory=list)
    restarted: list[int] = field(default_factory=list)  # rows
    executed: list[ExecutedCommand] = field(default_factory=list)
    transmitted: list[DeliveredFrame | LostFrame] = field(default_factory=list)
    foreign_messages: list[ForeignMessage] = field(default_factory=list)
