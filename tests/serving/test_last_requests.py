"""A server that ends: what it answers, what it closes, and what it tells its clients."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import flask
import pytest
import quart

from aeros_compat import AdvancedThread, WebServer
from aeros_compat.serving import ending

from ..servers import free_port, is_listening, read_all, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..conftest import Lane

    Start = Callable[[], AdvancedThread]

REQUEST = b"GET /%s HTTP/1.1\r\nHost: tests\r\n\r\n"


@pytest.fixture(autouse=True)
def long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a machine that is busy with other things."""
    monkeypatch.setattr(ending, "LAST_REQUESTS", 2.0)


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture(params=[("uvloop", "httptools"), ("asyncio", "h11")], ids=" ".join)
def start(request: pytest.FixtureRequest, app: WebServer, port: int) -> Start:
    """Starts a server on each of the loops and parsers."""

    @app.get("/sync")
    def sync() -> str:
        return "sync"

    @app.get("/async")
    async def awaited() -> str:
        return "async"

    loop, http = request.param

    def start() -> AdvancedThread:
        options: dict[str, Any] = {"port": port, "loop": loop, "http": http}
        thread = AdvancedThread(target=app.run_server, kwargs=options, daemon=True)
        thread.start()
        wait_for(lambda: is_listening(port))
        return thread

    return start


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def read_until(connection: socket.socket, end: bytes) -> bytes:
    answer = b""
    while not answer.endswith(end):
        chunk = connection.recv(65536)
        assert chunk, answer
        answer += chunk
    return answer


def test_requests_that_come_late_are_answered(app: WebServer, start: Start, port: int) -> None:
    """On a connection that has been used, and on one that has not; and each is told not to be used again."""
    thread = start()
    with connect(port) as used, connect(port) as fresh, connect(port) as idle:
        used.sendall(REQUEST % b"sync")
        assert b"connection: close" not in read_until(used, b"sync").lower()
        app.stop()
        wait_for(lambda: not is_listening(port))
        for connection, path in ((used, b"sync"), (fresh, b"async")):
            connection.sendall(REQUEST % path)
            answer = read_all(connection)
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert answer.endswith(path)
            assert answer.lower().count(b"\r\nconnection: close\r\n") == 1
        assert read_all(idle) == b""
    thread.join(20)
    assert not thread.is_alive()


def test_the_request_after_an_answer_that_began_before_the_end(app: WebServer, port: int, lane: Lane) -> None:
    """Its client was not told ``Connection: close``, and may use the connection again."""
    goes_on = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield b"first"
        assert goes_on.wait(10)
        yield b"last"

    def stream() -> flask.Response:
        return flask.Response(pieces(), headers={"Content-Length": "9"})

    app.add_url_rule("/stream", view_func=lane(stream), endpoint="stream")
    thread = AdvancedThread(target=app.run_server, kwargs={"port": port}, daemon=True)
    thread.start()
    wait_for(lambda: is_listening(port))
    with connect(port) as connection, connect(port) as silent:
        for each in (connection, silent):
            each.sendall(REQUEST % b"stream")
            read_until(each, b"first")
        app.stop()
        wait_for(lambda: not is_listening(port))
        time.sleep(2.5)  # when idle connections have been closed
        goes_on.set()
        read_until(connection, b"last")
        connection.sendall(REQUEST % b"stream")
        answer = read_all(connection)
        assert b"connection: close" in answer.lower()
        assert answer.endswith(b"firstlast")
        assert read_all(silent) == b"last"  # and then it is closed
    thread.join(20)
    assert not thread.is_alive()


def test_a_request_that_comes_while_the_loop_is_blocked(app: WebServer, start: Start, port: int) -> None:
    """uvloop finds that the time for requests is over, and then the request: it came in time."""
    entered = threading.Event()
    reading, writing = socket.socketpair()

    def block() -> None:
        asyncio.get_running_loop().remove_reader(reading)
        entered.set()
        time.sleep(3)

    @app.get("/ready")
    async def ready() -> str:
        asyncio.get_running_loop().add_reader(reading, block)
        return "ready"

    thread = start()
    with reading, writing, connect(port) as used, connect(port) as other:
        used.sendall(REQUEST % b"ready")
        read_until(used, b"ready")
        app.stop()
        wait_for(lambda: not is_listening(port))
        time.sleep(0.3)  # into the time for the last requests
        writing.sendall(b"x")
        assert entered.wait(10)
        used.sendall(REQUEST % b"sync")
        assert read_all(used).endswith(b"sync")
        assert read_all(other) == b""
    thread.join(20)
    assert not thread.is_alive()


def test_connections_that_wait_to_be_accepted_are_answered(app: WebServer, start: Start, port: int) -> None:
    entered = threading.Event()

    @app.get("/block")
    async def block() -> str:
        entered.set()
        time.sleep(0.4)
        return "blocked"

    thread = start()
    with connect(port) as first:
        first.sendall(REQUEST % b"block")
        assert entered.wait(10)
        waiting = [connect(port) for _ in range(20)]
        for connection in waiting:
            connection.sendall(REQUEST % b"sync")
        app.stop()
        for connection in waiting:
            with connection:
                assert read_all(connection).startswith(b"HTTP/1.1 200 ")
        assert first.recv(65536).startswith(b"HTTP/1.1 200 ")
    thread.join(20)
    assert not thread.is_alive()


def test_websockets_are_opened_until_the_end(app: WebServer, start: Start, port: int) -> None:
    """The header that closes connections is not in the way of a handshake."""

    @app.websocket("/ws")
    async def ws() -> None:
        await quart.websocket.send("opened")

    thread = start()
    with connect(port) as fresh:
        app.stop()
        wait_for(lambda: not is_listening(port))
        fresh.sendall(
            b"GET /ws HTTP/1.1\r\nHost: tests\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        answer = read_all(fresh)
        assert answer.startswith(b"HTTP/1.1 101 ")
        assert b"opened" in answer
    thread.join(20)
    assert not thread.is_alive()
