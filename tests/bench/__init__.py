"""Speed and size of the hub, against a bare subscriber: `make bench`.

Benchmarks use what the tests share as the tests do: `from support.x import y`.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
