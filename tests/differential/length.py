"""How long to search: a bounded part in every run, more when it is asked for.

``DIFFERENTIAL_EXAMPLES=20000 python -m pytest tests/differential`` generates 20,000 requests, new ones each time, and
puts every request to every flavour.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

__all__ = ["LONG", "search"]

LONG = "DIFFERENTIAL_EXAMPLES" in os.environ
_EXAMPLES = int(os.environ.get("DIFFERENTIAL_EXAMPLES", "300"))


def search(share: float) -> settings:
    """Hypothesis's settings for a test that gets a ``share`` of the examples."""
    return settings(
        max_examples=max(1, int(_EXAMPLES * share)),
        derandomize=not LONG,
        print_blob=LONG,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
