"""Places on threads that tell a request how long it waited for them, and what it did there."""

from __future__ import annotations

from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from ..lanes.threads import Lease, Place, Turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..exchange import Thread
    from ..lanes.threads import Call
    from .record import Record


class TimedTurn(Turn):
    record: Record

    def post(self, call: Call) -> None:
        Turn.post(self, _timed(self.record, call))


class TimedLease(Lease):
    record: Record

    def post(self, call: Call) -> None:
        Lease.post(self, _timed(self.record, call))


class TimedCaller(Place):
    """The thread of a caller of the WSGI entry."""

    def __init__(self, thread: Thread, record: Record) -> None:
        self._thread = thread
        self._record = record

    def post(self, call: Call) -> None:
        self._thread.post(_timed(self._record, call))

    def keep(self) -> None:
        self._thread.keep()

    def release(self) -> None:
        self._thread.release()


def _timed(record: Record, call: Call) -> Call:
    record.hops += 1
    return partial(_run, record, perf_counter(), call)


def _run(record: Record, posted: float, call: Call) -> Callable[[], object]:
    began = perf_counter()
    record.waited += began - posted
    try:
        return call()
    finally:
        record.on_thread += perf_counter() - began
