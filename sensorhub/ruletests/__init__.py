"""Tests of rules: series and times in, expected alerts out; the hub's own code."""
