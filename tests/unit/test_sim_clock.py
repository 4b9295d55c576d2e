"""The simulator's times as text: to the millisecond, there and back."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.clock import parse_time, rfc3339


@given(st.integers(0, 4_102_444_800_000))
def test_a_time_as_text_is_what_the_library_writes(at: int) -> None:
    seconds, ms = divmod(at, 1000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=ms * 1000)
    text = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert rfc3339(at) == text
    assert parse_time(text) == at
