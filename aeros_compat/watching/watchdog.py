"""Sees when the event loop is blocked, and by which code."""

from __future__ import annotations

import contextvars
import sys
import threading
import time
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from ..frames import stack_on_loop, summary, users_frame

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from types import FrameType

#: Seconds between two beats of the loop, and between two looks at them.
INTERVAL = 0.05


@dataclass(frozen=True)
class Block:
    """One block of the event loop."""

    #: How long, in seconds. It can be short by the interval of the beats, a twentieth of a second.
    seconds: float
    #: Unix time at its end.
    at: float
    #: ``view in file:line``: the user's code that was running for most of it. Empty if there was none: then the loop
    #: had too much to do, or its thread had to wait itself, for the processor or for Python's global lock.
    place: str
    #: The running code, outermost first, a line for each frame.
    stack: tuple[str, ...]


class Watchdog:
    """Lets the loop beat, and looks from a thread of its own whether it does.

    :param threshold: seconds by which a beat has to be late to make a block.
    :param look: called with the loop's delay in seconds at each look; false ends the thread.
    :param report: called with each block when it is over.

    Make it on the loop's thread. Its own thread is a daemon, and ends when the loop has been closed.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        threshold: float,
        look: Callable[[float], bool],
        report: Callable[[Block], None],
    ) -> None:
        self.loop = loop
        self._loop_thread = threading.get_ident()
        self._threshold = threshold
        self._look = look
        self._report = report
        self._ended = False
        self._beat()
        threading.Thread(target=self._run, name="aeros-watchdog", daemon=True).start()

    def _beat(self) -> None:
        self._last_beat = perf_counter()
        if not self._ended:
            # Not in the context of the request that happened to come first: the beats would keep it for ever.
            self.loop.call_later(INTERVAL, self._beat, context=contextvars.Context())

    def _delay(self) -> float:
        """Seconds by which the next beat is late."""
        return max(0.0, perf_counter() - self._last_beat - INTERVAL)

    def _run(self) -> None:
        while not self.loop.is_closed() and self._look(self._delay()):
            time.sleep(INTERVAL)
            if self._delay() > self._threshold / 2 and self.loop.is_running():
                self._suspect(self._last_beat)
        self._ended = True

    def _suspect(self, last_beat: float) -> None:
        """See the block through to its end. It has a place if one call of the user's was running for most of it."""
        running = self._running()
        # Held until the block is over: the next frame could have the address of one that is gone.
        call = running[0] if running else None
        stack = summary(running)
        began = seen = perf_counter()
        del running  # frames keep the variables of the view alive
        while self._last_beat == last_beat:
            time.sleep(INTERVAL / 2)
            if not (self.loop.is_running() and self._look(self._delay())):
                return
            now = self._running()
            if (now[0] if now else None) is call:
                seen = perf_counter()
            del now
        # Not to its last moment: what has waited for the loop gets its turn before the beat does.
        if seen - began < (self._last_beat - began) / 2:
            stack = []
        seconds = self._last_beat - last_beat - INTERVAL
        if seconds >= self._threshold:
            frame = users_frame(stack) if stack else None
            place = f"{frame.name} in {frame.filename}:{frame.lineno}" if frame else ""
            lines = (f"{step.filename}:{step.lineno} in {step.name}: {step.line}" for step in stack)
            self._report(Block(seconds, time.time(), place, tuple(lines)))

    def _running(self) -> list[FrameType]:
        return stack_on_loop(sys._current_frames().get(self._loop_thread))
