"""Settings: file and environment to one checked object, or every fault."""

import json
import os
from collections.abc import Mapping
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from sensorhub.config.filling import DepositSettings, HolidaySettings, RoundSettings
from sensorhub.config.influx import InfluxSettings
from sensorhub.config.keeping import DiskSettings, RetentionSettings
from sensorhub.config.layout import TopicSettings
from sensorhub.config.schema import Id, Strict, TimeZone, explain, read_toml
from sensorhub.errors import ConfigError, Fault
from sensorhub.model import AssetKind

ENV_PREFIX = "SENSORHUB_"
ENV_FOLDERS = {"SENSORHUB_CONFIG", "SENSORHUB_DATA"}  # options of the command line


def _cidr(text: str) -> str:
    try:
        ip_network(text)
    except ValueError as error:
        raise ValueError(f"no address range: {error}; e.g. 10.0.0.0/8") from error
    return text


Cidr = Annotated[str, AfterValidator(_cidr)]


NATIVE_TOPICS = (
    TopicSettings(filter="sensorhub/v1/+/+/up", kind="native"),
    TopicSettings(filter="application/+/device/+/event/+", kind="chirpstack"),
    TopicSettings(filter="v3/+/devices/+/#", kind="tts"),
)


class MqttSettings(Strict):
    """The MQTT broker and the connection to it."""

    host: str = Field("127.0.0.1", description="broker's name or address")
    port: int = Field(1883, ge=1, le=65535, description="broker's port")
    version: Annotated[Literal["3.1.1", "5"], BeforeValidator(str)] = Field(
        "3.1.1", description="MQTT version"
    )
    client_id: Id = Field("sensorhub", description="fixed; names the session")
    session_expiry_s: int = Field(
        7 * 86_400,
        ge=60,
        description="how long the broker keeps for us while we are away (MQTT 5)",
    )
    username: str | None = Field(None, description="user at the broker")
    password: SecretStr | None = Field(
        None, description="password at the broker; better by password_file"
    )
    password_file: Path | None = Field(None, description="file with the password")
    tls: bool = Field(False, description="speak TLS")
    ca_file: Path | None = Field(None, description="own CA certificate (PEM)")
    cert_file: Path | None = Field(None, description="client certificate (PEM)")
    key_file: Path | None = Field(None, description="key of the client certificate")
    keepalive_s: int = Field(60, ge=5, le=3600, description="MQTT keepalive")
    topics: tuple[TopicSettings, ...] = Field(
        NATIVE_TOPICS, min_length=1, description="what to subscribe to"
    )
    queue_messages: int = Field(
        20_000, ge=100, description="most messages waiting and unacknowledged"
    )
    queue_bytes: int = Field(
        64 * 2**20, ge=2**20, description="most bytes waiting and unacknowledged"
    )
    max_payload_bytes: int = Field(
        65_536, ge=256, description="a larger uplink becomes a dead letter"
    )

    @model_validator(mode="after")
    def _consistent(self) -> "MqttSettings":
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file belong together: set both or none")
        if not self.tls and (self.ca_file or self.cert_file):
            raise ValueError("ca_file and cert_file need tls = true")
        if self.password and self.password_file:
            raise ValueError("set password or password_file, not both")
        return self


class ClockSettings(Strict):
    """Simulated time for demo and tests. Default: real time."""

    start: AwareDatetime | None = Field(None, description="hub time at start")
    speed: float = Field(1.0, gt=0, le=100_000, description="hub seconds a second")


class DeadLetterSettings(Strict):
    """How many dead letters are kept: the oldest go first, counters stay exact."""

    per_device: int = Field(1_000, ge=1, description="most kept of one device")
    total: int = Field(100_000, ge=1, description="most kept in all")


class CodecSettings(Strict):
    """Limits of JavaScript payload codecs; see decoders.md."""

    time_ms: int = Field(
        100, ge=5, le=5_000, description="CPU time for one uplink, in ms"
    )
    memory_mb: int = Field(32, ge=4, le=1_024, description="memory of one codec")
    batch_s: float = Field(
        5.0, ge=0.5, le=60, description="all uplinks of one codec in a batch"
    )


class NotifySettings(Strict):
    """Delivery of notifications."""

    private_networks: tuple[Cidr, ...] = Field(
        (), description="private address ranges that webhooks may reach, as CIDR"
    )
    timeout_s: float = Field(15.0, gt=0, le=120, description="of one delivery")
    workers: int = Field(4, ge=1, le=64, description="deliveries at one time")


class HistorySettings(Strict):
    """How the journal is turned into history."""

    segment_uplinks: int = Field(
        200_000, ge=1_000, description="a segment is made of at most so many uplinks"
    )
    segment_s: float = Field(
        300.0, ge=1, description="and at the latest after so many seconds"
    )
    chunk_after_h: float = Field(
        24.0, gt=0, description="segments older than this become chunks"
    )
    checkpoint_uplinks: int = Field(
        200_000, ge=100, description="a checkpoint round every so many uplinks"
    )


class AirSettings(Strict):
    """The town's air pressure, to compare limits in mg/m³ with readings in ppm."""

    pressure_kpa: float = Field(
        101.325, ge=50, le=110, description="usual pressure there; less high up"
    )


class LedgerSettings(Strict):
    """The outcome log: one line for each uplink message; see trying-rules.md."""

    file: Path | None = Field(
        None, description="file that gets a line an uplink message; it only grows"
    )


class LogSettings(Strict):
    """The log on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least level that is written"
    )
    format: Literal["auto", "json", "text"] = Field(
        "auto", description="auto: text on a terminal, else JSON"
    )


class Settings(Strict):
    """Everything in sensorhub.toml."""

    timezone: TimeZone = Field("Asia/Shanghai", description="the town's time zone")
    mqtt: MqttSettings = Field(default_factory=MqttSettings)
    clock: ClockSettings = Field(default_factory=ClockSettings)
    dead_letters: DeadLetterSettings = Field(default_factory=DeadLetterSettings)
    notify: NotifySettings = Field(default_factory=NotifySettings)
    codecs: CodecSettings = Field(default_factory=CodecSettings)
    history: HistorySettings = Field(default_factory=HistorySettings)
    retention: RetentionSettings = Field(default_factory=RetentionSettings)
    disk: DiskSettings = Field(default_factory=DiskSettings)
    deposits: dict[AssetKind, DepositSettings] = Field(
        default_factory=dict, description="by kind of asset; usual ones where it lacks"
    )
    rounds: tuple[RoundSettings, ...] = Field(
        (), description="when crews come by; a forecast looks a day ahead without"
    )
    holidays: HolidaySettings = Field(default_factory=HolidaySettings)
    air: AirSettings = Field(default_factory=AirSettings)
    influx: InfluxSettings = Field(default_factory=InfluxSettings)
    ledger: LedgerSettings = Field(default_factory=LedgerSettings)
    log: LogSettings = Field(default_factory=LogSettings)


def _overlay(
    tables: dict[str, Any], environ: Mapping[str, str], faults: list[Fault]
) -> dict[tuple[str, ...], str]:
    """Set tables[a][b] from SENSORHUB_A__B=value; returns which keys were set."""
    origin: dict[tuple[str, ...], str] = {}
    for name, text in sorted(environ.items()):
        if not name.startswith(ENV_PREFIX) or name in ENV_FOLDERS:
            continue
        path = tuple(name[len(ENV_PREFIX) :].lower().split("__"))
        at = tables
        for part in path[:-1]:
            at = at.setdefault(part, {})
            if not isinstance(at, dict):
                faults.append(Fault("environment", name, "goes below a plain value"))
                break
        else:
            value: Any = text
            if text[:1] in "[{" and text:
                try:
                    value = json.loads(text)
                except json.JSONDecodeError as error:
                    faults.append(Fault("environment", name, f"not JSON: {error}"))
                    continue
            at[path[-1]] = value
            origin[path] = name
    return origin


def load_settings(folder: Path, environ: Mapping[str, str] = os.environ) -> Settings:
    """Load `folder`/sensorhub.toml, overridden by the environment.

    Raises ConfigError with every fault found. Connects to nothing.
    """
    faults: list[Fault] = []
    path = folder / "sensorhub.toml"
    tables = read_toml(path, faults)
    origin = _overlay(tables, environ, faults)
    settings = None
    try:
        settings = Settings.model_validate(tables)
    except ValidationError as error:
        for fault in explain(error, str(path)):
            keys = tuple(fault.where.split("."))
            if keys in origin:
                fault = Fault("environment", origin[keys], fault.what)
            faults.append(fault)
    if settings is not None:
        faults.extend(_missing_files(settings, str(path), origin))
    if faults or settings is None:
        raise ConfigError(faults)
    return settings


def _missing_files(
    settings: Settings, file: str, origin: Mapping[tuple[str, ...], str]
) -> list[Fault]:
    named: list[tuple[str, Strict, str]] = [
        ("mqtt", settings.mqtt, key)
        for key in ("ca_file", "cert_file", "key_file", "password_file")
    ]
    named.append(("influx", settings.influx, "token_file"))
    return [
        Fault("environment", name, f"no such file: {value}")
        if (name := origin.get((table, key)))
        else Fault(file, f"{table}.{key}", f"no such file: {value}")
        for table, section, key in named
        if (value := getattr(section, key)) is not None and not value.is_file()
    ]


def mqtt_password(settings: MqttSettings) -> str | None:
    """The broker password, from the setting or its file."""
    if settings.password_file is not None:
        return settings.password_file.read_text("utf-8").rstrip("\r\n")
    return settings.password.get_secret_value() if settings.password else None


def start_ms(settings: ClockSettings) -> int | None:
    """`clock.start` in epoch milliseconds."""
    start: datetime | None = settings.start
    return None if start is None else int(start.timestamp() * 1000)
