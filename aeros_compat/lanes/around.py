"""What stands around every view of an application: worked out once, and again when it changes.

Each request asks whether it may be answered the short way: with the pieces of Flask's cycle called one after the other,
objects made when somebody touches them, and nothing asked twice. It may if nobody has put a method of his own in the
place of one that the short way leaves out.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, Response
from flask.json.provider import DefaultJSONProvider
from flask.sessions import SecureCookieSessionInterface

from ..callables import is_patched
from ..gateway.proxies import proxies_around
from ..json_provider import JSONProvider
from ..signing import SignedSessions

if TYPE_CHECKING:
    from ..gateway.proxies import Proxies
    from ..webserver import WebServer
    from .plan import Plan

#: The methods of Flask's that stand around the call of a view, or make what stands around it.
ENCLOSING = ("full_dispatch_request", "dispatch_request", "request_context")

#: Those that the short way leaves out before and after the view.
_BEFORE = ("app_context", "ensure_sync", "preprocess_request")
_AFTER = (
    "do_teardown_appcontext",
    "do_teardown_request",
    "finalize_request",
    "make_response",
    "process_response",
    "should_ignore_error",
)
_ERRORS = ("handle_http_exception", "handle_user_exception", "trap_http_exception")

#: What :meth:`~aeros_compat.WebServer.overrides` is asked for here.
OVERRIDABLE = ("wsgi_app", *ENCLOSING, *_BEFORE, *_AFTER, *_ERRORS)

#: Attributes of an application that have a part in this. Setting one makes it look again.
WATCHED = frozenset(
    {
        *OVERRIDABLE,
        "after_request_funcs",
        "before_request_funcs",
        "json",
        "request_class",
        "response_class",
        "session_interface",
        "teardown_appcontext_funcs",
        "teardown_request_funcs",
        "url_value_preprocessors",
        "view_functions",
    }
)

# Each in one call, because each request makes it: classes tell nobody that they have been changed.
_methods_of = attrgetter(*OVERRIDABLE)


class Around:
    """What stands around the views of one application, and the plans of its endpoints."""

    def __init__(self, app: WebServer) -> None:
        self._changes = app._changes
        self._methods = _methods_of(type(app))
        # What a class inherits changes with Flask's.
        self._hidden_methods_of = attrgetter(*_names_with_another_method(type(app)))
        self._hidden_methods = self._hidden_methods_of(Flask)
        is_wrapped = app.overrides("wsgi_app")
        by_agents = is_patched(Flask, "__call__", "wsgi_app", *ENCLOSING)
        #: The ``ProxyFix`` objects around ``wsgi_app``, if nothing else is there: they are applied to the scope.
        self.proxies: Proxies | None = None
        if "wsgi_app" in vars(app) and not is_patched(Flask, "__call__", "wsgi_app"):
            self.proxies = proxies_around(vars(app)["wsgi_app"], app.own_wsgi_app, Flask.wsgi_app.__get__(app))
        self.encloses_mounts = is_wrapped and self.proxies is None
        self.encloses_views = self.encloses_mounts or app.overrides(*ENCLOSING) or by_agents
        #: Whether a mounted WSGI application is called by nobody but the sync lane.
        self.calls_mounts_directly = not (self.encloses_mounts or by_agents)
        self.has_cheap_sessions = _has_cheap_sessions(app)
        self.overrides_before = app.overrides(*_BEFORE)
        self.overrides_after = app.overrides(*_AFTER)
        self.overrides_errors = app.overrides(*_ERRORS)
        self.overrides_teardown = app.overrides("do_teardown_appcontext") or is_patched(Flask, "do_teardown_appcontext")
        #: Whether the short way is Flask's way.
        self.is_flasks = not (
            self.encloses_views
            or self.overrides_before
            or self.overrides_after
            or is_patched(Flask, *(name for name in OVERRIDABLE if name in vars(Flask)))
            or app.request_class.__init__ is not Request.__init__
        )
        #: Whether the session comes from the cookies of a request before there is a request object.
        self.opens_sessions_early = (
            self.is_flasks
            and type(app.session_interface) is SignedSessions
            and app.request_class.cookies is Request.cookies
        )
        #: Whether text and JSON become what Flask's own class of response would have made of them.
        self.answers_plainly = (
            self.is_flasks and app.response_class is Response and Response.default_mimetype == "text/html"
        )
        self.has_plain_json = type(app.json).response in (JSONProvider.response, DefaultJSONProvider.response)
        self.plans: dict[tuple[str, str], Plan] = {}

    def is_untouched(self, app: WebServer) -> bool:
        """Whether no attribute of the application that has a part in this has been set since."""
        return self._changes == app._changes

    def is_current(self, app: WebServer) -> bool:
        """Whether nothing has changed since, of its class and Flask's neither."""
        return (
            self._changes == app._changes
            and self._methods == _methods_of(type(app))
            and self._hidden_methods == self._hidden_methods_of(Flask)
        )


def _names_with_another_method(cls: type) -> list[str]:
    """Names of the methods that ``cls`` has in the place of Flask's."""
    return [name for name in ("__call__", *OVERRIDABLE) if getattr(cls, name) is not getattr(Flask, name)]


def _has_cheap_sessions(app: WebServer) -> bool:
    """Whether opening and saving a session is arithmetic (signed cookies), fit for the event loop."""
    cls: Any = type(app.session_interface)
    return any(
        cls.open_session is known.open_session and cls.save_session is known.save_session
        for known in (SecureCookieSessionInterface, SignedSessions)
    )
