"""The watch over one application in one process: what is counted while it is switched on."""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from typing import TYPE_CHECKING

from .history import History
from .sockets import Sockets
from .tally import Tally
from .watchdog import Watchdog

if TYPE_CHECKING:
    import asyncio

    from ..webserver import WebServer
    from .sharing import Sharing
    from .tally import RouteStats, Seen
    from .watchdog import Block

#: Seconds for which the event loop may be busy with one piece of code before it counts as blocked.
BLOCK_THRESHOLD = 0.1

#: Places that block the loop and are remembered; the application may have more.
PLACES = 100


class Watch:
    """Made by :class:`~aeros_compat.WebServer`. Requests end on any event loop of the process.

    A request only leaves what was seen of it in ``finished``. The watchdog's thread counts, many requests at a time:
    that costs a fraction of what it would cost in the middle of a request, and needs no lock there.
    """

    def __init__(self, app: WebServer) -> None:
        self._app = weakref.ref(app)
        self.since = time.time()
        #: Bounded for the case that nobody counts them any more.
        self.finished: deque[Seen] = deque(maxlen=100_000)
        self.sockets = Sockets()
        self.history = History()
        #: The loop that a watchdog looked at last.
        self.loop: asyncio.AbstractEventLoop | None = None
        self._loops: set[asyncio.AbstractEventLoop] = set()
        self._lock = threading.Lock()
        self._tally = Tally()
        #: The other workers of the server, if there are any.
        self.sharing: Sharing | None = None
        self.blocks = 0
        self.longest_block: Block | None = None
        self._places: dict[str, Block] = {}

    def attend(self, loop: asyncio.AbstractEventLoop) -> None:
        """Called on a loop that is not :attr:`loop`: give it a watchdog if it has none."""
        self.loop = loop
        with self._lock:
            if loop in self._loops:
                return
            self._loops = {known for known in self._loops if not known.is_closed()} | {loop}
        # Through a weak reference: the watchdog's thread must not keep an application alive.
        watch = weakref.ref(self)
        Watchdog(
            loop,
            BLOCK_THRESHOLD,
            lambda delay: (alive := watch()) is not None and alive.look(delay),
            lambda block: None if (alive := watch()) is None else alive.report(block),
        )

    def routes(self) -> list[RouteStats]:
        """What has been counted until now."""
        self._count()
        with self._lock:
            return [counters.snapshot() for counters in self._tally.counters()]

    def places(self) -> list[Block]:
        """The latest block of each place, the longest first."""
        with self._lock:
            return sorted(self._places.values(), key=lambda block: -block.seconds)

    def _count(self) -> None:
        with self._lock:
            take = self.finished.popleft
            self._tally.add([take() for _ in range(len(self.finished))])
            self._tally.settle()

    # From the threads of the watchdogs.

    def look(self, delay: float) -> bool:
        """Take note of the moment; whether there still is an application."""
        app = self._app()
        if app is None:
            return False
        self._count()
        self.history.look(app.threads, delay)
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
