"""What may be shared between clients: the rules, each with the reason that it gives.

An application that names its own key (``make_cache_key``, or a callable ``key_prefix``) has said what its responses
depend on: then the rules about who asks do not apply.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..upstream import flask_request_var

if TYPE_CHECKING:
    from flask.wrappers import Request, Response

#: Statuses whose response is complete in itself, and no error (RFC 9110 section 15.1 names more: errors).
SHARED_STATUSES = frozenset({200, 203, 204, 300, 301, 302, 303, 307, 308})


def session_accessed() -> bool:
    """Whether the current request has asked for its session; True where that cannot be known."""
    return bool(getattr(flask_request_var.get(), "session_accessed", True))


def forget_cookies() -> None:
    """Forget that cookies have been read, by the session interface say: Werkzeug's cached property reads them again."""
    for request in _requests():
        vars(request).pop("cookies", None)


def cookies_read() -> bool:
    """Whether cookies have been read since :func:`forget_cookies`."""
    return any("cookies" in vars(request) for request in _requests())


def _requests() -> list[Any]:
    """The request objects of the current request that have been made: Flask's, and Quart's."""
    context = flask_request_var.get()
    quart_request = vars(context).get("quart_request")
    return [context.request] if quart_request is None else [context.request, quart_request]


def why_not_asked(request: Request, *, own_key: bool, any_method: bool) -> str | None:
    """Why a request is neither answered from the cache nor stored in it, or None."""
    if request.method not in ("GET", "HEAD") and not any_method:
        return "method"
    if own_key:
        return None
    if "HTTP_AUTHORIZATION" in request.environ:
        return "authorization"
    return "session" if session_accessed() else None


def why_not_stored(response: Response, *, own_key: bool, filtered: bool) -> str | None:
    """Why a response is not stored, or None. ``filtered``: the application's ``response_filter`` has let it through."""
    status = response.status_code
    if status in (206, 304):
        return "partial"  # what this client asked for, and no other
    if not response.is_sequence or response.direct_passthrough:
        return "stream"
    if status not in SHARED_STATUSES and not (filtered and 200 <= status < 500):
        return "status"
    if "Set-Cookie" in response.headers:
        return "set-cookie"
    control = response.cache_control
    if control.no_store or (not own_key and (control.private or control.no_cache)):
        return "cache-control"
    vary = {name.lower() for name in response.vary}
    if "*" in vary or (not own_key and vary & {"cookie", "authorization"}):
        return "vary"
    if own_key:
        return None
    return "session" if session_accessed() else "cookies" if cookies_read() else None
