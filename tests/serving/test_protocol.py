"""What uvicorn's parser lets in, and the protocol of ``app.run()`` does not."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import flask
import httpx
import pytest

from aeros_compat.serving.protocol import LONGEST_HEAD, HTTPProtocol

from ..servers import raw_exchange, read_all, served, wait_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from aeros_compat import WebServer

    from ..conftest import Lane

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nX-User: guest\r\nTransfer-Encoding: chunked\r\n"
CHUNK = b"3\r\nabc\r\n"
TRAILERS = b"0\r\nX-User: admin\r\nX-Forwarded-For: 9.9.9.9\r\nUpgrade: websocket\r\n\r\n"
#: What the buffers of the sockets may take of what the server does not.
MOST = 16_000_000
NEXT = b"POST / HTTP/1.1\r\nHost: y\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def url(app: WebServer, lane: Lane) -> Iterator[str]:
    def view() -> dict[str, Any]:
        headers = flask.request.headers
        return {"user": headers.get("X-User"), "for": headers.get("X-Forwarded-For"), "size": len(flask.request.data)}

    app.add_url_rule("/", view_func=lane(view), methods=["POST"], endpoint="view")
    app.add_url_rule("/length", view_func=lane(lambda: str(len(flask.request.headers["X-Long"]))), endpoint="length")
    with served(app, http=HTTPProtocol) as url:
        yield url


def connect(url: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=20)


@pytest.mark.parametrize(
    ("more", "chunks"),
    [
        (b"", CHUNK),
        (b"", b"100000\r\n" + b"x" * 0x100000 + b"\r\n"),
        (b"Upgrade: h2c\r\nConnection: Upgrade\r\n", CHUNK),
    ],
    ids=["small", "large", "upgrade"],
)
def test_trailers_are_no_headers(url: str, more: bytes, chunks: bytes) -> None:
    with connect(url) as connection:
        # Large bodies come in many reads: the trailers are then read when the application has begun.
        connection.sendall(HEAD + more + b"\r\n" + chunks + TRAILERS)
        answer = b""
        while b"}" not in answer and (piece := connection.recv(65536)):  # head and body may come one by one
            answer += piece
        connection.sendall(NEXT)
        following = read_all(connection)
    assert b'"for":null' in answer
    assert b'"user":"guest"' in answer
    assert b'"user":null' in following


def test_heads_have_an_end(url: str) -> None:
    long = {"X-Long": "x" * (LONGEST_HEAD // 2)}
    assert httpx.get(f"{url}/length", headers=long).text == str(LONGEST_HEAD // 2)
    for endless in (b"X-Many: 1\r\n" * 5000, b"X-Long: " + b"x" * 50_000, b"x" * 50_000):
        sent, answer = flood(url, b"GET / HTTP/1.1\r\nHost: x\r\n", endless)
        assert sent < MOST
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400 Bad Request")
    assert httpx.get(f"{url}/length", headers=long).text == str(LONGEST_HEAD // 2)


@pytest.mark.parametrize("endless", [b"X-Many: 1\r\n" * 5000, b"x" * 50_000], ids=["many", "long"])
def test_trailers_have_an_end(url: str, endless: bytes) -> None:
    sent, _ = flood(url, HEAD + b"\r\n" + CHUNK + b"0\r\n", endless)
    assert sent < MOST


def flood(url: str, head: bytes, endless: bytes) -> tuple[int, bytes]:
    """How many bytes go out before the server closes the connection, and what it says."""
    sent = 0
    with connect(url) as connection:
        try:
            connection.sendall(head)
            while sent < 4 * MOST:
                connection.sendall(endless)
                sent += len(endless)
            return sent, read_all(connection)
        except ConnectionError:
            return sent, b""


def test_long_bodies_are_no_heads(url: str) -> None:
    """In pieces, in one, and next to the head of the next request."""
    body = b"x" * (5 * LONGEST_HEAD)
    chunks = b"".join(b"1000\r\n" + b"x" * 0x1000 + b"\r\n" for _ in range(100)) + b"0\r\n\r\n"
    answer = raw_exchange(
        url,
        HEAD + b"\r\n" + chunks + b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body + NEXT,
    )
    sizes = [int(part.partition(b",")[0]) for part in answer.split(b'"size":')[1:]]
    assert sizes == [409_600, len(body), 0]


GET = b"GET /events HTTP/1.1\r\nHost: x\r\n"
WEBSOCKET = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s==\r\n"


def test_every_pipelined_request_learns_that_its_client_has_left(app: WebServer) -> None:
    left = add_events(app)
    with served(app, http=HTTPProtocol) as url:
        with connect(url) as connection:
            connection.sendall((GET + b"\r\n") * 3)
            assert b"first" in connection.recv(65536)
        wait_for(lambda: left == ["events"])


def test_a_connection_is_not_given_to_a_websocket_while_it_is_answered(app: WebServer) -> None:
    left = add_events(app)
    with served(app, http=HTTPProtocol) as url, connect(url) as connection:
        connection.sendall(GET + b"\r\n")
        assert b"first" in connection.recv(65536)
        connection.sendall(GET + WEBSOCKET % (b"x" * 22) + b"\r\n")
        wait_for(lambda: left == ["events"])
        assert b"101 Switching" not in read_all(connection)


def add_events(app: WebServer) -> list[str]:
    """A view that streams until its client leaves, and a list that then has an item."""
    left: list[str] = []

    async def events() -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await asyncio.sleep(3600)
        finally:
            left.append("events")

    app.add_url_rule("/events", view_func=lambda: events(), endpoint="events")
    return left


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("chunk", [3, 70_001, 1_000_000])
def test_bodies_arrive_as_they_were_sent(app: WebServer, lane: Lane, loop: str, chunk: int) -> None:
    """Connections read into one buffer, and pieces that come together are joined, however small they are."""
    app.add_url_rule("/", view_func=lane(lambda: flask.request.get_data()), methods=["POST"], endpoint="view")
    data = bytes(range(251)) * (900 if chunk == 3 else 3000)
    body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in split(data, chunk)) + b"0\r\n\r\n"
    with served(app, http=HTTPProtocol, loop=loop) as url, connect(url) as one, connect(url) as other:
        head = HEAD + b"Connection: close\r\n\r\n"
        for part in split(head + body, 100_000):
            one.sendall(part)
            other.sendall(part)
        assert [read_all(connection).endswith(b"\r\n\r\n" + data) for connection in (one, other)] == [True, True]


def split(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]
