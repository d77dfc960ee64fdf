"""What being watched adds to a request, counted and not timed: calls of Python functions, and looks at the clock.

``python -m benchmarks.watch_cost`` measures the time that this comes to.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import Counter
from statistics import mode
from typing import TYPE_CHECKING, Any

from aeros_compat import WebServer

from ..asgi import ask

if TYPE_CHECKING:
    from types import FrameType

    import pytest

    from ..conftest import Lane

REQUESTS = 21

#: What a look at the clock is counted as.
LOOK = "perf_counter"


class Work:
    """Counts what is done for requests: not by the watchdog, which beats, and counts many of them at a time."""

    def __init__(self) -> None:
        self.on = False
        self.calls: Counter[str] = Counter()

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        file = frame.f_code.co_filename
        if not self.on or threading.current_thread().name == "aeros-watchdog" or file.endswith("watchdog.py"):
            return
        if event == "call" and "aeros_compat" in file:
            self.calls[frame.f_code.co_qualname] += 1
        elif event == "c_call" and argument.__name__ == LOOK:
            self.calls[LOOK] += 1


def work_of(app: WebServer, path: str) -> Counter[str]:
    """The calls, and the looks at the clock, for one request, as most of them are."""
    work = Work()
    requests = []

    async def ask_often() -> None:
        for _ in range(3):
            await ask(app, path)
        for _ in range(REQUESTS):
            work.calls = Counter()
            work.on = True
            await ask(app, path)
            work.on = False
            requests.append(work.calls)

    threading.setprofile(work)
    sys.setprofile(work)
    try:
        asyncio.run(ask_often())
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return Counter(dict(mode(tuple(sorted(calls.items())) for calls in requests)))


def application(lane: Lane, *, watch: bool) -> WebServer:
    app = WebServer("tests.cost", watch=watch, worker_threads=1)
    app.add_url_rule("/", "index", lane(lambda: "Hello"))
    return app


def test_being_watched_adds_few_calls(lane: Lane, request: pytest.FixtureRequest) -> None:
    plain = work_of(application(lane, watch=False), "/")
    watched = work_of(application(lane, watch=True), "/")
    is_sync = "[sync" in request.node.name
    assert (plain.pop(LOOK, 0), watched.pop(LOOK)) == (0, 3 if is_sync else 2)
    more, fewer = watched - plain, plain - watched
    # The place on a thread and its end of the lane; in the sync lane also the job on the thread.
    assert more.total() - fewer.total() <= (4 if is_sync else 3), more
