"""The Quart core: an application object of Quart that shares everything registered on a :class:`WebServer`.

It is what serves, what ``quart.current_app`` is, and what extensions of Quart are given. A subclass of both frameworks
is no way out: ``make_response``, ``app_context``, ``test_client`` and others are sync in one and async in the other.
"""

from __future__ import annotations

import contextvars
import inspect
import io
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from asgiref.sync import SyncToAsync, sync_to_async
from flask.signals import appcontext_tearing_down, request_tearing_down
from quart import Quart
from quart.sessions import SessionInterface as QuartSessionInterface
from quart.wrappers import Request as QuartRequest
from werkzeug.datastructures import Headers as WerkzeugHeaders

from .callables import is_async
from .context import KeptContext, QuartAppContext, QuartRequestContext
from .gateway.body import AsyncBody, Body
from .gateway.connection import HTTPConnection
from .gateway.environ import environ_from_scope, path_info
from .gateway.lifespan import Lifespan
from .lanes.hop import is_on_loop
from .sessions import AwaitedSession, SharedSession
from .signals import connect_templates_of
from .upstream import bind_executor, flask_request_var, flask_template_defaults, has_sync_caller, serving_loop

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator

    from jinja2 import Environment

    from .context import RequestContext
    from .types import HTTPScope
    from .webserver import WebServer

#: What the core looks up on the WebServer each time, so that an application may replace it at any time.
SHARED = (
    "after_request_funcs",
    "aborter",
    "before_request_funcs",
    "blueprints",
    "config",
    "error_handler_spec",
    "extensions",
    "import_name",
    "json",
    "logger",
    "name",
    "shell_context_processors",
    "subdomain_matching",
    "teardown_appcontext_funcs",
    "teardown_request_funcs",
    "template_context_processors",
    "url_build_error_handlers",
    "url_default_functions",
    "url_map",
    "url_value_preprocessors",
    "view_functions",
)


class _Shared:
    """An attribute of the core that lives on the WebServer."""

    def __set_name__(self, owner: type[Core], name: str) -> None:
        self._name = name

    def __get__(self, core: Core | None, owner: type[Core] | None = None) -> Any:
        if core is None:
            return self
        if not core.is_wired:
            return core.unused[self._name]
        return getattr(core.server, self._name)

    def __set__(self, core: Core, value: object) -> None:
        # Quart's constructor fills registries of its own, which are thrown away.
        if core.is_wired:
            setattr(core.server, self._name, value)
        else:
            core.unused[self._name] = value


class Core(Quart):
    """The inside of a :class:`WebServer`. Made by it; ``app.core`` is the way to it."""

    is_wired = False
    asgi_http_class = HTTPConnection  # type: ignore[assignment]
    asgi_lifespan_class = Lifespan  # type: ignore[assignment]

    def __init__(self, server: WebServer) -> None:
        # Weak: an application is freed when its last reference goes, without waiting for the garbage collector.
        self._server = weakref.ref(server)
        self.unused: dict[str, Any] = {"name": server.name}
        self._while_serving: list[Callable[[], AsyncGenerator[None, None]]] = []
        super().__init__(
            server.import_name,
            static_folder=None,
            template_folder=None,
            root_path=server.root_path,
            instance_path=server.instance_path,
        )
        self.is_wired = True
        self.unused.clear()
        connect_templates_of(self)

    @property
    def server(self) -> WebServer:
        """The application that this is the core of."""
        server = self._server()
        if server is None:
            raise RuntimeError("The WebServer that this core belongs to is gone; keep a reference to it.")
        return server

    def __getattr__(self, name: str) -> Any:
        """Anything that Quart does not have is looked up on the WebServer (``quart.current_app.login_manager``)."""
        if name.startswith("__") or not self.is_wired:
            raise AttributeError(name)
        return getattr(self.server, name)

    # One set of registries: methods that write to them go through Flask, which checks when they may.

    def add_url_rule(self, *args: Any, **kwargs: Any) -> None:
        self.server.add_url_rule(*args, **kwargs)

    def register_blueprint(self, *args: Any, **kwargs: Any) -> None:
        self.server.register_blueprint(*args, **kwargs)

    def url_for(self, endpoint: str, **values: Any) -> str:
        return self.server.url_for(endpoint, **values)

    @property  # type: ignore[override]
    def session_interface(self) -> QuartSessionInterface:
        interface: Any = self.server.session_interface
        return interface.interface if isinstance(interface, AwaitedSession) else SharedSession(self.server)

    @session_interface.setter
    def session_interface(self, interface: Any) -> None:
        if isinstance(interface, QuartSessionInterface):
            interface = AwaitedSession(interface)
        self.server.session_interface = interface

    # One Jinja environment, two ways to render.

    def create_jinja_environment(self) -> Environment:  # type: ignore[override]
        return self.server.jinja_env.overlay(enable_async=True)

    @property
    def jinja_env(self) -> Environment:  # type: ignore[override]
        env = super().jinja_env
        # An overlay copies it once, and debug mode, which sets it, may be switched on later.
        env.auto_reload = self.server.jinja_env.auto_reload
        return env

    async def update_template_context(self, context: dict[str, Any]) -> None:
        """Flask's context processors, in one hop if any of them is sync code of the application."""
        processors = [func for funcs in self.template_context_processors.values() for func in funcs]
        server = self.server
        if any(func is not flask_template_defaults and not is_async(func) for func in processors):
            await self.sync_to_async(server.update_template_context)(context)
            return
        given = dict(context)
        for func in self._applicable(self.template_context_processors, outermost_first=True):
            extra = func()
            context.update(extra if isinstance(extra, dict) else await extra)
        context.update(given)

    def _applicable(self, registry: dict[Any, list[Any]], *, outermost_first: bool) -> list[Any]:
        """The functions of a hook registry for the current request, in Flask's order of blueprints."""
        if not registry:
            return []
        ctx = flask_request_var.get(None)
        names: list[str | None] = [*(ctx.request.blueprints if ctx is not None else ()), None]
        if outermost_first:
            names.reverse()
            return [func for name in names for func in registry.get(name, ())]
        return [func for name in names for func in reversed(registry.get(name, ()))]

    # The ASGI entry: who asks, then who answers.

    async def asgi_app(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] in ("http", "websocket"):
            server = self.server
            proxies = server.proxies
            if proxies is not None:
                scope = proxies.apply(scope)
            mount = server.mounts.find_for(scope)
            if mount is not None and mount.is_asgi and (scope["type"] == "websocket" or not server.encloses_mounts):
                await mount(scope, receive, send)
                return
        await super().asgi_app(scope, receive, send)

    # Serving. Quart pushes an application context here in any case; a Flask application whose teardown functions count
    # on a request would not start.

    def while_serving(self, func: Any) -> Any:
        """Register a generator function, async or sync."""
        make = partial(_in_threads, self, func) if inspect.isgeneratorfunction(func) else func
        super().while_serving(make)
        self._while_serving.append(make)
        return func

    async def startup(self) -> None:
        if not (self.before_serving_funcs or self.while_serving_gens):
            self.shutdown_event = self.event_class()
            return
        # New ones each time: an application may be served, stopped, and served again.
        self.while_serving_gens[:] = [make() for make in self._while_serving]
        try:
            await super().startup()
        except BaseException:
            # What has been opened is closed, and what has not begun does not begin.
            for generator in reversed(self.while_serving_gens):
                await generator.aclose()
            raise

    async def shutdown(self) -> None:
        if self.after_serving_funcs or self.while_serving_gens or self.background_tasks:
            await super().shutdown()
        else:
            self.shutdown_event.set()

    def add_background_task(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Run ``func`` in the background. Its sync pieces take turns: they must not hold the request's thread."""
        context = contextvars.copy_context()
        context.run(bind_executor, self.server.threads.turns())
        add = partial(context.run, super().add_background_task, func, *args, **kwargs)
        if is_on_loop():
            add()
        elif (loop := serving_loop()) is not None:
            loop.call_soon_threadsafe(add)
        else:
            raise RuntimeError(
                "A background task needs a running server. Add it from a view, a hook or a before_serving function."
            )

    # Contexts and teardown.

    def app_context(self) -> QuartAppContext:
        return QuartAppContext(self.server.app_context())

    def request_context(self, request: QuartRequest) -> QuartRequestContext:
        """The context of a request object of Quart's (``test_request_context``), seen from Flask too."""
        environ = environ_from_scope(cast("HTTPScope", request.scope))
        # A request object that somebody made by hand may have Quart's own body, which has nothing to read yet.
        environ["wsgi.input"] = io.BytesIO(getattr(request.body, "complete", None) or b"")
        context = self.server.request_context(environ)
        vars(context)["quart_request"] = request
        return QuartRequestContext(context)

    def preserve(self, context: RequestContext) -> None:
        """Keep the context of a request for Quart's test client."""
        self._preserved_context = KeptContext(context)

    async def do_teardown_request(self, exc: BaseException | None, request_context: Any = None) -> None:
        functions = self._applicable(self.teardown_request_funcs, outermost_first=False)
        if request_tearing_down.has_receivers_for(self.server) or not all(map(is_async, functions)):
            await self.sync_to_async(self.server.do_teardown_request)(exc)
            return
        for func in functions:
            await func(exc)

    async def do_teardown_appcontext(self, exc: BaseException | None) -> None:
        functions = self.teardown_appcontext_funcs
        if appcontext_tearing_down.has_receivers_for(self.server) or not all(map(is_async, functions)):
            await self.sync_to_async(self.server.do_teardown_appcontext)(exc)
            return
        for func in reversed(functions):
            await cast("Any", func)(exc)

    def sync_to_async(self, func: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
        """Run sync code on the request's own thread inside a request, else on a worker."""
        # Async code that a sync view waits for has a thread too: the one that waits. Asking for another could wait for
        # ever, because all of them may be waiting so.
        if has_sync_caller() or SyncToAsync.thread_sensitive_context.get(None) is not None:
            return sync_to_async(func, thread_sensitive=True)
        return sync_to_async(func, thread_sensitive=False, executor=cast("Any", self.server.threads.turn()))

    # Quart's request object.

    def make_request(self, scope: HTTPScope, body: Body | bytes) -> QuartRequest:
        """Quart's request object for a scope, over a body that may already have been collected."""
        headers = WerkzeugHeaders()
        for name, value in scope["headers"]:
            headers.add(name.decode("latin-1").title(), value.decode("latin-1"))
        client = scope.get("client")
        headers["Remote-Addr"] = client[0] if client else "<local>"
        request = self.request_class(
            scope["method"],
            scope.get("scheme", "http"),
            path_info(scope).encode("latin-1").decode("utf-8", "replace"),
            scope["query_string"],
            headers,
            scope.get("root_path", ""),
            scope["http_version"],
            cast("Any", scope),
            max_content_length=self.config["MAX_CONTENT_LENGTH"],
            body_timeout=self.config["BODY_TIMEOUT"],
            send_push_promise=_no_push,
        )
        request.json_module = self.json
        if isinstance(body, bytes):
            request.body.set_result(body)
        else:
            cast("AsyncBody", request.body).feed_from(body)
        return request

    class request_class(QuartRequest):  # noqa: N801 (Quart's name for the attribute)
        body_class = AsyncBody


async def _in_threads(core: Core, func: Callable[[], Generator[None, None, None]]) -> AsyncGenerator[None, None]:
    """A sync generator function as an async one, for ``while_serving``."""
    generator = func()
    advance = core.sync_to_async(partial(next, generator, _ENDED))
    try:
        if await advance() is _ENDED:
            return
        yield
        while await advance() is not _ENDED:
            yield  # one too many, which Quart reports
    finally:
        await core.sync_to_async(generator.close)()


_ENDED: Any = object()


async def _no_push(path: str, headers: WerkzeugHeaders) -> None:
    """uvicorn speaks HTTP/1.1, which has no server push."""


for _name in SHARED:
    _descriptor = _Shared()
    _descriptor.__set_name__(Core, _name)
    setattr(Core, _name, _descriptor)
