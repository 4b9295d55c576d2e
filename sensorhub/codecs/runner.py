"""Runs the profiles' codecs: one call a batch; frames that meet a limit are set aside.

A frame that makes its codec loop, grow or die becomes a dead letter at once, and the
same bytes are not tried again. Three such frames of one codec in an hour switch it
off until its file changes, an operator switches it on, or the hub restarts.
"""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import structlog
from xxhash import xxh3_64_hexdigest

from sensorhub.codecs.codec import Codec, CodecFault, read_codec, stamp_of
from sensorhub.codecs.packets import CodecRequest
from sensorhub.codecs.process import CodecProcess, CodecProcessEnded, CpuTimeExceeded
from sensorhub.codecs.protocol import CodecAnswer, CodecCall, EncodeCall
from sensorhub.config.settings import CodecSettings
from sensorhub.model import Reason

log = structlog.get_logger()
MAX_OFFENCES = 3
HOUR_S = 3600.0
CHECK_FILES_S = 1.0  # how often files are checked for changes
WALL = 10  # of a frame's CPU time, in real time: what cannot be interrupted is killed
SHARE = 2_000  # frames in the hub's largest batch; past data come in larger ones
ENDED = {
    "threw": (Reason.CODEC_ERROR, ""),
    "time": (Reason.CODEC_LIMIT, "took more CPU time than codecs.time_ms"),
    "memory": (Reason.CODEC_LIMIT, "took more memory than codecs.memory_mb"),
}


class Codecs:
    """Runs codecs for one thread; `now` (ms) is the receive time where none is known.

    `changed` is called when a codec is switched off or on.
    """

    def __init__(
        self,
        folder: Path,
        names: Sequence[str],
        limits: CodecSettings,
        now: Callable[[], int],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._limits = limits
        self._now = now
        self._changed = changed
        self._process: CodecProcess | None = None
        self._next_check = time.monotonic() + CHECK_FILES_S
        self._codecs = {
            name: Codec(folder / name, *read_codec(folder / name)) for name in names
        }

    def off(self) -> dict[str, str]:
        """The codecs that are switched off, and why."""
        return {name: codec.off for name, codec in self._codecs.items() if codec.off}

    @property
    def names(self) -> list[str]:
        """All codecs that profiles name."""
        return list(self._codecs)

    def switch_on(self, name: str) -> bool:
        """Switch a codec on again; False where it was not off."""
        codec = self._codecs.get(name)
        if codec is None or not codec.off:
            return False
        codec.reset()
        self._changed()
        return True

    def entries(self, name: str) -> list[str]:
        """The functions that a codec offers. Raises CodecFault where it has none."""
        return self._entries(name, self._codecs[name].text)

    def decode(self, calls: list[CodecCall]) -> list[CodecAnswer]:
        """Decode all frames of a batch; answers in their order. Never raises."""
        self._check_files()
        answers: list[CodecAnswer | None] = [None] * len(calls)
        groups: dict[str, list[int]] = {}
        for place, call in enumerate(calls):
            groups.setdefault(call.codec, []).append(place)
        for name, places in groups.items():
            codec = self._codecs[name]
            fresh = []
            for place in places:
                answers[place] = codec.known(calls[place])
                if answers[place] is None:
                    fresh.append(place)
            self._group(name, [(place, calls[place]) for place in fresh], answers)
        return [answer or _OFF for answer in answers]

    def encode(self, call: EncodeCall) -> Any:
        """What `encodeDownlink` makes of the data. Raises CodecFault."""
        name, data, variables = call
        text = json.dumps({"how": "encode", "data": data, "variables": variables})
        return json.loads(self._once(name, self._codecs[name].text, text))

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    # -- one codec --

    def _group(
        self,
        name: str,
        waiting: list[tuple[int, CodecCall]],
        answers: list[CodecAnswer | None],
    ) -> None:
        """Decode frames of one codec; after the process died, the rest of them.

        The frame at work when it died is tried once more, alone: it may have been
        the machine that stood still, or somebody's kill.
        """
        codec = self._codecs[name]
        end = time.monotonic() + self._limits.batch_s * max(1.0, len(waiting) / SHARE)
        suspect = -1
        while waiting and not codec.off:
            part = waiting[:1] if waiting[0][0] == suspect else waiting
            texts = [self._text(call) for _, call in part]
            done = 0
            try:
                left = end - time.monotonic()
                for ended, output in self._ask(name, codec.text, texts, left):
                    place, call = waiting[done]
                    done += 1
                    answers[place] = self._judge(name, call, ended, output)
                    if codec.off:
                        break
            except CodecProcessEnded as error:
                self.close()
                if time.monotonic() >= end:
                    self._too_slow(name, waiting[done:], answers)
                    return
                place, call = waiting[done]
                if place == suspect or isinstance(error, CpuTimeExceeded):
                    answers[place] = self._offend(name, call, str(error))
                    done += 1
                suspect = place
            waiting = waiting[done:]
        if codec.off:
            self.close()  # it may be at work on frames nobody waits for
            _refuse(codec, waiting, answers)

    def _ask(self, name: str, text: str, texts: list[str], total_s: float) -> Any:
        memory = self._limits.memory_mb * 2**20
        if self._process is None:
            self._process = CodecProcess(memory)
        time_s = self._limits.time_ms / 1000
        key = f"{name} {xxh3_64_hexdigest(text.encode())}"
        known = key in self._process.known
        request = CodecRequest(key, None if known else text, time_s, memory, texts)
        return self._process.ask(request, WALL * time_s, total_s)

    def _text(self, call: CodecCall) -> str:
        return json.dumps(
            {
                "how": "decode",
                "bytes": list(call.payload),
                "fPort": call.port,
                "recvTime": self._now() if call.at is None else call.at,
                "variables": call.variables,
            }
        )

    def _judge(
        self, name: str, call: CodecCall, ended: str, output: str
    ) -> CodecAnswer:
        if ended == "ok":
            return CodecAnswer(output)
        reason, what = ENDED[ended]
        if reason is Reason.CODEC_LIMIT:
            return self._offend(name, call, what)
        return CodecAnswer(f"codecs/{name}: {_brief(output)}", reason)

    def _offend(self, name: str, call: CodecCall, what: str) -> CodecAnswer:
        """Remember a frame that its codec must not be given again."""
        codec = self._codecs[name]
        answer = CodecAnswer(f"codecs/{name}: {what}", Reason.CODEC_LIMIT)
        codec.remember(call, answer)
        log.warning("a codec met its limits", codec=name, what=what)
        self._count(codec, name, what)
        return answer

    def _too_slow(
        self,
        name: str,
        waiting: list[tuple[int, CodecCall]],
        answers: list[CodecAnswer | None],
    ) -> None:
        """Refuse the frames left over; they can be replayed."""
        what = f"took more than codecs.batch_s for a batch; {len(waiting)} left over"
        for place, _ in waiting:
            answers[place] = CodecAnswer(f"codecs/{name}: {what}", Reason.CODEC_LIMIT)
        log.warning("a codec met its limits", codec=name, what=what)
        self._count(self._codecs[name], name, what)

    def _count(self, codec: Codec, name: str, what: str) -> None:
        at = time.monotonic()
        while codec.offences and at - codec.offences[0] > HOUR_S:
            codec.offences.popleft()
        codec.offences.append(at)
        if len(codec.offences) >= MAX_OFFENCES:
            codec.off = (
                f"codecs/{name} is switched off: {MAX_OFFENCES} times in an hour"
            )
            codec.off += f" it met its limits, last: {what}"
            log.error("a codec is switched off", codec=name, what=what)
            self._changed()

    # -- its file --

    def _check_files(self) -> None:
        if time.monotonic() < self._next_check:
            return
        self._next_check = time.monotonic() + CHECK_FILES_S
        for name, codec in self._codecs.items():
            try:
                stamp = stamp_of(codec.path)
                if stamp == codec.stamp:
                    continue
                codec.stamp = stamp
                text, _ = read_codec(codec.path)
                self._entries(name, text)
            except (OSError, ValueError) as error:
                codec.stamp = (0, 0) if isinstance(error, OSError) else codec.stamp
                log.error("a changed codec is not taken", codec=name, error=str(error))
                continue
            codec.text = text
            codec.reset()
            log.info("a changed codec is taken", codec=name)
            self._changed()

    def _entries(self, name: str, text: str) -> list[str]:
        found = json.loads(self._once(name, text, json.dumps({"how": "check"})))
        if not {"decodeUplink", "Decoder", "Decode"} & set(found):
            raise CodecFault("no function decodeUplink, Decoder or Decode")
        return list(found)

    def _once(self, name: str, text: str, call: str) -> str:
        """Make one call, outside any batch."""
        try:
            for ended, output in self._ask(name, text, [call], self._limits.batch_s):
                if ended != "ok":
                    raise CodecFault(ENDED[ended][1] or _brief(output))
                return str(output)
        except CodecProcessEnded as error:
            self.close()
            raise CodecFault(str(error)) from error
        raise CodecFault("no answer")


_OFF = CodecAnswer("not run", Reason.CODEC_OFF)


def _refuse(
    codec: Codec,
    waiting: list[tuple[int, CodecCall]],
    answers: list[CodecAnswer | None],
) -> None:
    """Refuse the frames of a codec that was switched off meanwhile."""
    for place, _ in waiting:
        answers[place] = CodecAnswer(codec.off, Reason.CODEC_OFF)


def _brief(error: str) -> str:
    """A JavaScript error with its line in the codec, on one line."""
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    place = next((line for line in lines[1:] if "<input>" in line), "")
    return " ".join([*lines[:1], place.replace("<input>", "line")])[:300]
