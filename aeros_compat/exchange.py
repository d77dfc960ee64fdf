"""One HTTP request and its answer, on their way through the server: what both lanes need to know of it."""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING, Any, Protocol

from .gateway.environ import CALLER, ENVIRON_KEYS, EXCHANGE, environ_from_scope
from .gateway.files import file_wrapper_for
from .gateway.wsgi_input import wsgi_input
from .upstream import flask_request_var, new_request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from _typeshed.wsgi import WSGIEnvironment
    from flask.wrappers import Request

    from .gateway.answer import Answer
    from .gateway.body import Body
    from .gateway.mounts import Mount
    from .lanes.around import Around
    from .lanes.plan import Plan
    from .lanes.threads import Call
    from .routing import Match
    from .types import HTTPScope
    from .webserver import WebServer


#: Where Flask's test client and Werkzeug's debugger put a function that takes the contexts of a request.
KEEP_CONTEXTS = "werkzeug.debug.preserve_context"


class Thread(Protocol):
    """A place for the sync pieces of one request: a worker's turn, a leased thread, or the caller of the WSGI entry."""

    def post(self, call: Call) -> None: ...

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]: ...

    def keep(self) -> None: ...

    def release(self) -> None: ...


class Caller(Protocol):
    """Who called the WSGI entry: its environ, and its thread, on which the sync pieces run."""

    environ: WSGIEnvironment
    #: Whose variables the caller adopts in the end, as it would see them had it called the view itself.
    context: contextvars.Context

    @property
    def thread(self) -> Thread: ...


class Exchange:
    """The state of one request that belongs to neither framework.

    ``context`` is the ``contextvars.Context`` in which all code of the user's runs. It is never the one in which
    ``receive`` and ``send`` are awaited: a server that resumes reading in the context of its caller would
    start the client's next request in it.
    """

    #: The values of the headers that the server itself looks at.
    host: str | None = None
    content_length: int | None = None
    wants_websocket = False
    #: The ``Cookie`` headers as one (RFC 9113 section 8.2.3).
    cookies = b""
    match: Match | None = None
    #: The mounted application that the request is for.
    mount: Mount | None = None
    #: What stands around the views, if the request has asked already.
    around: Around | None = None
    #: How to answer without Flask's own cycle, if that is known.
    plan: Plan | None = None
    #: Set when the server's task is cancelled while a thread still works on the answer.
    abandoned = False
    answer: Answer | None = None
    #: The thread that is at work for it.
    ident: int | None = None
    #: ``wsgi.input`` of the environ, by which it is seen whether middleware has put another one in its place.
    input: object = None
    _environ: WSGIEnvironment | None = None
    _routed: tuple[object, ...] = ()
    caller: Caller | None = None
    keeps_contexts: Callable[[Any], object] | None = None
    #: The contexts that Quart's test client asks for in the scope, Flask's in the environ.
    kept_contexts: Sequence[Any] = ()

    def __init__(self, scope: HTTPScope, body: Body) -> None:
        self.scope = scope
        self.body = body
        self._read_headers()
        self.context = contextvars.copy_context()
        extensions = scope.get("extensions")
        if extensions and CALLER in extensions:
            caller: Caller = extensions[CALLER]
            self.caller = caller
            caller.context = self.context
            body.read_ahead = 1  # what nobody asks for stays in the caller's own input
            self.keeps_contexts = caller.environ.get(KEEP_CONTEXTS)
        elif scope.get("_quart._preserve_context"):
            kept: list[Any] = []
            self.kept_contexts = kept
            self.keeps_contexts = kept.append
        elif ENVIRON_KEYS in scope:
            self.keeps_contexts = scope[ENVIRON_KEYS].get(KEEP_CONTEXTS)

    @property
    def environ(self) -> WSGIEnvironment:
        """The WSGI environ. A caller of the WSGI entry finds its own keys in it again."""
        # Not a cached_property: before Python 3.12 that takes a lock, and each request would.
        environ = self._environ
        if environ is None:
            environ = self._environ = self._make_environ()
        return environ

    def _make_environ(self) -> WSGIEnvironment:
        environ = environ_from_scope(self.scope)
        environ["wsgi.input"] = self.input = wsgi_input(self.body, _limit_of_body)
        environ["wsgi.file_wrapper"] = file_wrapper_for(self.scope.get("extensions"))
        if self.body.collected and "CONTENT_LENGTH" not in environ:
            # RFC 9112 section 7.1.3. Without a length Werkzeug cuts a body at MAX_CONTENT_LENGTH and says nothing.
            environ.pop("HTTP_TRANSFER_ENCODING", None)
            environ["CONTENT_LENGTH"] = str(len(self.body.collected))
        environ[EXCHANGE] = self
        if self.keeps_contexts is not None:
            environ[KEEP_CONTEXTS] = self.keeps_contexts
        self._routed = _routing_values(environ)
        if self.caller is not None:
            _adopt_keys(environ, self.caller.environ)
        return environ

    def match_for(self, app: WebServer, environ: WSGIEnvironment) -> Match | None:
        """The match, if it is one of ``app`` and ``environ`` still says what it was made from.

        WSGI middleware may have changed the environ, or have handed it to another application.
        """
        if self.match is None or self.match.map is not app.url_map:
            return None
        return self.match if _routing_values(environ) == self._routed else None

    def _read_headers(self) -> None:
        for name, value in self.scope["headers"]:
            if name == b"host":
                self.host = value.decode("latin-1").strip(" \t")
            elif name == b"cookie":
                value = value.strip(b" \t")
                self.cookies = self.cookies + b"; " + value if self.cookies else value
            elif name == b"content-length":
                # A number of thousands of digits is none: int() refuses it.
                self.content_length = int(value) if value.isdigit() and len(value) < 20 else None
            elif name == b"upgrade":
                self.wants_websocket = value.strip().lower() == b"websocket"

    def may_have_cookie(self, name: str) -> bool:
        """Whether a cookie can be among those of the request. Cheap, and wrong only in one direction."""
        return name.encode() in self.cookies

    def forget(self) -> None:
        """Break the cycle with the environ, so that a request is freed without the garbage collector."""
        self._environ = None

    def make_request(self, app: WebServer) -> Request:
        """Flask's request object."""
        request = new_request(app.request_class, self.environ)
        request.json_module = app.json
        return request

    def thread_for(self, app: WebServer, *, own: bool) -> Thread:
        """Where the sync pieces of this request run; with ``own``, on a thread that nobody else uses meanwhile."""
        if self.caller is not None:
            return self.caller.thread
        return app.threads.lease() if own else app.threads.turn()


#: What a caller of the WSGI entry knows better than the scope that was made from its environ.
_CALLERS_KEYS = (
    "RAW_URI",
    "REQUEST_URI",
    "wsgi.errors",
    "wsgi.multiprocess",
    "wsgi.multithread",
    "wsgi.run_once",
)


def _adopt_keys(environ: WSGIEnvironment, callers: WSGIEnvironment) -> None:
    for key in _CALLERS_KEYS:
        if key in callers or not key.startswith("wsgi."):
            environ.pop(key, None)
    for key, value in callers.items():
        if key not in environ and not key.startswith("HTTP_"):
            environ[key] = value


def _limit_of_body() -> int | None:
    """The MAX_CONTENT_LENGTH of the current request, which its view may have changed; none outside of a request."""
    context = flask_request_var.get(None)
    return context.request.max_content_length if context is not None else None


def _routing_values(environ: WSGIEnvironment) -> tuple[object, ...]:
    return (
        environ["REQUEST_METHOD"],
        environ.get("SCRIPT_NAME"),
        environ.get("PATH_INFO"),
        environ.get("QUERY_STRING"),
        environ.get("HTTP_HOST"),
        environ["wsgi.url_scheme"],
    )
