"""What a test opens and does not close itself is closed when the test is over."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar


class Closable(Protocol):
    """A connection, a file, a hub."""

    def close(self) -> object: ...


Opened = TypeVar("Opened", bound=Closable)
_open: list[Closable] = []


def close_later(opened: Opened) -> Opened:
    """Have it closed at the end of the test, or of what else `closing_all` is for."""
    _open.append(opened)
    return opened


@contextmanager
def closing_all() -> Iterator[None]:
    """Close what is opened from here on, the newest first; older things stay."""
    before = len(_open)
    try:
        yield
    finally:
        while len(_open) > before:
            _open.pop().close()
