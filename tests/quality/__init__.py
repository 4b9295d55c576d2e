"""How good alerts and estimates are against the simulator's truth: `make quality`.

It uses what the tests share as the tests do: `from support.x import y`.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
