"""Answers of one piece: the bytes that uvicorn would have sent, in one call."""

from __future__ import annotations

import logging
import re
import socket
from typing import TYPE_CHECKING, Any

import flask
import pytest
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from aeros_compat import WebServer
from aeros_compat.logs.access import ACCESS, AccessLog
from aeros_compat.serving.protocol import HTTPProtocol

from ..servers import raw_exchange, read_all, served

if TYPE_CHECKING:
    from ..conftest import Lane

HOST = b" HTTP/1.1\r\nHost: x\r\n"
CLOSE = b"Connection: close\r\n\r\n"

#: Views that answer in unusual ways: what they return.
ANSWERS: dict[str, Any] = {
    "text": "Grüße",
    "empty": "",
    "json": {"a": 1},
    "large": "x" * 300_000,
    "created": ("", 201, {"X-Many": "1"}),
    "no-content": ("", 204),
    "not-modified": ("", 304),
    "teapot": ("no", "418 Short and stout"),
    "closing": ("bye", {"Connection": "close"}),
    "kept": ("stay", {"Connection": "keep-alive"}),
    "chunked": ("odd", {"Transfer-Encoding": "chunked"}),
    "server": ("mine", {"Server": "mine", "Date": "then"}),
    "length": ("short", {"Content-Length": "3"}),
    "control": ("bad", {"X-Bad": "a\x01b"}),
    "name": ("bad", {"X Bad": "1"}),
    "latin": ("good", {"X-Good": "é"}),
    "cookies": ("set", [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]),
}


#: What stands between the lanes and the server.
POLICIES: dict[str, dict[str, Any]] = {
    "bare": {"compression": None},
    "policies": {"cors": {"origins": ["http://a.example"]}, "global_headers": {"X-Frame-Options": "DENY"}},
}


def application(lane: Lane, policies: str = "bare") -> WebServer:
    app = WebServer("tests.cycle", **POLICIES[policies])
    app.add_url_rule("/<name>", view_func=lane(lambda name: ANSWERS[name]), endpoint="view")
    app.add_url_rule("/echo", view_func=lane(lambda: flask.request.get_data()), endpoint="echo", methods=["POST"])
    return app


def without_date(answer: bytes) -> bytes:
    return re.sub(rb"(?mi)^date: .*\r\n", b"", answer)


@pytest.fixture(params=[HTTPProtocol, "httptools"], ids=["ours", "uvicorn's"])
def protocol(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.mark.parametrize("policies", POLICIES)
def test_the_bytes_are_uvicorns(lane: Lane, policies: str) -> None:
    requests = [
        method + b" /" + name.encode() + HOST + more + CLOSE
        for name in ANSWERS
        for method in (b"GET", b"HEAD")
        for more in (b"", b"Connection: keep-alive\r\n", b"Accept-Encoding: gzip, br\r\nOrigin: http://a.example\r\n")
    ]
    requests += [b"GET /text HTTP/1.0\r\n\r\n", b"GET /nothing HTTP/1.1\r\nHost: x\r\n" + CLOSE]
    # A second request on the same connection: the first one is not the last, and its answer is the one that is kept.
    requests += [b"GET /" + name.encode() + HOST + b"\r\n" + requests[0] for name in ANSWERS if name != "length"]
    answers = []
    for protocol in (HTTPProtocol, "httptools"):
        with served(application(lane, policies), http=protocol) as url:
            answers.append([without_date(raw_exchange(url, request)) for request in requests])
    for request, mine, theirs in zip(requests, *answers, strict=True):
        assert mine == theirs, request


@pytest.mark.parametrize("log", [False, True], ids=["", "logged"])
@pytest.mark.parametrize("policies", POLICIES)
def test_no_message_is_made(lane: Lane, policies: str, log: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What keeps this from being slow again without anybody noticing."""
    messages = []

    def counted(name: str) -> Any:
        original = getattr(RequestResponseCycle, name)

        async def call(self: Any, *args: Any) -> Any:
            messages.append(name)
            return await original(self, *args)

        return call

    for name in ("receive", "send"):
        monkeypatch.setattr(RequestResponseCycle, name, counted(name))
    app: Any = application(lane, policies)
    if log:
        app.record_requests()
        monkeypatch.setattr(logging.getLogger(ACCESS), "level", logging.INFO)
    with served(AccessLog(app, app) if log else app, http=HTTPProtocol, access_log=False, lifespan="off") as url:
        for name in ("text", "json", "empty", "created", "cookies", "large"):
            answer = raw_exchange(url, b"GET /" + name.encode() + HOST + b"Accept-Encoding: gzip\r\n" + CLOSE)
            assert answer.startswith(b"HTTP/1.1 20")
            # The body of this one is compressed on a thread.
            assert messages == (["send", "send"] if name == "large" and policies != "bare" else [])
            messages.clear()
        body = b"POST /echo" + HOST + b"Content-Length: 5\r\n\r\nhello"
        assert b"\r\n\r\nhello" in raw_exchange(url, body + b"GET /text" + HOST + CLOSE)
        assert messages == []


def test_middleware_sees_the_messages(lane: Lane) -> None:
    app = application(lane)
    inner, seen = app.asgi_app, []

    async def middleware(scope: Any, receive: Any, send: Any) -> None:
        async def watched_receive() -> Any:
            message = await receive()
            seen.append(message["type"])
            return message

        async def watched_send(message: Any) -> None:
            seen.append(message["type"])
            await send(message)

        await inner(scope, watched_receive, watched_send)

    app.asgi_app = middleware  # type: ignore[method-assign]
    with served(app, http=HTTPProtocol, lifespan="off") as url:
        raw_exchange(url, b"GET /text" + HOST + CLOSE)
    assert seen == ["http.request", "http.response.start", "http.response.body"]


def test_bodies_that_arrive_in_parts(lane: Lane, protocol: Any) -> None:
    """Head first, then the body, and with 100 Continue: nothing is taken before all of it is there."""
    with (
        served(application(lane), http=protocol) as url,
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=20) as connection,
    ):
        connection.sendall(b"POST /echo" + HOST + b"Expect: 100-continue\r\nContent-Length: 6\r\n" + CLOSE)
        assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        for piece in (b"one", b"two"):
            connection.sendall(piece)
        answer = read_all(connection)
    assert answer.endswith(b"\r\n\r\nonetwo")
