"""Times in fleet files: parse RFC 3339 or a bare date, write RFC 3339 in UTC."""

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache

_DATE = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


@lru_cache(maxsize=4096)
def parse_time(text: str, timezone: tzinfo) -> int:
    """Parse an RFC 3339 time or a bare date (00:00 in `timezone`) into epoch ms.

    Dates as spreadsheets write them (2026/3/1) are accepted, too. Raises ValueError
    that says what would be right.
    """
    try:
        if match := _DATE.fullmatch(text):
            day = date(int(match[1]), int(match[2]), int(match[3]))
            return _ms(datetime(day.year, day.month, day.day, tzinfo=timezone))
        if _TIME.fullmatch(text):
            if text[11:13] == "24":  # RFC 3339 has none; Python reads it from 3.14 on
                raise ValueError("hour must be in 0..23")
            return _ms(datetime.fromisoformat(text.upper()))
    except (ValueError, OverflowError) as error:
        raise ValueError(f"no such time: {text!r} ({error})") from error
    raise ValueError(
        f"not a time: {text!r}; a date like 2026-03-01, or RFC 3339 with its"
        " offset like 2026-03-01T08:00:00+08:00"
    )


def _ms(moment: datetime) -> int:
    return (moment - _EPOCH) // _MS


def format_time(ms: int) -> str:
    """Format as RFC 3339 in UTC; milliseconds only if not zero."""
    moment = _EPOCH + ms * _MS
    spec = "milliseconds" if ms % 1000 else "seconds"
    return moment.replace(tzinfo=None).isoformat(timespec=spec) + "Z"
