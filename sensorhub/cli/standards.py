"""standards: limits with their source, and which sensor can judge which."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sensorhub.cli.common import (
    CONFIG,
    DATA,
    REFUSED,
    Config,
    Data,
    Json,
    refuse,
    say_json,
)
from sensorhub.cli.tables import table
from sensorhub.hub.workspace import Workspace, load_all
from sensorhub.model import BY_NAME
from sensorhub.standards import Limit, Standards, load_standards
from sensorhub.standards.gas import USUAL_CELSIUS, to_ppm
from sensorhub.standards.sensors import UNKNOWN, Sensor, verdict
from sensorhub.standards.views import averaging_words, limit_view

app = typer.Typer(no_args_is_help=True, help="Limits, their source, who can judge.")
COLUMNS = ("limit", "value", "unit", "mean over", "for", "trust", "citation")


@app.command("list")
def list_(config: Config = CONFIG, data: Data = DATA, json_: Json = False) -> None:
    """Every limit, built in and of the settings folder."""
    known = _known(config, data)
    if json_:
        say_json([limit_view(limit) for limit in known.limits.values()])
        return
    rows: list[list[Any]] = [
        [
            limit.name,
            limit.value,
            limit.unit,
            averaging_words(limit),
            " ".join(limit.kinds),
            limit.trust,
            limit.citation,
        ]
        for limit in known.limits.values()
    ]
    table("limits", list(COLUMNS), rows)


@app.command("show")
def show(
    limit: Annotated[str, typer.Argument(metavar="LIMIT", help="as `list` names it")],
    config: Config = CONFIG,
    data: Data = DATA,
    json_: Json = False,
) -> None:
    """One limit: clause, unit, window, where it holds, whether rules may use it."""
    view = limit_view(_limit(_known(config, data), limit))
    if json_:
        say_json(view)
    else:
        rows = [
            [key, " ".join(value) if isinstance(value, list) else value]
            for key, value in view.items()
        ]
        table(limit, ["", "value"], rows)


@app.command("judge")
def judge(
    limit: Annotated[str, typer.Argument(metavar="LIMIT", help="as `list` names it")],
    profile: Annotated[
        str | None, typer.Option(help="a device profile, whose sensor is asked")
    ] = None,
    resolution: Annotated[
        float | None, typer.Option(help="a sensor's least step, in ppm or as measured")
    ] = None,
    zero_error: Annotated[
        float | None, typer.Option(help="what it may show for 0, in the same unit")
    ] = None,
    celsius: Annotated[
        float, typer.Option(help="air temperature, for limits in mg/m³")
    ] = USUAL_CELSIUS,
    config: Config = CONFIG,
    data: Data = DATA,
    json_: Json = False,
) -> None:
    """Can this sensor judge that limit? Ends with 1 where it cannot."""
    settings, profiles = load_all(Workspace(config, data))
    known = load_standards(config)
    found = _limit(known, limit)
    if found.value is None or found.quantity not in BY_NAME:
        refuse(f"{found.name}: " + _nothing_to_judge(found))
    if profile is not None and profile not in profiles:
        refuse(f"no such profile: {profile!r}; `sensorhub profiles` lists them")
    if profile is None and resolution is None and zero_error is None:
        refuse("name a --profile, or a sensor's --resolution and --zero-error")
    own = Sensor(resolution=resolution, zero_error=zero_error, source="as you say")
    sensor = known.sensors.get(profile or "", {}).get(found.quantity, UNKNOWN)
    if resolution is not None or zero_error is not None:
        sensor = own
    unit = BY_NAME[found.quantity].unit
    value = found.value
    if found.judged_in == "mg/m3":
        value = to_ppm(found.quantity, value, celsius, settings.air.pressure_kpa)
    can, why = verdict(sensor, value, unit)
    view = {
        "limit": found.name,
        "clause": found.words,
        "in_measurement_unit": round(value, 5),
        "unit": unit,
        "sensor": profile or "as given",
        "source": sensor.source,
        "can_judge": can,
        "why": why,
    }
    if json_:
        say_json(view)
    else:
        word = {True: "can judge", False: "cannot judge", None: "unknown"}[can]
        print(f"{word}: {found.words}\n{why}\nsource: {sensor.source}")
    if can is False:
        raise typer.Exit(REFUSED)


def _nothing_to_judge(limit: Limit) -> str:
    if limit.value is None:
        return "no value is on record: put yours into config/standards/"
    return f"no sensor measures {limit.quantity}"


def _known(config: Path, data: Path) -> Standards:
    load_all(Workspace(config, data))
    return load_standards(config)


def _limit(known: Standards, name: str) -> Limit:
    limit = known.limits.get(name)
    if limit is None:
        refuse(f"no such limit: {name!r}; `sensorhub standards list` shows them")
    return limit
