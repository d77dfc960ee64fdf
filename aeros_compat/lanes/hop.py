"""Crossing between the event loop and threads, inside the context of one request.

:func:`drive` runs a coroutine of the user's in the request's ``contextvars.Context`` while the server's task, in which
it is awaited, stays in its own. :func:`hop` calls sync code in the same context on a thread. The two never overlap, so
one Context object serves the whole request: a variable set in a sync hook is seen by an async view, and a token made
on the loop can be reset on a thread.
"""

from __future__ import annotations

import asyncio
import sys
import types
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from ..upstream import move_locals_here, serve_loop

if TYPE_CHECKING:
    import contextvars
    from collections.abc import Callable, Coroutine, Generator

    from ..exchange import Thread

P = ParamSpec("P")
T = TypeVar("T")


def is_on_loop() -> bool:
    """Whether the current thread is running an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def hop(
    thread: Thread, context: contextvars.Context, func: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Call ``func`` on ``thread``, in ``context``: one hop.

    It keeps the contract of asgiref's ``sync_to_async(func, thread_sensitive=False, executor=thread, context=context)``
    at a fraction of its price: ``async_to_sync`` inside finds this loop, the exception that is being handled is handled
    on the thread too, and a cancellation reaches the coroutine that the thread is waiting for. Like there, nobody waits
    for a thread that does not wait for the loop: it cannot be interrupted.
    """
    call = _Call(context, partial(func, *args, **kwargs) if args or kwargs else func)
    thread.post(call)
    try:
        return cast("T", await call.future)
    except asyncio.CancelledError:
        if not await call.goes_on_after_cancellation():
            raise
        return cast("T", await call.future)
    finally:
        del call  # a traceback holds this frame, and the call's future its exception


class StopIterationEscaped(RuntimeError):
    """Sync code has raised StopIteration, its cause.

    asyncio refuses that in a future, and whoever awaits the call would wait for ever.
    """


class _Call:
    """A call that is made on a thread and awaited on the loop."""

    def __init__(self, context: contextvars.Context, func: Callable[[], Any]) -> None:
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self._loop.create_future()
        self._context = context
        self._func: Callable[[], Any] | None = func
        self._handled = sys.exception()
        #: What the thread waits for, in ``async_to_sync``: asgiref puts it there.
        self._tasks: list[asyncio.Task[Any]] = []
        self._is_cancelled = False
        self._has_ended = False
        self._result: Any = None
        self._failure: BaseException | None = None

    def __call__(self) -> Callable[[], object]:
        """Make the call. Runs on the thread."""
        func, self._func = self._func, None
        if self._is_cancelled or func is None:
            return _nothing
        serve_loop(self._loop, self._tasks)
        try:
            if self._handled is None:
                self._result = self._context.run(self._run, func)
            else:
                try:
                    raise self._handled
                except BaseException:
                    self._result = self._context.run(self._run, func)
        except StopIteration as error:
            self._failure = StopIterationEscaped("a sync function that runs on a worker thread raised StopIteration")
            self._failure.__cause__ = error
        except BaseException as error:
            self._failure = error
        finally:
            self._handled = func = None  # see _run
        return self._tell

    def _run(self, func: Callable[[], Any]) -> Any:
        move_locals_here(self._context)
        try:
            return func()
        finally:
            del func  # an exception that is handled inside holds this frame, and may be among its arguments

    def _tell(self) -> None:
        try:  # noqa: SIM105 (a context manager costs three calls, in every hop)
            self._loop.call_soon_threadsafe(self._end)
        except RuntimeError:
            pass  # The loop is closed: nobody waits.

    def _end(self) -> None:
        self._has_ended = True
        if not self.future.done():  # else cancelled
            self._settle()

    def _settle(self) -> None:
        if self._failure is None:
            self.future.set_result(self._result)
        else:
            self.future.set_exception(self._failure)
            self._failure = None

    async def goes_on_after_cancellation(self) -> bool:
        """Hand a cancellation on to the coroutine that the thread waits for. Is the call still to be awaited?

        It is if that coroutine has something to say to it: it may have ended as if nothing had happened.
        """
        if not self._tasks:
            self._is_cancelled = True
            return False
        task = self._tasks[0]
        task.cancel()
        await asyncio.wait([task])
        self.future = self._loop.create_future()
        if self._has_ended:
            self._settle()
        return True


def _nothing() -> None:
    """The call was cancelled before it began."""


@types.coroutine
def drive(coroutine: Coroutine[Any, Any, T], context: contextvars.Context) -> Generator[Any, Any, T]:
    """Await ``coroutine`` with each of its steps run in ``context``.

    A task of its own would do the same for the price of a task and two turns of the loop.
    """
    step: Callable[..., Any] = coroutine.send
    value: Any = None
    while True:
        try:
            waiting_for = context.run(step, value)
        except StopIteration as finished:
            result: T = finished.value
            return result
        try:
            value = yield waiting_for
            step = coroutine.send
        except GeneratorExit:
            context.run(coroutine.close)
            raise
        except BaseException as error:
            step, value = coroutine.throw, error
