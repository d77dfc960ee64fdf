"""Answers on their way out: order, streams, and clients that leave."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import socket
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

import flask
import httpx
import pytest

from ..asgi import ask
from ..servers import raw_exchange, read_all, served, wait_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from aeros_compat import WebServer

    from ..conftest import Lane


def test_complete_body_leaves_in_two_messages(app: WebServer, lane: Lane) -> None:
    app.add_url_rule("/", view_func=lane(lambda: "body"), endpoint="view")
    start, body = asyncio.run(ask(app))
    assert (start["type"], start["status"]) == ("http.response.start", 200)
    assert body == {"type": "http.response.body", "body": b"body", "more_body": False}


def test_close_comes_after_the_last_message(app: WebServer, lane: Lane) -> None:
    order: list[str] = []

    @app.route("/")
    @lane
    def view() -> Any:
        response = flask.Response("body")
        response.call_on_close(lambda: order.append("closed"))
        return response

    original = app.asgi_app

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        async def send_and_note(message: Any) -> None:
            order.append(message["type"])
            await send(message)

        await original(scope, receive, send_and_note)

    app.asgi_app = noting  # type: ignore[method-assign]
    asyncio.run(ask(app))
    assert order == ["http.response.start", "http.response.body", "closed"]


def failing(kind: str, *pieces: str) -> Any:
    """A generator that fails after some pieces."""

    def sync() -> Iterator[str]:
        yield from pieces
        raise ValueError("no more")

    async def awaited() -> AsyncIterator[str]:
        for piece in pieces:
            await asyncio.sleep(0)
            yield piece
        raise ValueError("no more")

    return sync() if kind == "sync" else awaited()


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_failure_before_the_first_piece_is_a_500(app: WebServer, lane: Lane, kind: str) -> None:
    app.testing = False
    app.add_url_rule("/", view_func=lane(lambda: failing(kind)), endpoint="view")
    with served(app) as url:
        assert httpx.get(url).status_code == 500


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_failure_in_mid_stream_breaks_the_connection(app: WebServer, lane: Lane, kind: str) -> None:
    app.add_url_rule("/", view_func=lane(lambda: failing(kind, "first")), endpoint="view")
    with served(app) as url:
        answer = raw_exchange(url, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200")
    assert not answer.endswith(b"0\r\n\r\n")  # a body that was cut off must not look complete


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_pieces_arrive_when_they_are_made(app: WebServer, lane: Lane, kind: str) -> None:
    """Server-sent events."""
    allowed = threading.Event()

    def pieces() -> Iterator[str]:
        yield "data: 1\n\n"
        allowed.wait(10)
        yield "data: 2\n\n"

    async def async_pieces() -> AsyncIterator[str]:
        yield "data: 1\n\n"
        while not allowed.is_set():
            await asyncio.sleep(0.01)
        yield "data: 2\n\n"

    source: Any = {"sync": pieces, "async": async_pieces}[kind]
    app.add_url_rule("/", view_func=lane(lambda: source()), endpoint="view")
    with served(app) as url, httpx.stream("GET", url) as response:
        events = response.iter_text()
        assert next(events) == "data: 1\n\n"
        allowed.set()
        assert "".join(events) == "data: 2\n\n"


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_client_that_leaves_closes_the_stream(app: WebServer, lane: Lane, kind: str) -> None:
    closed: list[int] = []
    made: list[int] = []

    def pieces() -> Iterator[bytes]:
        try:
            while True:
                made.append(1)
                yield b"x" * 65536
        finally:
            closed.append(threading.get_ident())

    async def async_pieces() -> AsyncIterator[bytes]:
        try:
            while True:
                made.append(1)
                yield b"x" * 65536
                await asyncio.sleep(0.001)
        finally:
            closed.append(threading.get_ident())

    source: Any = {"sync": pieces, "async": async_pieces}[kind]
    app.add_url_rule("/", view_func=lane(lambda: source()), endpoint="view")
    with served(app) as url:
        host, port = httpx.URL(url).host, httpx.URL(url).port
        assert port is not None
        with contextlib.closing(socket.create_connection((host, port))) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            connection.recv(1000)
            time.sleep(0.2)
            # Back-pressure: a client that does not read stops the generator.
            assert len(made) < 300
        wait_for(lambda: bool(closed), timeout=2)
    assert len(closed) == 1


def test_idle_async_stream_is_closed_when_the_client_leaves(app: WebServer) -> None:
    closed: list[bool] = []

    @app.route("/")
    async def view() -> Any:
        async def pieces() -> AsyncIterator[str]:
            try:
                yield "first"
                await asyncio.sleep(3600)
            finally:
                closed.append(True)

        return pieces()

    with served(app) as url:
        with httpx.stream("GET", url) as response:
            assert next(response.iter_text()) == "first"
        wait_for(lambda: closed == [True], timeout=2)


def test_threads_come_back_after_abandoned_streams(app: WebServer, lane: Lane) -> None:
    def pieces() -> Iterator[bytes]:
        while True:
            yield b"x" * 65536

    app.add_url_rule("/stream", view_func=lane(lambda: pieces()), endpoint="stream")
    app.add_url_rule("/", view_func=lambda: "ok", endpoint="ok")
    with served(app) as url, httpx.Client(base_url=url) as client:
        client.get("/").raise_for_status()
        before = threading.active_count()
        for _ in range(3 * app.worker_threads):
            with httpx.stream("GET", f"{url}/stream"):
                pass
        assert client.get("/").text == "ok"
        # As many as are kept warm, and none for each client.
        wait_for(lambda: threading.active_count() <= before + app.worker_threads)


def test_generator_without_context_sees_none(app: WebServer, lane: Lane) -> None:
    def pieces() -> Iterator[str]:
        yield f"{flask.has_request_context()} "
        yield f"{flask.has_app_context()}"

    app.add_url_rule("/", view_func=lane(lambda: pieces()), endpoint="view")
    with served(app) as url:
        assert httpx.get(url).text == "False False"


@pytest.mark.parametrize("kind", ["text", "sync", "async"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_call_on_close_runs_once(app: WebServer, lane: Lane, kind: str, method: str) -> None:
    closed: list[bool] = []

    async def pieces() -> AsyncIterator[str]:
        yield "x"

    bodies: dict[str, Callable[[], Any]] = {"text": lambda: "x", "sync": lambda: iter(["x"]), "async": pieces}

    @app.after_request
    def register(response: flask.Response) -> flask.Response:
        response.call_on_close(lambda: closed.append(True))
        return response

    app.add_url_rule("/", view_func=lane(lambda: bodies[kind]()), endpoint="view")
    with served(app) as url:
        assert httpx.request(method, url).text == ("x" if method == "GET" else "")
        wait_for(lambda: bool(closed))
    assert app.test_client().open("/", method=method).text == ("x" if method == "GET" else "")
    assert closed == [True] * 2


def test_date_is_sent_once(app: WebServer, tmp_path: Any) -> None:
    (tmp_path / "x.txt").write_text("x")
    app.static_folder = str(tmp_path)
    with served(app) as url:
        response = httpx.get(f"{url}/static/x.txt")
        again = httpx.get(f"{url}/static/x.txt", headers={"If-None-Match": response.headers["etag"]})
    assert (response.status_code, len(response.headers.get_list("date"))) == (200, 1)
    assert (again.status_code, len(again.headers.get_list("date"))) == (304, 1)


def test_oversized_body_is_refused_without_waiting_for_it(app: WebServer, lane: Lane) -> None:
    app.testing = False
    app.config["MAX_CONTENT_LENGTH"] = 100
    app.add_url_rule("/", view_func=lane(lambda: flask.request.get_data()), endpoint="view", methods=["POST"])
    with served(app) as url:
        host, port = httpx.URL(url).host, httpx.URL(url).port
        assert port is not None
        with socket.create_connection((host, port), timeout=5) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_view_that_allows_more(app: WebServer, lane: Lane) -> None:
    """Flask's way for upload views: the limit of one request may be higher than the application's."""
    app.config["MAX_CONTENT_LENGTH"] = 100

    @app.route("/", methods=["POST"])
    @lane
    def view() -> str:
        flask.request.max_content_length = 1000
        return str(len(flask.request.get_data()))

    with served(app) as url:
        assert httpx.post(url, content=b"x" * 500).text == "500"


@pytest.mark.parametrize("length", ["2", "30", "many"])
def test_wrong_length_is_not_passed_on(app: WebServer, lane: Lane, length: str) -> None:
    app.add_url_rule("/", view_func=lane(lambda: ("three", {"Content-Length": length})), endpoint="view")
    with served(app) as url:
        response = httpx.get(url)
    assert (response.text, response.headers["Content-Length"]) == ("three", "5")


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_exit_in_a_stream_does_not_end_the_server(app: WebServer, lane: Lane, kind: str) -> None:
    def pieces() -> Iterator[str]:
        yield "first"
        raise SystemExit(3)

    async def async_pieces() -> AsyncIterator[str]:
        yield "first"
        raise SystemExit(3)

    source: Any = {"sync": pieces, "async": async_pieces}[kind]
    app.add_url_rule("/", view_func=lane(lambda: source()), endpoint="view")
    app.add_url_rule("/alive", view_func=lambda: "yes", endpoint="alive")
    with served(app) as url:
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(url)
        assert httpx.get(f"{url}/alive").text == "yes"


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_stream_that_ignores_an_upload_learns_that_its_client_left(
    app: WebServer, lane: Lane, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[bool] = []
    monkeypatch.setattr("aeros_compat.gateway.body.PATIENCE", 0.2)

    def pieces() -> Iterator[bytes]:
        try:
            while True:
                time.sleep(0.01)
                yield b"x"
        finally:
            closed.append(True)

    async def async_pieces() -> AsyncIterator[bytes]:
        try:
            while True:
                await asyncio.sleep(0.01)
                yield b"x"
        finally:
            closed.append(True)

    source: Any = {"sync": pieces, "async": async_pieces}[kind]
    app.add_url_rule("/", view_func=lane(lambda: source()), endpoint="view", methods=["POST"])
    with served(app) as url:
        host, port = httpx.URL(url).host, httpx.URL(url).port
        assert port is not None
        with socket.create_connection((host, port)) as connection:
            size = 3_000_000
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
        wait_for(lambda: closed == [True], timeout=5)


ENDINGS: dict[str, Any] = {
    "/answers": lambda: flask.request.path,
    "/aborts": lambda: flask.abort(404),
    "/handled": lambda: flask.current_app.config["NO_SUCH_KEY"],
    "/fails": lambda: 1 / 0,
    "/misses": lambda: flask.request.args["key"],
    "/streams": lambda: (piece for piece in ("a", "b")),
}


@pytest.mark.parametrize("hook", ["sync", "async"])
@pytest.mark.parametrize("path", [*ENDINGS, "/streams-async", "/posts", "/nothing"])
def test_requests_are_freed_without_the_garbage_collector(
    app: WebServer, lane: Lane, path: str, hook: str, caplog: pytest.LogCaptureFixture
) -> None:
    """However they end: each may hold a megabyte of a body, and in a server the collector comes seldom."""

    class Marker:
        pass

    alive: list[weakref.ref[Marker]] = []

    def mark() -> None:
        marker = flask.g.marker = Marker()
        flask.request.__dict__["marker"] = marker  # of the object behind the proxy
        alive.append(weakref.ref(marker))

    async def mark_async() -> None:
        mark()

    async def pieces() -> AsyncIterator[str]:
        yield "a"

    app.testing = False
    # pytest keeps what is logged, and an exception what it was raised in.
    caplog.set_level(logging.CRITICAL + 1, app.logger.name)
    app.before_request(mark if hook == "sync" else mark_async)
    app.register_error_handler(KeyError, lambda error: ("handled", 500))
    for name, view in ENDINGS.items():
        app.add_url_rule(name, view_func=lane(view), endpoint=name)
    app.add_url_rule("/streams-async", view_func=lane(lambda: pieces()), endpoint="streams")
    app.add_url_rule("/posts", view_func=lane(lambda: ""), endpoint="posts", methods=["POST"])
    gc.collect()
    gc.disable()
    try:
        with served(app) as url, httpx.Client() as client:
            for _ in range(5):
                client.get(url + path)
            # The last one may still be on its way out.
            wait_for(lambda: len(alive) == 5 and sum(ref() is not None for ref in alive) <= 1, timeout=5)
    finally:
        gc.enable()


def test_status_that_http_does_not_have(app: WebServer, lane: Lane) -> None:
    app.add_url_rule("/", view_func=lane(lambda: ("x", 700)), endpoint="view")
    with served(app) as url:
        assert httpx.get(url).status_code == 500


def test_slow_client_takes_no_worker(app: WebServer) -> None:
    """Bodies are collected on the loop: clients that send a byte now and then hold no thread."""
    app.worker_threads = 2
    app.add_url_rule("/", view_func=lambda: flask.request.get_data(), endpoint="echo", methods=["GET", "POST"])
    with served(app) as url, contextlib.ExitStack() as stack:
        host, port = httpx.URL(url).host, httpx.URL(url).port
        assert port is not None
        slow = [stack.enter_context(socket.create_connection((host, port))) for _ in range(10)]
        for connection in slow:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\nab")
        time.sleep(0.1)
        assert httpx.get(url, timeout=5).status_code == 200
        for connection in slow:
            connection.sendall(b"cde")
            assert read_all(connection).endswith(b"abcde")
