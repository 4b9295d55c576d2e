"""profiles: device profiles listed and shown, and new ones out of a sample uplink."""

from pathlib import Path
from typing import Annotated

import typer

from sensorhub.cli.context import (
    AsJson,
    ConfigFolder,
    Context,
    DataFolder,
    command,
    refuse,
)
from sensorhub.cli.decode import message_of, usual_port
from sensorhub.cli.output import print_json
from sensorhub.cli.tables import table
from sensorhub.clock import Clock
from sensorhub.codecs.files import codec_frames
from sensorhub.decode.decoders import DECODERS
from sensorhub.decode.mapping import decode_uplink
from sensorhub.model import Envelope, EnvelopeError, Frame
from sensorhub.onboarding.draft import guesses, profile_text
from sensorhub.onboarding.sample import sample_uplink, values_with_unit
from sensorhub.registry.profiles import Profile, is_profile_name

app = typer.Typer(help="Device profiles: decoder and mapping of fields.")


@app.callback(invoke_without_command=True)
def _all(
    group: typer.Context,
    config: ConfigFolder = Path("config"),
    data: DataFolder = Path("data"),
    json: AsJson = False,
) -> None:
    if group.invoked_subcommand is None:
        list_(Context(config, data, json=json))


@command(app, "list")
def list_(
    context: Context,
) -> None:
    """List profiles, built in and of the settings folder."""
    known = context.profiles
    names = ["name", "vendor", "model", "decoder", "codec"]
    rows = [[getattr(profile, name) for name in names] for profile in known.values()]
    if context.json:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        table("profiles", names, rows)


@command(app, "show")
def show(
    context: Context, name: Annotated[str, typer.Argument(help="Profile name.")]
) -> None:
    """Show one profile with its mapping."""
    known = context.profiles
    if name not in known:
        refuse(f"no such profile: {name!r}; `sensorhub profiles` lists them")
    view = known[name].model_dump(exclude_defaults=True)
    if context.json:
        print_json(view)
        return
    maps = view.pop("map", {})
    view["interval_s"] = known[name].interval_s
    table(name, ["", "value"], [[key, value] for key, value in view.items()])
    print()
    rows = [
        [field, to.measurement, to.scale, to.offset, _more(to.words, to.no_value)]
        for field, to in known[name].map.items()
    ]
    title = "map" if maps else "map, but for fields named as in the catalogue"
    table(title, ["field", "measurement", "scale", "offset", "more"], rows)


def _more(words: dict[str, float], no_value: tuple[float, ...]) -> str:
    parts = [f"{word} = {value:g}" for word, value in words.items()]
    parts += [f"{value:g} is no value" for value in no_value]
    return ", ".join(parts)


@command(app, "new")
def new(
    context: Context,
    name: Annotated[str, typer.Argument(help="Profile name: vendor-model.")],
    sample: Annotated[
        list[str],
        typer.Argument(
            metavar="SAMPLE…",
            help="An uplink with decoded values: JSON, a file name, or - for standard"
            " input. With --codec or --decoder a frame in hex.",
        ),
    ],
    codec: Annotated[
        str | None, typer.Option(help="JavaScript codec in the folder codecs.")
    ] = None,
    decoder: Annotated[str | None, typer.Option(help="Built-in decoder.")] = None,
    port: Annotated[int | None, typer.Option(help="LoRaWAN fPort.")] = None,
    vendor: Annotated[str, typer.Option(help="Vendor.")] = "",
    model: Annotated[str, typer.Option(help="Model.")] = "",
    stdout: Annotated[
        bool, typer.Option("--stdout", help="Print the profile, write no file.")
    ] = False,
) -> None:
    """Write a profile from a sample uplink. Guesses in doubt are marked."""
    known = context.profiles
    path = context.config / "profiles" / f"{name}.toml"
    if not is_profile_name(name):
        refuse(f"{name!r}: a name is of a-z 0-9 and hyphens, like acme-bin-eye")
    if not stdout and (name in known or path.exists()):
        refuse(f"there is a profile {name} already; --stdout only prints the new one")
    profile = _profile(name, codec, decoder)
    unit_known: set[float] = set()
    if codec is None and decoder is None:
        frame, unit_known = _decoded(sample)
    else:
        frame = _read(context, profile, " ".join(sample), port)
    if frame.errors:
        refuse("; ".join(frame.errors))
    made = guesses(frame.fields, frame.texts, unit_known)
    text = profile_text(
        name,
        made,
        vendor=vendor,
        model=model,
        decoder=decoder or "",
        codec=codec or "",
    )
    if not stdout:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    doubts = {item.name: item.doubts for item in made if item.doubts}
    file = None if stdout else str(path)
    if context.json:
        print_json({"file": file, "text": text, "doubts": doubts})
    else:
        print(text if stdout else f"{path} written; read the lines with a ?:\n\n{text}")


def _profile(name: str, codec: str | None, decoder: str | None) -> Profile:
    if decoder is not None and decoder not in DECODERS:
        refuse(f"no such decoder: {decoder!r}; one of {', '.join(sorted(DECODERS))}")
    if codec and decoder:
        refuse("--codec or --decoder: one of them reads the bytes")
    return Profile(name=name, vendor="-", model="-", codec=codec, decoder=decoder)


def _decoded(sample: list[str]) -> tuple[Frame, set[float]]:
    """The values of a message that came decoded, and which came with their unit."""
    message = message_of(sample)
    try:
        envelope = sample_uplink(message)
    except EnvelopeError as error:
        refuse(str(error))
    if envelope.payload and not (envelope.fields or envelope.texts):
        refuse(
            f"the message holds a frame ({envelope.payload.hex()}, port"
            f" {envelope.port}) and no decoded values: give the frame with --codec or"
            " --decoder"
        )
    return Frame(envelope.fields, texts=envelope.texts), values_with_unit(message)


def _read(context: Context, profile: Profile, text: str, port: int | None) -> Frame:
    """What a codec or decoder says of a frame in hex."""
    try:
        payload = bytes.fromhex(text)
    except ValueError:
        refuse(f"not hex: {text!r}")
    port = usual_port(profile) if port is None else port
    if profile.codec is None:
        return decode_uplink(Envelope("", port=port, payload=payload), profile)
    if not (file := context.config / "codecs" / profile.codec).is_file():
        refuse(f"no such file: {file}")
    (frame,) = codec_frames(
        context.config, context.settings, profile, [(payload, port)], Clock().now()
    )
    return frame
