"""``ProxyFix`` (Werkzeug's) without a thread: recognised around ``wsgi_app``, and applied to the scope.

It decides from a few headers who the client is. Werkzeug's own code does that here too, on an environ that has just
these headers; so sync views, async views, websockets and mounts see the same client as under WSGI, and an application
that has it keeps its async views on the event loop.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

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

#: Bytes of the values of these headers, up to which what they come to is remembered.
_LONGEST = 500

_WEBSOCKET_SCHEMES = {http: websocket for websocket, http in HTTP_SCHEMES.items()}


def proxies_around(wrapped: object, *wsgi_apps: object) -> Proxies | None:
    """The ``ProxyFix`` objects around one of ``wsgi_apps`` that make ``wrapped``, or None if there is anything else."""
    fixes = []
    while type(wrapped) is ProxyFix:  # a subclass may do more
        fixes.append(wrapped)
        wrapped = wrapped.app
    return Proxies(fixes) if fixes and wrapped in wsgi_apps else None


class _Told(NamedTuple):
    """What the proxies tell, each None where that is what the scope says already."""

    #: What ``ProxyFix`` keeps of the environ as it was.
    original: dict[str, Any]
    address: str | None = None
    scheme: str | None = None
    host: bytes | None = None
    server: tuple[str, str] | None = None
    script_name: str | None = None


class Proxies:
    """``ProxyFix`` objects, the outermost first."""

    def __init__(self, fixes: list[ProxyFix]) -> None:
        # Copies, with the same numbers of proxies and nothing behind them.
        copies = [ProxyFix(_nothing, fix.x_for, fix.x_proto, fix.x_host, fix.x_port, fix.x_prefix) for fix in fixes]
        self._ask = partial(_ask, copies)
        # Most clients come again. Everything that the answer depends on is in the question.
        self._remembered = lru_cache(1000)(self._ask)

    def apply(self, scope: Scope) -> Scope:
        """A scope with the client, scheme, host and root path that the proxies have told."""
        headers, length = [], 0
        for header in scope["headers"]:
            if header[0] in _HEADERS:
                headers.append(header)
                length += len(header[1])
        client, server = scope.get("client"), scope.get("server")
        # What is longer than proxies write is not kept.
        told = (self._remembered if length <= _LONGEST else self._ask)(
            scope.get("scheme", "http"),
            scope.get("root_path", ""),
            client and client[0],
            server and (server[0], server[1]),
            tuple(headers),
        )
        return _changed(scope, told)


def _ask(
    fixes: list[ProxyFix],
    scheme: str,
    root_path: str,
    client: str | None,
    server: tuple[str, int | None] | None,
    headers: tuple[tuple[bytes, bytes], ...],
) -> _Told:
    before: WSGIEnvironment = {
        "SCRIPT_NAME": script_name({"root_path": root_path}),
        "wsgi.url_scheme": HTTP_SCHEMES.get(scheme, scheme),
    }
    add_addresses(before, {"client": client and (client, 0), "server": server})
    add_headers(before, headers)
    after = dict(before)
    for fix in fixes:
        fix(after, _ignore)

    def new(name: str) -> Any:
        return after[name] if after.get(name) != before.get(name) else None

    host: str | None = new("HTTP_HOST")
    has_server = new("SERVER_NAME") is not None or new("SERVER_PORT") is not None
    return _Told(
        original=after["werkzeug.proxy_fix.orig"],
        address=new("REMOTE_ADDR"),
        scheme=new("wsgi.url_scheme"),
        host=None if host is None else host.encode("latin-1"),
        server=(after["SERVER_NAME"], after["SERVER_PORT"]) if has_server else None,
        script_name=new("SCRIPT_NAME"),
    )


def _nothing(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    return ()


def _ignore(*_: Any) -> Any:
    """A ``start_response`` that nobody calls."""


def _changed(scope: Scope, told: _Told) -> Scope:
    """``scope`` with what the proxies have told."""
    keys = scope[ENVIRON_KEYS].copy() if ENVIRON_KEYS in scope else {}
    keys["werkzeug.proxy_fix.orig"] = told.original.copy()
    changed = {**scope, ENVIRON_KEYS: keys}
    if told.address is not None:
        client = scope.get("client")
        changed["client"] = (told.address, client[1] if client else 0)
    if told.scheme is not None:
        is_websocket = scope["type"] == "websocket"
        changed["scheme"] = _WEBSOCKET_SCHEMES.get(told.scheme, told.scheme) if is_websocket else told.scheme
    if told.host is not None:
        changed["headers"] = [(b"host", told.host), *[header for header in scope["headers"] if header[0] != b"host"]]
    if told.server is not None:
        name, port = told.server
        changed["server"] = (name, port_number(port, 80))
        keys.update(SERVER_NAME=name, SERVER_PORT=port)  # as it was told: a port that is no number is none in ASGI
    if told.script_name is not None:
        target = request_target(scope)  # WSGI servers tell it as it came, also below a prefix
        keys.update(REQUEST_URI=target, RAW_URI=target)
        root_path = told.script_name.encode("latin-1").decode("utf-8", "replace").rstrip("/")
        changed = rooted(changed, root_path, path_info(scope))
    return changed
