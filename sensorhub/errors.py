"""The error tree.

SensorhubError
├── ConfigError          settings, rules or register are wrong; lists every fault
├── StoreError           the database cannot be used (newer schema, locked, damaged)
├── TakenOver            a younger hub uses our client id
└── DeliveryError        a notification was not taken; `permanent` says retry is vain
"""

from collections.abc import Sequence
from dataclasses import dataclass


class SensorhubError(Exception):
    """Base of all errors that sensorhub raises on purpose."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a file: where it stands and what would be right."""

    file: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.where}: {self.what}"


class ConfigError(SensorhubError):
    """Files or environment are wrong; carries all faults, not just the first."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = tuple(faults)


class StoreError(SensorhubError):
    """The database cannot be used; the message says what to do."""


class TakenOver(SensorhubError):
    """A younger hub connected under our client id; this one has to end."""


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


class Refused(Exception):
    """An operator's act cannot be done; says why in words."""
