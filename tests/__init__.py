"""Tests, benchmarks and figures of quality; `support` is what they share."""
