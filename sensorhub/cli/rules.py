"""rules: what they are, how they came to be, and tests of them."""

import typer

from sensorhub.cli import ruletesting

app = typer.Typer(no_args_is_help=True, help="Rules: test them, look at them, change.")
app.command("test")(ruletesting.play_tests)
