"""How long to search: a bounded part in every run, the same each time; more, and new, when it is asked for.

``HOSTILE_EXAMPLES=20000 python -m pytest tests/hostile`` tries 20,000 inputs in each test.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_ASKED = os.environ.get("HOSTILE_EXAMPLES")


def search(examples: int) -> settings:
    """Hypothesis's settings for a test that has ``examples`` in a bounded run."""
    return settings(
        max_examples=int(_ASKED) if _ASKED else examples,
        derandomize=_ASKED is None,
        print_blob=_ASKED is not None,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
