"""`Buffer` in payload codecs: what codecs for ChirpStack and ThingPark expect of it."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from sensorhub.codecs.protocol import CodecCall
from sensorhub.codecs.runner import Codecs
from sensorhub.config.settings import CodecSettings

BYTES = bytes.fromhex("00c0490fdb80fe7f41f8")
WIDTHS = {"Int16": "h", "UInt16": "H", "Uint32": "I", "Int32": "i", "Float": "f"}
NUMBERS = {"Int8": "b", "UInt8": "B"} | {
    f"{name}{order}": mark + letter
    for name, letter in (WIDTHS | {"Double": "d"}).items()
    for order, mark in (("LE", "<"), ("BE", ">"))
}
TEXTS = {
    'b.toString("hex")': "00c0490fdb80fe7f41f8",
    'b.toString("hex", 1, 3)': "c049",
    'b.toString("base64")': "AMBJD9uA/n9B+A==",
    'Buffer.from("AMBJD9uA_n9B-A==", "base64").equals(b)': True,
    'Buffer.from("c049zz", "hex").length': 2,
    'Buffer.from("héllo €").toString()': "héllo €",
    'Buffer.from("héllo €").length': 10,
    "Buffer.from([200, 65]).toString()": "\ufffdA",
    'Buffer.from([200]).toString("latin1")': "È",
    "b.slice(1, 3).readUInt16BE()": 0xC049,
    "b.readUIntBE(1, 3)": 0xC0490F,
    "b.readUIntLE(1, 3)": 0x0F49C0,
    "b.readIntBE(1, 3)": 0xC0490F - 2**24,
    "b.readIntLE(5, 2)": -384,
    "Buffer.concat([Buffer.from([1]), Buffer.from([2, 3])])": {
        "type": "Buffer",
        "data": [1, 2, 3],
    },
    "[Buffer.isBuffer(b), Buffer.isBuffer([1]), b.length, b.byteLength, b[1]]": [
        *(True, False, 10, 10, 192)
    ],
    "Array.from(new Uint8Array(Buffer.alloc(2, 7).buffer))": [7, 7],
    '(() => { const w = Buffer.alloc(4); return [w.write("hi", 1), [...w]]; })()': [
        *(2, [0, 104, 105, 0])
    ],
    "(() => { const w = Buffer.alloc(3); return [b.copy(w, 1, 1), [...w]]; })()": [
        *(2, [0, 192, 73])
    ],
    '(() => { try { b.readUInt16LE(9); } catch (e) { return "outside"; } })()': (
        "outside"
    ),
}


def given(folder: Path, expression: str) -> Any:
    """What a codec's expression over `b`, the frame as a Buffer, comes to."""
    text = f"const f = (b) => ({expression});\n"
    text += "function Decoder(bytes) { return f(Buffer.from(bytes)); }"
    (folder / "one.js").write_text(text, "utf-8")
    codecs = Codecs(folder, ["one.js"], CodecSettings(), lambda: 0)
    try:
        answer = codecs.decode([CodecCall("one.js", BYTES, 1)])[0]
    finally:
        codecs.close()
    assert not answer.reason, answer
    return json.loads(answer.text, parse_int=float)["data"]


def test_numbers_are_read_and_written_as_struct_does(tmp_path: Path) -> None:
    size = {name: struct.calcsize(mark) for name, mark in NUMBERS.items()}
    reads = [f"b.read{name}(1)" for name in NUMBERS]
    writes = [
        f"(() => {{ const w = Buffer.alloc({size[name]}); return"
        f" [w.write{name}(b.read{name}(1), 0), w.toString('hex')]; }})()"
        for name in NUMBERS
    ]
    found = given(tmp_path, f"[[{', '.join(reads)}], [{', '.join(writes)}]]")
    assert found[0] == [
        struct.unpack_from(mark, BYTES, 1)[0] for mark in NUMBERS.values()
    ]
    assert found[1] == [[size[n], BYTES[1 : 1 + size[n]].hex()] for n in NUMBERS]


def test_big_integers_are_read(tmp_path: Path) -> None:
    reads = "b.readBigUInt64BE(1), b.readBigInt64BE(1), b.readBigUInt64LE(1)"
    found = given(tmp_path, f"[{reads}].map(String)")
    want = [struct.unpack_from(mark, BYTES, 1)[0] for mark in (">Q", ">q", "<Q")]
    assert found == [str(number) for number in want]


@pytest.mark.parametrize("name", ["utf16", "rot13"])
def test_an_unknown_encoding_is_refused(tmp_path: Path, name: str) -> None:
    text = f'try {{ b.toString("{name}"); }} catch (e) {{ return String(e); }}'
    assert (
        given(tmp_path, f"(() => {{ {text} }})()")
        == f"TypeError: Unknown encoding: {name}"
    )


def test_texts_slices_and_lists_are_as_in_node(tmp_path: Path) -> None:
    """Each value as Node.js 20 gives it."""
    assert given(tmp_path, f"[{', '.join(TEXTS)}]") == list(TEXTS.values())
