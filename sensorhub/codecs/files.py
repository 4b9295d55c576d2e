"""The codecs that the profiles of a settings folder name: prepare, check, try."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sensorhub.codecs.codec import CodecFault
from sensorhub.codecs.protocol import CodecCall
from sensorhub.codecs.runner import Codecs
from sensorhub.config.settings import Settings
from sensorhub.decode.codec_values import result_frame
from sensorhub.errors import Fault
from sensorhub.model import Frame
from sensorhub.registry.profiles import Profile


def codecs_of(
    config: Path,
    settings: Settings,
    profiles: Mapping[str, Profile],
    now: Callable[[], int],
    changed: Callable[[], None] = lambda: None,
) -> Codecs:
    """Prepare the codecs of the profiles; a process starts once one is needed."""
    names = sorted({item.codec for item in profiles.values() if item.codec})
    return Codecs(config / "codecs", names, settings.codecs, now, changed)


def codec_faults(
    config: Path, settings: Settings, profiles: Mapping[str, Profile]
) -> list[Fault]:
    """Codecs that cannot be used: syntax, no entry point, a top level that breaks."""
    faults = []
    named: dict[str, str] = {}
    for name, profile in profiles.items():
        if profile.codec:
            named.setdefault(profile.codec, name)
    codecs = codecs_of(config, settings, profiles, lambda: 0)
    try:
        for file, profile_name in named.items():
            try:
                codecs.entries(file)
            except CodecFault as error:
                path, where = str(config / "codecs" / file), f"{profile_name}.codec"
                faults.append(Fault(path, where, str(error)))
    finally:
        codecs.close()
    return faults


def codec_frames(
    config: Path,
    settings: Settings,
    profile: Profile,
    frames: Sequence[tuple[bytes, int]],
    at: int,
) -> list[Frame]:
    """Decode frames (payload, port) by a profile's codec, without a hub."""
    codecs = codecs_of(config, settings, {profile.name: profile}, lambda: at)
    name, variables = profile.codec or "", profile.variables
    try:
        answers = codecs.decode(
            [CodecCall(name, *frame, at, variables) for frame in frames]
        )
    finally:
        codecs.close()
    return [
        Frame(errors=[answer.text]) if answer.reason else result_frame(answer.text)
        for answer in answers
    ]
