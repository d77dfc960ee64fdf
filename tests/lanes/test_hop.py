"""``drive`` and ``hop``: two ways into one context."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from contextlib import closing

import pytest

from aeros_compat.lanes.hop import drive, hop
from aeros_compat.lanes.threads import WorkerThreads

variable: contextvars.ContextVar[str] = contextvars.ContextVar("tests.hop")


def test_both_run_in_the_given_context_and_nothing_leaks() -> None:
    async def on_loop() -> str:
        before = variable.get("unset")
        await asyncio.sleep(0)
        variable.set("from the loop")
        await asyncio.sleep(0)
        return before

    def on_thread() -> str:
        before = variable.get("unset")
        variable.set("from the thread")
        return before

    async def scenario() -> None:
        context = contextvars.copy_context()
        with closing(WorkerThreads(1)) as threads:
            thread = threads.turn()
            assert await hop(thread, context, on_thread) == "unset"
            assert await drive(on_loop(), context) == "from the thread"
            assert await hop(thread, context, on_thread) == "from the loop"
        assert variable.get("unset") == "unset"

    asyncio.run(scenario())


def test_token_of_the_loop_is_reset_on_a_thread() -> None:
    async def scenario() -> None:
        context = contextvars.copy_context()
        token = context.run(variable.set, "x")
        with closing(WorkerThreads(1)) as threads:
            await hop(threads.turn(), context, variable.reset, token)
        assert variable not in context

    asyncio.run(scenario())


def test_drive_passes_exceptions_both_ways() -> None:
    seen: list[object] = []

    async def inner() -> str:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError as error:
            seen.append(type(error))
            variable.set("cleaned up")
            raise ValueError("instead") from None
        return "never"

    async def scenario() -> None:
        context = contextvars.copy_context()

        async def outer() -> str:
            return await drive(inner(), context)

        task = asyncio.create_task(outer())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(ValueError, match="instead"):
            await task
        assert context[variable] == "cleaned up"

    asyncio.run(scenario())
    assert seen == [asyncio.CancelledError]


def test_drive_keeps_the_current_task() -> None:
    """asyncio.timeout and the like work on it."""

    async def inner() -> None:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(10)

    async def scenario() -> None:
        with pytest.raises(TimeoutError):
            await drive(inner(), contextvars.copy_context())

    asyncio.run(scenario())


def test_drive_closes_the_coroutine() -> None:
    closed: list[bool] = []

    async def inner() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            closed.append(True)

    async def outer() -> None:
        await drive(inner(), contextvars.copy_context())

    async def scenario() -> None:
        coroutine = outer()
        coroutine.send(None)
        coroutine.close()

    asyncio.run(scenario())
    assert closed == [True]


def test_hop_passes_the_exception_that_is_being_handled() -> None:
    """Flask's error handling uses a bare ``raise``."""

    def reraise() -> None:
        raise

    async def scenario() -> None:
        with closing(WorkerThreads(1)) as threads:
            try:
                raise KeyError("handled")
            except KeyError:
                await hop(threads.turn(), contextvars.copy_context(), reraise)

    with pytest.raises(KeyError, match="handled"):
        asyncio.run(scenario())


def test_a_cancelled_hop_does_not_wait_for_its_thread() -> None:
    started, finish, finished = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        finish.wait(5)
        finished.set()

    async def scenario() -> None:
        with closing(WorkerThreads(1)) as threads:
            task = asyncio.create_task(hop(threads.turn(), contextvars.copy_context(), work))
            await asyncio.to_thread(started.wait)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not finished.is_set()
            finish.set()

    asyncio.run(scenario())
    assert finished.wait(30)
