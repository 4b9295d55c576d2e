"""Frames that wait for their codecs: asked in one call, put in their places."""

from typing import NamedTuple

from sensorhub.codecs.protocol import CodecAnswer, CodecCall, CodecRunner
from sensorhub.decode.codec_values import result_frame
from sensorhub.decode.mapping import map_fields, with_link
from sensorhub.ingest.parsed_batch import ParsedBatch, ReadingRow
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


def mapped(
    parsed: ParsedBatch, uplink: int, profile: Profile, frame: Frame
) -> tuple[list[ReadingRow], list[str]]:
    """A frame's readings, and what there is to say about the rest of it."""
    found = map_fields(profile, frame.fields, frame.texts)
    # words that nobody gave a meaning are no fault: states, versions, answers
    parsed.sound[uplink] = frame.answers or not (frame.fields or frame.errors)
    return found.readings, [*frame.errors, *frame.ignored, *found.ignored]


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
            continue
        frame = item.frame(answer)
        if frame.errors:
            parsed.kill(uplink, Reason.CODEC_ERROR, device, "; ".join(frame.errors))
            continue
        found[uplink], words = mapped(parsed, uplink, item.profile, frame)
        said[uplink] = device, words
    parsed.insert(found)
    for uplink, (device, words) in said.items():
        parsed.close(uplink, device, words)
    parsed.dead.sort()
