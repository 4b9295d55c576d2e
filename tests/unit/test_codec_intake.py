"""Frames for payload codecs: one call a batch, and readings in their places."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensorhub.codecs.protocol import CodecAnswer, CodecCall
from sensorhub.ingest import codec_batch
from sensorhub.ingest import enveloped as wrapping
from sensorhub.model import Envelope, Message, Reason
from sensorhub.registry.profiles import Profile
from sensorhub.store import history
from tests.support.town import NOW, UP, Town, native, profiles

EUI = "24e124136b502217"


class Double:
    """A codec of which the first byte is the fill level; 255 is refused."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def decode(self, calls: list[CodecCall]) -> list[CodecAnswer]:
        self.batches.append(len(calls))
        return [self._one(call) for call in calls]

    @staticmethod
    def _one(call: CodecCall) -> CodecAnswer:
        level = call.payload[0]
        if level == 255:
            return CodecAnswer("it looped", Reason.CODEC_LIMIT)
        if level == 254:
            return CodecAnswer('{"errors": ["unknown port"]}')
        record = {"time": NOW - 60_000, "fill_level": level - 1}
        data = {"fill_level": level, "history": [record] * (level % 3)}
        return CodecAnswer(json.dumps({"data": data, "warnings": ["old firmware"]}))

    def encode(self, *_: Any) -> Any:
        raise NotImplementedError

    def off(self) -> dict[str, str]:
        return {}

    def switch_on(self, _name: str) -> bool:
        return False


def wrapped(level: int, seq: int) -> Message:
    data = base64.b64encode(bytes([level, seq % 256])).decode()
    body = {"deviceInfo": {"devEui": EUI}, "fCnt": seq, "fPort": 2, "data": data}
    topic = f"application/1/device/{EUI}/event/up"
    return Message(topic.encode(), json.dumps(body).encode(), 2)


class CodecTown(Town):
    """A town with one device whose profile names a codec."""

    def __init__(self, folder: Path) -> None:
        known = profiles() | {
            "acme-eye": Profile(name="acme-eye", vendor="A", model="E", codec="eye.js")
        }
        super().__init__(folder, UP, known=known)
        self.act("adopt", device=EUI, profile="acme-eye", asset="bin-2")
        self.double = Double()
        self.hub.session.reader._envelope_reader._codecs = self.double


@pytest.fixture
def town(tmp_path: Path) -> CodecTown:
    return CodecTown(tmp_path)


def kept(town: Town) -> list[tuple[str, float, int]]:
    names = dict(town.hub.connection.execute("SELECT no, id FROM devices"))
    spans = [history.DeviceSpan(no) for no in names]
    parts = history.read(
        town.hub.connection, spans=spans, since=-(2**60), until=2**60, codes=None
    )
    rows = [row for part in parts for row in part.rows(names)]
    return sorted((row.device, row.value, row.measured_at) for row in rows)


def test_all_frames_of_a_batch_go_to_the_codecs_in_one_call(town: CodecTown) -> None:
    batch = [wrapped(10, 1), native("d1", {"fill_level": 20}, seq=1), wrapped(30, 2)]
    town.take(batch)
    assert town.double.batches == [2]
    assert town.ends() == (3, 0, 0)


def test_an_offender_costs_one_dead_letter_with_its_own_reason(town: CodecTown) -> None:
    town.take([wrapped(10, 1), wrapped(255, 2), wrapped(254, 3), wrapped(30, 4)])
    assert town.ends() == (2, 0, 2)
    rows = town.hub.connection.execute(
        "SELECT reason, device, detail FROM dead_letters ORDER BY id"
    ).fetchall()
    assert rows == [
        ("codec_limit", EUI, "it looped"),
        ("codec_error", EUI, "unknown port"),
    ]
    assert town.count("uplink_codec_limit") == 1
    assert town.count("values_ignored") == 2  # the warnings of the sound ones


def test_frames_of_a_batch_that_broke_are_not_asked_with_the_next(
    town: CodecTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = codec_batch.PendingFrame

    def waiting(
        uplink: int, envelope: Envelope, profile: Profile
    ) -> codec_batch.PendingFrame:
        if envelope.seq == 2:
            raise RuntimeError("unforeseen")
        return real(uplink, envelope, profile)

    monkeypatch.setattr(wrapping, "PendingFrame", waiting)
    with pytest.raises(RuntimeError):
        town.take([wrapped(10, 1), wrapped(20, 2)])
    town.take([wrapped(30, 3)])
    assert town.double.batches == [1]
    assert [value for _, value, _ in kept(town)] == [30]


def test_where_nobody_runs_codecs_their_frames_are_dead_and_say_so(
    tmp_path: Path,
) -> None:
    town = CodecTown(tmp_path)
    town.kill()
    town.take([wrapped(10, 1)])
    (row,) = town.hub.connection.execute("SELECT reason FROM dead_letters").fetchall()
    assert row == ("codec_off",)


def test_the_fold_does_not_decode_again(town: CodecTown) -> None:
    town.take([wrapped(11, 1)])
    before = kept(town)
    town.kill()
    town.hub.session.reader._envelope_reader._codecs = Double()
    assert kept(town) == before
    town.take([wrapped(11, 1)])
    assert town.ends() == (1, 1, 0)


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.sampled_from(["native", "codec"]), st.integers(0, 100)),
        min_size=1,
        max_size=12,
    ),
    st.data(),
)
def test_a_mixed_batch_gives_what_its_uplinks_give_one_by_one(
    tmp_path_factory: pytest.TempPathFactory,
    told: list[tuple[str, int]],
    data: st.DataObject,
) -> None:
    messages = [
        native("d1", {"fill_level": level}, seq=seq, ts=NOW - seq * 1000)
        if kind == "native"
        else wrapped(data.draw(st.sampled_from([level, 254, 255])), seq)
        for seq, (kind, level) in enumerate(told)
    ]
    together = CodecTown(tmp_path_factory.mktemp("together"))
    alone = CodecTown(tmp_path_factory.mktemp("alone"))
    together.take(messages)
    for message in messages:
        alone.take([message])
    assert together.ends() == alone.ends()
    ours, theirs = kept(together), kept(alone)
    assert [row[:2] for row in ours] == [row[:2] for row in theirs]
