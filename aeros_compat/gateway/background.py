"""The event loop of callers that have none: one for the process, on a daemon thread.

It lives as long as the process, not as long as a request: an asyncio client that one request has made still works in
the next, which is not so where each request gets a loop of its own.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Loop:
    """A loop and the thread that runs it."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, name="aeros-wsgi-loop", daemon=True)
        self.thread.start()
        atexit.register(self._stop)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self.loop.close()

    def _stop(self) -> None:
        if self.pid == os.getpid() and self.thread.is_alive():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join(timeout=5)


_lock = threading.Lock()
_idle: list[_Loop] = []  # the first is the one that nearly everybody uses
_blocked: list[_Loop] = []


@contextlib.contextmanager
def background_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """The loop, started when it is first asked for.

    A caller on that loop's own thread (an async view that uses a test client) blocks it, and gets another one.
    """
    own = None
    with _lock:
        for known in [*_idle, *_blocked]:
            if known.pid != os.getpid():  # threads do not survive a fork
                (_idle if known in _idle else _blocked).remove(known)
            elif known in _idle and known.thread.ident == threading.get_ident():
                own = known
                _idle.remove(known)
                _blocked.append(known)
        if not _idle:
            _idle.append(_Loop())
        chosen = _idle[0]
    try:
        yield chosen.loop
    finally:
        if own is not None:
            with _lock:
                _blocked.remove(own)
                _idle.insert(0, own)
