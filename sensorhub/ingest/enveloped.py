"""Messages of network servers: envelopes taken off, frames decoded."""

from xxhash import xxh3_64_intdigest

from sensorhub.codecs.protocol import CodecRunner
from sensorhub.columns import BARE, I64, NO_DEVICE, NO_SEQ
from sensorhub.decode.downlinks import RECEIPTS, receipt
from sensorhub.decode.mapping import content_of, decode_uplink
from sensorhub.ingest.codec_batch import PendingFrame, map_frame, run_codecs
from sensorhub.ingest.parsed_batch import (
    DecodedUplink,
    DownlinkReceipt,
    ParsedBatch,
    raw_message_key,
)
from sensorhub.ingest.topic_router import Route, TopicRouter
from sensorhub.model import Envelope, EnvelopeError, Message, Reason
from sensorhub.registry.registry import Registry

MASK = 2**64 - 1


class EnvelopeReader:
    """Reads the enveloped messages of a batch: `begin`, `read` each, `end`."""

    def __init__(
        self,
        router: TopicRouter,
        registry: Registry,
        codecs: CodecRunner,
    ) -> None:
        self._router = router
        self._registry = registry
        self._codecs = codecs
        self._pending: list[PendingFrame] = []
        self._received: int | I64 = 0

    def begin(self, received: int | I64) -> None:
        """Begin a batch received at `received` (ms; or a time a message)."""
        self._pending, self._received = [], received

    def end(self, parsed: ParsedBatch) -> None:
        """Decode the frames whose profiles name a codec, all in one call."""
        if self._pending:
            run_codecs(parsed, self._pending, self._codecs)

    def read(self, parsed: ParsedBatch, i: int, message: Message, route: Route) -> None:
        """Enter what a network server's message holds: uplinks, events, receipts."""
        assert route.unwrap is not None
        at = self._received
        now = at if isinstance(at, int) else int(at[i])
        try:
            envelopes = route.unwrap(route.name, message.payload, now)
        except EnvelopeError as error:
            self._enter_broken(parsed, i, message, str(error))
            return
        if route.application and envelopes:
            self._note_downlink_signs(parsed, route, message, envelopes[0])
        uplinks, broken = 0, ""
        for envelope in envelopes:
            if envelope.broken:
                broken += f"; {envelope.broken}" if broken else envelope.broken
            elif envelope.event is None:
                self.enter(parsed, i, message, envelope)
                uplinks += 1
            elif parsed.trace is not None:
                parsed.trace.events.append((envelope.event, envelope.device))
        if broken:
            self._enter_broken(parsed, i, message, broken)
        elif not uplinks:
            parsed.events += 1

    def _note_downlink_signs(
        self, parsed: ParsedBatch, route: Route, message: Message, envelope: Envelope
    ) -> None:
        """Note what a ChirpStack message can show of downlinks, for DownlinkTracker."""
        if envelope.event is None:
            device = self._router.device_number(envelope.device)
            if device != NO_DEVICE:
                frame = envelope.payload or b""
                parsed.downlink_signs.append((device, route.application, frame))
        elif envelope.event in RECEIPTS:
            found = receipt(envelope.event, message.payload)
            if found is not None:
                parsed.downlink_signs.append(DownlinkReceipt(*found))

    def _enter_broken(
        self, parsed: ParsedBatch, i: int, message: Message, detail: str
    ) -> None:
        """Enter a dead letter for a message that cannot be read, or a part of it."""
        uplink = parsed.add_uplink_of(i, message, NO_DEVICE, raw_message_key(message))
        parsed.mark_dead(uplink, Reason.BAD_ENVELOPE, "", detail)

    def enter(
        self, parsed: ParsedBatch, i: int, message: Message, envelope: Envelope
    ) -> None:
        """Enter an uplink of message `i` that was taken out of its envelope."""
        device = self._router.device_number(envelope.device)
        seed = device if device >= 0 else xxh3_64_intdigest(envelope.device.encode(), 1)
        seq = NO_SEQ if envelope.seq is None else envelope.seq
        content = envelope.payload
        if content is None or envelope.seq is None:
            content = content_of(envelope)
        mixed = (seed ^ (envelope.port << 56) ^ ((seq + 1) << 20)) & MASK
        if envelope.session:
            mixed = xxh3_64_intdigest(envelope.session.encode(), mixed)
        key = xxh3_64_intdigest(content, mixed)
        uplink = parsed.add_uplink_of(i, message, device, key, seq)
        if envelope.measured_at is not None:
            parsed.device_time[uplink] = envelope.measured_at
        if envelope.network_time is not None:
            parsed.network_time[uplink] = envelope.network_time
        elif seq == NO_SEQ and envelope.measured_at is None:
            parsed.seq[uplink] = BARE
        if envelope.gateways:
            parsed.gateways[uplink] = envelope.gateways
        if device == NO_DEVICE:
            detail = f"device {envelope.device} is not registered"
            parsed.mark_dead(uplink, Reason.UNKNOWN_DEVICE, envelope.device, detail)
            return
        self._decode(parsed, uplink, envelope)

    def _decode(self, parsed: ParsedBatch, uplink: int, envelope: Envelope) -> None:
        """Decode an uplink by its device's profile, or leave it to the codecs."""
        profile = self._registry.profiles[parsed.device[uplink]]
        if profile is None:
            detail = "its profile is not among the profiles"
            parsed.mark_dead(uplink, Reason.BAD_PAYLOAD, envelope.device, detail)
            return
        if profile.codec is not None and envelope.payload:
            self._pending.append(PendingFrame(uplink, envelope, profile))
            return
        frame = decode_uplink(envelope, profile)
        readings, remarks, parsed.sound[uplink] = map_frame(profile, frame)
        if parsed.trace is not None:
            parsed.trace.uplinks.append(
                DecodedUplink(uplink, envelope, profile, frame, len(readings), remarks)
            )
        for place, (_, _, at) in enumerate(readings, len(parsed.code)):
            if at is not None:
                parsed.own_time[place] = at
        parsed.code += bytes([code for code, _, _ in readings])
        parsed.value += [value for _, value, _ in readings]
        parsed.count[uplink] = len(readings)
        parsed.finish_uplink(uplink, envelope.device, remarks)
