"""One state of a request behind ``flask.*`` and ``quart.*``.

Flask's contexts are the real ones; pushing one also sets Quart's two context variables to thin views over it. So there
is one ``g``, one session, one list of flashes, one match result, whichever package a name was imported from.

Contexts of Flask are pushed and popped by sync methods, those of Quart by async ones. Both work on every context here:
``with app.app_context()`` and ``async with app.app_context()``.
"""

from __future__ import annotations

import weakref
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, cast

import flask.ctx
from flask.signals import (
    appcontext_popped,
    appcontext_pushed,
    appcontext_tearing_down,
)

from .callables import is_awaitable
from .gateway.environ import EXCHANGE, scope_from_environ
from .quart_side.contexts import NO_EXCEPTION, QuartAppContext, QuartRequestContext, active_exception
from .quart_side.request import FlaskInput, SharedRequest, share
from .signals import is_heard
from .upstream import flask_app_var, flask_request_var, quart_app_var, quart_request_var

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import ContextVar, Token
    from types import TracebackType

    import quart.ctx
    from _typeshed.wsgi import WSGIEnvironment
    from flask.sessions import SessionMixin
    from flask.wrappers import Request
    from quart.wrappers import Request as QuartRequest
    from werkzeug.routing import MapAdapter

    from .exchange import Exchange
    from .lanes.around import Around
    from .quart_side.request import Source
    from .webserver import WebServer


def _reset_latest(variable: ContextVar[Any], tokens: list[Token[Any]]) -> int:
    """Reset the variable to what it was before the latest push made in this ``contextvars.Context``; say which it was.

    Not always the latest of all: a stream holds the context on the server's side while the test client that keeps it
    has pushed it too, on its own, and a token only works where it was made.
    """
    for index in range(len(tokens) - 1, 0, -1):  # seldom entered: most contexts are pushed once
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

    #: What stands around the views, if a request has asked already.
    around: Around | None = None

    def __init__(self, app: WebServer) -> None:
        # What Flask's constructor does, but for what not every request asks for.
        self.app = app
        self._cv_tokens = []
        self._quart_tokens: list[Token[quart.ctx.AppContext]] = []

    @cached_property
    def g(self) -> Any:  # type: ignore[override]
        return self.app.app_ctx_globals_class()

    @cached_property
    def url_adapter(self) -> MapAdapter | None:  # type: ignore[override]
        return self.app.create_url_adapter(None)

    def push(self) -> None:
        # First, because Flask's push ends with a signal whose receivers may use either vocabulary.
        self._quart_tokens.append(quart_app_var.set(QuartAppContext(self)))
        self._cv_tokens.append(flask_app_var.set(self))
        if is_heard(self.app, appcontext_pushed):
            appcontext_pushed.send(self.app, _async_wrapper=self.app.ensure_sync)

    def pop(self, exc: BaseException | None = NO_EXCEPTION) -> None:
        try:
            if len(self._cv_tokens) == 1 and self._has_teardown:
                self.app.do_teardown_appcontext(active_exception(exc))
        finally:
            self._leave()

    async def pop_async(self, exc: BaseException | None) -> None:
        """``pop`` that awaits async teardown functions, and sends sync ones to the request's thread."""
        try:
            if len(self._cv_tokens) == 1 and self._has_teardown:
                await self.app.core.do_teardown_appcontext(exc)
        finally:
            self._leave()

    def pop_at_once(self) -> None:
        """:meth:`pop`, if there is nothing to tear down, and nobody to tell."""
        if len(self._cv_tokens) != 1 or flask_app_var.get() is not self:
            self.pop(None)
            return
        flask_app_var.reset(self._cv_tokens.pop())
        quart_app_var.reset(self._quart_tokens.pop())

    @property
    def _has_teardown(self) -> bool:
        app = self.app
        around = self.around or app.around
        return bool(
            app.teardown_appcontext_funcs or around.overrides_teardown or is_heard(app, appcontext_tearing_down)
        )

    def _leave(self) -> None:
        ctx = flask_app_var.get()
        index = _reset_latest(flask_app_var, self._cv_tokens)
        del self._cv_tokens[index]
        quart_app_var.reset(self._quart_tokens.pop(index))
        if ctx is not self:
            raise AssertionError(f"Popped wrong app context. ({ctx!r} instead of {self!r})")
        if is_heard(self.app, appcontext_popped):
            appcontext_popped.send(self.app, _async_wrapper=self.app.ensure_sync)

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
    #: Quart's context variable through which this context is seen.
    quart_variable: ClassVar[ContextVar[Any]] = quart_request_var

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
        self._quart_tokens: list[Token[Any]] = []
        super().__init__(app, environ, request, session)

    def seen_from_quart(self) -> Any:
        """A view over this context for Quart's variable."""
        return QuartRequestContext(self)

    def push(self) -> None:
        self._quart_tokens.append(self.quart_variable.set(self.seen_from_quart()))
        try:
            super().push()
        except BaseException:
            # Flask leaves a context whose push failed to be popped by wsgi_app, unless it never got so far.
            if not self._cv_tokens:
                self.quart_variable.reset(self._quart_tokens.pop())
            raise

    def pop(self, exc: BaseException | None = NO_EXCEPTION) -> None:
        app_ctx = None
        try:
            if len(self._cv_tokens) == 1:
                exc = active_exception(exc)
                self._tear_down(exc)
                self._close_request()
        finally:
            app_ctx = self._leave()
            if app_ctx is not None:
                app_ctx.pop(exc)

    async def pop_async(self, exc: BaseException | None) -> None:
        """``pop`` that awaits async teardown functions, and sends sync ones to the request's thread."""
        app_ctx = None
        try:
            if len(self._cv_tokens) == 1:
                await self._tear_down_async(exc)
                await self._close_request_async()
        finally:
            app_ctx = self._leave()
            if app_ctx is not None:
                await app_ctx.pop_async(exc)

    def _tear_down(self, exc: BaseException | None) -> None:
        self.app.do_teardown_request(exc)

    async def _tear_down_async(self, exc: BaseException | None) -> None:
        await self.app.core.do_teardown_request(exc)

    def _leave(self) -> AppContext | None:
        """Undo one push; return the application context that it pushed with it."""
        ctx = flask_request_var.get()
        index = _reset_latest(flask_request_var, [token for token, _ in self._cv_tokens])
        app_ctx = self._cv_tokens.pop(index)[1]
        self.quart_variable.reset(self._quart_tokens.pop(index))
        if not self._cv_tokens:
            self._forget_request()
        if ctx is not self:
            if app_ctx is not None:
                app_ctx.pop()
            raise AssertionError(f"Popped wrong request context. ({ctx!r} instead of {self!r})")
        return cast("AppContext | None", app_ctx)

    def _close_request(self) -> None:
        self.request.close()
        if isinstance(request := vars(self).get("quart_request"), SharedRequest):
            request.close_files()

    @property
    def session_accessed(self) -> bool:
        """Whether anything in this request has asked for the session. This does not, and opens none."""
        return self._session is not None and self._session.accessed

    async def _close_request_async(self) -> None:
        self._close_request()
        if (quart_request := vars(self).get("quart_request")) is not None:
            await quart_request.close()

    def _forget_request(self) -> None:
        # Flask breaks this cycle at the same place, so that no garbage collector is needed.
        self.request.environ["werkzeug.request"] = None

    async def await_call(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call sync code of Flask's that passes a coroutine function through ensure_sync, and await what comes out.

        A class-based view does so with its async method, and ``handle_user_exception`` with an async handler.
        """
        self.passes_coroutines = True
        try:
            rv = func(*args, **kwargs)
        finally:
            self.passes_coroutines = False
        return await rv if is_awaitable(rv) else rv

    def match_request(self) -> None:
        match = self.exchange.match_for(self.app, self.request.environ) if self.exchange is not None else None
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
        # Weak, or the two would keep each other alive until the garbage collector comes.
        share(request, weakref.ref(self))
        return request

    def limit(self, name: str) -> int | None:
        """A limit of the request's body, as it stands: an attribute of Flask's request that its view may set."""
        return cast("int | None", getattr(self.request, name))

    def _share_match(self, request: QuartRequest) -> None:
        request.routing_exception = self.request.routing_exception
        request.url_rule = cast("Any", self.request.url_rule)
        request.view_args = self.request.view_args

    def _scope_and_body(self) -> tuple[Any, Source | bytes]:
        if self.exchange is not None:
            return self.exchange.scope, self._source_of(self.exchange)
        environ = self.request.environ
        stream = environ["wsgi.input"]
        data = stream.read()
        with suppress(AttributeError, OSError):
            stream.seek(0)
        return scope_from_environ(environ), data

    def _source_of(self, exchange: Exchange) -> Source:
        if self.request.environ["wsgi.input"] is exchange.input:
            return exchange.body
        return FlaskInput(self.request, self.app.core.sync_to_async)

    async def __aenter__(self) -> RequestContext:
        self.push()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.pop_async(exc_value)
