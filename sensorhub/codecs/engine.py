"""A codec in a JavaScript context with limits. Runs in the codec process only."""

from importlib import resources
from typing import Any, NamedTuple

import quickjs

STACK_BYTES = 512 * 1024
# what a codec may offer, in the order of preference: LoRa Alliance TS013, then
# The Things Network v2, then ChirpStack v3
ENTRIES = ("decodeUplink", "Decoder", "Decode", "encodeDownlink")
BUFFER, DRIVER = (
    resources.files(__package__).joinpath(name).read_text("utf-8")
    for name in ("buffer.js", "driver.js")
)


class CallResult(NamedTuple):
    """`ended`: ok, threw, time or memory; `text`: the result as JSON, or the error."""

    ended: str
    text: str


class CodecEngine:
    """A codec ready to be called; its context is made anew after a limit was met."""

    def __init__(self, text: str, time_s: float, memory_bytes: int) -> None:
        offered = ", ".join(
            f"{name}: typeof {name} === 'function' ? {name} : undefined"
            for name in ENTRIES
        )
        # first line on the wrapper's own, so that errors name the codec's lines
        self._text = f"(function () {{{text}\n;return {{ {offered} }};\n}})"
        self._limits = time_s, memory_bytes
        self._run: Any = None

    def call(self, text: str) -> CallResult:
        """Call the codec with one JSON text."""
        try:
            if self._run is None:
                self._run = self._begin()
            return CallResult("ok", str(self._run(text)))
        except quickjs.JSException as error:
            message = str(error).strip()
        if "InternalError: interrupted" in message:
            ended = "time"
        elif "out of memory" in message or message in ("", "null"):
            ended = "memory"
        else:
            return CallResult("threw", message)
        self._run = None
        return CallResult(ended, message)

    def _begin(self) -> Any:
        time_s, memory_bytes = self._limits
        context = quickjs.Context()
        context.set_memory_limit(memory_bytes)
        context.set_max_stack_size(STACK_BYTES)
        context.set_time_limit(time_s)
        context.eval(BUFFER)
        return context.eval(DRIVER)(context.eval(self._text))
