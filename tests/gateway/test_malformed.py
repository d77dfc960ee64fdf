"""Requests that break the rules of HTTP, and WSGI applications that break those of PEP 3333."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from typing import TYPE_CHECKING, Any

import flask
import httpx
import pytest
import quart

from aeros_compat import WebServer

from ..servers import raw_exchange, read_all, served, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..conftest import Lane

POST = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

#: Requests, after which the client waits for a while, and goes.
REQUESTS = {
    "good": POST + b"Content-Length: 3\r\n\r\nabc",
    "good chunks": CHUNKED + b"3\r\nabc\r\n0\r\n\r\n",
    "chunk extension": CHUNKED + b"3;a=b\r\nabc\r\n0\r\n\r\n",
    "trailer": CHUNKED + b"3\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n",
    "chunk size that is none": CHUNKED + b"zz\r\nabc\r\n0\r\n\r\n",
    "negative chunk size": CHUNKED + b"-3\r\nabc\r\n0\r\n\r\n",
    "enormous chunk size": CHUNKED + b"f" * 30 + b"\r\nabc\r\n0\r\n\r\n",
    "chunk longer than its size": CHUNKED + b"3\r\nabcdef\r\n0\r\n\r\n",
    "chunk shorter than its size": CHUNKED + b"9\r\nabc\r\n0\r\n\r\n",
    "no last chunk": CHUNKED + b"3\r\nabc\r\n",
    "large, then a broken chunk": CHUNKED + b"200000\r\n" + b"x" * 0x200000 + b"\r\nzz\r\n",
    "length too short": POST + b"Content-Length: 2\r\n\r\nabc",
    "length too long": POST + b"Content-Length: 9\r\n\r\nabc",
    "large length too long": POST + b"Content-Length: 9000000\r\n\r\n" + b"x" * 3_000_000,
    "length and chunks": POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "length that is none": POST + b"Content-Length: three\r\n\r\nabc",
    "negative length": POST + b"Content-Length: -3\r\n\r\nabc",
    "unknown coding": POST + b"Transfer-Encoding: gzip\r\n\r\nabc",
    "no host": b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
}


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """What uvicorn itself decides: an application that reads its body and answers with its size."""
    if scope["type"] != "http":
        return
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size, more = size + len(message["body"]), message["more_body"]
    body = str(size).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


def answer_to(url: str, request: bytes, patience: float) -> tuple[bytes, bytes]:
    """Status and body of the answer; empty if there is none within ``patience`` seconds."""
    host, port = httpx.URL(url).host, httpx.URL(url).port
    assert port is not None
    with socket.create_connection((host, port), timeout=10) as connection:
        try:
            connection.sendall(request)
            connection.settimeout(patience)
            answer = read_all(connection)
        except (ConnectionError, TimeoutError):
            return b"", b""
    head, _, body = answer.partition(b"\r\n\r\n")
    return head[9:12], body if head[9:12] == b"200" else b""


@pytest.mark.parametrize("http", ["httptools", "h11"])
def test_requests_as_the_server_takes_them(app: WebServer, lane: Lane, http: str) -> None:
    app.testing = False

    def sync() -> str:
        return str(sum(len(piece) for piece in iter(lambda: flask.request.stream.read(65536), b"")))

    async def awaited() -> str:
        return str(sum([len(piece) async for piece in quart.request.body]))

    app.add_url_rule("/", view_func=sync if lane(sync) is sync else awaited, endpoint="view", methods=["POST"])
    different = []
    with served(bare, http=http, lifespan="off") as reference, served(app, http=http) as url:
        for name, request in REQUESTS.items():
            for patience in (0.4, 5.0):  # most of those that have no answer never get one
                expected, seen = (answer_to(each, request, patience) for each in (reference, url))
                if seen == expected:
                    break
            else:
                different.append((name, expected, seen))
        before = threading.active_count()
        for request in REQUESTS.values():
            with contextlib.suppress(OSError):
                raw_exchange(url, request, timeout=0.05)
        assert httpx.post(url, content=b"abc").text == "3"
        wait_for(lambda: threading.active_count() <= before + app.worker_threads)
    assert different == []


def never_starts(environ: Any, start_response: Any) -> Any:
    return [b"body"]


def never_starts_in_a_generator(environ: Any, start_response: Any) -> Any:
    yield b"body"


def starts_twice(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [])
    start_response("200 OK", [])
    return [b"body"]


def starts_again_when_it_fails(environ: Any, start_response: Any) -> Any:
    """Allowed: nothing has left yet."""
    start_response("200 OK", [])
    try:
        raise ValueError("the first answer")
    except ValueError:
        start_response("503 Later", [("Content-Type", "text/plain")], sys.exc_info())
    return [b"later"]


def starts_again_in_mid_stream(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [])
    yield b"first"
    try:
        raise ValueError("too late for another answer")
    except ValueError:
        start_response("500 Error", [], sys.exc_info())
    yield b"error page"


def gives_text(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [])
    return ["text"]


def gives_text_in_mid_stream(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [])
    yield b"first"
    yield "text"


def gives_none(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [])


def fails(environ: Any, start_response: Any) -> Any:
    raise ValueError("the application failed")


def fails_at_the_first_piece(environ: Any, start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [])
    raise ValueError("failed at the first piece")
    yield b""


def fails_in_mid_stream(environ: Any, start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [])
    yield b"first"
    raise ValueError("failed in mid-stream")


class FailsInClose:
    def __iter__(self) -> Iterator[bytes]:
        return iter([b"whole ", b"body"])

    def close(self) -> None:
        raise ValueError("failed in close")


def fails_in_close(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [])
    return FailsInClose()


def writes_in_mid_stream(environ: Any, start_response: Any) -> Any:
    write = start_response("200 OK", [])
    yield b"first"
    write(b"second")
    yield b"third"


def writes_first(environ: Any, start_response: Any) -> Any:
    write = start_response("200 OK", [])
    write(b"written ")
    return [b"returned"]


def status_that_is_none(environ: Any, start_response: Any) -> Any:
    start_response("fine", [])
    return [b"body"]


#: What the client sees (a status with a body, or None for a body that is visibly cut), and what the log says.
APPLICATIONS: list[tuple[Callable[..., Any], int | None, bytes, str]] = [
    (never_starts, 500, b"", "has not called start_response"),
    (never_starts_in_a_generator, 500, b"", "has not called start_response"),
    (starts_twice, 500, b"", "start_response was called twice without exc_info"),
    (starts_again_when_it_fails, 503, b"later", ""),
    (starts_again_in_mid_stream, None, b"first", "too late for another answer"),
    (gives_text, 500, b"", "must give bytes (PEP 3333), not str"),
    (gives_text_in_mid_stream, None, b"first", "must give bytes (PEP 3333), not str"),
    (gives_none, 500, b"", "'NoneType' object is not iterable"),
    (fails, 500, b"", "the application failed"),
    (fails_at_the_first_piece, 500, b"", "failed at the first piece"),
    (fails_in_mid_stream, None, b"first", "failed in mid-stream"),
    (fails_in_close, 200, b"whole body", "failed in close"),
    (writes_in_mid_stream, None, b"first", "write() was called after the iterable had begun"),
    (writes_first, 200, b"written returned", ""),
    (status_that_is_none, 500, b"", "invalid literal for int"),
]


@pytest.mark.parametrize(
    ("application", "status", "body", "said"), APPLICATIONS, ids=lambda value: getattr(value, "__name__", "")
)
def test_wsgi_applications_that_break_the_rules(
    app: WebServer,
    application: Any,
    status: int | None,
    body: bytes,
    said: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    app.testing = False
    app.add_url_rule("/warm", view_func=lambda: "warm", endpoint="warm")
    original = app.wsgi_app

    def middleware(environ: Any, start_response: Any) -> Any:
        chosen = original if environ["PATH_INFO"] == "/warm" else application
        return chosen(environ, start_response)

    app.wsgi_app = middleware  # type: ignore[method-assign]
    request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with served(app) as url:
        for _ in range(5):
            answer = raw_exchange(url, request)
            if status is None:
                assert answer.startswith(b"HTTP/1.1 200 OK")
                assert body in answer
                assert not answer.endswith(b"0\r\n\r\n")
            else:
                assert answer.startswith(b"HTTP/1.1 %d" % status)
                assert b"".join(httpx.get(url).iter_bytes()) == body or status == 500
        assert httpx.get(f"{url}/warm").text == "warm"
        before = threading.active_count()
        for _ in range(5 * app.worker_threads):
            raw_exchange(url, request)
        # Those that were kept are there for the next ones; an answer may arrive before its thread is back.
        wait_for(lambda: threading.active_count() <= before + app.worker_threads)
    assert said in capfd.readouterr().err


def test_another_application_with_the_same_environ(lane: Lane) -> None:
    """The match of a request belongs to the application that made it: another one has rules of its own."""
    app, other = WebServer("one"), WebServer("other")
    app.add_url_rule("/<name>", view_func=lane(lambda name: f"one {name}"), endpoint="view")
    app.add_url_rule("/only", view_func=lane(lambda: "one only"), endpoint="only")
    other.add_url_rule("/other/<path:rest>", view_func=lane(lambda rest: f"other {rest}"), endpoint="rest")
    other.add_url_rule("/<k>", view_func=lane(lambda k: f"other {k} {flask.url_for('view', k=1)}"), endpoint="view")
    original = app.wsgi_app

    def middleware(environ: Any, start_response: Any) -> Any:
        chosen = other.wsgi_app if environ.get("HTTP_X_OTHER") else original
        return chosen(environ, start_response)

    app.wsgi_app = middleware  # type: ignore[method-assign]
    cases = [("/a", "one a", "other a /1"), ("/only", "one only", "other only /1"), ("/other/x/y", 404, "other x/y")]
    with served(app) as url:
        for path, ours, theirs in cases:
            for headers, expected in [({}, ours), ({"X-Other": "1"}, theirs)]:
                answer = httpx.get(url + path, headers=headers)
                assert expected in (answer.text, answer.status_code), (path, headers, answer.text)
    client = app.test_client()
    assert client.get("/a").text == "one a"
    assert client.get("/a", headers={"X-Other": "1"}).text == "other a /1"
