"""Messages in, a draft of columns out: routes, envelopes, decoders, profiles.

A draft holds plain lists, one entry an uplink or a reading. Nothing here knows
of time passing, the store or earlier uplinks; a message that cannot be read
becomes a dead entry of the draft with its reason, never an exception.
"""

from dataclasses import dataclass, field
from itertools import chain

import msgspec
from xxhash import xxh3_64_intdigest

from sensorhub.codec_calls import NO_CODECS, CodecRunner
from sensorhub.codec_frames import Waiting, mapped, run_codecs
from sensorhub.columns import BARE, I64, NO_DEVICE, NO_SEQ
from sensorhub.config.layout import TopicSettings
from sensorhub.decode import native
from sensorhub.decode.downlinks import RECEIPTS, receipt
from sensorhub.decode.mapping import content_of, decode_uplink
from sensorhub.decode.network_server import gateway_id
from sensorhub.draft import Draft, Receipt, Told
from sensorhub.model import (
    BY_NAME,
    DUP,
    RETAIN,
    Envelope,
    EnvelopeError,
    Message,
    Outcome,
    Reason,
)
from sensorhub.obeying import Obeying
from sensorhub.registry import Registry
from sensorhub.routes import Route, Router, Way
from sensorhub.validate import NO_TIME

CODE_OF = {name: entry.no for name, entry in BY_NAME.items()}
MASK = 2**64 - 1
FAR = 2**62
ODD_FLAGS = RETAIN | DUP
NO_UPLINK = frozenset((Way.STATUS, Way.ALERT))
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


class Intake:
    """Reads messages by the register, the topic settings and the profiles."""

    def __init__(
        self,
        registry: Registry,
        topics: tuple[TopicSettings, ...],
        max_payload: int,
        codecs: CodecRunner = NO_CODECS,
        obeying: Obeying | None = None,
    ) -> None:
        self.obeying = obeying or Obeying()
        self.registry = registry
        self._codecs = codecs
        self._waiting: list[Waiting] = []
        self._max_payload = max_payload
        self._router = Router(registry, topics)
        self._received: int | I64 = 0

    def read(self, messages: list[Message], received: int | I64) -> Draft:
        """The draft of a batch received at `received` (ms; or a time a message).

        Sound native uplinks are the most by far, often all: they are entered in
        runs, list by list. Everything else ends a run.
        """
        draft, self._waiting = Draft(), []
        self._received = received
        run = self._whole(draft, messages)
        if run is None:
            run = self._walk(draft, messages)
        self._end(draft, run, messages)
        if self._waiting:
            run_codecs(draft, self._waiting, self._codecs)
        return draft

    def _whole(self, draft: Draft, messages: list[Message]) -> Run | None:
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
            self._odd(draft, i, messages[i], route(messages[i].topic))
        return Run(places, devices, payloads, records)

    def _walk(self, draft: Draft, messages: list[Message]) -> Run:
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
                    self._end(draft, run, messages)
                self._odd(draft, i, message, route or self._router.route(topic))
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

    def _odd(self, draft: Draft, i: int, message: Message, route: Route) -> None:
        """A message that is no plain native uplink."""
        if route.way is Way.STATUS:
            self._status(draft, route, message)
        elif route.way is Way.ALERT:
            if message.flags & RETAIN and message.payload:
                draft.states.append(route.name)
        elif message.flags & RETAIN or len(message.payload) > self._max_payload:
            self._refuse(draft, i, message, route)
        elif route.way is Way.NATIVE:
            self._native(draft, i, message, route)
        else:
            self._other(draft, i, message, route)

    def _end(self, draft: Draft, run: Run, messages: list[Message]) -> None:
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
                    draft, i, messages[i], self._router.route(messages[i].topic)
                )
        else:
            vias = [record.via for record in run.record]
            for uplink, via in enumerate(vias, len(draft.message)) if any(vias) else ():
                self._via(draft, uplink, via)
            draft.message += run.message
            draft.device += run.device
            draft.key += map(xxh3_64_intdigest, run.payload, run.device)
            seqs = [record.seq for record in run.record]
            draft.seq += [
                (BARE if at == NO_TIME else NO_SEQ) if seq is None else seq
                for seq, at in zip(seqs, said, strict=True)
            ]
            draft.said += said
            draft.code += bytes(codes)
            draft.value += chain.from_iterable(map(dict.values, maps))
            draft.count += counts
            number = len(said)
            draft.outcome += bytes(number)
            draft.reason += bytes(number)
            draft.sound += [False] * number
            draft.network += [NO_TIME] * number
        run.clear()

    # -- ways --

    def _native(self, draft: Draft, i: int, message: Message, route: Route) -> None:
        """A native uplink the slow way: keeps what is usable, says what is not."""
        if route.mismatch:
            draft.zone_mismatch += 1
        uplink = self._open(
            draft,
            i,
            message,
            route.device,
            xxh3_64_intdigest(message.payload, route.device),
        )
        try:
            records = native.read_loosely(message.payload)
        except ValueError as error:
            draft.kill(uplink, Reason.BAD_PAYLOAD, route.name, str(error))
            return
        for record in records:
            self._via(draft, uplink, record.via)
        newest = max((r.ts for r in records if r.ts is not None), default=None)
        seqs = [r.seq for r in records if r.seq is not None]
        draft.seq[uplink] = seqs[-1] if seqs else (BARE if newest is None else NO_SEQ)
        if newest is not None:
            draft.said[uplink] = newest
        ignored: list[str] = []
        for record in records:
            ignored += record.ignored
            for name, value in record.values.items():
                code = CODE_OF.get(name)
                if code is None:
                    ignored.append(f"{name}: no such measurement")
                    continue
                if record.ts != newest:
                    own = NO_TIME if record.ts is None else record.ts
                    draft.own_time[len(draft.code)] = own
                draft.code.append(code)
                draft.value.append(value)
                draft.count[uplink] += 1
        draft.close(uplink, route.name, ignored)

    @staticmethod
    def _via(draft: Draft, uplink: int, gateway: object) -> None:
        """A native device says through which gateway it speaks."""
        id_ = gateway_id(gateway)
        if id_ is not None:
            draft.via[uplink] = (id_,)

    @staticmethod
    def _open(
        draft: Draft, i: int, message: Message, device: int, key: int, seq: int = BARE
    ) -> int:
        uplink = draft.open(i, device, key, seq)
        if message.flags & DUP:
            draft.dup.add(uplink)
        return uplink

    def _status(self, draft: Draft, route: Route, message: Message) -> None:
        draft.events += 1
        if route.device == NO_DEVICE:
            return
        try:
            status = native.decode_status(message.payload)
            retained = bool(message.flags & RETAIN)
            draft.told.append(Told(route.device, status, retained))
        except UNDECODABLE:
            return

    def _refuse(self, draft: Draft, i: int, message: Message, route: Route) -> None:
        topic, payload, flags = message
        key = self._poison_key(topic, payload)
        uplink = draft.open(i, route.device, key, BARE)
        if flags & RETAIN:
            draft.outcome[uplink] = Outcome.DUPLICATE
            draft.reason[uplink] = Reason.RETAINED
        else:
            detail = f"more than {self._max_payload} bytes"
            draft.kill(uplink, Reason.TOO_LARGE, route.name, detail)

    def _poison_key(self, topic: bytes, payload: bytes) -> int:
        return xxh3_64_intdigest(payload, xxh3_64_intdigest(topic, 1))

    def _other(self, draft: Draft, i: int, message: Message, route: Route) -> None:
        if route.way is Way.WRAPPED:
            self._wrapped(draft, i, message, route)
            return
        key = self._poison_key(message.topic, message.payload)
        seq = self._poison_seq(route, message)
        uplink = self._open(draft, i, message, NO_DEVICE, key, seq)
        if route.way is Way.UNKNOWN_DEVICE:
            detail = f"zone {route.zone}: device {route.name} is not registered"
            draft.kill(uplink, Reason.UNKNOWN_DEVICE, route.name, detail)
        else:
            detail = "no topic filter of the settings fits"
            draft.kill(uplink, Reason.UNKNOWN_TOPIC, "", detail)

    @staticmethod
    def _poison_seq(route: Route, message: Message) -> int:
        """An unknown native device's seq, so that its doubles are known."""
        if route.way is not Way.UNKNOWN_DEVICE:
            return BARE
        try:
            record = native.decode_record(message.payload)
        except UNDECODABLE:
            return BARE
        if record.seq is not None:
            return record.seq
        return BARE if record.ts is None else NO_SEQ

    def _wrapped(self, draft: Draft, i: int, message: Message, route: Route) -> None:
        assert route.unwrap is not None
        at = self._received
        now = at if isinstance(at, int) else int(at[i])
        try:
            envelopes = route.unwrap(route.name, message.payload, now)
        except EnvelopeError as error:
            self._broken(draft, i, message, str(error))
            return
        if route.application and envelopes:
            self._downlinks(draft, route, message, envelopes[0])
        uplinks, broken = 0, ""
        for envelope in envelopes:
            if envelope.broken:
                broken += f"; {envelope.broken}" if broken else envelope.broken
            elif envelope.event is None:
                self._envelope(draft, i, message, envelope)
                uplinks += 1
        if broken:
            self._broken(draft, i, message, broken)
        elif not uplinks:
            draft.events += 1

    def _downlinks(
        self, draft: Draft, route: Route, message: Message, envelope: Envelope
    ) -> None:
        """What a ChirpStack message tells for downlinks: where to, and what became."""
        if envelope.event in RECEIPTS:
            found = receipt(envelope.event or "", message.payload)
            draft.receipts += [Receipt(*found)] if found else []
        device = self._router.number(envelope.device)
        if device == NO_DEVICE or envelope.event is not None:
            return
        known = self.obeying.applications
        if device < len(known) and known[device] != route.application:
            known[device] = route.application
            draft.applications.append((device, route.application))
        for echo, id_ in self.obeying.echoes.get(device, ()):
            if envelope.payload and echo in envelope.payload:
                draft.receipts.append(Receipt(id_, "echo"))

    def _broken(self, draft: Draft, i: int, message: Message, detail: str) -> None:
        """A message that cannot be read, or the part of it that cannot."""
        key = self._poison_key(message.topic, message.payload)
        uplink = self._open(draft, i, message, NO_DEVICE, key)
        draft.kill(uplink, Reason.BAD_ENVELOPE, "", detail)

    def _envelope(
        self, draft: Draft, i: int, message: Message, envelope: Envelope
    ) -> None:
        device = self._router.number(envelope.device)
        seed = device if device >= 0 else xxh3_64_intdigest(envelope.device.encode(), 1)
        seq = NO_SEQ if envelope.seq is None else envelope.seq
        content = envelope.payload
        if content is None or envelope.seq is None:
            content = content_of(envelope)
        mixed = (seed ^ (envelope.port << 56) ^ ((seq + 1) << 20)) & MASK
        key = xxh3_64_intdigest(content, mixed)
        uplink = self._open(draft, i, message, device, key, seq)
        if envelope.measured_at is not None:
            draft.said[uplink] = envelope.measured_at
        if envelope.network_time is not None:
            draft.network[uplink] = envelope.network_time
        elif seq == NO_SEQ and envelope.measured_at is None:
            draft.seq[uplink] = BARE
        if envelope.gateways:
            draft.via[uplink] = envelope.gateways
        if device == NO_DEVICE:
            detail = f"device {envelope.device} is not registered"
            draft.kill(uplink, Reason.UNKNOWN_DEVICE, envelope.device, detail)
            return
        self._fields(draft, uplink, envelope)

    def _fields(self, draft: Draft, uplink: int, envelope: Envelope) -> None:
        profile = self.registry.profiles[draft.device[uplink]]
        if profile is None:
            detail = "its profile is not among the profiles"
            draft.kill(uplink, Reason.BAD_PAYLOAD, envelope.device, detail)
            return
        if profile.codec is not None and envelope.payload:
            self._waiting.append(Waiting(uplink, envelope, profile))
            return
        frame = decode_uplink(envelope, profile)
        readings, said = mapped(draft, uplink, profile, frame)
        for place, (_, _, at) in enumerate(readings, len(draft.code)):
            if at is not None:
                draft.own_time[place] = at
        draft.code += bytes([code for code, _, _ in readings])
        draft.value += [value for _, value, _ in readings]
        draft.count[uplink] = len(readings)
        draft.close(uplink, envelope.device, said)
