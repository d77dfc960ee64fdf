"""How busy the worker threads and the event loop were over the last ten minutes."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..lanes.threads import WorkerThreads

#: Samples are this far apart, in seconds, and this many are kept: ten minutes.
SAMPLE_EVERY = 1.0
SAMPLES = 600

#: A longer time in which nobody looked was one without a server, and makes no sample.
PAUSE = 2.0


@dataclass(frozen=True)
class Sample:
    """One second. ``at`` is Unix time at its end."""

    at: float
    #: The share of the workers that had a job, on the average of twenty looks: 1 is all of them, all the time.
    saturation: float
    #: Jobs that waited for a worker, the most that were seen.
    waiting: int
    #: Threads held by async requests.
    leases: int
    #: The longest time by which the event loop was late, in seconds.
    loop_delay: float


class History:
    """The last :data:`SAMPLES` samples. Watchdogs call :meth:`look` many times a second, from their own threads."""

    def __init__(self) -> None:
        #: What the looks add up to: the time that all workers together had jobs.
        self.busy_seconds = 0.0
        self._samples: deque[Sample] = deque(maxlen=SAMPLES)
        self._lock = threading.Lock()
        self._looked = perf_counter()
        self._begin()

    def _begin(self) -> None:
        self._elapsed = 0.0
        self._busy = 0.0
        self._waiting = 0
        self._delay = 0.0

    def look(self, threads: WorkerThreads, loop_delay: float) -> None:
        """Take note of the moment; a sample is made of it when its second is over."""
        with self._lock:
            now = perf_counter()
            elapsed, self._looked = now - self._looked, now
            if elapsed > PAUSE:
                self._begin()
                return
            busy = elapsed * min(threads.busy, threads.limit)
            self.busy_seconds += busy
            self._busy += busy
            self._elapsed += elapsed
            self._waiting = max(self._waiting, threads.waiting)
            self._delay = max(self._delay, loop_delay)
            if self._elapsed >= SAMPLE_EVERY:
                saturation = self._busy / (self._elapsed * threads.limit)
                self._samples.append(Sample(time.time(), saturation, self._waiting, threads.leases, self._delay))
                self._begin()

    def samples(self) -> tuple[Sample, ...]:
        """Oldest first."""
        with self._lock:
            return tuple(self._samples)
