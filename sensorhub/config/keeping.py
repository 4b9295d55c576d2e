"""Settings of retention and of free disk space."""

from pydantic import Field, model_validator

from sensorhub.config.schema import Strict


class RetentionSettings(Strict):
    """How many days each kind of data is kept. Older data are deleted.

    Readings may come 30 days late, and rollups are made of four weeks at a time.
    """

    readings_d: int = Field(1_095, ge=70, description="readings, each by itself")
    hours_d: int = Field(1_825, ge=70, description="rollups by hour")
    days_d: int = Field(7_300, ge=70, description="rollups by day")
    alerts_d: int = Field(
        1_825, ge=30, description="ended alerts, their transitions and silences"
    )
    services_d: int = Field(
        1_825, ge=30, description="services; the newest of an asset stays"
    )
    commands_d: int = Field(365, ge=1, description="operators' acts that were applied")
    outbox_d: int = Field(30, ge=1, description="deliveries that ended")
    dead_letters_d: int = Field(
        365, ge=1, description="dead letters; they have bounds by number, too"
    )
    damaged_d: int = Field(365, ge=1, description="damaged parts that were set aside")

    @model_validator(mode="after")
    def _in_order(self) -> "RetentionSettings":
        if not self.readings_d <= self.hours_d <= self.days_d:
            raise ValueError(
                "rollups outlive what they are made of: readings_d is at most hours_d,"
                " and that at most days_d"
            )
        return self


class DiskSettings(Strict):
    """Space that stays free on the disk of the data folder."""

    reserve_mb: int = Field(
        200,
        ge=0,
        description="with less free space the hub acknowledges nothing more, so that"
        " the broker keeps what comes; an alert says so",
    )
