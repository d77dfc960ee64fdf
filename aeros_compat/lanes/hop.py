"""Crossing between the event loop and threads, inside the context of one request.

:func:`drive` runs a coroutine of the user's in the request's ``contextvars.Context`` while the server's task, in which
it is awaited, stays in its own. :func:`hop` calls sync code in the same context on a thread. The two never overlap, so
one Context object serves the whole request: a variable set in a sync hook is seen by an async view, and a token made
on the loop can be reset on a thread.
"""

from __future__ import annotations

import asyncio
import types
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from asgiref.sync import sync_to_async

if TYPE_CHECKING:
    import contextvars
    from collections.abc import Callable, Coroutine, Generator
    from concurrent.futures import ThreadPoolExecutor

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
    """Call ``func`` on ``thread``, in ``context``: one hop."""
    # thread_sensitive would be one thread for the whole process: https://github.com/django/asgiref/issues/218.
    executor = cast("ThreadPoolExecutor", thread)
    return await sync_to_async(func, thread_sensitive=False, executor=executor, context=context)(*args, **kwargs)


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
            return cast("T", finished.value)
        try:
            value = yield waiting_for
            step = coroutine.send
        except GeneratorExit:
            context.run(coroutine.close)
            raise
        except BaseException as error:
            step, value = coroutine.throw, error
