"""The page of settings: a table and an example for each section of sensorhub.toml."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from markdown_tables import NOTE, number_text, table

from sensorhub.config.settings import ENV_PREFIX, Settings

INTRODUCTION = f"""\
The hub reads `sensorhub.toml` from the folder given by `--config` (default `config`)
at start and never writes it. You may leave out every key. An environment variable wins
over the file: its name is `{ENV_PREFIX}`, then the key in capitals with `__` in place
of each dot, so that `mqtt.host` is `{ENV_PREFIX}MQTT__HOST`; lists and tables are given
there as JSON. Keep secrets in files: set the key, or the variable, that ends with
`_file`. `sensorhub check-config` checks everything, connects to nothing and reports all
faults at once.
"""

EXAMPLES = {
    "": 'timezone = "Europe/Prague"',
    "mqtt": """\
[mqtt]
host = "broker.example"
port = 8883
version = "5"
client_id = "sensorhub-town"
session_expiry_s = 604800
username = "hub"
password_file = "/run/secrets/mqtt"     # or: password = "..."
tls = true
ca_file = "/etc/ssl/town-ca.pem"
cert_file = "/etc/ssl/hub.pem"
key_file = "/etc/ssl/hub.key"
keepalive_s = 60
queue_messages = 20000
queue_bytes = 67108864
max_payload_bytes = 65536
topics = [
  { filter = "sensorhub/v1/+/+/up", kind = "native" },
  { filter = "application/+/device/+/event/+", kind = "chirpstack" },
]""",
    "mqtt.topics": """\
[[mqtt.topics]]
filter = "vendor/+/data"
kind = "json"

[mqtt.topics.read]
level = 2                   # or: device = "dev.id"
records = "data.samples"
values = "fields"           # or: name = "key" and value = "val"
payload = "raw"
encoding = "base64"
port = "fport"
seq = "counter"
time = "at"
time_format = "ms"
only = { type = "uplink" }""",
    "clock": """\
[clock]
start = 2026-03-01T06:00:00Z
speed = 60.0""",
    "dead_letters": """\
[dead_letters]
per_device = 500
total = 50000""",
    "notify": """\
[notify]
private_networks = ["10.20.0.0/16"]
timeout_s = 15.0
workers = 4""",
    "codecs": """\
[codecs]
time_ms = 150
memory_mb = 64
batch_s = 5.0""",
    "history": """\
[history]
segment_uplinks = 200000
segment_s = 120.0
chunk_after_h = 24.0
checkpoint_uplinks = 200000""",
    "retention": """\
[retention]
readings_d = 730
hours_d = 1825
days_d = 7300
alerts_d = 1825
services_d = 1825
commands_d = 365
outbox_d = 30
dead_letters_d = 365
damaged_d = 365""",
    "disk": """\
[disk]
reserve_mb = 500""",
    "deposits": """\
[deposits.bin]
litres = 0.9
shape = 1.5
big_share = 0.02
big_litres = 12.0
big_shape = 9.0
residue = 2.0
residue_sd = 1.2""",
    "rounds": """\
[[rounds]]
zone = "old-town"
kind = "bin"
tags = ["market"]
weekdays = ["mon", "wed", "fri"]
times = ["06:30", "14:00"]""",
    "holidays": """\
[holidays]
days = ["2026-10-01/2026-10-07", "2027-01-01"]
workdays = ["2026-10-10"]""",
    "air": """\
[air]
pressure_kpa = 84.5""",
    "influx": """\
[influx]
url = "https://influx.example:8086"
token_file = "/run/secrets/influx"      # or: token = "..."
org = "town"
bucket = "sensorhub"
flavour = "v2"
gzip = true
timeout_s = 10.0
every_s = 1.0
retry_s = 60.0
journal_mb = 1024""",
    "ledger": """\
[ledger]
file = "/var/lib/sensorhub/outcomes.jsonl"
""",
    "log": """\
[log]
level = "warning"
format = "json" """,
}


class Section(NamedTuple):
    """A table of sensorhub.toml: its path, what it is for, its keys by schema."""

    path: str
    about: str
    keys: dict[str, dict[str, Any]]


def sections() -> Iterator[Section]:
    """All sections in the order of `Settings`; tables in lists have their own."""
    schema = Settings.model_json_schema()
    defs = schema.get("$defs", {})
    plain = {n: s for n, s in schema["properties"].items() if not _table_of(s, defs)}
    yield Section("", "", {n: s for n, s in plain.items() if n == "timezone"})
    for name, item in schema["properties"].items():
        inner = _table_of(item, defs)
        if inner is not None:
            yield from _section(name, inner, defs)


def _section(
    path: str, inner: dict[str, Any], defs: dict[str, Any]
) -> Iterator[Section]:
    about = " ".join(inner.get("description", "").split())
    yield Section(path, about, inner["properties"])
    for name, item in inner["properties"].items():
        nested = _table_of(item, defs)
        if nested is not None:
            keys = {k: s for k, s in nested["properties"].items() if k != "read"}
            read = nested["properties"].get("read")
            layout = _table_of(read, defs) if read is not None else None
            if layout is not None:
                keys |= {f"read.{k}": s for k, s in layout["properties"].items()}
            about = " ".join(nested.get("description", "").split())
            yield Section(f"{path}.{name}", about, keys)


def _table_of(item: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any] | None:
    """The schema of the table that a setting is, or is a list or table of."""
    for one in (item, *item.get("anyOf", ())):
        for place in (one, one.get("items", {}), one.get("additionalProperties", {})):
            named = defs.get(str(place.get("$ref", "")).rpartition("/")[2], {})
            if "properties" in named:
                found: dict[str, Any] = named
                return found
    return None


def _kind(item: dict[str, Any], defs: dict[str, Any]) -> str:
    """The type and its bounds in words."""
    if "anyOf" in item:
        kinds = [_kind(one, defs) for one in item["anyOf"]]
        return " or ".join(kind for kind in kinds if kind != "null")
    if "enum" in item:
        return " or ".join(f"`{value}`" for value in item["enum"])
    if "$ref" in item:
        named = defs[item["$ref"].rpartition("/")[2]]
        return "table" if "properties" in named else _kind(named, defs)
    if "propertyNames" in item:
        names = _kind(item["propertyNames"], defs)
        return f"table by {names}" if len(names) < 60 else "table by name"
    if item["type"] == "array":
        return f"list of {_kind(item['items'], defs)}"
    word = {"string": "text", "boolean": "true or false", "object": "table"}.get(
        item["type"], item["type"]
    )
    word = {"path": "file", "date-time": "time", "password": "secret"}.get(
        item.get("format", ""), word
    )
    bounds = {
        "minimum": "at least",
        "exclusiveMinimum": "more than",
        "maximum": "at most",
    }
    limits = [
        f"{text} {number_text(item[key])}"
        for key, text in bounds.items()
        if key in item
    ]
    return ", ".join((word, *limits))


def _default(item: dict[str, Any]) -> str:
    value = item.get("default")
    if value is None:
        return ""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return ", ".join(f"`{one['kind']}`" for one in value)
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def settings_page() -> str:
    """Every key of sensorhub.toml, with an example of each section."""
    defs = Settings.model_json_schema().get("$defs", {})
    parts = [f"{NOTE}\n# Settings\n\n{INTRODUCTION}"]
    for section in sections():
        rows = [
            (f"`{key}`", _kind(item, defs), _default(item), item.get("description", ""))
            for key, item in section.keys.items()
        ]
        title = f"`{section.path}`" if section.path else "At the top"
        about = f"{section.about}\n\n" if section.about else ""
        example = EXAMPLES[section.path].strip()
        parts.append(
            f"\n## {title}\n\n{about}```toml\n{example}\n```\n\n"
            + table(("key", "type", "default", "meaning"), rows)
        )
    return "".join(parts)
