"""``WebServer``: what users construct in place of ``flask.Flask``."""

from __future__ import annotations

import inspect
import os
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from asgiref.sync import markcoroutinefunction
from flask import Flask
from flask.sansio.scaffold import setupmethod
from flask.sessions import SecureCookieSessionInterface
from quart.wrappers import Response as QuartResponse
from werkzeug.datastructures import ImmutableDict

from .callables import hides_async, is_async, is_awaitable, is_patched
from .cli import CommandGroup
from .context import AppContext, RequestContext
from .core import Core
from .gateway.answer import is_async_iterable, stream
from .gateway.environ import EXCHANGE
from .gateway.mounts import Mount, Mounts
from .gateway.proxies import Proxies, proxies_around
from .gateway.wsgi_entry import WSGICall
from .lanes.choice import ENCLOSING
from .lanes.threads import WorkerThreads
from .quart_api import QuartAPI
from .responses import from_quart
from .routing import Router, UrlMap
from .serving.run import serve
from .upstream import flask_request_var
from .watching.connection import RecordedConnection
from .watching.pages import lane_pages
from .watching.stats import stats_of
from .watching.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from flask.sessions import SessionMixin
    from flask.typing import ResponseReturnValue
    from flask.wrappers import Request, Response
    from werkzeug.routing import MapAdapter

    from .serving.server import Server
    from .types import ASGIApp, Receive, Scope, Send
    from .watching.stats import LaneStats

#: Threads that run sync views in one process, unless the constructor is told otherwise.
WORKER_THREADS = 8


class WebServer(QuartAPI, Flask):
    """A Flask application that is served by an ASGI Quart core.

    The positional parameters are those of :class:`flask.Flask`, in its order. Keyword-only, in addition:

    :param host: where :meth:`run` listens unless it is told otherwise; Flask's default, ``127.0.0.1``.
    :param port: the same for the port; Flask's default, 5000.
    :param worker_threads: threads that run sync views, in each process.
    :param watch: True counts what is going on for :meth:`lane_stats`; a path such as ``/_aeros/lanes`` also serves it
        there, as a page, as JSON and as Prometheus text, to whoever the application's ``before_request`` functions let
        in. Off by default, outside of :meth:`run` in debug mode.
    :raises TypeError: for a keyword that neither Flask nor this class knows, or a value of a wrong type.
    :raises ValueError: for a value out of range.
    """

    default_config = ImmutableDict(
        Flask.default_config
        | {
            # Quart's settings. A migrated application must not be cut off by a limit that it never had.
            "BACKGROUND_TASK_SHUTDOWN_TIMEOUT": 5,
            "BODY_TIMEOUT": None,
            "PREFER_SECURE_URLS": False,
            "PRESERVE_CONTEXT_ON_EXCEPTION": None,
            "RESPONSE_TIMEOUT": None,
        }
    )
    url_map_class = UrlMap

    def __init__(
        self,
        import_name: str,
        *args: Any,
        host: str | None = None,
        port: int | None = None,
        worker_threads: int = WORKER_THREADS,
        watch: bool | str = False,
        **kwargs: Any,
    ) -> None:
        _check_settings(host, port, worker_threads)
        _check_names(kwargs)
        super().__init__(import_name, *args, **kwargs)
        self.host = host
        self.port = port
        self.worker_threads = worker_threads
        self.cli = CommandGroup.over(self.cli)
        self.mounts = Mounts()
        #: The servers that :meth:`run` has started in this process and that have not ended.
        self.servers: set[Server] = set()
        self._threads: tuple[int, WorkerThreads] | None = None
        self._named_decorators: set[str] = set()
        self._proxies: tuple[object, Proxies | None] | None = None
        self.core = Core(self)
        #: What counts requests, if somebody watches: see :meth:`lane_stats`.
        self.watch: Watch | None = None
        if watch:
            self.start_watching(None if watch is True else watch)

    # The two entries.

    def __call__(self, scope: Any, receive: Any, send: Any = None) -> Any:
        """``await app(scope, receive, send)`` (ASGI 3) or ``app(environ, start_response)`` (PEP 3333)."""
        if send is not None:
            return self.asgi_app(scope, receive, send)
        return WSGICall(scope, receive).run(self.asgi_app)

    async def asgi_app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application. It can be wrapped: ``app.asgi_app = Middleware(app.asgi_app)``."""
        await self.core.asgi_app(cast("Any", scope), cast("Any", receive), cast("Any", send))

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Flask's WSGI application, and the mounted ones.

        It can be wrapped: ``app.wsgi_app = Middleware(app.wsgi_app)``. What wraps it stands around every request, in
        both lanes, as under Flask.
        """
        mount = self.mounts.find(environ.get("PATH_INFO", ""))
        if mount is not None:
            return mount.call_wsgi(environ, start_response)
        return super().wsgi_app(environ, start_response)

    @setupmethod
    def mount(self, prefix: str, app: ASGIApp | WSGIApplication) -> None:
        """Hand every request for a path at or below ``prefix`` to another application.

        :param prefix: the beginning of the path, such as ``/legacy``; ``/legacy-archive`` is not below it. The mounted
            application finds it at the end of ``SCRIPT_NAME`` or ``root_path``. Of several prefixes, the longest wins.
        :param app: a WSGI callable (an old Flask application, Django's, a plain one), which is called on a worker
            thread, or an ASGI 3 callable (FastAPI, Starlette, Quart, another WebServer), which also gets websockets and
            whose lifespan runs with that of this application.
        :raises TypeError: if ``app`` is neither, or does not say which.
        :raises ValueError: if ``prefix`` can be none, or is taken.

        A mount comes before routes of this application below the same prefix. Its requests do not pass
        ``before_request`` functions and the like; they do pass what wraps ``app.wsgi_app`` and ``app.asgi_app``.
        """
        self.mounts.add(Mount(prefix, app))

    def run(
        self,
        host: str | None = None,
        port: int | None = None,
        debug: bool | None = None,
        load_dotenv: bool = True,
        **options: Any,
    ) -> None:
        """Serve the application on uvicorn until it is interrupted.

        ``host``, ``port``, ``debug`` and ``load_dotenv`` mean what they mean in :meth:`flask.Flask.run`. Other options
        are those of ``uvicorn.run``.
        """
        serve(self, host, port, debug, load_dotenv, options)

    def run_server(self, *args: Any, **kwargs: Any) -> None:
        """:meth:`run` under the name that Aeros gave it. It can be the target of a thread (see ``AdvancedThread``)."""
        self.run(*args, **kwargs)

    def stop(self) -> None:
        """End every running server of this application. From any thread.

        It does not wait: requests that are being answered are finished, then :meth:`run` returns.
        """
        for server in list(self.servers):
            server.end()

    def forget_first_request(self) -> None:
        """Let set-up methods be called again, as Flask does after its own server has ended."""
        self._got_first_request = False

    # Threads and lanes.

    @property
    def threads(self) -> WorkerThreads:
        """The threads of this process that run sync code. They start with the first request."""
        known = self._threads
        if known is None or known[0] != os.getpid():  # threads do not survive a fork
            known = self._threads = (os.getpid(), WorkerThreads(self.worker_threads))
        return known[1]

    def lane_stats(self) -> LaneStats:
        """What is going on in this process: lanes, requests and times by route, threads, blocks of the event loop.

        Lanes are known always; what has to be counted is zero unless the application was made with ``watch``.
        """
        return stats_of(self)

    def start_watching(self, path: str | None = None) -> None:
        """Count from now on; with a ``path``, serve what is counted there. Call it before the first request.

        :raises TypeError: if the path is no string.
        :raises ValueError: if it can be no path of a page.
        """
        if path is not None:
            self.register_blueprint(lane_pages(path))
        if self.watch is None:
            self.watch = Watch(self)
            self.record_requests()

    def record_requests(self) -> None:
        """Keep a record of each request while it is answered, for a watch or a log. Until then none is kept."""
        self.core.asgi_http_class = RecordedConnection

    @cached_property
    def router(self) -> Router:
        """Matches requests before a lane is chosen."""
        return Router(self)

    def overrides(self, *names: str) -> bool:
        """Whether a subclass, or this object, has methods of its own in place of these methods of Flask's."""
        cls, own = type(self), vars(self)
        return any(name in own or getattr(cls, name) is not getattr(WebServer, name) for name in names)

    @property
    def proxies(self) -> Proxies | None:
        """The ``ProxyFix`` objects around ``wsgi_app``, if nothing else is there: they are applied to the scope."""
        wrapped = vars(self).get("wsgi_app")
        if wrapped is None:
            return None
        if self._proxies is None or self._proxies[0] is not wrapped:
            self._proxies = (wrapped, proxies_around(wrapped, WebServer.wsgi_app.__get__(self)))
        return None if is_patched(Flask, "__call__", "wsgi_app") else self._proxies[1]

    def call_wsgi(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """What a request of the sync lane calls."""
        if self.proxies is not None:  # and has changed the scope already
            return WebServer.wsgi_app(self, environ, start_response)
        # Flask's own __call__, not the one of this class, which is also the ASGI entry. Agents patch it (Sentry does).
        return Flask.__call__(self, environ, start_response)

    @property
    def encloses_mounts(self) -> bool:
        """Whether something sync stands around ``wsgi_app``, and so around mounted ASGI applications too."""
        return self.overrides("wsgi_app") and self.proxies is None

    @property
    def encloses_views(self) -> bool:
        """Whether something sync stands around every view, so that all of them are called from a thread.

        That is WSGI middleware (``app.wsgi_app = Middleware(app.wsgi_app)``), which must never be skipped, a method
        of a subclass that encloses the call of the view, or an agent that has patched one of Flask (Sentry does), which
        would else report one request's data with another's.
        """
        return (
            self.encloses_mounts or self.overrides(*ENCLOSING) or is_patched(Flask, "__call__", "wsgi_app", *ENCLOSING)
        )

    @property
    def opens_sessions_cheaply(self) -> bool:
        """Whether opening and saving a session is arithmetic (signed cookies), fit for the event loop."""
        cls = type(self.session_interface)
        return (
            cls.open_session is SecureCookieSessionInterface.open_session
            and cls.save_session is SecureCookieSessionInterface.save_session
        )

    def open_session_of(self, request: Request) -> SessionMixin:
        """The session of a request, or the null session where there is none."""
        session = self.session_interface.open_session(self, request)
        return self.session_interface.make_null_session(self) if session is None else session

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

    # What Flask's methods have to know of coroutines.

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
            return self._awaited(func(*args, **kwargs))

        return call

    def _awaited(self, value: Any) -> Any:
        if not is_awaitable(value):
            return value

        async def wait() -> Any:
            return await value

        return self.async_to_sync(wait)()

    def dispatch_request(self) -> ResponseReturnValue:
        return cast("ResponseReturnValue", self._awaited(super().dispatch_request()))

    def make_response(self, rv: ResponseReturnValue) -> Response:
        value: Any = rv[0] if isinstance(rv, tuple) and rv else rv
        if isinstance(value, QuartResponse):
            value = from_quart(value, self.response_class)
        elif is_async_iterable(value):
            response = self.response_class()
            stream(response, value)
            value = response
        else:
            return super().make_response(rv)
        return super().make_response((value, *rv[1:]) if isinstance(rv, tuple) else value)

    # Contexts.

    def app_context(self) -> AppContext:
        return AppContext(self)

    def request_context(self, environ: WSGIEnvironment) -> RequestContext:
        return RequestContext(self, environ)

    def test_request_context(self, *args: Any, **kwargs: Any) -> RequestContext:
        return cast("RequestContext", super().test_request_context(*args, **kwargs))

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        exchange = request.environ.get(EXCHANGE) if request is not None else None
        match = exchange.match_for(request.environ) if exchange is not None and request is not None else None
        if match is None or request is None:
            return super().create_url_adapter(request)
        match.name_host(request)
        adapter: MapAdapter = match.adapter
        return adapter


def _check_settings(host: object, port: object, worker_threads: object) -> None:
    if host is not None and not isinstance(host, str):
        raise TypeError(f"host must be a string such as '127.0.0.1', not {host!r}.")
    if port is not None and (not isinstance(port, int) or not 0 <= port <= 65535):
        raise ValueError(f"port must be a number from 0 to 65535, not {port!r}.")
    if not isinstance(worker_threads, int) or isinstance(worker_threads, bool) or worker_threads < 1:
        raise ValueError(f"worker_threads must be a number of threads, at least 1, not {worker_threads!r}.")


def _check_names(keywords: dict[str, Any]) -> None:
    flask_names = list(inspect.signature(Flask.__init__).parameters)[1:]
    for name in keywords:
        if name not in flask_names:
            raise TypeError(
                f"WebServer() got an unexpected keyword argument {name!r}. It takes those of flask.Flask"
                f" ({', '.join(flask_names)}) and host, port, worker_threads, watch."
            )


def _announce_coroutine(func: Any) -> None:
    """Make servers see that calling a WebServer gives a coroutine; uvicorn takes anything else for ASGI 2."""
    markcoroutinefunction(func)
    if sys.version_info < (3, 12):
        # inspect.iscoroutinefunction, which Hypercorn asks, has no marker before Python 3.12: it reads this flag, which
        # the interpreter itself does not look at.
        func.__code__ = func.__code__.replace(co_flags=func.__code__.co_flags | inspect.CO_COROUTINE)


_announce_coroutine(WebServer.__call__)

__all__ = ["WORKER_THREADS", "WebServer"]
