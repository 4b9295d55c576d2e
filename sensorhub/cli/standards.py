"""standards: limits with their source, and which sensor can judge which."""

from typing import Annotated, Any

import typer

from sensorhub.cli.context import Context, command, refuse
from sensorhub.cli.output import REFUSED, print_json
from sensorhub.cli.tables import table
from sensorhub.model import BY_NAME
from sensorhub.standards import StandardLimit, Standards
from sensorhub.standards.gas import USUAL_CELSIUS, to_ppm
from sensorhub.standards.sensors import UNKNOWN, Sensor, verdict
from sensorhub.standards.views import averaging_words, limit_view

app = typer.Typer(
    no_args_is_help=True,
    help="Limits of standards, their sources, and which sensors can judge them.",
)
COLUMNS = ("limit", "value", "unit", "mean over", "for", "trust", "citation")


@command(app, "list")
def list_(
    context: Context,
) -> None:
    """List limits, built in and of the settings folder."""
    known = context.standards
    if context.json:
        print_json([limit_view(limit) for limit in known.limits.values()])
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


@command(app, "show")
def show(
    context: Context,
    limit: Annotated[
        str,
        typer.Argument(metavar="LIMIT", help="Limit, as `standards list` names it."),
    ],
) -> None:
    """Show one limit: clause, unit, averaging window, where it applies."""
    view = limit_view(_limit(context.standards, limit))
    if context.json:
        print_json(view)
    else:
        rows = [
            [key, " ".join(value) if isinstance(value, list) else value]
            for key, value in view.items()
        ]
        table(limit, ["", "value"], rows)


@command(app, "judge")
def judge(
    context: Context,
    limit: Annotated[
        str,
        typer.Argument(metavar="LIMIT", help="Limit, as `standards list` names it."),
    ],
    profile: Annotated[
        str | None, typer.Option(help="Device profile whose sensor is checked.")
    ] = None,
    resolution: Annotated[
        float | None,
        typer.Option(help="Resolution of a sensor, in ppm or as measured."),
    ] = None,
    zero_error: Annotated[
        float | None, typer.Option(help="Zero error of a sensor, in the same unit.")
    ] = None,
    celsius: Annotated[
        float, typer.Option(help="Air temperature in °C, for limits in mg/m³.")
    ] = USUAL_CELSIUS,
) -> None:
    """Check whether a sensor can judge a limit. Exits with 1 if it cannot."""
    known = context.standards
    found = _limit(known, limit)
    if found.value is None or found.quantity not in BY_NAME:
        refuse(f"{found.name}: " + _nothing_to_judge(found))
    if profile is not None and profile not in context.profiles:
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
        value = to_ppm(
            found.quantity, value, celsius, context.settings.air.pressure_kpa
        )
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
    if context.json:
        print_json(view)
    else:
        word = {True: "can judge", False: "cannot judge", None: "unknown"}[can]
        print(f"{word}: {found.words}\n{why}\nsource: {sensor.source}")
    if can is False:
        raise typer.Exit(REFUSED)


def _nothing_to_judge(limit: StandardLimit) -> str:
    if limit.value is None:
        return "no value is on record: put yours into config/standards/"
    return f"no sensor measures {limit.quantity}"


def _limit(known: Standards, name: str) -> StandardLimit:
    limit = known.limits.get(name)
    if limit is None:
        refuse(f"no such limit: {name!r}; `sensorhub standards list` shows them")
    return limit
