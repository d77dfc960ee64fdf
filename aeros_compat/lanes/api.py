"""What the lanes add to the WebServer."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from flask import Flask

from ..callables import hides_async, is_async, is_awaitable
from ..routing import Router
from ..upstream import flask_request_var
from .around import Around
from .threads import ProcessThreads

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..gateway.proxies import Proxies
    from ..webserver import WebServer
    from .threads import WorkerThreads


class LanesAPI(Flask):
    """Threads, what stands around views, and how sync code calls coroutines."""

    def _use_lanes(self, worker_threads: int) -> None:
        """Take the ``worker_threads`` of the constructor."""
        self.worker_threads = worker_threads
        self._threads = ProcessThreads()
        self._websocket_threads = ProcessThreads()
        self._named_decorators: set[str] = set()
        self._around: Around | None = None

    def use_threads(self, number: int) -> None:
        """Run sync views on so many threads from now on."""
        if number != self.worker_threads:
            self.worker_threads = number
            self._threads = ProcessThreads()
            self._websocket_threads = ProcessThreads()

    @property
    def threads(self) -> WorkerThreads:
        """The threads of this process that run sync code. They start with the first request."""
        return self._threads.get(self.worker_threads)

    @property
    def websocket_threads(self) -> WorkerThreads:
        """The threads that websockets hold, for as long as these last: apart, so that they take none from requests."""
        return self._websocket_threads.get(self.worker_threads)

    @cached_property
    def router(self) -> Router:
        """Matches requests before a lane is chosen."""
        return Router(cast("WebServer", self))

    # What stands around views.

    @property
    def around(self) -> Around:
        """What stands around every view, as it is now."""
        server: Any = self
        around = self._around
        if around is None or not around.is_current(server):
            around = self._around = Around(server)
        return around

    @property
    def proxies(self) -> Proxies | None:
        """The ``ProxyFix`` objects around ``wsgi_app``, if nothing else is there: they are applied to the scope."""
        return self.around.proxies

    @property
    def encloses_mounts(self) -> bool:
        """Whether something sync stands around ``wsgi_app``, and so around mounted ASGI applications too."""
        return self.around.encloses_mounts

    @property
    def encloses_views(self) -> bool:
        """Whether something sync stands around every view, so that all of them are called from a thread.

        That is WSGI middleware (``app.wsgi_app = Middleware(app.wsgi_app)``), which must never be skipped, a method
        of a subclass that encloses the call of the view, or an agent that has patched one of Flask (Sentry does), which
        would else report one request's data with another's.
        """
        return self.around.encloses_views

    @property
    def opens_sessions_cheaply(self) -> bool:
        """Whether opening and saving a session is arithmetic (signed cookies), fit for the event loop."""
        return self.around.has_cheap_sessions

    # Sync code and coroutines.

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        if is_async(func):
            ctx = flask_request_var.get(None)
            if ctx is not None and getattr(ctx, "passes_coroutines", False):
                return func
            return self.async_to_sync(func)
        if hides_async(func):
            return self._awaiting(func)
        return func

    def _awaiting(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """A sync decorator's wrapper, whose result is awaited on the serving loop if it is a coroutine."""

        def call(*args: Any, **kwargs: Any) -> Any:
            return self.awaited(func(*args, **kwargs))

        return call

    def awaited(self, value: Any) -> Any:
        """What a sync piece of code has returned; waited for on the serving loop if it is a coroutine."""
        if not is_awaitable(value):
            return value

        async def wait() -> Any:
            return await value

        return self.async_to_sync(wait)()

    def log_sync_decorators(self, endpoint: str, decorators: list[str]) -> None:
        """Say, once for each endpoint, which decorators keep an async view off the event loop."""
        if endpoint not in self._named_decorators:
            self._named_decorators.add(endpoint)
            self.logger.info(
                "The async view %r is called from a worker thread, because %s is a sync decorator: each request costs"
                " a thread while the view waits. An 'async def' wrapper would keep it on the event loop.",
                endpoint,
                " around ".join(repr(name) for name in decorators),
            )
