"""The threads that run sync code, and how a request keeps one.

Two kinds of place on a thread:

* A :class:`Turn` is one job on the shared workers. It ends with the job, unless the job calls :meth:`Turn.keep`,
  because a sync iterator that has begun on a thread must be advanced and closed there.
* A :class:`Lease` is a thread of one's own for as long as it is held: all sync pieces of one async request run there,
  so that a ``sqlite3`` connection or a ``threading.local`` session opened by one is closed by another, and no other
  request works on that thread in between.

Neither a kept turn nor a lease counts against the workers: a request that is waiting for its client or for an
``await`` takes no worker from the others, and its clean-up never queues behind them (the deadlock of
https://github.com/fastapi/fastapi/issues/3205).
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar
from weakref import WeakSet

from .hop import StopIterationEscaped
from .jobs import Job, Jobs

P = ParamSpec("P")
T = TypeVar("T")

#: What a thread serves: the queue that it shares with others, or one of its own.
Inbox = Jobs | SimpleQueue[Job | None]

#: A call that is made on a thread. It returns what tells whoever waits for it: by then the thread must know what it
#: does next, because who waits may give the place back at once.
Call = Callable[[], Callable[[], object]]

#: Leases that may be held at once in one process. A bound, not a target: a parked thread costs some ten kilobytes.
LEASE_LIMIT = 1000

#: Threads that stay when no lease holds them, for the next ones: starting one costs more than a hop.
WARM_THREADS = 64


class WorkerThreads:
    """``limit`` threads that take turns, and as many leased ones as requests hold, up to ``LEASE_LIMIT``.

    Threads start with the first use, are daemons, and end when the object is closed or collected.
    """

    def __init__(self, limit: int, *, lease_limit: int = LEASE_LIMIT) -> None:
        self.limit = limit
        self.lease_limit = lease_limit
        self._shared = Jobs()
        self._lock = threading.Lock()
        self._started = False
        self._free: list[Inbox] = []  # inboxes of leased threads that nobody holds: the last one in is the warmest
        self._held = 0
        self._kept = 0
        self._waiting: deque[Lease] = deque()

    @property
    def busy(self) -> int:
        """Workers that have a job."""
        return self.limit - min(self._shared.idle, self.limit) if self._started else 0

    @property
    def waiting(self) -> int:
        """Jobs that wait for a worker."""
        return self._shared.qsize()

    @property
    def leases(self) -> int:
        """Leases that hold a thread."""
        return self._held

    @property
    def kept(self) -> int:
        """Turns that keep their thread, for a response that streams, say."""
        return self._kept

    def turn(self) -> Turn:
        """A place for one job on the shared workers."""
        return Turn(self)

    def turns(self) -> Turns:
        """An executor each of whose jobs is a turn."""
        return Turns(self)

    def lease(self) -> Lease:
        """A thread of one's own; it is taken when the first job comes and must be given back with ``release()``."""
        return Lease(self)

    @property
    def has_room(self) -> bool:
        """Whether a lease that asks now gets a thread at once."""
        return self._held < self.lease_limit

    def close(self) -> None:
        """Let every thread end after the jobs that it already has. Jobs that come later start new threads."""
        with self._lock:
            workers, self._started = (self.limit if self._started else 0), False
            free, self._free = self._free, []
        for _ in range(workers):
            self._shared.put(None)
        for inbox in free:
            inbox.put(None)

    def __del__(self) -> None:
        self.close()

    # What turns and leases call.

    def _share(self, job: Job) -> None:
        if not self._started:
            self._start_workers()
        self._shared.put(job)

    def _start_workers(self) -> None:
        with self._lock:
            if self._started:
                return
            for _ in range(self.limit):
                _start_thread(self._shared, "worker")
            self._started = True

    def _replace_worker(self) -> None:
        """Put a thread on the shared queue in place of one that a kept turn has taken away."""
        with self._lock:
            inbox = self._free.pop() if self._free else None
        shared = self._shared
        if inbox is None:
            _start_thread(shared, "worker")
        else:
            inbox.put(lambda: shared)
        with self._lock:
            self._kept += 1

    def _end_turn(self, inbox: Inbox) -> None:
        """Take back the thread of a turn that was kept."""
        with self._lock:
            self._kept -= 1
        self._adopt(inbox)

    def _acquire(self, lease: Lease) -> Inbox | None:
        """An inbox with a thread behind it, or None: then the lease is next in line."""
        with self._lock:
            if self._held >= self.lease_limit:
                self._waiting.append(lease)
                return None
            self._held += 1
            if self._free:
                return self._free.pop()
        inbox: Inbox = SimpleQueue()
        try:
            _start_thread(inbox, "lease")
        except BaseException:
            with self._lock:
                self._held -= 1
            raise
        return inbox

    def _give_back(self, inbox: Inbox) -> None:
        """Hand the thread of a lease to the next in line, or keep it warm."""
        while True:
            with self._lock:
                lease = self._waiting.popleft() if self._waiting else None
                if lease is None:
                    self._held -= 1
                    break
            if lease._bind(inbox):
                return
        self._adopt(inbox)

    def _adopt(self, inbox: Inbox) -> None:
        """Keep the thread behind ``inbox`` for the next lease, or let it end if there are enough."""
        with self._lock:
            if len(self._free) < WARM_THREADS:
                self._free.append(inbox)
                return
        inbox.put(None)


class ProcessThreads:
    """:class:`WorkerThreads`, made when they are first asked for, and anew after a fork, which no thread survives."""

    def __init__(self) -> None:
        self._threads: WorkerThreads | None = None
        _of_process.add(self)

    def get(self, limit: int) -> WorkerThreads:
        threads = self._threads
        if threads is None:
            threads = self._threads = WorkerThreads(limit)
        return threads

    def forget(self) -> None:
        """Forget threads that are no longer there."""
        self._threads = None


_of_process: WeakSet[ProcessThreads] = WeakSet()


def _forget_all() -> None:
    for threads in _of_process:
        threads.forget()


os.register_at_fork(after_in_child=_forget_all)


class Place(Executor):
    """Where calls are made on a thread, for :func:`~aeros_compat.lanes.hop.hop` and as an executor of asgiref's."""

    def post(self, call: Call) -> None:
        """Make ``call`` on the thread."""
        raise NotImplementedError

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        self.post(partial(run_job, future, fn, args, kwargs))
        return future


class Turn(Place):
    """One job on the shared workers, and more on the same thread if that job says :meth:`keep`."""

    def __init__(self, threads: WorkerThreads) -> None:
        self._threads = threads
        self._inbox: SimpleQueue[Job | None] | None = None
        self._next_inbox: Inbox | None = None  # what the thread of the job that said keep() goes on with

    def post(self, call: Call) -> None:
        if self._inbox is None:
            self._threads._share(partial(self._do, call))
        else:
            self._inbox.put(partial(self._do, call))

    def _do(self, call: Call) -> Inbox | None:
        tell = call()
        # Read before anybody is told: whoever waits may release this turn at once, and another job may keep it.
        next_inbox, self._next_inbox = self._next_inbox, None
        tell()
        return next_inbox

    def keep(self) -> None:
        """Called by the job, on its thread: later jobs come here too, until :meth:`release`."""
        self._threads._replace_worker()  # first: it fails if the system has no more threads
        self._inbox = self._next_inbox = SimpleQueue()

    def release(self) -> None:
        """Give a kept thread back. Without :meth:`keep` there is nothing to do."""
        inbox, self._inbox = self._inbox, None
        if inbox is not None:
            self._threads._end_turn(inbox)


class Turns(Place):
    """Any number of jobs on the shared workers, each by itself."""

    def __init__(self, threads: WorkerThreads) -> None:
        self._threads = threads

    def post(self, call: Call) -> None:
        self._threads.turn().post(call)


class Lease(Place):
    """One thread for the sync pieces of one request, in the order in which they come."""

    # Of the class: most async requests have no sync pieces.
    _inbox: Inbox | None = None
    _asked = False
    _released = False
    _unfinished = 0

    def __init__(self, threads: WorkerThreads) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._pending: list[Job] = []

    def post(self, call: Call) -> None:
        if self._released:
            # A task that the view started and that outlives the request: it gets a turn like everybody else.
            self._threads.turn().post(call)
            return
        job = partial(self._do, call)
        with self._lock:
            self._unfinished += 1
            if self._inbox is not None:
                self._inbox.put(job)
                return
            self._pending.append(job)
            if self._asked:
                return
            self._asked = True
        try:
            inbox = self._threads._acquire(self)
        except BaseException:  # no thread to be had
            with self._lock:
                self._asked = False
                self._pending.remove(job)
                self._unfinished -= 1
            raise
        if inbox is not None and not self._bind(inbox):
            self._threads._give_back(inbox)

    def _do(self, call: Call) -> None:
        tell = call()
        with self._lock:
            self._unfinished -= 1
        tell()

    def keep(self) -> None:
        """A lease is kept until it is released."""

    def release(self) -> None:
        """Give the thread back, after the jobs that it already has."""
        self._released = True  # first: who asks for a thread from now on gives it back himself
        if not self._asked:
            return
        with self._lock:
            inbox, self._inbox = self._inbox, None
            busy = self._unfinished > 0
        if inbox is None:
            return
        if busy:
            # A task that the view left behind still has it: no other request must wait for that.
            threads = self._threads
            inbox.put(lambda: threads._give_back(inbox))
        else:
            self._threads._give_back(inbox)

    def _bind(self, inbox: Inbox) -> bool:
        """Take the thread behind ``inbox`` for the jobs that wait for one; whether it is held from now on."""
        with self._lock:
            for job in self._pending:
                inbox.put(job)
            self._pending = []
            if not self._released:
                self._inbox = inbox
            return not self._released


def run_job(
    future: Future[T], fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Callable[[], None]:
    """Call ``fn`` and return what settles the future."""
    if not future.set_running_or_notify_cancel():
        return _nothing
    try:
        result = fn(*args, **kwargs)
    except StopIteration as error:
        failure = StopIterationEscaped("a sync function that runs on a worker thread raised StopIteration")
        failure.__cause__ = error
        return partial(future.set_exception, failure)
    except BaseException as error:
        return partial(future.set_exception, error)
    return partial(future.set_result, result)


def _nothing() -> None:
    """The caller has cancelled the job before it began."""


_count = 0


def _start_thread(inbox: Inbox, kind: str) -> None:
    global _count
    _count += 1
    threading.Thread(target=_live, args=(inbox,), name=f"aeros-{kind}-{_count}", daemon=True).start()


def _live(inbox: Inbox | None) -> None:
    """What each thread does. It holds the queue alone, so that its owner can be collected."""
    while inbox is not None:
        inbox = _serve(inbox)


def _serve(inbox: Inbox) -> Inbox | None:
    """Do jobs until one names another inbox, or until the end."""
    while (job := inbox.get()) is not None:
        next_inbox: Inbox | None = job()
        del job  # or the last request would live until the next one comes
        if next_inbox is not None:
            return next_inbox
    return None
