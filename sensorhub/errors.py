"""The error tree: every error that sensorhub raises on purpose.

SensorhubError
├── ConfigError              settings, rules or register are invalid; lists every fault
├── StoreError               the database cannot be used (newer schema, damaged)
│   ├── Locked               another hub uses the data folder
│   └── LostJobError         the hub ended before it wrote a job
├── TakenOver                a younger hub uses our client id
├── CommandRefused           an operator's command cannot be applied
├── DeliveryError            a notification was not delivered; `permanent`: do not retry
├── InfluxUnavailable        InfluxDB does not answer
│   └── InfluxRefused        InfluxDB refuses the request
├── _BadLines                InfluxDB refuses some lines of a batch
├── _TooMuch                 InfluxDB finds a batch too large
└── CodecProcessEnded        the codec process has ended
    └── CpuTimeExceeded      the codec process exceeded its time
ValueError
├── EnvelopeError            a message is not what its topic filter promises
├── UnreadableError          a frame is not what its decoder expects
├── CodecFault               a payload codec cannot be loaded or called
└── BrokenStreamError        the bytes from the broker are not MQTT
"""

from collections.abc import Sequence
from dataclasses import dataclass


class SensorhubError(Exception):
    """Base of the errors that sensorhub raises on purpose."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault in a file: where it is and what would be right."""

    file: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.where}: {self.what}"


class ConfigError(SensorhubError):
    """Files or environment are invalid; carries all faults, not just the first."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = tuple(faults)


class StoreError(SensorhubError):
    """The database cannot be used; the message says what to do."""


class TakenOver(SensorhubError):
    """A younger hub has connected with our client id; this one must end."""


class DeliveryError(SensorhubError):
    """A notification was not delivered."""

    def __init__(
        self,
        message: str,
        *,
        permanent: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.retry_after_s = retry_after_s


class CommandRefused(SensorhubError):
    """An operator's command cannot be applied; says why in words."""
