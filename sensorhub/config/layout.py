"""Topic settings: what to subscribe to, and where the parts of a message are.

A path is keys joined by dots, with numbers for positions in an array: `data.0.value`.
A key may contain dots: the longest key that matches counts.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from sensorhub.config.schema import Strict


def _path(text: str) -> str:
    if not text or not all(text.split(".")) or len(text) > 200:
        raise ValueError(f"no path: {text!r}; keys joined by dots, like data.0.value")
    return text


KeyPath = Annotated[str, AfterValidator(_path)]
NEEDS = {"name": "value", "value": "name", "encoding": "payload"}


class Layout(Strict):
    """The table `read` of a topic setting."""

    level: int | None = Field(
        None, ge=1, le=64, description="topic level that is the device, from 1"
    )
    device: KeyPath | None = Field(None, description="path of the device's id")
    records: KeyPath | None = Field(None, description="path of an array of records")
    values: KeyPath | None = Field(None, description="path of the object of values")
    name: KeyPath | None = Field(
        None, description="path of a value's name, where each record is one value"
    )
    value: KeyPath | None = Field(None, description="path of that value")
    payload: KeyPath | None = Field(None, description="path of the frame's bytes")
    encoding: Literal["hex", "base64"] = Field("hex", description="how they stand")
    port: KeyPath | None = Field(None, description="path of the LoRaWAN port")
    seq: KeyPath | None = Field(None, description="path of the uplink counter")
    time: KeyPath | None = Field(None, description="path of the time")
    time_format: Literal["rfc3339", "s", "ms"] = Field(
        "rfc3339", description="of the time: text, or epoch seconds or milliseconds"
    )
    only: dict[KeyPath, str | bool | int | float] = Field(
        default_factory=dict,
        description="paths and what stands there in uplinks; the rest are events",
    )

    @model_validator(mode="after")
    def _belong_together(self) -> "Layout":
        given = self.model_fields_set
        for key, other in (*NEEDS.items(), ("time_format", "time")):
            if key in given and getattr(self, other) is None:
                raise ValueError(f"{key} needs {other}")
        if self.level is not None and self.device is not None:
            raise ValueError("level and device: the device's id stands in one place")
        if self.value is not None and self.values is not None:
            raise ValueError("values is for records of many values, value for one")
        return self

    @property
    def own(self) -> frozenset[str]:
        """Paths that describe a record and are not values of it."""
        about = (self.device, self.payload, self.port, self.seq, self.time)
        return frozenset(path for path in (*about, *self.only) if path is not None)


def _filter(text: str) -> str:
    levels = text.split("/")
    wild = [level for level in levels if "#" in level or "+" in level]
    if not text or "\0" in text or len(text.encode()) > 65_535:
        raise ValueError("a topic filter is text of 1 to 65535 bytes, without NUL")
    if any(level not in ("#", "+") for level in wild) or "#" in levels[:-1]:
        raise ValueError(
            f"no topic filter: {text!r}; + stands for one whole level, # for all"
            " that follow and only at the end"
        )
    return text


Filter = Annotated[str, AfterValidator(_filter)]
_READ_OF = {"senml": {"level"}, "milesight": {"level"}}


class TopicSettings(Strict):
    """One subscription: a topic filter and the layout of its messages."""

    filter: Filter = Field(description="MQTT topic filter")
    kind: Literal["native", "chirpstack", "tts", "milesight", "senml", "json"] = Field(
        description="envelope of the messages under it"
    )
    read: Layout | None = Field(
        None, description="where things stand in the messages; docs/wire.md"
    )

    @model_validator(mode="after")
    def _deep_enough(self) -> "TopicSettings":
        levels = self.filter.split("/")
        if self.kind == "native" and len(levels) < 3:
            raise ValueError("a native filter ends with zone/device/up: 3 levels")
        given = self.read.model_fields_set if self.read else frozenset[str]()
        if self.kind != "json" and (more := given - _READ_OF.get(self.kind, set())):
            raise ValueError(f"read.{min(more)} is for kind json, not {self.kind}")
        layout = self.layout
        if self.kind == "json" and layout.device is None and layout.level is None:
            raise ValueError(
                "what is the device? say read.device, a path in the message, or"
                " read.level, a level of the topic"
            )
        if (layout.level or 0) > len(levels) and levels[-1] != "#":
            raise ValueError(f"read.level: the filter has only {len(levels)} levels")
        return self

    @property
    def layout(self) -> Layout:
        """`read`; if JSON names no device, the level of the first + is the device."""
        read = self.read or Layout()
        if self.kind != "json" or read.device is not None or read.level is not None:
            return read
        levels = self.filter.split("/")
        if "+" not in levels:
            return read
        return read.model_copy(update={"level": levels.index("+") + 1})
