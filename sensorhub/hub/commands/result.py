"""The result of a command."""

from typing import Any

Result = dict[str, Any]
