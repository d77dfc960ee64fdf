"""The request context of both lanes: its parts are made when somebody touches them.

Two light contexts with lazy requests cost little; eager ones halve the throughput of a small async view.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from flask import Request as FlaskRequest
from flask.signals import appcontext_popped, appcontext_tearing_down, request_finished, request_tearing_down
from werkzeug.sansio.http import parse_cookie

from ..context import RequestContext
from ..quart_side.contexts import QuartRequestContext
from ..signals import is_heard
from ..upstream import flask_app_var, flask_request_var, quart_request_var, request_closes_nothing

if TYPE_CHECKING:
    from flask.sessions import SessionMixin
    from flask.wrappers import Request, Response
    from werkzeug.routing import MapAdapter

    from ..context import AppContext
    from ..exchange import Exchange
    from ..quart_side.request import Source
    from ..signing import SignedSessions
    from ..webserver import WebServer
    from .plan import Plan


class LazyRequestContext(RequestContext):
    """A request context whose request, session and adapter are made when they are first asked for."""

    flashes = None
    _request: Request | None = None
    _opened: SessionMixin | None = None
    _opening = False

    def __init__(self, app: WebServer, exchange: Exchange, plan: Plan) -> None:
        # Flask's own constructor builds the request, so it is not called: what it sets is set here.
        assert exchange.match is not None
        self.app = app
        self.exchange: Exchange = exchange
        self._plan = plan
        self._match = exchange.match
        self.is_unconverted = exchange.match.unconverted
        self.passes_coroutines = False
        self._after_request_functions = []
        self._cv_tokens = []
        self._quart_tokens = []

    @cached_property
    def url_adapter(self) -> MapAdapter:  # type: ignore[override]
        return self._match.adapter

    @property
    def view_args(self) -> dict[str, Any]:
        """What the view is called with. Hooks may have put others in place of those that were matched."""
        if self._request is not None:
            return cast("dict[str, Any]", self._request.view_args)
        return self._match.view_args

    def follow(self, plan: Plan) -> None:
        """End with the hooks of another plan."""
        self._plan = plan

    @property
    def is_rerouted(self) -> bool:
        """Whether the plan's view is not to be called: no route was found, or a hook has sent the request elsewhere."""
        if self._request is None:
            return self._match.exception is not None
        return self._request.routing_exception is not None or self._request.url_rule is not self._match.rule

    @property
    def request(self) -> Request:
        if self._request is None:
            self._request = self.exchange.make_request(self.app)
            if not self.is_unconverted:
                self._match.apply_to(self._request)
        return self._request

    @request.setter
    def request(self, request: Request) -> None:
        self._request = request

    @property
    def is_touched(self) -> bool:
        """Whether anybody has asked for the request."""
        return self._request is not None

    @property
    def _session(self) -> SessionMixin | None:
        if self._opened is None and self._cv_tokens and not self._opening:
            self._opening = True  # once, also if it fails
            self._opened = self._open_session()
        return self._opened

    @_session.setter
    def _session(self, session: SessionMixin | None) -> None:
        self._opened = session

    def _open_session(self) -> SessionMixin:
        app, interface = self.app, self.app.session_interface
        if self._request is not None or not self._plan.around.opens_sessions_early or "open_session" in vars(interface):
            return app.open_session_of(self.request)
        cookies = parse_cookie(self.exchange.cookies.decode("latin-1"))
        session = cast("SignedSessions", interface).open_from(app, cookies)
        return interface.make_null_session(app) if session is None else session

    @property
    def session_accessed(self) -> bool:
        return self._opened is not None and self._opened.accessed

    def match_request(self) -> None:
        if self.url_adapter is self._match.adapter:
            self._match.apply_to(self.request)
        else:  # somebody has put another one there, and asks it
            super().match_request()

    @property
    def session_untouched(self) -> bool:
        """Whether nobody has opened the session, and nothing in the request calls for it to be opened."""
        if self._opened is not None or not self._plan.around.has_cheap_sessions:
            return False
        if not self.exchange.cookies:
            return True
        interface: Any = self.app.session_interface
        return not self.exchange.may_have_cookie(interface.get_cookie_name(self.app))

    @property
    def is_processed_by_nobody(self) -> bool:
        """Whether nobody looks at the response but who saves the session, and those whom the plan knows."""
        return not self._after_request_functions and not is_heard(self.app, request_finished)

    def save_session(self, response: Response) -> None:
        """What ``process_response`` does with the session."""
        if not self.session_untouched:
            session: Any = self._session
            interface = self.app.session_interface
            if not interface.is_null_session(session):
                interface.save_session(self.app, session, response)

    def push(self) -> None:
        if self.is_unconverted or not self._plan.pushes_lazily:
            super().push()
        else:
            self.push_lazily()

    def push_lazily(self) -> None:
        """``push`` without opening the session, and without matching again."""
        app_ctx: Any = flask_app_var.get(None)
        if app_ctx is None or app_ctx.app is not self.app:
            app_ctx = self.app.app_context()
            app_ctx.around = self._plan.around
            app_ctx.push()
        else:
            app_ctx = None
        self._quart_tokens.append(quart_request_var.set(QuartRequestContext(self)))
        self._cv_tokens.append((flask_request_var.set(self), app_ctx))

    def _tear_down(self, exc: BaseException | None) -> None:
        if not self._plan.around.is_flasks:
            super()._tear_down(exc)
            return
        for func in self._plan.sync_teardown:
            func(exc)
        if is_heard(self.app, request_tearing_down):
            request_tearing_down.send(self.app, _async_wrapper=self.app.ensure_sync, exc=exc)

    async def _tear_down_async(self, exc: BaseException | None) -> None:
        if self._plan.teardown or self._plan.around.overrides_after or is_heard(self.app, request_tearing_down):
            await super()._tear_down_async(exc)

    def _close_request(self) -> None:
        request = self._request
        if request is not None and ("quart_request" in vars(self) or not request_closes_nothing(request)):
            super()._close_request()

    async def _close_request_async(self) -> None:
        if self._request is not None:
            await super()._close_request_async()

    def _forget_request(self) -> None:
        if self._request is not None:
            self._request.environ["werkzeug.request"] = None

    def limit(self, name: str) -> int | None:
        request_class = self.app.request_class
        if self._request is None and getattr(request_class, name) is getattr(FlaskRequest, name):
            return cast("int | None", self.app.config[name.upper()])
        return super().limit(name)

    def _source_of(self, exchange: Exchange) -> Source:
        return exchange.body  # no middleware is between

    @property
    def leaves_at_once(self) -> bool:
        """Whether :meth:`pop` has nothing to tear down, nobody to tell and nothing to wait for."""
        return (
            self._plan.tears_nothing_down
            and "quart_request" not in vars(self)
            and not is_heard(self.app, request_tearing_down, appcontext_tearing_down, appcontext_popped)
        )

    def pop_at_once(self) -> None:
        """:meth:`pop`, if it :attr:`leaves_at_once`."""
        if len(self._cv_tokens) != 1 or flask_request_var.get() is not self:
            self.pop(None)
            return
        self._close_request()
        app_ctx = self._leave()
        if app_ctx is not None:
            app_ctx.pop_at_once()

    def _leave(self) -> AppContext | None:
        # Nearly every context was pushed once, and is the current one.
        if len(self._cv_tokens) != 1 or flask_request_var.get() is not self:
            return super()._leave()
        token, app_ctx = self._cv_tokens.pop()
        flask_request_var.reset(token)
        quart_request_var.reset(self._quart_tokens.pop())
        self._forget_request()
        return cast("AppContext | None", app_ctx)

    def copy(self) -> RequestContext:
        return RequestContext(self.app, self.request.environ, self.request, self._session)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.exchange.scope['path']!r} of {self.app.name}>"
