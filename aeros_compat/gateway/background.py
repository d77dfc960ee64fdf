"""The event loop of callers that have none: one for the process, on a daemon thread.

It lives as long as the process, not as long as a request: an asyncio client that one request has made still works in
the next, which is not so where each request gets a loop of its own.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading

_background: tuple[int, threading.Thread, asyncio.AbstractEventLoop] | None = None
_lock = threading.Lock()


def background_loop() -> asyncio.AbstractEventLoop:
    """The loop, started when it is first asked for.

    A caller that is on that loop's own thread (an async view that uses a test client) gets another one.
    """
    global _background
    with _lock:
        known = _background
        if known is None or known[0] != os.getpid():
            known = _background = (os.getpid(), *_start_loop())
        elif known[1].ident == threading.get_ident():
            return _start_loop()[1]
        return known[2]


def _start_loop() -> tuple[threading.Thread, asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=_run_loop, args=(loop,), name="aeros-wsgi-loop", daemon=True)
    thread.start()
    atexit.register(_stop_loop, loop, thread, os.getpid())
    return thread, loop


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.close()


def _stop_loop(loop: asyncio.AbstractEventLoop, thread: threading.Thread, pid: int) -> None:
    if pid == os.getpid() and thread.is_alive():
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=5)
