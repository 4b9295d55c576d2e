"""SenML in JSON: RFC 8428, and the units of RFC 8798. Pure.

A record's name is the base name followed by its own name. The first part is the device,
the rest is the name of the value:

    urn:dev:ow:10e2073a01080063:voltage   10e2073a01080063, voltage
    urn:dev:ops:32473-Bin-7_temp          32473-Bin-7, temp        (RFC 9039)
    2001:db8::2/temperature               2001-db8--2, temperature
    bin-7/3303/5700                       bin-7, 3303/5700         (LwM2M)

A value without a name gets the name of its unit. Characters that are not allowed in an
id become hyphens.
"""

import re
from ipaddress import ip_address
from typing import Any, Final, NamedTuple

from sensorhub.config.layout import Layout
from sensorhub.decode.network_server import (
    brief,
    device_id,
    number,
    parse_json,
    topic_device,
)
from sensorhub.decode.units import MEASURED, QUANTITY, RATIO, SHARES, UNITS, convert
from sensorhub.model import BY_NAME, Envelope, EnvelopeError, Field, Text

VERSION: Final = 10  # RFC 8428 section 4.4
RELATIVE_BELOW: Final = 2**28  # seconds; section 4.5.3
MAX_RECORDS: Final = 1_000
FAR_S: Final = 2**40
_is_name: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9:./_-]*").fullmatch
_urn: Final = re.compile(
    r"urn:dev:(?:mac|ow|org|os|ops):([A-Za-z0-9-]+)(?:[:_/.;](.*))?", re.IGNORECASE
).fullmatch
_split_path: Final = re.compile(r"(.+?)/((?:\d+/)*\d+|[^/]*)").fullmatch
_UNFIT: Final = re.compile(r"[^A-Za-z0-9_-]")
_KINDS: Final = ("v", "vs", "vb", "vd")


class SenmlRecord(NamedTuple):
    """A resolved record, with all inherited values filled in.

    `t` is seconds since 1970, or None for now; `v` a number, text or flag.
    """

    n: str
    u: str
    t: float | None
    v: float | str | bool | None
    s: float | None


def senml(topic: str, payload: bytes, now: int, layout: Layout) -> list[Envelope]:
    """Return one uplink for each device of a pack; times are relative to `now` (ms)."""
    pack = parse_json(payload)
    records = resolve(pack, now / 1000)
    if absolute := not _all_relative(pack):
        records = [r if r.t is not None else r._replace(t=now / 1000) for r in records]
    devices: dict[str, list[tuple[str, SenmlRecord]]] = {}
    for record in records:
        if layout.level is None:
            device, name = identity(record.n)
        else:
            device = topic_device(topic, layout.level)
            name = _value_name(record.n, device)
        devices.setdefault(device, []).append((name, record))
    if not devices:
        raise EnvelopeError("no values in the pack")
    return [
        _envelope(device, records, absolute, payload)
        for device, records in devices.items()
    ]


def _all_relative(pack: list[dict[str, Any]]) -> bool:
    """Whether all times are relative: then only the time identifies duplicates."""
    base = 0.0
    for record in pack:
        base = number(record.get("bt", base)) or 0.0
        if base + (number(record.get("t", 0)) or 0.0) >= RELATIVE_BELOW:
            return False
    return True


# -- resolution, RFC 8428 section 4.6 --


def resolve(pack: Any, now: float) -> list[SenmlRecord]:
    """Return the resolved records in order of time; `now` in seconds since 1970."""
    if not isinstance(pack, list) or not 1 <= len(pack) <= MAX_RECORDS:
        raise EnvelopeError(f"a pack is an array of 1 to {MAX_RECORDS} records")
    base: dict[str, Any] = {}
    found: list[SenmlRecord] = []
    for place, record in enumerate(pack, 1):
        if not isinstance(record, dict):
            raise EnvelopeError(f"record {place}: an object is expected")
        try:
            _check_types(record)
            base.update({key: record[key] for key in _BASES if key in record})
            if (one := _resolved(record, base, now)) is not None:
                found.append(one)
        except EnvelopeError as error:
            raise EnvelopeError(f"record {place}: {error}") from error
    return sorted(found, key=lambda r: now if r.t is None else r.t)


_BASES: Final = ("bn", "bt", "bu", "bv", "bs")
_NUMBERS: Final = ("bt", "bv", "bs", "t", "v", "s", "ut")
_TEXTS: Final = ("bn", "bu", "n", "u", "vs", "vd")


def _check_types(record: dict[str, Any]) -> None:
    unknown = [key for key in record if key.endswith("_")]
    if unknown:
        raise EnvelopeError(f"{unknown[0]:.40}: must be understood, and is not")
    for key in _NUMBERS:
        if key in record and number(record[key]) is None:
            raise EnvelopeError(f"{key}: a number is expected")
    for key in _TEXTS:
        if key in record and not isinstance(record[key], str):
            raise EnvelopeError(f"{key}: text is expected")
    version = record.get("bver", VERSION)
    if type(version) is not int or not 0 < version <= VERSION:
        raise EnvelopeError(f"bver: version {brief(version)} is not understood")
    if not isinstance(record.get("vb", False), bool):
        raise EnvelopeError("vb: true or false is expected")
    if sum(key in record for key in _KINDS) > 1:
        raise EnvelopeError("one value is expected, not several")


def _resolved(
    record: dict[str, Any], base: dict[str, Any], now: float
) -> SenmlRecord | None:
    """Resolve a record; None where it only has base values."""
    if not any(key in record for key in ("n", "u", "t", "s", *_KINDS)):
        return None
    name = base.get("bn", "") + record.get("n", "")
    if not _is_name(name):
        raise EnvelopeError(f"no name: {name!r:.80}")
    seconds = float(base.get("bt", 0.0)) + float(record.get("t", 0.0))
    if abs(seconds) > FAR_S:
        raise EnvelopeError(f"no time: {seconds:g}")
    at: float | None = seconds
    if seconds < RELATIVE_BELOW:
        at = now + seconds if seconds else None
    value: Any = next((record[key] for key in ("vs", "vb") if key in record), None)
    if "v" in record or ("bv" in base and not any(k in record for k in (*_KINDS, "s"))):
        value = float(base.get("bv", 0.0)) + float(record.get("v", 0.0))
    total = None
    if "s" in record or "bs" in base:
        total = float(base.get("bs", 0.0)) + float(record.get("s", 0.0))
    if total is None and value is None and "vd" not in record:
        raise EnvelopeError("neither a value nor a sum")
    return SenmlRecord(name, record.get("u", base.get("bu", "")), at, value, total)


# -- identity --


def identity(name: str) -> tuple[str, str]:
    """Split a resolved name into device id and value name ("" where it has none)."""
    thing, rest = _split(name)
    id_ = device_id(thing) or _UNFIT.sub("-", thing).strip("-_")[:64]
    if not id_:
        raise EnvelopeError(f"no device in the name {name!r:.80}")
    return id_, rest


def _split(name: str) -> tuple[str, str]:
    if (urn := _urn(name)) is not None:
        return urn[1], urn[2] or ""
    if (parts := _split_path(name)) is not None:
        return parts[1], parts[2]
    thing, colon, rest = name.rpartition(":")
    if not colon or _is_address(name):
        return name, ""
    return (thing, rest) if thing.strip(":") else (rest, "")


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _value_name(name: str, device: str) -> str:
    """Return the value's name, without the device that the topic names."""
    _, found, rest = name.lower().partition(device.lower())
    return name[len(name) - len(rest) :].lstrip(":/_.-") if found else name


# -- values --


def _envelope(
    device: str, records: list[tuple[str, SenmlRecord]], absolute: bool, payload: bytes
) -> Envelope:
    times = [record.t for _, record in records if record.t is not None]
    newest = max(times) if times and absolute else None
    envelope = Envelope(device, content=payload)
    envelope.measured_at = None if newest is None else round(newest * 1000)
    for name, record in records:
        own = record.t is None or record.t == newest
        at = None if own or record.t is None else round(record.t * 1000)
        _add_value(envelope, name or MEASURED.get(record.u, record.u), record, at)
    return envelope


def _add_value(
    envelope: Envelope, name: str, record: SenmlRecord, at: int | None
) -> None:
    if not name:
        envelope.ignored.append(f"{record.n:.60}: neither a name nor a unit")
        return
    name = name[:64]
    value = record.v
    if isinstance(value, str):
        envelope.texts.append(Text(name, value[:64], at))
    elif value is not None:
        plain = in_unit(name, record.u, value)
        if plain is None:
            envelope.ignored.append(f"{name}: not in its unit, but in {record.u:.20}")
        else:
            envelope.fields.append(Field(name, plain, at))
    if record.s is not None:
        envelope.fields.append(Field(f"{name[:60]}.sum", record.s, at))
    if value is None and record.s is None:
        envelope.ignored.append(f"{name}: data")


def in_unit(name: str, unit: str, value: float | bool) -> float | None:
    """Convert a value to the catalogue's unit of that quantity; a ratio to % or ppm.

    None where the unit belongs to another quantity: mg/m3 does not convert to ppm.
    """
    entry = BY_NAME.get(name)
    if unit == RATIO:
        share = SHARES.get(entry.unit, 1.0) if entry is not None else 1.0
        return convert(float(value), (share, 0.0))
    if entry is not None and unit and QUANTITY.get(unit, unit) != entry.unit:
        return None
    return convert(float(value), UNITS.get(unit, (1.0, 0.0)))
