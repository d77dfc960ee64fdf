"""How busy the worker threads and the event loop were over the last ten minutes."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .threads import CountedThreads

#: Samples are this far apart, in seconds, and this many are kept: ten minutes.
SAMPLE_EVERY = 1.0
SAMPLES = 600

#: After a longer time in which nobody looked, the first sample is left out: there was no server.
PAUSE = 5.0


@dataclass(frozen=True)
class Sample:
    """One second. ``at`` is Unix time at its end."""

    at: float
    #: The share of the workers' time in which they were busy: 1 is all of them, all the time.
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
        self._samples: deque[Sample] = deque(maxlen=SAMPLES)
        self._lock = threading.Lock()
        self._began = perf_counter()
        self._busy_before: tuple[CountedThreads | None, float] = (None, 0.0)
        self._waiting = 0
        self._delay = 0.0

    def look(self, threads: CountedThreads, loop_delay: float) -> None:
        """Take note of the moment; a sample is made of it when its second is over."""
        with self._lock:
            self._waiting = max(self._waiting, threads.waiting)
            self._delay = max(self._delay, loop_delay)
            elapsed = perf_counter() - self._began
            if elapsed >= SAMPLE_EVERY:
                self._sample(threads, elapsed)

    def _sample(self, threads: CountedThreads, elapsed: float) -> None:
        known, before = self._busy_before
        busy = threads.busy_seconds()
        if known is threads and elapsed < PAUSE:
            saturation = min(1.0, (busy - before) / (elapsed * threads.limit))
            self._samples.append(Sample(time.time(), saturation, self._waiting, threads.leases, self._delay))
        self._busy_before = (threads, busy)
        self._began += elapsed
        self._waiting, self._delay = 0, 0.0

    def samples(self) -> tuple[Sample, ...]:
        """Oldest first."""
        with self._lock:
            return tuple(self._samples)
