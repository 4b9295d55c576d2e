"""What the fixture `run` is: a command's exit code, output and errors."""

from collections.abc import Callable

Run = Callable[..., tuple[int, str, str]]
