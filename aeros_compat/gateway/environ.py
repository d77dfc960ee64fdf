"""ASGI scope to WSGI environ and back: the one place for each way.

Sources: PEP 3333, the ASGI HTTP specification (https://asgi.readthedocs.io/en/latest/specs/www.html), RFC 3875.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote_to_bytes

from werkzeug.datastructures import Headers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import WSGIEnvironment

    from ..types import HTTPScope, Scope

#: Where the caller of the WSGI entry is found in ``scope["extensions"]``.
CALLER = "aeros_compat.caller"

#: Where the exchange is found in an environ that the gateway built.
EXCHANGE = "aeros_compat.exchange"

#: Where a scope has what belongs into the environ and has no place in ASGI.
ENVIRON_KEYS = "aeros_compat.environ"

#: The schemes of websockets, and what an environ calls them.
HTTP_SCHEMES = {"ws": "http", "wss": "https"}

_ENVIRON_NAMES: dict[bytes, str] = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}


def environ_from_scope(scope: HTTPScope) -> WSGIEnvironment:
    """A WSGI environ for an ASGI HTTP scope, without ``wsgi.input``.

    ``PATH_INFO`` comes from ``raw_path``, so that bytes which are not UTF-8 survive; ``root_path`` is taken off its
    front if the server left it there (both habits exist: https://github.com/encode/starlette/pull/2400).
    Header names with underscores are dropped: in an environ ``X_Forwarded_For`` could not be told from
    ``X-Forwarded-For``, and a client could forge what a proxy sets.
    """
    request_uri = request_target(scope)
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": script_name(scope),
        "PATH_INFO": path_info(scope),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
        "asgi.scope": scope,
        "REQUEST_URI": request_uri,
        "RAW_URI": request_uri,  # gunicorn's name for it
    }
    add_addresses(environ, scope)
    add_headers(environ, scope["headers"])
    if ENVIRON_KEYS in scope:
        environ.update(scope[ENVIRON_KEYS])
    return environ


def add_addresses(environ: WSGIEnvironment, scope: Scope) -> None:
    """Add who asks (REMOTE_*) and who is asked (SERVER_*)."""
    server = scope.get("server")
    # Both are required (PEP 3333); a Unix socket has neither name nor port.
    environ["SERVER_NAME"] = server[0] if server and server[1] is not None else "localhost"
    environ["SERVER_PORT"] = str(server[1]) if server and server[1] is not None else "80"
    client = scope.get("client")
    if client:
        environ["REMOTE_ADDR"] = client[0]
        environ["REMOTE_PORT"] = str(client[1])


def add_headers(environ: WSGIEnvironment, headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Add the headers of a request, each name once (RFC 3875 section 4.1.18)."""
    repeated: dict[str, list[str]] = {}
    for name, value in headers:
        key = _ENVIRON_NAMES.get(name)
        if key is None:
            if b"_" in name:
                continue
            key = "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
            if len(_ENVIRON_NAMES) < 500:  # names come from clients: a cache, not a leak
                _ENVIRON_NAMES[name] = key
        text = value.decode("latin-1").strip(" \t")
        if key in environ:
            # Joined in the end: one by one, the time would grow with the square of their number.
            repeated.setdefault(key, [environ[key]]).append(text)
        else:
            environ[key] = text
    for key, texts in repeated.items():
        # RFC 9110 section 5.2; cookies have a separator of their own (RFC 9113 section 8.2.3).
        environ[key] = ("; " if key == "HTTP_COOKIE" else ",").join(texts)


def script_name(scope: Scope) -> str:
    """The root path, each byte one latin-1 character (PEP 3333)."""
    root_path: str = scope.get("root_path", "")
    return root_path.encode().decode("latin-1") if root_path else ""


def path_info(scope: Scope) -> str:
    """The path below ``root_path``, percent-decoded, each byte one latin-1 character (PEP 3333)."""
    path: str = scope["path"]
    if not scope.get("root_path") and path[:1] == "/" and path.isascii() and b"%" not in (scope.get("raw_path") or b""):
        return path  # most paths, for which all that follows comes to the same
    path = (_exact_path(scope) or scope["path"].encode("utf-8", "surrogateescape")).decode("latin-1")
    if "://" in path and not path.startswith("/"):
        # A target in absolute form, which every server has to take (RFC 9112 section 3.2.2).
        path = "/" + path.partition("://")[2].partition("/")[2]
    root_path = script_name(scope).rstrip("/")
    if root_path and (path == root_path or path.startswith(root_path + "/")):
        path = path[len(root_path) :]
    return path


def decoded_path(scope: Scope) -> str:
    """The path below ``root_path`` as text: what routes are matched with, and Quart's objects are given."""
    path = path_info(scope)
    return path if path.isascii() else path.encode("latin-1").decode("utf-8", "replace")


def rooted(scope: Scope, root_path: str, path: str) -> dict[str, Any]:
    """A copy of ``scope`` for an application at ``root_path`` with ``path`` (as PATH_INFO) below it.

    Its ``path`` begins with the root path, as the ASGI specification has it since
    https://github.com/django/asgiref/pull/424, also where the server has left the root path out.
    """
    root, below, exact = root_path.encode(), path.encode("latin-1"), _exact_path(scope)
    if exact == root + below:
        raw_path = scope["raw_path"]
    elif exact == below:
        raw_path = _percent_encoded(root) + scope["raw_path"]
    else:
        raw_path = _percent_encoded(root + below)
    return {**scope, "root_path": root_path, "path": (root + below).decode("utf-8", "replace"), "raw_path": raw_path}


def _percent_encoded(path: bytes) -> bytes:
    return quote(path, safe="/:@!$&'()*+,;=-._~").encode()  # RFC 3986 section 3.3


def _exact_path(scope: Scope) -> bytes | None:
    """The bytes of the path before they were decoded, where the server tells them."""
    raw_path: bytes | None = scope.get("raw_path")
    if not raw_path:
        return None
    exact = unquote_to_bytes(raw_path.partition(b"?")[0])
    # If not equal, ASGI middleware has changed the path, and left alone what it was made from.
    return exact if exact.decode("utf-8", "replace") == scope["path"] else None


def request_target(scope: Scope) -> str:
    """The target of the request as the client sent it."""
    raw_path: bytes = scope.get("raw_path") or quote(scope["path"], errors="surrogateescape").encode()
    query: bytes = scope["query_string"]
    return (raw_path + b"?" + query if query else raw_path).decode("latin-1")


def scope_from_environ(environ: WSGIEnvironment) -> HTTPScope:
    """An ASGI HTTP scope for a WSGI environ, as a WSGI server or a test client made it."""
    root = _bytes(environ.get("SCRIPT_NAME", ""))
    path = _bytes(environ.get("PATH_INFO", ""))
    remote = environ.get("REMOTE_ADDR")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": environ.get("SERVER_PROTOCOL", "HTTP/1.1").rpartition("/")[2],
        "method": environ["REQUEST_METHOD"],
        "scheme": environ.get("wsgi.url_scheme", "http"),
        "path": (root + path).decode("utf-8", "replace"),
        "raw_path": _quote(root + path),
        "query_string": _bytes(environ.get("QUERY_STRING", "")),
        "root_path": root.decode("utf-8", "replace"),
        "headers": _headers_from_environ(environ),
        "server": (environ.get("SERVER_NAME", "localhost"), port_number(environ.get("SERVER_PORT"), 80)),
        "client": (remote, port_number(environ.get("REMOTE_PORT"), 0)) if remote else None,
        "extensions": {},
        "state": {},
    }


def headers_for_quart(scope: Scope) -> Headers:
    """The headers as Quart's requests and websockets have them, who asks among them."""
    headers = Headers()
    for name, value in scope["headers"]:
        headers.add(name.decode("latin-1").title(), value.decode("latin-1"))
    client = scope.get("client")
    headers["Remote-Addr"] = client[0] if client else "<local>"
    return headers


def _quote(path: bytes) -> bytes:
    # Only what would end or change the path: the rest arrives as the client sent it.
    return path.replace(b"%", b"%25").replace(b"?", b"%3F")


def _headers_from_environ(environ: WSGIEnvironment) -> list[tuple[bytes, bytes]]:
    headers = []
    for key, value in environ.items():
        if key.startswith("HTTP_") and isinstance(value, str):
            name = key[5:]
        elif key in ("CONTENT_TYPE", "CONTENT_LENGTH") and value not in ("", None):
            name = key
        else:
            continue
        headers.append((_bytes(name.replace("_", "-").lower()), _bytes(str(value))))
    return headers


def _bytes(text: str) -> bytes:
    """The bytes behind a string of PEP 3333. A test client may put in what no server could: that goes out as UTF-8."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


def port_number(text: object, default: int) -> int:
    """The number of a port in an environ, or ``default`` for what is none."""
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() else default
