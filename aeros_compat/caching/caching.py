"""The cache of one application: what its cached views share."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from typing import TYPE_CHECKING

from ..lanes.threads import WorkerThreads
from .cache import is_in_memory
from .flight import Flights
from .stats import Counter
from .store import Store

if TYPE_CHECKING:
    from concurrent.futures import Executor

    import flask_caching

    from ..webserver import WebServer

#: Threads that talk to Redis or to the disk for async views, and so the most connections that those open.
STORE_THREADS = 8

#: Seconds after which a renewal that has not ended is taken for lost: its event loop may be gone.
RENEWAL_SECONDS = 60.0


class Caching:
    """``cache`` has been initialised with ``app``."""

    def __init__(self, app: WebServer, cache: flask_caching.Cache) -> None:
        self._app = weakref.ref(app)
        self.cache = cache
        self.logger = logging.getLogger(app.name)  # app.logger would settle the handlers before the application can
        self.counter = Counter()
        self.flights = Flights()
        self.store = Store(app.extensions["cache"][cache], self.logger, self.counter)
        self._threads: tuple[int, WorkerThreads] | None = None
        self._lock = threading.Lock()
        self._renewals: dict[str, float] = {}

    @property
    def app(self) -> WebServer:
        app = self._app()
        assert app is not None
        return app

    @property
    def executor(self) -> Executor | None:
        """Where calls of the store go from the event loop; None where they do not block.

        Threads of their own: sync views that wait for an entry may hold all workers, and whoever computes it must
        still be able to store it.
        """
        if is_in_memory(self.store.backend):
            return None
        known = self._threads
        if known is None or known[0] != os.getpid():  # threads do not survive a fork
            known = self._threads = (os.getpid(), WorkerThreads(STORE_THREADS))
        return known[1].turns()

    def begin_renewal(self, key: str) -> bool:
        """Whether the caller is the one to renew an entry in the background: nobody does yet."""
        now = time.monotonic()
        with self._lock:
            if self._renewals.get(key, 0.0) > now or self.flights.is_busy(key):
                return False
            self._renewals[key] = now + RENEWAL_SECONDS
            return True

    def end_renewal(self, key: str) -> None:
        with self._lock:
            self._renewals.pop(key, None)
