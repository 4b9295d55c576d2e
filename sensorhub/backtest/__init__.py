"""Run the hub's code over past data in virtual time."""
