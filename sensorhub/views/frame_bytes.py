"""Which bytes of a frame each decoded value depends on."""

from collections import defaultdict
from collections.abc import Iterator

from sensorhub.codecs.protocol import CodecCall, CodecRunner
from sensorhub.decode.codec_values import result_frame
from sensorhub.decode.decoders import decode_frame
from sensorhub.model import Envelope, Frame
from sensorhub.registry.profiles import Profile

MOST_BYTES = 512  # LoRaWAN frames have 242 at most
ValueName = tuple[str, str]  # "field" or "text", and the name
BytesOfValues = defaultdict[ValueName, Iterator[list[int]]]


def bytes_of_values(
    envelope: Envelope, profile: Profile, codecs: CodecRunner
) -> BytesOfValues:
    """For each field and text the offsets of the bytes that it depends on.

    Found by flipping every bit of the frame and blanking every byte: a byte belongs to
    the values that then differ while the frame is otherwise read alike. So no decoder
    and no codec has to keep account of it.
    """
    payload = envelope.payload or b""
    changed = [
        (offset, payload[:offset] + bytes([other]) + payload[offset + 1 :])
        for offset in range(len(payload) if len(payload) <= MOST_BYTES else 0)
        for other in _others(payload[offset])
    ]
    payloads = [payload, *(other for _, other in changed)]
    frames = _decode_all(payloads, envelope, profile, codecs) if payload else []
    if not frames:
        return defaultdict(lambda: iter(()))
    plain, *read = frames
    names, values = _names(plain), [*plain.fields, *plain.texts]
    found: list[list[int]] = [[] for _ in names]
    for (offset, _), other in zip(changed, read, strict=True):
        if _names(other) != names or len(other.errors) > len(plain.errors):
            continue
        pairs = zip(found, values, [*other.fields, *other.texts], strict=True)
        for offsets, one, two in pairs:
            if one != two and offset not in offsets:
                offsets.append(offset)
    return _by_name(names, found)


def _decode_all(
    payloads: list[bytes], envelope: Envelope, profile: Profile, codecs: CodecRunner
) -> list[Frame]:
    """The frames that are decoded from the payloads; empty where nothing decodes."""
    port, at = envelope.port, envelope.network_time
    if profile.codec:
        variables = profile.variables
        answers = codecs.decode(
            [CodecCall(profile.codec, one, port, at, variables) for one in payloads]
        )
        return [
            Frame(errors=[one.text]) if one.reason else result_frame(one.text)
            for one in answers
        ]
    read = (decode_frame(profile.decoder, one, port) for one in payloads)
    return [frame for frame in read if frame is not None]


def _names(frame: Frame) -> list[ValueName]:
    fields = [("field", field.name) for field in frame.fields]
    return fields + [("text", text.name) for text in frame.texts]


def _by_name(names: list[ValueName], found: list[list[int]]) -> BytesOfValues:
    """The offsets of the first, second ... value of a name."""
    offsets: dict[ValueName, list[list[int]]] = {}
    for name, mine in zip(names, found, strict=True):
        offsets.setdefault(name, []).append(mine)
    return defaultdict(
        lambda: iter(()), {name: iter(lists) for name, lists in offsets.items()}
    )


def _others(byte: int) -> set[int]:
    """The byte with each bit flipped, with all bits off, with all bits on."""
    return {byte ^ (1 << bit) for bit in range(8)} | ({0, 0xFF} - {byte})
