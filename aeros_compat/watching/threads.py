"""Places on threads that tell a request how long it waited for them, and what it did there."""

from __future__ import annotations

from concurrent.futures import Executor
from time import perf_counter
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from ..lanes.threads import Lease, Turn

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from ..exchange import Thread
    from .record import Record

P = ParamSpec("P")
T = TypeVar("T")


class TimedTurn(Turn):
    record: Record

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        record = self.record
        record.hops += 1
        return Turn.submit(self, _timed, record, perf_counter(), fn, args, kwargs)


class TimedLease(Lease):
    record: Record

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        record = self.record
        record.hops += 1
        return Lease.submit(self, _timed, record, perf_counter(), fn, args, kwargs)


class TimedCaller(Executor):
    """The thread of a caller of the WSGI entry."""

    def __init__(self, thread: Thread, record: Record) -> None:
        self._thread = thread
        self._record = record

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        self._record.hops += 1
        return self._thread.submit(_timed, self._record, perf_counter(), fn, args, kwargs)

    def keep(self) -> None:
        self._thread.keep()

    def release(self) -> None:
        self._thread.release()


def _timed(record: Record, submitted: float, fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
    began = perf_counter()
    record.waited += began - submitted
    try:
        return fn(*args, **kwargs)
    finally:
        record.on_thread += perf_counter() - began
