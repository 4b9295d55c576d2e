"""Operators' commands: one function for each, which fills a change set."""
