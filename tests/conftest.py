"""What every test gets."""

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """A test that sets up the log does so for itself only."""
    yield
    structlog.reset_defaults()
