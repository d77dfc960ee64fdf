"""Where the steps of a cached view run. Its flow is written once, as a coroutine; there are two ways to walk it.

:class:`Blocking` is for sync views: nothing in it suspends, so the coroutine runs through on its thread without an
event loop. :class:`Awaiting` is for async views: on the event loop, with everything that could block on other threads.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from flask import current_app

from ..lanes.hop import is_on_loop
from ..responses import response_of
from ..upstream import serving_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Executor, Future

    from flask.wrappers import Response

    from ..webserver import WebServer

T = TypeVar("T")


class Way(Protocol):
    """The steps of one call of one view."""

    async def view(self) -> Any:
        """What the view returns."""

    async def response(self, rv: Any) -> Response:
        """The response that Flask makes of it."""

    async def call(self, func: Callable[..., T], *args: Any, undo: Callable[[T], object] | None = None) -> T:
        """Call a method of the store. ``undo`` is called with a result that comes when nobody waits any more."""

    def send(self, func: Callable[..., Any], *args: Any) -> None:
        """The same without waiting, where waiting is not allowed."""

    async def wait(self, future: Future[T], seconds: float) -> T:
        """The result of a future; raises TimeoutError."""

    async def pause(self, seconds: float) -> None:
        """Do nothing for some time."""

    def may_wait(self) -> bool:
        """Whether :meth:`wait` and :meth:`pause` hold up nobody else."""

    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The loop of the server."""


class Blocking:
    """The steps of a sync view, on its thread."""

    def __init__(self, view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._view = view
        self._args = args
        self._kwargs = kwargs

    async def view(self) -> Any:
        return current_app.ensure_sync(self._view)(*self._args, **self._kwargs)

    async def response(self, rv: Any) -> Response:
        return current_app.make_response(rv)

    async def call(self, func: Callable[..., T], *args: Any, undo: Callable[[T], object] | None = None) -> T:
        return func(*args)

    def send(self, func: Callable[..., Any], *args: Any) -> None:
        func(*args)

    async def wait(self, future: Future[T], seconds: float) -> T:
        return future.result(seconds)

    async def pause(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251 (no event loop runs here)

    def may_wait(self) -> bool:
        # A cached sync function that an async view calls: the one who is waited for may need this very loop.
        return not is_on_loop()

    def loop(self) -> asyncio.AbstractEventLoop | None:
        return serving_loop()


class Awaiting:
    """The steps of an async view, on the event loop. ``executor`` is None where the store never blocks."""

    def __init__(
        self, view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], executor: Executor | None
    ) -> None:
        self._view = view
        self._args = args
        self._kwargs = kwargs
        self._executor = executor

    async def view(self) -> Any:
        return await self._view(*self._args, **self._kwargs)

    async def response(self, rv: Any) -> Response:
        return await response_of(cast("WebServer", current_app), rv)

    async def call(self, func: Callable[..., T], *args: Any, undo: Callable[[T], object] | None = None) -> T:
        if self._executor is None:
            return func(*args)
        # In a copy of the context: a callable key prefix of the backend may look at the request.
        future = self._executor.submit(contextvars.copy_context().run, func, *args)
        try:
            return await asyncio.shield(asyncio.wrap_future(future))  # what has begun is done: locks are given back
        except asyncio.CancelledError:
            if undo is not None:
                future.add_done_callback(lambda done: None if done.cancelled() else undo(done.result()))
            raise

    def send(self, func: Callable[..., Any], *args: Any) -> None:
        if self._executor is None:
            func(*args)
        else:
            self._executor.submit(contextvars.copy_context().run, func, *args)

    async def wait(self, future: Future[T], seconds: float) -> T:
        async with asyncio.timeout(seconds):
            return await asyncio.wrap_future(future)

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def may_wait(self) -> bool:
        return True

    def loop(self) -> asyncio.AbstractEventLoop | None:
        return asyncio.get_running_loop()


def run_through(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as finished:
        return cast("T", finished.value)
    coroutine.close()
    raise RuntimeError("A step of a sync view has suspended.")
