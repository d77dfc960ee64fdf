"""The Quart core: an application object of Quart that shares everything registered on a :class:`WebServer`.

It is what serves, what ``quart.current_app`` is, and what extensions of Quart are given. A subclass of both frameworks
is no way out: ``make_response``, ``app_context``, ``test_client`` and others are sync in one and async in the other.
"""

from __future__ import annotations

import io
import weakref
from typing import TYPE_CHECKING, Any, cast

from asgiref.sync import SyncToAsync, sync_to_async
from flask.signals import appcontext_tearing_down, request_tearing_down
from quart import Quart
from quart.sessions import SessionInterface as QuartSessionInterface

from ..callables import is_async
from ..gateway.connection import HTTPConnection
from ..gateway.environ import decoded_path, environ_from_scope, headers_for_quart
from ..gateway.lifespan import Lifespan
from ..gateway.websocket import WebsocketConnection
from ..hooks import applicable
from ..sessions import AwaitedSession, SharedSession
from ..signals import connect_templates_of
from ..upstream import flask_template_defaults, has_sync_caller
from .contexts import KeptContext, QuartAppContext, QuartRequestContext
from .lifetime import Lifetime
from .request import AsyncBody, SharedRequest
from .websocket_cycle import WebsocketCycle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from jinja2 import Environment
    from quart.wrappers import Request as QuartRequest
    from werkzeug.datastructures import Headers

    from ..context import RequestContext
    from ..gateway.mounts import Mount
    from ..types import ASGIApp, HTTPScope
    from ..webserver import WebServer
    from .request import Source

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


class Core(Lifetime, WebsocketCycle, Quart):
    """The inside of a :class:`WebServer`. Made by it; ``app.core`` is the way to it."""

    is_wired = False
    asgi_http_class = HTTPConnection  # type: ignore[assignment]
    asgi_lifespan_class = Lifespan  # type: ignore[assignment]
    asgi_websocket_class = WebsocketConnection  # type: ignore[assignment]
    #: What stands around mounted ASGI applications while somebody watches: called with the server and the mount.
    around_mount: Callable[[WebServer, Mount], ASGIApp] | None = None

    def __init__(self, server: WebServer) -> None:
        # Weak: an application is freed when its last reference goes, without waiting for the garbage collector.
        self._server = weakref.ref(server)
        self.unused: dict[str, Any] = {"name": server.name}
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
        for func in applicable(self.template_context_processors, outermost_first=True):
            extra = func()
            context.update(extra if isinstance(extra, dict) else await extra)
        context.update(given)

    # The ASGI entry: who asks, then who answers.

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """What Quart's test client calls: the application as it is served, with its policies."""
        await self.server.asgi_app(scope, receive, send)

    def asgi_app(self, scope: Any, receive: Any, send: Any) -> Awaitable[None]:  # type: ignore[override]
        """What Quart's method does, without a coroutine around it."""
        kind = scope["type"]
        if kind not in ("http", "websocket"):
            return super().asgi_app(scope, receive, send)
        server = self.server
        has_mounts = bool(server.mounts)
        around = server.around if has_mounts or "wsgi_app" in vars(server) else None
        if around is not None and around.proxies is not None:
            scope = around.proxies.apply(scope)
        mount = server.mounts.find_for(scope) if has_mounts else None
        if around is not None and mount is not None and mount.is_asgi and not around.encloses_mounts:
            called = mount if self.around_mount is None else self.around_mount(server, mount)
            return called(scope, receive, send)
        if kind == "websocket":
            return cast("Awaitable[None]", self.asgi_websocket_class(self, scope)(receive, send))
        connection: Any = self.asgi_http_class(self, scope)
        connection.mount, connection.around = mount, around
        answering: Awaitable[None] = connection(receive, send)
        return answering

    # Contexts and teardown.

    def app_context(self) -> QuartAppContext:
        return QuartAppContext(self.server.app_context())

    def request_context(self, request: QuartRequest) -> QuartRequestContext:
        """The context of a request object of Quart's (``test_request_context``), seen from Flask too."""
        environ = environ_from_scope(cast("HTTPScope", request.scope))
        # A request object that somebody made by hand may have Quart's own body, which has nothing to read yet.
        environ["wsgi.input"] = io.BytesIO(getattr(request.body, "unread", b""))
        context = self.server.request_context(environ)
        vars(context)["quart_request"] = request
        return QuartRequestContext(context)

    def preserve(self, context: RequestContext) -> None:
        """Keep the context of a request for Quart's test client."""
        self._preserved_context = KeptContext(context)

    async def do_teardown_request(self, exc: BaseException | None, request_context: Any = None) -> None:
        functions = applicable(self.teardown_request_funcs, outermost_first=False)
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

    def make_request(self, scope: HTTPScope, body: Source | bytes) -> QuartRequest:
        """Quart's request object for a scope, over a body that may already have been collected."""
        request = self.request_class(
            scope["method"],
            scope.get("scheme", "http"),
            decoded_path(scope),
            scope["query_string"],
            headers_for_quart(scope),
            scope.get("root_path", ""),
            scope["http_version"],
            cast("Any", scope),
            max_content_length=self.config["MAX_CONTENT_LENGTH"],
            body_timeout=self.config["BODY_TIMEOUT"],
            send_push_promise=_no_push,
        )
        request.json_module = self.json
        if not isinstance(request.body, AsyncBody):  # a class of the user's
            request.body = AsyncBody(request.content_length, self.config["MAX_CONTENT_LENGTH"])
        if isinstance(body, bytes):
            request.body.set_result(body)
        else:
            request.body.feed_from(body)
        return request

    request_class = SharedRequest


async def _no_push(path: str, headers: Headers) -> None:
    """uvicorn speaks HTTP/1.1, which has no server push."""


for _name in SHARED:
    _descriptor = _Shared()
    _descriptor.__set_name__(Core, _name)
    setattr(Core, _name, _descriptor)
