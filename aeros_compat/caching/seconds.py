"""Times as users write them: whole seconds, or a ``datetime.timedelta``."""

from __future__ import annotations

import math
from datetime import timedelta

Seconds = int | timedelta


def whole_seconds(name: str, value: object, *, least: int = 0) -> int:
    """``value`` in seconds, parts of one rounded up.

    Raises TypeError if it is neither a whole number nor a timedelta, ValueError if it is under ``least``.
    """
    if isinstance(value, timedelta):
        seconds = math.ceil(value.total_seconds())
    elif isinstance(value, int) and not isinstance(value, bool):
        seconds = value
    else:
        raise TypeError(f"{name} must be a whole number of seconds or a timedelta, not {value!r}.")
    if seconds < least:
        raise ValueError(f"{name} must be at least {least} seconds, not {value!r}.")
    return seconds
