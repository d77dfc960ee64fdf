"""Worker threads that know how busy they are, and tell each request how long it waited for them."""

from __future__ import annotations

from concurrent.futures import Executor
from threading import get_ident
from time import perf_counter
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from ..lanes.threads import LEASE_LIMIT, Lease, Turn, WorkerThreads
from .record import Record

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from ..exchange import Thread

P = ParamSpec("P")
T = TypeVar("T")


class _Slot:
    """One worker thread: when it began what it is doing, or 0, and how long it has been busy before that."""

    __slots__ = ("began", "total")

    def __init__(self) -> None:
        self.began = 0.0
        self.total = 0.0


class CountedThreads(WorkerThreads):
    """Worker threads whose jobs are timed.

    Each thread writes to a slot of its own, so that no lock is needed; whoever looks adds them up.
    """

    def __init__(self, limit: int, *, lease_limit: int = LEASE_LIMIT) -> None:
        super().__init__(limit, lease_limit=lease_limit)
        self.slots: dict[int, _Slot] = {}

    def turn(self, record: Record | None = None) -> Turn:
        return CountedTurn(self, record or Record())

    def lease(self, record: Record | None = None) -> Lease:
        return CountedLease(self, record or Record())

    @property
    def busy(self) -> int:
        """Workers that have a job."""
        return min(self.limit, sum(1 for slot in list(self.slots.values()) if slot.began))

    def busy_seconds(self) -> float:
        """The time that all workers together have spent on jobs, those of the moment included."""
        now = perf_counter()
        total = 0.0
        for slot in list(self.slots.values()):
            began = slot.began
            total += slot.total + (now - began if began else 0.0)
        return total


class CountedTurn(Turn):
    """A turn that times its jobs, for its request and for its worker."""

    def __init__(self, threads: CountedThreads, record: Record) -> None:
        super().__init__(threads)
        self._record = record
        self._slots = threads.slots

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        self._record.hops += 1
        # Once it is kept, the thread is none of the workers any more.
        run = self._on_worker if self._inbox is None else self._on_kept_thread
        return super().submit(run, perf_counter(), fn, args, kwargs)

    def _on_worker(self, submitted: float, fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
        ident = get_ident()
        slot = self._slots.get(ident)
        if slot is None:
            slot = self._slots[ident] = _Slot()
        record = self._record
        slot.began = began = perf_counter()
        record.waited += began - submitted
        try:
            return fn(*args, **kwargs)
        finally:
            worked = perf_counter() - began
            slot.total += worked
            slot.began = 0.0
            record.on_thread += worked

    def _on_kept_thread(self, submitted: float, fn: Callable[..., T], args: Any, kwargs: Any) -> T:
        return _timed(self._record, submitted, fn, args, kwargs)


class CountedLease(Lease):
    """A lease that times its jobs for its request."""

    def __init__(self, threads: WorkerThreads, record: Record) -> None:
        super().__init__(threads)
        self._record = record

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        self._record.hops += 1
        return super().submit(_timed, self._record, perf_counter(), fn, args, kwargs)


class CountedCaller(Executor):
    """The thread of a caller of the WSGI entry, whose jobs are timed."""

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
