"""Where sdists, virtual environments and logs are kept between runs. None of it is committed.

Not in ``.cache``, which the generator of the guide empties.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: The environment variable that moves the cache.
VARIABLE = "CONFORMANCE_CACHE"


def folder(*names: str) -> Path:
    """A folder in the cache. It exists."""
    path = Path(os.environ.get(VARIABLE) or ROOT / "var" / "conformance").resolve().joinpath(*names)
    path.mkdir(parents=True, exist_ok=True)
    return path
