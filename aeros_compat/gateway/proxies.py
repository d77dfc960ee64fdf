"""``ProxyFix`` (Werkzeug's) without a thread: recognised around ``wsgi_app``, and applied to the scope.

It decides from a few headers who the client is. Werkzeug's own code does that here too, on an environ that has just
these headers; so sync views, async views, websockets and mounts see the same client as under WSGI, and an application
that has it keeps its async views on the event loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from werkzeug.middleware.proxy_fix import ProxyFix

from .environ import (
    ENVIRON_KEYS,
    HTTP_SCHEMES,
    add_addresses,
    add_headers,
    path_info,
    port_number,
    request_target,
    rooted,
    script_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from ..types import Scope

_HEADERS = frozenset(
    {b"host", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-port", b"x-forwarded-prefix"}
)

_WEBSOCKET_SCHEMES = {http: websocket for websocket, http in HTTP_SCHEMES.items()}


def proxies_around(wrapped: object, *wsgi_apps: object) -> Proxies | None:
    """The ``ProxyFix`` objects around one of ``wsgi_apps`` that make ``wrapped``, or None if there is anything else."""
    fixes = []
    while type(wrapped) is ProxyFix:  # a subclass may do more
        fixes.append(wrapped)
        wrapped = wrapped.app
    return Proxies(fixes) if fixes and wrapped in wsgi_apps else None


class Proxies:
    """``ProxyFix`` objects, the outermost first."""

    def __init__(self, fixes: list[ProxyFix]) -> None:
        # Copies, with the same numbers of proxies and nothing behind them.
        self._fixes = [
            ProxyFix(_nothing, fix.x_for, fix.x_proto, fix.x_host, fix.x_port, fix.x_prefix) for fix in fixes
        ]

    def apply(self, scope: Scope) -> Scope:
        """A scope with the client, scheme, host and root path that the proxies have told."""
        scheme = scope.get("scheme", "http")
        environ: WSGIEnvironment = {
            "SCRIPT_NAME": script_name(scope),
            "wsgi.url_scheme": HTTP_SCHEMES.get(scheme, scheme),
        }
        add_addresses(environ, scope)
        add_headers(environ, [header for header in scope["headers"] if header[0] in _HEADERS])
        before = dict(environ)
        for fix in self._fixes:
            fix(environ, _ignore)
        return _changed(scope, before, environ)


def _nothing(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    return ()


def _ignore(*_: Any) -> Any:
    """A ``start_response`` that nobody calls."""


def _changed(scope: Scope, before: WSGIEnvironment, after: WSGIEnvironment) -> Scope:
    """``scope`` with what has changed from one environ to the other."""
    target = request_target(scope)  # WSGI servers tell it as it came, also below a prefix
    keys = {**scope.get(ENVIRON_KEYS, {}), "REQUEST_URI": target, "RAW_URI": target}
    keys["werkzeug.proxy_fix.orig"] = after.pop("werkzeug.proxy_fix.orig")
    changed = {**scope, ENVIRON_KEYS: keys}
    if after == before:
        return changed
    if "REMOTE_ADDR" in after:
        changed["client"] = (after["REMOTE_ADDR"], port_number(after.get("REMOTE_PORT"), 0))
    scheme = after["wsgi.url_scheme"]
    changed["scheme"] = _WEBSOCKET_SCHEMES.get(scheme, scheme) if scope["type"] == "websocket" else scheme
    if after.get("HTTP_HOST") != before.get("HTTP_HOST"):
        others = [header for header in scope["headers"] if header[0] != b"host"]
        changed["headers"] = [(b"host", after["HTTP_HOST"].encode("latin-1")), *others]
    if (after["SERVER_NAME"], after["SERVER_PORT"]) != (before["SERVER_NAME"], before["SERVER_PORT"]):
        changed["server"] = (after["SERVER_NAME"], port_number(after["SERVER_PORT"], 80))
        # As it was told: a port that is no number is none in ASGI.
        keys.update(SERVER_NAME=after["SERVER_NAME"], SERVER_PORT=after["SERVER_PORT"])
    if after["SCRIPT_NAME"] != before["SCRIPT_NAME"]:
        root_path = after["SCRIPT_NAME"].encode("latin-1").decode("utf-8", "replace").rstrip("/")
        changed = rooted(changed, root_path, path_info(scope))
    return changed
