"""What one worker of several tells the others of itself, and what it knows of all of them."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from typing import TYPE_CHECKING

from .ledger import Ledger
from .stats import stats_of
from .together import together

if TYPE_CHECKING:
    from ..webserver import WebServer
    from .stats import LaneStats

#: Seconds between two entries of a worker in the ledger. Each costs it some milliseconds.
ENTER_EVERY = 1.0


class Sharing:
    """The part of one worker process in the ledger of its server. Its thread is a daemon, and ends with the process."""

    def __init__(self, app: WebServer, directory: str) -> None:
        self._app = weakref.ref(app)
        self._ledger = Ledger(directory)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="aeros-ledger", daemon=True)
        self._thread.start()
        atexit.register(self._end)

    def all_workers(self, app: WebServer) -> list[LaneStats]:
        """Each of the workers that are there, and first of all this one, as it is now."""
        return self._read(app)[0]

    def whole(self, app: WebServer) -> LaneStats:
        """All workers of the server added up, and those that have ended."""
        return together(os.getppid(), *self._read(app))

    def _read(self, app: WebServer) -> tuple[list[LaneStats], list[LaneStats]]:
        own = stats_of(app)
        living, ended = self._ledger.read()
        others = [stats for stats in living if stats.pid != own.pid]
        return [own, *others], [stats for stats in ended if stats.pid != own.pid]

    def _run(self) -> None:
        is_last = False
        while (app := self._app()) is not None:
            self._ledger.write(stats_of(app))
            del app
            if is_last:
                return
            is_last = self._ends.wait(ENTER_EVERY)

    def _end(self) -> None:
        """Enter what has been counted since, before the process ends."""
        self._ends.set()
        self._thread.join()
