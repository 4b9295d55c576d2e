"""`python -m sensorhub`."""

from sensorhub.cli import main

main()
