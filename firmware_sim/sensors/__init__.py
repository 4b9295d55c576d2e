"""What sensors make of the world: pure, with the errors of a scenario."""
