"""Writes ready lines to InfluxDB's v2 endpoint; says what became of them.

| answer | what it means here |
|---|---|
| 2xx | written |
| 413 | too much at once: by halves |
| 400, 422 | a line is bad: by halves down to it, it becomes a letter |
| 401, 403, 404, other 3xx, 4xx | settings are wrong: `InfluxRefused`, wait long |
| 429, 503 | busy: `InfluxUnavailable`, wait as long as it says |
| other 5xx, half an answer, none | `InfluxUnavailable` |

A batch may be sent in part and then again: InfluxDB overwrites a point by itself.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from sensorhub.config.influx import InfluxSettings
from sensorhub.errors import SensorhubError
from sensorhub.forward.lines import count_readings, single_fields
from sensorhub.store.forward_queue import RefusedLine

LONGEST_REASON = 300
_DROPPED = re.compile(r"dropped[= ](\d+)")
_EXPIRED = re.compile(r"retention policy", re.IGNORECASE)
_BOUND = re.compile(r"Lower Bound at ([0-9-]+T[0-9:]+)")


class InfluxUnavailable(SensorhubError):
    """InfluxDB does not take anything now; `retry_after_s` if it said so."""

    def __init__(self, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class InfluxRefused(InfluxUnavailable):
    """It will not take anything until somebody changes the settings, here or there."""


class _BadLines(SensorhubError):
    """At least one of the lines is bad; `dropped` says how many, if it did."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        found = _DROPPED.search(reason)
        self.dropped = int(found.group(1)) if found else None
        self.expired = bool(_EXPIRED.search(reason))
        bound = _BOUND.search(reason)
        # ms; the second is enough: what lies in it is found by halves
        self.kept_from = _epoch_ms(bound.group(1)) if bound else 0


class _TooMuch(SensorhubError):
    """More than InfluxDB takes in one request."""


@dataclass(slots=True)
class WriteResult:
    """What was not written: bad lines, and readings older than the bucket keeps."""

    letters: list[RefusedLine] = field(default_factory=list)
    expired: int = 0

    @property
    def refused(self) -> int:
        """Readings of the bad lines."""
        return sum(letter.readings for letter in self.letters)


class InfluxWriter:
    """Writes to one bucket. Raises InfluxUnavailable or InfluxRefused."""

    def __init__(self, settings: InfluxSettings) -> None:
        # half a second that only who forwards should wait for
        from influxdb_client.client.influxdb_client import InfluxDBClient
        from influxdb_client.client.write_api import SYNCHRONOUS

        self._settings = settings
        self._client = InfluxDBClient(
            url=settings.url,
            token=settings.secret(),
            org=settings.org or "-",
            timeout=int(settings.timeout_s * 1000),
            enable_gzip=settings.gzip,
            retries=False,  # no redirects either: a token goes where it was meant to
        )
        self._write = self._client.write_api(write_options=SYNCHRONOUS).write

    def close(self) -> None:
        """Give the connection back."""
        self._client.close()  # type: ignore[no-untyped-call]  # the library's own

    def send(self, lines: Sequence[str]) -> WriteResult:
        """Write all lines; answers what could not be written."""
        result = WriteResult()
        if lines:
            self._settle(list(lines), result, whole=True)
        return result

    def _settle(self, lines: list[str], result: WriteResult, *, whole: bool) -> None:
        """`whole`: lines may still be taken apart into their fields."""
        if not lines:
            return
        try:
            self._post(lines)
        except _TooMuch as error:
            if len(lines) == 1:
                result.letters += _letters(lines, str(error))
            else:
                self._halves(lines, result, whole=whole)
        except _BadLines as error:
            self._bad(lines, error, result, whole=whole)

    def _halves(self, lines: list[str], result: WriteResult, *, whole: bool) -> None:
        half = len(lines) // 2
        self._settle(lines[:half], result, whole=whole)
        self._settle(lines[half:], result, whole=whole)

    def _bad(
        self, lines: list[str], error: _BadLines, result: WriteResult, *, whole: bool
    ) -> None:
        all_of_them = len(lines) == 1 or error.dropped == len(lines)
        old = [line for line in lines if _time_of(line) < error.kept_from]
        if error.expired and (old or all_of_them):
            young = [line for line in lines if _time_of(line) >= error.kept_from]
            result.expired += sum(map(count_readings, old or lines))
            self._settle(young if old else [], result, whole=whole)
        elif not all_of_them:
            self._halves(lines, result, whole=whole)
        elif whole and len(parts := _by_field(lines)) > len(lines):
            self._settle(parts, result, whole=False)
        else:
            result.letters += _letters(lines, str(error))

    def _post(self, lines: list[str]) -> None:
        from influxdb_client.domain.write_precision import WritePrecision
        from influxdb_client.rest import ApiException
        from urllib3.exceptions import HTTPError

        try:
            self._write(
                bucket=self._settings.bucket,
                record="\n".join(lines).encode(),
                write_precision=WritePrecision.MS,  # type: ignore[arg-type]  # a str
            )
        except ApiException as error:
            raise _meaning(error) from error
        except (HTTPError, OSError, ValueError) as error:
            raise InfluxUnavailable(f"no answer: {type(error).__name__}") from error


def _by_field(lines: list[str]) -> list[str]:
    """Lines of one measurement each, those of a measurement together."""
    parts = [part for line in lines for part in single_fields(line)]
    return sorted(parts, key=_field_name)


def _letters(lines: list[str], reason: str) -> list[RefusedLine]:
    return [RefusedLine(line, count_readings(line), reason) for line in lines]


def _time_of(line: str) -> int:
    return int(line.rpartition(" ")[2])


def _epoch_ms(text: str) -> int:
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp() * 1000)


def _field_name(line: str) -> str:
    return line.partition(" ")[2].partition("=")[0]


def _meaning(error: Any) -> SensorhubError:
    """What a status other than 2xx means."""
    status = int(error.status or 0)
    reason = f"{status}: {error.message or error.reason or ''}"[:LONGEST_REASON]
    if status in (400, 422):
        return _BadLines(f"{status}: {error.message or error.body or ''}")
    if status == 413:
        return _TooMuch(reason)
    if 300 <= status < 500 and status not in (408, 425, 429):
        return InfluxRefused(reason)
    return InfluxUnavailable(reason, _seconds(error.headers or {}))


def _seconds(headers: Mapping[str, str]) -> float | None:
    """Retry-After in seconds; a date counts from the answer's own Date."""
    retry_after = headers.get("Retry-After")
    if retry_after is None:
        return None
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        begin = parsedate_to_datetime(headers.get("Date", ""))
        return max(0.0, (parsedate_to_datetime(retry_after) - begin).total_seconds())
    except (ValueError, TypeError):
        return None
