"""Tests of rules: series and times in, expected alerts out, run by the hub's code."""
