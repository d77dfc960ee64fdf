"""The watch over one application in one process: what is counted while it is switched on."""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from typing import TYPE_CHECKING

from .history import History
from .tally import Counters, Key, Tally
from .threads import CountedThreads
from .watchdog import Watchdog

if TYPE_CHECKING:
    from ..webserver import WebServer
    from .watchdog import Block

#: Seconds for which the event loop may be busy with one piece of code before it counts as blocked.
BLOCK_THRESHOLD = 0.1

#: Places that block the loop and are remembered; the application may have more.
PLACES = 100


class Watch:
    """Made by :class:`~aeros_compat.WebServer`. Requests begin and end on any event loop of the process."""

    def __init__(self, app: WebServer) -> None:
        self._app = weakref.ref(app)
        self.since = time.time()
        self.history = History()
        self._lock = threading.Lock()
        self._tallies: dict[asyncio.AbstractEventLoop, Tally] = {}
        #: What loops have counted that are closed.
        self._past: dict[Key, Counters] = {}
        self.blocks = 0
        self.longest_block: Block | None = None
        self._places: dict[str, Block] = {}

    def tally(self) -> Tally:
        """Where a request of the running loop is counted."""
        loop = asyncio.get_running_loop()
        return self._tallies.get(loop) or self._attend(loop)

    def counted(self) -> tuple[int, dict[Key, Counters]]:
        """The requests in progress, and what has been counted by all loops together."""
        with self._lock:
            tallies = list(self._tallies.values())
            total = _added({}, self._past)
        for tally in tallies:
            _added(total, dict(tally.counters))
        return sum(tally.in_progress for tally in tallies), total

    def places(self) -> list[Block]:
        """The latest block of each place, the longest first."""
        with self._lock:
            return sorted(self._places.values(), key=lambda block: -block.seconds)

    def _attend(self, loop: asyncio.AbstractEventLoop) -> Tally:
        with self._lock:
            for known in [known for known in self._tallies if known.is_closed()]:
                _added(self._past, self._tallies.pop(known).counters)
            tally = self._tallies[loop] = Tally()
        # Through a weak reference: the watchdog's thread must not keep an application alive.
        watch = weakref.ref(self)
        Watchdog(
            loop,
            BLOCK_THRESHOLD,
            lambda delay: (alive := watch()) is not None and alive.look(delay),
            lambda block: None if (alive := watch()) is None else alive.report(block),
        )
        return tally

    # From the threads of the watchdogs.

    def look(self, delay: float) -> bool:
        """Take note of the moment; whether there still is an application."""
        app = self._app()
        if app is None:
            return False
        threads = app.threads
        if isinstance(threads, CountedThreads):
            self.history.look(threads, delay)
        return True

    def report(self, block: Block) -> None:
        """Count a block of the event loop, and say so once for each place."""
        with self._lock:
            self.blocks += 1
            if self.longest_block is None or block.seconds > self.longest_block.seconds:
                self.longest_block = block
            is_new = block.place not in self._places
            if not is_new or len(self._places) < PLACES:
                self._places[block.place] = block
        app = self._app()
        if app is not None and is_new and block.place:
            app.logger.warning(
                "The event loop was blocked for %d ms in %s. Nothing else on it was served meanwhile: let the view be a"
                " plain 'def', or call what blocks with 'await sync_to_async(...)(...)'. Said once for each place.",
                block.seconds * 1000,
                block.place,
            )


def _added(total: dict[Key, Counters], counted: dict[Key, Counters]) -> dict[Key, Counters]:
    for key, counters in counted.items():
        total.setdefault(key, Counters()).add(counters)
    return total
