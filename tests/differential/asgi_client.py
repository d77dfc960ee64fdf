"""An ASGI server for one request: a scope as uvicorn builds it, and the rules of the protocol checked.

https://asgi.readthedocs.io/en/latest/specs/www.html
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import flask
import quart

from .request import CLIENT, SERVER, Request
from .seen import FAILURES, Seen

if TYPE_CHECKING:
    from aeros_compat.types import ASGIApp, Message, Scope

#: Seconds after which a request hangs.
PATIENCE = 20


class ProtocolError(AssertionError):
    """The application broke a rule of ASGI. Never a matter of comparison."""


def scope_of(request: Request) -> Scope:
    """The scope that uvicorn makes of a request, with header values as httptools leaves them."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": request.http_version,
        "server": SERVER,
        "client": CLIENT,
        "scheme": request.scheme,
        "method": request.method,
        "root_path": request.root,
        "path": request.root + unquote(request.path.decode("ascii")),
        "raw_path": request.root.encode("ascii") + request.path,
        "query_string": request.query,
        "headers": [(name.lower(), value.lstrip(b" \t")) for name, value in request.sent_headers],
        "state": {},
    }


class _Connection:
    """``receive`` and ``send`` for one request."""

    def __init__(self, request: Request, events: list[str]) -> None:
        self._request = request
        self._events = events
        last = len(request.body) - 1
        self._incoming: list[Message] = [
            {"type": "http.request", "body": piece, "more_body": number < last or request.framing != "length"}
            for number, piece in enumerate(request.body)
        ]
        if not request.body or request.framing != "length":
            self._incoming.append({"type": "http.request", "body": b"", "more_body": False})
        self.ended = asyncio.Event()
        self.status = ""
        self.headers: list[tuple[str, str]] = []
        self.body = b""

    async def receive(self) -> Message:
        _check_context("receive")
        if self._incoming:
            return self._incoming.pop(0)
        await self.ended.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        _check_context("send")
        _require(not self.ended.is_set(), "a message after the last one")
        if message["type"] == "http.response.start":
            self._start(message)
        else:
            _require(message["type"] == "http.response.body", f"a message of type {message['type']!r}")
            self._take(message)

    def _start(self, message: Message) -> None:
        _require(not self.status, "two start messages")
        _require(type(message["status"]) is int and 200 <= message["status"] <= 999, "a status that is no code")
        for name, value in message["headers"]:
            _require(type(name) is bytes and type(value) is bytes, f"a header that is not bytes: {name!r}")
            _require(name == name.lower() and re.fullmatch(rb"[!#$%&'*+.^_`|~0-9a-z-]+", name) is not None, repr(name))
            _require(not re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", value), f"a control character in {value!r}")
        self.status = str(message["status"])
        self.headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"]]
        self._events.append("server: head")

    def _take(self, message: Message) -> None:
        _require(bool(self.status), "a body before the start")
        _require(type(message.get("body", b"")) is bytes, "a body that is not bytes")
        self.body += message.get("body", b"")
        if not message.get("more_body", False):
            self._events.append("server: end")
            self.ended.set()


async def ask(app: ASGIApp, request: Request, events: list[str]) -> Seen:
    """Send one request. ``events`` is where the application takes its notes; what the server does is added."""
    events.clear()
    connection, failure = _Connection(request, events), ""
    running = asyncio.all_tasks()
    try:
        async with asyncio.timeout(PATIENCE):
            await app(scope_of(request), connection.receive, connection.send)
    except ProtocolError:
        raise
    except FAILURES as error:
        failure = f"{type(error).__name__}: {error}"
    _require(connection.ended.is_set() or bool(failure), "no last message")
    _check_context("the server's task")
    await asyncio.sleep(0)  # a cancelled task needs a turn of the loop to end
    left = asyncio.all_tasks() - running
    _require(not left, f"tasks that outlive the request: {left}")
    return Seen(connection.status, tuple(connection.headers), connection.body, failure, tuple(events))


def _check_context(where: str) -> None:
    """A server that resumes reading in the caller's context would start the next request in it."""
    in_context: Any = flask.has_app_context() or flask.has_request_context() or quart.has_app_context()
    _require(not in_context, f"{where} saw the context of a request")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ProtocolError(message)
