"""`firmware-sim devices`: list sensor families and their flawed versions."""

import json
from typing import Annotated, Any

import typer

from firmware_sim.families.auxiliary import AUXILIARY
from firmware_sim.families.catalogue import BINS, NATIVE, NATIVE_SENDS, TOILETS
from firmware_sim.families.versions import VERSIONS


def devices(
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON.")] = False,
) -> None:
    """List the sensor families of scenarios, and flawed firmware versions."""
    rows: list[tuple[Any, ...]]
    rows = [(kind, NATIVE, 0, sends) for kind, sends in NATIVE_SENDS.items()]
    for kind, models in (("bin", BINS), ("toilet", TOILETS), ("beside", AUXILIARY)):
        rows += [(kind, name, m.port, m.sends) for name, m in models.items()]
    if as_json:
        keys = ("kind", "family", "port", "sends")
        found = [dict(zip(keys, row, strict=True)) for row in rows]
        for each in found:
            each["versions"] = _versions(each["kind"], each["family"])
        typer.echo(json.dumps(found))
        return
    for kind, name, port, sends in rows:
        how = f"port {port}" if port else "JSON"
        typer.echo(f"{kind:<8}{name:<33}{how:<9}{sends}")
    typer.echo("\nversions with a flaw, for [firmware.versions]:")
    for version in VERSIONS.values():
        typer.echo(f"{version.kind or 'all':<8}{version.name:<18}{version.what}")


def _versions(kind: str, family: str) -> list[dict[str, object]]:
    return [
        {"name": v.name, "bug": v.bug, "what": v.what, "known": v.known}
        for v in VERSIONS.values()
        if v.family == family and v.kind in ("", kind)
    ]
