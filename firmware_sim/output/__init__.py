"""The output of a simulation: broker messages, traces and ground-truth labels."""
