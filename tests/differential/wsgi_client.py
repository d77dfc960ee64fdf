"""A WSGI server for one request: an environ as gunicorn builds it, and the rules of PEP 3333 checked."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from .request import CLIENT, SERVER, Request
from .seen import FAILURES, Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

_STATUS = re.compile(r"[1-9]\d\d .*")
_UNSENDABLE = re.compile("[\x00-\x08\x0a-\x1f\x7f\u0100-\U0010ffff]")
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"})


class BrokenRule(Exception):
    """The application broke a rule of PEP 3333, so that a server refuses what it gives."""


def environ_of(request: Request, *, buffered: bool = False) -> WSGIEnvironment:
    """The environ that a careful WSGI server makes of a request."""
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": request.root,
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "QUERY_STRING": request.query.decode("latin-1"),
        "SERVER_NAME": SERVER[0],
        "SERVER_PORT": str(SERVER[1]),
        "SERVER_PROTOCOL": f"HTTP/{request.http_version}",
        "REMOTE_ADDR": CLIENT[0],
        "REMOTE_PORT": str(CLIENT[1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.scheme,
        "wsgi.input": _Input(request.body),
        "wsgi.input_terminated": True,
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for raw_name, raw_value in request.buffered_headers if buffered else request.sent_headers:
        name, value = raw_name.decode("latin-1").upper(), raw_value.decode("latin-1").strip(" \t")
        if "_" in name:  # it would be taken for its namesake with a dash
            continue
        key = name.replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        if key in environ:
            value = environ[key] + ("; " if key == "HTTP_COOKIE" else ",") + value
        environ[key] = value
    return environ


class _Input(io.RawIOBase):
    """``wsgi.input`` that ends where the body ends, and cannot be rewound."""

    def __init__(self, pieces: tuple[bytes, ...]) -> None:
        self._rest = io.BytesIO(b"".join(pieces))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._rest.readinto(buffer)


class _StartResponse:
    def __init__(self) -> None:
        self.status = ""
        self.headers: list[tuple[str, str]] = []

    def __call__(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        _require(not self.status or bool(exc_info), "start_response twice")
        _require(type(status) is str and _STATUS.fullmatch(status) is not None, f"the status {status!r}")
        _require(type(headers) is list, "headers that are no list")
        for name, value in headers:
            _require(type(name) is str and type(value) is str, f"the header {name!r}: {value!r}")
            _require(name.isascii() and name.lower() not in _HOP_BY_HOP, f"the header {name!r}")
            _require(_UNSENDABLE.search(value) is None, value)
        self.status, self.headers = status, headers
        return self._write

    def _write(self, data: bytes) -> None:
        """Of use to nobody but frameworks older than PEP 333; what a view writes goes to Werkzeug's own."""
        raise BrokenRule("write()")


def ask(app: WSGIApplication, request: Request, events: list[str], *, buffered: bool = False) -> Seen:
    """Send one request. ``events`` is where the application takes its notes; what the server does is added.

    A ``buffered`` request has been through a proxy that collects bodies (nginx does), and says how long they are.
    """
    events.clear()
    answer, body, failure = _StartResponse(), b"", ""
    try:
        iterable = app(environ_of(request, buffered=buffered), answer)
        for chunk in _pieces(iterable, answer, events):
            body += chunk
    except FAILURES as error:
        failure = f"{type(error).__name__}: {error}"
    if "server: head" not in events:  # nothing has left, and a server answers for itself
        answer = _StartResponse()
    headers = tuple((name.lower(), value) for name, value in answer.headers)
    return Seen(answer.status, headers, body, failure, tuple(events))


def _pieces(iterable: Iterable[bytes], answer: _StartResponse, events: list[str]) -> Iterator[bytes]:
    """The body; the head leaves with its first piece that is not empty, and ``close()`` comes after its end."""
    try:
        for chunk in iterable:
            _require(type(chunk) is bytes, f"a piece of type {type(chunk).__name__}")
            _require(bool(answer.status), "a piece before start_response")
            if chunk:
                events += ["server: head"] * ("server: head" not in events)
                yield chunk
        _require(bool(answer.status), "no start_response")
        events += ["server: head"] * ("server: head" not in events)
        events.append("server: end")
    finally:
        if hasattr(iterable, "close"):
            iterable.close()


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise BrokenRule(message)
