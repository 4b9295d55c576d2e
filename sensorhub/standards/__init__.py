"""Standards as code: limits with their source, and whether a sensor can judge them.

Only numbers whose source is named stand here; what was not seen carries no value
or the trust `?` and is refused where nobody supplies it.
"""

from sensorhub.standards.table import (
    Limit,
    Standards,
    Trust,
    built_in,
    load_standards,
)

__all__ = ["Limit", "Standards", "Trust", "built_in", "load_standards"]
