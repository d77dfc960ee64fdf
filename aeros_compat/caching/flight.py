"""Single flight: of many requests for one entry, one computes it and the others wait for that.

Requests on threads and on the event loop stand in the same line. Whoever computes tells the line how it ended:

* with a record, which all get;
* with :attr:`Ended.FAILED` or :attr:`Ended.LEFT`: the next in line computes;
* with :attr:`Ended.NOT_SHARED`: everybody computes at once, each for itself, and for a while nobody lines up. One after
  the other would be far slower than no cache at all.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import Future
from enum import Enum, auto

from .record import Record

#: Seconds for which one waits for another's computation, before computing it oneself.
WAIT_SECONDS = 30.0

#: Failures in a row after which the others no longer take turns at it.
FAILURES = 2

#: Seconds for which requests do not line up for what could not be shared.
NOT_SHARED_SECONDS = 10.0

#: Keys that are remembered so.
NOT_SHARED_KEYS = 1000


class Ended(Enum):
    """How a computation ended that gave no record."""

    FAILED = auto()
    LEFT = auto()
    NOT_SHARED = auto()


class Place(Enum):
    """What one who waits may be told, other than a record."""

    FIRST = auto()
    ALONE = auto()


Outcome = Record | Place


class _Line:
    def __init__(self) -> None:
        self.waiting: deque[Future[Outcome]] = deque()
        self.failures = 0
        self.began = time.monotonic()


class Flights:
    """The lines of one process. Safe for threads; waits for nothing itself."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: dict[str, _Line] = {}
        self._not_shared: dict[str, float] = {}

    def join(self, key: str) -> Place | Future[Outcome]:
        """A place at once, or a future of one: wait for it, and call :meth:`leave` in any case."""
        with self._lock:
            if self._is_not_shared(key):
                return Place.ALONE
            line = self._lines.get(key)
            if line is None:
                self._lines[key] = _Line()
                return Place.FIRST
            if time.monotonic() - line.began > WAIT_SECONDS:
                return Place.ALONE
            future: Future[Outcome] = Future()
            line.waiting.append(future)
            return future

    def leave(self, key: str, future: Future[Outcome]) -> None:
        """Wait no longer. One who has just become the first without knowing lets the next one go first."""
        if not future.cancel() and future.result() is Place.FIRST:
            self.end(key, Ended.LEFT)

    def end(self, key: str, outcome: Record | Ended) -> None:
        """Called by the first: tell the others. Whoever is first then must call it too."""
        with self._lock:
            line = self._lines[key]
            if outcome is Ended.FAILED:
                line.failures += 1
            if outcome is Ended.NOT_SHARED:
                self._remember_not_shared(key)
            goes_on = outcome is Ended.LEFT or (outcome is Ended.FAILED and line.failures < FAILURES)
            if goes_on and self._next_is_first(line):
                return
            del self._lines[key]
        for future in line.waiting:
            if future.set_running_or_notify_cancel():
                future.set_result(outcome if isinstance(outcome, Record) else Place.ALONE)

    def is_busy(self, key: str) -> bool:
        """Whether somebody computes the entry."""
        return key in self._lines

    def _next_is_first(self, line: _Line) -> bool:
        while line.waiting:
            future = line.waiting.popleft()
            if future.set_running_or_notify_cancel():
                line.began = time.monotonic()
                future.set_result(Place.FIRST)
                return True
        return False

    def _is_not_shared(self, key: str) -> bool:
        until = self._not_shared.get(key)
        if until is None:
            return False
        if until > time.monotonic():
            return True
        del self._not_shared[key]
        return False

    def _remember_not_shared(self, key: str) -> None:
        self._not_shared.pop(key, None)
        if len(self._not_shared) >= NOT_SHARED_KEYS:
            del self._not_shared[next(iter(self._not_shared))]  # the oldest
        self._not_shared[key] = time.monotonic() + NOT_SHARED_SECONDS
