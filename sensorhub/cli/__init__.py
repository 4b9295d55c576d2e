"""The command line: `sensorhub COMMAND`; one module for each kind of work.

A command is one function under the decorator `command` of `context`: its first argument
is the `Context` (settings, database, the hub's time, ways to answer), the others become
arguments and options. `main` puts the groups together.
"""

from sensorhub.cli.main import main

__all__ = ["main"]
