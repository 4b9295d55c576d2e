"""Frames for payload codecs: decoded in one call per batch, entered in their places."""

from typing import NamedTuple

from sensorhub.codecs.protocol import CodecAnswer, CodecCall, CodecRunner
from sensorhub.decode.codec_values import result_frame
from sensorhub.decode.mapping import map_fields, with_link
from sensorhub.ingest.parsed_batch import DecodedUplink, ParsedBatch, ReadingRow
from sensorhub.model import Envelope, Frame, Reason
from sensorhub.registry.profiles import Profile


class PendingFrame(NamedTuple):
    """An uplink whose frame is to be decoded by its profile's codec."""

    uplink: int
    envelope: Envelope
    profile: Profile

    def codec_call(self) -> CodecCall:
        """The call of the codec."""
        envelope, profile = self.envelope, self.profile
        return CodecCall(
            profile.codec or "",
            envelope.payload or b"",
            envelope.port,
            envelope.network_time,
            profile.variables,
        )

    def decoded(self, answer: CodecAnswer) -> Frame:
        """The decoded frame of the codec's answer, with the link's quality."""
        return with_link(result_frame(answer.text), self.envelope)


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
    parsed: ParsedBatch, pending: list[PendingFrame], codecs: CodecRunner
) -> None:
    """Decode all pending frames and enter their readings."""
    answers = codecs.decode([item.codec_call() for item in pending])
    found: dict[int, list[ReadingRow]] = {}
    finished: dict[int, tuple[str, list[str]]] = {}
    for item, answer in zip(pending, answers, strict=True):
        uplink, device = item.uplink, item.envelope.device
        if answer.reason:
            parsed.mark_dead(uplink, answer.reason, device, answer.text)
            if parsed.trace is not None:
                frame = Frame(errors=[answer.text])
                parsed.trace.uplinks.append(
                    DecodedUplink(uplink, item.envelope, item.profile, frame, 0, [])
                )
            continue
        frame = item.decoded(answer)
        readings, remarks, sound = map_frame(item.profile, frame)
        if parsed.trace is not None:
            count = 0 if frame.errors else len(readings)
            parsed.trace.uplinks.append(
                DecodedUplink(
                    uplink, item.envelope, item.profile, frame, count, remarks
                )
            )
        if frame.errors:
            parsed.mark_dead(
                uplink, Reason.CODEC_ERROR, device, "; ".join(frame.errors)
            )
            continue
        parsed.sound[uplink] = sound
        found[uplink], finished[uplink] = readings, (device, remarks)
    parsed.insert_readings(found)
    for uplink, (device, remarks) in finished.items():
        parsed.finish_uplink(uplink, device, remarks)
    parsed.dead.sort()
