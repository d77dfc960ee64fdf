"""Places on threads that know how long they were waited for, and how long they were worked on.

One for each request, and nothing else is made to time it. Seconds of the monotonic clock.
"""

from __future__ import annotations

from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from ..lanes.threads import Lease, Place, Turn
from .tally import NO_ROUTE

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable

    from ..exchange import Thread
    from ..lanes.threads import Call, Inbox
    from .tally import Seen


class Timed(Place):
    """Jobs of one request, the time that they waited for a thread, and the time that they took."""

    hops: int
    waited: float
    worked: float
    #: Of the latest job of a turn: when it came, and when it began.
    posted = 0.0
    began = 0.0
    #: What else is known of the request, here because each object more would cost it more than all that is in it. When
    #: the async lane took it, 0 in the other; the status line of its answer, and the time until that was there.
    taken: float
    status = ""
    in_lane = 0.0
    #: What stands in place of a rule.
    label = NO_ROUTE
    #: Where to leave what was seen; None if nobody watches, or when it has been left.
    finished: deque[Seen] | None = None

    def time_in_lane(self) -> float:
        """Seconds in the lane until now, without the waits for threads: hooks, view and teardown."""
        if self.taken:
            return perf_counter() - self.taken - self.waited
        # Not what the clock of the loop says, which may have been blocked when the thread was ready.
        return self.worked or self._time_until_now()

    def _time_until_now(self) -> float:
        """The same for a job whose end nobody waits for any more."""
        if self.began:
            return perf_counter() - self.began
        if self.posted:
            self.hops, self.waited = 1, perf_counter() - self.posted
        return 0.0


class TimedTurn(Timed, Turn):
    """A turn whose jobs come one after the other."""

    def post(self, call: Call) -> None:
        self.posted = perf_counter()
        if self._inbox is None:  # what Turn does, without a call
            self._threads._share(partial(self._do, call))
        else:
            self._inbox.put(partial(self._do, call))

    def _do(self, call: Call) -> Inbox | None:
        self.began = began = perf_counter()
        self.waited += began - self.posted
        self.hops += 1
        tell = call()
        self.worked += perf_counter() - began
        next_inbox, self._next_inbox = self._next_inbox, None  # before anybody is told: see Turn
        tell()
        return next_inbox


class TimedLease(Timed, Lease):
    def post(self, call: Call) -> None:
        Lease.post(self, _timed(self, call))


class TimedCaller(Timed):
    """The thread of a caller of the WSGI entry."""

    def __init__(self, thread: Thread) -> None:
        self._thread = thread

    def post(self, call: Call) -> None:
        self._thread.post(_timed(self, call))

    def keep(self) -> None:
        self._thread.keep()

    def release(self) -> None:
        self._thread.release()


def _timed(place: Timed, call: Call) -> Call:
    return partial(_run, place, perf_counter(), call)


def _run(place: Timed, posted: float, call: Call) -> Callable[[], object]:
    began = perf_counter()
    place.waited += began - posted
    place.hops += 1
    tell = call()
    place.worked += perf_counter() - began
    return tell
