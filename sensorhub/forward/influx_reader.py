"""Reading back what was forwarded, by InfluxQL, as if it came from the history.

Every generation from 1.8 on answers InfluxQL at `/query`; Flux is absent from 3.
"""

from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpcore
import msgspec
import numpy as np

from sensorhub.config.influx import InfluxSettings
from sensorhub.errors import StoreError
from sensorhub.forward.lines import DELAY, READINGS, SHIFTED, SUSPECT
from sensorhub.model import BY_NAME, CATALOGUE, Quality, Reason
from sensorhub.store.history import DeviceSpan
from sensorhub.store.past_readings import ReadingsQuery
from sensorhub.store.readings import Readings, in_order, join

WINDOW_MS = 28 * 86_400_000  # of one question: bounds the memory
MOST_SHIFT_MS = 3_600_000
CHUNK_ROWS = 10_000
_REASONS = {reason.word: reason for reason in Reason}


class InfluxReader:
    """Asks one InfluxDB. Raises StoreError where it does not answer."""

    def __init__(self, settings: InfluxSettings) -> None:
        self._settings = settings
        self._headers = [
            ("Host", (settings.url or "").partition("://")[2].partition("/")[0]),
            ("Authorization", _authorization(settings)),
        ]

    def read(self, asked: ReadingsQuery) -> Iterator[Readings]:
        """What was measured, in order; pages of some weeks."""
        with httpcore.ConnectionPool(max_connections=1) as pool:
            yield from self._pages(pool, asked)

    def _pages(
        self, pool: httpcore.ConnectionPool, asked: ReadingsQuery
    ) -> Iterator[Readings]:
        since, until = asked.since, asked.until
        firsts = [self._first(pool, asked.names[span.device]) for span in asked.spans]
        since = max(since, min((f for f in firsts if f is not None), default=until))
        while since < until:
            end = min(until, since + WINDOW_MS)
            page = asked._replace(since=since, until=end)
            found = in_order(join([self._of(pool, span, page) for span in asked.spans]))
            if len(found):
                yield found
            since = end

    def _first(self, pool: httpcore.ConnectionPool, device: str) -> int | None:
        """About when a device's first point was measured; None without any."""
        rows = self._ask(
            pool,
            f'SELECT first("{DELAY}") FROM "{READINGS}" WHERE device = {_text(device)}',
        )
        return next((int(row[0]) - MOST_SHIFT_MS for _, row in rows), None)

    def _of(
        self, pool: httpcore.ConnectionPool, span: DeviceSpan, asked: ReadingsQuery
    ) -> Readings:
        since, until = max(span.since, asked.since), min(span.until, asked.until)
        if since >= until:
            return _readings(span, [], [])
        entries = [m for m in CATALOGUE if asked.codes is None or m.no in asked.codes]
        names = [m.name for m in entries] + [DELAY, SHIFTED, SUSPECT]
        fields = ", ".join(f'"{name}"' for name in names)
        rows = self._ask(
            pool,
            f'SELECT {fields} FROM "{READINGS}"'
            f" WHERE device = {_text(asked.names[span.device])}"
            f" AND time >= {since}ms AND time < {until + MOST_SHIFT_MS}ms",
        )
        found = _readings(span, names, [row for _, row in rows])
        mine = (found.measured_at >= since) & (found.measured_at < until)
        return found.take(mine)

    def _ask(
        self, pool: httpcore.ConnectionPool, question: str
    ) -> Iterator[tuple[list[str], list[Any]]]:
        """Columns and values of each row; time first, in ms."""
        database, _, policy = self._settings.bucket.partition("/")
        words = {"db": self._settings.bucket, "epoch": "ms", "q": question}
        if self._settings.flavour == "v1":
            words["db"] = database
            words |= {"rp": policy} if policy else {}
        words |= {"chunked": "true", "chunk_size": str(CHUNK_ROWS)}
        url = f"{(self._settings.url or '').rstrip('/')}/query?{urlencode(words)}"
        for answer in self._answers(pool, url):
            for result in answer.get("results", []):
                if "error" in result:
                    raise self._fault(result["error"])
                for series in result.get("series", []):
                    for row in series["values"]:
                        yield series["columns"], row

    def _answers(
        self, pool: httpcore.ConnectionPool, url: str
    ) -> Iterator[dict[str, Any]]:
        """The parts of an answer: a line of JSON each."""
        patience = dict.fromkeys(
            ("connect", "read", "write", "pool"), self._settings.timeout_s
        )
        try:
            with pool.stream(
                "GET", url, headers=self._headers, extensions={"timeout": patience}
            ) as response:
                if response.status != 200:
                    body = response.read().decode("utf-8", "replace")[:300].strip()
                    raise self._fault(f"{response.status}: {body}")
                left = b""
                for part in response.iter_stream():
                    *lines, left = (left + part).split(b"\n")
                    yield from (msgspec.json.decode(x) for x in lines if x.strip())
                if left.strip():
                    yield msgspec.json.decode(left)
        except (httpcore.NetworkError, httpcore.TimeoutException, OSError) as error:
            raise self._fault(f"no answer ({type(error).__name__})") from error
        except (httpcore.ProtocolError, msgspec.MsgspecError) as error:
            raise self._fault(f"half an answer ({type(error).__name__})") from error

    def _fault(self, what: str) -> StoreError:
        return StoreError(
            "what is older than the hub's own history stands in InfluxDB"
            f" ({self._settings.url}), which says: {what}"
        )


def _authorization(settings: InfluxSettings) -> str:
    token = settings.secret()
    if settings.flavour == "v1":
        return f"Basic {b64encode(token.encode()).decode()}"
    return f"Token {token}"


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _readings(span: DeviceSpan, names: list[str], rows: list[list[Any]]) -> Readings:
    """Rows of time and `names` as readings: where they were measured, not placed."""
    found: list[tuple[int, int, int, float, int, int]] = []
    for at, *values in rows:
        *own, delay, shift, suspect = values
        measured_at = at - (shift or 0)
        marks = dict(part.split(":") for part in (suspect or "").split(";") if part)
        for name, value in zip(names, own, strict=False):
            if value is not None:
                reason = _REASONS.get(marks.get(name, ""), Reason.NONE)
                quality = Quality.SUSPECT if name in marks else Quality.OK
                received_at = measured_at + (delay or 0)
                no = BY_NAME[name].no
                found.append((measured_at, received_at, no, value, quality, reason))
    columns = list(zip(*found, strict=True)) or [()] * 6
    return Readings(
        device=np.full(len(found), span.device, np.int32),
        code=np.array(columns[2], np.uint8),
        measured_at=np.array(columns[0], np.int64),
        received_at=np.array(columns[1], np.int64),
        value=np.array(columns[3], np.float64),
        quality=np.array(columns[4], np.uint8),
        quality_reason=np.array(columns[5], np.uint8),
    )
