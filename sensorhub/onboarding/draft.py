"""The text of a profile file from a sample uplink, with guesses and doubts. Pure."""

import json
import re
from collections.abc import Collection, Iterable

from sensorhub.model import BY_NAME, Field, Text
from sensorhub.onboarding.guess import Guess, guess, tokens

_is_bare = re.compile(r"[A-Za-z0-9_-]+").fullmatch
MAX_UNMAPPED = 60


def guesses(
    fields: Iterable[Field], texts: Iterable[Text], unit_known: Collection[float] = ()
) -> list[Guess]:
    """Guess every field of a sample; each measurement is mapped from one field.

    `unit_known`: the values that had a unit.
    """
    seen: dict[str, Guess] = {}
    for one in fields:
        made = guess(one.name, one.value, unit_known=one.value in unit_known)
        seen.setdefault(one.name, made)
    for text in texts:
        seen.setdefault(text.name, guess(text.name, text.text))
    found = list(seen.values())
    best: dict[str, Guess] = {}
    for item in sorted(found, key=_preference):
        first = best.setdefault(item.measurement, item)
        if item.measurement and first is not item:
            item.doubts.append(f"{item.measurement} is taken from {first.name}")
            item.measurement = ""
    return found


def _preference(item: Guess) -> tuple[bool, int, int]:
    """Sort key of the fields of one measurement; a total comes before a count."""
    words = tokens(item.name)
    shorter = len(words) - 9 * ("total" in words)
    return item.name != item.measurement, len(item.doubts), shorter


def profile_text(
    name: str,
    made: list[Guess],
    *,
    vendor: str = "",
    model: str = "",
    decoder: str = "",
    codec: str = "",
) -> str:
    """Return the file's text. It loads as it is; a ? marks what to check."""
    first, _, rest = name.partition("-")
    lines = [
        "# Written by `sensorhub profiles new` from one uplink. It works as it stands;",
        '# lines with "?" name what another uplink could show to be otherwise.',
        "",
        f"[{name}]",
        f"vendor = {_text(vendor or first.capitalize())}" + _doubt_mark(not vendor),
        f"model = {_text(model or rest.upper() or name)}" + _doubt_mark(not model),
    ]
    if decoder:
        lines.append(f"decoder = {_text(decoder)}")
    if codec:
        lines.append(f"codec = {_text(codec)}")
    lines.append("interval_s = 3600  # ? expected seconds between uplinks")
    mapped = [line for item in made if item.measurement for line in _mapped(item)]
    rest_lines = [_unmapped(item) for item in made if not item.measurement]
    if mapped:
        lines += ["", *mapped]
    if rest_lines:
        lines += ["", "# not mapped:", *rest_lines[:MAX_UNMAPPED]]
        if len(rest_lines) > MAX_UNMAPPED:
            lines.append(f"# and {len(rest_lines) - MAX_UNMAPPED} more")
    return "\n".join(lines) + "\n"


def _doubt_mark(unsure: bool) -> str:
    return "  # ?" if unsure else ""


def _mapped(item: Guess) -> list[str]:
    doubts = [f"# ? {_key(item.name)}: {_comment(doubt)}" for doubt in item.doubts]
    entry = BY_NAME[item.measurement]
    shown = item.raw if isinstance(item.raw, str) else f"{item.raw:g}"
    value = "" if item.value is None else f" {item.value:.6g} {entry.unit}".rstrip()
    sample = f"# {_comment(str(shown))} ->{value or ' ?'}"
    if item.plain:
        named = f"# {item.name} is named as in the catalogue  {sample}"
        return [*doubts, named]
    parts = [f"measurement = {_text(item.measurement)}"]
    if item.scale != 1.0:
        parts.append(f"scale = {_number(item.scale)}")
    if item.offset:
        parts.append(f"offset = {_number(item.offset)}")
    if item.words:
        words = ", ".join(f"{_key(w)} = {v:g}" for w, v in item.words.items())
        parts.append(f"words = {{ {words} }}")
    line = f"map.{_key(item.name)} = {{ {', '.join(parts)} }}"
    return [*doubts, f"{line}  {sample}"]


def _unmapped(item: Guess) -> str:
    shown = item.raw if isinstance(item.raw, str) else f"{item.raw:g}"
    doubts = f"  ? {_comment('; '.join(item.doubts))}" if item.doubts else ""
    return f"#   {_key(item.name)} = {_comment(str(shown))}{doubts}"


def _key(name: str) -> str:
    return name if _is_bare(name) else _text(name)


def _text(text: str) -> str:
    """Encode a TOML basic string: JSON's escapes, and DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: str) -> str:
    """Return text for a comment: one line, no control characters."""
    return "".join(c if c.isprintable() else " " for c in text)[:120]


def _number(value: float) -> str:
    return f"{value:.10g}"
