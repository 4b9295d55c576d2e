"""Severity changes to transitions, transitions to notifications."""
