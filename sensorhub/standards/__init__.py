"""Limits of standards with their sources, and whether a sensor can judge them.

Every number names its source. A limit whose source was not seen has no value or the
trust `?`, and is refused unless the operator supplies it.
"""

from sensorhub.standards.table import (
    StandardLimit,
    Standards,
    Trust,
    built_in,
    load_standards,
)

__all__ = ["StandardLimit", "Standards", "Trust", "built_in", "load_standards"]
