"""The command line: `sensorhub COMMAND`; one module a kind of work."""

from sensorhub.cli.main import main

__all__ = ["main"]
