"""The short way to a hit: a look into a cache in memory, for views with the usual options.

What it finds is what :class:`.call.Call` would find. Whatever takes more than a look is left to that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..gateway.environ import decoded_path, script_name
from ..lanes.lazy_context import LazyRequestContext
from ..upstream import flask_request_var
from .cache import is_in_memory
from .sharing import why_not_asked

if TYPE_CHECKING:
    from flask.ctx import RequestContext
    from flask.wrappers import Request, Response

    from .store import Lookup
    from .view import CachedView

#: Lookups that a view keeps. Paths come from clients: a cache, not a leak.
_MOST_LOOKUPS = 1000

#: Method, scheme, host, script name and path: what the key of an entry is made from.
Asked = tuple[str, str, str | None, str | None, str]


class Hits:
    """The entries of one view."""

    def __init__(self, cached: CachedView) -> None:
        self._cached = cached
        self._lookups: dict[Asked, Lookup] = {}
        self._is_on = cached.options.are_usual and is_in_memory(cached.store.backend)

    def find(self) -> Response | None:
        """The response to the current request, or None where it takes more than a look."""
        cached = self._cached
        if not self._is_on or cached.has_variants:
            return None
        context = flask_request_var.get()
        asked = _untouched(context) or _touched(context.request)
        if asked is None:
            return None
        lookup = self._lookups.get(asked) or self._keep(asked)
        record = cached.store.get(lookup)
        if record is None or record.vary or record.is_conditional or record.ttl() <= 0:
            return None
        cached.caching.counter.add("hits")
        return record.response()

    def _keep(self, asked: Asked) -> Lookup:
        if len(self._lookups) >= _MOST_LOOKUPS:
            self._lookups.clear()
        lookup = self._lookups[asked] = self._cached.lookup_of(asked)
        return lookup


def _untouched(context: RequestContext) -> Asked | None:
    """What is asked, from the scope, if nobody has asked for the request: then none has to be made.

    None if it has to be asked for, or if it is not to be answered from the cache (:func:`.sharing.why_not_asked`).
    """
    if type(context) is not LazyRequestContext or context.is_touched or context.session_accessed:
        return None
    exchange = context.exchange
    scope = exchange.scope
    if not exchange.host or scope["method"] not in ("GET", "HEAD"):
        return None
    for name, _ in scope["headers"]:  # each request asks: a generator would cost more than the rest of it
        if name == b"authorization":
            return None
    path = "/" + decoded_path(scope).lstrip("/")
    return scope["method"], scope.get("scheme", "http"), exchange.host, script_name(scope), path


def _touched(request: Request) -> Asked | None:
    """The same from the request."""
    return None if why_not_asked(request, own_key=False, any_method=False) else asked_by(request)


def asked_by(request: Request) -> Asked:
    environ = request.environ
    host = environ.get("HTTP_HOST") or environ.get("SERVER_NAME")
    return request.method, environ["wsgi.url_scheme"], host, environ.get("SCRIPT_NAME"), request.path
