"""The queue between the event loop and its worker threads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

#: A job runs on a thread and may answer with the queue that its thread serves from now on. None ends a thread.
Job = Callable[[], Any]


class Jobs:
    """A queue that wakes as few threads as can do the work; else like :class:`queue.SimpleQueue`.

    Waking a thread for each job would be a crowd that fights for the interpreter lock: the first one does all the jobs
    that are there before another gets a turn, and the others have woken for nothing, at the price of a switch between
    processor cores each. So one thread at a time is on its way. It wakes the next one when it takes its job, if there
    are more; where jobs block, all threads are at work within a few switches.
    """

    def __init__(self) -> None:
        self._jobs: deque[Job | None] = deque()
        self._lock = threading.Lock()
        self._asleep: list[threading.Lock] = []  # the last one to fall asleep is the warmest
        self._is_waking = False

    def put(self, job: Job | None) -> None:
        """Add a job. From any thread."""
        with self._lock:
            self._jobs.append(job)
            if self._asleep and not self._is_waking:
                self._wake()

    def get(self) -> Job | None:
        """The next job, waited for if there is none."""
        while True:
            with self._lock:
                if self._jobs:
                    job = self._jobs.popleft()
                    if self._jobs and self._asleep and not self._is_waking:
                        self._wake()
                    return job
                gate = threading.Lock()
                gate.acquire()
                self._asleep.append(gate)
            gate.acquire()
            # Only here, where the others have not begun to look: a thread that has been woken has no other job.
            self._is_waking = False

    def _wake(self) -> None:
        self._is_waking = True
        self._asleep.pop().release()

    def qsize(self) -> int:
        """Jobs that wait."""
        return len(self._jobs)

    @property
    def idle(self) -> int:
        """Threads that wait."""
        return len(self._asleep)
