"""What an act answers."""

from typing import Any

Result = dict[str, Any]
