"""One state of a request behind ``flask.*`` and ``quart.*``.

Flask's contexts are the real ones; pushing one also sets Quart's two context variables to thin views over it. So there
is one ``g``, one session, one list of flashes, one match result, whichever package a name was imported from.

Contexts of Flask are pushed and popped by sync methods, those of Quart by async ones. Both work on every context here:
``with app.app_context()`` and ``async with app.app_context()``.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import flask.ctx
import quart.ctx
from flask.signals import appcontext_popped

from .gateway.environ import EXCHANGE, scope_from_environ
from .upstream import flask_app_var, flask_request_var, flask_sentinel, quart_app_var, quart_request_var

if TYPE_CHECKING:
    from contextvars import ContextVar, Token
    from types import TracebackType

    from _typeshed.wsgi import WSGIEnvironment
    from flask.sessions import SessionMixin
    from flask.wrappers import Request
    from quart.wrappers import Request as QuartRequest
    from werkzeug.routing import MapAdapter

    from .core import Core
    from .exchange import Exchange
    from .gateway.body import Body
    from .webserver import WebServer

_flask_sentinel = cast("BaseException | None", flask_sentinel)


def _active(exc: BaseException | None) -> BaseException | None:
    """What Flask's ``pop`` takes for its argument if there is none: the exception that is being handled."""
    return sys.exc_info()[1] if exc is _flask_sentinel else exc


def _reset_latest(variable: ContextVar[Any], tokens: list[Token[Any]]) -> int:
    """Reset the variable to what it was before the latest push made in this ``contextvars.Context``; say which it was.

    Not always the latest of all: a stream holds the context on the server's side while the test client that keeps it
    has pushed it too, on its own, and a token only works where it was made.
    """
    for index in range(len(tokens) - 1, 0, -1):
        try:
            variable.reset(tokens[index])
        except ValueError:
            continue
        return index
    variable.reset(tokens[0])
    return 0


class AppContext(flask.ctx.AppContext):
    """Flask's application context, seen from Quart too."""

    app: WebServer

    def __init__(self, app: WebServer) -> None:
        super().__init__(app)
        self._quart_tokens: list[Token[quart.ctx.AppContext]] = []

    def push(self) -> None:
        # First, because Flask's push ends with a signal whose receivers may use either vocabulary.
        self._quart_tokens.append(quart_app_var.set(QuartAppContext(self)))
        super().push()

    def pop(self, exc: BaseException | None = _flask_sentinel) -> None:
        try:
            if len(self._cv_tokens) == 1:
                self.app.do_teardown_appcontext(_active(exc))
        finally:
            self._leave()
        appcontext_popped.send(self.app, _async_wrapper=self.app.ensure_sync)

    async def pop_async(self, exc: BaseException | None) -> None:
        """``pop`` that awaits async teardown functions, and sends sync ones to the request's thread."""
        try:
            if len(self._cv_tokens) == 1:
                await self.app.core.do_teardown_appcontext(exc)
        finally:
            self._leave()
        appcontext_popped.send(self.app, _async_wrapper=self.app.ensure_sync)

    def _leave(self) -> None:
        ctx = flask_app_var.get()
        index = _reset_latest(flask_app_var, self._cv_tokens)
        del self._cv_tokens[index]
        quart_app_var.reset(self._quart_tokens.pop(index))
        if ctx is not self:
            raise AssertionError(f"Popped wrong app context. ({ctx!r} instead of {self!r})")

    async def __aenter__(self) -> AppContext:
        self.push()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.pop_async(exc_value)


class RequestContext(flask.ctx.RequestContext):
    """Flask's request context, seen from Quart too."""

    app: WebServer

    def __init__(
        self,
        app: WebServer,
        environ: WSGIEnvironment,
        request: Request | None = None,
        session: SessionMixin | None = None,
    ) -> None:
        self.exchange: Exchange | None = environ.get(EXCHANGE)
        #: While True, ``ensure_sync`` hands coroutine functions through: the async lane awaits what they return.
        self.passes_coroutines = False
        self._quart_tokens: list[Token[quart.ctx.RequestContext]] = []
        super().__init__(app, environ, request, session)

    def push(self) -> None:
        self._quart_tokens.append(quart_request_var.set(QuartRequestContext(self)))
        try:
            super().push()
        except BaseException:
            # Flask leaves a context whose push failed to be popped by wsgi_app, unless it never got so far.
            if not self._cv_tokens:
                quart_request_var.reset(self._quart_tokens.pop())
            raise

    def pop(self, exc: BaseException | None = _flask_sentinel) -> None:
        app_ctx = None
        try:
            if len(self._cv_tokens) == 1:
                exc = _active(exc)
                self.app.do_teardown_request(exc)
                self.request.close()
        finally:
            app_ctx = self._leave()
            if app_ctx is not None:
                app_ctx.pop(exc)

    async def pop_async(self, exc: BaseException | None) -> None:
        """``pop`` that awaits async teardown functions, and sends sync ones to the request's thread."""
        app_ctx = None
        try:
            if len(self._cv_tokens) == 1:
                await self.app.core.do_teardown_request(exc)
                await self._close_requests()
        finally:
            app_ctx = self._leave()
            if app_ctx is not None:
                await app_ctx.pop_async(exc)

    def _leave(self) -> AppContext | None:
        """Undo one push; return the application context that it pushed with it."""
        ctx = flask_request_var.get()
        index = _reset_latest(flask_request_var, [token for token, _ in self._cv_tokens])
        _, app_ctx = self._cv_tokens.pop(index)
        quart_request_var.reset(self._quart_tokens.pop(index))
        if not self._cv_tokens:
            self._forget_request()
        if ctx is not self:
            if app_ctx is not None:
                app_ctx.pop()
            raise AssertionError(f"Popped wrong request context. ({ctx!r} instead of {self!r})")
        return cast("AppContext | None", app_ctx)

    @property
    def session_accessed(self) -> bool:
        """Whether anything in this request has asked for the session. This does not, and opens none."""
        return self._session is not None and self._session.accessed

    async def _close_requests(self) -> None:
        self.request.close()
        if (quart_request := vars(self).get("quart_request")) is not None:
            await quart_request.close()

    def _forget_request(self) -> None:
        # Flask breaks this cycle at the same place, so that no garbage collector is needed.
        self.request.environ["werkzeug.request"] = None

    def match_request(self) -> None:
        match = self.exchange.match_for(self.request.environ) if self.exchange is not None else None
        if match is None or match.adapter is not self.url_adapter:
            super().match_request()
        else:
            match.apply_to(self.request)
        if (quart_request := vars(self).get("quart_request")) is not None:
            self._share_match(quart_request)

    @cached_property
    def quart_request(self) -> QuartRequest:
        """What ``quart.request`` is, made when it is first asked for."""
        request = self.app.core.make_request(*self._scope_and_body())
        self._share_match(request)
        return request

    def _share_match(self, request: QuartRequest) -> None:
        request.routing_exception = self.request.routing_exception
        request.url_rule = cast("Any", self.request.url_rule)
        request.view_args = self.request.view_args

    def _scope_and_body(self) -> tuple[Any, Body | bytes]:
        if self.exchange is not None:
            return self.exchange.scope, self.exchange.body
        environ = self.request.environ
        stream = environ["wsgi.input"]
        data = stream.read()
        with suppress(AttributeError, OSError):
            stream.seek(0)
        return scope_from_environ(environ), data

    async def __aenter__(self) -> RequestContext:
        self.push()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.pop_async(exc_value)


class LazyRequestContext(RequestContext):
    """The request context of the async lane: its parts are made when somebody touches them.

    Two light contexts with lazy requests cost little; eager ones halve the throughput of a small async view.
    """

    def __init__(self, app: WebServer, exchange: Exchange) -> None:
        # Flask's own constructor builds the request, so it is not called: what it sets is set here.
        self.app = app
        self.exchange: Exchange = exchange
        self.passes_coroutines = False
        self.flashes = None
        self._after_request_functions = []
        self._cv_tokens = []
        self._quart_tokens = []
        self._request: Request | None = None
        self._opened: SessionMixin | None = None
        self._opening = False
        assert exchange.match is not None
        self._match = exchange.match
        self.url_adapter: MapAdapter = exchange.match.adapter

    @property
    def request(self) -> Request:  # type: ignore[override]
        if self._request is None:
            self._request = self.exchange.make_request(self.app)
            if not self._match.unconverted:
                self._match.apply_to(self._request)
        return self._request

    @property
    def _session(self) -> SessionMixin | None:
        if self._opened is None and self._cv_tokens and not self._opening:
            self._opening = True  # once, also if it fails
            self._opened = self.app.open_session_of(self.request)
        return self._opened

    @_session.setter
    def _session(self, session: SessionMixin | None) -> None:
        self._opened = session

    @property
    def session_accessed(self) -> bool:
        return self._opened is not None and self._opened.accessed

    def match_request(self) -> None:
        if self._match.unconverted:
            self._match.apply_to(self.request)

    @property
    def session_untouched(self) -> bool:
        """Whether nobody has opened the session, and nothing in the request calls for it to be opened."""
        return self._opened is None and not self.exchange.has_cookies

    def push_lazily(self) -> None:
        """``push`` without opening the session, and without matching again."""
        app_ctx: AppContext | None = cast("AppContext | None", flask_app_var.get(None))
        if app_ctx is None or app_ctx.app is not self.app:
            app_ctx = self.app.app_context()
            app_ctx.push()
        else:
            app_ctx = None
        self._quart_tokens.append(quart_request_var.set(QuartRequestContext(self)))
        self._cv_tokens.append((flask_request_var.set(self), app_ctx))

    async def _close_requests(self) -> None:
        if self._request is not None:
            await super()._close_requests()

    def _forget_request(self) -> None:
        if self._request is not None:
            super()._forget_request()

    def copy(self) -> RequestContext:
        return RequestContext(self.app, self.request.environ, self.request, self._session)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.exchange.scope['path']!r} of {self.app.name}>"


class QuartAppContext(quart.ctx.AppContext):
    """What ``quart.current_app`` and ``quart.g`` look at: a view over Flask's application context."""

    def __init__(self, flask_context: AppContext) -> None:
        self._flask = flask_context

    @property
    def app(self) -> Core:  # type: ignore[override]
        return self._flask.app.core

    @property
    def url_adapter(self) -> MapAdapter | None:  # type: ignore[override]
        return self._flask.url_adapter

    @property
    def g(self) -> Any:  # type: ignore[override]
        return self._flask.g

    def copy(self) -> QuartAppContext:
        context = self._flask.app.app_context()
        context.g = self.g
        return QuartAppContext(context)

    async def push(self) -> None:
        self._flask.push()

    async def pop(self, exc: BaseException | None = _flask_sentinel) -> None:
        await self._flask.pop_async(_active(exc))


class QuartRequestContext(quart.ctx.RequestContext):
    """What ``quart.request`` and ``quart.session`` look at: a view over Flask's request context."""

    def __init__(self, flask_context: RequestContext) -> None:
        self._flask = flask_context
        self.preserved = False

    @property
    def app(self) -> Core:  # type: ignore[override]
        return self._flask.app.core

    @property
    def request_websocket(self) -> QuartRequest:  # type: ignore[override]
        return self._flask.quart_request

    @property
    def url_adapter(self) -> MapAdapter | None:  # type: ignore[override]
        return self._flask.url_adapter

    @property
    def session(self) -> Any:
        return self._flask.session

    @session.setter
    def session(self, session: Any) -> None:
        self._flask._session = session

    @property  # type: ignore[override]
    def flashes(self) -> list[tuple[str, str]] | None:
        return self._flask.flashes

    @flashes.setter
    def flashes(self, flashes: list[tuple[str, str]] | None) -> None:
        self._flask.flashes = flashes

    @property
    def _after_request_functions(self) -> list[Any]:  # type: ignore[override]
        return self._flask._after_request_functions

    def copy(self) -> QuartRequestContext:
        context = self._flask.copy()
        vars(context)["quart_request"] = self._flask.quart_request
        return QuartRequestContext(cast("RequestContext", context))

    def match_request(self) -> None:
        self._flask.match_request()

    async def push(self) -> None:
        self._flask.push()

    async def pop(self, exc: BaseException | None = _flask_sentinel) -> None:
        await self._flask.pop_async(_active(exc))


class KeptContext(QuartRequestContext):
    """The context of a finished request, for the block of ``async with app.async_test_client()``.

    Quart's client sets it as it is, and pops it at the end of the block.
    """

    def __init__(self, flask_context: RequestContext) -> None:
        super().__init__(flask_context)
        self.preserved = True

    async def pop(self, exc: BaseException | None = _flask_sentinel) -> None:
        quart_request_var.set(cast("Any", None))
