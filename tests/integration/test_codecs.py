"""Payload codecs in their process: what they give, and what bad ones cost."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sensorhub.codecs.codec import CodecFault
from sensorhub.codecs.packets import CodecRequest
from sensorhub.codecs.process import CodecProcess, CodecProcessEnded
from sensorhub.codecs.protocol import CodecAnswer, CodecCall, EncodeCall
from sensorhub.codecs.runner import Codecs
from sensorhub.config.settings import CodecSettings
from sensorhub.model import Reason

LIMITS = CodecSettings(time_ms=50, memory_mb=16, batch_s=1.0)
GOOD = "function decodeUplink(input) { return {data: {n: input.bytes[0]}}; }"
# one byte says what to do
WILD = """
var seen = [];
function decodeUplink(input) {
  seen.push(1);
  forgotten = typeof forgotten === "undefined" ? 1 : 2;
  switch (input.bytes[0]) {
    case 200: for (;;);
    case 201: { const held = []; for (;;) held.push(new Uint8Array(1e6)); }
    case 202: throw new Error("port " + input.fPort + " is not for me");
    case 203: { const deep = () => 1 + deep(); return deep(); }
    case 204: return {data: {text: "x".repeat(1e6)}};
    case 205: return {data: {n: /(a+)+$/.test("a".repeat(60) + "b")}};
    case 206: return {data: {n: Array.prototype.indexOf.call({length: 2 ** 53}, 1)}};
    case 207: try { for (;;); } catch (e) { return {data: {n: 1}}; }
    case 208: return {data: {n: 1n}};
    case 209: input.bytes = null; Array.prototype.map = null; return {};
  }
  return {data: {n: input.bytes[0], seen: seen.length, forgotten}};
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.js").write_text(GOOD)
    (tmp_path / "wild.js").write_text(WILD)
    return tmp_path


@pytest.fixture
def codecs(folder: Path) -> Iterator[Codecs]:
    codecs = Codecs(folder, ["good.js", "wild.js"], LIMITS, lambda: 1_000)
    codecs.entries("good.js")  # its process is up: what follows is not its start
    yield codecs
    codecs.close()


def call(byte: int, codec: str = "wild.js", more: int = 0) -> CodecCall:
    return CodecCall(codec, bytes([byte, more]), 2)


def reasons(answers: list[CodecAnswer]) -> list[Reason]:
    return [answer.reason for answer in answers]


def one(folder: Path, text: str, **more: object) -> CodecAnswer:
    (folder / "one.js").write_text(text, "utf-8")
    codecs = Codecs(folder, ["one.js"], LIMITS, lambda: 1_000)
    try:
        known = {"payload": b"\x01\x02", "port": 7, "at": 86_400_000} | more
        return codecs.decode([CodecCall("one.js", **known)])[0]  # type: ignore[arg-type]
    finally:
        codecs.close()


DATA = '{"data":{"n":[1,2],"port":7}}'


@pytest.mark.parametrize(
    "text",
    [
        "function decodeUplink(i) { return {data: {n: i.bytes, port: i.fPort}}; }",
        "const decodeUplink = (i) => ({data: {n: i.bytes, port: i.fPort}});",
        "function Decoder(bytes, port) { return {n: bytes, port: port}; }",
        "function Decode(fPort, bytes, variables) { return {n: bytes, port: fPort}; }",
        "exports.decodeUplink = (i) => ({data: {n: i.bytes, port: i.fPort}});",
        "module.exports = {Decoder: (b, p) => ({n: b, port: p})};",
        "\ufefffunction Decoder(b, p) { return {n: b, port: p}; }\n// its last line",
        "'use strict'; function Decoder(b, p) { return {n: b, port: p}; }\n"
        "if (typeof module !== 'undefined') module.exports = {Decoder};",
        "let module = 3; class D { #p = 7; get p() { return this.#p ?? 0; } }\n"
        "function Decoder(b) { return {n: [...b], port: new D()?.p}; }",
        "n = 0; function Decoder(b, p) { console.log(n++); return {n: b, port: p}; }",
    ],
)  # fmt: skip
def test_typical_codecs_work_unchanged(tmp_path: Path, text: str) -> None:
    assert one(tmp_path, text) == CodecAnswer(DATA)


def test_a_codec_gets_time_and_variables(tmp_path: Path) -> None:
    text = "function decodeUplink(i) { return {data: [i.recvTime, i.variables]}; }"
    answer = one(tmp_path, text, variables={"depth": "90"})
    assert answer.text == '{"data":["1970-01-02T00:00:00.000Z",{"depth":"90"}]}'


def test_a_codec_finds_neither_files_nor_network_nor_modules(tmp_path: Path) -> None:
    names = "std os require process fetch XMLHttpRequest WebSocket Worker Deno Bun"
    text = f"""function Decoder() {{
      const open = "{names}".split(" ").filter((n) => typeof globalThis[n] !== "undefined");
      return {{open, own: typeof require}};
    }}"""  # noqa: E501
    assert one(tmp_path, text).text == '{"data":{"open":[],"own":"undefined"}}'
    answer = one(tmp_path, "const fs = require('fs'); function Decoder() {}")
    assert answer.reason is Reason.CODEC_ERROR
    assert "'require' is not defined" in answer.text or "require" in answer.text


@pytest.mark.parametrize(
    "text",
    [
        "async function decodeUplink(input) { return {data: {n: 1}}; }",
        "async function Decoder(bytes, port) { return {n: 1}; }",
    ],
)
def test_a_promise_is_no_answer(tmp_path: Path, text: str) -> None:
    answer = one(tmp_path, text)
    assert answer.reason is Reason.CODEC_ERROR
    assert "a promise" in answer.text


def test_console_and_symbols_keep_nothing_for_the_next_frame(tmp_path: Path) -> None:
    text = """
    const mine = Symbol.for("mine");
    function decodeUplink(input) {
      const before = [globalThis[mine], console.last];
      globalThis[mine] = console.last = input.bytes[0];
      return {data: {before}};
    }"""
    (tmp_path / "one.js").write_text(text)
    codecs = Codecs(tmp_path, ["one.js"], LIMITS, lambda: 1_000)
    answers = codecs.decode([call(1, "one.js"), call(2, "one.js")])
    codecs.close()
    assert answers == [CodecAnswer('{"data":{"before":[null,null]}}')] * 2


def test_nothing_of_one_frame_is_left_for_the_next(codecs: Codecs) -> None:
    answers = codecs.decode([call(1), call(209), call(2), call(2)])
    assert answers[2] == answers[3]
    assert answers[2].text == '{"data":{"n":2,"seen":1,"forgotten":1}}'


@pytest.mark.parametrize(
    ("byte", "reason", "words"),
    [
        (200, Reason.CODEC_LIMIT, "codecs.time_ms"),
        (201, Reason.CODEC_LIMIT, "codecs.memory_mb"),
        (202, Reason.CODEC_ERROR, "port 2 is not for me at decodeUplink (line:9:"),
        (203, Reason.CODEC_ERROR, "Maximum call stack size exceeded"),
        (204, Reason.CODEC_ERROR, "65536 at most"),
        (205, Reason.CODEC_LIMIT, "codecs.time_ms"),
        (206, Reason.CODEC_LIMIT, "codecs.time_ms"),
        (207, Reason.CODEC_LIMIT, "codecs.time_ms"),
        (208, Reason.CODEC_ERROR, "BigInt"),
    ],
)
def test_a_wild_frame_costs_one_dead_letter_and_little_time(
    codecs: Codecs, byte: int, reason: Reason, words: str
) -> None:
    began = time.monotonic()
    batch = [call(1), call(byte), call(2), call(3, "good.js")]
    answers = codecs.decode(batch)
    assert time.monotonic() - began < 2  # 0.05 s of CPU time; at most 0.15 s
    none = Reason.NONE
    assert reasons(answers) == [none, reason, none, none]
    assert answers[1].text.startswith("codecs/wild.js: ")
    assert words in answers[1].text
    assert answers[3].text == '{"data":{"n":3}}'


def test_the_same_offending_frame_is_not_tried_again(codecs: Codecs) -> None:
    first = codecs.decode([call(200)])
    for _ in range(5):  # the third try would switch it off
        assert codecs.decode([call(200)]) == first
    assert not codecs.off()


def test_three_offences_in_an_hour_switch_a_codec_off_and_no_other(
    folder: Path,
) -> None:
    told: list[int] = []
    codecs = Codecs(
        folder, ["good.js", "wild.js"], LIMITS, lambda: 0, lambda: told.append(1)
    )
    began = time.monotonic()
    batch = [call(200, more=n) for n in range(50)] + [call(1), call(1, "good.js")]
    answers = codecs.decode(batch)
    assert time.monotonic() - began < 3  # whatever waits behind them
    off = Reason.CODEC_OFF
    assert reasons(answers) == [Reason.CODEC_LIMIT] * 3 + [off] * 48 + [Reason.NONE]
    assert list(codecs.off()) == ["wild.js"]
    assert "3 times in an hour" in answers[3].text
    assert len(told) == 1
    assert codecs.switch_on("wild.js")
    assert not codecs.switch_on("wild.js")
    assert reasons(codecs.decode([call(1)])) == [Reason.NONE]
    codecs.close()


def test_a_changed_file_is_taken_and_switches_on_a_broken_one_is_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sensorhub.codecs.runner.CHECK_FILES_S", 0.0)
    codecs = Codecs(folder, ["wild.js"], LIMITS, lambda: 0)
    codecs.decode([call(200, more=n) for n in range(3)])
    assert codecs.off()
    (folder / "wild.js").write_text("function decodeUplink( {", "utf-8")
    assert reasons(codecs.decode([call(1)])) == [Reason.CODEC_OFF]
    (folder / "wild.js").unlink()
    assert reasons(codecs.decode([call(1)])) == [Reason.CODEC_OFF]
    (folder / "wild.js").write_text(GOOD, "utf-8")
    assert codecs.decode([call(200)]) == [CodecAnswer('{"data":{"n":200}}')]
    assert not codecs.off()
    codecs.close()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_child_killed_or_stopped_from_outside_costs_no_frame(
    codecs: Codecs, how: signal.Signals
) -> None:
    assert codecs._process is not None
    os.kill(codecs._process.pid, how)
    answers = codecs.decode([call(n, "good.js") for n in range(5)])
    assert [answer.text for answer in answers] == [
        f'{{"data":{{"n":{n}}}}}' for n in range(5)
    ]


class DeadlyProcess(CodecProcess):
    """A child that every frame beginning with 7 kills, as a fault of the engine's."""

    def ask(
        self, request: CodecRequest, wall_s: float, total_s: float
    ) -> Iterator[tuple[str, str]]:
        for text in request.calls:
            if '"bytes": [7,' in text:
                os.kill(self.pid, signal.SIGKILL)
                raise CodecProcessEnded("the codec's process died (signal 9)")
            one = request.__class__(request.codec, request.text, 1, 2**24, [text])
            yield from super().ask(one, wall_s, total_s)


def test_a_frame_that_kills_its_process_twice_is_the_offender(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sensorhub.codecs.runner.CodecProcess", DeadlyProcess)
    limits = CodecSettings(batch_s=10)
    codecs = Codecs(folder, ["good.js"], limits, lambda: 0)
    answers = codecs.decode([call(n, "good.js") for n in (1, 7, 2, 3)])
    none = Reason.NONE
    assert reasons(answers) == [none, Reason.CODEC_LIMIT, none, none]
    assert answers[1].text == "codecs/good.js: the codec's process died (signal 9)"
    codecs.close()


def test_a_codec_too_slow_for_its_load_gives_way_after_its_share(
    folder: Path,
) -> None:
    text = """function decodeUplink(input) {
      const end = Date.now() + 30; while (Date.now() < end);
      return {data: {n: input.bytes[0]}};
    }"""
    (folder / "slow.js").write_text(text)
    codecs = Codecs(folder, ["good.js", "slow.js"], LIMITS, lambda: 0)
    codecs.entries("slow.js")
    began = time.monotonic()
    batch = [call(n % 250, "slow.js") for n in range(500)] + [call(1, "good.js")]
    answers = codecs.decode(batch)
    assert time.monotonic() - began < 3  # 500 would take 15 s; the share is 1 s
    assert answers[0].reason is Reason.NONE
    assert answers[-1].reason is Reason.NONE
    assert answers[-2].reason is Reason.CODEC_LIMIT
    assert "codecs.batch_s" in answers[-2].text
    codecs.close()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("function decodeUplink( {", "SyntaxError"),
        ("function decode(x) { return x; }", "no function decodeUplink"),
        ("for (;;);", "codecs.time_ms"),
        ("throw new Error('at the top')", "at the top"),
    ],
)
def test_a_codec_that_cannot_be_used_is_a_fault_in_words(
    tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "one.js").write_text(text)
    codecs = Codecs(tmp_path, ["one.js"], LIMITS, lambda: 0)
    with pytest.raises(CodecFault, match=words):
        codecs.entries("one.js")
    codecs.close()


def test_encode_downlink_answers_what_the_codec_says(tmp_path: Path) -> None:
    text = (
        GOOD + "function encodeDownlink(i) { return {bytes: [i.data.s], fPort: 85}; }"
    )
    (tmp_path / "one.js").write_text(text)
    codecs = Codecs(tmp_path, ["one.js"], LIMITS, lambda: 0)
    assert codecs.encode(EncodeCall("one.js", {"s": 3})) == {"bytes": [3], "fPort": 85}
    codecs.close()


def test_the_hubs_process_never_loads_the_engine() -> None:
    program = "import sys, sensorhub.hub.app; print('quickjs' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    assert done.stdout.strip() == "False"


def test_a_file_that_is_not_utf_8_is_read_as_latin_1(tmp_path: Path) -> None:
    text = "function Decoder(b) { return {unit: '°C'}; } // températures"
    (tmp_path / "one.js").write_bytes(text.encode("latin-1"))
    codecs = Codecs(tmp_path, ["one.js"], LIMITS, lambda: 0)
    answer = codecs.decode([call(1, "one.js")])[0]
    assert answer == CodecAnswer('{"data":{"unit":"°C"}}')
    codecs.close()


def test_the_child_dies_with_its_parent(tmp_path: Path) -> None:
    (tmp_path / "one.js").write_text(GOOD)
    program = f"""
from pathlib import Path
from sensorhub.codecs.runner import Codecs
from sensorhub.config.settings import CodecSettings
codecs = Codecs(Path({str(tmp_path)!r}), ["one.js"], CodecSettings(), lambda: 0)
codecs.entries("one.js")
print(codecs._process.pid, flush=True)
import os, signal
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=False
    )
    assert done.stdout, done.stderr.decode()
    child = int(done.stdout)
    end = time.monotonic() + 10
    while _lives(child):
        assert time.monotonic() < end, "the child outlives its parent"
        time.sleep(0.02)


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
