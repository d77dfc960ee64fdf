"""What a response holds is given back exactly once: when it is finished, fails, or is abandoned by the client."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import flask
import httpx
import pytest
import quart

from ..asgi import http_scope
from ..servers import raw_exchange, served, wait_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from aeros_compat import WebServer

    from ..conftest import Lane

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
PIECE = b"x" * 65536


class Log:
    """What was closed, in order, and on which thread."""

    def __init__(self) -> None:
        self.closed: list[str] = []
        self.threads: list[int] = []

    def note(self, what: str) -> None:
        self.closed.append(what)
        self.threads.append(threading.get_ident())


# The bodies: each says "body" when it is closed, and ends, fails, goes on for ever or goes idle.


def pieces(log: Log, end: str, pause: float) -> Iterator[bytes]:
    try:
        yield b"first"
        if end == "fail":
            raise ValueError("no more")
        while end != "finish":
            time.sleep(pause)
            yield PIECE if not pause else b"more"
    finally:
        log.note("body")


async def async_pieces(log: Log, end: str, pause: float) -> AsyncIterator[bytes]:
    try:
        yield b"first"
        if end == "fail":
            raise ValueError("no more")
        while end != "finish":
            await asyncio.sleep(pause)
            yield PIECE if not pause else b"more"
    finally:
        log.note("body")


class WithClose:
    def __init__(self, log: Log, end: str, pause: float) -> None:
        self._log = log
        self._pieces = pieces(Log(), end, pause)

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def close(self) -> None:
        self._log.note("body")


class OwnResponse(flask.Response):
    pass


def response_of(kind: str, log: Log, end: str, pause: float) -> Any:
    """A response of a kind. Werkzeug does not run call_on_close in passthrough mode, except of async bodies here."""
    if kind == "passthrough":
        response = flask.Response(WithClose(log, end, pause), direct_passthrough=True)
    elif kind == "async":
        response = flask.current_app.make_response(async_pieces(log, end, pause))
    elif kind == "async in context":
        response = flask.current_app.make_response(quart.stream_with_context(async_pieces)(log, end, pause))
    elif kind == "in context":
        response = OwnResponse(flask.stream_with_context(pieces(log, end, pause)))
    elif kind == "with close":
        response = OwnResponse(WithClose(log, end, pause))
    else:
        response = flask.Response(pieces(log, end, pause))
    response.call_on_close(lambda: log.note("on_close"))
    return response


KINDS = ["generator", "in context", "with close", "passthrough", "async", "async in context"]


def expected_of(kind: str) -> list[str]:
    return ["body"] if kind == "passthrough" else ["body", "on_close"]


def leave(url: str, seconds: float) -> None:
    """Take the beginning of the answer, and go."""
    host, port = httpx.URL(url).host, httpx.URL(url).port
    assert port is not None
    with socket.create_connection((host, port), timeout=5) as connection:
        connection.sendall(GET)
        received = b""
        while b"first" not in received:
            received += connection.recv(1000)
        time.sleep(seconds)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("end", ["finish", "fail", "back-pressure", "slow", "idle"])
def test_closed_exactly_once(app: WebServer, lane: Lane, kind: str, end: str) -> None:
    log = Log()
    pause = {"slow": 0.3, "idle": 3600.0}.get(end, 0.0)
    if end == "idle" and not kind.startswith("async"):
        pause = 0.5  # a thread cannot be interrupted: see below

    app.add_url_rule("/", view_func=lane(lambda: response_of(kind, log, end, pause)), endpoint="view")
    with served(app) as url:
        if end == "finish":
            assert httpx.get(url).text == "first"
        elif end == "fail":
            answer = raw_exchange(url, GET)
            assert b"first" in answer
            assert not answer.endswith(b"0\r\n\r\n")
        else:
            leave(url, 0.4)
        # Within a second on a machine that has nothing else to do.
        wait_for(lambda: sorted(log.closed) == expected_of(kind), timeout=3)
        time.sleep(0.05)
        assert sorted(log.closed) == expected_of(kind)
    if not kind.startswith("async"):
        assert len(set(log.threads)) == 1


def test_generator_that_blocks_for_ever_holds_no_worker(app: WebServer, lane: Lane) -> None:
    """A thread cannot be stopped from outside: what it does at that moment (a lock, a write) would be left half done.

    So such a generator keeps its own thread, under Flask too; but the workers go on for the others, and it is closed
    as soon as its code comes back.
    """
    app.worker_threads = 2
    log, go_on = Log(), threading.Event()

    def blocked() -> Iterator[bytes]:
        try:
            yield b"first"
            go_on.wait(60)
            yield b"second"
        finally:
            log.note("body")

    app.add_url_rule("/", view_func=lane(lambda: flask.Response(blocked())), endpoint="view")
    app.add_url_rule("/alive", view_func=lambda: "yes", endpoint="alive")
    with served(app) as url:
        for _ in range(3 * app.worker_threads):
            leave(url, 0.2)
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(httpx.Client(base_url=url)) for _ in range(app.worker_threads)]
            for client in clients:
                assert client.get("/alive", timeout=2).text == "yes"
        assert log.closed == []
        go_on.set()
        wait_for(lambda: log.closed == ["body"] * 6, timeout=1)


def test_server_stops_while_a_generator_blocks(app: WebServer) -> None:
    go_on = threading.Event()

    def blocked() -> Iterator[bytes]:
        yield b"first"
        go_on.wait(60)

    app.add_url_rule("/", view_func=lambda: flask.Response(blocked()), endpoint="view")
    begin = time.monotonic()
    with served(app) as url:
        leave(url, 0)
    assert time.monotonic() - begin < 15  # served() waits five seconds for open requests
    go_on.set()


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_events_written_in_many_small_pieces(app: WebServer, lane: Lane, kind: str) -> None:
    """Each event is there when it has been written, whatever the pieces are that it was written in."""
    allowed = threading.Semaphore(0)
    event = [b"id: 1\n", b"data: ", b"{", b'"a": 1', b"}", b"\n", b"\n"]

    def sync() -> Iterator[bytes]:
        for _ in range(20):
            yield from event
            allowed.acquire(timeout=10)

    async def awaited() -> AsyncIterator[bytes]:
        for _ in range(20):
            for piece in event:
                yield piece
            while not allowed.acquire(blocking=False):
                await asyncio.sleep(0.001)

    source: Callable[[], Any] = sync if kind == "sync" else awaited
    app.add_url_rule("/", view_func=lane(lambda: (source(), {"Content-Type": "text/event-stream"})), endpoint="view")
    whole = b"".join(event)
    with served(app) as url, httpx.stream("GET", url, timeout=5) as response:
        received, arrivals = b"", response.iter_raw()
        for count in range(1, 21):
            while len(received) < count * len(whole):
                received += next(arrivals)
            assert received == whole * count
            allowed.release()
        assert list(arrivals) == []


@pytest.mark.parametrize("turns", range(8))
def test_a_client_that_leaves_as_its_stream_ends(app: WebServer, lane: Lane, turns: int) -> None:
    """In the very turn of the event loop: nothing is late, and the loop has nothing to complain about."""
    complaints: list[dict[str, Any]] = []

    @app.get("/")
    @lane
    def view() -> Any:
        return (piece for piece in ["one", "two"])

    async def exchange() -> None:
        left = asyncio.Event()
        incoming = [{"type": "http.request"}]
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: complaints.append(context))

        async def receive() -> dict[str, Any]:
            if incoming:
                return incoming.pop()
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.body" and not message["more_body"]:
                left.set()
                for _ in range(turns):
                    await asyncio.sleep(0)

        await app(http_scope(), receive, send)
        await asyncio.sleep(0.01)

    asyncio.run(exchange())
    assert not complaints
