"""What the cache has done, counted."""

from __future__ import annotations

import threading
from typing import NamedTuple


class CacheStats(NamedTuple):
    """Requests to views under ``app.cache`` in this process since it started.

    ``hits``: answered with a fresh entry, or with what a concurrent request was computing. ``stale``: answered with
    an old one while it is renewed. ``misses``: the view was called. ``bypassed``: the cache was not asked. ``stored``:
    entries written. ``errors``: operations that failed because the backend was gone.
    """

    hits: int = 0
    stale: int = 0
    misses: int = 0
    bypassed: int = 0
    stored: int = 0
    errors: int = 0


class Counter:
    """Counts from any thread."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def add(self, name: str) -> None:
        """Count one more of a field of :class:`CacheStats`."""
        with self._lock:
            self._counts[name] = self._counts.get(name, 0) + 1

    def read(self) -> CacheStats:
        with self._lock:
            return CacheStats(**self._counts)
