"""A WSGI server for one request: an environ as gunicorn builds it, and the rules of PEP 3333 checked."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from .request import CLIENT, SERVER, Request
from .seen import Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

_STATUS = re.compile(r"\d{3} .*")
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"})


def environ_of(request: Request) -> WSGIEnvironment:
    """The environ that a careful WSGI server makes of a request."""
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
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
    for raw_name, raw_value in request.sent_headers:
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
        self.written: list[bytes] = []

    def __call__(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        assert not self.status or exc_info, "start_response was called twice"
        assert type(status) is str and _STATUS.fullmatch(status), status
        assert type(headers) is list
        for name, value in headers:
            assert type(name) is str and type(value) is str, (name, value)
            name.encode("latin-1"), value.encode("latin-1")
            assert name.lower() not in _HOP_BY_HOP and not re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value)
        self.status, self.headers = status, headers
        return self.written.append


def ask(app: WSGIApplication, request: Request, events: list[str]) -> Seen:
    """Send one request. ``events`` is where the application takes its notes; what the server does is added."""
    events.clear()
    answer, body, failure = _StartResponse(), b"", ""
    try:
        for chunk in _pieces(app, request, answer):
            if chunk and not body:
                events.append("server: head")
            body += chunk
        events += ["server: head"] * (not body) + ["server: end"]
    except Exception as error:
        failure = f"{type(error).__name__}: {error}"
    headers = tuple((name.lower(), value) for name, value in answer.headers)
    return Seen(answer.status, headers, body, failure, tuple(events))


def _pieces(app: WSGIApplication, request: Request, answer: _StartResponse) -> Iterable[bytes]:
    iterable = app(environ_of(request), answer)
    try:
        for chunk in iterable:
            assert type(chunk) is bytes and answer.status, "a piece that is not bytes, or before start_response"
            yield chunk
        assert answer.status, "start_response was never called"
    finally:
        if hasattr(iterable, "close"):
            iterable.close()
