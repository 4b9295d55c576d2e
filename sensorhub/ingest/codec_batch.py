"""Frames that wait for their codecs: asked in one call, put in their places."""

from typing import NamedTuple

from sensorhub.codecs.protocol import CodecAnswer, CodecCall, CodecRunner
from sensorhub.decode.codec_values import result_frame
from sensorhub.decode.mapping import map_fields, with_link
from sensorhub.ingest.parsed_batch import DecodedUplink, ParsedBatch, ReadingRow
from sensorhub.model import Envelope, Frame, Reason
from sensorhub.registry.profiles import Profile


class Waiting(NamedTuple):
    """An uplink whose frame waits for its codec."""

    uplink: int
    envelope: Envelope
    profile: Profile

    def call(self) -> CodecCall:
        """What the codec is asked."""
        envelope, profile = self.envelope, self.profile
        return CodecCall(
            profile.codec or "",
            envelope.payload or b"",
            envelope.port,
            envelope.network_time,
            profile.variables,
        )

    def frame(self, answer: CodecAnswer) -> Frame:
        """What the codec's answer stands for."""
        return with_link(result_frame(answer.said), self.envelope)


def map_frame(
    profile: Profile, frame: Frame
) -> tuple[list[ReadingRow], list[str], bool]:
    """A frame's readings, remarks on what gives none, whether it is sound.

    A sound frame is stored even without readings: words without a meaning in the
    profile are no fault (states, versions, answers).
    """
    found = map_fields(profile, frame.fields, frame.texts)
    sound = frame.answers or not (frame.fields or frame.errors)
    return found.readings, [*frame.errors, *frame.ignored, *found.ignored], sound


def run_codecs(
    parsed: ParsedBatch, waiting: list[Waiting], codecs: CodecRunner
) -> None:
    """Have all that wait decoded, and enter what comes of it into the draft."""
    answers = codecs.decode([item.call() for item in waiting])
    found: dict[int, list[ReadingRow]] = {}
    said: dict[int, tuple[str, list[str]]] = {}
    for item, answer in zip(waiting, answers, strict=True):
        uplink, device = item.uplink, item.envelope.device
        if answer.reason:
            parsed.kill(uplink, answer.reason, device, answer.said)
            if parsed.trace is not None:
                frame = Frame(errors=[answer.said])
                parsed.trace.uplinks.append(
                    DecodedUplink(uplink, item.envelope, item.profile, frame, 0, [])
                )
            continue
        frame = item.frame(answer)
        readings, remarks, sound = map_frame(item.profile, frame)
        if parsed.trace is not None:
            count = 0 if frame.errors else len(readings)
            parsed.trace.uplinks.append(
                DecodedUplink(
                    uplink, item.envelope, item.profile, frame, count, remarks
                )
            )
        if frame.errors:
            parsed.kill(uplink, Reason.CODEC_ERROR, device, "; ".join(frame.errors))
            continue
        parsed.sound[uplink] = sound
        found[uplink], said[uplink] = readings, (device, remarks)
    parsed.insert(found)
    for uplink, (device, words) in said.items():
        parsed.close(uplink, device, words)
    parsed.dead.sort()
