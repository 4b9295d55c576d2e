"""What commands print, and the codes they exit with."""

import json
from typing import Any

from sensorhub.model import Reading

REFUSED = 1
BAD_CONFIG = 3
NO_STORE = 4
TAKEN_OVER = 75


def print_json(value: Any) -> None:
    """Print one JSON document on standard output."""
    print(json.dumps(value, ensure_ascii=False, indent=2))


def quality_text(reading: Reading) -> str:
    """A reading's quality with its reason."""
    quality = reading.quality.name.lower()
    return f"{quality} ({reading.reason.word})" if reading.reason else quality
