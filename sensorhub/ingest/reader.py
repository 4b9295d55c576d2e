"""Messages in, a draft of columns out: routes, envelopes, decoders, profiles.

A draft holds plain lists, one entry an uplink or a reading. Nothing here knows
of time passing, the store or earlier uplinks; a message that cannot be read
becomes a dead entry of the draft with its reason, never an exception.
"""

from dataclasses import dataclass, field
from itertools import chain

import msgspec
from xxhash import xxh3_64_intdigest

from sensorhub.codecs.protocol import NO_CODECS, CodecRunner
from sensorhub.columns import BARE, I64, NO_DEVICE, NO_SEQ
from sensorhub.config.layout import TopicSettings
from sensorhub.decode import native
from sensorhub.decode.network_server import gateway_id
from sensorhub.ingest.enveloped import EnvelopeReader
from sensorhub.ingest.parsed_batch import (
    DecodedUplink,
    DecodeTrace,
    ParsedBatch,
    Told,
    poison_key,
)
from sensorhub.ingest.topic_router import MessageKind, Route, Router
from sensorhub.ingest.validate import NO_TIME
from sensorhub.model import (
    BY_NAME,
    DUP,
    RETAIN,
    Envelope,
    Field,
    Frame,
    Message,
    Outcome,
    Reason,
)
from sensorhub.registry.registry import Registry

CODE_OF = {name: entry.no for name, entry in BY_NAME.items()}
FAR = 2**62
ODD_FLAGS = RETAIN | DUP
WRAPPED = MessageKind.WRAPPED
NO_UPLINK = frozenset((MessageKind.STATUS, MessageKind.ALERT))
ODD_HEADS = frozenset(flags for flags in range(16) if flags & ODD_FLAGS)
UNDECODABLE = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError)


@dataclass(slots=True)
class Run:
    """Native uplinks in a row that were decoded and wait to be entered."""

    message: list[int] = field(default_factory=list)
    device: list[int] = field(default_factory=list)
    payload: list[bytes] = field(default_factory=list)
    record: list[native.Record] = field(default_factory=list)

    def clear(self) -> None:
        """Begin the next run."""
        self.message, self.device = [], []
        self.payload, self.record = [], []


class MessageReader:
    """Reads messages by the register, the topic settings and the profiles."""

    def __init__(
        self,
        registry: Registry,
        topics: tuple[TopicSettings, ...],
        max_payload: int,
        codecs: CodecRunner = NO_CODECS,
    ) -> None:
        self.registry = registry
        self._max_payload = max_payload
        self._router = Router(registry, topics)
        self._wrapped = EnvelopeReader(self._router, registry, codecs)

    def read(self, messages: list[Message], received: int | I64) -> ParsedBatch:
        """The draft of a batch received at `received` (ms; or a time a message).

        Sound native uplinks are the most by far, often all: they are entered in
        runs, list by list. Everything else ends a run.
        """
        parsed = ParsedBatch()
        self._wrapped.begin(received)
        run = self._whole(parsed, messages)
        if run is None:
            run = self._walk(parsed, messages)
        self._end(parsed, run, messages)
        self._wrapped.end(parsed)
        return parsed

    def trace_message(self, message: Message, received: int) -> ParsedBatch:
        """Read one message and keep how it was decoded (`ParsedBatch.trace`)."""
        parsed = ParsedBatch(trace=DecodeTrace())
        self._wrapped.begin(received)
        self._odd(parsed, 0, message, self._router.route(message.topic))
        self._wrapped.end(parsed)
        return parsed

    def trace_envelope(self, envelope: Envelope, received: int) -> ParsedBatch:
        """Read one uplink that came without a message, and keep how it was decoded."""
        parsed = ParsedBatch(trace=DecodeTrace())
        self._wrapped.begin(received)
        self._wrapped.enter(parsed, 0, Message(b"", b"", 0), envelope)
        self._wrapped.end(parsed)
        return parsed

    def _whole(self, parsed: ParsedBatch, messages: list[Message]) -> Run | None:
        """All uplinks of the batch as one run; None where any needs a look."""
        known = list(map(self._router.plain.get, [m.topic for m in messages]))
        aside = [i for i, device in enumerate(known) if device is None]
        route = self._router.route
        if any(route(messages[i].topic).way not in NO_UPLINK for i in aside):
            return None
        devices = [device for device in known if device is not None]
        places = list(range(len(messages)))
        if aside:
            places = [i for i in places if known[i] is not None]
        payloads = [messages[i].payload for i in places]
        if not ODD_HEADS.isdisjoint([messages[i].flags for i in places]):
            return None
        if max(map(len, payloads), default=0) > self._max_payload:
            return None
        try:
            records = list(map(native.decode_record, payloads))
        except UNDECODABLE:
            return None
        for i in aside:
            self._odd(parsed, i, messages[i], route(messages[i].topic))
        return Run(places, devices, payloads, records)

    def _walk(self, parsed: ParsedBatch, messages: list[Message]) -> Run:
        """Go through a mixed batch; answers the last run, not yet entered."""
        plain, run = self._router.plain, Run()
        for i, message in enumerate(messages):
            topic, payload, flags = message
            device, route = plain.get(topic), None
            if device is None:
                route = self._router.route(topic)
                device = route.device if route.plain else None
            record = None
            if device is not None and flags & ODD_FLAGS == 0:
                record = self._decoded(payload)
            if device is None or record is None:
                if run.message:
                    self._end(parsed, run, messages)
                self._odd(parsed, i, message, route or self._router.route(topic))
                continue
            run.message.append(i)
            run.device.append(device)
            run.payload.append(payload)
            run.record.append(record)
        return run

    def _decoded(self, payload: bytes) -> native.Record | None:
        if len(payload) > self._max_payload:
            return None
        try:
            return native.decode_record(payload)
        except UNDECODABLE:
            return None

    def _odd(self, parsed: ParsedBatch, i: int, message: Message, route: Route) -> None:
        """A message that is no plain native uplink."""
        way = route.way
        refused = message.flags & RETAIN or len(message.payload) > self._max_payload
        if way is WRAPPED and not refused:
            self._wrapped.read(parsed, i, message, route)
        elif way is MessageKind.STATUS:
            self._status(parsed, route, message)
        elif way is MessageKind.ALERT:
            if message.flags & RETAIN and message.payload:
                parsed.states.append(route.name)
            if parsed.trace is not None:
                parsed.trace.events.append(("alert", route.name))
        elif refused:
            self._refuse(parsed, i, message, route)
        elif way is MessageKind.NATIVE:
            self._native(parsed, i, message, route)
        else:
            self._other(parsed, i, message, route)

    def _end(self, parsed: ParsedBatch, run: Run, messages: list[Message]) -> None:
        """Enter a run of decoded native uplinks into the draft."""
        if not run.message:
            return
        maps = [record.m for record in run.record]
        codes = [CODE_OF.get(name, 0) for m in maps for name in m]
        counts = list(map(len, maps))
        said = [
            ts if type(ts) is int else NO_TIME if ts is None else native.to_ms(ts)
            for ts in [record.ts for record in run.record]
        ]
        if 0 in codes or 0 in counts or max(said) >= FAR or min(said) < NO_TIME:
            for i in run.message:
                self._native(
                    parsed, i, messages[i], self._router.route(messages[i].topic)
                )
        else:
            vias = [record.via for record in run.record]
            for uplink, via in (
                enumerate(vias, len(parsed.message)) if any(vias) else ()
            ):
                self._via(parsed, uplink, via)
            parsed.message += run.message
            parsed.device += run.device
            parsed.key += map(xxh3_64_intdigest, run.payload, run.device)
            seqs = [record.seq for record in run.record]
            parsed.seq += [
                (BARE if at == NO_TIME else NO_SEQ) if seq is None else seq
                for seq, at in zip(seqs, said, strict=True)
            ]
            parsed.said += said
            parsed.code += bytes(codes)
            parsed.value += chain.from_iterable(map(dict.values, maps))
            parsed.count += counts
            number = len(said)
            parsed.outcome += bytes(number)
            parsed.reason += bytes(number)
            parsed.sound += [False] * number
            parsed.network += [NO_TIME] * number
        run.clear()

    # -- ways --

    def _native(
        self, parsed: ParsedBatch, i: int, message: Message, route: Route
    ) -> None:
        """A native uplink the slow way: keeps what is usable, says what is not."""
        if route.mismatch:
            parsed.zone_mismatch += 1
        key = xxh3_64_intdigest(message.payload, route.device)
        uplink = parsed.enter(i, message, route.device, key)
        try:
            records = native.read_loosely(message.payload)
        except ValueError as error:
            parsed.kill(uplink, Reason.BAD_PAYLOAD, route.name, str(error))
            return
        for record in records:
            self._via(parsed, uplink, record.via)
        newest = max((r.ts for r in records if r.ts is not None), default=None)
        seqs = [r.seq for r in records if r.seq is not None]
        parsed.seq[uplink] = seqs[-1] if seqs else (BARE if newest is None else NO_SEQ)
        if newest is not None:
            parsed.said[uplink] = newest
        remarks: list[str] = []
        for record in records:
            first, remarked = len(parsed.code), len(remarks)
            remarks += record.ignored
            for name, value in record.values.items():
                code = CODE_OF.get(name)
                if code is None:
                    remarks.append(f"{name}: no such measurement")
                    continue
                if record.ts != newest:
                    own = NO_TIME if record.ts is None else record.ts
                    parsed.own_time[len(parsed.code)] = own
                parsed.code.append(code)
                parsed.value.append(value)
            count = len(parsed.code) - first
            parsed.count[uplink] += count
            if parsed.trace is not None:
                envelope = Envelope(route.name, seq=record.seq, measured_at=record.ts)
                fields = [Field(name, value) for name, value in record.values.items()]
                frame = Frame(fields, record.ignored)
                parsed.trace.uplinks.append(
                    DecodedUplink(
                        uplink, envelope, None, frame, count, remarks[remarked:]
                    )
                )
        parsed.close(uplink, route.name, remarks)

    @staticmethod
    def _via(parsed: ParsedBatch, uplink: int, gateway: object) -> None:
        """A native device says through which gateway it speaks."""
        id_ = gateway_id(gateway)
        if id_ is not None:
            parsed.via[uplink] = (id_,)

    def _status(self, parsed: ParsedBatch, route: Route, message: Message) -> None:
        parsed.events += 1
        if parsed.trace is not None:
            parsed.trace.events.append(("status", route.name))
        if route.device == NO_DEVICE:
            return
        try:
            status = native.decode_status(message.payload)
            retained = bool(message.flags & RETAIN)
            parsed.told.append(Told(route.device, status, retained))
        except UNDECODABLE:
            return

    def _refuse(
        self, parsed: ParsedBatch, i: int, message: Message, route: Route
    ) -> None:
        uplink = parsed.open(i, route.device, poison_key(message), BARE)
        if message.flags & RETAIN:
            parsed.outcome[uplink] = Outcome.DUPLICATE
            parsed.reason[uplink] = Reason.RETAINED
        else:
            detail = f"more than {self._max_payload} bytes"
            parsed.kill(uplink, Reason.TOO_LARGE, route.name, detail)

    def _other(
        self, parsed: ParsedBatch, i: int, message: Message, route: Route
    ) -> None:
        seq = self._poison_seq(route, message)
        uplink = parsed.enter(i, message, NO_DEVICE, poison_key(message), seq)
        if route.way is MessageKind.UNKNOWN_DEVICE:
            detail = f"zone {route.zone}: device {route.name} is not registered"
            parsed.kill(uplink, Reason.UNKNOWN_DEVICE, route.name, detail)
        else:
            detail = "no topic filter of the settings fits"
            parsed.kill(uplink, Reason.UNKNOWN_TOPIC, "", detail)

    @staticmethod
    def _poison_seq(route: Route, message: Message) -> int:
        """An unknown native device's seq, so that its doubles are known."""
        if route.way is not MessageKind.UNKNOWN_DEVICE:
            return BARE
        try:
            record = native.decode_record(message.payload)
        except UNDECODABLE:
            return BARE
        if record.seq is not None:
            return record.seq
        return BARE if record.ts is None else NO_SEQ
