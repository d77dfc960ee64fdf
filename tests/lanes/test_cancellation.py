"""Requests that are cancelled, at each place where they can be: everything is given back, and the next one works."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from typing import TYPE_CHECKING, Any

import flask
import pytest

from ..asgi import ask
from ..servers import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aeros_compat import WebServer

    from ..conftest import Lane


def build(app: WebServer, lane: Lane, counts: dict[str, int]) -> None:
    lock = threading.Lock()

    def count(name: str) -> None:
        with lock:
            counts[name] = counts.get(name, 0) + 1

    @app.before_request
    def before() -> None:
        count("before")
        flask.g.opened = True
        time.sleep(0.001)

    @app.teardown_request
    def teardown(error: BaseException | None) -> None:
        count("teardown")

    @app.route("/")
    @lane
    def view() -> str:
        return "ok"

    @app.route("/wait")
    async def wait() -> str:
        await asyncio.sleep(0.002)
        return "ok"

    @app.route("/stream")
    @lane
    def stream() -> Iterator[str]:
        def pieces() -> Iterator[str]:
            count("opened")
            try:
                for _ in range(3):
                    time.sleep(0.001)
                    yield "piece"
            finally:
                count("closed")

        return pieces()


@pytest.mark.parametrize("path", ["/", "/wait", "/stream"])
def test_cancelled_anywhere(app: WebServer, lane: Lane, path: str) -> None:
    counts: dict[str, int] = {}
    app.worker_threads = 2
    build(app, lane, counts)
    chance = random.Random(1)

    async def scenario() -> None:
        await ask(app, path)
        for _ in range(150):
            task = asyncio.create_task(ask(app, path))
            await asyncio.sleep(chance.random() * 0.008)
            task.cancel()
            await asyncio.wait((task,))
            assert task.cancelled() or task.exception() is None, task.exception()
        # Afterwards: as many at once as there are workers and more, on leases and turns alike.
        answers = await asyncio.wait_for(asyncio.gather(*(ask(app, path) for _ in range(10))), 20)
        assert all(answer[0]["status"] == 200 for answer in answers)

    asyncio.run(scenario())
    wait_for(lambda: counts["before"] == counts["teardown"], timeout=5)
    wait_for(lambda: counts.get("opened") == counts.get("closed"), timeout=5)


def test_thread_that_makes_a_stream_for_nobody(app: WebServer) -> None:
    """The task is cancelled while the view runs; its thread must close what it makes, and come back."""
    closed: list[bool] = []
    entered, goes_on = threading.Event(), threading.Event()
    app.worker_threads = 1

    @app.get("/")
    def view() -> Any:
        entered.set()
        assert goes_on.wait(20)

        def pieces() -> Iterator[bytes]:
            try:
                yield b"a"
                yield b"b"
            finally:
                closed.append(True)

        return pieces()

    @app.before_request
    def before() -> None:
        """So that async views take a lease."""

    @app.get("/async")
    async def awaited() -> str:
        return "ok"

    async def scenario() -> None:
        task = asyncio.create_task(ask(app))
        assert await asyncio.to_thread(entered.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        goes_on.set()
        for _ in range(3):
            answer = await asyncio.wait_for(ask(app, "/async"), 20)
            assert answer[0]["status"] == 200

    asyncio.run(scenario())
    wait_for(lambda: closed == [True])
