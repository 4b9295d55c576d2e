"""Settings of the forwarder to InfluxDB; off while no url is set."""

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from sensorhub.config.schema import Strict


class InfluxSettings(Strict):
    """The InfluxDB to which readings are copied."""

    url: str | None = Field(
        None, description="where InfluxDB listens, e.g. http://127.0.0.1:8086"
    )
    token: SecretStr | None = Field(
        None, description="API token (v1: user:password); better by token_file"
    )
    token_file: Path | None = Field(None, description="file with the token")
    org: str = Field("", description="organisation; v2 needs it")
    bucket: str = Field(
        "sensorhub", min_length=1, description="bucket (v1: database, v3: database)"
    )
    flavour: Literal["v1", "v2", "v3"] = Field(
        "v2", description="generation of InfluxDB; v1 is 1.8 or later"
    )
    gzip: bool = Field(False, description="compress what is sent: for slow lines")
    timeout_s: float = Field(10.0, gt=0, le=300, description="of one request")
    every_s: float = Field(
        1.0, gt=0, le=3600, description="how often new readings are sent"
    )
    retry_s: float = Field(
        60.0, gt=0, le=3600, description="longest pause between attempts"
    )
    journal_mb: int = Field(
        1024,
        ge=1,
        description="the journal may wait for InfluxDB up to this size; beyond it"
        " readings are sent from the history",
    )

    @model_validator(mode="after")
    def _consistent(self) -> "InfluxSettings":
        if self.url is None:
            return self
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url: http://host:port or https://host:port")
        if parts.query or parts.fragment or parts.username:
            raise ValueError("url: no user, query or fragment; the token stands apart")
        if (self.token is None) == (self.token_file is None):
            raise ValueError("set token or token_file, one of them")
        if self.flavour == "v2" and not self.org:
            raise ValueError("set org: InfluxDB 2 needs it")
        return self

    @property
    def on(self) -> bool:
        """Whether readings are forwarded."""
        return self.url is not None

    def secret(self) -> str:
        """The token, from the setting or its file."""
        if self.token_file is not None:
            return self.token_file.read_text("utf-8").strip()
        return self.token.get_secret_value() if self.token else ""
