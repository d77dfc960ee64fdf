"""``WebServer``: what users construct in place of ``flask.Flask``."""

from __future__ import annotations

import inspect
import logging
import sys
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, cast

from asgiref.sync import markcoroutinefunction
from flask import Flask
from flask.sansio.scaffold import setupmethod
from quart.wrappers import Response as QuartResponse
from werkzeug.datastructures import ImmutableDict

from .arguments import check_names, check_settings, own_settings
from .caching.api import CachingAPI
from .callables import is_awaitable
from .cli import CommandGroup
from .context import AppContext, RequestContext
from .conversion import add_class, check_convertible
from .gateway.answer import is_async_iterable, stream
from .gateway.environ import EXCHANGE
from .gateway.mounts import Mount, MountedCall, Mounts, take_current_mount
from .gateway.wsgi_entry import WSGICall
from .handshake import Handshake
from .json_provider import JSONProvider
from .lanes.api import LanesAPI
from .lanes.around import OVERRIDABLE, WATCHED
from .lanes.choice import is_quarts_view
from .lanes.websocket_lane import run_quarts_cycle_from_thread
from .limits.limits import WAITING_PER_THREAD, check_timeout, check_waiting
from .logs.api import LoggingAPI
from .names import RESERVED, check_attribute, check_class
from .policy.stack import policy_around
from .quart_side.api import QuartAPI
from .quart_side.core import Core
from .responses import from_quart
from .routing import UrlMap
from .serving.run import run
from .signing import SignedSessions
from .upstream import flask_request_var
from .watching.api import WatchingAPI
from .websocket_context import WebsocketContext

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Mapping

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from flask.json.provider import JSONProvider as FlaskJSONProvider
    from flask.sessions import SessionInterface, SessionMixin
    from flask.templating import Environment
    from flask.typing import ResponseReturnValue
    from flask.wrappers import Request, Response
    from flask_caching import Cache as FlaskCache
    from werkzeug.exceptions import HTTPException
    from werkzeug.routing import MapAdapter

    from .exchange import Exchange
    from .policy.compression import Compression
    from .policy.cors import CORS
    from .serving.server import Endable
    from .types import ASGIApp, Receive, Scope, Send

#: Threads that run sync views in one process, unless the constructor is told otherwise.
WORKER_THREADS = 8


class WebServer(QuartAPI, CachingAPI, WatchingAPI, LoggingAPI, LanesAPI):
    """A Flask application that is served by an ASGI Quart core.

    The positional parameters are those of :class:`flask.Flask`, in its order. Keyword-only, in addition:

    :param host: where :meth:`run` listens unless it is told otherwise; Flask's default, ``127.0.0.1``.
    :param port: the same for the port; Flask's default, 5000.
    :param worker_threads: threads that run sync views, in each process.
    :param cache: where ``app.cache`` keeps responses: ``SimpleCache()``, ``FileSystemCache(directory)``,
        ``RedisCache(host, port)``, or any ``flask_caching.Cache`` that has its settings.
    :param compression: how bodies are compressed: True for every algorithm that the client takes, or
        :class:`~aeros_compat.Gzip`, ``Br``, ``Zstd`` or ``Compression``; None for off.
    :param cors: which pages of other origins may read the responses: True for all of them, options as in
        :class:`~aeros_compat.CORS`, or a dictionary from prefixes to options; None sends no CORS headers.
    :param global_headers: headers that every response gets which does not have them.
    :param include_server_header: False sends no ``server`` header; see the README for what servers add themselves.
    :param logging_level: of the application's logger, as ``logging`` has it; None leaves it as Flask does.
    :param watch: True counts what is going on for :meth:`lane_stats`; a path such as ``/_aeros/lanes`` also serves it
        there, as a page, as JSON and as Prometheus text, to whoever the application's ``before_request`` functions let
        in. None, the default: off; but :meth:`run` in debug mode watches, and shows the page to this machine.
    :param request_timeout: seconds after which a request is answered with 504; None, the default, for no limit. The
        decorator :func:`~aeros_compat.request_timeout` gives a view one of its own.
    :param waiting_per_thread: sync requests that may wait for each worker thread before further ones are answered
        with 503 and ``Retry-After`` at once; None for any number.
    :raises TypeError: for a keyword that neither Flask nor this class knows, a value of a wrong type, or a subclass
        that uses a name which requests need (see :mod:`.names`) for something of its own.
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
    json_provider_class: type[FlaskJSONProvider] = JSONProvider
    session_interface: SessionInterface = SignedSessions()
    #: Counted up by each attribute that is set and has a part in how requests are answered.
    _changes = 0

    def __init__(
        self,
        import_name: str,
        *args: Any,
        host: str | None = None,
        port: int | None = None,
        worker_threads: int = WORKER_THREADS,
        cache: FlaskCache | None = None,
        compression: Compression | bool | None = True,
        cors: CORS | Mapping[str, Any] | bool | None = None,
        global_headers: Mapping[str, str] = MappingProxyType({}),
        include_server_header: bool = True,
        logging_level: int | str | None = None,
        watch: bool | str | None = None,
        request_timeout: float | None = None,
        waiting_per_thread: int | None = WAITING_PER_THREAD,
        **kwargs: Any,
    ) -> None:
        check_settings(host, port, worker_threads, logging_level)
        check_names(WebServer, kwargs)
        super().__init__(import_name, *args, **kwargs)
        self._extend_flask(
            host=host,
            port=port,
            worker_threads=worker_threads,
            cache=cache,
            logging_level=logging_level,
            compression=compression,
            cors=cors,
            global_headers=global_headers,
            include_server_header=include_server_header,
            watch=watch,
            request_timeout=request_timeout,
            waiting_per_thread=waiting_per_thread,
        )

    def _extend_flask(
        self,
        *,
        host: str | None,
        port: int | None,
        worker_threads: int,
        cache: FlaskCache | None,
        logging_level: int | str | None,
        watch: bool | str | None,
        request_timeout: float | None,
        waiting_per_thread: int | None,
        **policies: Any,
    ) -> None:
        """Set what is here and not in Flask."""
        check_class(self, WebServer)
        self.host = host
        self.port = port
        self._use_lanes(worker_threads)
        check_timeout(request_timeout)
        check_waiting(waiting_per_thread)
        self.request_timeout = request_timeout
        self.waiting_per_thread = waiting_per_thread
        #: Requests that have been answered with 504, and whose threads are still at work.
        self.overdue: set[Exchange] = set()
        CommandGroup.extend(self.cli)
        self.mounts = Mounts()
        #: The servers that :meth:`run` has started in this process and that have not ended.
        self.servers: set[Endable] = set()
        #: Whether middleware calls Flask's ``wsgi_app``, not the one of this class.
        self._was_wrapped = False
        self.core = Core(self)
        self._use_cache(cache)
        self._policy = policy_around(self.core, **policies)
        self.global_headers: Mapping[str, str] = MappingProxyType(dict(policies["global_headers"]))
        self.include_server_header: bool = policies["include_server_header"]
        if logging_level is not None:
            # Not through app.logger, which gets its handler when it is first used.
            logging.getLogger(self.name).setLevel(logging_level)
        self._use_watch(watch)

    @classmethod
    def from_flask(cls, app: Flask, **settings: Any) -> Self:
        """Turn a plain Flask application (somebody else's package, say) into a WebServer, in place.

        It stays the object that extensions and blueprints know, with its routes, hooks, configuration, templates and
        commands, the methods that its class overrides, and what has been put around ``app.wsgi_app``.

        :param app: an application that has not been asked for anything yet. A WebServer is returned as it is.
        :param settings: what the constructor takes and Flask's does not.
        :returns: ``app`` itself.
        :raises TypeError: for what is no Flask application, overrides ``__call__``, or uses a name which requests need
            (see :mod:`.names`).
        :raises RuntimeError: if it has handled a request: like every other step of the set-up, this one comes before
            the first request, or requests that run at the same time would each see another application.
        """
        check_convertible(app, WebServer, settings)
        if isinstance(app, WebServer):
            return cast("Self", app)
        own = own_settings(WebServer) | settings
        check_settings(own["host"], own["port"], own["worker_threads"], own["logging_level"])
        before = [(obj, type(obj)) for obj in (app, app.url_map, app.json, app.cli)]
        server = cast("Self", app)
        try:
            add_class(app, cls)
            add_class(app.url_map, UrlMap)
            JSONProvider.take_over(app)
            for name, value in cls.default_config.items():
                app.config.setdefault(name, value)
            server._extend_flask(**own)
        except BaseException:
            # A setting that cannot be: what is left is the Flask application, not half of each.
            for obj, own_class in before:
                obj.__class__ = own_class
            raise
        server._was_wrapped = "wsgi_app" in vars(app)
        if "jinja_env" in vars(app):
            server._with_fragments(app.jinja_env)
        return server

    # The two entries.

    def __call__(self, scope: Any, receive: Any, send: Any = None) -> Any:
        """``await app(scope, receive, send)`` (ASGI 3) or ``app(environ, start_response)`` (PEP 3333)."""
        if send is not None:
            return self.asgi_app(scope, receive, send)
        return WSGICall(scope, receive).run(self.asgi_app)

    def asgi_app(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """The ASGI application. It can be wrapped: ``app.asgi_app = Middleware(app.asgi_app)``."""
        return self._policy(scope, receive, send)

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

        ``host``, ``port``, ``debug`` and ``load_dotenv`` mean what they mean in :meth:`flask.Flask.run`, and so do its
        other options: ``use_reloader``, ``use_debugger``, ``use_evalex``, ``ssl_context``, ``extra_files``,
        ``exclude_patterns``, ``reloader_type``, ``reloader_interval``, ``passthrough_errors``; ``threaded=False`` is
        one thread for sync views, ``processes`` is ``workers``. In addition:

        :param workers: processes, each with an application of its own, which they find by its name.
        :param worker_threads: threads that run sync views, in each process; the constructor's unless it is given.
        :param watch: count requests, and show the page of the constructor's ``watch`` to this machine, at
            ``/_aeros/lanes``.
        :param soft_limit: connections or running requests in a process above which it answers 503 at once
            (uvicorn's ``limit_concurrency``); none unless it is given.
        :param hard_limit: connections that wait to be accepted before the system refuses more (uvicorn's ``backlog``).
        :param max_requests: requests after which a worker is replaced, with a jitter of a tenth
            (uvicorn's ``limit_max_requests``).

        :param access_log: False writes no line for each request (see the README, "Logs").
        :param access_log_file: a file for these lines, next to stdout; ``access_log_to_std=False``: instead of it.
        :param default_log_file: the same for all other lines, next to stderr, with ``log_to_std``.
        :param log_level: of the server's own lines, as a number or as uvicorn names it.
        :param log_format: ``"text"``, or ``"json"`` for one object a line.
        :param use_colors: True or False (``color`` is another name for it); by default ``NO_COLOR`` and ``FORCE_COLOR``
            decide, and then whether it is a terminal.
        :param traceback: True for tracebacks from your code on, ``"full"`` for all of them, False for the exception
            alone.

        Any other option is that of ``uvicorn.run``. The server ends in order, and the program with exit code 0, on
        SIGTERM; requests have 30 seconds to end (uvicorn's ``timeout_graceful_shutdown``).

        :raises TypeError: for an option that nobody knows.
        :raises SystemExit: with the reason on stderr, if no server can start.
        """
        run(self, WebServer.from_flask, host, port, debug, load_dotenv, options)

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

    # Attributes, and methods in the place of Flask's.

    @cached_property
    def name(self) -> str:  # type: ignore[override]
        """Flask's name for it; in a worker, the main module of the program is called ``__mp_main__``."""
        if self.import_name == "__mp_main__":
            return Path(sys.modules["__mp_main__"].__file__ or self.import_name).stem
        return super().name

    def __setattr__(self, name: str, value: object) -> None:
        if name in RESERVED:
            check_attribute(self, name)
        super().__setattr__(name, value)
        if name in WATCHED:
            self._changes += 1

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        if name in WATCHED:
            self._changes += 1

    def overrides(self, *names: str) -> bool:
        """Whether a subclass, or this object, has methods of its own in place of these methods of Flask's."""
        cls, own = type(self), vars(self)
        return any(name in own or getattr(cls, name) is not _OWN.get(name, getattr(WebServer, name)) for name in names)

    @property
    def own_wsgi_app(self) -> object:
        """:meth:`wsgi_app`, whatever has been put around it."""
        return WebServer.wsgi_app.__get__(self)

    def call_wsgi(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """What a request of the sync lane calls."""
        if self.proxies is not None:  # and has changed the scope already
            return WebServer.wsgi_app(self, environ, start_response)
        # Flask's own __call__, not the one of this class, which is also the ASGI entry. Agents patch it (Sentry does).
        return Flask.__call__(self, environ, start_response)

    # Flask's cycle, where it has to know of lanes and mounts.

    def open_session_of(self, request: Request) -> SessionMixin:
        """The session of a request, or the null session where there is none."""
        session = self.session_interface.open_session(self, request)
        return self.session_interface.make_null_session(self) if session is None else session

    def register_blueprint(self, blueprint: Any, **options: Any) -> None:
        super().register_blueprint(blueprint, **options)
        self.core.adopt_teardowns()

    def full_dispatch_request(self) -> Response:
        if self._was_wrapped and (mount := take_current_mount()) is not None:
            return cast("Response", mount.call_wsgi)
        ctx = flask_request_var.get()
        if isinstance(ctx, WebsocketContext) and is_quarts_view(self, ctx.request.url_rule):
            return run_quarts_cycle_from_thread(self, ctx)
        return super().full_dispatch_request()

    def dispatch_request(self) -> ResponseReturnValue:
        return cast("ResponseReturnValue", self.awaited(super().dispatch_request()))

    def finalize_request(self, rv: ResponseReturnValue | HTTPException, from_error_handler: bool = False) -> Response:
        if is_awaitable(rv):
            # Of a dispatch_request in place of Flask's that calls a view without ensure_sync (DebugToolbar's does). The
            # rest of the ``try`` in full_dispatch_request, in which it would have run.
            try:
                rv = cast("ResponseReturnValue", self.awaited(rv))
            except Exception as error:
                rv = self.handle_user_exception(error)
        return super().finalize_request(rv, from_error_handler)

    def create_jinja_environment(self) -> Environment:
        return self._with_fragments(super().create_jinja_environment())

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
        if self._was_wrapped and (mount := self.mounts.find(environ.get("PATH_INFO", ""))) is not None:
            return cast("RequestContext", MountedCall(mount))
        if isinstance(environ.get(EXCHANGE), Handshake):
            return WebsocketContext(self, environ)
        return RequestContext(self, environ)

    def test_request_context(self, *args: Any, **kwargs: Any) -> RequestContext:
        return cast("RequestContext", super().test_request_context(*args, **kwargs))

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        exchange = request.environ.get(EXCHANGE) if request is not None else None
        match = exchange.match_for(self, request.environ) if exchange is not None and request is not None else None
        if match is None or request is None:
            return super().create_url_adapter(request)
        match.name_host(request)
        adapter: MapAdapter = match.adapter
        return adapter


def _announce_coroutine(func: Any) -> None:
    """Make servers see that calling a WebServer gives a coroutine; uvicorn takes anything else for ASGI 2."""
    markcoroutinefunction(func)
    if sys.version_info < (3, 12):
        # inspect.iscoroutinefunction, which Hypercorn asks, has no marker before Python 3.12: it reads this flag, which
        # the interpreter itself does not look at.
        func.__code__ = func.__code__.replace(co_flags=func.__code__.co_flags | inspect.CO_COROUTINE)


_announce_coroutine(WebServer.__call__)
_announce_coroutine(WebServer.asgi_app)

#: The methods of this class as they were written: somebody may patch them.
_OWN = {name: getattr(WebServer, name) for name in OVERRIDABLE}

__all__ = ["WORKER_THREADS", "WebServer"]
