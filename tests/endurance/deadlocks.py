"""Sync code in async code in sync code, on few threads, cancelled at any time: nothing waits for itself."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from typing import TYPE_CHECKING, Any

import flask
from asgiref.sync import async_to_sync, sync_to_async

from aeros_compat import WebServer

from ..asgi import ask
from ..servers import wait_for
from .promise import promise

if TYPE_CHECKING:
    from collections.abc import Iterator


def build(threads: int) -> WebServer:
    """Views of both lanes with sync hooks, so that each request needs a thread, which go back and forth."""
    app = WebServer("tests.deadlocks")
    app.worker_threads = threads

    @app.before_request
    def before() -> None:
        flask.g.steps = 0

    @app.teardown_request
    def teardown(error: BaseException | None) -> None:
        flask.g.steps += 1

    def sync_step(depth: int) -> int:
        flask.g.steps += 1
        return async_to_sync(async_step)(depth - 1) if depth else flask.g.steps

    async def async_step(depth: int) -> int:
        await asyncio.sleep(0)
        flask.g.steps += 1
        result: int = await sync_to_async(sync_step)(depth - 1) if depth else flask.g.steps
        return result

    @app.get("/sync/nested")
    def sync_nested() -> str:
        return str(sync_step(6))

    @app.get("/async/nested")
    async def async_nested() -> str:
        return str(await async_step(6))

    @app.get("/sync/gather")
    def sync_gather() -> str:
        async def together() -> list[int]:
            return await asyncio.gather(*(sync_to_async(sync_step)(0) for _ in range(20)))

        return str(len(async_to_sync(together)()))

    @app.get("/async/gather")
    async def async_gather() -> str:
        calls = [sync_to_async(sync_step)(0) for _ in range(10)]
        calls += [sync_to_async(sync_step, thread_sensitive=False)(0) for _ in range(10)]
        return str(len(await asyncio.gather(*calls)))

    @app.get("/sync/stream")
    def sync_stream() -> Any:
        def pieces() -> Iterator[str]:
            for _ in range(3):
                yield str(async_to_sync(async_step)(1))[:1]

        return flask.Response(flask.stream_with_context(pieces()))

    return app


ANSWERS = {
    "/sync/nested": b"7",
    "/async/nested": b"7",
    "/sync/gather": b"20",
    "/async/gather": b"20",
    "/sync/stream": b"357",
}


async def _answer(app: WebServer, path: str) -> bytes:
    messages = await ask(app, path)
    assert messages[0]["status"] == 200, (path, messages)
    return b"".join(message.get("body", b"") for message in messages[1:])


def _nest(count: int, threads: int) -> str:
    """``count`` requests of each path, three times as many at once as there are threads."""
    app = build(threads)

    async def scenario() -> None:
        free = asyncio.Semaphore(3 * threads)

        async def one(path: str) -> None:
            async with free:
                assert await _answer(app, path) == ANSWERS[path]

        async with asyncio.timeout(60 + count), asyncio.TaskGroup() as group:
            for _ in range(count):
                for path in ANSWERS:
                    group.create_task(one(path))

    asyncio.run(scenario())
    wait_for(lambda: app.threads.busy == app.threads.leases == app.threads.kept == 0)
    return f"{count * len(ANSWERS):,} answers, {3 * threads} at a time, each path in {len(ANSWERS)}"


@promise("Sync in async in sync and gathered calls, on one thread", unit="requests of each path", short=20, long=2000)
def one_thread(count: int) -> str:
    return _nest(count, 1)


@promise("Sync in async in sync, three times as many as threads", unit="requests of each path", short=50, long=4000)
def many_threads(count: int) -> str:
    return _nest(count, 8)


@promise(
    "A request cancelled in each state lets the next one through, on one thread",
    unit="requests in each state",
    short=30,
    long=2000,
)
def cancelled(count: int) -> str:
    app = build(1)
    entered, go_on = threading.Semaphore(0), threading.Semaphore(0)

    def hold() -> str:
        entered.release()
        go_on.acquire(timeout=60)
        return "held"

    async def hold_on_thread() -> str:
        return await sync_to_async(hold)()

    def stream() -> Iterator[str]:
        yield "first"
        yield hold()

    app.add_url_rule("/sync/hold", view_func=hold)
    app.add_url_rule("/async/hold", view_func=hold_on_thread)
    app.add_url_rule("/sync/holding", view_func=lambda: flask.Response(stream()), endpoint="sync_stream_hold")

    async def enter() -> None:
        while not entered.acquire(blocking=False):
            await asyncio.sleep(0)

    async def running(path: str) -> None:
        """Cancelled while its code runs, and while another one waits for the thread behind it, which gets its turn."""
        task, next_one = asyncio.create_task(ask(app, path)), asyncio.create_task(_answer(app, "/sync/nested"))
        await enter()
        task.cancel()
        await asyncio.sleep(0)
        go_on.release()
        await asyncio.wait([task])
        assert await next_one == ANSWERS["/sync/nested"]

    async def waiting(path: str) -> None:
        """Cancelled while it waits for the thread."""
        holder = asyncio.create_task(_answer(app, "/sync/hold"))
        await enter()
        task = asyncio.create_task(ask(app, path))
        for _ in range(3):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        go_on.release()
        assert await holder == b"held"

    async def scenario() -> None:
        async with asyncio.timeout(60 + count):
            for _ in range(count):
                for path in ("/sync/hold", "/async/hold", "/sync/holding"):
                    await running(path)
                for path in ANSWERS:
                    await waiting(path)
                    assert await _answer(app, path) == ANSWERS[path]

    asyncio.run(scenario())
    wait_for(lambda: app.threads.busy == app.threads.leases == app.threads.kept == 0)
    return f"{count * (3 + len(ANSWERS)):,} cancelled while running, streaming or waiting; all others answered"


@promise(
    "Loops of somebody else's: one for each test, and one that runs while sync code asks",
    unit="loops",
    short=20,
    long=1000,
)
def foreign_loops(count: int) -> str:
    """As with pytest-asyncio, which makes loops; and in a notebook, whose cells are called by a running one."""
    app = build(2)
    app.add_url_rule("/sync/plain", view_func=lambda: "plain", endpoint="sync_plain")

    @app.get("/async/plain")
    async def plain() -> str:
        await asyncio.sleep(0)
        return "plain"

    async def in_a_cell(path: str) -> bytes:
        await asyncio.sleep(0)
        data: bytes = app.test_client().get(path).data
        return data

    for number in range(count):
        path = list(ANSWERS)[number % len(ANSWERS)]
        assert asyncio.run(_answer(app, path)) == ANSWERS[path]
        assert app.test_client().get(path).data == ANSWERS[path]
        # asgiref's async_to_sync refuses to block a running loop, under Flask too.
        path = ("/sync/plain", "/async/plain", "/async/gather")[number % 3]
        assert asyncio.run(in_a_cell(path)) == ANSWERS.get(path, b"plain")
    return f"{3 * count:,} answers: on a loop of their own, from inside a running loop, and without one"


@promise("A process that forks after it has served goes on serving", unit="forks", short=3, long=100)
def fork(count: int) -> str:
    app = build(2)
    asyncio.run(_answer(app, "/sync/nested"))
    threads = threading.active_count()
    assert threads > 1
    for _ in range(count):
        child = os.fork()
        if child == 0:
            try:
                for path, answer in ANSWERS.items():
                    if asyncio.run(_answer(app, path)) != answer:
                        os._exit(1)
                os._exit(0)
            finally:
                os._exit(2)
        assert _status_of(child) == 0
    return f"{count} children of a process with {threads} threads gave {len(ANSWERS) * count} answers"


def _status_of(child: int) -> int:
    """What a child process ended with; one that hangs fails the test, and is killed."""
    found = (0, 0)

    def has_ended() -> bool:
        nonlocal found
        found = os.waitpid(child, os.WNOHANG)
        return found[0] == child

    try:
        wait_for(has_ended)
    except AssertionError:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    return found[1]
